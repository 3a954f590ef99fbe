"""Amazon Athena by boto3: SQL over files in S3, results kept there by the service itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.base.errors import OpsError
from core.settings.profiles import WarehouseConnection
from core.warehouse.catalogue import Table, TableColumn
from core.warehouse.drivers.binding import as_text
from core.warehouse.drivers.columns import arrow_type, shown_type, typed, unique_names
from core.warehouse.drivers.driver import Column, Page, RunningStatement, State, Status, Values
from core.warehouse.intent import Kind, intent_of

CATALOG = "AwsDataCatalog"
_PAGE = 1_000  # the most that GetQueryResults gives
_POLL = 0.25
_STATES = {
    "QUEUED": State.PICKED,
    "RUNNING": State.STARTED,
    "SUCCEEDED": State.FINISHED,
    "FAILED": State.FAILED,
    "CANCELLED": State.ABORTED,
}


class AthenaDriver:
    """The connection's ``workgroup`` (default: primary) runs the statements; ``output`` is where results go if it says nothing.

    Athena has no sessions and no transactions: ``session`` is passed over.
    """

    dialect, escapes, outlives = "athena", False, True

    def __init__(self, aws: AwsSession, connection: WarehouseConnection, database: str = "") -> None:
        self._aws, self._connection = aws, connection
        self._database = database or connection.database or "default"
        self._workgroup = connection.workgroup or "primary"

    def _client(self) -> Any:
        return self._aws.client("athena", read_timeout=60)

    def submit(self, sql: str, values: Values, *, session: str = "") -> str:
        asked: dict[str, Any] = {
            "QueryString": as_text(sql, values, escapes=False),
            "QueryExecutionContext": {"Catalog": CATALOG, "Database": self._database},
            "WorkGroup": self._workgroup,
        }
        if self._connection.output:
            asked["ResultConfiguration"] = {"OutputLocation": self._connection.output}
        try:
            with explained("hand the statement to Athena"):
                return str(self._client().start_query_execution(**asked)["QueryExecutionId"])
        except OpsError as error:
            if "output location" not in f"{error.why} {error.details}".lower():
                raise
            raise OpsError(
                "Athena has no place for the result",
                f"Neither the workgroup {self._workgroup} nor the connection {self._connection.name} names one",
                'Set output = "s3://bucket/prefix/" in the connection',
                details=error.details,
                code="settings",
            ) from error

    def status(self, statement: str, wait: float = 0.0) -> Status:
        deadline = time.monotonic() + wait
        while True:
            with explained("ask Athena for the state of the statement"):
                found: dict[str, Any] = self._client().get_query_execution(QueryExecutionId=statement)["QueryExecution"]
            state = _STATES.get(str(found["Status"]["State"]), State.STARTED)
            if state.is_final or time.monotonic() >= deadline:
                break
            time.sleep(min(_POLL, max(0.0, deadline - time.monotonic())))
        sql = str(found.get("Query", ""))
        figures = found.get("Statistics", {})
        notes = []
        if state is State.FINISHED and (scanned := figures.get("DataScannedInBytes")):
            notes.append(f"Athena scanned {scanned:,} bytes")
        error = str(found["Status"].get("StateChangeReason") or "") if state in (State.FAILED, State.ABORTED) else ""
        return Status(
            state,
            state is State.FINISHED and _gives_rows(str(found.get("StatementType", "")), sql),
            -1,
            float(figures.get("TotalExecutionTimeInMillis") or 0) / 1000,
            error,
            sql,
            tuple(notes),
        )

    def pages(self, statement: str) -> Iterator[Page]:
        import pyarrow as pa

        token, fetched, first = "", 0, True
        while True:
            with explained("fetch the result from Athena"):
                answer: dict[str, Any] = self._client().get_query_results(
                    QueryExecutionId=statement, MaxResults=_PAGE, **({"NextToken": token} if token else {})
                )
            found = answer["ResultSet"]
            infos = found.get("ResultSetMetadata", {}).get("ColumnInfo", [])
            rows = [[cell.get("VarCharValue") for cell in row.get("Data", [])] for row in found.get("Rows", [])]
            if first and rows and rows[0] == [str(one.get("Name", "")) for one in infos]:
                rows = rows[1:]  # a SELECT's result begins with its head
            names = unique_names([str(one.get("Name", "")) for one in infos])
            kinds = [_arrow(one) for one in infos]
            shown = [
                shown_type(str(one["Type"]), int(one.get("Precision") or 0), int(one.get("Scale") or 0))
                for one in infos
            ]
            columns = tuple(Column(name, kind) for name, kind in zip(names, shown, strict=True))
            values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
            arrays = [typed(list(column), kind) for column, kind in zip(values, kinds, strict=True)]
            fetched += len(rows)
            token = str(answer.get("NextToken") or "")
            yield Page(columns, pa.table(arrays, names=names), None if token else fetched)
            if not token:
                return
            first = False

    def cancel(self, statement: str) -> None:
        with explained("stop the statement"):
            self._client().stop_query_execution(QueryExecutionId=statement)

    def running(self) -> list[RunningStatement]:
        """What is queued or running in the workgroup, whoever sent it (of the newest 50)."""
        with explained("list Athena's statements"):
            ids = (
                self._client()
                .list_query_executions(WorkGroup=self._workgroup, MaxResults=50)
                .get("QueryExecutionIds", [])
            )
            found = self._client().batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"] if ids else []
        running = []
        for one in found:
            state = _STATES.get(str(one["Status"]["State"]), State.STARTED)
            if not state.is_final:
                started = one["Status"].get("SubmissionDateTime")
                seconds = float(one.get("Statistics", {}).get("TotalExecutionTimeInMillis") or 0) / 1000
                running.append(
                    RunningStatement(
                        str(one["QueryExecutionId"]),
                        self._workgroup,
                        state.value,
                        started,
                        seconds,
                        str(one.get("Query", "")),
                    )
                )
        return running

    def databases(self) -> list[str]:
        with explained("list Athena's databases"):
            return sorted(str(one["Name"]) for one in self._all("list_databases", "DatabaseList"))

    def tables(self) -> list[Table]:
        """The database's tables with their columns, from the data catalogue: no statement is run for it."""
        with explained("list Athena's tables"):
            found = self._all("list_table_metadata", "TableMetadataList", DatabaseName=self._database)
        made = []
        for one in found:
            columns = [
                TableColumn(
                    str(column["Name"]),
                    str(column.get("Type", "")),
                    partition=key == "PartitionKeys",
                    comment=str(column.get("Comment", "")),
                )
                for key in ("Columns", "PartitionKeys")
                for column in one.get(key, [])
            ]
            kind = "view" if "VIEW" in str(one.get("TableType", "")).upper() else "external"
            comment = str(one.get("Parameters", {}).get("comment", ""))
            made.append(Table(self._database, str(one["Name"]), kind, tuple(columns), comment=comment))
        return made

    def _all(self, operation: str, key: str, **asked: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        token = ""
        while True:
            answer = getattr(self._client(), operation)(
                CatalogName=CATALOG, **asked, **({"NextToken": token} if token else {})
            )
            items += answer.get(key, [])
            token = str(answer.get("NextToken") or "")
            if not token:
                return items

    def close(self) -> None:
        """Nothing is held: the clients belong to the profile."""


def _gives_rows(statement_type: str, sql: str) -> bool:
    """SELECT and its kin, and the utility statements (SHOW, DESCRIBE, EXPLAIN); DDL and INSERT have an empty result file."""
    return statement_type == "UTILITY" or (
        statement_type in ("DML", "") and intent_of(sql, escapes=False).kind is Kind.READ
    )


def _arrow(info: dict[str, Any]) -> Any:
    name = {"tinyint": "smallint", "integer": "int4", "int": "int4"}.get(str(info["Type"]).lower(), str(info["Type"]))
    return arrow_type(name, int(info.get("Precision") or 0), int(info.get("Scale") or 0))
