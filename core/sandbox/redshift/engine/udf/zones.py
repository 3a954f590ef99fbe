"""Time zones as Redshift names them: IANA names, abbreviations of a fixed offset, and POSIX forms, west counted positive."""

from __future__ import annotations

import re
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "ZULU": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MET": 1, "CEST": 2, "MEST": 2, "EET": 2, "IST": 2, "SAST": 2,
    "EEST": 3, "MSK": 3, "IRT": 3.5, "PKT": 5, "SGT": 8, "HKT": 8, "AWST": 8, "JST": 9, "KST": 9, "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11,
    "NZST": 12, "NZDT": 13, "NST": -3.5, "NDT": -2.5, "BRT": -3, "ART": -3, "AST": -4, "ADT": -3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
    "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10,
}  # fmt: skip
"""Abbreviations and their hours east of Greenwich (PostgreSQL's default set): they know no summer time."""
_POSIX = re.compile(r"(?P<name>[A-Za-z/_]*)\s*(?P<sign>[+-]?)(?P<hours>\d{1,2})(?::(?P<minutes>\d{2}))?")


@lru_cache(maxsize=500)
def offset(name: str) -> int | None:
    """Seconds east of UTC of a zone without summer time; None for one of the IANA names. Raises ValueError for none."""
    stripped = name.strip()
    if (hours := _HOURS.get(stripped.upper())) is not None:
        return int(hours * 3600)
    try:
        ZoneInfo(stripped)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    else:
        return None
    if found := _POSIX.fullmatch(stripped):
        seconds = int(found["hours"]) * 3600 + int(found["minutes"] or 0) * 60
        return seconds if found["sign"] == "-" else -seconds
    raise ValueError(f'time zone "{name}" not recognized')
