"""One table's pull: read in a child, stage as Parquet, load and move the watermark in one transaction.

Whatever dies at whatever moment, the next run is right: the watermark lives in the warehouse and moves only in
the transaction that merges the rows, and merging the same rows twice changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.aws.faults import explained
from core.jobs.child import run_in_child
from core.jobs.job import Job
from core.warehouse.feed import watermark
from core.warehouse.feed.drift import follow
from core.warehouse.feed.keys import KeyAdvice, change_column, increment_column
from core.warehouse.feed.mapping import Mapped, booleans_of, create_statement, mapped_table, projection
from core.warehouse.feed.source import Server, SourceTable, demands_tls
from core.warehouse.feed.target import Target
from core.warehouse.scratch import scratch
from core.warehouse.statements import literal, quoted


@dataclass(slots=True)
class TableReport:
    """How one table went. ``mode`` is the one used; ``loaded`` counts rows that the transaction merged or inserted."""

    source: str
    target: str
    mode: str
    read: int = 0
    loaded: int = 0
    deleted: int = 0
    """Rows gone at the source that the mode ``keys`` removed."""
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


_BATCH = 40
"""Statements that BatchExecuteStatement takes."""
Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Staged:
    """What was read: a Parquet file, its rows, the reader that served."""

    path: Path
    rows: int
    reader: str


@dataclass(frozen=True, slots=True)
class Load:
    """Statements of one table, which belong in one transaction. place, gone: those that tell the rows loaded and deleted."""

    sqls: list[str]
    place: int
    gone: int

    @staticmethod
    def count(changed: list[int], place: int) -> int:
        return max(0, changed[place]) if place >= 0 else 0


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
        self.where = ""
        """The condition of what is read; empty: the whole table, which then replaces the target."""
        self.compare_keys = False
        self.tls_only = False
        """The server takes no connection without TLS: connectorx would try for half a minute."""

    @property
    def place(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def run(self, mode: str, overlap: int, advice: KeyAdvice) -> TableReport:
        """Pull in one of the plan's modes (all become full where nothing else is possible)."""
        report = self.prepare(mode, overlap, advice)
        with scratch("feed") as folder:
            self.step("read")
            staged = [self._read(one) for one in self.reads(folder)]
            self.move(report, staged)
        return report

    def prepare(self, mode: str, overlap: int, advice: KeyAdvice) -> TableReport:
        """Shape the target and find where to begin; no row is read yet."""
        source, target = self.server.name, f"{self.schema}.{self.name}"
        report = TableReport(f"{self.table.database}.{self.table.name}", target, mode)
        with self.server.connect() as connection:
            self.tls_only = demands_tls(connection)
            self.columns = mapped_table(self.table, booleans_of(connection, self.table))
            self._shape_target(report, advice)
            pulled = self.target.pulled(self.job, source, self.table.name, target)
            way, column = self._way(mode, report)
            report.mode = way
            report.watermark = watermark.newest(connection, self.table, way, column)
            known = pulled.watermark if pulled is not None and pulled.mode == way else ""
            if known and mode != "keys" and watermark.went_back(connection, self.table, column, known, overlap):
                report.notes.append(f"Pulled whole: {column} went back at the source, which was emptied or restored")
                known = ""
        self.where = watermark.newer(self.table, column, known, overlap) if known else ""
        self.compare_keys = mode == "keys" and bool(self.where)
        report.notes += [f"{one.name}: {one.note}" for one in self.columns if one.note]
        return report

    def reads(self, folder: Path) -> list[dict[str, Any]]:
        """What the reader is asked: the rows, and after them the keys where these are compared (a row newer than the keys
        would else be taken for one deleted)."""
        stem = hashlib.sha256(self.table.name.encode()).hexdigest()[:16]  # a table's name may hold a slash
        rows = self._ask(folder / f"{stem}.parquet", self.columns, self.where)
        if not self.compare_keys:
            return [rows]
        return [rows, self._ask(folder / f"{stem}.keys.parquet", self._keys(), "")]

    def _keys(self) -> tuple[Mapped, ...]:
        return tuple(one for key in self.table.primary_key for one in self.columns if one.name == key)

    def _ask(self, path: Path, columns: tuple[Mapped, ...], where: str) -> dict[str, Any]:
        return {
            "query": projection(self.table, columns, where),
            "columns": [(one.name, one.shape, one.staged) for one in columns],
            "path": str(path),
            "table": f"{self.table.database}.{self.table.name}",
        }

    # -- steps ------------------------------------------------------------------
    def _shape_target(self, report: TableReport, advice: KeyAdvice) -> None:
        present = self.target.columns(self.job, self.schema, self.name)
        report.ddl = create_statement(self.schema, self.name, self.columns, self.table.primary_key, advice.clauses)
        if not present:
            self.target.run(self.job, f"CREATE SCHEMA IF NOT EXISTS {quoted(self.schema)}")
            self.target.run(self.job, report.ddl)
            return
        report.altered = follow(self.schema, self.name, present, self.columns)
        if any(" ADD COLUMN " in sql for sql in report.altered):
            # Rows that nobody touched since hold values in the new column: forgetting the watermark first makes this pull,
            # or the one after a crash, a whole one.
            self.target.run(self.job, self.target.forgetting(self.server.name, self.table.name, report.target))
            report.notes.append("Pulled whole: rows that did not change have values in the new column too")
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

    def move(self, report: TableReport, staged: list[Staged]) -> None:
        """Upload and load what ``reads`` asked for, in that order, as one transaction with the watermark."""
        move_all(self.target, [(self, report, staged)])

    def upload(self, report: TableReport, staged: list[Staged], uploaded: list[str]) -> None:
        """Put what was read where COPY finds it; each key is added to ``uploaded`` as it gets there."""
        report.read, report.reader = staged[0].rows, staged[0].reader
        if any(one.rows for one in staged):
            self.step("upload")
        for one in staged:
            if one.rows:
                uploaded.append(self._upload(one))

    def loading(self, report: TableReport, staged: list[Staged]) -> Load:
        """The statements that load what was uploaded and move the watermark."""
        rows, keys = staged[0], staged[1] if self.compare_keys else None
        return self._load(
            rows.rows,
            self._key(rows),
            not self.where,
            self._state(report),
            keys=(keys.rows, self._key(keys)) if keys else None,
        )

    def loaded(self, report: TableReport, load: Load, changed: list[int]) -> None:
        """Tell what the transaction did: ``changed`` holds the rows of each of the load's statements."""
        report.loaded, report.deleted = load.count(changed, load.place), load.count(changed, load.gone)
        if self.shortened:
            report.notes.append(f"{self.shortened:,} texts were cut to what their column takes")
        if report.deleted:
            report.notes.append(f"{report.deleted:,} rows that are gone at the source were removed")
        self.step("done")

    def _key(self, staged: Staged) -> str:
        return f"{self.stage.prefix}{self.table.database}.{self.table.name}/{self.run_id}/{staged.path.name}"

    def _upload(self, staged: Staged) -> str:
        self.job.checkpoint()
        key = self._key(staged)
        with explained("upload the staged rows"):
            self.stage.s3.upload_file(str(staged.path), self.stage.bucket, key)
        return key

    def read(self, path: Path, where: str) -> tuple[int, str]:
        """Rows read into a Parquet file, and by which reader."""
        staged = self._read(self._ask(path, self.columns, where))
        return staged.rows, staged.reader

    def _read(self, asked: dict[str, Any]) -> Staged:
        place = {"url": self.server.url, "ca_file": self.server.ca_file, "cut": self.cut, "plain": self.tls_only}
        return self.staged(asked, run_in_child(self.job, "core.warehouse.feed.reader:stage", {**place, **asked}))

    def staged(self, asked: dict[str, Any], answer: Any) -> Staged:
        """What the reader's answer means."""
        self.shortened += int(answer[2])
        return Staged(Path(asked["path"]), int(answer[0]), str(answer[1]))

    def _state(self, report: TableReport) -> list[str]:
        target = f"{self.schema}.{self.name}"
        return self.target.state_statements(
            self.server.name, self.table.name, target, report.mode, report.watermark, self.run_id, report.read
        )

    def reload(self, rows: int, key: str, before: str) -> int:
        """Staged rows in place of those that the DELETE ``before`` removes, in one transaction; how many."""
        load = self._load(rows, key, False, [], before)
        token = hashlib.sha256(f"{self.run_id}/{self.place}/{key}/{before}".encode()).hexdigest()
        return load.count(self.target.transaction(self.job, load.sqls, token), load.place)

    def _load(
        self, rows: int, key: str, whole: bool, marks: list[str], before: str = "", keys: tuple[int, str] | None = None
    ) -> Load:
        """Staging table, COPY, the rows merged or inserted, the watermark.

        before: a DELETE that makes room. keys: how many keys the source has and where they are staged; what has none of
        them is deleted.
        """
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
        gone = -1
        if keys is not None:
            sqls += self._forget(*keys)
            gone = len(sqls) - 1
        return Load([*sqls, *marks], place, gone)

    def _forget(self, count: int, key: str) -> list[str]:
        """Statements that delete the rows whose key the source no longer has; the DELETE is the last."""
        if not count:
            return [f"DELETE FROM {self.place}"]
        staging = f"keys_{hashlib.sha256(self.place.encode()).hexdigest()[:12]}"
        columns = self._keys()
        listed = ", ".join(f"{quoted(one.name.lower())} {one.staged}" for one in columns)
        role = literal(self.stage.role) if self.stage.role else "default"
        same = " AND ".join(
            f"k.{quoted(one.name.lower())} = {self.place}.{quoted(one.name.lower())}" for one in columns
        )
        return [
            f"CREATE TEMP TABLE {staging} ({listed})",
            f"COPY {staging} FROM {literal(self.stage.url(key))} IAM_ROLE {role} FORMAT AS PARQUET",
            f"DELETE FROM {self.place} WHERE NOT EXISTS (SELECT 1 FROM {staging} k WHERE {same})",
        ]

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


