"""The pipeline: a reader a shard, a bounded hand-over, workers, and commits of rows and checkpoints in read order.

A page is committed only when all pages read before it are: so a checkpoint never passes a row that is not in the
table, and a child shard's rows never come before its parent's. What was read and not committed is read again.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from core.base.errors import OpsError
from core.jobs.job import Job, JobCancelled
from core.streams.clocks import clock_refused
from core.streams.dispatch import Dispatch
from core.streams.loading import Loader
from core.streams.page_views import Parsed, parquet, slices
from core.streams.pages import Page, StreamSource
from core.streams.positions import SHARD_END, TRIM_HORIZON, Checkpoint, Start, short_shard
from core.streams.reader import Pace, ShardStatus
from core.streams.reading import StreamReader

_COMMIT_ATTEMPTS = 4
_PASSING = ("unreachable", "throttled", "server", "limit")
_MOST_SHARDS = 200  # of one commit: their checkpoints must fit the 100 KB of a statement
_NEARLY_LOST = 0.8  # of what the stream keeps: a shard so far behind is told of


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """every: seconds between commits at most (rows are queryable about that much later). batch_records: commit
    earlier when so many are ready. most_records, most_bytes: read and not yet committed, all shards together; then
    reading waits. reads_per_second: per shard, of the five that all readers of a stream share. page_records: asked for
    in one read."""

    every: float = 5.0
    batch_records: int = 50_000
    most_records: int = 150_000
    most_bytes: int = 128 << 20
    reads_per_second: float = 2.0
    page_records: int = 10_000
    start: Start = TRIM_HORIZON


@dataclass(frozen=True, slots=True)
class PipelineSnapshot:
    """Every stage as it stands. Counts are of records since this run began, where nothing else is said.

    read: received from the stream. waiting: with the workers. parsed: done and not yet committed. loaded: in the
    table (rows; what one commit held twice is in ``doubles``). rejected: no JSON object, kept in ``rejects_at``.
    behind: seconds the slowest shard is behind its newest record (None before the first answers); uncommitted:
    records read and not in the table. freshness: (median, worst) seconds from a record's arrival in the stream to
    being queryable, of the last commit. commit_seconds: of the last commit. committing: records whose rows are being
    staged and loaded now. unread: how many wait in the stream, estimated (Kinesis tells seconds only): what each shard
    is behind, times the rate at which its last page had come in. notes: what may be lost or was not expected, in words.
    """

    state: str  # starting | running | held up | draining | ended
    shards: list[ShardStatus]
    read: int
    waiting: int
    parsed: int
    uncommitted: int
    loaded: int
    doubles: int
    rejected: int
    rejects_at: str
    cut: int
    commits: int
    retries: int
    behind: float | None
    freshness: tuple[float, float] | None
    commit_seconds: float
    workers: str
    trouble: OpsError | None
    committing: int = 0
    unread: int = 0
    notes: tuple[str, ...] = ()

    @property
    def lag(self) -> int:
        """Records that are not in the table yet, as far as can be told."""
        return self.unread + self.uncommitted


@dataclass(slots=True)
class _Ticket:
    """One page on its way."""

    shard: str
    records: int
    size: int
    done: Checkpoint
    arrived: list[float]
    taken: float
    jobs: list[Future[bytes]] = field(default_factory=list)
    handed: bool = False

    @property
    def ready(self) -> bool:
        return self.handed and all(job.done() for job in self.jobs)


class Pipeline:
    """Made by the service; ``run`` works on the caller's thread until it is cancelled or has caught up."""

    def __init__(
        self, source: StreamSource, loader: Loader, dispatch: Dispatch, options: PipelineOptions | None = None
    ) -> None:
        self.source, self.loader, self.dispatch = source, loader, dispatch
        self.options = options or PipelineOptions()
        self._changed = threading.Condition()
        self._tickets: deque[_Ticket] = deque()
        self._reader: StreamReader | None = None
        self._state = "starting"
        self._stopping = False
        self._read = self._pages = self._loaded = self._doubles = self._rejected = self._cut = 0
        self._commits = self._retries = self._uncommitted = self._bytes = self._committing = 0
        self._density: dict[str, float] = {}  # shard -> records a second, as its last page had arrived
        self._rejects_at = ""
        self._freshness: tuple[float, float] | None = None
        self._commit_seconds = 0.0
        self._trouble: OpsError | None = None
        self._kept = 0.0  # seconds the stream keeps its records
        self._notes: tuple[str, ...] = ()

    # -- running ------------------------------------------------------------
    def run(
        self, job: Job[Any], *, once: bool = False, seconds: float | None = None, make_bucket: bool = False
    ) -> PipelineSnapshot:
        """Carry records until cancelled, for ``seconds``, or (``once``) until what was there, up to the
        moment at which it had caught up with the stream, is in the table.

        A cancel drains nothing: what is not committed is read again by the next run.
        """
        self.loader.prepare(job, make_bucket=make_bucket)
        born, self._kept = self.source.birth()
        standing = self.loader.standing(job, born)
        self._notes = standing.notes(self.source.stream, self._kept, self.loader.profile)
        for note in self._notes:
            logging.getLogger(__name__).warning("%s", note)
        start = self.options.start
        if start.kind != "sequence":  # which is one shard only
            start = TRIM_HORIZON if standing.other else standing.start or start
        most = self.options.page_records
        pace = Pace(self.options.reads_per_second, limit=most, limit_behind=most)
        reader = StreamReader(self.source, self._take, start=start, checkpoints=standing.checkpoints, pace=pace)
        self._reader = reader
        reader.open()
        self._state = "running"
        try:
            with job.interruptible(self._wake):
                if standing.start is None:
                    self._tried(job, lambda: self.loader.begin(job, reader.since))
                self._carry(job, reader, once, None if seconds is None else time.monotonic() + seconds)
        finally:
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
            reader.stop()
            self.dispatch.close()
            reader.wait(5)
            self._state = "ended"
        return self.snapshot()

    def _carry(self, job: Job[Any], reader: StreamReader, once: bool, deadline: float | None) -> None:
        calm, ended = 0, False
        while True:
            job.checkpoint()
            job.report(self._loaded, None, f"{self._loaded:,} rows loaded, {self._uncommitted:,} on the way")
            if isinstance(reader.failure, BaseException):
                raise reader.failure
            calm = calm + 1 if once and self._caught_up(reader) else 0
            # Caught up for a moment is enough: into a stream that is written to there always comes more.
            ended = ended or calm > 3 or (deadline is not None and time.monotonic() > deadline)
            if ended and not reader.paused:
                self._state = "draining"
                reader.pause()
            batch = self._due(hurry=ended)
            if batch:
                self._commit(job, batch)
            elif not self._tickets and ended:
                return
            else:
                with self._changed:
                    self._changed.wait(0.1)

    def _caught_up(self, reader: StreamReader) -> bool:
        """Whether everything was read to its newest record, and no page is between its reader and us."""
        return reader.caught_up and sum(status.records for status in reader.status()) == self._read

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    # -- the readers' side --------------------------------------------------
    def _take(self, page: Page) -> None:
        """Take a page over; waits while too much is on its way (that is the back-pressure)."""
        if not page.records and not page.closed:
            return
        done = SHARD_END if page.closed else Checkpoint(page.records[-1].sequence)
        arrived = [record.arrived for record in page.records]
        ticket = _Ticket(page.shard.id, len(page.records), page.size, done, arrived, time.monotonic())
        with self._changed:
            while self._full() and not self._stopping:
                self._changed.wait(0.5)
            if self._stopping:
                raise JobCancelled("the pipeline is stopping")
            self._tickets.append(ticket)
            if arrived and arrived[-1] > arrived[0]:
                self._density[ticket.shard] = len(arrived) / (arrived[-1] - arrived[0])
            self._uncommitted += ticket.records
            self._bytes += ticket.size
        ticket.jobs = [self.dispatch.submit(content) for content in slices(self.source.stream, page)]
        for job in ticket.jobs:
            job.add_done_callback(lambda _: self._wake())
        with self._changed:
            ticket.handed = True
            self._read += ticket.records
            self._changed.notify_all()

    def _full(self) -> bool:
        return self._uncommitted > self.options.most_records or self._bytes > self.options.most_bytes

    # -- the committer's side -----------------------------------------------
    def _due(self, *, hurry: bool) -> list[_Ticket]:
        """The pages to commit now: an unbroken row from the oldest on."""
        with self._changed:
            batch: list[_Ticket] = []
            shards: set[str] = set()
            records = 0
            for ticket in self._tickets:
                shards.add(ticket.shard)
                if not ticket.ready or (batch and records + ticket.records > 2 * self.options.batch_records):
                    break
                if len(shards) > _MOST_SHARDS:
                    break
                batch.append(ticket)
                records += ticket.records
            if not batch:
                return []
            waited = time.monotonic() - batch[0].taken
            due = hurry or records >= self.options.batch_records or waited >= self.options.every or self._full()
            return batch if due else []

    def _commit(self, job: Job[Any], batch: list[_Ticket]) -> None:
        began = time.monotonic()
        self._committing = sum(ticket.records for ticket in batch)
        try:
            self._load(job, batch, began)
        finally:
            self._committing = 0

    def _load(self, job: Job[Any], batch: list[_Ticket], began: float) -> None:
        parts = [Parsed.unpacked(result.result()) for ticket in batch for result in ticket.jobs]
        content, rows, doubles = parquet(parts)
        rejects = [reject for part in parts for reject in part.rejects]
        checkpoints = {ticket.shard: ticket.done for ticket in batch}
        if rejects:
            self._rejects_at = self._tried(job, lambda: self.loader.keep_rejects(rejects))
        key = self._staged_and_committed(job, content if rows else None, checkpoints)
        committed = time.time() + (self._reader.skew if self._reader is not None else 0.0)
        if key is not None:
            self._unstage(key)
        ages = sorted(max(0.0, committed - arrived) for ticket in batch for arrived in ticket.arrived)
        with self._changed:
            for ticket in batch:
                self._tickets.popleft()
                self._uncommitted -= ticket.records
                self._bytes -= ticket.size
            self._loaded += rows
            self._doubles += doubles
            self._rejected += len(rejects)
            self._cut += sum(part.cut for part in parts)
            self._commits += 1
            self._commit_seconds = time.monotonic() - began
            if ages:
                self._freshness = (ages[len(ages) // 2], ages[-1])
            self._trouble = None
            self._changed.notify_all()

    def _staged_and_committed(
        self, job: Job[Any], content: bytes | None, checkpoints: dict[str, Checkpoint]
    ) -> str | None:
        """The key of what was loaded. While an attempt's end is not known it is asked for under its own token; one that
        failed would only be told again under it, so that the next is another, with a file of its own: the first may
        have been what failed it."""
        token, key = "", None

        def attempt() -> None:
            nonlocal token, key
            if not token:
                key = self.loader.stage(content) if content is not None else None
                token = uuid.uuid4().hex
            try:
                self.loader.commit(job, key, checkpoints, token)
            except OpsError as trouble:
                if trouble.code == "sql":
                    token = ""
                    if key is not None:
                        self._unstage(key)
                raise

        self._tried(job, attempt)
        return key

    def _unstage(self, key: str) -> None:
        try:
            self.loader.unstage(key)
        except OpsError as trouble:  # the rows are in the table; the next run's start removes the file
            logging.getLogger(__name__).warning("A staged file is left for now: %s", trouble)

    def _tried(self, job: Job[Any], step: Any) -> Any:
        """Passing trouble is waited out; other trouble ends the run after some attempts, with nothing lost."""
        attempt = 0
        while True:
            try:
                result = step()
            except OpsError as trouble:
                attempt += 1
                self._retries += 1
                self._trouble, self._state = trouble, "held up"
                if not _passes(trouble) and attempt >= _COMMIT_ATTEMPTS:
                    raise
                # Two that were refused for each other's sake must not come back together.
                job.sleep(min(10.0, 0.2 * 2 ** min(attempt, 6)) * random.uniform(0.5, 1.0))
            else:
                self._state = "draining" if self._reader is not None and self._reader.paused else "running"
                return result

    # -- looking ------------------------------------------------------------
    def snapshot(self) -> PipelineSnapshot:
        shards = self._reader.status() if self._reader is not None else []
        waiting = [s for s in shards if s.state != "closed" and s.behind is not None]
        behind = [status.behind or 0.0 for status in waiting]
        with self._changed:
            parsed = sum(ticket.records for ticket in self._tickets if ticket.ready)
            unread = sum((s.behind or 0.0) / 1000 * self._density.get(s.shard.id, 0.0) for s in waiting)
            return PipelineSnapshot(
                self._state,
                shards,
                self._read,
                self._uncommitted - parsed,
                parsed,
                self._uncommitted,
                self._loaded,
                self._doubles,
                self._rejected,
                self._rejects_at,
                self._cut,
                self._commits,
                self._retries,
                max(behind) / 1000 if behind else None,
                self._freshness,
                self._commit_seconds,
                self.dispatch.name,
                self._trouble,
                self._committing,
                round(unread),
                self._notes + self._nearly_lost(waiting),
            )

    def _nearly_lost(self, shards: list[ShardStatus]) -> tuple[str, ...]:
        late = [s for s in shards if self._kept and (s.behind or 0.0) / 1000 > _NEARLY_LOST * self._kept]
        if not late:
            return ()
        worst = max(late, key=lambda status: status.behind or 0.0)
        return (
            f"Shard {short_shard(worst.shard.id)} is {(worst.behind or 0.0) / 3_600_000:.1f} hours behind, and the stream "
            f"keeps {self._kept / 3600:.0f} hours: what is not read by then is gone. Keep records longer, or read faster",
        )


def _passes(trouble: OpsError) -> bool:
    """Whether waiting heals it: no network, throttles, and the services' own faults (a warehouse that restarts)."""
    return (
        trouble.code in _PASSING
        or trouble.details.get("status", "").startswith("5")
        or trouble.details.get("code") == "ActiveStatementsExceededException"
        or clock_refused(trouble.details.get("code", ""), trouble.details.get("message", ""))
    )
