"""Brings rows into the warehouse and remembers how far the stream is: COPY, MERGE and checkpoint in one transaction."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job, JobCancelled
from core.settings.profiles import WarehouseConnection
from core.streams.page_views import COLUMNS
from core.streams.positions import SHARD_END, TRIM_HORIZON, Checkpoint, Start

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,126}")
_SHARD = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_SEQUENCE = re.compile(r"[0-9]{1,128}|SHARD_END")
_STREAM = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_SHAPE = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
_LONGEST_PAUSE = 0.5  # seconds between two questions whether a statement is done
_BEGIN = "BEGIN"  # the entry among a stream's checkpoints that says where its first run began


@dataclass(frozen=True, slots=True)
class Standing:
    """How far earlier runs have come. checkpoints: shard -> up to where its records are in the table. start: where
    shards without one begin, as the first run was told; None: there was none. idle: seconds since the last commit.
    other: the table was loaded from another stream of this name (deleted since, or of another account or region).
    """

    checkpoints: dict[str, Checkpoint]
    start: Start | None = None
    idle: float | None = None
    other: bool = False

    def notes(self, stream: str, kept: float) -> tuple[str, ...]:
        """What whoever starts a run should know of those before, of a stream that keeps its records ``kept`` seconds."""
        if self.other:
            return (
                f"The table was loaded from another stream named {stream}, which was deleted or is of another account or "
                "region; this one is read from its oldest record",
            )
        if self.idle is not None and self.idle > kept:
            return (
                f"Nothing was committed for {self.idle / 3600:.1f} hours, and the stream keeps its records for "
                f"{kept / 3600:.0f}: those that came earlier and were not read are gone",
            )
        return ()


class Statements:
    """The Redshift Data API of one connection."""

    def __init__(self, aws: AwsSession, connection: WarehouseConnection) -> None:
        self._aws = aws
        self._where = {
            name: value
            for name, value in (
                ("Database", connection.database),
                ("ClusterIdentifier", connection.cluster),
                ("WorkgroupName", connection.workgroup),
                ("DbUser", connection.db_user if connection.cluster else ""),
                ("SecretArn", connection.secret_arn),
            )
            if value
        }

    @property
    def _client(self) -> Any:
        return self._aws.client("redshift-data")

    def run(self, job: Job[Any], statements: Sequence[str], doing: str, token: str | None = None) -> str:
        """Run statements in one transaction; the id of the whole. ``token``: the same one never runs twice (8 h).
        A cancel of ``job`` cancels them in the warehouse."""
        with explained(doing):
            more = {"ClientToken": token} if token else {}
            if len(statements) == 1:
                answer = self._client.execute_statement(Sql=statements[0], **self._where, **more)
            else:
                answer = self._client.batch_execute_statement(Sqls=list(statements), **self._where, **more)
            return self._wait(job, answer["Id"], doing)

    def rows(self, job: Job[Any], statement: str, doing: str) -> list[list[Any]]:
        """All rows of a query, each value as the API tells it."""
        identifier = self.run(job, [statement], doing)
        with explained(doing):
            found: list[list[Any]] = []
            more: dict[str, str] = {}
            while True:
                page = self._client.get_statement_result(Id=identifier, **more)
                found += [[_value(field) for field in record] for record in page["Records"]]
                if not page.get("NextToken"):
                    return found
                more = {"NextToken": page["NextToken"]}

    def _wait(self, job: Job[Any], identifier: str, doing: str) -> str:
        pause = 0.01
        while True:
            answer = self._client.describe_statement(Id=identifier)
            if answer["Status"] == "FINISHED":
                return identifier
            if answer["Status"] in ("FAILED", "ABORTED"):
                raise OpsError(
                    f"Could not {doing}",
                    _cause(answer),
                    "Correct what the warehouse complains about; nothing of it was written",
                    details={"statement id": identifier},
                    code="sql",
                )
            try:
                job.sleep(pause)
            except JobCancelled:
                self._cancel(identifier)
                raise
            pause = min(_LONGEST_PAUSE, pause * 1.5)

    def _cancel(self, identifier: str) -> None:
        """Do not leave it waiting for a lock in the warehouse. What it had written anyway is whole, and found again."""
        try:
            with explained("cancel a statement"):
                self._client.cancel_statement(Id=identifier)
        except OpsError as trouble:
            logging.getLogger(__name__).warning("A statement that nobody waits for any more goes on: %s", trouble)


def _cause(answer: dict[str, Any]) -> str:
    """The first statement that failed says why; those after it only say that the transaction is over."""
    parts = answer.get("SubStatements") or ()
    first = next((part["Error"] for part in parts if part.get("Status") == "FAILED" and part.get("Error")), None)
    return str(first or answer.get("Error") or f"The statement was {answer['Status'].lower()}")


def _value(field: dict[str, Any]) -> Any:
    return None if field.get("isNull") else next(iter(field.values()))


class Staging:
    """A prefix in S3 where rows wait for COPY."""

    def __init__(self, aws: AwsSession, address: str) -> None:
        """``address``: s3://bucket/prefix/. Raises WrongUse where it is none."""
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        if not address.startswith("s3://") or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
            raise WrongUse(f"{address!r} is no place in S3", "", "For example s3://my-bucket/staging/")
        self.bucket, self.prefix = bucket, prefix.strip("/") + "/" if prefix.strip("/") else ""
        self._aws = aws

    @property
    def _client(self) -> Any:
        return self._aws.client("s3")

    def prepare(self, *, make: bool) -> None:
        """Make sure the bucket is there (``make``: make it), and remove what runs that were killed left in it."""
        from botocore.exceptions import ClientError

        with explained(f"use the staging bucket {self.bucket}"):
            try:
                self._client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if not make or error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                    raise
                self._client.create_bucket(Bucket=self.bucket)
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=f"{self.prefix}batch-"):
                for entry in page.get("Contents", ()):
                    self.remove(entry["Key"])

    def put(self, name: str, content: bytes) -> str:
        """Store and return the key."""
        key = f"{self.prefix}{name}"
        with explained(f"stage rows in {self.bucket}"):
            self._client.put_object(Bucket=self.bucket, Key=key, Body=content)
        return key

    def remove(self, key: str) -> None:
        with explained(f"remove staged rows from {self.bucket}"):
            self._client.delete_object(Bucket=self.bucket, Key=key)


