"""Date and time functions."""

from __future__ import annotations

from core.sandbox.redshift.engine.casts import cast, converted
from core.sandbox.redshift.engine.compiling import Call
from core.sandbox.redshift.engine.functions.registry import argument, function, table
from core.sandbox.redshift.engine.intervals import DAY_TO_SECOND
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.types import (
    FLOAT8,
    INT4,
    INT8,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    SqlType,
)
from core.sandbox.redshift.engine.value import Value

table(r"""
add_months(t, i) -> timestamp : rs_add_months({0}, {1})
date_cmp(d, d) -> int4 : rs_order({0}, {1})
date_cmp_timestamp(d, t) -> int4 : rs_order(CAST({0} AS TIMESTAMP), {1})
date_cmp_timestamptz(d, z) -> int4 : rs_order(CAST({0} AS TIMESTAMPTZ), {1})
timestamp_cmp(t, t) -> int4 : rs_order({0}, {1})
timestamp_cmp_date(t, d) -> int4 : rs_order({0}, CAST({1} AS TIMESTAMP))
timestamp_cmp_timestamptz(t, z) -> int4 : rs_order(CAST({0} AS TIMESTAMPTZ), {1})
timestamptz_cmp(z, z) -> int4 : rs_order({0}, {1})
timestamptz_cmp_date(z, d) -> int4 : rs_order({0}, CAST({1} AS TIMESTAMPTZ))
timestamptz_cmp_timestamp(z, t) -> int4 : rs_order({0}, CAST({1} AS TIMESTAMPTZ))
interval_cmp(a, a) -> int4 : rs_order(CAST({0} AS INTERVAL), CAST({1} AS INTERVAL))
date_part_year(d) -> int4 : CAST(date_part('year', {0}) AS INTEGER)
getdate() -> timestamp : date_trunc('second', CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP))
last_day(t) -> date : last_day(CAST({0} AS DATE))
months_between(t, t) -> float8 : rs_months_between({0}, {1})
next_day(t, s) -> date : rs_next_day(CAST({0} AS DATE), {1})
now() -> timestamptz : now()
timeofday() -> text : strftime(now() AT TIME ZONE 'UTC', '%a %b %d %H:%M:%S.%f %Y UTC')
to_timestamp(s, s, b=false) -> timestamptz : rs_to_timestamp({0}, {1}, {2})
to_date(s, s, b=false) -> date : rs_to_date({0}, {1}, {2})
date(t) -> date : CAST({0} AS DATE)
""")

_PARTS = {
    "millennium": ("millennium", "millennia", "mil", "mils"),
    "century": ("century", "centuries", "c", "cent", "cents"),
    "decade": ("decade", "decades", "dec", "decs"),
    "epoch": ("epoch",),
    "year": ("year", "years", "y", "yr", "yrs"),
    "quarter": ("quarter", "quarters", "qtr", "qtrs"),
    "month": ("month", "months", "mon", "mons"),
    "week": ("week", "weeks", "w"),
    "dow": ("dayofweek", "dow", "dw", "weekday"),
    "doy": ("dayofyear", "doy", "dy", "yearday"),
    "day": ("day", "days", "d"),
    "hour": ("hour", "hours", "h", "hr", "hrs"),
    "minute": ("minute", "minutes", "m", "min", "mins"),
    "second": ("second", "seconds", "s", "sec", "secs"),
    "millisecond": (
        "millisecond",
        "milliseconds",
        "ms",
        "msec",
        "msecs",
        "msecond",
        "mseconds",
        "millisec",
        "millisecs",
        "millisecon",
    ),
    "microsecond": (
        "microsecond",
        "microseconds",
        "us",
        "usec",
        "usecs",
        "usecond",
        "useconds",
        "microsec",
        "microsecs",
        "microsecond",
    ),
    "timezone": ("timezone",),
    "timezone_hour": ("timezone_hour",),
    "timezone_minute": ("timezone_minute",),
}
_BY_NAME = {name: part for part, names in _PARTS.items() for name in names}
_TIME_PARTS = ("hour", "minute", "second", "millisecond", "microsecond", "epoch")


def date_part_name(word: str) -> str:
    """The full name of a date part or its abbreviation."""
    part = _BY_NAME.get(word.strip().lower())
    if part is None:
        raise SqlError(f'timestamp units "{word}" not recognized')
    return part


def _moment(call: Call, value: Value) -> Value:
    """A date, time or timestamp; a text counts as a timestamp."""
    if value.type.is_datetime or value.type.name in ("time", "timetz", "interval"):
        return value
    if value.type.is_text or value.type.name == "super" or value.sql == "NULL":
        return Value(converted(value, TIMESTAMP), TIMESTAMP)
    raise call.unknown()


