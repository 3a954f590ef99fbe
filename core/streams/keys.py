"""The partition keys that carry most records, counted in bounded memory however many keys there are."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from hashlib import md5


@dataclass(frozen=True, slots=True)
class HotKey:
    """``count`` may be too low by at most ``error``; ``share`` of all records seen, 0..1."""

    key: str
    count: int
    error: int
    share: float


class TopKeys:
    """A Misra-Gries summary fed whole pages (mergeable: Agarwal and others, "Mergeable Summaries", 2012).

    Any key with more than total / capacity records is among those kept. Memory: twice ``capacity`` keys and a page's.
    """

    def __init__(self, capacity: int = 512) -> None:
        self.total = 0
        self._capacity = capacity
        self._counts: Counter[str] = Counter()
        self._error = 0  # what was taken off every key so far

    def add(self, page: Counter[str]) -> None:
        """Count a page of keys, counted before."""
        self.total += page.total()
        self._counts.update(page)
        if len(self._counts) > 2 * self._capacity:
            floor = sorted(self._counts.values(), reverse=True)[self._capacity]
            self._counts = Counter({key: count - floor for key, count in self._counts.items() if count > floor})
            self._error += floor

    def top(self, number: int = 10) -> list[HotKey]:
        """The heaviest first; keys whose count is less than what they may lack are left out."""
        heaviest = heapq.nlargest(number, self._counts.items(), key=lambda item: (item[1], item[0]))
        return [HotKey(key, count, self._error, count / self.total) for key, count in heaviest if count >= self._error]


def hash_key(partition_key: str) -> int:
    """Where a partition key lies among the shards: 0..2**128-1 (MD5, as Kinesis does)."""
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest())
