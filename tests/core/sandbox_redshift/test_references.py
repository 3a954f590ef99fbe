"""Random values against other implementations of the same arithmetic: Python's datetime, decimal and str."""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from tests.core.sandbox_redshift.conftest import Engine

ROWS = 60


def _check(engine: Engine, table: str, rows: list[tuple[Any, ...]], references: dict[str, Callable[..., Any]]) -> None:
    got = engine(f"select {', '.join(references)} from {table} order by i")
    for row, values in zip(rows, got, strict=True):
        for (expression, reference), value in zip(references.items(), values, strict=True):
            wanted = reference(*row)
            same = Decimal(str(value)) == wanted if isinstance(wanted, Decimal) else value == wanted
            assert same, f"{expression} of {row} is {value!r}, not {wanted!r}"


def _filled(engine: Engine, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    engine(f"create table {table} (i int, {columns})")
    values = (", ".join(f"'{value}'" for value in row) for row in rows)
    engine(f"insert into {table} values {', '.join(f'({n}, {text})' for n, text in enumerate(values))}")


def _moved(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))


def _shown(moment: datetime) -> str:
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction}"


def test_moments(engine: Engine) -> None:
    chance = random.Random(7)

    def moment() -> datetime:
        first = datetime(chance.randint(1900, 2100), chance.randint(1, 12), 1)
        return first + timedelta(chance.randint(0, 30), chance.randint(0, 86399), chance.choice([0, 1, 999_999]))

    rows = [(moment(), moment(), chance.randint(-40, 40)) for _ in range(ROWS)]
    _filled(engine, "moments", "a timestamp, b timestamp, n int", rows)
    _check(engine, "moments", rows, {
        "dateadd(month, n, a)": lambda a, b, n: _shown(_moved(a, n)),
        "dateadd(qtr, n, a)": lambda a, b, n: _shown(_moved(a, 3 * n)),
        "dateadd(week, n, a)": lambda a, b, n: _shown(a + timedelta(weeks=n)),
        "dateadd(minute, n, a)": lambda a, b, n: _shown(a + timedelta(minutes=n)),
        "datediff(day, a, b)": lambda a, b, n: (b.date() - a.date()).days,
        "datediff(quarter, a, b)": lambda a, b, n: (b.year * 4 + (b.month - 1) // 3) - (a.year * 4 + (a.month - 1) // 3),
        "datediff(hour, a, b)": lambda a, b, n: (_hour(b) - _hour(a)) // timedelta(hours=1),
        "last_day(a)": lambda a, b, n: str(a.date().replace(day=calendar.monthrange(a.year, a.month)[1])),
        "date_trunc('week', a)": lambda a, b, n: _shown(datetime.combine(a.date() - timedelta(a.weekday()), time())),
        "extract(week from a)": lambda a, b, n: a.isocalendar()[1],
        "to_char(a, 'IYYY-IW-ID')": lambda a, b, n: "{}-{:02d}-{}".format(*a.isocalendar()),
        "to_char(a, 'DDD HH12 AM Dy Mon US')": lambda a, b, n: a.strftime("%j %I %p %a %b %f"),
        "to_date(to_char(a, 'DD/MM/YYYY'), 'DD/MM/YYYY')": lambda a, b, n: str(a.date()),
        "a::date - b::date": lambda a, b, n: (a.date() - b.date()).days,
    })  # fmt: skip


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _rounded(number: Decimal, places: int, how: str = ROUND_HALF_UP) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), how)


def test_decimals(engine: Engine) -> None:
    chance = random.Random(8)

    def number(digits: int, places: int) -> Decimal:
        return _rounded(Decimal(chance.randint(-(10**digits), 10**digits)).scaleb(-chance.randint(places, 5)), places)

    rows = [
        (number(7, 4), number(5, 2), chance.randint(-999, 999), chance.choice([-7, -2, 3, 11])) for _ in range(ROWS)
    ]
    _filled(engine, "decimals", "d decimal(12,4), f decimal(8,2), k int, m int", rows)
    _check(engine, "decimals", rows, {
        "d + f": lambda d, f, k, m: d + f,
        "d * f": lambda d, f, k, m: d * f,
        "round(d, 2)": lambda d, f, k, m: _rounded(d, 2),
        "trunc(d, 1)": lambda d, f, k, m: _rounded(d, 1, ROUND_DOWN),
        "ceil(d)": lambda d, f, k, m: _rounded(d, 0, ROUND_CEILING),
        "floor(d)": lambda d, f, k, m: _rounded(d, 0, ROUND_FLOOR),
        "d::decimal(10,2)": lambda d, f, k, m: _rounded(d, 2),
        "d::int": lambda d, f, k, m: _rounded(d, 0),
        "k / m": lambda d, f, k, m: int(Decimal(k) / m),
        "k % m": lambda d, f, k, m: k - m * int(Decimal(k) / m),
        "round(k, -2)": lambda d, f, k, m: _rounded(Decimal(k) / 100, 0) * 100,
        "d::varchar": lambda d, f, k, m: str(d),
        "k # m": lambda d, f, k, m: k ^ m,
    })  # fmt: skip


def test_strings(engine: Engine) -> None:
    chance = random.Random(9)
    rows = [
        (
            "".join(chance.choice("abcXYZ 019-_é") for _ in range(chance.randint(0, 12))),
            chance.choice("ab-é "),
            chance.randint(-3, 14),
            chance.randint(0, 6),
        )
        for _ in range(ROWS)
    ]
    _filled(engine, "strings", "a varchar(60), c varchar(4), p int, n int", rows)
    _check(engine, "strings", rows, {
        "octet_length(a)": lambda a, c, p, n: len(a.encode()),
        "reverse(a)": lambda a, c, p, n: a[::-1],
        "substring(a, p, n)": lambda a, c, p, n: a[max(0, p - 1) : max(0, p - 1 + n)],
        "right(a, n)": lambda a, c, p, n: a[-n:] if n else "",
        "strpos(a, c)": lambda a, c, p, n: a.find(c) + 1,
        "lpad(a, n, '*')": lambda a, c, p, n: a[:n].rjust(n, "*"),
        "split_part(a, c, 2)": lambda a, c, p, n: [*a.split(c), ""][1],
        "ltrim(a, c)": lambda a, c, p, n: a.lstrip(c),
        "translate(a, 'abc', 'xy')": lambda a, c, p, n: a.translate({97: "x", 98: "y", 99: None}),
        "regexp_replace(a, '[^a-z]')": lambda a, c, p, n: "".join(char for char in a if "a" <= char <= "z"),
        "a::varchar(5)": lambda a, c, p, n: a.encode()[:5].decode(errors="ignore"),
        "a like '%' || c || '%'": lambda a, c, p, n: c in a,
    })  # fmt: skip
