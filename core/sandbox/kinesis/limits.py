"""The service's limits as token buckets: what a shard takes in and gives out a second."""

from __future__ import annotations

RECORDS_A_SECOND = 1_000
BYTES_IN_A_SECOND = 1 << 20
READS_A_SECOND = 5
BYTES_OUT_A_SECOND = 2 << 20
PAGE_RECORDS = 10_000
PAGE_BYTES = 10 << 20
REQUEST_BYTES = 10 << 20
REQUEST_RECORDS = 500


class Bucket:
    """Fills with ``rate`` tokens a second up to ``rate`` (one second's worth)."""

    __slots__ = ("_level", "_rate", "_then")

    def __init__(self, rate: float) -> None:
        self._rate, self._level, self._then = rate, float(rate), 0.0

    def has(self, amount: float, now: float, scale: float) -> bool:
        """Whether ``amount`` could be taken now; more than the bucket holds passes when it is full."""
        full = self._rate * scale
        if now > self._then:
            self._level = min(full, self._level + (now - self._then) * full)
            self._then = now
        return self._level >= min(amount, full)

    def take(self, amount: float) -> None:
        """Take, going into debt if need be: a 10 MiB page is served, and then nothing for 5 s."""
        self._level -= amount


class ShardLimits:
    """One shard's four buckets. ``scale`` multiplies every rate; 0 switches the limits off."""

    __slots__ = ("_bytes_in", "_bytes_out", "_reads", "_records")

    def __init__(self) -> None:
        self._records, self._bytes_in = Bucket(RECORDS_A_SECOND), Bucket(BYTES_IN_A_SECOND)
        self._reads, self._bytes_out = Bucket(READS_A_SECOND), Bucket(BYTES_OUT_A_SECOND)

    def may_write(self, size: int, now: float, scale: float) -> bool:
        if not scale:
            return True
        if not (self._records.has(1, now, scale) and self._bytes_in.has(size, now, scale)):
            return False
        self._records.take(1)
        self._bytes_in.take(size)
        return True

    def may_read(self, now: float, scale: float) -> bool:
        if not scale:
            return True
        if not (self._reads.has(1, now, scale) and self._bytes_out.has(1, now, scale)):
            return False
        self._reads.take(1)
        return True

    def was_read(self, size: int, scale: float) -> None:
        if scale:
            self._bytes_out.take(size)
