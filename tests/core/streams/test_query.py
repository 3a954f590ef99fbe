"""SQL over the kept records: their fields are columns, mistakes are told, and nothing outside can be reached."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import WrongUse
from core.jobs.job import headless_job
from core.streams.decode import Record
from core.streams.query import MOST_ROWS, query


def record(number: int, data: object) -> Record:
    body = data if isinstance(data, bytes) else orjson.dumps(data)
    codec = "json" if body[:1] == b"{" else "binary" if body[:1] == b"\xff" else "text"
    return Record(
        1_763_800_000.5 + number, f"shardId-{number % 2:012d}", f"k{number}", str(number), 0, len(body), codec, body
    )


RECORDS = [
    record(0, {"status": "paid", "total": 10, "gift": True, "items": [1, 2]}),
    record(1, {"status": "paid", "total": 2.5, "note": 'it\'s "odd"'}),
    record(2, {"status": "open", "total": None, "size": 3}),
    record(3, b"plain words"),
    record(4, b"\xff\x00"),
]


def rows(sql: str, records: list[Record] = RECORDS) -> list[tuple[object, ...]]:
    return list(query(headless_job(), records, sql).frame.rows())


def test_fields_are_columns_with_their_types() -> None:
    assert rows("SELECT status, sum(total) FROM records WHERE gift OR total < 3 GROUP BY 1") == [("paid", 12.5)]
    assert rows("SELECT partition_key FROM records WHERE status = 'open'") == [("k2",)]
    assert rows("SELECT note FROM records WHERE note IS NOT NULL") == [('it\'s "odd"',)]
    assert rows("SELECT count(*), count(data) FROM records") == [(5, 4)]
    assert rows("SELECT data->>'$.items[1]' FROM records WHERE partition_key = 'k0'") == [("2",)]
    assert rows("SELECT shard, shard FROM records LIMIT 1") == [("shardId-000000000000",) * 2]


def test_an_empty_window_can_be_asked() -> None:
    assert rows("SELECT count(*) FROM records", []) == [(0,)]


def test_long_answers_are_cut_and_say_so() -> None:
    answer = query(headless_job(), RECORDS, "SELECT a.range FROM range(20_000) a")
    assert (answer.frame.height, answer.cut) == (MOST_ROWS, True)


@pytest.mark.parametrize(
    "sql",
    ["SELEC 1", "SELECT nothing FROM records", "SELECT 1; SELECT 2", "", "SELECT 1/'x'"],
)
def test_mistakes_are_told(sql: str) -> None:
    with pytest.raises(WrongUse) as caught:
        rows(sql)
    assert caught.value.why


def test_nothing_outside_is_reached(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for sql in (
        f"SELECT * FROM read_csv('{secret}')",
        f"COPY records TO '{tmp_path / 'out.csv'}'",
        f"ATTACH '{tmp_path / 'db'}'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(WrongUse):
            rows(sql)
    assert list(tmp_path.iterdir()) == [secret]


@settings(deadline=None, max_examples=8)  # of thirty names each: a query costs more than a name
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.integers(-9, 9) | st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        max_size=30,
    )
)
def test_any_field_names_can_be_asked(value: dict[str, object]) -> None:
    try:
        data = orjson.dumps(value)
    except orjson.JSONEncodeError:
        return
    assert rows("SELECT count(*) FROM records", [record(0, data if data != b"{}" else {"a": 1})]) == [(1,)]
