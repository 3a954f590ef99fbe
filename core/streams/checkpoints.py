"""How far a stream's records are in a table, kept beside that table: read at a start, written with the rows, set back."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job
from core.streams.positions import SHARD_END, TRIM_HORIZON, Checkpoint, Start
from core.streams.statements import Statements

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,126}")
_SHARD = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_SEQUENCE = re.compile(r"([0-9]{1,125})(?::(-1))?|SHARD_END")
_STREAM = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_BEGIN = "BEGIN"  # the entry among a stream's checkpoints that says where its first run began
_NONE_OF_IT = -1  # as the sub-sequence of a checkpoint: reading goes on with that very record


@dataclass(frozen=True, slots=True)
class Standing:
    """How far earlier runs have come. checkpoints: shard -> up to where its records are in the table. start: where
    shards without one begin, as the first run was told; None: there was none. idle: seconds since the last commit.
    other: the table was loaded from another stream of this name (deleted since, or of another account or region).
    emptied: the table, if records were carried into it and it has no row of the stream, else "".
    """

    checkpoints: dict[str, Checkpoint]
    start: Start | None = None
    idle: float | None = None
    other: bool = False
    emptied: str = ""

    def notes(self, stream: str, kept: float, profile: str) -> tuple[str, ...]:
        """What whoever starts a run under ``profile`` should know of those before, of a stream that keeps its records ``kept``
        seconds."""
        if self.other:
            return (
                f"The table was loaded from another stream named {stream}, which was deleted or is of another account or "
                "region; this one is read from its oldest record",
            )
        told = []
        if self.idle is not None and self.idle > kept:
            told.append(
                f"Nothing was committed for {self.idle / 3600:.1f} hours, and the stream keeps its records for "
                f"{kept / 3600:.0f}: those that came earlier and were not read are gone"
            )
        if self.emptied:
            told.append(
                f"{self.emptied} has no row of {stream}, although records were carried into it before. If it was dropped or "
                "emptied, they are not read again by themselves. To load what the stream still keeps of them: "
                f"opsdesk --profile {shlex.quote(profile)} streams reset {stream} --table {self.emptied} --from trim_horizon"
            )
        return tuple(told)


@dataclass(frozen=True, slots=True)
class Held:
    """The rows that a table has of one stream. since: those of them that a new beginning would read again. newest:
    seconds since the newest of them had arrived in the stream; None where there is none."""

    rows: int
    since: int
    newest: float | None


class Checkpoints:
    """Of one stream and one table; the entries of others stand in the same table and are left alone."""

    def __init__(self, statements: Statements, stream: str, table: str) -> None:
        """Raises WrongUse where ``table`` or ``stream`` is no name."""
        parts = table.split(".")
        if not 1 <= len(parts) <= 2 or not all(_NAME.fullmatch(part) for part in parts):
            raise WrongUse(f"{table!r} is no table name", "It should be TABLE or SCHEMA.TABLE", "Correct --table")
        if not _STREAM.fullmatch(stream):
            raise WrongUse(f"{stream!r} is no stream name", "", "Correct the name")
        self.stream, self.table = stream, table.lower()
        self.born = ""  # which stream of this name, as its shards' entries begin
        self._kept_in = ".".join([*parts[:-1], "opsdesk_stream_checkpoints"]).lower()
        self._statements = statements
        self.profile = statements.profile
        self._begun = ""
        self._own = f"stream = '{self.stream}' AND target = '{self.table}'"

    def making(self) -> str:
        """The statement that makes the table of the entries."""
        return (
            f"CREATE TABLE IF NOT EXISTS {self._kept_in} (stream VARCHAR(128) NOT NULL, "
            "target VARCHAR(256) NOT NULL, shard VARCHAR(128) NOT NULL, sequence VARCHAR(128) NOT NULL, "
            "updated_at TIMESTAMP)"
        )

    def standing(self, job: Job[Any], born: int) -> Standing:
        """How far the pipeline is with the stream made at ``born`` (ms since 1970, 0: not known). What was kept of
        another one of its name is left alone: its shards have the same ids."""
        self.born = f"{born}/" if born else ""
        rows = self._statements.rows(
            job,
            f"SELECT shard, sequence, DATEDIFF(second, updated_at, GETDATE()) FROM {self._kept_in} WHERE {self._own}",
            "read how far the pipeline was",
        )
        lived = time.time() - born / 1000
        # Entries of earlier versions do not say of which stream they are: not of this one, if they are older.
        own = [row for row in rows if "/" not in row[0] and row[2] < lived]
        own += [row for row in rows if self.born and row[0].startswith(self.born)]
        found = {shard.removeprefix(self.born): sequence for shard, sequence, _ in own}
        begun = found.pop(_BEGIN, None)
        self._begun = begun or ""
        return Standing(
            {shard: _read(sequence) for shard, sequence in found.items()},
            None if begun is None else Start("time", time=int(begun) / 1000) if int(begun) else TRIM_HORIZON,
            min((float(row[2]) for row in own), default=None),
            bool(rows) and not own,
        )

    def begin(self, job: Job[Any], since: float) -> None:
        """Keep where the first run began (epoch seconds, 0: at the oldest record): a shard that is quiet until the next
        run begins there too, and not wherever that one is told."""
        self._begun = f"{round(since * 1000)}"
        self._statements.run(
            job, [self._inserting({f"{self.born}{_BEGIN}": self._begun})], "note where the pipeline begins"
        )

    def advancing(self, done: Mapping[str, Checkpoint]) -> list[str]:
        """The statements that write down how far the shards are; to be run with the rows' own."""
        kept = {f"{self.born}{_checked(shard, _SHARD)}": _written(checkpoint) for shard, checkpoint in done.items()}
        if self._begun:
            # Written anew each time: of two pipelines that commit at once the warehouse refuses one, whose rows the
            # other's would not see (snapshot isolation), and it finds them when it tries again.
            kept[f"{self.born}{_BEGIN}"] = self._begun
        return [self._deleting(kept), self._inserting(kept)]

    def held(self, job: Job[Any], start: Start, since: float) -> Held:
        """What the table has of the stream, and of that what came at ``start`` or later (``since``: its epoch seconds)."""
        if start.kind == "sequence":
            digits = len(start.sequence)  # numbers as texts: the longer one is the larger
            later = (
                f"shard = '{_checked(start.shard, _SHARD)}' AND (LEN(sequence) > {digits} OR (LEN(sequence) = {digits} "
                f"AND sequence >= '{_checked(start.sequence, _SEQUENCE)}'))"
            )
        else:
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(since))
            later = f"arrived_at >= '{moment}'"
        ((rows, again, newest),) = self._statements.rows(
            job,
            f"SELECT COUNT(*), SUM(CASE WHEN {later} THEN 1 ELSE 0 END), DATEDIFF(second, MAX(arrived_at), GETDATE()) "
            f"FROM {self.table} WHERE stream = '{self.stream}'",
            f"count the rows of {self.stream} in {self.table}",
        )
        return Held(int(rows), int(again or 0), None if newest is None else float(newest))

    def any_row(self, job: Job[Any]) -> bool:
        """Whether the table has a row of the stream."""
        asked = f"SELECT 1 FROM {self.table} WHERE stream = '{self.stream}' LIMIT 1"
        return bool(self._statements.rows(job, asked, f"look into the table {self.table}"))

    def set_back(self, job: Job[Any], start: Start, since: float) -> None:
        """Have the next run begin at ``start``: all shards (at ``since``, epoch seconds, 0: at the oldest record), or
        one of them at one record. All of it is written, or nothing."""
        if start.kind == "sequence":
            kept = {
                f"{self.born}{_checked(start.shard, _SHARD)}": f"{_checked(start.sequence, _SEQUENCE)}:{_NONE_OF_IT}"
            }
            statements = [self._deleting(kept), self._inserting(kept)]
        else:
            begun = {f"{self.born}{_BEGIN}": f"{round(since * 1000)}"}
            statements = [f"DELETE FROM {self._kept_in} WHERE {self._own}", self._inserting(begun)]
        self._statements.run(job, statements, f"set {self.stream} into {self.table} back")

    def _deleting(self, shards: Mapping[str, str]) -> str:
        names = ", ".join(f"'{shard}'" for shard in shards)
        return f"DELETE FROM {self._kept_in} WHERE {self._own} AND shard IN ({names})"

    def _inserting(self, kept: Mapping[str, str]) -> str:
        entries = ", ".join(
            f"('{self.stream}', '{self.table}', '{shard}', '{sequence}', GETDATE())" for shard, sequence in kept.items()
        )
        return f"INSERT INTO {self._kept_in} (stream, target, shard, sequence, updated_at) VALUES {entries}"


def _written(checkpoint: Checkpoint) -> str:
    return _checked(checkpoint.sequence, _SEQUENCE)


def _read(text: str) -> Checkpoint:
    found = _SEQUENCE.fullmatch(text)
    if found is None:
        raise OpsError("A checkpoint cannot be read", f"It says {text[:80]!r}", "Set the pipeline back", code="invalid")
    return SHARD_END if found[1] is None else Checkpoint(found[1], _NONE_OF_IT if found[2] else None)


def _checked(text: str, pattern: re.Pattern[str]) -> str:
    """What goes into a statement as a literal; the service's own ids always pass."""
    if not pattern.fullmatch(text):
        raise OpsError("The stream answered with an id that is none", repr(text[:80]), code="invalid")
    return text
