"""Beginning a pipeline anew, thought through before it is done: what is read again, what is passed over, what becomes of rows."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job
from core.streams.checkpoints import Checkpoints, Held, Standing
from core.streams.pages import Passing, StreamSource, Throttled
from core.streams.positions import Position, Start, short_shard

_AT_WORK = 60.0  # seconds since the last commit, below which somebody else may be carrying


@dataclass(frozen=True, slots=True)
class ResetPlan:
    """A dry run. since: epoch seconds by the server's clock from which on all shards are read, 0: one shard at one record.

    standing: how far the pipeline is. held: the rows that the table has, None where they cannot be counted (``uncounted``
    says why). kept: seconds that the stream keeps its records.
    """

    stream: str
    table: str
    start: Start
    since: float
    standing: Standing
    held: Held | None
    uncounted: str
    kept: float
    command: str

    @property
    def title(self) -> str:
        return f"Begin {self.stream} into {self.table} anew"

    @property
    def begins(self) -> str:
        """Where the next run begins, in words."""
        match self.start.kind:
            case "trim_horizon":
                return f"The next run begins at the oldest record that the stream keeps ({self.kept / 3600:.0f} hours)."
            case "latest":
                return f"The next run begins with what comes from {_moment(self.since)} on."
            case "time":
                return f"The next run begins with what came at {_moment(self.since)}."
            case "sequence":
                return (
                    f"The next run reads shard {short_shard(self.start.shard)} from the record {self.start.sequence} on; the "
                    "other shards go on where they are."
                )

    @property
    def passed_over(self) -> tuple[float, float] | None:
        """(from, until), epoch seconds: what came in between and is not in the table would never be."""
        if self.held is None or self.held.newest is None or self.start.kind in ("trim_horizon", "sequence"):
            return None
        newest = time.time() - self.held.newest
        return (newest, self.since) if self.since > newest + 1 else None

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that should be known before, the weightiest last."""
        told = [self.begins, *self._rows()]
        if passed := self.passed_over:
            told.append(
                f"Passed over: records that came between {_moment(passed[0])} (the newest row) and {_moment(passed[1])} are never "
                "loaded by it."
            )
        if self.standing.idle is not None and self.standing.idle < _AT_WORK:
            told.append(
                f"The last commit was {self.standing.idle:.0f} s ago. If a run on another computer made it, end that one "
                "first: it would write its own place over this."
            )
        return tuple(told)

    def _rows(self) -> list[str]:
        if self.held is None:
            return [f"How many rows that concerns is not known: {self.uncounted.rstrip('.')}."]
        if not self.held.rows:
            return [f"{self.table} has no row of {self.stream}: whatever is read becomes a new one."]
        share = "all" if self.held.since == self.held.rows else f"{self.held.since:,} of the"
        of = f"{share} {self.held.rows:,} rows of {self.stream} in {self.table}"
        if not self.held.since:
            return [
                f"None of the {self.held.rows:,} rows of {self.stream} in {self.table} came since: nothing is read twice."
            ]
        return [
            f"Read again: {of} came since.",
            "None is doubled, for a row is known by its event_id. Rows that were changed stay as they are; rows that were "
            "deleted come back, as far as the stream still keeps their records.",
        ]


def thought_through(job: Job[Any], source: StreamSource, checkpoints: Checkpoints, start: Start) -> ResetPlan:
    """Raises OpsError or WrongUse where there is no such stream, shard or record, or the pipeline never ran."""
    born, kept = source.birth()
    try:
        standing = checkpoints.standing(job, born)
    except OpsError as trouble:
        if trouble.code != "sql" or "does not exist" not in trouble.why:  # also: it may not be read
            raise
        raise _never_ran(
            checkpoints, "Its warehouse has no table of checkpoints yet: the first run makes it"
        ) from trouble
    if standing.start is None and not standing.checkpoints:
        raise _never_ran(checkpoints, "Its warehouse has no checkpoint of this stream and table")
    skew = source.shards()[1]
    since = {"trim_horizon": 0.0, "latest": time.time() + skew, "time": start.time, "sequence": 0.0}[start.kind]
    if start.kind == "sequence":
        _check_record(source, start)
    counted_from = time.time() - kept if start.kind == "trim_horizon" else since
    held, uncounted = None, ""
    try:
        held = checkpoints.held(job, start, counted_from)
    except OpsError as trouble:
        if trouble.code != "sql":
            raise
        uncounted = trouble.why  # the table was dropped: the next run makes it anew
    place = {"sequence": f"{short_shard(start.shard)}:{start.sequence}", "time": _iso(start.time)}.get(
        start.kind, start.kind
    )
    command = f"opsdesk streams reset {checkpoints.stream} --table {checkpoints.table} --from {place}"
    return ResetPlan(checkpoints.stream, checkpoints.table, start, since, standing, held, uncounted, kept, command)


def set_back(job: Job[Any], checkpoints: Checkpoints, plan: ResetPlan) -> None:
    """Do what was thought through; the pipeline's lock is held by the caller."""
    checkpoints.set_back(job, plan.start, plan.since)
    job.commit()


def _check_record(source: StreamSource, start: Start) -> None:
    """The stream itself is asked whether it has that record: a wrong number would stop the next run."""
    if start.shard not in {shard.id for shard in source.shards()[0]}:
        raise WrongUse(f"The stream {source.stream} has no shard {start.shard}", "", "Name one of its shards")
    try:
        source.iterator(start.shard, Position("AT_SEQUENCE_NUMBER", start.sequence))
    except Throttled as refused:
        raise OpsError(
            f"The stream {source.stream} could not be asked for that record",
            "Its shard's reads are used up",
            "Try again in a moment",
            code="throttled",
        ) from refused
    except Passing as passing:
        raise passing.trouble from passing
    except OpsError as trouble:
        if trouble.code in ("denied", "credentials", "expired"):
            raise
        raise WrongUse(
            f"Shard {short_shard(start.shard)} cannot be read from {start.sequence} on",
            trouble.why,
            "Take a sequence number of that shard, or a time",
        ) from trouble


def _never_ran(checkpoints: Checkpoints, why: str) -> OpsError:
    return OpsError(
        f"There is nothing to set back: no run has carried {checkpoints.stream} into {checkpoints.table}",
        why,
        f"Start one where it should begin: opsdesk --profile {shlex.quote(checkpoints.profile)} streams pipeline "
        f"{checkpoints.stream} --table {checkpoints.table} --from PLACE",
        code="not-found",
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
