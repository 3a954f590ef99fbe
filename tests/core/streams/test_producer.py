"""The background producer: nothing lost, order per key, only failures resent, never waiting, never silent."""

from __future__ import annotations

import random
import threading
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import OpsError, WrongUse
from core.streams.producer import Producer
from core.streams.producing import ProducerLimits
from core.streams.sink import PutFailed, StreamSink
from core.streams.templates import Feed, json_lines, template
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.conftest import session

Answer = Callable[[Sequence[tuple[bytes, str]]], list[str]]


QUICK = (0.001, 0.01)  # seconds


class ScriptedSink(StreamSink):
    """A stream whose answers a function decides; what it says is in, is kept in ``stored``."""

    def __init__(self, answer: Answer) -> None:
        self.stream = "scripted"
        self.stored: list[tuple[bytes, str]] = []
        self.calls = 0
        self._answer = answer
        self._lock = threading.Lock()

    def open(self) -> None:
        pass

    def put(self, records: Sequence[tuple[bytes, str]]) -> list[str]:
        with self._lock:
            self.calls += 1
        codes = self._answer(records)
        with self._lock:
            self.stored += [record for record, code in zip(records, codes, strict=True) if not code]
        return codes


def in_order(stored: Sequence[tuple[bytes, str]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for data, key in stored:
        found[key].append(int(data))
    return found


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 12),  # keys
    st.integers(0, 60),  # per cent of records that fail
    st.integers(0, 30),  # per cent of calls that fail as a whole
    st.integers(1, 8),  # senders
    st.integers(0, 2**32),
)
def test_every_record_arrives_once_and_in_order_whatever_fails(
    keys: int, failing: int, broken: int, senders: int, seed: int
) -> None:
    chance, lock = random.Random(seed), threading.Lock()

    def answer(records: Sequence[tuple[bytes, str]]) -> list[str]:
        with lock:
            whole, parts = chance.random() * 100 < broken, [chance.random() * 100 < failing for _ in records]
        time.sleep(0.0005 * (seed % 3))
        if whole:
            raise PutFailed(OpsError("no"), again=True, unsure=False)
        return ["ProvisionedThroughputExceededException" if part else "" for part in parts]

    sink = ScriptedSink(answer)
    producer = Producer(sink, ProducerLimits(linger=0.001, batch_records=7, senders=senders, back_off=QUICK))
    sent = [(str(n).encode(), f"key-{n % keys}") for n in range(120)]
    for data, key in sent:
        assert producer.offer(data, key)
    assert producer.flush(60) and producer.close(0) == 0
    end = producer.snapshot()
    assert sorted(sink.stored) == sorted(sent)
    assert all(numbers == sorted(numbers) for numbers in in_order(sink.stored).values())
    assert end.acknowledged == end.accepted == 120 and end.queued == end.in_flight == 0


def test_only_what_failed_is_sent_again() -> None:
    seen: list[list[bytes]] = []

    def answer(records: Sequence[tuple[bytes, str]]) -> list[str]:
        seen.append([data for data, _ in records])
        return ["InternalFailure" if len(seen) == 1 and n % 2 else "" for n in range(len(records))]

    producer = Producer(ScriptedSink(answer), ProducerLimits(linger=0.05))
    producer.offer_all([(str(n).encode(), str(n)) for n in range(10)])
    assert producer.flush(10)
    producer.close()
    assert len(seen[0]) == 10
    assert sorted(data for batch in seen[1:] for data in batch) == [b"1", b"3", b"5", b"7", b"9"]
    assert producer.snapshot().retried == 5


def test_a_full_queue_says_so_and_counts() -> None:
    gate = threading.Event()

    def answer(records: Sequence[tuple[bytes, str]]) -> list[str]:
        gate.wait(20)
        return [""] * len(records)

    producer = Producer(ScriptedSink(answer), ProducerLimits(linger=0.001, queue_records=50, senders=1))
    taken = sum(producer.offer(str(n).encode(), str(n)) for n in range(2_000))
    now = producer.snapshot()
    assert taken < 2_000 and now.dropped == 2_000 - taken and now.accepted == taken
    gate.set()
    assert producer.close() == 0
    assert producer.snapshot().acknowledged == taken


