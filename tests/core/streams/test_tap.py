"""A tap sees every record once and in order, whatever happens to shards, iterators, limits and the network."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from core.base.errors import OpsError, WrongUse
from core.streams.aggregation import UserRecord
from core.streams.decode import Record
from core.streams.filters import filter_of
from core.streams.keys import hash_key
from core.streams.pages import StreamSource
from core.streams.positions import LATEST, TRIM_HORIZON, Start, start_from
from core.streams.reader import Pace
from core.streams.service import StreamsService
from core.streams.tap import Tap
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.conftest import put, session, wait_until
from tests.fakes.kpl import aggregated
from tests.fakes.wire import wire_to

QUICK = Pace(reads_per_second=20, slow_interval=0.1)


@contextmanager
def tapped(
    url: str,
    stream: str,
    start: Start = TRIM_HORIZON,
    *,
    pace: Pace = QUICK,
    shards: tuple[str, ...] = (),
    unseen: float | None = None,
    kept: int = 50_000,
    on_records: Callable[[list[Record]], None] | None = None,
) -> Iterator[Tap]:
    source = StreamSource(session(url), stream)
    tap = Tap(source, start=start, pace=pace, shards=shards, unseen_seconds=unseen, kept=kept, on_records=on_records)
    tap.open()
    try:
        yield tap
    finally:
        tap.stop()
        assert tap.wait(40)


def numbered(first: int, count: int, keys: int = 50) -> list[tuple[str, bytes]]:
    return [(f"key-{n % keys}", b"%d" % n) for n in range(first, first + count)]


def numbers(tap: Tap) -> list[int]:
    return [int(record.data) for record in tap.window.kept()]


def assert_in_order_within_keys(records: list[Record]) -> None:
    by_key: dict[str, list[int]] = {}
    for record in records:
        by_key.setdefault(record.partition_key, []).append(int(record.data))
    for key, found in by_key.items():
        assert all(a < b for a, b in pairwise(found)), key


def test_reads_everything_once_and_in_order(plane: Plane) -> None:
    plane.create("all", 4)
    put(plane, "all", numbered(0, 5_000))
    with tapped(plane.url, "all") as tap:
        wait_until(lambda: tap.window.seen == 5_000, "all are seen")
        wait_until(lambda: tap.caught_up, "it is caught up")
        assert sorted(numbers(tap)) == list(range(5_000))
        assert_in_order_within_keys(tap.window.kept())
        status = tap.status()
        assert (status.state, status.failure) == ("reading", None)
        assert sum(shard.records for shard in status.shards) == 5_000


def test_latest_begins_at_the_start_and_misses_nothing_after_it(plane: Plane) -> None:
    plane.create("now", 3)
    put(plane, "now", numbered(0, 300))
    time.sleep(0.05)
    with tapped(plane.url, "now", LATEST) as tap:
        put(plane, "now", numbered(300, 300))  # some shards have not been asked yet
        wait_until(lambda: tap.window.seen >= 300, "the new ones are seen")
        assert sorted(numbers(tap)) == list(range(300, 600))


def test_starts_at_a_time_and_at_a_sequence(plane: Plane) -> None:
    plane.create("places", 1)
    put(plane, "places", numbered(0, 10))
    time.sleep(1.2)
    moment = datetime.now(UTC)
    put(plane, "places", numbered(10, 10))
    with tapped(plane.url, "places", start_from(moment.isoformat(), datetime.now(UTC))) as tap:
        wait_until(lambda: tap.window.seen == 10, "those since the time are seen")
        fourth = tap.window.kept()[3]
    with tapped(plane.url, "places", start_from(f"0:{fourth.sequence}", datetime.now(UTC))) as tap:
        wait_until(lambda: tap.window.seen == 7, "those since the sequence are seen")
        assert numbers(tap) == list(range(13, 20))


def test_children_follow_their_parents_through_splits_and_merges(plane: Plane) -> None:
    plane.create("reshard", 2)
    stop = threading.Event()
    sent = 0

    def keep_putting() -> None:
        nonlocal sent
        while not stop.is_set():
            put(plane, "reshard", numbered(sent, 100))
            sent += 100

    writer = threading.Thread(target=keep_putting)
    with tapped(plane.url, "reshard") as tap:
        writer.start()
        client = plane.client
        client.split_shard(StreamName="reshard", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126))
        plane.until_active("reshard")
        time.sleep(0.3)
        client.merge_shards(
            StreamName="reshard", ShardToMerge="shardId-000000000003", AdjacentShardToMerge="shardId-000000000001"
        )
        plane.until_active("reshard")
        time.sleep(0.3)
        client.update_shard_count(StreamName="reshard", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
        plane.until_active("reshard")
        time.sleep(0.3)
        stop.set()
        writer.join()
        wait_until(lambda: tap.window.seen >= sent, f"all {sent} are seen")

        def states(word: str) -> int:
            return [status.state for status in tap.status().shards].count(word)

        wait_until(lambda: states("reading") == 4 and states("closed") >= 4, "the last generation is read")
        assert sorted(numbers(tap)) == list(range(sent))
        assert_in_order_within_keys(tap.window.kept())


def test_a_closed_and_drained_stream_is_read_through_its_generations(plane: Plane) -> None:
    plane.create("old", 1)
    put(plane, "old", numbered(0, 100))
    plane.client.update_shard_count(StreamName="old", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    plane.until_active("old")
    put(plane, "old", numbered(100, 100))
    with tapped(plane.url, "old") as tap:
        wait_until(lambda: tap.window.seen == 200, "both generations are seen")
        assert_in_order_within_keys(tap.window.kept())


def test_expired_iterators_lose_and_double_nothing(plane: Plane) -> None:
    plane.control("SetFaults", IteratorSeconds=0.2)
    plane.create("expiry", 2)
    with tapped(plane.url, "expiry", LATEST, pace=Pace(reads_per_second=2)) as tap:
        for batch in range(4):
            put(plane, "expiry", numbered(batch * 50, 50))
            time.sleep(0.4)
        wait_until(lambda: tap.window.seen >= 200, "all are seen")
        wait_until(lambda: sum(status.expired for status in tap.status().shards) >= 4, "iterators have expired")
        assert sorted(numbers(tap)) == list(range(200))


def test_pausing_loses_nothing(plane: Plane) -> None:
    plane.control("SetFaults", IteratorSeconds=0.3)
    plane.create("pause", 2)
    with tapped(plane.url, "pause", LATEST) as tap:
        put(plane, "pause", numbered(0, 100))
        wait_until(lambda: tap.window.seen == 100, "the first are seen")
        tap.pause()
        assert tap.state == "paused"
        # Both shards' readers are back in the queue, beside the next listing: a call under way would still be taken.
        wait_until(lambda: len(tap._reader._due) == 3, "no call is under way")
        put(plane, "pause", numbered(100, 400))
        time.sleep(0.5)
        assert tap.window.seen == 100
        tap.resume()
        wait_until(lambda: tap.window.seen == 500, "the rest is seen")
        assert sorted(numbers(tap)) == list(range(500))


def test_throttles_are_counted_and_slow_the_reader_down(plane: Plane) -> None:
    plane.create("hurt", 2)
    put(plane, "hurt", numbered(0, 400))
    plane.control("SetFaults", ThrottleShare=0.5)
    with tapped(plane.url, "hurt") as tap:
        wait_until(lambda: sum(shard.throttles for shard in tap.status().shards) >= 2, "throttles are counted")
        plane.control("SetFaults", ThrottleShare=0)
        wait_until(lambda: tap.window.seen == 400, "all are seen in the end", 30)
        assert sorted(numbers(tap)) == list(range(400))
        status = tap.status()
        assert status.throttles_per_minute >= 2
        assert tap.failure is None
        charted = tap.window.series(60, time.time() + 1).throttles
        assert {shard.shard.id: shard.throttles for shard in status.shards if shard.throttles} == {
            shard: int(line.sum()) for shard, line in charted.items()
        }


def test_a_shard_slows_down_for_the_others_after_a_throttle(plane: Plane) -> None:
    """The real limit of five reads a second: two greedy taps, and both end up gentle."""
    plane.control("SetFaults", LimitScale=1)
    plane.create("shared", 1)
    greedy = Pace(reads_per_second=20, slow_interval=1.0)
    with tapped(plane.url, "shared", pace=greedy) as one, tapped(plane.url, "shared", pace=greedy) as two:
        wait_until(lambda: one.status().throttles_per_minute + two.status().throttles_per_minute > 0, "a throttle")
        throttled = one if one.status().throttles_per_minute else two
        reads = throttled.status().shards[0].reads
        time.sleep(1.5)
        assert throttled.status().shards[0].reads - reads <= 3


def test_faults_of_the_service_are_retried_and_counted(plane: Plane) -> None:
    plane.create("errors", 1)
    put(plane, "errors", numbered(0, 200))
    with tapped(plane.url, "errors") as tap:
        plane.control("SetFaults", ErrorShare=0.5)
        put_later = numbered(200, 50)
        wait_until(lambda: tap.status().shards and tap.status().shards[0].retries >= 1, "a retry")
        plane.control("SetFaults", ErrorShare=0)
        put(plane, "errors", put_later)
        wait_until(lambda: tap.window.seen == 250, "all are seen", 40)
        assert numbers(tap) == list(range(250))


def test_cut_and_stalled_connections_lose_nothing(plane: Plane) -> None:
    plane.create("cut", 2)
    put(plane, "cut", numbered(0, 4_000))
    with wire_to(plane.port) as wire, tapped(wire.url, "cut", pace=Pace(20, limit=200, limit_behind=200)) as tap:
        wire.cut_after = 30_000
        for _ in range(5):
            time.sleep(0.1)
            wire.cut()
        wire.refusing = True
        wire.cut()
        wait_until(
            lambda: any(shard.trouble and shard.trouble.code == "unreachable" for shard in tap.status().shards),
            "the trouble is shown",
        )
        wire.refusing, wire.cut_after = False, None
        wait_until(lambda: tap.window.seen >= 4_000, "all are seen", 60)
        assert sorted(numbers(tap)) == list(range(4_000))
        assert sum(status.retries for status in tap.status().shards) > 0
        wait_until(lambda: all(not shard.trouble for shard in tap.status().shards), "the trouble is over")


def test_a_deleted_stream_fails_in_words_and_stops_reading(plane: Plane) -> None:
    plane.create("gone", 1)
    with tapped(plane.url, "gone") as tap:
        plane.client.delete_stream(StreamName="gone")
        wait_until(lambda: tap.state == "failed", "the tap noticed")
        assert tap.failure is not None
        assert tap.failure.code == "not-found"
        wait_until(lambda: "gone" not in plane.client.list_streams()["StreamNames"], "the stream is gone")
        plane.create("gone", 1)
        tap.resume()  # the same name, another stream: its records are read or the trouble is told again
        wait_until(lambda: tap.state in ("reading", "failed"), "it tried again")


def test_no_stream_no_endpoint_no_shard(plane: Plane, service: StreamsService) -> None:
    with pytest.raises(OpsError, match="list the shards of nothing") as missing:
        service.tap("nothing")
    assert missing.value.code == "not-found"
    with pytest.raises(OpsError) as dead:
        Tap(StreamSource(session("http://127.0.0.1:9"), "s")).open()
    assert dead.value.code == "unreachable"
    plane.create("two", 2)
    with pytest.raises(WrongUse, match="no shard shardId-000000000007"):
        service.tap("two", shards=["7"])


def test_only_the_named_shards_and_what_they_become(plane: Plane) -> None:
    plane.create("some", 2)
    put(plane, "some", numbered(0, 200))
    with tapped(plane.url, "some", shards=("shardId-000000000001",)) as tap:
        wait_until(lambda: tap.caught_up and tap.window.seen > 0, "the shard is read")
        assert {record.shard for record in tap.window.kept()} == {"shardId-000000000001"}
        plane.client.split_shard(
            StreamName="some", ShardToSplit="shardId-000000000001", NewStartingHashKey=str(2**127 + 2**126)
        )
        plane.until_active("some")
        put(plane, "some", numbered(200, 200))
        wait_until(lambda: len({record.shard for record in tap.window.kept()}) == 3, "its children are read")


def test_the_busiest_shard_is_measured_by_records_and_by_bytes(plane: Plane) -> None:
    plane.create("hot", 2)
    keys = {
        number: next(str(n) for n in range(99) if (hash_key(str(n)) >= 2**127) == bool(number)) for number in (0, 1)
    }
    put(plane, "hot", [(keys[0], b"x") for _ in range(500)])
    tap = Tap(StreamSource(session(plane.url), "hot"), start=TRIM_HORIZON, pace=QUICK)
    tap.open()
    wait_until(lambda: tap.window.seen == 500, "they are read")
    shard, share = tap.status().busiest
    assert shard == "shardId-000000000000" and 0.05 <= share <= 0.5  # 500 of 1,000 a second, in one to ten seconds
    put(plane, "hot", [(keys[1], b"x" * 900_000), (keys[1], b"x" * 900_000)])
    wait_until(lambda: tap.window.seen == 502, "the large ones are read")
    assert tap.status().busiest[0] == "shardId-000000000001"
    tap.stop()
    assert tap.wait(10)


def test_an_unseen_tap_pauses_by_itself(plane: Plane) -> None:
    plane.create("unseen", 1)
    with tapped(plane.url, "unseen", unseen=3_600) as tap:
        wait_until(lambda: tap.status().shards[0].reads > 2, "it reads")
        assert tap.state == "reading"
        tap._looked -= 3_601  # an hour later
        wait_until(lambda: tap.state == "unseen", "nobody looks")
        put(plane, "unseen", numbered(0, 10))
        tap.resume()
        wait_until(lambda: tap.window.seen == 10, "it reads on")


def test_a_slow_taker_holds_reading_back_without_loss(plane: Plane) -> None:
    plane.control("SetFaults", IteratorSeconds=0.3)
    plane.create("slow", 1)
    put(plane, "slow", numbered(0, 1_000))
    door, entered = threading.Event(), threading.Event()
    taken: list[int] = []

    def take(records: list[Record]) -> None:
        entered.set()
        door.wait(30)
        taken.extend(int(record.data) for record in records)

    with tapped(plane.url, "slow", pace=Pace(20, limit=100, limit_behind=100), on_records=take) as tap:
        assert entered.wait(20)
        time.sleep(0.8)  # longer than the iterator lives that this page brought
        assert tap.window.seen <= 100
        door.set()
        wait_until(lambda: len(taken) == 1_000, "all were taken")
        assert taken == list(range(1_000))
        assert tap.status().shards[0].expired >= 1


def test_inner_keys_of_aggregates_are_counted(plane: Plane) -> None:
    plane.create("kpl", 1)
    packed = aggregated([UserRecord(f"user-{n % 3}", None, b"%d" % n) for n in range(300)])
    put(plane, "kpl", [("a", packed)] * 4)
    with tapped(plane.url, "kpl") as tap:
        wait_until(lambda: tap.window.seen == 1_200, "the user records are seen")
        assert [(key.key, key.count, key.error) for key in tap.window.top_keys(2)] == [
            ("user-2", 400, 0),
            ("user-1", 400, 0),
        ]
        assert tap.status().decode.aggregates == 4


def test_a_filter_finds_rare_records_among_many(plane: Plane) -> None:
    plane.create("rare", 2)
    with tapped(plane.url, "rare", kept=1_000) as tap:
        put(plane, "rare", [(f"k{n}", b'{"n":%d}' % n) for n in range(1_500)])
        wait_until(lambda: tap.window.seen == 1_500, "all are seen")
        assert len(tap.window.kept()) == 1_000
        wanted = filter_of("$.n = 1499 or $.n = 2777")
        assert wanted is not None
        tap.window.filter(wanted)
        assert [record.json()["n"] for record in tap.window.since(0).records] == [1_499]
        put(plane, "rare", [(f"k{n}", b'{"n":%d}' % n) for n in range(1_500, 5_000)])
        wait_until(lambda: tap.window.seen == 5_000, "the new ones are seen")
        assert sorted(record.json()["n"] for record in tap.window.kept(matching=True)) == [1_499, 2_777]
        tap.window.filter(None)
        slice_ = tap.window.since(0)
        assert (slice_.kept, slice_.seen, len(slice_.records)) == (1_000, 5_000, 1_000)
