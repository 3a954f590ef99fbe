"""The producer when things break: the wire, the endpoint's word, the disk, the process. Nothing accepted is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import pytest

from core.base.errors import OpsError, WrongUse
from core.streams.collector import Collector
from core.streams.export import saved_records
from core.streams.producer import Producer
from core.streams.producing import ProducerLimits
from core.streams.sink import PutFailed, StreamSink
from core.streams.spill import Spill
from tests.core.sandbox.kinesis.plane import ROOT, Plane
from tests.core.streams.conftest import session, wait_until
from tests.core.streams.test_producer import QUICK, ScriptedSink, in_order
from tests.fakes.lying import lying
from tests.fakes.wire import wire_to

SMALL = ProducerLimits(linger=0.001, queue_records=40, batch_records=10, back_off=QUICK)
HURRIED = ProducerLimits(linger=0.005, batch_records=50, back_off=QUICK)


class Line:
    """A stream that can be reached only while ``online``."""

    def __init__(self) -> None:
        self.online = threading.Event()
        self.sink = ScriptedSink(self._answer)

    def _answer(self, records: Sequence[tuple[bytes, str]]) -> list[str]:
        if not self.online.is_set():
            raise PutFailed(OpsError("offline", code="unreachable"), again=True, unsure=False)
        return [""] * len(records)


@pytest.fixture
def line() -> Line:
    return Line()


def numbered(count: int, keys: int = 5, start: int = 0) -> list[tuple[bytes, str]]:
    return [(b"%d" % n, f"key-{n % keys}") for n in range(start, start + count)]


def first_times(plane: Plane, stream: str) -> dict[str, list[int]]:
    """Key -> numbers in the order in which each came first: a record whose answer was lost comes again."""
    found: dict[str, list[int]] = {}
    for record in plane.read_all(stream):
        numbers = found.setdefault(record["PartitionKey"], [])
        if int(record["Data"]) not in numbers:
            numbers.append(int(record["Data"]))
    return found


# -- the wire ---------------------------------------------------------------------


def test_a_wire_that_is_cut_stalls_and_refuses(plane: Plane) -> None:
    plane.create("wired", 2)
    with wire_to(plane.port) as wire:
        producer = Producer(StreamSink(session(wire.url), "wired", read_timeout=0.5), HURRIED)
        sent = iter(numbered(500, keys=25))

        def put(count: int) -> None:
            for _ in range(count):
                assert producer.offer(*next(sent))

        put(100)
        wait_until(lambda: producer.snapshot().acknowledged > 0, "puts go through")
        wire.stall()
        put(100)
        wait_until(lambda: producer.snapshot().unsure > 0, "an answer that never came is counted")
        assert producer.snapshot().state == "held up"
        wire.flow()
        put(100)
        for _ in range(3):
            wire.cut()
            time.sleep(0.02)
        wire.refusing = True
        wire.cut()
        put(100)
        wait_until(lambda: (told := producer.snapshot().trouble) is not None and told.code == "unreachable", "told")
        wire.refusing = False
        put(100)
        assert producer.flush(60)
        assert producer.close() == 0
    end = producer.snapshot()
    assert (end.acknowledged, end.dropped) == (500, 0) and end.retried >= end.unsure > 0
    found = first_times(plane, "wired")
    assert sorted(number for numbers in found.values() for number in numbers) == list(range(500))
    assert all(numbers == sorted(numbers) for numbers in found.values())


# -- the endpoint's word ------------------------------------------------------------


LIES = (
    b'{"FailedRecordCount":0,"Records":[]}',
    b'{"FailedRecordCount":0,"Records":[{"SequenceNumber":"1","ShardId":"s"}]}',
    b'{"FailedRecordCount":0,"Records":[7,7,7]}',
    b'{"Message":"all is well"}',
    b"<html>Welcome to the hotel's wireless network</html>",
    b"",
    b'{"FailedRecordCount":0,"Records":[{},{},{}]}',
)


def test_an_answer_that_does_not_speak_of_every_record_is_not_believed() -> None:
    """200 each time: only the honest answers at the end may count as acknowledged."""
    with lying(LIES) as (url, asked):
        producer = Producer(StreamSink(session(url), "s"), ProducerLimits(linger=0.01, back_off=QUICK))
        producer.offer_all(numbered(3, keys=3))
        assert producer.flush(20) and producer.close() == 0
    end = producer.snapshot()
    assert end.acknowledged == 3 and end.retried == 3 * len(LIES)
    assert end.error_codes == {"unreadable": len(LIES) - 1, "NoAnswer": 3}
    assert all(len(orjson.loads(body)["Records"]) == 3 for body in asked[: len(LIES)])


def test_a_200_with_failures_inside_is_read() -> None:
    fails = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
    stored = {"SequenceNumber": "1", "ShardId": "s"}
    first = orjson.dumps({"FailedRecordCount": 0, "Records": [stored, fails, stored, fails]})  # and a wrong count
    with lying([first]) as (url, asked):
        producer = Producer(StreamSink(session(url), "s"), ProducerLimits(linger=0.01, back_off=QUICK))
        producer.offer_all(numbered(4, keys=4))
        assert producer.flush(20) and producer.close() == 0
    again = [entry["PartitionKey"] for body in asked[1:] for entry in orjson.loads(body)["Records"]]
    assert sorted(again) == ["key-1", "key-3"]
    assert producer.snapshot().error_codes == {"ProvisionedThroughputExceededException": 2}


def test_a_stream_of_large_records_takes_them(plane: Plane) -> None:
    plane.create("large", 1, MaxRecordSizeInKiB=4_096)
    sink = StreamSink(session(plane.url), "large")
    with pytest.raises(WrongUse, match="cannot be sent"):
        sink.checked(b"x" * (2 << 20), "k")
    sink.learn_size()
    producer = Producer(sink, HURRIED)
    assert producer.offer(b"x" * (3 << 20), "k") and producer.flush(20)
    with pytest.raises(WrongUse) as caught:
        producer.offer(b"x" * (5 << 20), "k")
    assert "4,096 KiB" in caught.value.why
    producer.close()
    assert [len(record["Data"]) for record in plane.read_all("large")] == [3 << 20]


class Picky(ScriptedSink):
    """Refuses a request as a whole for one record that is bad; everything where ``closed``."""

    def __init__(self) -> None:
        super().__init__(self._judge)
        self.closed = False

    def _judge(self, records: Sequence[tuple[bytes, str]]) -> list[str]:
        if self.closed or any(data.startswith(b"bad") for data, _ in records):
            raise PutFailed(
                OpsError("refused", "A value is too long", code="aws"), again=False, unsure=False, content=True
            )
        return [""] * len(records)


def test_a_record_that_no_request_may_hold_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    sink = Picky()
    producer = Producer(sink, HURRIED, tmp_path)
    good = numbered(300)
    bad = {40: (b"bad \xff", "key-0"), 41: (b"bad 1", "key-1"), 222: (b"bad 2", "key-2")}
    assert producer.offer_all(
        [record for n, one in enumerate(good) for record in (*([bad[n]] if n in bad else []), one)]
    )
    assert producer.flush(20), "nothing waits any more"
    end = producer.snapshot()
    assert (end.accepted, end.acknowledged, end.refused, end.trouble, end.lasting) == (303, 300, 3, None, False)
    assert producer.close() == 0 and sorted(sink.stored) == sorted(good)
    assert all(numbers == sorted(numbers) for numbers in in_order(sink.stored).values())
    assert end.refusal is not None and "too long" in end.refusal.why
    assert sorted(saved_records(tmp_path / "1" / "refused.jsonl")) == sorted((key, data) for data, key in bad.values())


def test_a_stream_that_refuses_everything_keeps_its_records_waiting(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("core.streams.producer._TRY_AGAIN", 0.02)
    sink = Picky()
    sink.closed = True
    producer = Producer(sink, HURRIED, tmp_path)
    producer.offer_all(numbered(60, keys=60))
    wait_until(lambda: producer.snapshot().lasting, "it is told")
    assert producer.snapshot().refused == 20
    sink.closed = False
    assert producer.flush(20) and producer.close() == 0
    assert len(sink.stored) == 40 and len(list(saved_records(tmp_path / "1" / "refused.jsonl"))) == 20


# -- the disk -----------------------------------------------------------------------


def test_a_full_disk_is_told_at_once_and_sending_goes_on(tmp_path: Path, line: Line) -> None:
    producer = Producer(line.sink, SMALL, tmp_path)
    (tmp_path / "1" / "000001000000.records").symlink_to("/dev/full")  # where the first record would be kept
    taken = [record for record in numbered(200) if producer.offer(*record)]
    now = producer.snapshot()
    assert len(taken) < 100 and now.dropped == 200 - len(taken) and now.accepted == len(taken)
    wait_until(lambda: not producer.room(), "it has no room")  # but for the moments in which a batch is on its way
    line.online.set()
    assert producer.flush(20), "what fitted into memory is sent all the same"
    more = numbered(20, start=200)
    assert all(producer.offer(*record) for record in more)
    assert producer.flush(20) and producer.close() == 0
    assert sorted(line.sink.stored) == sorted([*taken, *more])


def test_a_stream_that_takes_puts_and_never_answers_is_offline(tmp_path: Path, monkeypatch) -> None:
    """No put has failed yet, and will not for twenty seconds: what comes must not wait in memory alone."""
    monkeypatch.setattr("core.streams.producer._OFFLINE_AFTER", 0.05)
    answering = threading.Event()

    def answer(records: Sequence[tuple[bytes, str]]) -> list[str]:
        answering.wait(20)
        return [""] * len(records)

    sink = ScriptedSink(answer)
    producer = Producer(sink, HURRIED, tmp_path)
    assert producer.offer(b"0", "k")
    wait_until(lambda: producer.snapshot().in_flight == 1, "it is under way")
    time.sleep(0.1)
    assert all(producer.offer(*record) for record in numbered(20, start=1))
    assert producer.snapshot().spilled == 20
    producer._spill._refused = True  # type: ignore[union-attr]  # as after a write that the disk did not take
    assert not producer.room(), "memory has room, and nothing would go there"
    answering.set()
    assert producer.flush(20) and producer.room() and producer.close() == 0
    assert sorted(int(data) for data, _ in sink.stored) == list(range(21))


def test_a_request_is_taken_whole_or_not_at_all_when_the_disk_fills(tmp_path: Path, line: Line) -> None:
    limits = ProducerLimits(linger=0.001, queue_records=10, batch_records=5, back_off=QUICK, spill_bytes=300)
    producer = Producer(line.sink, limits, tmp_path)
    taken = []
    for n in range(60):
        part = numbered(4, start=4 * n)
        count = producer.offer_all(part, whole=True)
        assert count in (0, 4)
        taken += part[:count]
    assert 10 < len(taken) < 240
    line.online.set()
    assert producer.flush(20) and producer.close() == 0
    assert sorted(line.sink.stored) == sorted(taken)


def test_a_disk_that_cannot_be_read_is_told_and_read_again(tmp_path: Path, line: Line, monkeypatch) -> None:
    monkeypatch.setattr("core.streams.producer._TRY_AGAIN", 0.2)
    producer = Producer(line.sink, SMALL, tmp_path)
    assert all(producer.offer(*record) for record in numbered(200))
    wait_until(lambda: producer.snapshot().state == "held up", "it is offline")
    kept = sorted((tmp_path / "1").glob("*.records"))
    hidden = [path.rename(path.with_suffix(".away")) for path in kept]
    line.online.set()
    wait_until(lambda: (told := producer.snapshot().trouble) is not None and told.code == "disk", "it is told")
    for path in hidden:
        path.rename(path.with_suffix(".records"))
    assert producer.flush(20) and producer.close() == 0
    assert sorted(line.sink.stored) == sorted(numbered(200))


def test_what_can_neither_be_sent_nor_kept_is_counted(tmp_path: Path, line: Line) -> None:
    producer = Producer(line.sink, SMALL, tmp_path)
    assert all(producer.offer(*record) for record in numbered(30))
    shutil.rmtree(tmp_path / "1")  # where they would be put back
    assert producer.close(0.05) == 30


def test_two_producers_of_one_stream_keep_their_records_apart(tmp_path: Path) -> None:
    one, other = Line(), Line()
    first, second = Producer(one.sink, SMALL, tmp_path), Producer(other.sink, SMALL, tmp_path)
    assert all(first.offer(*record) for record in numbered(200))
    assert all(second.offer(*record) for record in numbered(200, start=200))
    other.online.set()
    assert second.flush(20) and second.close() == 0
    assert all(first.offer(*record) for record in numbered(100, start=400))
    assert first.close(0.05) == 0, "all of it is on disk"
    third = Producer(other.sink, SMALL, tmp_path)  # the next one takes over what both left
    assert third.flush(20) and third.close() == 0
    assert one.sink.stored == []
    assert sorted(other.sink.stored) == sorted(numbered(500))
    of_one = [record for record in other.sink.stored if not 200 <= int(record[0]) < 400]
    assert all(numbers == sorted(numbers) for numbers in in_order(of_one).values())


def test_files_of_an_owner_that_is_gone_are_taken_over(tmp_path: Path) -> None:
    one, two = Spill(tmp_path, 1 << 20), Spill(tmp_path, 1 << 20)
    for n in range(10):
        assert one.add([(b"one %d" % n, "k")]) and two.add([(b"two %d" % n, "k")])
    one.close()
    two.close()
    heir = Spill(tmp_path, 1 << 20)
    assert heir.records == 20
    found = []
    while (taken := heir.take()) is not None:
        found += [data for data, _ in taken[1]]
        heir.done(taken[0])
    assert found == [b"one %d" % n for n in range(10)] + [b"two %d" % n for n in range(10)]
    heir.close()
    assert not list(tmp_path.rglob("*.records"))


# -- the process ----------------------------------------------------------------------

OFFLINE = """
import sys
from core.base.errors import OpsError
from core.streams.producer import Producer
from core.streams.producing import ProducerLimits
from core.streams.sink import PutFailed, StreamSink

