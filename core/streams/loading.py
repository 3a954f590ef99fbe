"""Brings rows into the warehouse and remembers how far the stream is: COPY, MERGE and checkpoint in one transaction."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.base.errors import WrongUse
from core.jobs.job import Job
from core.streams.checkpoints import Checkpoints, Standing
from core.streams.page_views import COLUMNS
from core.streams.positions import Checkpoint
from core.streams.rejects import Rejects
from core.streams.staging import Staging
from core.streams.statements import Statements

_SHAPE = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())


class Loader:
    """One stream's way into one table. The rows' key is ``event_id``: a record read twice, or sent twice by a
    producer that did not hear the answer, is one row."""

    def __init__(self, statements: Statements, staging: Staging, stream: str, table: str, iam_role: str) -> None:
        self.checkpoints = Checkpoints(statements, stream, table)
        if iam_role != "default" and not re.fullmatch(r"arn:[A-Za-z0-9:/+=,.@_-]+", iam_role):
            raise WrongUse(f"{iam_role!r} is no IAM role", "It should be an ARN or `default`", "Correct --iam-role")
        self.stream, self.table, self.profile = stream, table.lower(), statements.profile
        self._statements, self._staging = statements, staging
        self._rejects = Rejects(staging)
        self._done: dict[str, str] = {}  # shard -> up to which record an earlier run had committed
        self._role = "default" if iam_role == "default" else f"'{iam_role}'"

    def prepare(self, job: Job[Any], *, make_bucket: bool) -> None:
        """Make bucket and tables where they are missing. Raises OpsError where the table has another shape."""
        self._staging.prepare(make=make_bucket)
        self._statements.run(
            job,
            [
                f"CREATE TABLE IF NOT EXISTS {self.table} ({_SHAPE}) DISTKEY (session_id) SORTKEY (viewed_at)",
                self.checkpoints.making(),
            ],
            f"make the table {self.table}",
        )
        names = ", ".join(COLUMNS)
        self._statements.rows(job, f"SELECT {names} FROM {self.table} WHERE 1 = 0", f"use the table {self.table}")

    def standing(self, job: Job[Any], born: int) -> Standing:
        """How far the pipeline is with the stream made at ``born`` (ms since 1970, 0: not known)."""
        found = self.checkpoints.standing(job, born)
        self._done = {
            shard: done.sequence
            for shard, done in found.checkpoints.items()
            if done.sub_sequence is None and done.sequence.isdecimal()
        }
        if self._done and not self.checkpoints.any_row(job):
            found = replace(found, emptied=self.table)
        return found

    def begin(self, job: Job[Any], since: float) -> None:
        """Keep where the first run began (epoch seconds, 0: at the oldest record)."""
        self.checkpoints.begin(job, since)

    def stage(self, content: bytes) -> str:
        """Put a Parquet file where COPY will read it; its key."""
        return self._staging.put(f"batch-{uuid.uuid4().hex}.parquet", content)

    def keep_rejects(self, rejects: Sequence[dict[str, Any]]) -> str:
        """Store records that are no page views, each once; in which folder."""
        return self._rejects.keep(self.checkpoints.born, rejects, self._done)

    def commit(self, job: Job[Any], key: str | None, checkpoints: Mapping[str, Checkpoint], token: str) -> None:
        """Rows and checkpoints become visible together or not at all. ``key``: staged Parquet, None: no rows."""
        statements = []
        if key is not None:
            stage = f"opsdesk_stage_{token[:12]}"
            names = ", ".join(COLUMNS)
            values = ", ".join(f"{stage}.{name}" for name in COLUMNS)
            statements = [
                f"CREATE TEMP TABLE {stage} ({_SHAPE})",
                f"COPY {stage} FROM 's3://{self._staging.bucket}/{key}' IAM_ROLE {self._role} FORMAT AS PARQUET",
                f"MERGE INTO {self.table} USING {stage} ON {self.table}.event_id = {stage}.event_id "
                f"WHEN MATCHED THEN UPDATE SET event_id = {stage}.event_id "  # Redshift wants both; this changes nothing
                f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})",
                f"DROP TABLE {stage}",
            ]
        statements += self.checkpoints.advancing(checkpoints)
        self._statements.run(job, statements, f"load rows into {self.table}", token)

    def unstage(self, key: str) -> None:
        self._staging.remove(key)
