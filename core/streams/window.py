"""The bounded window between a tap and whoever looks: readers add pages, the page pulls what is new ten times a second."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.streams.decode import DecodeCounts, Decoder, Record
from core.streams.keys import HotKey, TopKeys
from core.streams.pages import DECODING, Page
from core.streams.rates import Rates, Series, tally_of

_BYTES_KEPT = 128 * 2**20  # of payloads; records are dropped from the window before their number says so
_SAMPLE_SECONDS, _SAMPLES = 60.0, 4_096  # of ages and delays: the last minute, and never more than so many

_RECEIVED_KEPT = 300.0  # seconds

Keep = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Slice:
    """Records that came since ``cursor`` was last asked, oldest first; ``skipped`` came and went in between.

    kept, seen: records held now, and all that were added since the start. generation: changes when the filter does,
    and older cursors then count from the start again.
    """

    records: list[Record]
    cursor: int
    skipped: int
    kept: int
    seen: int
    generation: int = 0


class Shelf:
    """The newest records, by number and by bytes; each has a serial number, counted from 0."""

    def __init__(self, capacity: int) -> None:
        self._records: deque[Record] = deque()
        self._capacity, self._bytes = capacity, 0
        self.added = 0

    def add(self, records: Sequence[Record]) -> None:
        self._records.extend(records)
        self.added += len(records)
        self._bytes += sum([len(record.data) for record in records])
        while len(self._records) > self._capacity or (self._bytes > _BYTES_KEPT and len(self._records) > 1):
            self._bytes -= len(self._records.popleft().data)

    def since(self, cursor: int) -> tuple[list[Record], int]:
        """The kept records with serials from ``cursor`` on, and how many were dropped before they were asked for."""
        fresh = min(max(0, self.added - cursor), len(self._records))
        newest = [record for _, record in zip(range(fresh), reversed(self._records), strict=False)]
        newest.reverse()
        return newest, self.added - cursor - fresh

    def __len__(self) -> int:
        return len(self._records)


class Window:
    """Safe from any thread. Memory is bounded: ``capacity`` records, two rings a shard, a fixed number of keys."""

    def __init__(self, capacity: int = 20_000) -> None:
        self._lock = threading.Lock()
        self._capacity = capacity
        self._decoders: dict[int, Decoder] = {}
        self._all = Shelf(capacity)
        self._matches: Shelf | None = None
        self._keep: Keep | None = None
        self._generation = 0
        self._rates, self._keys = Rates(), TopKeys()
        self._delays: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)
        self._ages: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)
        # (monotonic, user records, bytes, shard, records as they were put)
        self._received: deque[tuple[float, int, int, str, int]] = deque()
        self._oldest: float | None = None

    # -- filled by the readers ------------------------------------------------
    def throttled(self, shard: str, skew: float = 0.0) -> None:
        """A read of ``shard`` was refused just now."""
        with self._lock:
            self._rates.throttled(shard, int(time.time() + skew))

    def add(self, page: Page, skew: float = 0.0, live_since: float = 0.0) -> list[Record]:
        """Decode and keep one page; returns its records. ``skew``: seconds the server's clock is ahead;
        ``live_since``: what arrived before (epoch seconds, the server's clock) was there already, and waited for nobody.

        The long parts run without the lock: the window's thread must never wait for a page of 10,000 records.
        """
        with self._lock:
            keep, generation = self._keep, self._generation
        with DECODING:
            records = self._decoder().page(page)
            tally, keys = tally_of(records), Counter([record.partition_key for record in records])
            matches = [record for record in records if keep(record)] if keep else []
        now = time.monotonic()
        with self._lock:
            self._ages.append((now, page.behind))
            waits = [page.received + skew - arrived for arrived in _ends(records) if arrived >= live_since]
            self._rates.read(
                page.shard.id, int(page.received + skew), page.behind, max(0.0, max(waits, default=0.0) * 1000)
            )
            if waits:
                self._delays.append((now, max(0.0, sum(waits) / len(waits) * 1000)))
            self._received.append((now, len(records), page.size, page.shard.id, len(page.records)))
            while now - self._received[0][0] > _RECEIVED_KEPT:
                self._received.popleft()
            if records:
                self._oldest = min(records[0].arrived, self._oldest or records[0].arrived)
                self._all.add(records)
                self._rates.add(page.shard.id, tally)
                self._keys.add(keys)
                if self._matches is not None and self._keep is not None:
                    if generation != self._generation:  # the filter was changed in between
                        matches = [record for record in records if self._keep(record)]
                    self._matches.add(matches)
        return records

    def _decoder(self) -> Decoder:
        """One a reading thread: its counts need no lock of their own."""
        decoder = self._decoders.get(threading.get_ident())
        return decoder or self._decoders.setdefault(threading.get_ident(), Decoder())

    # -- pulled by whoever looks -------------------------------------------------
    def filter(self, keep: Keep | None) -> None:
        """Show only what ``keep`` says from now on: first among the records held, then of every record that comes,
        so that a rare match is not pushed out by thousands of others."""
        matches, cursor = Shelf(self._capacity), 0
        while keep is not None:  # the long part without the lock, so that reading goes on
            with self._lock:
                fresh, _ = self._all.since(cursor)
                cursor = self._all.added
                if len(fresh) < 1_000:
                    matches.add([record for record in fresh if keep(record)])
                    self._keep, self._matches = keep, matches
                    self._generation += 1
                    return
            matches.add([record for record in fresh if keep(record)])
        with self._lock:
            self._keep = self._matches = None
            self._generation += 1

    def fresh(self, cursor: int, generation: int = 0) -> int:
        """How many records ``since`` would find new."""
        with self._lock:
            shelf = self._all if self._matches is None else self._matches
            return shelf.added - cursor if generation == self._generation else len(shelf)

    def since(self, cursor: int, generation: int = 0) -> Slice:
        """What is new for a table that has shown serials below ``cursor`` of ``generation``."""
        with self._lock:
            shelf = self._all if self._matches is None else self._matches
            records, skipped = shelf.since(cursor if generation == self._generation else 0)
            return Slice(records, shelf.added, skipped, len(shelf), self._all.added, self._generation)

    def sizes(self) -> tuple[int, int]:
        """(records held that match the filter, all that were added since the start)."""
        with self._lock:
            return len(self._all if self._matches is None else self._matches), self._all.added

    @property
    def seen(self) -> int:
        """User records since the start."""
        return self._all.added

    @property
    def oldest(self) -> float | None:
        """When the oldest record that was added had arrived in the stream (epoch seconds), kept still or not."""
        return self._oldest

    def kept(self, *, matching: bool = False) -> list[Record]:
        """All records held, oldest first; ``matching`` the filter where there is one."""
        with self._lock:
            shelf = self._matches if matching and self._matches is not None else self._all
            return shelf.since(0)[0]

    def series(self, seconds: int, now: float) -> Series:
        with self._lock:
            return self._rates.series(seconds, now)

    def top_keys(self, number: int = 10) -> list[HotKey]:
        with self._lock:
            return self._keys.top(number)

    def counts(self) -> DecodeCounts:
        return sum((decoder.counts for decoder in list(self._decoders.values())), DecodeCounts())

    def received(self, seconds: float) -> tuple[float, float]:
        """(records, bytes) a second that arrived here during the last ``seconds`` (at most 300)."""
        with self._lock:
            since = time.monotonic() - seconds
            recent = [(records, size) for at, records, size, _, _ in self._received if at >= since]
        return sum(records for records, _ in recent) / seconds, sum(size for _, size in recent) / seconds

    def busiest(self, seconds: float, most_records: float, most_bytes: float) -> tuple[str, float]:
        """(shard, share): the one that came nearest to what a shard takes in a second, of records or of bytes, as far as
        it was received here during the last ``seconds``; ("", 0) where nothing was."""
        since = time.monotonic() - seconds
        counts: dict[str, tuple[int, int]] = {}
        with self._lock:
            for at, _, size, shard, records in reversed(self._received):
                if at < since:
                    break
                before = counts.get(shard, (0, 0))
                counts[shard] = before[0] + records, before[1] + size
        shares = {
            shard: max(records / most_records, size / most_bytes) / seconds for shard, (records, size) in counts.items()
        }
        return max(shares.items(), key=lambda entry: entry[1], default=("", 0.0))

    def ages(self) -> list[float]:
        """Milliseconds behind the newest record, as the answers of the last minute said."""
        return self._last_minute(self._ages)

    def delays(self) -> list[float]:
        """Milliseconds from a record's arrival in the stream to its arrival here, the middle of each page."""
        return self._last_minute(self._delays)

    def _last_minute(self, samples: deque[tuple[float, float]]) -> list[float]:
        since = time.monotonic() - _SAMPLE_SECONDS
        with self._lock:
            return [value for at, value in samples if at >= since]


def _ends(records: Sequence[Record]) -> tuple[float, ...]:
    """When the oldest and the newest of a page arrived in the stream."""
    return (records[0].arrived, records[-1].arrived) if records else ()