@function("dateadd", "date_add")
def _dateadd(call: Call) -> Value:
    call.count(3)
    part = date_part_name(call.word(0))
    count = argument(call, call.arg(1), "i")
    value = _moment(call, call.arg(2))
    if value.type.name == "date":
        return Value(_added(part, f"CAST({value.sql} AS TIMESTAMP)", count), TIMESTAMP, "date_add")
    if value.type.name in ("time", "timetz"):
        if part not in _TIME_PARTS:
            raise SqlError(f'"{part}" is not a unit of time')
        return Value(f"({value.sql} + {_step(part, count)})", value.type, "date_add")
    return Value(_added(part, value.sql, count), value.type, "date_add")


def _added(part: str, moment: str, count: str) -> str:
    """Years from a 29 February go to 1 March where there is none, months to the month's last day (developer guide, DATEADD)."""
    years = {"year": 1, "decade": 10, "century": 100, "millennium": 1000}.get(part)
    if years is not None:
        return f"rs_add_years({moment}, CAST({count} AS INTEGER) * {years})"
    return f"({moment} + {_step(part, count)})"


def _step(part: str, count: str) -> str:
    number = f"CAST({count} AS INTEGER)"
    months = {"month": 1, "quarter": 3}.get(part)
    if months is not None:
        return f"to_months({number} * {months})"
    if part in ("dow", "doy"):
        part = "day"
    if part in ("day", "week"):
        return f"to_days({number} * {7 if part == 'week' else 1})"
    unit = {
        "second": 1_000_000,
        "minute": 60_000_000,
        "hour": 3_600_000_000,
        "millisecond": 1000,
        "microsecond": 1,
        "epoch": 1_000_000,
    }.get(part)
    if unit is None:
        raise SqlError(f'DATEADD does not take the date part "{part}"')
    return f"to_microseconds({count} * {unit})"


@function("datediff", "date_diff")
def _datediff(call: Call) -> Value:
    call.count(3)
    part = date_part_name(call.word(0))
    left, right = _moment(call, call.arg(1)), _moment(call, call.arg(2))
    times = ("time", "timetz")
    if left.type.name in times or right.type.name in times:
        if part not in _TIME_PARTS:
            raise SqlError(f'"{part}" is not a unit of time')
        sides = [one.sql if one.type.name == "time" else cast(one, TIME) for one in (left, right)]
        return Value(f"date_diff('{part}', {sides[0]}, {sides[1]})", INT8, "date_diff")
    sides = [one.sql if one.type.name == "timestamp" else cast(one, TIMESTAMP) for one in (left, right)]
    part = "day" if part in ("dow", "doy") else "second" if part == "epoch" else part
    if part == "week":  # DuckDB counts whole weeks, Redshift the boundaries
        return Value(
            f"CAST(date_diff('day', date_trunc('week', {sides[0]}), date_trunc('week', {sides[1]})) // 7 AS BIGINT)",
            INT8,
            "date_diff",
        )
    if (years := {"century": 100, "millennium": 1000}.get(part)) is not None:
        return Value(f"(rs_era({sides[1]}, {years}) - rs_era({sides[0]}, {years}))", INT8, "date_diff")
    if part.startswith("timezone"):
        raise SqlError(f'DATEDIFF does not take the date part "{part}"')
    return Value(f"date_diff('{part}', {sides[0]}, {sides[1]})", INT8, "date_diff")


@function("date_trunc")
def _date_trunc(call: Call) -> Value:
    call.count(2)
    part = date_part_name(call.word(0))
    value = _moment(call, call.arg(1))
    if part in ("dow", "doy", "epoch") or part.startswith("timezone"):
        raise SqlError(f'timestamp units "{part}" not supported')
    if (years := {"century": 100, "millennium": 1000}.get(part)) is not None:
        if value.type.name == "timestamptz":
            return Value(f"timezone('UTC', rs_trunc_years(timezone('UTC', {value.sql}), {years}))", TIMESTAMPTZ)
        if value.type.name in ("timestamp", "date"):
            return Value(f"rs_trunc_years({value.sql}, {years})", TIMESTAMP)
    if value.type.name == "timestamptz":
        return Value(f"date_trunc('{part}', {value.sql})", TIMESTAMPTZ)
    if value.type.name in ("time", "timetz"):
        return Value(f"rs_trunc_time({value.sql}, '{part}')", TIME)
    if value.type.name == "interval":
        return Value(f"date_trunc('{part}', {value.sql})", value.type)
    moment = value.sql if value.type.name == "timestamp" else f"CAST({value.sql} AS TIMESTAMP)"
    return Value(f"CAST(date_trunc('{part}', {moment}) AS TIMESTAMP)", TIMESTAMP)


