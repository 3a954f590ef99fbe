"""Putting and reading: what is acknowledged is there, in order, whole, also after a kill."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.core.sandbox.kinesis.plane import Plane


def _refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_records_come_back_whole_and_in_order(plane: Plane) -> None:
    plane.create("whole", 1)
    sent = [(bytes([n % 256]) * n, f'key-{n}-Ü"\\\n') for n in range(1, 120)]
    answer = plane.client.put_records(
        StreamName="whole", Records=[{"Data": data, "PartitionKey": key} for data, key in sent]
    )
    assert answer["FailedRecordCount"] == 0
    records = plane.read_all("whole")
    assert [(record["Data"], record["PartitionKey"]) for record in records] == sent
    assert [record["SequenceNumber"] for record in records] == [entry["SequenceNumber"] for entry in answer["Records"]]
    numbers = [int(record["SequenceNumber"]) for record in records]
    assert numbers == sorted(set(numbers)) and all(len(record["SequenceNumber"]) == 56 for record in records)
    assert abs(records[0]["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 60


def test_keys_go_to_the_shard_of_their_md5(plane: Plane) -> None:
    plane.create("sharded", 4)
    keys = [f"user-{n}" for n in range(200)]
    answer = plane.client.put_records(
        StreamName="sharded", Records=[{"Data": b"x", "PartitionKey": key} for key in keys]
    )
    ranges = {
        shard["ShardId"]: (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
        for shard in plane.shards("sharded")
    }
    assert len(ranges) == 4 and len({entry["ShardId"] for entry in answer["Records"]}) == 4
    for key, entry in zip(keys, answer["Records"], strict=True):
        low, high = ranges[entry["ShardId"]]
        assert low <= int(hashlib.md5(key.encode()).hexdigest(), 16) <= high
    explicit = plane.client.put_record(
        StreamName="sharded", Data=b"x", PartitionKey="any", ExplicitHashKey=str(2**128 - 1)
    )
    assert ranges[explicit["ShardId"]][1] == 2**128 - 1


def test_iterator_kinds(plane: Plane) -> None:
    plane.create("kinds", 1)
    (shard,) = [entry["ShardId"] for entry in plane.shards("kinds")]

    def put(data: bytes) -> str:
        return str(plane.client.put_record(StreamName="kinds", Data=data, PartitionKey="k")["SequenceNumber"])

    def read(iterator: str) -> list[bytes]:
        return [record["Data"] for record in plane.client.get_records(ShardIterator=iterator)["Records"]]

    empty_latest = plane.iterator("kinds", shard, "LATEST")
    numbers = [put(b"one"), put(b"two")]
    time.sleep(0.02)
    between = time.time()
    time.sleep(0.02)
    numbers.append(put(b"three"))
    latest = plane.iterator("kinds", shard, "LATEST")
    future_records = plane.iterator("kinds", shard, "AT_TIMESTAMP", Timestamp=time.time())
    put(b"four")
    assert read(plane.iterator("kinds", shard)) == [b"one", b"two", b"three", b"four"]
    assert read(empty_latest) == [b"one", b"two", b"three", b"four"]
    assert read(latest) == [b"four"]
    at = plane.iterator("kinds", shard, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1])
    after = plane.iterator("kinds", shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1])
    assert read(at) == [b"two", b"three", b"four"]
    assert read(after) == [b"three", b"four"]
    assert read(plane.iterator("kinds", shard, "AT_TIMESTAMP", Timestamp=between)) == [b"three", b"four"]
    assert read(future_records) == [b"four"]
    with pytest.raises(ClientError) as error:
        plane.iterator("kinds", shard, "AT_SEQUENCE_NUMBER", StartingSequenceNumber="123")
    assert _refused(error) == "InvalidArgumentException"


def test_pages_by_limit_tell_how_far_behind(plane: Plane) -> None:
    plane.create("paged", 1)
    (shard,) = [entry["ShardId"] for entry in plane.shards("paged")]
    for first in (0, 40):
        plane.client.put_records(
            StreamName="paged",
            Records=[{"Data": str(n).encode(), "PartitionKey": "k"} for n in range(first, first + 40)],
        )
        time.sleep(0.01)
    iterator, seen, behind = plane.iterator("paged", shard), [], []
    for _ in range(4):
        page = plane.client.get_records(ShardIterator=iterator, Limit=25)
        seen += [int(record["Data"]) for record in page["Records"]]
        behind.append(page["MillisBehindLatest"])
        iterator = page["NextShardIterator"]
    assert seen == list(range(80))
    assert all(value > 0 for value in behind[:3]) and behind[3] == 0
    assert plane.client.get_records(ShardIterator=iterator)["Records"] == []


def test_a_page_holds_ten_mebibytes_at_most(plane: Plane) -> None:
    plane.create("heavy", 1)
    (shard,) = [entry["ShardId"] for entry in plane.shards("heavy")]
    for _ in range(13):
        plane.client.put_record(StreamName="heavy", Data=b"\0" * ((1 << 20) - 1), PartitionKey="k")
    page = plane.client.get_records(ShardIterator=plane.iterator("heavy", shard))
    assert len(page["Records"]) == 10
    assert sum(len(record["Data"]) for record in page["Records"]) <= 10 << 20
    rest = plane.client.get_records(ShardIterator=page["NextShardIterator"])
    assert len(rest["Records"]) == 3


def test_iterators_expire(plane: Plane) -> None:
    plane.create("aging", 1)
    iterator = plane.iterator("aging", plane.shards("aging")[0]["ShardId"])
    plane.control("SetFaults", IteratorSeconds=0.05)
    try:
        time.sleep(0.1)
        with pytest.raises(ClientError) as error:
            plane.client.get_records(ShardIterator=iterator)
    finally:
        plane.control("SetFaults", IteratorSeconds=300)
    assert _refused(error) == "ExpiredIteratorException"
    assert plane.client.get_records(ShardIterator=iterator)["Records"] == []


@pytest.mark.parametrize("forged", ["", "x", "AAAAAAAAAAE=", "AAAAAAAAAAEAAAAAcHwxfDB8MXwwfDA="])
def test_forged_iterators_are_refused(plane: Plane, forged: str) -> None:
    with pytest.raises(Exception, match=r"Invalid ShardIterator|Invalid length|length between"):
        plane.client.get_records(ShardIterator=forged)


def test_a_kill_loses_nothing_acknowledged(tmp_path: Path) -> None:
    plane = Plane(tmp_path / "data", "--segment-bytes", "20000").start()
    plane.create("kept", 2)
    acknowledged: list[tuple[str, bytes]] = []
    for round_number in range(3):
        for n in range(8):
            entries = [{"Data": f"{round_number}-{n}-{k}".encode(), "PartitionKey": f"k{k}"} for k in range(60)]
            answer = plane.client.put_records(StreamName="kept", Records=entries)
            acknowledged += [
                (stored["SequenceNumber"], entry["Data"])
                for entry, stored in zip(entries, answer["Records"], strict=True)
                if "SequenceNumber" in stored
            ]
        plane.kill()
        plane.start()
    found = [(record["SequenceNumber"], record["Data"]) for record in plane.read_all("kept")]
    assert sorted(found) == sorted(acknowledged)
    assert plane.stop() == 0


def test_a_torn_last_frame_is_cut_off(tmp_path: Path) -> None:
    plane = Plane(tmp_path / "data").start()
    plane.create("torn", 1)
    for n in range(5):
        plane.client.put_record(StreamName="torn", Data=str(n).encode(), PartitionKey="k")
    plane.kill()
    (segment,) = (tmp_path / "data").glob("streams/*/*.log")
    content = segment.read_bytes()
    segment.write_bytes(content + content[: len(content) // 7])  # half a frame, as a kill within a write leaves it
    plane.start()
    assert [record["Data"] for record in plane.read_all("torn")] == [b"0", b"1", b"2", b"3", b"4"]
    plane.client.put_record(StreamName="torn", Data=b"5", PartitionKey="k")
    plane.kill()
    plane.start()
    assert [record["Data"] for record in plane.read_all("torn")] == [b"0", b"1", b"2", b"3", b"4", b"5"]
    plane.kill()


def test_the_byte_cap_drops_the_oldest_and_says_so(tmp_path: Path) -> None:
    plane = Plane(tmp_path / "data", "--segment-bytes", "50000", "--retention-bytes", "200000").start()
    plane.control("SetFaults", LimitScale=0)
    plane.create("capped", 1)
    for n in range(30):
        plane.client.put_records(
            StreamName="capped", Records=[{"Data": b"%04d" % n + b"x" * 200, "PartitionKey": "k"} for _ in range(50)]
        )
    deadline = time.monotonic() + 10
    # Not until the first drop: that one may have come while records were still being put.
    while (status := plane.control("Status"))["Streams"]["capped"]["BytesOnDisk"] > 250_000:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    kept = plane.read_all("capped")
    assert status["Streams"]["capped"]["BytesOnDisk"] <= 250_000
    assert status["DroppedByByteCap"] + len(kept) == 30 * 50
    assert kept[-1]["Data"].startswith(b"0029") and len(kept) > 100
    last = kept[-1]["SequenceNumber"]
    plane.kill()
    plane.start()
    assert [record["SequenceNumber"] for record in plane.read_all("capped")][-1] == last
    plane.kill()


def test_a_damaged_stream_is_kept_aside_and_the_others_open(tmp_path: Path) -> None:
    plane = Plane(tmp_path / "data").start()
    for name in ("good", "bad"):
        plane.create(name, 1)
        plane.client.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    plane.kill()
    (facts,) = (tmp_path / "data").glob("streams/bad@*/stream.json")
    facts.write_bytes(facts.read_bytes()[:40])
    plane.start()
    assert plane.client.list_streams()["StreamNames"] == ["good"]
    assert [record["Data"] for record in plane.read_all("good")] == [b"x"]
    assert len(list((tmp_path / "data" / "damaged").glob("bad@*/*.log"))) == 1
    plane.kill()
