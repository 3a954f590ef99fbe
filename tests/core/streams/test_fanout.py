"""Enhanced fan-out on request: no gap, nothing twice, and the consumer never stays behind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.base.errors import OpsError
from core.jobs.job import headless_job
from core.streams.fanout import FanOutSource
from core.streams.positions import TRIM_HORIZON
from core.streams.service import StreamsService
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.conftest import put, session, wait_until
from tests.core.streams.test_tap import assert_in_order_within_keys, numbered


def consumers(plane: Plane, stream: str) -> list[str]:
    arn = plane.client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    return [entry["ConsumerName"] for entry in plane.client.list_stream_consumers(StreamARN=arn)["Consumers"]]


def test_a_tap_goes_on_by_fan_out_without_a_gap(plane: Plane, service: StreamsService) -> None:
    plane.create("pushed", 2)
    put(plane, "pushed", numbered(0, 500))
    polled = service.tap("pushed", TRIM_HORIZON)
    wait_until(lambda: polled.window.seen == 500, "the first are read by polling")
    tap = service.fan_out(headless_job(), polled)
    try:
        assert polled.state == "stopped"
        assert len(consumers(plane, "pushed")) == 1
        put(plane, "pushed", numbered(500, 500))
        wait_until(lambda: tap.window.seen == 1_000, "the rest is pushed")
        plane.client.split_shard(
            StreamName="pushed", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126)
        )
        plane.until_active("pushed")
        put(plane, "pushed", numbered(1_000, 500))
        wait_until(lambda: tap.window.seen == 1_500, "children are pushed, too")
        records = tap.window.kept()
        assert sorted(int(record.data) for record in records) == list(range(1_500))
        assert_in_order_within_keys(records)
        assert tap.status().budget == 0
    finally:
        tap.stop()
    wait_until(lambda: consumers(plane, "pushed") == [], "the consumer is deregistered")
    assert tap.wait(40)


def test_where_no_consumer_can_be_registered_the_tap_goes_on(plane: Plane, service: StreamsService) -> None:
    plane.create("crowded", 1)
    arn = plane.client.describe_stream_summary(StreamName="crowded")["StreamDescriptionSummary"]["StreamARN"]
    for number in range(20):
        plane.client.register_stream_consumer(StreamARN=arn, ConsumerName=f"other-{number}")
    tap = service.tap("crowded", TRIM_HORIZON)
    with pytest.raises(OpsError, match="register a consumer"):
        service.fan_out(headless_job(), tap)
    put(plane, "crowded", numbered(0, 10))
    wait_until(lambda: tap.window.seen == 10, "polling goes on")
    tap.stop()
    assert tap.wait(10)
    assert len(consumers(plane, "crowded")) == 20


def test_what_a_crash_left_is_swept_up(plane: Plane) -> None:
    plane.create("left", 1)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    arn = plane.client.describe_stream_summary(StreamName="left")["StreamDescriptionSummary"]["StreamARN"]
    source = FanOutSource(session(plane.url), "left")
    stale = source.consumer.replace(f"-{source.consumer.split('-')[-2]}-", f"-{dead.pid}-")
    for name in (stale, "opsdesk-tap-elsewhere-1-1", "other"):
        plane.client.register_stream_consumer(StreamARN=arn, ConsumerName=name)
    source.register(headless_job())
    assert sorted(consumers(plane, "left")) == sorted([source.consumer, "opsdesk-tap-elsewhere-1-1", "other"])
    source.close()
    assert source.consumer not in consumers(plane, "left")


def test_deregistering_is_tried_again_and_a_lasting_failure_is_told(plane: Plane) -> None:
    plane.create("stuck", 1)
    source = FanOutSource(session(plane.url), "stuck")
    source.register(headless_job())
    plane.control("SetFaults", ErrorShare=1)
    with pytest.raises(OpsError, match="deregister the consumer"):
        source.close()
    plane.control("SetFaults", ErrorShare=0)
    assert consumers(plane, "stuck") == [source.consumer]
    source.close()
    assert consumers(plane, "stuck") == []
    source.close()  # nothing is left to do