@function("date_part", "extract", "pgdate_part")
def _date_part(call: Call) -> Value:
    call.count(2)
    part = date_part_name(call.word(0))
    value = _moment(call, call.arg(1))
    if value.type == DAY_TO_SECOND:
        value = Value(f"(rs_whole_days({value.sql}))", DAY_TO_SECOND)
    kind = FLOAT8 if call.name != "extract" or value.type.name == "timestamptz" else INT4
    name = value.type.name
    label = "date_part" if call.name == "extract" else "pgdate_part"
    if name in ("time", "timetz") and part not in _TIME_PARTS and not part.startswith("timezone"):
        raise SqlError(f'"time" units "{part}" not recognized')
    if part == "epoch":
        whole = f"epoch({value.sql})"
        return Value(
            f"CAST(floor({whole}) AS BIGINT)" if kind is INT4 else whole, INT8 if kind is INT4 else FLOAT8, label
        )
    if part in ("second", "millisecond", "microsecond"):
        return Value(f"CAST({_seconds(part, value, call.name == 'extract')} AS {kind.duck})", kind, label)
    first = " + 1" if part == "decade" else ""  # the years 1 to 9 are decade 1
    return Value(f"CAST(date_part('{part}', {value.sql}){first} AS {kind.duck})", kind, label)


def _seconds(part: str, value: Value, alone: bool) -> str:
    """EXTRACT gives the named part alone, DATE_PART the whole seconds in that unit (developer guide, date parts)."""
    if not alone:
        divisor = {"second": "1000000.0", "millisecond": "1000.0", "microsecond": "1.0"}[part]
        return f"date_part('microsecond', {value.sql}) / CAST({divisor} AS DOUBLE)"
    if part == "second":
        return f"date_part('second', {value.sql})"
    below = f"date_part('microsecond', {value.sql}) % 1000000"
    return f"({below}) // 1000" if part == "millisecond" else f"({below}) % 1000"


@function("convert_timezone")
def _convert_timezone(call: Call) -> Value:
    call.count(2, 3)
    names = [argument(call, call.arg(n), "s") for n in range(len(call.nodes) - 1)]
    source, target = names if len(names) == 2 else ("'UTC'", names[0])
    value = _moment(call, call.arg(len(call.nodes) - 1))
    if value.type.name == "timestamptz":
        return Value(f"rs_to_zone({target}, {value.sql})", TIMESTAMP)
    moment = converted(value, TIMESTAMP)
    return Value(f"rs_to_zone({target}, rs_from_zone({source}, {moment}))", TIMESTAMP)


@function("timezone")
def _timezone(call: Call) -> Value:
    call.count(2)
    zone = argument(call, call.arg(0), "s")
    value = _moment(call, call.arg(1))
    if value.type.name == "timestamptz":
        return Value(f"rs_to_zone({zone}, {value.sql})", TIMESTAMP)
    if value.type.name == "timetz":
        return Value(f"timezone({zone}, {value.sql})", TIMETZ)
    return Value(f"rs_from_zone({zone}, {converted(value, TIMESTAMP)})", TIMESTAMPTZ)


@function("to_char")
def _to_char(call: Call) -> Value:
    call.count(2)
    value, shape = call.arg(0), argument(call, call.arg(1), "s")
    if value.type.is_number:
        text = f"rs_float_text({value.sql})" if value.type.is_float else f"CAST({value.sql} AS VARCHAR)"
        return Value(f"rs_to_char_number({text}, {shape})", TEXT)
    if value.type.name in ("time", "timetz"):
        return Value(
            f"rs_to_char_time(CAST(DATE '1970-01-01' + CAST({value.sql} AS TIME) AS TIMESTAMP), {shape})", TEXT
        )
    if value.type.name == "interval":
        raise SqlError("TO_CHAR of an interval is not supported")
    if value.is_untyped and value.sql != "NULL":
        raise SqlError('function to_char("unknown", "unknown") is not unique')
    moment = _moment(call, value)
    zone = "'UTC'"
    plain = f"timezone('UTC', {moment.sql})" if moment.type.name == "timestamptz" else converted(moment, TIMESTAMP)
    return Value(f"rs_to_char_moment({plain}, {shape}, {zone})", SqlType("varchar", -1))


@function("sysdate")
def _sysdate(call: Call) -> Value:
    call.count(0)
    return Value("CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)", TIMESTAMP, "timestamp")
