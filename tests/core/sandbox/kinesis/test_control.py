"""Streams and shards: life, resharding, listing, on-demand, fan-out, and the refusals, as boto3 sees them."""

from __future__ import annotations

import http.client
import itertools
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.core.sandbox.kinesis.asking import refused, until
from tests.core.sandbox.kinesis.plane import Plane

TOP = 2**128 - 1


def open_ranges(plane: Plane, name: str) -> list[tuple[int, int]]:
    return sorted(
        (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
        for shard in plane.shards(name)
        if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
    )


def covers_all(ranges: list[tuple[int, int]]) -> bool:
    return (
        ranges[0][0] == 0
        and ranges[-1][1] == TOP
        and all(left[1] + 1 == right[0] for left, right in itertools.pairwise(ranges))
    )


@pytest.fixture(scope="module")
def slow_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """CREATING and UPDATING last long enough to be seen on a busy machine."""
    made = Plane(tmp_path_factory.mktemp("slow"), "--passing", "1.5").start()
    yield made
    made.stop()


def state(plane: Plane, name: str) -> str:
    return str(plane.client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"])


def test_a_stream_lives_and_dies(slow_plane: Plane) -> None:
    plane = slow_plane
    plane.client.create_stream(StreamName="life", ShardCount=2)
    assert plane.client.describe_stream(StreamName="life")["StreamDescription"]["StreamStatus"] == "CREATING"
    with refused("ResourceNotFoundException"):
        plane.client.put_record(StreamName="life", Data=b"x", PartitionKey="k")
    with refused("ResourceInUseException"):
        plane.client.create_stream(StreamName="life", ShardCount=2)
    plane.until_active("life")
    arn = plane.client.describe_stream(StreamName="life")["StreamDescription"]["StreamARN"]
    assert plane.client.put_record(StreamARN=arn, Data=b"x", PartitionKey="k")["SequenceNumber"]
    assert "life" in plane.client.list_streams()["StreamNames"]
    plane.client.delete_stream(StreamName="life")
    until(lambda: "life" not in plane.client.list_streams()["StreamNames"])
    until(lambda: not list(plane.data.glob("streams/life@*")))
    plane.create("life", 1)
    assert plane.read_all("life") == []


def test_an_iterator_of_a_deleted_stream_does_not_read_its_successor(plane: Plane) -> None:
    plane.create("again", 1)
    iterator = plane.iterator("again", plane.shards("again")[0]["ShardId"])
    plane.client.delete_stream(StreamName="again")
    until(lambda: "again" not in plane.client.list_streams()["StreamNames"])
    plane.create("again", 1)
    with refused("ResourceNotFoundException"):
        plane.client.get_records(ShardIterator=iterator)


def test_split_keeps_the_parent_until_it_is_read(slow_plane: Plane) -> None:
    plane = slow_plane
    plane.client.create_stream(StreamName="scaled", ShardCount=2)
    plane.create("split", 1)
    plane.until_active("scaled")
    plane.client.put_record(StreamName="split", Data=b"before", PartitionKey="k")
    parent = plane.shards("split")[0]["ShardId"]
    tail = plane.iterator("split", parent, "LATEST")
    plane.client.split_shard(StreamName="split", ShardToSplit=parent, NewStartingHashKey=str(2**127))
    with refused("ResourceInUseException"):
        plane.client.split_shard(StreamName="split", ShardToSplit=parent, NewStartingHashKey=str(2**127))
    plane.client.put_record(StreamName="split", Data=b"while UPDATING", PartitionKey="k")
    assert state(plane, "split") == "UPDATING"
    plane.client.update_shard_count(StreamName="scaled", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    assert state(plane, "scaled") == "UPDATING"
    plane.until_active("split")
    plane.client.put_record(StreamName="split", Data=b"after", PartitionKey="k")
    listed = {shard["ShardId"]: shard for shard in plane.shards("split")}
    assert len(listed) == 3 and covers_all(open_ranges(plane, "split"))
    assert "EndingSequenceNumber" in listed[parent]["SequenceNumberRange"]
    page = plane.client.get_records(ShardIterator=tail)
    assert [record["Data"] for record in page["Records"]] == [b"while UPDATING"]
    assert "NextShardIterator" not in page
    assert [child["ParentShards"] for child in page["ChildShards"]] == [[parent], [parent]]
    after = [r for child in page["ChildShards"] for r in plane.read_shard("split", child["ShardId"])]
    assert [record["Data"] for record in after] == [b"after"]
    ending = listed[parent]["SequenceNumberRange"]["EndingSequenceNumber"]
    assert all(int(record["SequenceNumber"]) > int(ending) for record in after)
    with refused("InvalidArgumentException"):
        plane.client.split_shard(StreamName="split", ShardToSplit=parent, NewStartingHashKey=str(2**127))


def test_merge_needs_neighbours(plane: Plane) -> None:
    plane.create("merge", 3)
    one, two, three = [shard["ShardId"] for shard in plane.shards("merge")]
    with refused("InvalidArgumentException"):
        plane.client.merge_shards(StreamName="merge", ShardToMerge=one, AdjacentShardToMerge=three)
    plane.client.merge_shards(StreamName="merge", ShardToMerge=two, AdjacentShardToMerge=one)
    plane.until_active("merge")
    child = plane.shards("merge")[3]
    assert {child["ParentShardId"], child["AdjacentParentShardId"]} == {one, two}
    assert len(open_ranges(plane, "merge")) == 2 and covers_all(open_ranges(plane, "merge"))


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 3), (3, 5), (4, 3), (5, 3), (6, 4), (4, 2)])
def test_scaling_ends_in_equal_shards(plane: Plane, before: int, after: int) -> None:
    name = f"scale-{before}-{after}"
    plane.create(name, before)
    answer = plane.client.update_shard_count(StreamName=name, TargetShardCount=after, ScalingType="UNIFORM_SCALING")
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (before, after)
    plane.until_active(name)
    ranges = open_ranges(plane, name)
    assert len(ranges) == after and covers_all(ranges)
    widths = [high - low for low, high in ranges]
    assert max(widths) - min(widths) <= 1


