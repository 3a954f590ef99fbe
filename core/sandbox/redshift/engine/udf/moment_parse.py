"""Texts as dates and times, in the forms PostgreSQL takes: ISO, month names, US order, time zones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from core.sandbox.redshift.engine.udf import zones
from core.sandbox.redshift.engine.udf.moment_format import MONTHS

_MONTHS = {name[:3].lower(): number for number, name in enumerate(MONTHS, 1)}
_DATE = re.compile(
    r"""(?P<gd>\d{1,2})\.(?P<gm>\d{1,2})\.(?P<gy>\d{4})
      | (?P<jy>\d{4})\.?(?P<jd>\d{3})(?!\d)
      | (?P<iso>\d{4})[-/.](?P<im>\d{1,2})[-/.](?P<id>\d{1,2})
      | (?P<compact>\d{8})(?!\d)
      | (?P<short>\d{6})(?!\d)
      | (?P<um>\d{1,2})[-/.](?P<ud>\d{1,2})[-/.](?P<uy>\d{4}|\d{2})
      | (?P<nd>\d{1,2})[-\s](?P<nm>[A-Za-z]{3,9})[-\s,]\s*(?P<ny>\d{4}|\d{2})
      | (?P<ny2>\d{4})[-\s](?P<nm2>[A-Za-z]{3,9})[-\s](?P<nd2>\d{1,2})
      | (?P<nm3>[A-Za-z]{3,9})[-\s](?P<nd3>\d{1,2})(?:,\s*|[-\s]\s*)(?P<ny3>\d{4}|\d{2})""",
    re.VERBOSE,
)
_TIME = re.compile(
    r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:\.(?P<f>\d{1,9}))?)?\s*(?P<half>[AaPp][Mm](?![A-Za-z]))?|(?P<plain>\d{6})(?:\.(?P<pf>\d{1,9}))?"
)
_WORDS_FIRST = re.compile(r"(?P<d>\d{1,2})\s+(?P<m>[A-Za-z]{3,9})\s+(?P<t>\d{1,2}:\d{2}\S*)\s+(?P<y>\d{4})(?P<rest>.*)")
_ZONE = re.compile(r"\s*(?:(?P<sign>[+-])(?P<h>\d{1,2})(?::?(?P<m>\d{2}))?|(?P<name>[A-Za-z][\w/+-]*))\s*$")


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 70 else 1900)


def _month(name: str) -> int:
    number = _MONTHS.get(name[:3].lower())
    if number is None or not MONTHS[number - 1].lower().startswith(name.lower()):
        raise ValueError
    return number


def _read_date(text: str) -> tuple[date, str]:
    found = _DATE.match(text)
    if found is None:
        raise ValueError
    if found["gd"]:  # dd.mm.yyyy
        day = date(int(found["gy"]), int(found["gm"]), int(found["gd"]))
    elif found["jy"]:  # the day of the year
        day = date(int(found["jy"]), 1, 1) + timedelta(days=int(found["jd"]) - 1)
        if day.year != int(found["jy"]):
            raise ValueError
    elif found["short"]:
        day = date(_year(found["short"][:2]), int(found["short"][2:4]), int(found["short"][4:]))
    elif found["iso"]:
        day = date(int(found["iso"]), int(found["im"]), int(found["id"]))
    elif found["compact"]:
        whole = found["compact"]
        day = date(int(whole[:4]), int(whole[4:6]), int(whole[6:]))
    elif found["um"]:
        day = date(_year(found["uy"]), int(found["um"]), int(found["ud"]))
    elif found["nd"]:
        day = date(_year(found["ny"]), _month(found["nm"]), int(found["nd"]))
    elif found["nd2"]:
        day = date(int(found["ny2"]), _month(found["nm2"]), int(found["nd2"]))
    else:
        day = date(_year(found["ny3"]), _month(found["nm3"]), int(found["nd3"]))
    return day, text[found.end() :]


def _read_time(text: str) -> tuple[time, str]:
    found = _TIME.match(text)
    if found is None:
        raise ValueError
    if found["plain"]:
        whole = found["plain"]
        hour, minute, second, fraction = int(whole[:2]), int(whole[2:4]), int(whole[4:]), found["pf"] or ""
    else:
        hour, minute, second, fraction = int(found["h"]), int(found["m"]), int(found["s"] or 0), found["f"] or ""
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if found["half"].lower() == "pm" else 0)
    micro = round(int(fraction.ljust(9, "0")[:9]) / 1000) if fraction else 0
    return time(hour, minute, second, min(micro, 999_999)), text[found.end() :]


def _zone(text: str) -> timezone | ZoneInfo | None:
    if not text.strip():
        return None
    found = _ZONE.fullmatch(text)
    if found is None:
        raise ValueError
    if found["sign"]:
        offset = timedelta(hours=int(found["h"]), minutes=int(found["m"] or 0))
        return timezone(offset if found["sign"] == "+" else -offset)
    seconds = zones.offset(found["name"])
    return ZoneInfo(found["name"]) if seconds is None else timezone(timedelta(seconds=seconds))


def _moment(text: str) -> tuple[datetime, timezone | ZoneInfo | None]:
    text = text.strip()
    lower = text.lower()
    if lower in ("now", "today", "tomorrow", "yesterday", "epoch"):
        now = datetime.now(UTC).replace(tzinfo=None)
        if lower == "epoch":
            return datetime(1970, 1, 1), None
        shift = {"tomorrow": 1, "yesterday": -1}.get(lower, 0)
        return (now if lower == "now" else datetime.combine(now.date(), time()) + timedelta(days=shift)), None
    if found := _WORDS_FIRST.fullmatch(text):  # 17 Dec 07:37:16 1997 PST
        text = f"{found['d']} {found['m']} {found['y']} {found['t']}{found['rest']}"
    day, rest = _read_date(text)
    rest = rest.lstrip(" Tt") if rest[:1] in (" ", "T", "t") else rest
    clock = time()
    if rest.strip() and rest[0].isdigit():
        clock, rest = _read_time(rest)
    return datetime.combine(day, clock), _zone(rest)


def parse_date(text: str) -> date:
    try:
        return _moment(text)[0].date()
    except ValueError:
        raise ValueError(f'invalid input syntax for type date: "{text}"') from None


def parse_timestamp(text: str) -> datetime:
    try:
        return _moment(text)[0]
    except ValueError:
        raise ValueError(f'invalid input syntax for type timestamp: "{text}"') from None


def parse_timestamptz(text: str) -> datetime:
    """UTC, naive."""
    try:
        moment, zone = _moment(text)
        return moment if zone is None else moment.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    except ValueError:
        raise ValueError(f'invalid input syntax for type timestamp with time zone: "{text}"') from None


def parse_time(text: str) -> time:
    try:
        stripped = text.strip()
        try:
            clock, rest = _read_time(stripped)
        except ValueError:
            return _moment(stripped)[0].time()
        _zone(rest)
        return clock
    except ValueError:
        raise ValueError(f'invalid input syntax for type time: "{text}"') from None


def parse_timetz(text: str) -> str:
    """``HH:MM:SS.ffffff+HH:MM``: the offset is kept, for EXTRACT asks for it; a zone with summer time takes today's."""
    try:
        stripped = text.strip()
        try:
            clock, rest = _read_time(stripped)
            zone, day = _zone(rest), datetime.now(UTC).date()
        except ValueError:
            moment, zone = _moment(stripped)
            clock, day = moment.time(), moment.date()
        return datetime.combine(day, clock, zone or UTC).isoformat().partition("T")[2]
    except ValueError:
        raise ValueError(f'invalid input syntax for type time with time zone: "{text}"') from None
