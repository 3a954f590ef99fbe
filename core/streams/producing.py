"""What a producer is told, and what it tells of itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from core.base.errors import OpsError
from core.streams.sink import BATCH_BYTES, BATCH_RECORDS


@dataclass(frozen=True, slots=True)
class ProducerLimits:
    """linger: seconds a record may wait for company. queue_*: what may wait in memory. spill_bytes: on disk.
    senders: puts under way at once, at most. ordered: keep the order of each key (see the outbox).
    back_off: seconds, the ceiling of the first wait before a resend, and of the longest; full jitter below it."""

    linger: float = 0.1
    batch_records: int = BATCH_RECORDS
    batch_bytes: int = BATCH_BYTES
    queue_records: int = 100_000
    queue_bytes: int = 128 << 20
    spill_bytes: int = 1 << 30
    senders: int = 32
    ordered: bool = True
    back_off: tuple[float, float] = (0.05, 5.0)


@dataclass(frozen=True, slots=True)
class ProducerSnapshot:
    """A producer as it stands; counts are of records since it was opened.

    accepted = acknowledged + queued + in_flight + spilled + refused (those found on disk from an earlier run count as
    accepted). refused: set aside one by one, since the service refused every request that they were in; ``refusal`` says
    why the last one was, and where it is kept.
    retried: sendings beyond the first. unsure: sent again after an answer that never came, so perhaps in twice.
    dropped: not accepted because queue and disk were full (the caller was told). oldest: seconds that the oldest of
    the next batch waits. needed: senders by rate x latency / batch (Little's law).
    put_ms: p50, p95, p99 of the last 10,000 puts. rate: acknowledged a second, mean of the last 10 s.
    """

    state: str  # running | held up | closed
    accepted: int
    acknowledged: int
    queued: int
    in_flight: int
    spilled: int
    retried: int
    unsure: int
    dropped: int
    oldest: float
    queue_bytes: int
    senders_busy: int
    senders_needed: float
    senders_most: int
    rate: float
    batch: float
    put_ms: tuple[float, float, float]
    error_codes: dict[str, int]
    trouble: OpsError | None
    lasting: bool  # the trouble will not pass by itself: no permission, no such stream, a refused request
    refused: int = 0
    refusal: OpsError | None = None


@dataclass(slots=True)
class Counts:
    accepted: int = 0
    acknowledged: int = 0
    retried: int = 0
    unsure: int = 0
    dropped: int = 0
    batches: int = 0
    refused: int = 0
    codes: Counter[str] = field(default_factory=Counter)
