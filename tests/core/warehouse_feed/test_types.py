"""Every MySQL type, any value: what arrives in the warehouse is what was stored."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.core.warehouse_feed.conftest import Feed

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_DAY = st.dates(date(1000, 1, 1), date(9999, 12, 31))
_MOMENT = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 59))
_STAMP = st.datetimes(datetime(1970, 1, 2), datetime(2038, 1, 18))
_SCALAR = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT


def _decimal(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**precision - 1
    return st.integers(-most, most).map(lambda number: Decimal(f"{number}E-{scale}"))  # exact, unlike scaleb


_COLUMNS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "tiny": ("TINYINT", st.integers(-128, 127)),
    "tiny_u": ("TINYINT UNSIGNED", st.integers(0, 255)),
    "truth": ("TINYINT(1)", st.integers(0, 1)),
    "small_u": ("SMALLINT UNSIGNED", st.integers(0, 65535)),
    "medium": ("MEDIUMINT", st.integers(-(2**23), 2**23 - 1)),
    "number_u": ("INT UNSIGNED", st.integers(0, 2**32 - 1)),
    "big": ("BIGINT", st.integers(-(2**63), 2**63 - 1)),
    "big_u": ("BIGINT UNSIGNED", st.integers(0, 2**64 - 1)),
    "money": ("DECIMAL(12,2)", _decimal(12, 2)),
    "exact": ("DECIMAL(38,20)", _decimal(38, 20)),
    "huge": ("DECIMAL(65,30)", _decimal(65, 30)),
    "real_one": (
        "FLOAT",
        st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**99), max_value=2.0**99).map(
            lambda x: 0.0 if abs(x) < 1e-30 else x
        ),
    ),
    "precise": (
        "DOUBLE",
        st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300).map(
            lambda x: 0.0 if abs(x) < 1e-300 else x
        ),
    ),
    "flag": ("BIT(1)", st.integers(0, 1)),
    "flags": ("BIT(64)", st.integers(0, 2**64 - 1)),
    "choice": ("ENUM('small','größer','it''s')", st.sampled_from(["small", "größer", "it's"])),
    "choices": ("SET('a','b','c')", st.sets(st.sampled_from("abc")).map(lambda one: ",".join(sorted(one)))),
    "document": ("JSON", st.dictionaries(_TEXT, _SCALAR | st.lists(_SCALAR, max_size=3), max_size=3)),
    "day": ("DATE", st.just("0000-00-00") | _DAY),
    "moment": ("DATETIME(6)", st.just("0000-00-00") | _MOMENT),
    "stamp": ("TIMESTAMP(6) NULL", _STAMP),
    "duration": ("TIME", st.integers(-3020399, 3020399).map(lambda seconds: timedelta(seconds=seconds))),
    "made": ("YEAR", st.integers(1901, 2155)),
    "words": ("VARCHAR(255)", _TEXT),
    "long_words": ("LONGTEXT", _TEXT),
    "raw": ("VARBINARY(40)", st.binary(max_size=40)),
    "picture": ("BLOB", st.binary(max_size=40)),
}
_EDGES: dict[str, list[Any]] = {
    "tiny": [-128, 127], "tiny_u": [0, 255], "truth": [0, 1], "small_u": [0, 65535], "medium": [-(2**23), 2**23 - 1],
    "number_u": [0, 2**32 - 1], "big": [-(2**63), 2**63 - 1], "big_u": [0, 2**64 - 1],
    "money": [Decimal("-9999999999.99"), Decimal("0.01")],
    "exact": [Decimal("9" * 18 + "." + "9" * 20), Decimal("-0.00000000000000000001")],
    "huge": [Decimal("9" * 35 + "." + "9" * 30), Decimal("-0." + "0" * 29 + "1")],
    "flag": [0, 1], "flags": [0, 2**64 - 1], "choice": ["größer", "it's"], "choices": ["", "a,b,c"],
    "document": [{"k": "😀 \"q\" \\ \n", "none": None}, {}],
    "day": ["0000-00-00", date(9999, 12, 31), date(1000, 1, 1)], "moment": ["0000-00-00", datetime(9999, 12, 31, 23, 59, 59, 999999)],
    "stamp": [datetime(1970, 1, 1, 0, 0, 1), datetime(2038, 1, 19, 3, 14, 7)],
    "duration": [timedelta(seconds=3020399), timedelta(seconds=-3020399), timedelta(hours=24), timedelta(0)],
    "made": [1901, 2155], "words": ["", "😀" * 255, " a ", "NULL", "\\N", "a\tb\nc\0d", "𠜎é\u0301"], "long_words": ["", "👩‍👩‍👧" * 1_000],
    "raw": [b"", bytes(range(40)), b"\0\xff"], "picture": [b"", b"\x89PNG\r\n"],
}  # fmt: skip
"""What a draw may miss: the ends of every type, four-byte letters, zero dates, TIME beyond a day."""


def _edge_rows() -> list[tuple[Any, ...]]:
    count = max(map(len, _EDGES.values()))
    return [
        tuple(_EDGES[name][n] if n < len(_EDGES.get(name, ())) else None for name in _COLUMNS) for n in range(count)
    ]


_ROW = st.tuples(*(st.none() | strategy for _, strategy in _COLUMNS.values()))


def _sent(name: str, value: Any) -> Any:
    """The value as the client sends it; PyMySQL would write small decimals with an exponent, which MySQL reads as a DOUBLE."""
    if name == "document" and value is not None:
        return json.dumps(value)
    return format(value, "f") if isinstance(value, Decimal) else value


def _wanted(name: str, value: Any) -> Any:
    """What the warehouse must give back."""
    if value is None or value == "0000-00-00":
        return None
    if name in ("truth", "flag"):
        return bool(value)
    if name in ("big_u", "flags", "money", "exact"):
        return Decimal(value)
    if name == "huge":
        return f"{value:.30f}"
    if name == "document":
        return value
    if name == "duration":
        seconds = int(value.total_seconds())
        sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
        return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return value


def _plain(name: str, value: Any) -> Any:
    """What came, without what only the way of reading adds."""
    if value is None:
        return None
    if name == "document":
        return json.loads(value)
    if name in ("raw", "picture") and isinstance(value, str):
        return bytes.fromhex(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


@given(st.lists(_ROW, min_size=40, max_size=80))
@settings(
    max_examples=1,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # each shrinking step would be a pull
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_value_arrives_as_it_was(feed: Feed, rows: list[tuple[Any, ...]]) -> None:
    columns = ", ".join(f"{name} {kind}{'' if 'NULL' in kind else ' NULL'}" for name, (kind, _) in _COLUMNS.items())
    rows = [*_edge_rows(), *rows]
    feed.execute("DROP TABLE IF EXISTS everything", f"CREATE TABLE everything (id INT PRIMARY KEY, {columns})")
    feed.target.run(_job(), f"DROP TABLE IF EXISTS {feed.database}.everything")
    marks = ", ".join(["%s"] * (len(_COLUMNS) + 1))
    with feed.mysql.cursor() as cursor:
        for number, row in enumerate(rows):
            sent = [_sent(name, value) for name, value in zip(_COLUMNS, row, strict=True)]
            cursor.execute(f"INSERT INTO everything VALUES ({marks})", [number, *sent])
    feed.mysql.commit()
    report = feed.pull(feed.plan("everything", mode="full"), check=True)
    assert report.ok, report.document()
    names = ", ".join(f"JSON_SERIALIZE({name})" if name == "document" else name for name in _COLUMNS)
    got = feed.rows(f"SELECT {names} FROM {feed.database}.everything ORDER BY id")
    assert len(got) == len(rows)
    for sent, came in zip(rows, got, strict=True):
        for name, one, two in zip(_COLUMNS, sent, came, strict=True):
            assert _plain(name, two) == _wanted(name, one), name


def _job() -> Any:
    from core.jobs.job import headless_job

    return headless_job()
