"""What the plane refuses because it is too much or because a dial says so, and what CloudWatch would tell of it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.core.sandbox.kinesis.asking import dials, refused, until
from tests.core.sandbox.kinesis.plane import Plane


def test_write_limits_fail_in_part_and_only_what_is_over(plane: Plane) -> None:
    plane.create("limited", 1)
    sent, failed, codes = 0, 0, set()
    with dials(plane, LimitScale=1):
        while not failed:  # as fast as they are answered: a thousand pass in a second
            assert sent < 40_000, "nothing was refused"
            entries = [{"Data": b"x", "PartitionKey": str(n)} for n in range(400)]
            answer = plane.client.put_records(StreamName="limited", Records=entries)
            assert answer["FailedRecordCount"] == sum("ErrorCode" in entry for entry in answer["Records"])
            sent, failed = sent + 400, answer["FailedRecordCount"]
            codes |= {entry["ErrorCode"] for entry in answer["Records"] if "ErrorCode" in entry}
    assert failed < 400
    assert codes == {"ProvisionedThroughputExceededException"}
    assert len(plane.read_all("limited")) == sent - failed


def test_a_shard_takes_in_a_mebibyte_a_second(plane: Plane) -> None:
    plane.create("wide", 1)
    with dials(plane, LimitScale=1):
        entries = [{"Data": b"x" * 400_000, "PartitionKey": str(n)} for n in range(4)]
        answer = plane.client.put_records(StreamName="wide", Records=entries)
    assert answer["FailedRecordCount"] == 2
    assert ["ErrorCode" in entry for entry in answer["Records"]] == [False, False, True, True]


def test_read_limits(plane: Plane) -> None:
    plane.create("read-limited", 1)
    iterator = plane.iterator("read-limited", "shardId-000000000000")
    with dials(plane, LimitScale=1):
        with refused("ProvisionedThroughputExceededException"):
            for _ in range(60):  # as fast as they are answered: five pass in a second
                plane.client.get_records(ShardIterator=iterator)


def test_after_a_full_page_a_shard_is_silent_for_seconds(plane: Plane) -> None:
    """2 MiB a second: a page of 10 MiB is served, and paid for."""
    plane.create("read-wide", 1)
    megabyte = {"Data": b"x" * ((1 << 20) - 1), "PartitionKey": "k"}
    assert plane.client.put_records(StreamName="read-wide", Records=[megabyte] * 10)["FailedRecordCount"] == 0
    iterator = plane.iterator("read-wide", "shardId-000000000000")
    with dials(plane, LimitScale=1):
        page = plane.client.get_records(ShardIterator=iterator)
        assert len(page["Records"]) == 10
        for _ in range(2):
            with refused("ProvisionedThroughputExceededException"):
                plane.client.get_records(ShardIterator=page["NextShardIterator"])
            time.sleep(0.3)
    with dials(plane, LimitScale=100):
        assert until(lambda: _read_or_none(plane, page["NextShardIterator"]))["Records"] == []


def _read_or_none(plane: Plane, iterator: str) -> Any:
    try:
        return plane.client.get_records(ShardIterator=iterator)
    except ClientError:
        return None


def test_dials(plane: Plane) -> None:
    plane.create("dials", 1)
    with dials(plane, ThrottleShare=1):
        with refused("ProvisionedThroughputExceededException"):
            plane.client.put_record(StreamName="dials", Data=b"x", PartitionKey="k")
    with dials(plane, ErrorShare=1):
        with refused("InternalFailure"):
            plane.client.put_record(StreamName="dials", Data=b"x", PartitionKey="k")
    with dials(plane, LostAnswerShare=1):
        with refused("InternalFailure"):
            plane.client.put_record(StreamName="dials", Data=b"stored", PartitionKey="k")
    assert [record["Data"] for record in plane.read_all("dials")] == [b"stored"]
    began = time.monotonic()
    with dials(plane, LatencyMs=150):
        plane.client.put_record(StreamName="dials", Data=b"x", PartitionKey="k")
    assert time.monotonic() - began >= 0.15
    with pytest.raises(urllib.error.HTTPError, match="400") as unknown:
        plane.control("SetFaults", Gravity=2)
    unknown.value.close()


def test_too_many_and_too_large(plane: Plane) -> None:
    plane.create("sizes", 1)
    with refused("ValidationException"):
        plane.client.put_records(StreamName="sizes", Records=[{"Data": b"x", "PartitionKey": "k"}] * 501)
    with refused("ValidationException"):
        plane.client.put_record(StreamName="sizes", Data=b"x" * (1 << 20), PartitionKey="k")
    megabyte = {"Data": b"x" * ((1 << 20) - 1), "PartitionKey": "k"}
    assert plane.client.put_records(StreamName="sizes", Records=[megabyte] * 10)["FailedRecordCount"] == 0
    with refused("InvalidArgumentException"):
        plane.client.put_records(StreamName="sizes", Records=[megabyte] * 10 + [{"Data": b"x", "PartitionKey": "k"}])


def test_cloudwatch_knows_the_streams_and_refuses_what_it_cannot(plane: Plane) -> None:
    plane.create("figures", 1)
    for _ in range(3):
        plane.client.put_record(StreamName="figures", Data=b"12345", PartitionKey="key")
    now = time.time()

    def ask(metric: str, statistic: str, period: int = 3600) -> Any:
        dimensions = [{"Name": "StreamName", "Value": "figures"}]
        stat = {"Metric": {"Namespace": "AWS/Kinesis", "MetricName": metric, "Dimensions": dimensions}}
        query = {"Id": "a", "MetricStat": {**stat, "Period": period, "Stat": statistic}}
        body = json.dumps({"StartTime": now - 600, "EndTime": now + 600, "MetricDataQueries": [query]}).encode()
        target = {"X-Amz-Target": "GraniteServiceVersion20100801.GetMetricData"}
        with urllib.request.urlopen(urllib.request.Request(plane.url, body, target), timeout=10) as answer:
            return json.load(answer)["MetricDataResults"][0]["Values"]

    assert sum(ask("IncomingRecords", "Sum")) == 3
    assert sum(ask("IncomingBytes", "Sum")) == 3 * 8
    assert ask("NeverHeardOf", "Sum") == []
    for words in (("IncomingRecords", "p99"), ("IncomingRecords", "Sum", 7)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(*words)
        refused.value.close()
