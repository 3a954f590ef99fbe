"""Where a shard's records lie on disk: 28 bytes of memory a record, found by bisection, dropped by the segment."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

from core.sandbox.kinesis.limits import PAGE_BYTES


@dataclass(frozen=True, slots=True)
class Block:
    """A run of one shard's records that lie side by side in a segment.

    first: the place of the first record in its shard; the others follow without a gap.
    lengths: bytes on disk of each; sizes: bytes of data and key, as the limits count them; arrivals: ms.
    """

    shard: int
    first: int
    lengths: array[int]
    sizes: array[int]
    arrivals: array[int]


@dataclass(slots=True)
class _Slab:
    """The part of a shard that lies in one segment, as columns."""

    segment: int
    places: array[int] = field(default_factory=lambda: array("Q"))
    arrivals: array[int] = field(default_factory=lambda: array("Q"))
    offsets: array[int] = field(default_factory=lambda: array("I"))
    lengths: array[int] = field(default_factory=lambda: array("I"))
    sizes: array[int] = field(default_factory=lambda: array("I"))
    runs: array[int] = field(default_factory=lambda: array("I"))  # index of the first record of each block

    def spans(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        """(segment, offset, length) of the stretches that hold records start..stop."""
        found = []
        run = bisect_right(self.runs, start)
        while start < stop:
            end = min(stop, self.runs[run] if run < len(self.runs) else len(self.places))
            offset = self.offsets[start]
            found.append((self.segment, offset, self.offsets[end - 1] + self.lengths[end - 1] - offset))
            start, run = end, run + 1
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """What a read found: where it lies, how much it is, and the place after the last record."""

    spans: list[tuple[int, int, int]]
    count: int
    size: int
    next_place: int
    last_place: int
    behind_since: int | None  # arrival (ms) of the first record after the page; None: the page ends at the tip


class Index:
    """The records of one shard that are on disk and not yet dropped, in order."""

    def __init__(self) -> None:
        self._slabs: list[_Slab] = []
        self.next_place = 1
        self.last_arrival = 0

    def __len__(self) -> int:
        return sum(len(slab.places) for slab in self._slabs)

    def add(self, block: Block, segment: int, offset: int) -> None:
        if not self._slabs or self._slabs[-1].segment != segment:
            self._slabs.append(_Slab(segment))
        slab, count = self._slabs[-1], len(block.lengths)
        slab.runs.append(len(slab.places))
        slab.places.extend(range(block.first, block.first + count))
        slab.arrivals.extend(block.arrivals)
        ends = list(accumulate(length + 1 for length in block.lengths))  # 1: the comma between two records
        slab.offsets.extend([offset, *(offset + end for end in ends[:-1])])
        slab.lengths.extend(block.lengths)
        slab.sizes.extend(block.sizes)
        self.next_place = block.first + count
        self.last_arrival = block.arrivals[-1]

    def drop(self, segment: int) -> None:
        self._slabs = [slab for slab in self._slabs if slab.segment != segment]

    def page(self, place: int, not_before: int, limit: int, most_bytes: int = PAGE_BYTES) -> Page:
        """Up to ``limit`` records from ``place`` on that arrived at or after ``not_before`` (ms)."""
        spans: list[tuple[int, int, int]] = []
        count = size = 0
        last = 0
        behind: int | None = None
        for slab in self._slabs:
            if slab.places[-1] < place or slab.arrivals[-1] < not_before:
                continue
            start = max(bisect_left(slab.places, place), bisect_left(slab.arrivals, not_before))
            if count == limit or (count and size + slab.sizes[start] > most_bytes):
                behind = slab.arrivals[start]
                break
            stop = min(len(slab.places), start + limit - count)
            total = sum(slab.sizes[start:stop])
            if size + total > most_bytes:
                totals = list(accumulate(slab.sizes[start:stop], initial=size))
                stop = start + max(1 - min(count, 1), bisect_right(totals, most_bytes) - 1)
                total = totals[stop - start] - size
            spans.extend(slab.spans(start, stop))
            count, size, last = count + stop - start, size + total, slab.places[stop - 1]
            if stop < len(slab.places):
                behind = slab.arrivals[stop]
                break
        return Page(spans, count, size, last + 1 if count else max(place, self.next_place), last, behind)
