"""What was exported can be sent again, in every format; damaged files are named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.base.errors import OpsError, WrongUse
from core.jobs.job import JobCancelled, headless_job
from core.streams.decode import Decoder, Record
from core.streams.export import SUFFIXES, record_file, saved_records
from core.streams.pages import Page, RawRecord, Shard
from core.streams.positions import TRIM_HORIZON
from core.streams.service import StreamsService
from core.streams.unfinished import recovered
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.conftest import put, wait_until

SHARD = Shard("shardId-000000000000", 0, 2**128 - 1)
key = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def records_of(pairs: list[tuple[str, bytes]]) -> list[Record]:
    raw = [RawRecord(1_763_800_000.25, name, str(number), data) for number, (name, data) in enumerate(pairs)]
    return Decoder().page(Page(SHARD, raw))


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(key, st.binary(max_size=60)), max_size=12))
def test_exports_lead_back(tmp_path: Path, suffix: str, pairs: list[tuple[str, bytes]]) -> None:
    records = records_of(pairs)
    path = tmp_path / f"out{suffix}"
    with record_file(path) as write:
        write(records[:5])
        write(records[5:])
    assert list(saved_records(path)) == [(record.partition_key, record.data) for record in records]


def test_a_cancelled_export_leaves_nothing(service: StreamsService, tmp_path: Path) -> None:
    job = headless_job()
    job.cancel()
    with pytest.raises(JobCancelled):
        service.export(job, records_of([("k", b"1")]), tmp_path / "out.csv")
    assert list(tmp_path.glob("out*")) == list(tmp_path.glob(".out*")) == []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b'{"partition_key": "k", "data": "x"}\n[1]\n', "Line 2"),
        ("a.jsonl", b'{"partition_key": "k", "data_base64": "!"}\n', "Record 1"),
        ("a.jsonl", b'{"partition_key": "k", "data_base64": 5}\n', "Record 1"),
        ("a.csv", b"partition_key,data\nk,caf\xe9\n", "no CSV file in UTF-8"),
        ("a.parquet", b"no parquet", "no Parquet file"),
        ("a.txt", b"", "cannot be read back"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((OpsError, WrongUse), match=says):
        list(saved_records(tmp_path / name))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="cannot be read"):
        list(saved_records(tmp_path / "none.jsonl"))


def test_a_tap_can_be_replayed_into_another_stream(plane: Plane, service: StreamsService, tmp_path: Path) -> None:
    plane.create("first", 2)
    plane.create("second", 1)
    put(plane, "first", [(f"k{n % 7}", b"\xff%d" % n if n % 5 == 0 else b"%d" % n) for n in range(700)])
    tap = service.tap("first", TRIM_HORIZON)
    wait_until(lambda: tap.window.seen == 700, "all are seen")
    tap.stop()
    path = tmp_path / "out.parquet"
    service.export(headless_job(), tap.window.kept(), path)
    told = service.replay(headless_job(), "second", path)
    assert (told.acknowledged, told.dropped) == (700, 0)
    sent = [(record["PartitionKey"], record["Data"]) for record in plane.read_all("second")]
    for name in {name for name, _ in sent}:
        wanted = [record.data for record in tap.window.kept() if record.partition_key == name]
        assert [data for key, data in sent if key == name] == wanted
    with pytest.raises(OpsError) as missing:
        service.replay(headless_job(), "third", path)
    assert missing.value.code == "not-found"
    assert tap.wait(10)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_a_killed_tap_had_written_comes_in_sight(tmp_path: Path, suffix: str) -> None:
    """What is being written is left alone; so is what somebody else keeps under such a name."""
    path = tmp_path / f"out{suffix}"
    records = records_of([("k", b"one"), ("k", b"two")])
    with record_file(path) as write:
        write(records)
        assert list(recovered(path)) == []
    content = path.read_bytes()
    killed, stranger = tmp_path / f".{path.name}.abcd1234", tmp_path / f".{path.name}.notatap0"
    killed.write_bytes(content + content.splitlines(keepends=True)[-1][:-5])
    stranger.write_bytes(b"mine")
    (tmp_path / f"out.unfinished-1{suffix}").write_bytes(b"an older one")
    (told,) = recovered(path)
    kept = tmp_path / f"out.unfinished-2{suffix}"
    if suffix == ".parquet":
        assert "its file is gone" in told and not kept.exists()
    else:
        assert kept.name in told and kept.read_bytes() == content
        assert len(list(saved_records(kept))) == 2
    assert not killed.exists() and stranger.read_bytes() == b"mine" and path.read_bytes() == content


def test_a_tap_that_wrote_nothing_yet_is_left_alone(tmp_path: Path) -> None:
    path, empty = tmp_path / "out.jsonl", tmp_path / ".out.jsonl.abcd1234"
    empty.touch()
    assert list(recovered(path)) == [] and empty.exists()
    os.utime(empty, (0, 0))
    (told,) = recovered(path)
    assert "its file is gone" in told and not empty.exists()


def test_a_row_that_ends_within_a_field_is_no_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with record_file(path) as write:
        write(records_of([("k", b"one\r\nand two"), ("k", b"three\r\nand four")]))
    content = path.read_bytes()
    (tmp_path / ".out.csv.abcd1234").write_bytes(content[: content.index(b"and four")])
    path.unlink()
    (told,) = recovered(path)
    kept = tmp_path / "out.unfinished-1.csv"
    assert kept.name in told and list(saved_records(kept)) == [("k", b"one\r\nand two")]
