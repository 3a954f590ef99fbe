"""Reading when the endpoint stalls, lies or ends a shard in its own way, and when whoever takes the pages fails."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime

import pytest

from core.base.errors import OpsError
from core.streams.decode import Decoder, Record
from core.streams.pages import AtEnd, Expired, Page, RawRecord, Shard, StreamSource, Throttled
from core.streams.positions import LATEST, SHARD_END, TRIM_HORIZON, Checkpoint, Position, Start
from core.streams.reader import Pace, ShardReader
from core.streams.reading import StreamReader
from core.streams.tap import SILENT, Tap
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.conftest import put, session, wait_until
from tests.core.streams.test_tap import QUICK, numbered, numbers
from tests.fakes.lying import lying
from tests.fakes.wire import wire_to

PARENT, LEFT, RIGHT = (f"shardId-{n:012d}" for n in range(3))
MIDDLE, LAST = 2**127, 2**128 - 1


def test_a_stalled_endpoint_is_shown_given_up_and_asked_again(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.streams.tap.SILENT", 0.3)
    plane.create("stalled", 2)
    put(plane, "stalled", numbered(0, 300))
    with wire_to(plane.port) as wire:
        source = StreamSource(session(wire.url), "stalled", read_timeout=1.0)
        tap = Tap(source, start=TRIM_HORIZON, pace=QUICK)
        tap.open()
        wait_until(lambda: tap.window.seen == 300, "the first are seen")
        wire.stall()
        put(plane, "stalled", numbered(300, 200))
        wait_until(lambda: any(shard.silent > 0.3 for shard in tap.shards()), "the silence is measured")
        wait_until(lambda: (tap.status().age_p99 or 0) > 300, "the age grows although no answer says so")
        wait_until(lambda: sum(shard.retries for shard in tap.shards()) >= 2, "both calls were given up")
        assert {shard.trouble.code for shard in tap.shards() if shard.trouble} == {"unreachable"}
        wire.flow()
        wait_until(lambda: tap.window.seen >= 500, "reading goes on")
        time.sleep(0.2)
        assert sorted(numbers(tap)) == list(range(500))
        wait_until(lambda: not any(shard.trouble for shard in tap.shards()), "the trouble is over")
        tap.stop()
        assert tap.wait(10)
    assert SILENT == 5.0


def test_pages_that_are_none_are_asked_for_again() -> None:
    shards = b'{"Shards":[{"ShardId":"shardId-000000000000","HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"9"},"SequenceNumberRange":{"StartingSequenceNumber":"1"}}]}'
    iterator = b'{"ShardIterator":"i"}'
    page = b'{"Records":[{"ApproximateArrivalTimestamp":1.5,"PartitionKey":"k","SequenceNumber":"49","Data":"aGVsbG8="}],"MillisBehindLatest":0}'
    answers = [shards, iterator, b"<html>", b'{"Records":[{"Data":"!"}]}', page]
    taken: list[bytes] = []
    with lying(answers) as (url, _):
        reader = StreamReader(
            StreamSource(session(url), "s"),
            lambda page: taken.extend(record.data for record in page.records),
            start=TRIM_HORIZON,
            pace=Pace(50),
        )
        reader.open()
        wait_until(lambda: taken, "the true page came", 40)
        reader.stop()
        assert reader.wait(20)
    assert taken == [b"hello"]


class Scripted(StreamSource):
    """Shards and pages as a test says; ``iterators`` and ``pages`` answer by shard, and the script's last word stays."""

    def __init__(self, shards: list[Shard], pages: dict[str, list[Page | Exception]]) -> None:
        self.stream = "scripted"
        self.listed = shards
        self.pages = {name: deque(entries) for name, entries in pages.items()}
        self.positions: list[tuple[str, Position]] = []
        self.at_iterator: Callable[[str, Position], None] = lambda _shard, _position: None
        self._lock = threading.Lock()

    def shards(self) -> tuple[list[Shard], float]:
        return list(self.listed), 0.0

    def iterator(self, shard: str, position: Position) -> str:
        with self._lock:
            self.positions.append((shard, position))
        self.at_iterator(shard, position)
        return shard

    def page(self, shard: Shard, iterator: str, limit: int) -> Page:
        with self._lock:
            script = self.pages[shard.id]
            told = script.popleft() if len(script) > 1 else script[0]
        if isinstance(told, Exception):
            raise told
        return Page(
            shard, list(told.records), told.next_iterator, told.behind, told.children, told.size, 0.0, told.closed
        )


