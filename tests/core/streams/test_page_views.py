"""From records to rows: what is parsed, enriched, cut, and given an id."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.streams.decode import Record
from core.streams.page_views import COLUMNS, Parsed, parsed, slices, work
from core.streams.pages import Page, RawRecord, Shard
from core.streams.positions import Checkpoint
from core.streams.user_agents import described


def record(data: bytes, codec: str = "json", sequence: str = "1") -> Record:
    return Record(1_700_000_000.5, "shardId-000000000000", "key", sequence, 0, len(data), codec, data)


def rows(content: bytes) -> list[dict[str, Any]]:
    import pyarrow as pa

    found: list[dict[str, Any]] = pa.ipc.open_stream(content).read_all().to_pylist()
    return found


def test_a_page_view_is_enriched() -> None:
    event = {
        "event_id": 7,
        "viewed_at": "2026-11-22T10:00:00.250+02:00",
        "url": "https://Shop.example:8443/p/1?utm_source=mail&utm_campaign=autumn&x=1",
        "referrer": "https://search.example/q",
        "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1",
        "status": "200",
        "duration_ms": 12.9,
        "collector": {"client": "203.0.113.9"},
        "colour": "red",
    }
    (row,) = rows(parsed("s", [record(orjson.dumps(event))]).table)
    assert list(row) == list(COLUMNS)
    assert row["event_id"] == "7" and row["viewed_at"].isoformat() == "2026-11-22T08:00:00.250000"
    assert (row["scheme"], row["host"], row["path"]) == ("https", "shop.example", "/p/1")
    assert (row["utm_source"], row["utm_campaign"], row["referrer_host"]) == ("mail", "autumn", "search.example")
    assert (row["browser"], row["os"], row["device"]) == ("Safari", "iOS", "mobile")
    assert (row["status"], row["duration_ms"], row["client"]) == (200, 12, "203.0.113.9")
    assert orjson.loads(row["properties"]) == {"colour": "red"} and str(row["day"]) == "2026-11-22"


def test_a_record_without_an_id_has_its_place_as_id() -> None:
    (row,) = rows(parsed("s", [record(b"{}", sequence="42")]).table)
    assert (
        row["event_id"] == "s:shardId-000000000000:42:0"
        and row["viewed_at"].isoformat() == "2023-11-14T22:13:20.500000"
    )


def test_what_does_not_fit_its_column_is_kept_as_it_was_sent() -> None:
    sent = {
        "customer_id": "c-44",
        "viewed_at": "yesterday",
        "status": {"code": 200},
        "collector": "fluentd",
        "event_id": [1],
    }
    (row,) = rows(parsed("s", [record(orjson.dumps({**sent, "duration_ms": 5, "url": None}))]).table)
    assert orjson.loads(row["properties"]) == sent
    assert row["customer_id"] is None and row["duration_ms"] == 5 and row["viewed_at"] == row["arrived_at"]


def test_an_event_too_deep_or_too_large_to_keep_whole_is_a_row_and_counted() -> None:
    deep = b'{"event_id":"deep","a":' + b"[" * 900 + b"]" * 900 + b"}"
    large = orjson.dumps({"event_id": "large", "a": "x" * 70_000})
    found = parsed("s", [record(deep), record(large), record(b'{"event_id":"plain","a":1}')])
    kept = {row["event_id"]: row["properties"] for row in rows(found.table)}
    assert kept == {"deep": '{"too_deep":true}', "large": '{"too_long":true}', "plain": '{"a":1}'}
    assert (found.rows, found.cut, found.rejects) == (3, 2, [])


def test_long_ids_that_begin_alike_stay_two_events_and_blanks_behind_one_count_for_nothing() -> None:
    ids = ["ü" * 150 + end for end in ("a", "b")] + ["x", "x  "]
    found = [row["event_id"] for row in rows(parsed("s", [record(orjson.dumps({"event_id": i})) for i in ids]).table)]
    assert len(set(found)) == 3 and found[2] == found[3] == "x"
    assert all(len(one.encode()) <= 256 for one in found) and found[0].startswith("ü" * 90)


def test_the_zero_character_reaches_no_column() -> None:
    event = {"event_id": "1", "url": "https://shop.example/?utm_source=a%00b&utm_campaign=%00"}
    made = Record(1.0, "shardId-000000000000", "ke\0y", "1", 0, 9, "json", orjson.dumps(event))
    (row,) = rows(parsed("s", [made]).table)
    assert (row["partition_key"], row["utm_source"]) == ("key", "ab")
    assert not any("\0" in value for value in row.values() if isinstance(value, str))


def test_however_much_a_page_unpacks_to_every_record_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    monkeypatch.setattr("core.streams.decode._PAGE_BUDGET", 1 << 20)

    shard = Shard("shardId-000000000000", 0, 2**128 - 1)
    data = [gzip.compress(orjson.dumps({"event_id": str(n), "a": "x" * (200 << 10)}), 1) for n in range(12)]
    (job,) = slices("s", Page(shard, [RawRecord(1.0, "k", str(n), one) for n, one in enumerate(data)]))
    done = Parsed.unpacked(work(job))
    assert (done.rows, done.rejects) == (12, [])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*COLUMNS, "collector", "other"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(names, json_values, max_size=8), max_size=5))
def test_any_json_object_becomes_a_row_that_fits(events: list[dict[str, Any]]) -> None:
    result = parsed("s", [record(orjson.dumps(event), sequence=str(n)) for n, event in enumerate(events)])
    found = rows(result.table)
    assert len(found) == result.rows == len(events) and not result.rejects
    assert Parsed.unpacked(result.packed()) == result
    for row in found:
        assert row["event_id"] and "\0" not in "".join(value for value in row.values() if isinstance(value, str))


def test_long_texts_are_cut_to_bytes_and_counted() -> None:
    result = parsed("s", [record(orjson.dumps({"country": "Österreich", "url": "https://x/" + "ü" * 3_000}))])
    (row,) = rows(result.table)
    assert len(row["country"].encode()) <= 8 and len(row["url"].encode()) <= 4_096 and result.cut >= 2


def test_slices_keep_the_order_and_the_checkpoint_within_an_aggregate() -> None:
    shard = Shard("shardId-000000000000", 0, 2**128 - 1)
    raw = [RawRecord(1.0, "k", str(n), orjson.dumps({"event_id": f"e{n}"})) for n in range(4_500)]
    jobs = slices("s", Page(shard, raw, after=Checkpoint("0", None)))
    assert len(jobs) == 3
    found = [row["event_id"] for job in jobs for row in rows(Parsed.unpacked(work(job)).table)]
    assert found == [f"e{n}" for n in range(1, 4_500)]  # record 0 was done


def test_user_agents() -> None:
    assert described(None) == (None, None, None)
    assert described("Googlebot/2.1 (+http://www.google.com/bot.html)")[2] == "bot"
    assert described("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Safari/537.36 Edg/142.0") == (
        "Edge",
        "Windows",
        "desktop",
    )
    assert described("Mozilla/5.0 (Linux; Android 15; SM-X900) Chrome/142.0 Safari/537.36")[2] == "tablet"
