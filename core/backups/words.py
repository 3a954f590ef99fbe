"""Numbers in sentences."""

from __future__ import annotations


def count_of(number: int, what: str, plural: str = "") -> str:
    """``1 object``, ``1,204 objects``; ``plural`` where it is not made by an s, or a verb follows."""
    return f"{number:,} {what if number == 1 else plural or f'{what}s'}"