def test_batches_grow_while_all_senders_are_busy() -> None:
    sizes: list[int] = []
    begun, all_offered = threading.Event(), threading.Event()

    def answer(records: Sequence[tuple[bytes, str]]) -> list[str]:
        sizes.append(len(records))
        begun.set()
        assert all_offered.wait(60)
        return [""] * len(records)

    producer = Producer(ScriptedSink(answer), ProducerLimits(linger=0.01, senders=1))
    producer.offer(b"x", "first")
    assert begun.wait(60)
    for n in range(400):
        producer.offer(b"x", str(n))
        time.sleep(0.0001)  # a record at a time: each would be a batch of its own where a sender is free
    all_offered.set()
    producer.close()
    assert sizes == [1, 400]


def test_what_cannot_be_sent_waits_on_disk_for_the_next_producer(tmp_path: Path) -> None:
    def offline(records: Sequence[tuple[bytes, str]]) -> list[str]:
        raise PutFailed(OpsError("offline", code="unreachable"), again=True, unsure=False)

    limits = ProducerLimits(linger=0.001, queue_records=40, batch_records=10, back_off=QUICK)
    producer = Producer(ScriptedSink(offline), limits, tmp_path / "spill")
    sent = [(str(n).encode(), f"key-{n % 5}") for n in range(500)]
    assert all(producer.offer(*record) for record in sent[:400])
    now = producer.snapshot()
    assert now.spilled > 300 and now.dropped == 0
    assert producer.close(0.1) == 0, "all of it is on disk"

    sink = ScriptedSink(lambda records: [""] * len(records))
    producer = Producer(sink, limits, tmp_path / "spill")
    assert all(producer.offer(*record) for record in sent[400:])
    assert producer.flush(30) and producer.close() == 0
    assert sorted(sink.stored) == sorted(sent)
    assert all(numbers == sorted(numbers) for numbers in in_order(sink.stored).values())
    assert not list((tmp_path / "spill").rglob("*.records"))


def test_coming_back_online_drains_the_disk_in_order(tmp_path: Path) -> None:
    online = threading.Event()

    def answer(records: Sequence[tuple[bytes, str]]) -> list[str]:
        if not online.is_set():
            raise PutFailed(OpsError("offline", code="unreachable"), again=True, unsure=False)
        return [""] * len(records)

    sink = ScriptedSink(answer)
    producer = Producer(
        sink, ProducerLimits(linger=0.001, queue_records=40, batch_records=10, back_off=QUICK), tmp_path / "spill"
    )
    for n in range(300):
        assert producer.offer(str(n).encode(), f"key-{n % 3}")
    assert producer.snapshot().spilled > 0
    while producer.snapshot().trouble is None:
        time.sleep(0.005)
    online.set()
    for n in range(300, 330):
        assert producer.offer(str(n).encode(), f"key-{n % 3}")
    assert producer.flush(30)
    producer.close()
    assert all(numbers == sorted(numbers) for numbers in in_order(sink.stored).values())
    assert len(sink.stored) == 330 and not list((tmp_path / "spill").rglob("*.records"))


def test_bad_records_are_refused_at_once() -> None:
    producer = Producer(ScriptedSink(lambda records: [""] * len(records)))
    for data, key in ((b"x", ""), (b"x", "k" * 257), (b"x" * (1 << 20), "k")):
        with pytest.raises(WrongUse):
            producer.offer(data, key)
    assert producer.offer(b"x" * ((1 << 20) - 32), "k" * 32), "as large as the service takes, its key counted in bytes"
    with pytest.raises(WrongUse):
        producer.offer(b"x" * ((1 << 20) - 32), "\u00fc" * 17)
    producer.close()
    with pytest.raises(OpsError):
        producer.offer(b"x", "k")


