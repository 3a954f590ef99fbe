"""Reads all shards of a stream at once: parents before children, paused and resumed without loss, on few threads."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Collection, Mapping

from core.base.errors import OpsError, WrongUse
from core.streams.clocks import steady
from core.streams.pages import Page, Shard, StreamSource
from core.streams.positions import LATEST, SHARD_END, Checkpoint, Position, Start
from core.streams.reader import Pace, ShardReader, ShardStatus

_LIST_AGAIN = 60.0  # seconds; a net below ChildShards, which emulators leave out
MOST_THREADS = 16


class StreamReader:
    """One reader a shard, each stepped by one thread at a time, so that a shard's pages come in order.

    ``on_page`` is called on a reading thread and may block: that is the bounded hand-over, reading ahead stops
    until it returns (iterators that expire meanwhile are opened again at the last record received).
    A page with ``closed`` is a shard's last; the readers of its children start after ``on_page`` returned for it.

    start: where shards without a checkpoint begin. shards: only these and what they are split into (empty: all).
    checkpoints: shard -> where its work stands; children of a known shard begin at their first record.
    on_throttle: called on a reading thread for every read that the service refused.
    """

    def __init__(
        self,
        source: StreamSource,
        on_page: Callable[[Page], None],
        *,
        start: Start = LATEST,
        shards: Collection[str] = (),
        checkpoints: Mapping[str, Checkpoint] | None = None,
        pace: Pace | None = None,
        on_throttle: Callable[[Shard], None] | None = None,
        list_again: float = _LIST_AGAIN,
        most_threads: int = MOST_THREADS,
    ) -> None:
        self.source, self.start = source, start
        self._ahead = time.time() - steady()  # what the server's clock is ahead of a clock that nobody sets
        self.failure: OpsError | BaseException | None = None
        self._on_page, self._pace, self._list_again = on_page, pace or Pace(), list_again
        self._on_throttle = on_throttle
        self._most_threads = most_threads
        self._only = set(shards) | ({start.shard} if start.kind == "sequence" else set())
        self._checkpoints = dict(checkpoints or {})
        self._time = 0.0  # the server's clock when reading started
        self._changed = threading.Condition()
        self._known: dict[str, Shard] = {}
        self._wanted: set[str] = set()
        self._readers: dict[str, ShardReader] = {}
        self._done: set[str] = set()
        self._due: list[tuple[float, int, ShardReader | None]] = []  # None: list the shards again
        self._order = itertools.count()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._paused = self._stopped = False

    # -- the hand on it ---------------------------------------------------------
    def open(self) -> None:
        """List the shards and start reading. Raises OpsError (no stream, no permission, no answer) or WrongUse."""
        self._time = time.time()
        shards, skew = self.source.shards()
        self._learn_clock(skew)
        self._time += skew
        if missing := self._only - {shard.id for shard in shards}:
            raise WrongUse(
                f"The stream {self.source.stream} has no shard {', '.join(sorted(missing))}",
                f"It has {', '.join(shard.id for shard in shards[:20])}",
                "Name one of these",
            )
        with self._changed:
            self._learn(shards)
            self._push(self._list_again, None)
            self._staff()

    def pause(self) -> None:
        """Read no further; every shard keeps its place. A call under way is still taken."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Read on, after a pause or after a failure, from the last record received."""
        with self._changed:
            self._paused, self.failure = False, None
            self._staff()
            self._changed.notify_all()

    def stop(self) -> None:
        """End reading; a call under way is given up (its answer is dropped)."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the reading threads have left after ``stop``; False on time-out."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def skew(self) -> float:
        """Seconds the server's clock is ahead of ours, also just after ours was set."""
        return steady() + self._ahead - time.time()

    def _learn_clock(self, skew: float) -> None:
        self._ahead = time.time() + skew - steady()

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def stopped(self) -> bool:
        return self._stopped

    def status(self) -> list[ShardStatus]:
        """Every shard that is, was or will be read, in the order of their hash keys."""
        with self._changed:
            shards = [self._known[name] for name in self._wanted]
            found = [
                reader.status() if (reader := self._readers.get(shard.id)) else ShardStatus(shard, "waiting")
                for shard in shards
                if shard.id in self._readers or shard.id not in self._done
            ]
        return sorted(found, key=lambda status: (status.shard.first_hash, status.shard.id))

    @property
    def caught_up(self) -> bool:
        """Every shard was read to its newest record (or to its end) as of its last answer."""
        return all(status.state == "closed" or status.behind == 0 for status in self.status())

    def checkpoints(self) -> dict[str, Checkpoint]:
        """Where each shard stands; whole once ``wait`` returned True after ``stop``."""
        with self._changed:
            found = dict.fromkeys(self._done, SHARD_END)
            for name, reader in self._readers.items():
                if name not in found and reader.position.kind == "AFTER_SEQUENCE_NUMBER":
                    found[name] = Checkpoint(reader.position.sequence)
            return found

    @property
    def since(self) -> float:
        """The time reading starts at: epoch seconds by the server's clock, 0 where it starts elsewhere."""
        return Position.of(self.start, self._time).time

    # -- shards and their order (under the lock) ----------------------------------
    def _learn(self, shards: Collection[Shard]) -> None:
        for shard in shards:
            known = self._known.get(shard.id)
            if known and known.first_sequence and shard.first_sequence not in ("", known.first_sequence):
                raise OpsError(
                    f"The stream {self.source.stream} was deleted and made anew",
                    f"Its shard {shard.id} is another one than that which was read",
                    "Stop, and start again",
                    code="position",
                )
            if known is None or (shard.closed and not known.closed):
                # ChildShards tell no sequence numbers: an entry of the list says more.
                self._known[shard.id] = shard
                if shard.id in self._readers:
                    self._readers[shard.id].shard = shard
            if self._checkpoints.get(shard.id) == SHARD_END:
                self._done.add(shard.id)
        for shard in sorted(shards, key=lambda shard: shard.id):
            if not self._only or shard.id in self._only or self._wanted.intersection(shard.parents):
                self._wanted.add(shard.id)
        for name in sorted(self._wanted - self._done - self._readers.keys()):
            shard = self._known[name]
            parents = [parent for parent in shard.parents if parent in self._wanted]
            if all(parent in self._done for parent in parents):
                self._begin(shard, has_parents=bool(parents))

    def _begin(self, shard: Shard, *, has_parents: bool) -> None:
        checkpoint = self._checkpoints.get(shard.id)
        not_before, after = 0.0, None
        if checkpoint is not None:
            position, after = Position.after(checkpoint), checkpoint
        elif has_parents and (self._checkpoints or self.start.kind == "sequence"):
            position = Position("TRIM_HORIZON")
        else:
            position = Position.of(self.start, self._time)
            not_before = position.time
        reader = ShardReader(self.source, shard, position, self._pace, not_before=not_before, after=after)
        self._readers[shard.id] = reader
        self._push(0.0, reader)
        self._staff()

    # -- threads ------------------------------------------------------------------
    def _push(self, delay: float, reader: ShardReader | None) -> None:
        heapq.heappush(self._due, (time.monotonic() + delay, next(self._order), reader))
        self._changed.notify()

    def _staff(self) -> None:
        """A thread a shard up to 16; beyond that they take turns, and at one read a second 16 serve hundreds."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        reading = sum(not reader.closed for reader in self._readers.values())
        while len(self._threads) < min(self._most_threads, max(1, reading)):
            thread = threading.Thread(
                target=self._serve, name=f"read-{self.source.stream}-{len(self._threads)}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        while (reader := self._next()) is not _LEAVE:
            try:
                if isinstance(reader, ShardReader):
                    self._step(reader)
                else:
                    self._relist()
            except BaseException as error:  # told to whoever looks at `failure`; reading waits for `resume`
                with self._changed:
                    self.failure = self.failure or error
                    self._push(0.0, reader if isinstance(reader, ShardReader) else None)

    def _next(self) -> ShardReader | object | None:
        with self._changed:
            while True:
                if self._stopped:
                    return _LEAVE
                wait: float | None = None
                if self._due and not self._paused and self.failure is None:
                    wait = self._due[0][0] - time.monotonic()
                    if wait <= 0:
                        return heapq.heappop(self._due)[2]
                self._changed.wait(wait)

    def _step(self, reader: ShardReader) -> None:
        before, throttles = reader.position, reader.throttles
        page = reader.step()
        if self._on_throttle is not None and reader.throttles > throttles:
            self._on_throttle(reader.shard)
        if page is not None:
            try:
                if self._stopped:
                    reader.rewind(before)  # nobody takes it any more: the checkpoints must not say so
                    return
                self._on_page(page)
            except BaseException:
                reader.rewind(before)  # a page that was not taken is read again
                raise
        with self._changed:
            if page is None or not page.closed:
                self._push(reader.delay, reader)
                return
            self._done.add(reader.shard.id)
            self._learn(page.children)
            if not page.children:
                self._push(0.0, None)

    def _relist(self) -> None:
        try:
            shards, skew = self.source.shards()
            self._learn_clock(skew)
        except OpsError as trouble:
            if trouble.code not in ("throttled", "unreachable", "server", "limit"):
                raise
            shards = []
        with self._changed:
            self._learn(shards)
            if not any(entry[2] is None for entry in self._due):
                self._push(self._list_again, None)


_LEAVE = object()
