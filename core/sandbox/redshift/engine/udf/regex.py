"""REGEXP_COUNT, _INSTR, _REPLACE and _SUBSTR: POSIX patterns (or Perl's with the option p), positions from 1."""

from __future__ import annotations

import re
from functools import lru_cache

_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9", "graph": r"\x21-\x7e",
    "lower": "a-z", "print": r"\x20-\x7e", "punct": r"!-/:-@\[-`{-~", "space": r"\s", "upper": "A-Z", "xdigit": "0-9A-Fa-f", "word": r"\w",
}  # fmt: skip


@lru_cache(maxsize=500)
def _compiled(pattern: str, options: str) -> re.Pattern[str]:
    if unknown := set(options) - set("ciep"):
        raise ValueError(f"invalid regular expression option {''.join(sorted(unknown))!r}")
    if "p" not in options and re.search(r"\(\?[=!<]", pattern):
        raise ValueError("invalid regular expression: a look-around needs the option p")
    text = re.sub(r"\[:(\^?)(\w+):\]", _class, pattern)
    text = text.replace("\\<", r"\b(?=\w)").replace("\\>", r"\b(?<=\w)")
    try:
        return re.compile(text, re.IGNORECASE if "i" in options else 0)
    except re.error as error:
        raise ValueError(f"invalid regular expression: {error}") from None


def _class(found: re.Match[str]) -> str:
    if found[2] not in _CLASSES:
        raise ValueError(f"invalid character class [:{found[2]}:]")
    return _CLASSES[found[2]]


def _start(position: int) -> int:
    if position < 1:
        raise ValueError("the position must be a positive integer")
    return position - 1


def count(text: str, pattern: str, position: int, options: str) -> int:
    return sum(1 for _ in _compiled(pattern, options).finditer(text, _start(position)))


def instr(text: str, pattern: str, position: int, occurrence: int, end: int, options: str) -> int:
    found = _nth(text, pattern, position, occurrence, options)
    if found is None:
        return 0
    group = 1 if "e" in options and found.re.groups else 0
    return (found.end(group) if end else found.start(group)) + 1


def substr(text: str, pattern: str, position: int, occurrence: int, options: str) -> str:
    found = _nth(text, pattern, position, occurrence, options)
    if found is None:
        return ""
    return (found[1] if "e" in options and found.re.groups else found[0]) or ""


def _nth(text: str, pattern: str, position: int, occurrence: int, options: str) -> re.Match[str] | None:
    if occurrence < 1:
        raise ValueError("the occurrence must be a positive integer")
    for number, found in enumerate(_compiled(pattern, options).finditer(text, _start(position)), 1):
        if number == occurrence:
            return found
    return None


def replace(text: str, pattern: str, replacement: str, position: int, options: str) -> str:
    """Every match after ``position``; $1 or \\1 names a group, and is itself where there is no such group."""
    start = _start(position)
    if start >= len(text):
        return text
    compiled = _compiled(pattern, options)

    def expand(found: re.Match[str]) -> str:
        def group(mark: re.Match[str]) -> str:
            if int(mark[1]) <= found.re.groups:
                return found[int(mark[1])] or ""
            return mark[0] if mark[0][0] == "$" and "p" not in options else ""

        return re.sub(r"[$\\](\d)", group, replacement)

    return text[:start] + compiled.sub(expand, text[start:])


def similar(text: str, pattern: str, escape: str) -> bool:
    from core.sandbox.redshift.engine.comparison import similar_regex

    return re.search(similar_regex(pattern, escape), text, re.DOTALL) is not None


def posix(text: str, pattern: str, options: str) -> bool:
    return _compiled(pattern, "i" if "i" in options else "").search(text) is not None
