"""What a producer holds in memory until it is acknowledged: in order per key, cut into batches, sent again when due.

At most one record of a key is ready or under way: its successors wait behind it, and a record that failed is sent again
before them. PutRecords itself promises no order among the records of one request.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Chunk:
    """A spilled file whose records are in memory; deleted when the last one is in."""

    path: Path
    left: int


@dataclass(slots=True, eq=False)
class Outgoing:
    """A record to send. ``since``: monotonic seconds when it came."""

    data: bytes
    key: str
    since: float
    attempts: int = 0
    chunk: Chunk | None = None


class Outbox:
    """Used under its owner's lock. ``waiting`` records with ``bytes`` of data are here and not under way."""

    def __init__(self, *, ordered: bool) -> None:
        self.waiting = self.bytes = 0
        self._ordered = ordered
        self._ready: deque[Outgoing] = deque()
        self._behind: dict[str, deque[Outgoing]] = {}  # key -> those that wait for the one ready or under way
        self._later: list[tuple[float, int, Outgoing]] = []  # to be sent again: when, tie-break, what
        self._tie = itertools.count()

    @property
    def ready(self) -> int:
        """Records that could leave now."""
        return len(self._ready)

    @property
    def first(self) -> Outgoing | None:
        """The next to leave."""
        return self._ready[0] if self._ready else None

    @property
    def next_again(self) -> float | None:
        """When the first of those to be sent again is due (monotonic)."""
        return self._later[0][0] if self._later else None

    def add(self, record: Outgoing) -> None:
        self._count(record)
        if self._ordered:
            followers = self._behind.get(record.key)
            if followers is not None:
                followers.append(record)
                return
            self._behind[record.key] = deque()
        self._ready.append(record)

    def cut(self, most_records: int, most_bytes: int) -> list[Outgoing]:
        """Take the next batch out; it holds at least one record, and ``most_bytes`` of data and keys."""
        batch: list[Outgoing] = []
        size = 0
        while self._ready and len(batch) < most_records:
            record = self._ready[0]
            length = len(record.data) + len(record.key)
            if batch and size + length > most_bytes:
                break
            batch.append(self._ready.popleft())
            size += length
            self.bytes -= len(record.data)
            record.attempts += 1
        self.waiting -= len(batch)
        return batch

    def settle(self, record: Outgoing) -> None:
        """The record is out of our hands; its successor may go."""
        if not self._ordered:
            return
        followers = self._behind[record.key]
        if followers:
            self._ready.append(followers.popleft())
        else:
            del self._behind[record.key]

    def again(self, record: Outgoing, at: float) -> None:
        """Send it again at ``at`` (monotonic), before its successors."""
        self._count(record)
        heapq.heappush(self._later, (at, next(self._tie), record))

    def back(self, batch: list[Outgoing]) -> None:
        """The whole batch failed: back to where it came from, before all others."""
        for record in reversed(batch):
            self._ready.appendleft(record)
            self._count(record)

    def wake(self, now: float) -> None:
        """Make ready what is due to be sent again."""
        while self._later and self._later[0][0] <= now:
            self._ready.appendleft(heapq.heappop(self._later)[2])

    def front(self, most: int) -> Iterator[Outgoing]:
        """The next ``most`` to leave, and all that are to be sent again."""
        return itertools.chain(itertools.islice(self._ready, most), (entry[2] for entry in self._later))

    def all(self) -> list[Outgoing]:
        """Everything that waits, in the order per key."""
        followers: Iterable[Outgoing] = itertools.chain.from_iterable(self._behind.values())
        return [*(entry[2] for entry in sorted(self._later)), *self._ready, *followers]

    def _count(self, record: Outgoing) -> None:
        self.waiting += 1
        self.bytes += len(record.data)