def page(*data: int, behind: float = 0.0, closed: bool = False) -> Page:
    records = [RawRecord(1.0, "k", str(n), b"%d" % n) for n in data]
    return Page(Shard("", 0, 0), records, None if closed else "next", behind, closed=closed)


def reading(source: Scripted) -> tuple[StreamReader, list[int]]:
    taken: list[int] = []
    reader = StreamReader(
        source,
        lambda page: taken.extend(int(record.data) for record in page.records),
        start=TRIM_HORIZON,
        pace=Pace(500),
    )
    reader.open()
    return reader, taken


def ended(reader: StreamReader) -> None:
    reader.stop()
    assert reader.wait(10)


def test_empty_pages_while_it_is_behind_are_not_the_end() -> None:
    """Also of a closed shard: the service may need many calls to find the next record."""
    closed = Shard(PARENT, 0, LAST, (), "1", "9")
    child = Shard(LEFT, 0, LAST, (PARENT,))
    empty = page(behind=60_000)
    source = Scripted(
        [closed, child],
        {PARENT: [empty, empty, page(1, behind=5_000), empty, empty, page(2), page()], LEFT: [page(3), page()]},
    )
    reader, taken = reading(source)
    wait_until(lambda: 3 in taken, "the child is read")
    assert taken == [1, 2, 3]
    assert not reader.status()[0].trouble
    ended(reader)


def test_a_shard_that_was_closed_since_it_was_listed_ends_where_nothing_follows() -> None:
    """The service refuses AFTER the last number of a closed shard; only a fresh list tells that it is one."""
    opened = Shard(PARENT, 0, LAST)
    source = Scripted(
        [opened], {PARENT: [page(1, 2), Expired(), page()], LEFT: [page(3), page()], RIGHT: [page(4), page()]}
    )

    def refuse(shard: str, position: Position) -> None:
        if shard == PARENT and position.kind == "AFTER_SEQUENCE_NUMBER":
            source.listed = [
                Shard(PARENT, 0, LAST, (), "1", "2"),
                Shard(LEFT, 0, MIDDLE - 1, (PARENT,)),
                Shard(RIGHT, MIDDLE, LAST, (PARENT,)),
            ]
            raise AtEnd

    source.at_iterator = refuse
    reader, taken = reading(source)
    wait_until(lambda: len(taken) == 4, "the children are read")
    assert (taken[:2], sorted(taken[2:]), reader.failure) == ([1, 2], [3, 4], None)
    ended(reader)


def test_a_number_that_an_open_shard_does_not_know_is_told() -> None:
    source = Scripted([Shard(PARENT, 0, LAST)], {PARENT: [page(1), Expired(), page()]})

    def refuse(shard: str, position: Position) -> None:
        if position.kind == "AFTER_SEQUENCE_NUMBER":
            raise AtEnd

    source.at_iterator = refuse
    reader, _ = reading(source)
    wait_until(lambda: reader.failure is not None, "it is told")
    assert isinstance(reader.failure, OpsError) and reader.failure.code == "position"
    ended(reader)
    assert source.positions[-1][1] == Position("AFTER_SEQUENCE_NUMBER", "1")


def test_a_closed_shard_of_another_stream_is_not_taken_for_read() -> None:
    """Made anew under its name, and split: the number of before is none of its, and its records are unread."""
    source = Scripted([Shard(PARENT, 0, LAST, (), "5", "9")], {PARENT: [page(7)]})

    def refuse(shard: str, position: Position) -> None:
        raise AtEnd

    source.at_iterator = refuse
    reader = StreamReader(source, lambda page: None, checkpoints={PARENT: Checkpoint("3")}, pace=Pace(500))
    reader.open()
    wait_until(lambda: reader.failure is not None, "it is told")
    assert isinstance(reader.failure, OpsError) and reader.failure.code == "position"
    ended(reader)


