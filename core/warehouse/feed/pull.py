"""One table's pull: read in a child, stage as Parquet, load and move the watermark in one transaction.

Whatever dies at whatever moment, the next run is right: the watermark lives in the warehouse and moves only in
the transaction that merges the rows, and merging the same rows twice changes nothing.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.aws.faults import explained
from core.base.errors import OpsError
from core.jobs.child import run_in_child
from core.jobs.job import Job
from core.warehouse.feed.drift import follow
from core.warehouse.feed.keys import KeyAdvice, change_column, increment_column
from core.warehouse.feed.mapping import Mapped, create_statement, mapped_table, projection, ticked
from core.warehouse.feed.source import Server, SourceTable
from core.warehouse.feed.target import Target
from core.warehouse.statements import literal, quoted


@dataclass(slots=True)
class TableReport:
    """How one table went. ``mode`` is the one used; ``loaded`` counts rows that the transaction merged or inserted."""

    source: str
    target: str
    mode: str
    read: int = 0
    loaded: int = 0
    watermark: str = ""
    reader: str = ""
    ddl: str = ""
    altered: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where files wait: a bucket and a prefix, and the role that COPY reads them with."""

    s3: Any
    bucket: str
    prefix: str
    role: str = ""

    def url(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


Step = Callable[[str], None]


class TablePull:
    """The pull of one table. ``step`` hears the name of each stage as it begins: read, upload, load, done."""

    def __init__(
        self,
        job: Job[Any],
        server: Server,
        table: SourceTable,
        target: Target,
        stage: Stage,
        *,
        schema: str,
        run_id: str,
        cut: bool = False,
        step: Step | None = None,
    ) -> None:
        self.job, self.server, self.table, self.target, self.stage = job, server, table, target, stage
        self.schema, self.run_id = schema, run_id
        self.name = table.name.lower()
        self.step = step or (lambda _: None)
        self.columns: tuple[Mapped, ...] = ()
        self.cut, self.shortened = cut, 0

    @property
    def place(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def run(self, mode: str, overlap: int, advice: KeyAdvice) -> TableReport:
        """Pull in the mode ``full`` or ``incremental`` (which becomes full where nothing else is possible)."""
        source, target = self.server.name, f"{self.schema}.{self.name}"
        report = TableReport(f"{self.table.database}.{self.table.name}", target, mode)
        with self.server.connect() as connection:
            self.columns = mapped_table(self.table, booleans_of(connection, self.table))
            self._shape_target(report, advice)
            pulled = self.target.pulled(self.job, source, self.table.name, target)
            way, column = self._way(mode, report)
            report.mode = way
            report.watermark = self._high_water(connection, way, column)
        known = pulled.watermark if pulled is not None and pulled.mode == way else ""
        where = _newer(self.table, way, column, known, overlap) if known else ""
        report.notes += [f"{one.name}: {one.note}" for one in self.columns if one.note]
        self._move(report, where, whole=not where)
        if self.shortened:
            report.notes.append(f"{self.shortened:,} texts were cut to what their column takes")
        return report

    # -- steps ------------------------------------------------------------------
    def _shape_target(self, report: TableReport, advice: KeyAdvice) -> None:
        present = self.target.columns(self.job, self.schema, self.name)
        report.ddl = create_statement(self.schema, self.name, self.columns, self.table.primary_key, advice.clauses)
        if not present:
            self.target.run(self.job, f"CREATE SCHEMA IF NOT EXISTS {quoted(self.schema)}")
            self.target.run(self.job, report.ddl)
            return
        report.altered = follow(self.schema, self.name, present, self.columns)
        for sql in report.altered:
            self.target.run(self.job, sql)

    def _way(self, mode: str, report: TableReport) -> tuple[str, str]:
        """What ``incremental`` means for this table, and by which column."""
        if mode == "full":
            return "full", ""
        if not self.table.primary_key:
            report.notes.append("Pulled whole: without a primary key rows cannot be merged")
            return "full", ""
        if changed := change_column(self.table):
            if changed not in self.table.indexed:
                report.notes.append(f"{changed} has no index at the source: each pull scans the whole table there")
            return "updated", changed
        if counter := increment_column(self.table):
            report.notes.append(
                f"Only new rows by {counter}: no column says when a row changed, so changes and deletes need --mode full"
            )
            return "counter", counter
        report.notes.append("Pulled whole: neither a time of change nor a counter to go by")
        return "full", ""

    def _high_water(self, connection: Any, way: str, column: str) -> str:
        """The newest value now, taken before reading: what commits meanwhile is read again next time."""
        if way == "full":
            return ""
        name = ticked(column)
        kind = self.table.column(column)
        assert kind is not None
        value = f"UNIX_TIMESTAMP(MAX({name}))" if kind.kind == "timestamp" else f"MAX({name})"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT CAST({value} AS CHAR) FROM {ticked(self.table.database)}.{ticked(self.table.name)}")
            row = cursor.fetchone()
        return str(row[0]) if row and row[0] is not None else ""

    def _move(self, report: TableReport, where: str, *, whole: bool, state: bool = True) -> None:
        """Read, stage, load. ``whole``: the target is replaced by what was read; else rows are merged."""
        with tempfile.TemporaryDirectory(prefix="opsdesk-feed-") as folder:
            path = Path(folder) / "part-0000.parquet"
            self.step("read")
            report.read, report.reader = self.read(path, where)
            key = f"{self.stage.prefix}{self.table.database}.{self.table.name}/{self.run_id}/part-0000.parquet"
            if report.read:
                self.step("upload")
                self.job.checkpoint()
                with explained("upload the staged rows"):
                    self.stage.s3.upload_file(str(path), self.stage.bucket, key)
        try:
            self.step("load")
            marks = self._state(report) if state else []
            report.loaded = self.load(report.read, key, whole, marks)
        finally:
            if report.read:
                with explained("remove the staged rows"):
                    self.stage.s3.delete_object(Bucket=self.stage.bucket, Key=key)
        self.step("done")

    def read(self, path: Path, where: str) -> tuple[int, str]:
        """Rows read into a Parquet file, and by which reader."""
        answer = run_in_child(
            self.job,
            "core.warehouse.feed.reader:stage",
            {
                "url": self.server.url,
                "query": projection(self.table, self.columns, where),
                "columns": [(one.name, one.shape, one.staged) for one in self.columns],
                "path": str(path),
                "table": f"{self.table.database}.{self.table.name}",
                "cut": self.cut,
            },
        )
        self.shortened += int(answer[2])
        return int(answer[0]), str(answer[1])

    def _state(self, report: TableReport) -> list[str]:
        target = f"{self.schema}.{self.name}"
        return self.target.state_statements(
            self.server.name, self.table.name, target, report.mode, report.watermark, self.run_id, report.read
        )

    def load(self, rows: int, key: str, whole: bool, marks: list[str], before: str = "") -> int:
        """One transaction: staging table, COPY, the rows, the watermark. ``before``: a DELETE that makes room."""
        names = [quoted(one.name.lower()) for one in self.columns]
        sqls: list[str] = []
        if whole or before:
            sqls.append(before or f"DELETE FROM {self.place}")
        place = -1
        if rows:
            staging = f"stage_{hashlib.sha256(self.place.encode()).hexdigest()[:12]}"
            listed = ", ".join(f"{name} {one.staged}" for name, one in zip(names, self.columns, strict=True))
            role = literal(self.stage.role) if self.stage.role else "default"
            sqls.append(f"CREATE TEMP TABLE {staging} ({listed})")
            sqls.append(f"COPY {staging} FROM {literal(self.stage.url(key))} IAM_ROLE {role} FORMAT AS PARQUET")
            place = len(sqls)
            sqls.append(self._insert(staging, names) if whole or before else self._merge(staging, names))
        sqls += marks
        if not sqls:
            return 0
        token = hashlib.sha256(f"{self.run_id}/{self.place}/{key}/{before}".encode()).hexdigest()
        changed = self.target.transaction(self.job, sqls, token)
        return max(0, changed[place]) if place >= 0 else 0

    def _insert(self, staging: str, names: list[str]) -> str:
        values = ", ".join(one.loaded for one in self.columns)
        return f"INSERT INTO {self.place} ({', '.join(names)}) SELECT {values} FROM {staging} s"

    def _merge(self, staging: str, names: list[str]) -> str:
        keys = [quoted(key.lower()) for key in self.table.primary_key]
        on = " AND ".join(f"{quoted(self.name)}.{key} = s.{key}" for key in keys)
        sets = [f"{name} = {one.loaded}" for name, one in zip(names, self.columns, strict=True) if name not in keys]
        update = f"UPDATE SET {', '.join(sets)}" if sets else f"UPDATE SET {keys[0]} = s.{keys[0]}"
        values = ", ".join(one.loaded for one in self.columns)
        return (
            f"MERGE INTO {self.place} USING {staging} AS s ON {on} WHEN MATCHED THEN {update}"
            f" WHEN NOT MATCHED THEN INSERT ({', '.join(names)}) VALUES ({values})"
        )


def _newer(table: SourceTable, way: str, column: str, known: str, overlap: int) -> str:
    """The condition that reads what changed since ``known``, and a little before it."""
    name = ticked(column)
    kind = table.column(column)
    assert kind is not None
    if way == "counter":
        return f"{name} > {int(known)} - {int(overlap)}"
    if kind.kind == "timestamp":
        return f"{name} >= FROM_UNIXTIME({float(known):.6f} - {int(overlap)})"
    return f"{name} >= TIMESTAMP('{_moment(known)}') - INTERVAL {int(overlap)} SECOND"


def _moment(text: str) -> str:
    if not all(char.isdigit() or char in "-: ." for char in text):
        raise OpsError(
            "The watermark of the last pull cannot be read", repr(text), "Pull with --mode full once", code="state"
        )
    return text


def booleans_of(connection: Any, table: SourceTable) -> frozenset[str]:
    """The TINYINT(1) columns that hold nothing but 0 and 1 now."""
    names = [one.name for one in table.columns if one.kind == "tinyint" and one.full.lower().startswith("tinyint(1)")]
    if not names:
        return frozenset()
    tests = ", ".join(f"COALESCE(MAX({ticked(name)} NOT IN (0, 1)), 0)" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {tests} FROM {ticked(table.database)}.{ticked(table.name)}")
        row = cursor.fetchone()
    return frozenset(name for name, odd in zip(names, row, strict=True) if not odd)