class Nowhere(StreamSink):
    def open(self): pass
    def put(self, records): raise PutFailed(OpsError("offline", code="unreachable"), again=True, unsure=False)

import core.streams.producer as module, time
from pathlib import Path
module._OFFLINE_AFTER = 0.2
producer = Producer(Nowhere(None, "s"), ProducerLimits(linger=0.001, back_off=(0.001, 0.01)), Path(sys.argv[1]))
producer.offer(b"-1", "first")
began = time.monotonic()
while not producer.snapshot().spilled:
    assert time.monotonic() - began < 15, "offline, and nothing is on disk"
    producer.offer(b"-1", "first")
    time.sleep(0.01)
number = 0
while True:
    assert producer.offer(b"%d" % number, f"key-{number % 5}")
    number += 1
    print(number, flush=True)
"""


def test_what_was_accepted_offline_survives_kill_9(tmp_path: Path, line: Line) -> None:
    """With room for 100,000 records in memory: offline, they go to the disk all the same."""
    child = subprocess.Popen([sys.executable, "-c", OFFLINE, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    accepted = 0
    while accepted < 3_000:
        accepted = int(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    rest = child.stdout.read().split()
    accepted = int(rest[-2]) if len(rest) > 1 else accepted  # the last line may be cut off
    child.wait()
    child.stdout.close()
    line.online.set()
    heir = Producer(line.sink, HURRIED, tmp_path)
    assert heir.flush(30) and heir.close() == 0
    found = [int(data) for data, key in line.sink.stored if key != "first"]
    assert set(range(accepted)) <= set(found) and len(found) == len(set(found))
    assert all(numbers == sorted(numbers) for numbers in in_order(line.sink.stored).values())


# -- the collector in front of it -------------------------------------------------------


@pytest.fixture
def collector(tmp_path: Path, line: Line) -> Iterator[Collector]:
    limits = ProducerLimits(linger=0.001, queue_records=10, batch_records=5, back_off=QUICK, spill_bytes=2_000)
    made = Collector(Producer(line.sink, limits, tmp_path), "127.0.0.1:0")
    made.start()
    yield made
    line.online.set()
    assert made.stop() == 0


def test_a_collector_whose_disk_is_full_says_503_and_is_not_healthy(collector: Collector, line: Line) -> None:
    import http.client

    def ask(method: str, path: str, body: bytes | None = None) -> int:
        connection = http.client.HTTPConnection(collector.address.removeprefix("http://"), timeout=10)
        connection.request(method, path, body)
        status = connection.getresponse().status
        connection.close()
        return status

    statuses = [ask("POST", "/collect", orjson.dumps([{"n": n}] * 4)) for n in range(20)]
    assert statuses[0] == 204 and statuses[-1] == 503
    assert ask("GET", "/healthz") == 503
    line.online.set()
    wait_until(lambda: ask("POST", "/collect", b"{}") == 204, "it takes events again")
    assert ask("GET", "/healthz") == 200
    producer = collector.app.producer
    assert producer.flush(20)
    assert len(line.sink.stored) == 4 * statuses.count(204) + 1
