"""A tap: reads a stream into a bounded window, gently, and stops by itself when nobody looks any more."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from core.base.errors import OpsError
from core.streams.decode import DecodeCounts, Record
from core.streams.fanout import FanOutSource
from core.streams.pages import Page, StreamSource
from core.streams.positions import LATEST, Checkpoint, Start
from core.streams.reader import PUSHED, READS_A_SECOND, Pace, ShardStatus
from core.streams.reading import MOST_THREADS, StreamReader
from core.streams.shards import WRITE_BYTES, WRITE_RECORDS
from core.streams.window import Window

SILENT = 5.0
"""Seconds without an answer from which on a polling reader counts as kept waiting."""
_MOST_PUSHED = 64  # shards that can be pushed at once; each holds a connection and a thread


@dataclass(frozen=True, slots=True)
class TapStatus:
    """A tap as it stands.

    state: reading | paused | unseen (stopped by itself) | failed | stopped. seen: user records since the start.
    records_per_second, bytes_per_second: received here, mean of the last 10 s; before: of the last 5 minutes.
    age_p99: milliseconds behind the newest record, 99th percentile of the last answers, None before the first.
    delay_p50: milliseconds from arrival in the stream to arrival here (two clocks; ``skew`` s was taken off).
    busiest: the shard that came nearest to what it takes in a second, and its share of that, 0..1; of the last 10 s.
    seconds: since reading began. pushed: by enhanced fan-out. throttles_per_minute: all shards.
    budget: share of a shard's five reads a second that this tap uses, 0..1.
    """

    state: str
    shards: list[ShardStatus]
    seen: int
    records_per_second: float
    bytes_per_second: float
    records_per_second_before: float
    age_p99: float | None
    delay_p50: float | None
    throttles_per_minute: int
    budget: float
    decode: DecodeCounts
    skew: float
    failure: OpsError | None
    seconds: float
    pushed: bool = False
    busiest: tuple[str, float] = ("", 0.0)


class Tap:
    """Made by the service; reading begins with ``open`` and goes on on threads of its own."""

    def __init__(
        self,
        source: StreamSource,
        *,
        start: Start = LATEST,
        shards: Collection[str] = (),
        pace: Pace | None = None,
        kept: int = 20_000,
        unseen_seconds: float | None = None,
        on_records: Callable[[list[Record]], None] | None = None,
        after: Tap | None = None,
    ) -> None:
        """``after``: a stopped tap of the same stream, gone on with where it stands, in its window.
        ``unseen_seconds``: pause after so long without ``look`` (None: never). ``on_records``: called with every
        page's records on a reading thread; it may block, and reading waits for it."""
        self.stream = source.stream
        self.source = source
        self.window: Window = after.window if after else Window(kept)
        self.pushed = isinstance(source, FanOutSource)
        self._on_records = on_records
        self._reader = StreamReader(
            source,
            self._take,
            start=after.start if after else start,
            shards=shards,
            checkpoints=after.checkpoints() if after else None,
            pace=PUSHED if self.pushed else pace,
            on_throttle=lambda shard: self.window.throttled(shard.id, self._reader.skew),
            most_threads=_MOST_PUSHED if self.pushed else MOST_THREADS,
        )
        self._unseen_seconds = unseen_seconds
        self._looked = self._began = time.monotonic()
        self._unseen = False
        self._opened = time.time()  # by the server's clock, once that is known

    def open(self) -> None:
        """Start reading. Raises OpsError where the stream cannot be listed."""
        self._began, self._opened = time.monotonic(), time.time()
        self._reader.open()
        self._opened += self._reader.skew

    def pause(self) -> None:
        """Stop reading; every shard keeps its place, and nothing is lost while the stream retains it."""
        self._reader.pause()

    def resume(self) -> None:
        """Read on from the last record received: after a pause, a failure, or having been unseen."""
        self.look()
        self._unseen = False
        self._reader.resume()

    def stop(self) -> None:
        """End reading. A consumer of enhanced fan-out is deregistered on a thread that the program waits for."""
        self._reader.stop()
        if isinstance(self.source, FanOutSource):
            threading.Thread(target=_deregister, args=(self.source,), name="deregister").start()

    def checkpoints(self) -> dict[str, Checkpoint]:
        """Where every shard stands; whole once ``wait`` returned True after ``stop``."""
        return self._reader.checkpoints()

    @property
    def start(self) -> Start:
        """Where shards begin that have not been read yet; "latest" has become a time."""
        return Start("time", time=self.since) if self.since else self._reader.start

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the threads after ``stop``; False on time-out (a call to a dead endpoint may take 30 s)."""
        return self._reader.wait(timeout)

    def look(self) -> None:
        """Somebody looks: the tap goes on."""
        self._looked = time.monotonic()

    @property
    def state(self) -> str:
        if self._reader.stopped:
            return "stopped"
        if self._reader.failure is not None:
            return "failed"
        if self._unseen:
            return "unseen"
        return "paused" if self._reader.paused else "reading"

    @property
    def failure(self) -> OpsError | None:
        """Why reading stands still; ``resume`` tries again."""
        error = self._reader.failure
        if error is None or isinstance(error, OpsError):
            return error
        return OpsError(
            f"The tap of {self.stream} stopped",
            f"{type(error).__name__}: {error}",
            "This is a fault of Opsdesk: please report it; Resume reads on",
            code="bug",
        )

    @property
    def caught_up(self) -> bool:
        return self._reader.caught_up

    @property
    def since(self) -> float:
        """From when on records are seen: epoch seconds by the server's clock (0: from the oldest kept)."""
        return self._reader.since

    @property
    def skew(self) -> float:
        """Seconds that the server's clock is ahead of ours."""
        return self._reader.skew

    def shards(self) -> list[ShardStatus]:
        """Every shard's reader, in the order of their hash keys."""
        return self._reader.status()

    def status(self) -> TapStatus:
        shards = self.shards()
        now = time.time()
        # A shard that is not answered falls behind although no answer says so.
        waiting = [
            (now - s.known_until) * 1000
            for s in shards
            if s.known_until and (s.state in ("throttled", "retrying") or (s.silent > SILENT and not self.pushed))
        ]
        ages, delays = sorted([*self.window.ages(), *waiting]), sorted(self.window.delays())
        passed = time.monotonic() - self._began
        records, size = self.window.received(max(1.0, min(10.0, passed)))
        open_shards = [status for status in shards if status.state not in ("closed", "waiting")]
        reads = max((status.reads_per_minute for status in open_shards), default=0)
        return TapStatus(
            self.state,
            shards,
            self.window.seen,
            records,
            size,
            self.window.received(max(1.0, min(300.0, passed)))[0],
            ages[min(len(ages) - 1, int(len(ages) * 0.99))] if ages else None,
            delays[len(delays) // 2] if delays else None,
            sum(status.throttles_per_minute for status in shards),
            0.0 if self.pushed else reads / max(1.0, min(60.0, passed)) / READS_A_SECOND,
            self.window.counts(),
            self._reader.skew,
            self.failure,
            passed,
            self.pushed,
            self.window.busiest(max(1.0, min(10.0, passed)), WRITE_RECORDS, WRITE_BYTES),
        )

    def _take(self, page: Page) -> None:
        records = self.window.add(page, self._reader.skew, self._opened)
        if self._on_records is not None and records:
            self._on_records(records)
        if self._unseen_seconds is not None and time.monotonic() - self._looked > self._unseen_seconds:
            self._unseen = True
            self._reader.pause()


def _deregister(source: FanOutSource) -> None:
    try:
        source.close()
    except OpsError as error:
        logging.getLogger(__name__).warning("%s The next tap with enhanced fan-out tries again.", error)
