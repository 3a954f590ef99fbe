"""TO_CHAR, TO_DATE and TO_TIMESTAMP of dates: PostgreSQL's template patterns, written and read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_PATTERNS = (
    "HH24", "HH12", "HH", "MI", "SSSS", "SS", "MS", "US", "AM", "PM", "A.M.", "P.M.", "am", "pm", "a.m.", "p.m.", "Y,YYY", "YYYY", "YYY", "YY",
    "Y", "IYYY", "IYY", "IY", "BC", "B.C.", "AD", "A.D.", "bc", "ad", "b.c.", "a.d.", "MONTH", "Month", "month", "MON", "Mon", "mon", "MM",
    "DAY", "Day", "day", "DY", "Dy", "dy", "DDD", "DD", "D", "IW", "WW", "W", "CC", "J", "Q", "RM", "rm", "TZ", "tz", "OF", "IDDD", "ID", "I",
)  # fmt: skip
_LOWER = {"yyyy": "YYYY", "yyy": "YYY", "yy": "YY", "y": "Y", "mm": "MM", "dd": "DD", "ddd": "DDD", "d": "D", "hh24": "HH24", "hh12": "HH12", "hh": "HH",
          "mi": "MI", "ss": "SS", "ms": "MS", "us": "US", "q": "Q", "ww": "WW", "iw": "IW", "iyyy": "IYYY", "cc": "CC", "j": "J", "w": "W",
          "ssss": "SSSS"}  # fmt: skip
_FORM = re.compile(
    r'"(?P<quoted>[^"]*)"|(?P<fill>FM|fm)?(?P<pattern>'
    + "|".join(re.escape(one) for one in sorted((*_PATTERNS, *_LOWER), key=len, reverse=True))
    + r")(?P<th>TH|th)?|(?P<other>.)",
    re.DOTALL,
)

Piece = tuple[str, str, bool, str]
"""kind (text or pattern), what, FM, TH"""


@lru_cache(maxsize=500)
def pieces(shape: str) -> tuple[Piece, ...]:
    """A template cut into literal texts and patterns."""
    found: list[Piece] = []
    for match in _FORM.finditer(shape):
        if match["quoted"] is not None:
            found.append(("text", match["quoted"], False, ""))
        elif match["other"] is not None:
            found.append(("text", match["other"], False, ""))
        else:
            name = _LOWER.get(match["pattern"], match["pattern"])
            found.append(("pattern", name, bool(match["fill"]), match["th"] or ""))
    return tuple(found)


def ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _digits(width: int, value: Callable[[datetime], int]) -> Callable[[datetime, bool], str]:
    return lambda moment, bare: str(value(moment)) if bare else f"{value(moment):0{width}d}"


def _name(
    names: tuple[str, ...],
    index: Callable[[datetime], int],
    shape: Callable[[str], str],
    width: int,
    cut: int | None = None,
) -> Callable[[datetime, bool], str]:
    def write(moment: datetime, bare: bool) -> str:
        text = shape(names[index(moment)][:cut])
        return text if bare or cut else text.ljust(width)

    return write


def _month(moment: datetime) -> int:
    return moment.month - 1


def _weekday(moment: datetime) -> int:
    return moment.isoweekday() % 7


def _half(upper: bool, dots: bool) -> Callable[[datetime, bool], str]:
    def write(moment: datetime, bare: bool) -> str:
        text = "PM" if moment.hour >= 12 else "AM"
        text = f"{text[0]}.{text[1]}." if dots else text
        return text if upper else text.lower()

    return write


def _day_of_year(moment: datetime) -> int:
    return moment.timetuple().tm_yday


_WRITERS: dict[str, Callable[[datetime, bool], str]] = {
    "HH24": _digits(2, lambda m: m.hour), "HH12": _digits(2, lambda m: (m.hour + 11) % 12 + 1), "HH": _digits(2, lambda m: (m.hour + 11) % 12 + 1),
    "MI": _digits(2, lambda m: m.minute), "SS": _digits(2, lambda m: m.second), "SSSS": _digits(1, lambda m: m.hour * 3600 + m.minute * 60 + m.second),
    "MS": lambda m, bare: f"{m.microsecond // 1000:03d}", "US": lambda m, bare: f"{m.microsecond:06d}",
    "AM": _half(True, False), "PM": _half(True, False), "am": _half(False, False), "pm": _half(False, False),
    "A.M.": _half(True, True), "P.M.": _half(True, True), "a.m.": _half(False, True), "p.m.": _half(False, True),
    "Y,YYY": lambda m, bare: f"{m.year:,}" if m.year > 999 else f"0,{m.year:03d}",
    "YYYY": _digits(4, lambda m: m.year), "YYY": _digits(3, lambda m: m.year % 1000), "YY": _digits(2, lambda m: m.year % 100), 
    "Y": _digits(1, lambda m: m.year % 10),
    "IYYY": _digits(4, lambda m: m.isocalendar()[0]), "IYY": _digits(3, lambda m: m.isocalendar()[0] % 1000), 
    "IY": _digits(2, lambda m: m.isocalendar()[0] % 100),
    "I": _digits(1, lambda m: m.isocalendar()[0] % 10),
    "BC": lambda m, bare: "AD", "AD": lambda m, bare: "AD", "bc": lambda m, bare: "ad", "ad": lambda m, bare: "ad",
    "B.C.": lambda m, bare: "A.D.", "A.D.": lambda m, bare: "A.D.", "b.c.": lambda m, bare: "a.d.", "a.d.": lambda m, bare: "a.d.",
    "MONTH": _name(MONTHS, _month, str.upper, 9), "Month": _name(MONTHS, _month, str, 9), "month": _name(MONTHS, _month, str.lower, 9),
    "MON": _name(MONTHS, _month, str.upper, 3, 3), "Mon": _name(MONTHS, _month, str, 3, 3), "mon": _name(MONTHS, _month, str.lower, 3, 3),
    "MM": _digits(2, lambda m: m.month),
    "DAY": _name(DAYS, _weekday, str.upper, 9), "Day": _name(DAYS, _weekday, str, 9), "day": _name(DAYS, _weekday, str.lower, 9),
    "DY": _name(DAYS, _weekday, str.upper, 3, 3), "Dy": _name(DAYS, _weekday, str, 3, 3), "dy": _name(DAYS, _weekday, str.lower, 3, 3),
    "DDD": _digits(3, _day_of_year), "DD": _digits(2, lambda m: m.day), "D": _digits(1, lambda m: _weekday(m) + 1),
    "IW": _digits(2, lambda m: m.isocalendar()[1]), "WW": _digits(2, lambda m: (_day_of_year(m) - 1) // 7 + 1), "W": _digits(1, lambda m: (m.day - 1) // 7 + 1),
    "CC": _digits(2, lambda m: (m.year + 99) // 100), "J": _digits(1, lambda m: m.toordinal() + 1721425), "Q": _digits(1, lambda m: (m.month + 2) // 3),
    "RM": lambda m, bare: _ROMAN[m.month - 1] if bare else _ROMAN[m.month - 1].ljust(4),
    "rm": lambda m, bare: _ROMAN[m.month - 1].lower() if bare else _ROMAN[m.month - 1].lower().ljust(4),
    "ID": _digits(1, lambda m: m.isoweekday()), "IDDD": _digits(3, lambda m: (m.isocalendar()[1] - 1) * 7 + m.isoweekday()),
    "OF": lambda m, bare: "+00",
}  # fmt: skip


def write(moment: datetime, shape: str, zone: str) -> str:
    """TO_CHAR of a timestamp (naive); ``zone`` is what TZ shows."""
    out: list[str] = []
    for kind, what, bare, th in pieces(shape):
        if kind == "text":
            out.append(what)
            continue
        if what in ("TZ", "tz"):
            out.append(zone if what == "TZ" else zone.lower())
            continue
        text = _WRITERS[what](moment, bare)
        if th:
            suffix = ordinal(int(re.sub(r"\D", "", text) or 0))
            text += suffix.upper() if th == "TH" else suffix
        out.append(text)
    return "".join(out)


_WIDTHS = {"YYYY": 4, "YYY": 3, "YY": 2, "Y": 1, "IYYY": 4, "MM": 2, "DD": 2, "DDD": 3, "HH24": 2, "HH12": 2, "HH": 2, "MI": 2, "SS": 2, "MS": 3,
           "US": 6, "SSSS": 5, "Q": 1, "WW": 2, "IW": 2, "J": 7, "D": 1, "W": 1, "CC": 2}  # fmt: skip


def read(text: str, shape: str, strict: bool) -> datetime:
    """The moment a text spells by a template; aware if the template has TZ or OF. Raises ValueError."""
    found: dict[str, int] = {}
    at = 0
    zone: timezone | None = None
    afternoon: bool | None = None
    parts = pieces(shape)
    for position, (kind, what, _, th) in enumerate(parts):
        if kind == "text":
            if at < len(text) and (not text[at].isalnum() or text[at] == what):
                at += 1
            continue
        while at < len(text) and text[at].isspace():
            at += 1
        upper = what.upper()
        if upper in ("MONTH", "MON"):
            at, found["MM"] = _read_name(text, at, MONTHS, upper == "MON", 1, shape)
        elif upper in ("DAY", "DY"):
            at, _ = _read_name(text, at, DAYS, upper == "DY", 0, shape)
        elif upper in ("AM", "PM", "A.M.", "P.M."):
            match = re.compile(r"([AaPp])\.?[Mm]\.?").match(text, at)
            if match is None:
                raise ValueError(f"invalid value {text[at:]!r} for AM/PM in {shape!r}")
            afternoon, at = match[1] in "Pp", match.end()
        elif upper in ("TZ", "OF"):
            match = re.compile(r"([+-]\d{1,2})(?::?(\d{2}))?|[A-Za-z/_]+").match(text, at)
            if match is None:
                raise ValueError(f"invalid time zone in {text!r}")
            at = match.end()
            hours = int(match[1] or 0)
            zone = timezone(timedelta(hours=hours, minutes=int(match[2] or 0) * (-1 if hours < 0 else 1)))
        elif upper == "RM":
            match = re.compile(r"[IVXivx]+").match(text, at)
            if match is None or match[0].upper() not in _ROMAN:
                raise ValueError(f"invalid value {text[at:]!r} for RM")
            found["MM"], at = _ROMAN.index(match[0].upper()) + 1, match.end()
        elif upper == "Y,YYY":
            match = re.compile(r"\d+,\d{3}").match(text, at)
            if match is None:
                raise ValueError(f"invalid value {text[at:]!r} for Y,YYY")
            found["YYYY"], at = int(match[0].replace(",", "")), match.end()
        elif upper in ("BC", "AD", "B.C.", "A.D."):
            at += len(what)
        else:
            width = _WIDTHS[upper]
            following = parts[position + 1] if position + 1 < len(parts) else None
            free = following is None or following[0] == "text"
            most = 30 if free and upper in ("YYYY", "J") else width
            match = re.compile(rf"\d{{1,{most}}}").match(text, at)
            if match is None:
                if at >= len(text):
                    continue
                raise ValueError(f"invalid value {text[at : at + width]!r} for {what!r} in {shape!r}")
            at = match.end()
            digits = match[0]
            if upper in ("MS", "US"):
                digits = digits.ljust(width, "0")
            found[upper] = int(digits)
            if th:
                at += 2
    return _moment(found, afternoon, zone, text, strict)


def _read_name(text: str, at: int, names: tuple[str, ...], short: bool, base: int, shape: str) -> tuple[int, int]:
    for number, name in enumerate(names):
        for candidate in (name, name[:3]) if not short else (name[:3],):
            if text[at : at + len(candidate)].lower() == candidate.lower():
                return at + len(candidate), number + base
    raise ValueError(f"invalid value {text[at:]!r} in {shape!r}")


def _moment(found: dict[str, int], afternoon: bool | None, zone: timezone | None, text: str, strict: bool) -> datetime:
    year = found.get("YYYY", found.get("IYYY"))
    if year is None and "YY" in found:
        year = found["YY"] + (2000 if found["YY"] < 70 else 1900)
    elif year is None and "YYY" in found:
        year = found["YYY"] + (2000 if found["YYY"] < 100 else 1000)
    elif year is None and "Y" in found:
        year = 2000 + found["Y"]
    if "J" in found:
        day = date.fromordinal(found["J"] - 1721425)
    elif "DDD" in found:
        day = date(year or 1, 1, 1) + timedelta(days=found["DDD"] - 1)
    elif "IW" in found:
        day = date.fromisocalendar(year or 1, found["IW"], found.get("D", 1))
    else:
        month, number = found.get("MM", 1), found.get("DD", 1)
        if not 1 <= month <= 12:
            raise ValueError(f"date/time field value out of range: {text}")
        try:
            day = date(year or 1, month, number)
        except ValueError:
            if strict or not 1 <= number <= 31:
                raise ValueError(f"date/time field date value out of range: {text}") from None
            day = date(year or 1, month, 1) + timedelta(days=number - 1)
    hour = found.get("HH24", found.get("HH12", found.get("HH", 0)))
    if afternoon is not None and not 1 <= hour <= 12:
        raise ValueError("hour must be between 1 and 12")
    if afternoon is not None:
        hour = hour % 12 + (12 if afternoon else 0)
    if "SSSS" in found:
        seconds = found["SSSS"]
        hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
    else:
        minute, second = found.get("MI", 0), found.get("SS", 0)
    if strict and (hour > 23 or minute > 59 or second > 59):
        raise ValueError(f"date/time field time value out of range: {hour}:{minute}:{second}.0")
    micro = found.get("MS", 0) * 1000 + found.get("US", 0)
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    return start + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)


def read_date(text: str, shape: str, strict: bool) -> date:
    return read(text, shape, strict).date()


def read_moment(text: str, shape: str, strict: bool) -> datetime:
    """UTC, naive: DuckDB takes it as TIMESTAMP and makes it TIMESTAMPTZ."""
    moment = read(text, shape, strict)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
