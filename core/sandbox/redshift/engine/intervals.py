"""Intervals: literals with and without a qualifier, their text, and scaling them.

An interval with a qualifier is YEAR TO MONTH or DAY TO SECOND; units below the qualifier's last are dropped
(developer guide, "Interval data types and literals"). One without a qualifier keeps months, days and time apart.
"""

from __future__ import annotations

import re

from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.types import INTERVAL, SqlType
from core.sandbox.redshift.engine.value import Value

YEAR_TO_MONTH, DAY_TO_SECOND = SqlType("interval", precision=1), SqlType("interval", precision=2)
QUALIFIERS = ("year", "month", "day", "hour", "minute", "second")
_DAY = 86_400_000_000
_MICROSECONDS = {
    "microsecond": 1,
    "millisecond": 1000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": _DAY,
    "week": 7 * _DAY,
}
_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200, "millennium": 12000}
_UNITS = {
    "s": "second", "sec": "second", "m": "minute", "min": "minute", "h": "hour", "hr": "hour", "d": "day", "w": "week", "mon": "month", "y": "year",
    "yr": "year", "q": "quarter", "qtr": "quarter", "ms": "millisecond", "msec": "millisecond", "us": "microsecond", "usec": "microsecond",
    "dec": "decade", "cent": "century", "c": "century", "centurie": "century", "mil": "millennium", "millennia": "millennium",
}  # fmt: skip
_PIECE = re.compile(r"\s*(?:([+-]?)(\d+):(\d+)(?::(\d+(?:\.\d+)?))?|([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*([a-z]*))\s*,?")


def literal_value(text: str, qualifier: str = "") -> Value:
    """INTERVAL 'text' with its qualifier in lower case ("year to month", "day", ...), or none. Raises SqlError."""
    first, _, last = qualifier.partition(" to ")
    last = last or first
    if not first:
        months, days, time = _amounts(text, "second", "")
        return Value(_duck(months, days, time), INTERVAL, "interval")
    if first not in QUALIFIERS or last not in QUALIFIERS or (first in ("year", "month")) != (last in ("year", "month")):
        raise SqlError(f'syntax error at or near "{qualifier}"')
    months, days, time = _amounts(text, last if first == last else "", qualifier)
    if last in ("year", "month"):
        kept = months if last == "month" else _cut(months, 12)
        return Value(_duck(kept, 0, 0), YEAR_TO_MONTH, "intervaly2m")
    if months:
        raise SqlError("Interval Day To Second literal cannot contain year-month parts")
    total = _cut(days * _DAY + time, _MICROSECONDS[last] if last != "second" else 1)
    whole = abs(total) // _DAY * (-1 if total < 0 else 1)
    return Value(_duck(0, whole, total - whole * _DAY), DAY_TO_SECOND, "intervald2s")


def _duck(months: int, days: int, time: int) -> str:
    return f"(to_months({months}) + to_days({days}) + to_microseconds({time}))"


def _cut(amount: int, step: int) -> int:
    """Toward zero."""
    return abs(amount) // step * step * (-1 if amount < 0 else 1)


def _amounts(text: str, unit: str, qualifier: str) -> tuple[int, int, int]:
    """Months, days and microseconds; a bare number is of ``unit``."""
    wrong = SqlError(f'invalid input syntax for type interval: "{text}"')
    rest = text.strip().lower()
    ago = rest.endswith(" ago")
    rest = rest[:-4] if ago else rest
    if found := re.fullmatch(r"([+-]?)(\d+)-(\d+)", rest):
        months = int(found[2]) * 12 + int(found[3])
        return (-months if found[1] == "-" else months), 0, 0
    months = days = time = at = 0
    bare: str | None = None
    while at < len(rest):
        piece = _PIECE.match(rest, at)
        if piece is None or piece.end() == at:
            raise wrong
        at = piece.end()
        if piece[2] is not None:
            if bare is not None:  # '1 12:34:56': the number before the clock is of days
                days, bare = days + int(bare), None
            one, two, three = piece[2], piece[3], piece[4] or "0"
            if piece[4] is None and qualifier == "minute to second":
                one, two, three = "0", piece[2], piece[3]
            clock = (
                int(one) * _MICROSECONDS["hour"] + int(two) * _MICROSECONDS["minute"] + round(float(three) * 1_000_000)
            )
            time += -clock if piece[1] == "-" else clock
            continue
        if not piece[6]:
            if bare is not None:
                raise wrong
            bare = piece[5]
            continue
        add = _amount(piece[5], piece[6], wrong)
        months, days, time = months + add[0], days + add[1], time + add[2]
    if not rest:
        raise wrong
    if bare is not None:
        if not unit:
            raise wrong
        add = _amount(bare, unit, wrong)
        months, days, time = months + add[0], days + add[1], time + add[2]
    sign = -1 if ago else 1
    return sign * months, sign * days, sign * time


def _amount(number: str, word: str, wrong: SqlError) -> tuple[int, int, int]:
    unit = next((one for one in (word, word.removesuffix("s")) if one in _MICROSECONDS or one in _MONTHS), "")
    unit = unit or _UNITS.get(word) or _UNITS.get(word.removesuffix("s")) or ""
    if unit in _MONTHS:
        return int(float(number) * _MONTHS[unit]), 0, 0
    if unit not in _MICROSECONDS:
        raise wrong
    if unit in ("day", "week") and "." not in number:
        return 0, int(number) * (7 if unit == "week" else 1), 0
    return 0, 0, round(float(number) * _MICROSECONDS[unit])


def named(words: str) -> SqlType:
    """The type INTERVAL with the words after it, as a column or a cast names it."""
    if not words:
        return INTERVAL
    last = words.split()[-1]
    if last in ("year", "month"):
        return YEAR_TO_MONTH
    if last in QUALIFIERS:
        return DAY_TO_SECOND
    raise SqlError(f'type "interval {words}" does not exist')


def text(sql: str, kind: SqlType) -> str:
    """The interval as it is printed: '1 years 2 mons', '1 days 0 hours 0 mins 0.0 secs'."""
    return f"{('rs_interval_text', 'rs_interval_months', 'rs_interval_seconds')[kind.precision]}({sql})"


def scaled(operator: str, interval: Value, factor: str) -> Value:
    """The interval times or divided by a DOUBLE."""
    by = factor if operator == "*" else f"1 / rs_not_zero({factor})"
    macro = "rs_scale_months" if interval.type == YEAR_TO_MONTH else "rs_scale_seconds"
    return Value(f"{macro}({interval.sql}, {by})", interval.type)


def together(left: SqlType, right: SqlType) -> SqlType:
    """The type of a sum. Raises NeedsCluster for months and seconds in one, which Redshift's types keep apart."""
    if left == right:
        return left
    if INTERVAL in (left, right):
        return INTERVAL
    raise NeedsCluster("A sum of YEAR TO MONTH and DAY TO SECOND intervals")