def test_scaling_rules(plane: Plane) -> None:
    plane.create("rules", 2)
    for target, code in ((5, "LimitExceededException"), (2, "InvalidArgumentException")):
        with refused(code):
            plane.client.update_shard_count(StreamName="rules", TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    plane.create("demand", 0, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert len(plane.shards("demand")) == 4
    with refused("ValidationException"):
        plane.client.update_shard_count(StreamName="demand", TargetShardCount=8, ScalingType="UNIFORM_SCALING")


def test_an_acknowledged_reshard_survives_a_kill(tmp_path: Path) -> None:
    plane = Plane(tmp_path / "data", "--passing", "5").start()
    plane.client.create_stream(StreamName="s", ShardCount=2)
    plane.kill()
    plane.options = ("--passing", "0.2")
    plane.start()
    plane.until_active("s")
    plane.client.update_shard_count(StreamName="s", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    plane.kill()
    plane.start()
    plane.until_active("s")
    assert len(open_ranges(plane, "s")) == 4
    plane.kill()


def test_list_shards_pages_and_filters(plane: Plane) -> None:
    plane.create("many", 5)
    first = plane.client.list_shards(StreamName="many", MaxResults=2)
    second = plane.client.list_shards(NextToken=first["NextToken"], MaxResults=2)
    third = plane.client.list_shards(NextToken=second["NextToken"])
    ids = [shard["ShardId"] for page in (first, second, third) for shard in page["Shards"]]
    assert ids == [f"shardId-{n:012d}" for n in range(5)] and "NextToken" not in third
    with refused("InvalidArgumentException"):
        plane.client.list_shards(NextToken="bm9wZQ==")
    time.sleep(0.05)
    before = time.time()
    time.sleep(0.05)
    plane.client.split_shard(StreamName="many", ShardToSplit=ids[0], NewStartingHashKey="12345")
    plane.until_active("many")

    def count(**wanted: Any) -> int:
        return len(plane.client.list_shards(StreamName="many", ShardFilter=wanted)["Shards"])

    assert count(Type="AT_LATEST") == 6
    assert count(Type="AT_TIMESTAMP", Timestamp=before) == 5
    assert count(Type="FROM_TIMESTAMP", Timestamp=before) == 7
    assert count(Type="AT_TRIM_HORIZON") == 5
    assert count(Type="FROM_TRIM_HORIZON") == 7
    assert count(Type="AFTER_SHARD_ID", ShardId=ids[3]) == 3


def test_list_streams_pages(plane: Plane) -> None:
    for n in range(3):
        plane.create(f"zz-{n}", 1)
    names = [
        name
        for page in plane.client.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 2})
        for name in page["StreamNames"]
    ]
    assert names == sorted(set(names)) and {"zz-0", "zz-1", "zz-2"} <= set(names)


def test_retention_mode_tags_and_monitoring(plane: Plane) -> None:
    plane.create("facts", 1)
    plane.client.increase_stream_retention_period(StreamName="facts", RetentionPeriodHours=48)
    plane.until_active("facts")
    with refused("InvalidArgumentException"):
        plane.client.increase_stream_retention_period(StreamName="facts", RetentionPeriodHours=47)
    with refused("ValidationException"):
        plane.client.decrease_stream_retention_period(StreamName="facts", RetentionPeriodHours=1)
    summary = plane.client.describe_stream_summary(StreamName="facts")["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 48
    plane.client.add_tags_to_stream(StreamName="facts", Tags={"team": "web", "tier": "gold"})
    plane.client.remove_tags_from_stream(StreamName="facts", TagKeys=["tier"])
    assert plane.client.list_tags_for_stream(StreamName="facts")["Tags"] == [{"Key": "team", "Value": "web"}]
    metrics = plane.client.enable_enhanced_monitoring(StreamName="facts", ShardLevelMetrics=["ALL"])
    assert len(metrics["DesiredShardLevelMetrics"]) == 7
    arn = summary["StreamARN"]
    plane.client.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    plane.until_active("facts")
    with refused("UnknownOperationException"):
        plane.client.put_resource_policy(ResourceARN=arn, Policy="{}")


def test_encryption_is_kept_and_shown(tmp_path: Path) -> None:
    plane = Plane(tmp_path).start()
    plane.create("sealed", 1)
    plane.client.start_stream_encryption(StreamName="sealed", EncryptionType="KMS", KeyId="alias/aws/kinesis")
    plane.until_active("sealed")
    plane.kill()
    plane.start()
    told = plane.client.describe_stream_summary(StreamName="sealed")["StreamDescriptionSummary"]
    assert (told["EncryptionType"], told["KeyId"]) == ("KMS", "alias/aws/kinesis")
    plane.client.stop_stream_encryption(StreamName="sealed", EncryptionType="KMS", KeyId="alias/aws/kinesis")
    plane.until_active("sealed")
    told = plane.client.describe_stream(StreamName="sealed")["StreamDescription"]
    assert told["EncryptionType"] == "NONE" and "KeyId" not in told
    plane.stop()


def test_on_demand_splits_its_hottest_shard(plane: Plane) -> None:
    plane.create("hot", 0, StreamModeDetails={"StreamMode": "ON_DEMAND"})

    def hammer() -> bool:
        entries = [{"Data": b"x" * 5000, "PartitionKey": "one key"} for _ in range(400)]
        plane.client.put_records(StreamName="hot", Records=entries)
        return len(plane.shards("hot")) > 4

    until(hammer)
    plane.until_active("hot")
    assert covers_all(open_ranges(plane, "hot"))


def test_fan_out_pushes_records_and_ends_with_the_shard(plane: Plane) -> None:
    plane.create("pushed", 1)
    arn = plane.client.describe_stream_summary(StreamName="pushed")["StreamDescriptionSummary"]["StreamARN"]
    consumer = plane.client.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]
    with refused("ResourceInUseException"):
        plane.client.register_stream_consumer(StreamARN=arn, ConsumerName="reader")
    plane.client.put_record(StreamName="pushed", Data=b"0", PartitionKey="k")
    answer = plane.client.subscribe_to_shard(
        ConsumerARN=consumer["ConsumerARN"], ShardId="shardId-000000000000", StartingPosition={"Type": "TRIM_HORIZON"}
    )
    with refused("ResourceInUseException"):
        plane.new_client().subscribe_to_shard(
            ConsumerARN=consumer["ConsumerARN"], ShardId="shardId-000000000000", StartingPosition={"Type": "LATEST"}
        )

    def write() -> None:
        writer = plane.new_client()
        for n in range(1, 20):
            writer.put_record(StreamName="pushed", Data=str(n).encode(), PartitionKey="k")
        writer.split_shard(StreamName="pushed", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))

    writing = threading.Thread(target=write)
    writing.start()
    seen, children = [], []
    for event in answer["EventStream"]:
        part = event["SubscribeToShardEvent"]
        seen += [int(record["Data"]) for record in part["Records"]]
        children += part.get("ChildShards", [])
    writing.join()
    assert seen == list(range(20)) and len(children) == 2
    plane.client.deregister_stream_consumer(ConsumerARN=consumer["ConsumerARN"])
    assert plane.client.list_stream_consumers(StreamARN=arn)["Consumers"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", "SerializationException"),
        (b"[]", "SerializationException"),
        (b'{"StreamName":"s"}', "ResourceNotFoundException"),
        (b'{"StreamName":"raw","Records":[]}', "ValidationException"),
        (b'{"StreamName":"raw","Records":[{"Data":"###","PartitionKey":"k"}]}', "SerializationException"),
        (b'{"StreamName":"raw","Records":[{"Data":"eA==","PartitionKey":""}]}', "ValidationException"),
        (b'{"StreamName":"raw","Records":[{"Data":"eA=="}]}', "ValidationException"),
        (b'{"StreamName":"raw","Records":[7]}', "SerializationException"),
        (b'{"StreamName":"../../etc","Records":[]}', "ValidationException"),
        (
            b'{"StreamName":"raw","Records":[{"Data":"eA==","PartitionKey":"k","ExplicitHashKey":"%b"}]}' % (b"9" * 39),
            "InvalidArgumentException",
        ),
    ],
)
def test_bad_requests_are_refused_in_aws_words(plane: Plane, body: bytes, code: str) -> None:
    if "raw" not in plane.client.list_streams()["StreamNames"]:
        plane.create("raw", 1)
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=10)
    headers = {"X-Amz-Target": "Kinesis_20131202.PutRecords", "Content-Type": "application/x-amz-json-1.1"}
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    assert answer.status == 400 and orjson.loads(answer.read())["__type"] == code
    assert answer.headers["x-amzn-RequestId"]
    connection.close()


def test_hostile_bytes_do_not_end_it(plane: Plane) -> None:
    for garbage in (
        b"\x16\x03\x01\x02\x00",
        b"GET /" + b"a" * 70_000,
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", plane.port), timeout=5) as raw:
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass
    assert plane.client.list_streams()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_it_ends_when_its_stdin_does_and_guards_its_folder(tmp_path: Path) -> None:
    plane = Plane(tmp_path / "data").start()
    second = Plane(tmp_path / "data")
    with pytest.raises(AssertionError, match="ended before"):
        second.start()
    assert second.process is not None and second.process.wait(10) == 3
    second._close()
    assert plane.process is not None and plane.process.stdin is not None
    plane.process.stdin.close()
    assert plane.process.wait(10) == 0
    assert isinstance(plane.process, subprocess.Popen)
    plane.process.stdout.close()  # type: ignore[union-attr]
