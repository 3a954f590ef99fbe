"""Reads one shard, one call at a time: positions, expired iterators, throttles and back-off, and the shard's end."""

from __future__ import annotations

import random
import time
from collections import deque
from dataclasses import dataclass

from core.base.errors import OpsError
from core.streams.clocks import steady
from core.streams.pages import AtEnd, Expired, Page, Passing, Shard, StreamSource, Throttled
from core.streams.positions import Checkpoint, Position

READS_A_SECOND = 5
"""What one shard serves to all its polling readers together (AWS's limit)."""

_MINUTE = 60.0
_LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard a reader may pull: a tap spends the same five reads a second as production's consumers.

    reads_per_second: at most, per shard. limit, limit_behind: records asked for, and while catching up.
    slow_interval: seconds between reads after a throttle, kept until a minute passed without one.
    """

    reads_per_second: float = 1.0
    limit: int = 1_000
    limit_behind: int = 10_000
    slow_interval: float = 5.0


PUSHED = Pace(reads_per_second=1e6)
"""For enhanced fan-out, whose pages come when there is something."""


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """One shard's reader as it stands; counts since the start of reading.

    state: waiting (for its parents) | reading | throttled | retrying | closed. behind: milliseconds behind the
    newest record, None before the first answer. known_until: all that arrived before this time (epoch seconds, by our
    clock) has been read. reads_per_minute, throttles_per_minute: the last 60 s. silent: seconds that the call under
    way has been waiting for its answer, 0 between calls.
    """

    shard: Shard
    state: str
    behind: float | None = None
    records: int = 0
    bytes: int = 0
    reads: int = 0
    throttles: int = 0
    expired: int = 0
    retries: int = 0
    reads_per_minute: int = 0
    throttles_per_minute: int = 0
    last_sequence: str = ""
    known_until: float = 0.0
    trouble: OpsError | None = None
    silent: float = 0.0


class ShardReader:
    """Stepped by one thread at a time; ``delay`` says after each step how many seconds to wait before the next."""

    def __init__(
        self,
        source: StreamSource,
        shard: Shard,
        position: Position,
        pace: Pace,
        *,
        not_before: float = 0.0,
        after: Checkpoint | None = None,
    ) -> None:
        """``not_before``: records that arrived earlier (epoch seconds) are dropped, because timestamps travel in
        whole seconds; ``after``: the checkpoint a half-done aggregated record is resumed from."""
        self.shard, self.position, self.pace = shard, position, pace
        self.delay = 0.0
        self.closed = False
        self._source = source
        self._not_before, self._after = not_before, after
        self._iterator: str | None = None
        self._in_a_row = 0  # throttles or failures since the last answer
        self._state = "reading"
        self._trouble: OpsError | None = None
        self._behind: float | None = None
        self._known = 0.0  # until when all was read, by the steady clock
        self._asked = 0.0  # monotonic; when the call under way was made
        self._limit = pace.limit
        self.throttles = 0
        self._records = self._bytes = self._reads = self._expired = self._retries = 0
        self._recent_reads: deque[float] = deque()
        self._recent_throttles: deque[float] = deque()

    def step(self) -> Page | None:
        """Make one read. None: nothing came this time (throttled, expired, retrying). Raises OpsError when reading on
        is useless (stream deleted, access denied, login expired); the position is kept, so it can be tried again."""
        self._asked = time.monotonic()
        try:
            return self._step(self._asked, steady())
        finally:
            self._asked = 0.0

    def _step(self, asked: float, asked_at: float) -> Page | None:
        self.delay = 0.0
        try:
            if self._iterator is None:
                self._iterator = self._source.iterator(self.shard.id, self.position)
            self._recent_reads.append(asked)
            self._reads += 1
            page = self._source.page(self.shard, self._iterator, self._limit)
        except Throttled:
            self._throttled(asked)
            return None
        except Expired:
            self._iterator = None
            self._expired += 1
            self._in_a_row += 1
            self.delay = 0.0 if self._in_a_row == 1 else random.uniform(0.1, 1.0)
            return None
        except AtEnd:
            try:
                self._check_end()
            except OpsError as trouble:
                if trouble.code == "position":
                    raise
                self._retry(trouble)
                return None
            page = Page(self.shard, [], closed=True)
        except Passing as passing:
            self._retry(passing.trouble)
            return None
        except OpsError as trouble:
            self._state, self._trouble, self._iterator = "retrying", trouble, None
            raise
        first = self._behind is None
        self._accept(page, asked_at)
        # After the first read the shards part: read all at the same moment they would come in bursts.
        interval = self._interval(asked) * (random.uniform(0.1, 1.0) if first else 1.0)
        self.delay = max(0.0, interval - (time.monotonic() - asked))
        return page

    def rewind(self, position: Position) -> None:
        """Read again from ``position``: what came since was not taken."""
        self.position, self._iterator, self.closed = position, None, False

    def status(self) -> ShardStatus:
        now = time.monotonic()
        for recent in (self._recent_reads, self._recent_throttles):
            _forget(recent, now)
        return ShardStatus(
            self.shard,
            "closed" if self.closed else self._state,
            self._behind,
            self._records,
            self._bytes,
            self._reads,
            self.throttles,
            self._expired,
            self._retries,
            len(self._recent_reads),
            len(self._recent_throttles),
            self.position.sequence,
            time.time() - (steady() - self._known) if self._known else 0.0,
            self._trouble,
            now - asked if (asked := self._asked) else 0.0,
        )

    def _check_end(self) -> None:
        """Raises OpsError ``position`` where it is not the shard's end that keeps it from being read on."""
        if not self.shard.closed:  # it may have been closed since it was listed
            listed, _ = self._source.shards()
            self.shard = next((shard for shard in listed if shard.id == self.shard.id), self.shard)
        here, numbers = self.shard, (self.shard.first_sequence, self.position.sequence, self.shard.last_sequence)
        if here.closed and (
            not all(map(str.isdecimal, numbers)) or int(numbers[0]) <= int(numbers[1]) <= int(numbers[2])
        ):
            return
        raise OpsError(
            f"Shard {here.id} cannot be read on from where it stands",
            f"The stream does not know the sequence number {self.position.sequence}: it may have been deleted and made anew",
            "Start again from a time, or from trim_horizon",
            code="position",
        )

    # -- what an answer changes -----------------------------------------------
    def _accept(self, page: Page, asked_at: float) -> None:
        page.received = time.time()
        self._in_a_row, self._state, self._trouble = 0, "reading", None
        self._iterator = page.next_iterator
        if self.shard.closed and not page.records and not page.behind:
            page.closed = True  # some servers never end the iterator of a closed shard
        self._limit = self.pace.limit_behind if page.behind and page.records else self.pace.limit
        self._behind, self.closed = page.behind, page.closed
        if not page.behind:
            self._known = asked_at
        elif page.records:
            self._known = steady() - (page.received - page.records[-1].arrived)
        if page.records:
            page.after, self._after = self._after, None
            self.position = Position("AFTER_SEQUENCE_NUMBER", page.records[-1].sequence)
            if self._not_before:
                page.records = [record for record in page.records if record.arrived >= self._not_before]
        self._records += len(page.records)
        self._bytes += page.size

    def _throttled(self, now: float) -> None:
        self.throttles += 1
        self._in_a_row += 1
        self._recent_throttles.append(now)
        self._state = "throttled"
        # Full jitter on top of the slow pace: readers that were throttled together must not come back together.
        self.delay = self.pace.slow_interval + random.uniform(0, min(_LONGEST_WAIT, 2.0 ** min(self._in_a_row, 8)))

    def _retry(self, trouble: OpsError) -> None:
        self._retries += 1
        self._in_a_row += 1
        self._state, self._trouble = "retrying", trouble
        self.delay = random.uniform(0.1, min(_LONGEST_WAIT, 0.5 * 2.0 ** min(self._in_a_row, 8)))

    def _interval(self, now: float) -> float:
        _forget(self._recent_throttles, now)
        usual = 1 / self.pace.reads_per_second
        return max(usual, self.pace.slow_interval) if self._recent_throttles else usual


def _forget(recent: deque[float], now: float) -> None:
    while recent and now - recent[0] > _MINUTE:
        recent.popleft()
