"""How one setting is declared: its default, its label, its limits."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(
    default: Any,
    label: str,
    help_text: str = "",
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[tuple[str, str], ...] = (),
    unit: str = "",
) -> Any:
    """A dataclass field that the settings dialog can show and the store can check.

    ``choices`` are (value, words) pairs; ``unit`` stands behind the number ("px", "s", "rows").
    """
    return field(
        default=default,
        metadata={
            "label": label,
            "help": help_text,
            "minimum": minimum,
            "maximum": maximum,
            "choices": choices,
            "unit": unit,
        },
    )