def move_all(target: Target, moves: list[tuple[TablePull, TableReport, list[Staged]]]) -> None:
    """Upload and load what was read of tables: all in one transaction, or in as few as the Data API's batches allow (told)."""
    uploaded: list[str] = []
    try:
        for pull, report, staged in moves:
            pull.upload(report, staged, uploaded)
        batches: list[list[tuple[TablePull, TableReport, Load]]] = [[]]
        for pull, report, staged in moves:
            load = pull.loading(report, staged)
            if sum(len(one.sqls) for _, _, one in batches[-1]) + len(load.sqls) > _BATCH:
                batches.append([])
            batches[-1].append((pull, report, load))
        for batch in batches:
            sqls: list[str] = []
            for pull, _, load in batch:
                pull.step("load")
                sqls += load.sqls
            first = batch[0][0]
            token = hashlib.sha256(
                f"{first.run_id}/{'/'.join(pull.place for pull, _, _ in batch)}".encode()
            ).hexdigest()
            changed = target.transaction(first.job, sqls, token)
            for pull, report, load in batch:
                part, changed = changed[: len(load.sqls)], changed[len(load.sqls) :]
                if len(batches) > 1:
                    report.notes.append(
                        f"The snapshot was loaded in {len(batches)} transactions, for a batch takes {_BATCH} statements:"
                        " until the last, a reader sees tables of two moments"
                    )
                pull.loaded(report, load, part)
    finally:
        for key in uploaded:
            with explained("remove the staged rows"):
                moves[0][0].stage.s3.delete_object(Bucket=moves[0][0].stage.bucket, Key=key)