def test_a_stream_made_anew_while_it_is_read_is_told() -> None:
    source = Scripted([Shard(PARENT, 0, LAST, (), "1")], {PARENT: [page(1), page()]})
    reader = StreamReader(source, lambda page: None, start=TRIM_HORIZON, pace=Pace(500), list_again=0.05)
    reader.open()
    time.sleep(0.1)
    assert reader.failure is None
    source.listed = [Shard(PARENT, 0, LAST, (), "5")]
    wait_until(lambda: reader.failure is not None, "it is told")
    assert "made anew" in str(reader.failure)
    ended(reader)


def test_hours_of_throttles_are_waited_out() -> None:
    source = Scripted([], {PARENT: [Throttled("x")]})
    reader = ShardReader(source, Shard(PARENT, 0, LAST), Position("TRIM_HORIZON"), Pace(500))
    for _ in range(1_100):
        assert reader.step() is None
    assert reader.status().state == "throttled" and 5 <= reader.delay <= 35


def test_a_start_from_now_is_never_in_the_future_of_the_service() -> None:
    """Up to a second that the clocks differ by cannot be seen in a Date header; what came earlier is dropped here."""
    now = time.time()
    asked = Position.of(LATEST, now).request()["timestamp"]
    assert isinstance(asked, datetime) and 1 <= now - int(asked.timestamp()) < 2.1
    early, late = RawRecord(now - 0.5, "k", "1", b"1"), RawRecord(now + 0.5, "k", "2", b"2")
    source = Scripted([Shard(PARENT, 0, LAST)], {PARENT: [Page(Shard("", 0, 0), [early, late], "next"), page()]})
    taken: list[RawRecord] = []
    reader = StreamReader(
        source, lambda page: taken.extend(page.records), start=Start("time", time=now), pace=Pace(500)
    )
    reader.open()
    wait_until(lambda: taken, "the later one comes")
    assert taken == [late]
    ended(reader)


def test_a_page_that_was_not_taken_is_read_again(plane: Plane) -> None:
    plane.create("again", 1)
    put(plane, "again", numbered(0, 300))
    taken: list[int] = []
    broken = True

    def take(page: Page) -> None:
        if broken and taken:
            raise OpsError("The sink is full", code="full")
        taken.extend(int(record.data) for record in page.records)

    reader = StreamReader(
        StreamSource(session(plane.url), "again"), take, start=TRIM_HORIZON, pace=Pace(20, limit=50, limit_behind=50)
    )
    reader.open()
    wait_until(lambda: reader.failure is not None, "the sink refused")
    broken = False
    reader.resume()
    wait_until(lambda: len(taken) >= 300, "the rest came")
    reader.stop()
    assert reader.wait(10)
    assert taken == list(range(300))


def test_resumes_from_checkpoints_across_a_reshard(plane: Plane) -> None:
    plane.create("resume", 2)
    put(plane, "resume", numbered(0, 400))
    plane.client.update_shard_count(StreamName="resume", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    plane.until_active("resume")
    put(plane, "resume", numbered(400, 400))
    first: list[Record] = []
    checkpoints: dict[str, Checkpoint] = {}
    decoder = Decoder()
    lock = threading.Lock()

    def take(page: Page) -> None:
        with lock:
            if len(first) > 150:
                raise OpsError("The process was killed", code="killed")
            first.extend(decoder.page(page))
            if page.records:
                checkpoints[page.shard.id] = Checkpoint(page.records[-1].sequence)
            if page.closed:
                checkpoints[page.shard.id] = SHARD_END

    source = StreamSource(session(plane.url), "resume")
    killed = StreamReader(source, take, start=TRIM_HORIZON, pace=Pace(20, limit=40, limit_behind=40))
    killed.open()
    wait_until(lambda: killed.failure is not None, "it was killed")
    killed.stop()
    assert killed.wait(10)

    rest: list[Record] = []
    again = StreamReader(
        source, lambda page: rest.extend(decoder.page(page)), start=LATEST, checkpoints=checkpoints, pace=QUICK
    )
    again.open()
    unread = {shard.id for shard in source.shards()[0] if not shard.parents} - checkpoints.keys()
    assert not unread, "both first shards had a checkpoint"
    wait_until(lambda: len(first) + len(rest) >= 800, "the rest came")
    again.stop()
    assert again.wait(10)
    assert sorted(int(record.data) for record in first + rest) == list(range(800))
