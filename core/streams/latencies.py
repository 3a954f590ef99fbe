"""How long the last calls took: percentiles over a bounded number of them."""

from __future__ import annotations

from collections import deque


class Latencies:
    """The newest ``kept`` measurements, in seconds."""

    def __init__(self, kept: int = 10_000) -> None:
        self._kept: deque[float] = deque(maxlen=kept)
        self._mean = 0.0

    def add(self, seconds: float) -> None:
        self._kept.append(seconds)
        self._mean = seconds if not self._mean else 0.9 * self._mean + 0.1 * seconds

    @property
    def recent(self) -> float:
        """A mean in which the newest weigh most, in seconds; 0 before the first."""
        return self._mean

    def percentiles(self) -> tuple[float, float, float]:
        """p50, p95, p99 in milliseconds; zeros before the first."""
        values = sorted(self._kept)
        if not values:
            return 0.0, 0.0, 0.0
        p50, p95, p99 = (values[min(len(values) - 1, int(len(values) * share))] * 1e3 for share in (0.5, 0.95, 0.99))
        return p50, p95, p99