def test_into_a_real_stream_with_throttles_errors_and_lost_answers(plane: Plane) -> None:
    plane.create("put_hurt", 2)
    plane.control("SetFaults", ThrottleShare=0.2, ErrorShare=0.2, LostAnswerShare=0.1)
    producer = Producer(
        StreamSink(session(plane.url), "put_hurt"), ProducerLimits(linger=0.005, batch_records=50, back_off=QUICK)
    )
    try:
        for n in range(600):
            assert producer.offer(str(n).encode(), f"key-{n % 40}")
        assert producer.flush(60)
    finally:
        plane.control("SetFaults", ThrottleShare=0, ErrorShare=0, LostAnswerShare=0)
    producer.close()
    end = producer.snapshot()
    firsts: dict[str, list[int]] = defaultdict(list)
    for record in plane.read_all("put_hurt"):
        number = int(record["Data"])
        if number not in firsts[record["PartitionKey"]]:
            firsts[record["PartitionKey"]].append(number)
    assert sorted(number for numbers in firsts.values() for number in numbers) == list(range(600))
    assert end.acknowledged == 600 and end.retried > 0 and end.error_codes


def test_a_missing_stream_is_told_and_nothing_is_lost_meanwhile(plane: Plane) -> None:
    producer = Producer(StreamSink(session(plane.url), "not-yet"), ProducerLimits(linger=0.001))
    producer.offer(b"1", "k")
    deadline = time.monotonic() + 10
    while producer.snapshot().trouble is None and time.monotonic() < deadline:
        time.sleep(0.02)
    trouble = producer.snapshot().trouble
    assert trouble is not None and trouble.code == "not-found" and producer.snapshot().queued == 1
    plane.create("not-yet", 1)
    assert producer.flush(20)
    producer.close()
    assert [record["Data"] for record in plane.read_all("not-yet")] == [b"1"]


def test_a_feed_makes_records_at_its_rate(plane: Plane) -> None:
    plane.create("fed", 2)
    producer = Producer(StreamSink(session(plane.url), "fed"))
    feed = Feed(producer, template("pageview", seed=1), 400, 1.0).start()
    assert feed.wait(20) and feed.error is None
    assert producer.close() == 0
    assert 380 <= feed.made <= 400 and producer.snapshot().acknowledged == feed.made
    event = orjson.loads(plane.read_all("fed")[0]["Data"])
    assert {"event_id", "viewed_at", "session_id", "url", "user_agent", "status"} <= event.keys()


def test_templates_of_orders_and_files(tmp_path: Path) -> None:
    data, key = template("order")()
    assert orjson.loads(data)["customer_id"] == int(key)
    (tmp_path / "lines").write_text("one\n\ntwo\n")
    make = template(str(tmp_path / "lines"))
    assert [make() for _ in range(3)] == [(b"one", "1"), (b"two", "2"), (b"one", "1")]
    with pytest.raises(WrongUse, match="no template"):
        template("nothing")
    (tmp_path / "empty").write_text("\n\n")
    with pytest.raises(WrongUse, match="holds no lines"):
        template(str(tmp_path / "empty"))


def test_a_file_of_any_size_is_read_as_it_is_sent(tmp_path: Path) -> None:
    """Two gigabytes with a hole: read whole they would not fit, and a line without an end is no record."""
    with (tmp_path / "large").open("wb") as file:
        file.write(b"one\r\ntwo\n")
        file.truncate(2 << 30)
    make = template(str(tmp_path / "large"))
    tracemalloc.start()
    assert [make(), make()] == [(b"one", "1"), (b"two", "2")]
    with pytest.raises(WrongUse, match="Line 3 of large is too long"):
        make()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


def test_json_lines_take_their_key_from_a_field() -> None:
    lines = [b'{"user": 7}\n', b"\n", b'{"user": ""}\n', b"[1]\n"]
    found = list(json_lines(iter(lines), "user"))
    assert found[0] == (b'{"user": 7}', "7") and len(found) == 3 and all(len(key) == 32 for _, key in found[1:])
    with pytest.raises(WrongUse, match="Line 2"):
        list(json_lines(iter([b"{}\n", b"{oops\n"]), None))