class Loader:
    """One stream's way into one table. The rows' key is ``event_id``: a record read twice, or sent twice by a
    producer that did not hear the answer, is one row."""

    def __init__(self, statements: Statements, staging: Staging, stream: str, table: str, iam_role: str) -> None:
        parts = table.split(".")
        if not 1 <= len(parts) <= 2 or not all(_NAME.fullmatch(part) for part in parts):
            raise WrongUse(f"{table!r} is no table name", "It should be TABLE or SCHEMA.TABLE", "Correct --table")
        if not _STREAM.fullmatch(stream):
            raise WrongUse(f"{stream!r} is no stream name", "", "Correct the name")
        if iam_role != "default" and not re.fullmatch(r"arn:[A-Za-z0-9:/+=,.@_-]+", iam_role):
            raise WrongUse(f"{iam_role!r} is no IAM role", "It should be an ARN or `default`", "Correct --iam-role")
        self.stream, self.table = stream, table.lower()
        self._statements, self._staging = statements, staging
        self._checkpoints = ".".join([*parts[:-1], "opsdesk_stream_checkpoints"]).lower()
        self._born = self._begun = ""
        self._role = "default" if iam_role == "default" else f"'{iam_role}'"

    def prepare(self, job: Job[Any], *, make_bucket: bool) -> None:
        """Make bucket and tables where they are missing. Raises OpsError where the table has another shape."""
        self._staging.prepare(make=make_bucket)
        self._statements.run(
            job,
            [
                f"CREATE TABLE IF NOT EXISTS {self.table} ({_SHAPE}) DISTKEY (session_id) SORTKEY (viewed_at)",
                f"CREATE TABLE IF NOT EXISTS {self._checkpoints} (stream VARCHAR(128) NOT NULL, "
                "target VARCHAR(256) NOT NULL, shard VARCHAR(128) NOT NULL, sequence VARCHAR(128) NOT NULL, "
                "updated_at TIMESTAMP)",
            ],
            f"make the table {self.table}",
        )
        names = ", ".join(COLUMNS)
        self._statements.rows(job, f"SELECT {names} FROM {self.table} WHERE 1 = 0", f"use the table {self.table}")

    def standing(self, job: Job[Any], born: int) -> Standing:
        """How far the pipeline is with the stream made at ``born`` (ms since 1970, 0: not known). What was kept of
        another one of its name is left alone: its shards have the same ids."""
        self._born = f"{born}/" if born else ""
        rows = self._statements.rows(
            job,
            f"SELECT shard, sequence, DATEDIFF(second, updated_at, GETDATE()) FROM {self._checkpoints} "
            f"WHERE stream = '{self.stream}' AND target = '{self.table}'",
            "read how far the pipeline was",
        )
        lived = time.time() - born / 1000
        # Entries of earlier versions do not say of which stream they are: not of this one, if they are older.
        own = [row for row in rows if "/" not in row[0] and row[2] < lived]
        own += [row for row in rows if self._born and row[0].startswith(self._born)]
        found = {shard.removeprefix(self._born): sequence for shard, sequence, _ in own}
        begun = found.pop(_BEGIN, None)
        self._begun = begun or ""
        return Standing(
            {
                shard: SHARD_END if sequence == "SHARD_END" else Checkpoint(sequence)
                for shard, sequence in found.items()
            },
            None if begun is None else Start("time", time=int(begun) / 1000) if int(begun) else TRIM_HORIZON,
            min((float(row[2]) for row in own), default=None),
            bool(rows) and not own,
        )

    def begin(self, job: Job[Any], since: float) -> None:
        """Keep where the first run began (epoch seconds, 0: at the oldest record): a shard that is quiet until the next
        run begins there too, and not wherever that one is told."""
        self._begun = f"{round(since * 1000)}"
        entry = f"('{self.stream}', '{self.table}', '{self._born}{_BEGIN}', '{self._begun}', GETDATE())"
        self._statements.run(
            job,
            [f"INSERT INTO {self._checkpoints} (stream, target, shard, sequence, updated_at) VALUES {entry}"],
            "note where the pipeline begins",
        )

    def stage(self, content: bytes) -> str:
        """Put a Parquet file where COPY will read it; its key."""
        return self._staging.put(f"batch-{uuid.uuid4().hex}.parquet", content)

    def keep_rejects(self, rejects: Sequence[dict[str, Any]]) -> str:
        """Store records that are no page views; where."""
        lines = b"\n".join(orjson.dumps(reject) for reject in rejects)
        key = self._staging.put(
            f"rejects/{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex}.jsonl", lines
        )
        return f"s3://{self._staging.bucket}/{key}"

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
        kept = {f"{self._born}{_checked(shard, _SHARD)}": done.sequence for shard, done in checkpoints.items()}
        if self._begun:
            # Written anew each time: of two pipelines that commit at once the warehouse refuses one, whose rows the
            # other's would not see (snapshot isolation), and it finds them when it tries again.
            kept[f"{self._born}{_BEGIN}"] = self._begun
        shards = ", ".join(f"'{shard}'" for shard in kept)
        entries = ", ".join(
            f"('{self.stream}', '{self.table}', '{shard}', '{_checked(sequence, _SEQUENCE)}', GETDATE())"
            for shard, sequence in kept.items()
        )
        statements += [
            f"DELETE FROM {self._checkpoints} WHERE stream = '{self.stream}' AND target = '{self.table}' "
            f"AND shard IN ({shards})",
            f"INSERT INTO {self._checkpoints} (stream, target, shard, sequence, updated_at) VALUES {entries}",
        ]
        self._statements.run(job, statements, f"load rows into {self.table}", token)

    def unstage(self, key: str) -> None:
        self._staging.remove(key)


def _checked(text: str, pattern: re.Pattern[str]) -> str:
    """What goes into a statement as a literal; the service's own ids always pass."""
    if not pattern.fullmatch(text):
        raise OpsError("The stream answered with an id that is none", repr(text[:80]), code="invalid")
    return text
