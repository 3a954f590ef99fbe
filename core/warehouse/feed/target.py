"""The warehouse's side of a feed: batches as one transaction, small questions, and what was pulled so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.base.errors import OpsError
from core.jobs.job import Job
from core.settings.profiles import WarehouseConnection
from core.warehouse.drivers.data_api import DataApiDriver
from core.warehouse.drivers.driver import State, Status
from core.warehouse.failures import failure
from core.warehouse.statements import literal

STATE_SCHEMA = "opsdesk_feed"
_TRIES = 6
_Answer = TypeVar("_Answer")
_CONFLICT = "Serializable isolation violation"
_STATE_DDL = (
    f"CREATE SCHEMA IF NOT EXISTS {STATE_SCHEMA}",
    f"CREATE TABLE IF NOT EXISTS {STATE_SCHEMA}.state (source VARCHAR(300) NOT NULL, source_table VARCHAR(300) NOT NULL, target VARCHAR(300) NOT NULL,"
    " mode VARCHAR(20), watermark VARCHAR(64), run_id VARCHAR(64), row_count BIGINT, finished TIMESTAMP) DISTSTYLE ALL",
)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What the last committed pull of a table left: its watermark (empty: none) and when it was."""

    mode: str
    watermark: str
    run_id: str
    rows: int
    finished: str


class Target(DataApiDriver):
    """A Data API connection that also runs batches. Everything blocks; call it from a job."""

    def __init__(self, aws: AwsSession, connection: WarehouseConnection) -> None:
        if connection.kind != "data-api":
            raise OpsError(
                f"The connection {connection.name} cannot be fed",
                "A feed needs the Data API: COPY reads from S3",
                "Choose a Data API connection",
                code="settings",
            )
        super().__init__(aws, connection)

    def transaction(self, job: Job[Any], sqls: list[str], token: str) -> list[int]:
        """Run statements as one transaction, all or none; the rows each changed. ``token``: one per attempt. Raises OpsError.

        A cancel asks the server to stop, and believes only what the server then says. Two runs at once both write the
        table of what was pulled: the one that Redshift turns away (error 1023) changed nothing, and comes again.
        """
        return _unless_turned_away(
            job, lambda attempt: self._transaction(job, sqls, f"{attempt}-{token}" if attempt else token)
        )

    def _transaction(self, job: Job[Any], sqls: list[str], token: str) -> list[int]:
        with explained("load the warehouse"):
            answer = self._client().batch_execute_statement(Sqls=sqls, ClientToken=token[:64], **self._where())
        identity = str(answer["Id"])
        described = self._followed(job, identity)
        parts = described.get("SubStatements", [])
        if described.get("Status") != "FINISHED":
            failed: dict[str, Any] = next((one for one in parts if one.get("Status") == "FAILED"), {})
            raise failure(
                str(failed.get("QueryString", "")),
                str(failed.get("Error") or described.get("Error") or ""),
                statement=identity,
            )
        return [int(one.get("ResultRows", -1)) for one in parts]

    def _followed(self, job: Job[Any], identity: str) -> dict[str, Any]:
        asked = False
        while True:
            with explained("ask for the state of the load"):
                answer: dict[str, Any] = self._client().describe_statement(Id=identity, WaitTimeSeconds=2)
            if answer.get("Status") in ("FINISHED", "FAILED", "ABORTED"):
                if answer["Status"] != "FINISHED":
                    job.checkpoint()
                return answer
            if job.stopping and not asked:
                asked = True
                self.cancel(identity)

    def run(self, job: Job[Any], sql: str) -> int:
        """One statement; the rows it changed. One that is turned away comes again, as in ``transaction``."""
        return _unless_turned_away(job, lambda _: self._ended(job, self.submit(sql, {}), sql).rows)

    def _ended(self, job: Job[Any], statement: str, sql: str) -> Status:
        while True:
            job.checkpoint()
            status = self.status(statement, 2)
            if status.state.is_final:
                if status.state is not State.FINISHED:
                    raise failure(sql, status.error, statement=statement)
                return status

    def rows(self, job: Job[Any], sql: str) -> list[tuple[Any, ...]]:
        """The rows of a small question."""
        statement = self.submit(sql, {})
        self._ended(job, statement, sql)
        found: list[tuple[Any, ...]] = []
        for page in self.pages(statement):
            found += list(zip(*(column.to_pylist() for column in page.table.columns), strict=True))
        return found

    # -- what was pulled --------------------------------------------------------
    def prepare_state(self, job: Job[Any]) -> None:
        for sql in _STATE_DDL:
            self.run(job, sql)

    def pulled(self, job: Job[Any], source: str, table: str, target: str) -> Pulled | None:
        rows = self.rows(
            job,
            f"SELECT mode, watermark, run_id, row_count, CAST(finished AS VARCHAR) FROM {STATE_SCHEMA}.state"
            f" WHERE source = {literal(source)} AND source_table = {literal(table)} AND target = {literal(target)}",
        )
        if not rows:
            return None
        mode, watermark, run_id, count, finished = rows[0]
        return Pulled(str(mode), str(watermark or ""), str(run_id), int(count or 0), str(finished))

    @staticmethod
    def state_statements(
        source: str, table: str, target: str, mode: str, watermark: str, run_id: str, rows: int
    ) -> list[str]:
        """What records a pull; part of the load's own transaction, so that the watermark moves only with the rows."""
        values = ", ".join(
            [
                literal(source),
                literal(table),
                literal(target),
                literal(mode),
                literal(watermark),
                literal(run_id),
                str(rows),
                "SYSDATE",
            ]
        )
        return [Target.forgetting(source, table, target), f"INSERT INTO {STATE_SCHEMA}.state VALUES ({values})"]

    @staticmethod
    def forgetting(source: str, table: str, target: str) -> str:
        """The statement that forgets a table's pulls: the next one is whole."""
        key = f"source = {literal(source)} AND source_table = {literal(table)} AND target = {literal(target)}"
        return f"DELETE FROM {STATE_SCHEMA}.state WHERE {key}"

    def columns(self, job: Job[Any], schema: str, table: str) -> dict[str, str]:
        """The columns of a table as SVV_REDSHIFT_COLUMNS tells them, by name; empty if there is no such table."""
        rows = self.rows(
            job,
            "SELECT column_name, data_type FROM svv_redshift_columns WHERE database_name = current_database()"
            f" AND schema_name = {literal(schema)} AND table_name = {literal(table)} ORDER BY ordinal_position",
        )
        return {str(name): str(kind) for name, kind in rows}


def _unless_turned_away(job: Job[Any], work: Callable[[int], _Answer]) -> _Answer:
    """``work``, given the number of the attempt, again where other writers were in its way: it changed nothing then."""
    for attempt in range(_TRIES):
        try:
            return work(attempt)
        except OpsError as error:
            if _CONFLICT not in f"{error.title} {error.why}":
                raise
        job.sleep(attempt + 0.5)
    return work(_TRIES)
