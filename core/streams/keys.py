"""The partition keys that carry most records, counted in bounded memory however many keys there are."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from hashlib import md5


@dataclass(frozen=True, slots=True)
class HotKey:
    """``count`` may be too high by at most ``error``; ``share`` of all records seen, 0..1."""

    key: str
    count: int
    error: int
    share: float


class TopKeys:
    """Space-saving sketch (Metwally, Agrawal, El Abbadi 2005) over whole pages.

    Any key with more than total / capacity records is among those kept. Memory: ``capacity`` keys.
    """

    def __init__(self, capacity: int = 512) -> None:
        self.total = 0
        self._capacity = capacity
        self._counts: dict[str, int] = {}
        self._errors: dict[str, int] = {}

    def add(self, page: Counter[str]) -> None:
        """Count a page of keys: counted before, so that the sketch works once per distinct key."""
        self.total += page.total()
        counts = self._counts
        newcomers: list[tuple[str, int]] = []
        for key, count in page.items():
            if key in counts:
                counts[key] += count
            else:
                newcomers.append((key, count))
        if not newcomers:
            return
        free = self._capacity - len(counts)
        newcomers.sort(key=lambda item: -item[1])
        for key, count in newcomers[: max(0, free)]:
            counts[key], self._errors[key] = count, 0
        late = newcomers[max(0, free) :]
        if not late:
            return
        lowest = [(count, key) for key, count in counts.items()]
        heapq.heapify(lowest)
        for key, count in late:
            floor, victim = lowest[0]
            del counts[victim], self._errors[victim]
            counts[key], self._errors[key] = floor + count, floor
            heapq.heapreplace(lowest, (floor + count, key))

    def top(self, number: int = 10) -> list[HotKey]:
        """The heaviest first; keys whose count is mostly error are left out."""
        heaviest = heapq.nlargest(number, self._counts.items(), key=lambda item: (item[1], item[0]))
        return [
            HotKey(key, count, self._errors[key], count / self.total)
            for key, count in heaviest
            if self._errors[key] * 2 <= count
        ]


def hash_key(partition_key: str) -> int:
    """Where a partition key lies among the shards: 0..2**128-1 (MD5, as Kinesis does)."""
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest())
