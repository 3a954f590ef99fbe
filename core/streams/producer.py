"""The background producer: the caller hands a record over in microseconds, batches go out on threads of their own."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.base.errors import OpsError
from core.streams.latencies import Latencies
from core.streams.outbox import Chunk, Outbox, Outgoing
from core.streams.producing import Counts, ProducerLimits, ProducerSnapshot
from core.streams.sink import CONNECTIONS, PutFailed, StreamSink
from core.streams.spill import Spill

_TRY_AGAIN = 5.0  # seconds after a failure that is not of the passing kind (no permission, no stream, no disk)
_REFUSED_IN_A_ROW = 20  # set aside one by one; where the service takes none in between, it is not the records' fault
_OFFLINE_AFTER = 2.0  # seconds without an answer, from which on new records wait on disk: a kill must not lose them


class Producer:
    """Thread-safe. ``offer`` never waits; ``close`` sends what is left."""

    def __init__(self, sink: StreamSink, limits: ProducerLimits | None = None, spill: Path | None = None) -> None:
        """``spill``: folder for what does not fit into memory (None: such records are dropped, and the caller told).
        Records that an earlier producer left there are sent first."""
        self.sink, self.limits = sink, limits or ProducerLimits()
        self._changed = threading.Condition()
        self._outbox = Outbox(ordered=self.limits.ordered)
        self._in_flight = self._busy = 0
        self._counts, self._latencies = Counts(), Latencies()
        self._done_lately: deque[tuple[float, int]] = deque()
        self._trouble: OpsError | None = None
        self._lasting = False
        self._held_until = 0.0
        self._flushing = self._closed = self._abandon = False
        self._failures = 0  # whole puts in a row
        self._most = self.limits.batch_records  # of the next put: halved to find a record that is refused
        self._refused_in_a_row = 0
        self._refusal: OpsError | None = None
        self._failing_since: float | None = None
        self._silent_since: float | None = None  # since when no put has come back, while some are under way
        self._no_refill_before = 0.0
        self._spill = Spill(spill, self.limits.spill_bytes) if spill is not None else None
        if self._spill:
            self._counts.accepted += self._spill.records
        self._senders = ThreadPoolExecutor(min(self.limits.senders, CONNECTIONS), thread_name_prefix="put")
        self._thread = threading.Thread(target=self._run, name=f"producer-{sink.stream}", daemon=True)
        self._thread.start()

    # -- the caller's side --------------------------------------------------
    def offer(self, data: bytes, key: str) -> bool:
        """Hand a record over; False: the queue (and the disk set aside for it) is full, and it was dropped.

        Raises WrongUse for what the service would never take: an empty or too long key, or more bytes than a record may have.
        """
        return self.offer_all(((data, key),)) == 1

    def offer_all(self, records: Iterable[tuple[bytes, str]], *, whole: bool = False) -> int:
        """Hand several over under one lock; how many were taken (the first ones; ``whole``: all or none)."""
        checked = [self.sink.checked(data, key) for data, key in records]
        now = time.monotonic()
        with self._changed:
            if self._closed:
                raise OpsError(f"The producer of {self.sink.stream} is closed", code="closed")
            taken = self._accept(checked, now, whole=whole)
            self._counts.accepted += taken
            self._counts.dropped += len(checked) - taken
            if self._outbox.ready >= self.limits.batch_records or self._outbox.ready == taken:
                self._changed.notify()
        return taken

    @property
    def keeps(self) -> bool:
        """Whether what cannot be sent is kept on disk."""
        return self._spill is not None

    def room(self) -> bool:
        """Whether a record would be taken now, into memory or onto the disk, as far as is known."""
        spill = self._spill
        if spill is not None and (spill or self._offline(time.monotonic())):  # then all goes there
            return spill.has_room
        return self._memory_room() or (spill is not None and spill.has_room)

    def _memory_room(self) -> bool:
        return self._outbox.waiting < self.limits.queue_records and self._outbox.bytes < self.limits.queue_bytes

    def wait_for_room(self, seconds: float) -> bool:
        """Wait until memory has room, for a caller that may block; False on time-out."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not self._memory_room() or self._spill:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.1))
        return True

    def flush(self, seconds: float) -> bool:
        """Send all that waits, without lingering; False if some of it still waits after ``seconds``."""
        deadline = time.monotonic() + seconds
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            try:
                while self._outbox.waiting or self._in_flight or self._spill:
                    if (left := deadline - time.monotonic()) <= 0:
                        return False
                    self._changed.wait(min(left, 0.1))
            finally:
                self._flushing = False
        return True

    def close(self, seconds: float = 30.0) -> int:
        """Send what is left for up to ``seconds``; then keep it on disk if there is a spill folder. Returns how many
        records were neither sent nor kept (0 unless the stream is unreachable and no folder was given, or its disk
        is full)."""
        with self._changed:
            self._closed = True
        self.flush(seconds)
        with self._changed:
            self._abandon = True
            self._changed.notify_all()
        self._thread.join()
        self._senders.shutdown(wait=True)  # a put under way ends by its own time-out
        with self._changed:
            left = self._outbox.all()
            return len(left) if self._spill is None else self._put_back(self._spill, left)

    def _put_back(self, spill: Spill, left: list[Outgoing]) -> int:
        """Keep what is in memory; how many could not be."""
        try:
            spill.put_back((record.data, record.key) for record in left)
        except OpsError as trouble:
            self._trouble = trouble
            return sum(record.chunk is None for record in left)  # the others are in their files still
        finally:
            spill.close()
        for chunk in {id(record.chunk): record.chunk for record in left if record.chunk}.values():
            spill.done(chunk.path)
        return 0

    def snapshot(self) -> ProducerSnapshot:
        now = time.monotonic()
        with self._changed:
            counts = self._counts
            while self._done_lately and now - self._done_lately[0][0] > 10:
                self._done_lately.popleft()
            span = min(10.0, max(1.0, now - self._done_lately[0][0])) if self._done_lately else 1.0
            rate = sum(done for _, done in self._done_lately) / span
            batch = counts.acknowledged / counts.batches if counts.batches else 0.0
            front = self._outbox.front(self.limits.batch_records)
            oldest = min((record.since for record in front), default=now)
            held = now < self._held_until or self._failures > 0
            return ProducerSnapshot(
                "closed" if self._closed else "held up" if held else "running",
                counts.accepted,
                counts.acknowledged,
                self._outbox.waiting,
                self._in_flight,
                self._spill.records if self._spill is not None else 0,
                counts.retried,
                counts.unsure,
                counts.dropped,
                now - oldest,
                self._outbox.bytes,
                self._busy,
                rate * self._latencies.recent / batch if batch else 0.0,
                self.limits.senders,
                rate,
                batch,
                self._latencies.percentiles(),
                dict(counts.codes),
                self._trouble,
                self._trouble is not None and self._lasting,
                counts.refused,
                self._refusal,
            )

    # -- the queue (under the lock) -----------------------------------------
    def _accept(self, records: list[tuple[bytes, str]], now: float, *, whole: bool) -> int:
        """How many were taken: into memory while it has room, the others onto the disk (all of them or none)."""
        spill = self._spill
        # Once some wait on disk all later ones do: order.
        fitting = 0 if spill is not None and (spill or self._offline(now)) else self._fitting(records)
        taken = fitting
        if fitting < len(records):
            if spill is not None and spill.add(records[fitting:]):
                taken = len(records)
            elif whole:
                return 0
            records = records[:fitting]
        for data, key in records:
            self._outbox.add(Outgoing(data, key, now))
        return taken

    def _fitting(self, records: list[tuple[bytes, str]]) -> int:
        """How many of them memory has room for."""
        if len(records) == 1:
            return int(self._memory_room())
        most, size = max(0, self.limits.queue_records - self._outbox.waiting), self._outbox.bytes
        for number, (data, _) in enumerate(records[:most]):
            if size >= self.limits.queue_bytes:
                return number
            size += len(data)
        return min(most, len(records))

    def _offline(self, now: float) -> bool:
        """Whether the stream has not answered for a while: puts failed, or none of those under way came back."""
        since = self._failing_since if self._failing_since is not None else self._silent_since
        return since is not None and now - since > _OFFLINE_AFTER

    def _settle(self, record: Outgoing) -> None:
        if record.chunk is not None:
            record.chunk.left -= 1
            if not record.chunk.left and self._spill is not None:
                self._spill.done(record.chunk.path)
        self._outbox.settle(record)

    def _retry(self, record: Outgoing, now: float) -> None:
        first, last = self.limits.back_off
        self._outbox.again(record, now + random.uniform(0, min(last, first * 2 ** min(record.attempts, 10))))

    def _refill(self, now: float) -> None:
        """Bring spilled records back while memory is at most half full; offline they are better where they are."""
        if now < self._no_refill_before or (self._offline(now) and (self._outbox.waiting or self._in_flight)):
            return
        while (
            self._spill
            and self._outbox.waiting < self.limits.queue_records // 2
            and self._outbox.bytes < self.limits.queue_bytes // 2
        ):
            try:
                taken = self._spill.take()
            except OpsError as trouble:  # shown; what is in memory goes on
                self._trouble, self._lasting, self._no_refill_before = trouble, False, now + _TRY_AGAIN
                return
            if taken is None:
                return
            path, entries = taken
            chunk = Chunk(path, len(entries))
            for data, key in entries:
                self._outbox.add(Outgoing(data, key, now, chunk=chunk))

    # -- the dispatcher's thread --------------------------------------------
    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            self._senders.submit(self._send, batch)

    def _next_batch(self) -> list[Outgoing] | None:
        """Wait for a batch that is due and a sender that is free; None: closed."""
        with self._changed:
            while True:
                if self._abandon:
                    return None
                now = time.monotonic()
                self._outbox.wake(now)
                self._refill(now)
                due = self._due(now)
                if due <= 0:
                    return self._cut()
                self._changed.wait(min(due, 0.25))

    def _due(self, now: float) -> float:
        """Seconds until a batch should leave."""
        if self._busy >= self.limits.senders:
            return 1.0  # a sender that gets free wakes us; until then batches grow
        if now < self._held_until:
            return self._held_until - now
        if self._failures and self._busy:
            return 1.0  # the endpoint is in trouble: one put at a time until it answers
        outbox = self._outbox
        if outbox.first is None:
            return outbox.next_again - now if outbox.next_again is not None else 1.0
        full = outbox.ready >= self.limits.batch_records or outbox.bytes >= self.limits.batch_bytes
        return 0.0 if self._flushing or full else outbox.first.since + self.limits.linger - now

    def _cut(self) -> list[Outgoing]:
        batch = self._outbox.cut(self._most, self.limits.batch_bytes)
        self._in_flight += len(batch)
        self._busy += 1
        if self._busy == 1:
            self._silent_since = time.monotonic()
        return batch

    # -- a sender's thread --------------------------------------------------
    def _send(self, batch: list[Outgoing]) -> None:
        try:
            self.sink.open()
            began = time.monotonic()
            codes = self.sink.put([(record.data, record.key) for record in batch])
        except PutFailed as failed:
            self._failed(batch, failed)
        except BaseException as error:  # a fault of ours must not lose the batch
            trouble = OpsError(
                f"Putting records into {self.sink.stream} failed",
                f"{type(error).__name__}: {error}",
                "This is a fault of Opsdesk: please report it; sending goes on",
                code="bug",
            )
            self._failed(batch, PutFailed(trouble, again=False, unsure=True, content=True))
        else:
            self._answered(batch, codes, time.monotonic() - began)

    def _answered(self, batch: list[Outgoing], codes: list[str], seconds: float) -> None:
        now = time.monotonic()
        with self._changed:
            self._latencies.add(seconds)
            done = 0
            for record, code in zip(batch, codes, strict=True):
                if not code:
                    done += 1
                    self._settle(record)
                else:
                    self._counts.codes[code] += 1
                    self._counts.retried += 1
                    self._retry(record, now)
            self._counts.acknowledged += done
            self._counts.batches += 1
            self._failures, self._failing_since = 0, None
            self._most = min(self.limits.batch_records, self._most * 2)
            if done:
                self._trouble, self._refused_in_a_row = None, 0
                self._done_lately.append((now, done))
            self._release(batch)

    def _failed(self, batch: list[Outgoing], failed: PutFailed) -> None:
        now, trouble = time.monotonic(), failed.trouble
        with self._changed:
            self._failures += 1
            self._counts.codes[trouble.details.get("code") or trouble.code] += 1
            self._counts.retried += len(batch)
            self._counts.unsure += len(batch) if failed.unsure else 0
            blocked = self._isolated(batch, trouble, now) if failed.content else None
            if blocked is None and failed.content:
                self._release(batch)
                return
            self._failing_since = now if self._failing_since is None else self._failing_since
            self._trouble, self._lasting = blocked or trouble, not failed.again
            first, last = self.limits.back_off
            pause = random.uniform(first, min(last, first * 2 ** min(self._failures, 10)))
            self._held_until = now + (pause if failed.again else _TRY_AGAIN)
            if blocked is None:
                self._outbox.back(batch)
            self._release(batch)

    def _isolated(self, batch: list[Outgoing], trouble: OpsError, now: float) -> OpsError | None:
        """After a request that was refused for what is in it: look for the one record that it was for, in ever smaller
        ones, and set it aside. Returns what stands in the way of that, where something does."""
        if len(batch) > 1:
            self._most = len(batch) // 2
            self._outbox.back(batch)
            return None
        (record,), place, blocked = batch, None, trouble
        if self._refused_in_a_row < _REFUSED_IN_A_ROW:
            try:
                place = (
                    self._spill.set_aside(record.data, record.key, str(trouble)) if self._spill is not None else None
                )
            except OpsError as full:
                blocked = full
            else:
                self._refused_in_a_row += 1
                self._refuse(record, trouble, place)
                return None
        # The others are tried before it is tried again.
        self._outbox.again(record, now + _TRY_AGAIN * random.uniform(1.5, 3.0))
        return blocked

    def _refuse(self, record: Outgoing, trouble: OpsError, place: Path | None) -> None:
        self._counts.refused += 1
        self._refusal = OpsError(
            f"The stream {self.sink.stream} refused a record of {len(record.data):,} bytes with the key {record.key[:60]!r}",
            trouble.why,
            f"It was set aside in {place}; the others go on" if place else "It was left out; the others go on",
            details=trouble.details,
            code="refused",
        )
        logging.getLogger(__name__).warning("%s", self._refusal)
        self._settle(record)

    def _release(self, batch: list[Outgoing]) -> None:
        self._in_flight -= len(batch)
        self._busy -= 1
        self._silent_since = time.monotonic() if self._busy else None
        self._changed.notify_all()
