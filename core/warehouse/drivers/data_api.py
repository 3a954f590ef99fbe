"""Redshift through its Data API: no port, no VPN; a statement lives on the server for 24 hours."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.base.errors import OpsError
from core.settings.profiles import WarehouseConnection
from core.warehouse.drivers.binding import used_values
from core.warehouse.drivers.columns import FALSE, TRUE, arrow_type, shown_type, typed, unique_names
from core.warehouse.drivers.driver import Column, Page, RunningStatement, State, Status, Values
from core.warehouse.drivers.refusals import refuse_too_long, told
from core.warehouse.statements import literal, with_parameters

_STATES = {
    "SUBMITTED": State.SUBMITTED,
    "PICKED": State.PICKED,
    "STARTED": State.STARTED,
    "FINISHED": State.FINISHED,
    "ABORTED": State.ABORTED,
    "FAILED": State.FAILED,
}
_KEEP_SESSION = 900  # seconds a session may idle: long enough between two runs, short enough not to hoard (limit 500)
_SESSION_ID = "session:"  # how a statement of another way is called here: by its server process
_RUNNING = """SELECT h.session_id, h.user_id, u.usename, TRIM(h.status) AS status, h.start_time, h.elapsed_time, h.query_text
FROM sys_query_history h LEFT JOIN pg_user u ON u.usesysid = h.user_id
WHERE TRIM(h.status) IN ('running', 'queued', 'planning', 'returning')"""
_log = logging.getLogger(__name__)
_LONG_POLL = 2  # seconds a describe may wait on the server


class DataApiDriver:
    """One database behind a cluster or workgroup.

    Results come as CSV pages (GetStatementResultV2; measured 9 times the rows/s of JSON pages) and as JSON where
    the endpoint or the statement offers no CSV. Sessions are kept by name; one that has ended is opened anew.
    """

    dialect, escapes, outlives = "redshift", True, True

    def __init__(self, aws: AwsSession, connection: WarehouseConnection, database: str = "") -> None:
        self._aws, self._connection = aws, connection
        self._database = database or connection.database
        self._sessions: dict[str, str] = {}
        self._lock = threading.Lock()
        self._csv = True

    # -- a statement ---------------------------------------------------------
    def submit(self, sql: str, values: Values, *, session: str = "") -> str:
        text, parameters = _bound(sql, values)
        refuse_too_long(text)
        request: dict[str, Any] = {"Sql": text}
        if parameters:
            request["Parameters"] = parameters
        if self._csv:
            request["ResultFormat"] = "CSV"
        known = self._session(session)
        with told("reach the warehouse"):
            try:
                answer = self._execute(request, session, known)
            except Exception as error:
                message = _message(error)
                if known and "session" in message.lower():  # it idled too long or was closed
                    answer = self._execute(request, session, "")
                elif self._csv and "resultformat" in message.lower().replace(" ", ""):
                    self._csv = False
                    request.pop("ResultFormat")
                    answer = self._execute(request, session, known)
                else:
                    raise
        if session and answer.get("SessionId"):
            with self._lock:
                self._sessions[session] = str(answer["SessionId"])
        return str(answer["Id"])

    def _execute(self, request: dict[str, Any], session: str, known: str) -> dict[str, Any]:
        if known:
            where: dict[str, Any] = {"SessionId": known}
        else:
            where = {**self._where(), **({"SessionKeepAliveSeconds": _KEEP_SESSION} if session else {})}
        answer: dict[str, Any] = self._client().execute_statement(**request, **where)
        return answer

    def status(self, statement: str, wait: float = 0.0) -> Status:
        if statement.startswith(_SESSION_ID):
            raise OpsError(
                "This statement's state is not told",
                "It came another way than the Data API",
                "See the running statements",
                code="not-found",
            )
        deadline = time.monotonic() + wait
        while True:
            left = deadline - time.monotonic()
            answer = self._describe(statement, left)
            state = _STATES.get(str(answer.get("Status")), State.STARTED)
            if state.is_final or left <= 0:
                return Status(
                    state,
                    bool(answer.get("HasResultSet")),
                    int(answer.get("ResultRows", -1)),
                    max(0, int(answer.get("Duration", 0))) / 1e9,
                    str(answer.get("Error", "")),
                    str(answer.get("QueryString", "")),
                )

    def _describe(self, statement: str, left: float) -> dict[str, Any]:
        with told("ask for the state of the statement", of_statement=True):
            if left < 1:
                if left > 0:
                    time.sleep(min(left, 0.05))
                answer: dict[str, Any] = self._client().describe_statement(Id=statement)
                return answer
            try:
                answer = self._client().describe_statement(Id=statement, WaitTimeSeconds=min(_LONG_POLL, int(left)))
            except Exception as error:
                if "ActiveWaitingRequestsExceeded" not in f"{error}":
                    raise
                time.sleep(min(left, 0.5))  # too many wait there already: ask without waiting
                answer = self._client().describe_statement(Id=statement)
            return answer

    def pages(self, statement: str) -> Iterator[Page]:
        with told("fetch the result", of_statement=True):
            as_csv = str(self._client().describe_statement(Id=statement).get("ResultFormat", "JSON")) == "CSV"
        yield from self._all_pages(statement, as_csv)

    def _all_pages(self, statement: str, as_csv: bool) -> Iterator[Page]:
        """Every page to the last token. Raises OpsError (code ``incomplete``) if the rows are not TotalNumRows."""
        fetch = self._client().get_statement_result_v2 if as_csv else self._client().get_statement_result
        token, fetched, total = "", 0, 0
        names: list[str] = []
        while True:
            with told("fetch the result", of_statement=True):
                answer = fetch(Id=statement, **({"NextToken": token} if token else {}))
            if not names:
                metadata = answer["ColumnMetadata"]
                names = unique_names([str(item.get("label") or item.get("name") or "") for item in metadata])
                kinds = [_kind(item) for item in metadata]
                columns = tuple(
                    Column(
                        name, shown_type(str(item.get("typeName", "")), item.get("precision", 0), item.get("scale", 0))
                    )
                    for name, item in zip(names, metadata, strict=True)
                )
                total = int(answer.get("TotalNumRows", 0))
                table = _read(answer["Records"], names, kinds, as_csv, first=True)
            else:
                table = _read(answer["Records"], names, kinds, as_csv, first=False)
            fetched += table.num_rows
            yield Page(columns, table, total)
            token = str(answer.get("NextToken") or "")
            if not token:
                break
        if fetched != total:
            raise OpsError(
                "The result did not arrive whole",
                f"The server announced {total:,} rows and sent {fetched:,}",
                "Run the statement again; if it happens again, UNLOAD the result to S3",
                details={"statement": statement},
                code="incomplete",
            )

    def cancel(self, statement: str) -> None:
        if statement.startswith(_SESSION_ID):
            number = statement.removeprefix(_SESSION_ID)
            status = self.status(self.submit(f"CANCEL {int(number)}", {}), 20)
            if status.error:
                raise OpsError(
                    "Could not cancel the statement", status.error, "Only its owner and superusers may", code="denied"
                )
            return
        with told("cancel the statement", of_statement=True):
            try:
                self._client().cancel_statement(Id=statement)
            except Exception as error:
                message = _message(error).lower()
                if not ("could not cancel" in message or "already in" in message or "not running" in message):
                    raise  # else it has just ended: its state says how

    # -- the server ----------------------------------------------------------
    def running(self) -> list[RunningStatement]:
        elsewhere = self._system_view()  # first: what is ours by then is in the lists below
        found: dict[str, tuple[dict[str, Any], str]] = {}
        now = datetime.now(UTC)
        with explained("list the running statements"):
            for state in ("SUBMITTED", "PICKED", "STARTED"):  # as they move on: none slips between two lists
                token = ""
                while True:
                    answer = self._client().list_statements(
                        Status=state, RoleLevel=True, **({"NextToken": token} if token else {})
                    )
                    found |= {str(item["Id"]): (item, state) for item in answer.get("Statements", ())}
                    token = str(answer.get("NextToken") or "")
                    if not token:
                        break
            listed, own = [], set()
            for item, state in found.values():
                detail = self._client().describe_statement(Id=item["Id"])
                own.add(int(detail.get("RedshiftPid", 0)))
                if detail.get("Database", self._database) != self._database:
                    continue
                created = item.get("CreatedAt")
                seconds = int(detail.get("Duration", 0)) / 1e9
                if seconds <= 0 and isinstance(created, datetime):
                    seconds = max(0.0, (now - created).total_seconds())
                user = str(detail.get("DbUser") or detail.get("SecretArn") or "this identity")
                listed.append(
                    RunningStatement(
                        str(item["Id"]),
                        user,
                        _STATES[state].value,
                        created if isinstance(created, datetime) else None,
                        seconds,
                        str(item.get("QueryString", "")),
                    )
                )
        return listed + [running for pid, running in elsewhere if pid not in own]

    def _system_view(self) -> list[tuple[int, RunningStatement]]:
        """What runs by any way, with its server process, as far as the system view shows it to this user."""
        statement = self.submit(_RUNNING, {})
        status = self.status(statement, 20)
        if status.state is not State.FINISHED:
            _log.info("sys_query_history does not answer: %s", status.error or status.state.value)
            return []
        rows = [row for page in self.pages(statement) for row in page.table.to_pylist()]
        mine = self._pid(statement)
        return [
            (
                int(row["session_id"]),
                RunningStatement(
                    f"{_SESSION_ID}{row['session_id']}",
                    str(row["usename"] or row["user_id"]).strip(),
                    str(row["status"]),
                    row["start_time"].replace(tzinfo=UTC) if isinstance(row["start_time"], datetime) else None,
                    float(row["elapsed_time"] or 0) / 1e6,
                    str(row["query_text"]).strip(),
                ),
            )
            for row in rows
            if int(row["session_id"]) != mine
        ]

    def _pid(self, statement: str) -> int:
        with told("ask for the state of the statement", of_statement=True):
            return int(self._client().describe_statement(Id=statement).get("RedshiftPid", 0))

    def databases(self) -> list[str]:
        names: list[str] = []
        token = ""
        with explained("list the databases"):
            while True:
                answer = self._client().list_databases(**self._where(), **({"NextToken": token} if token else {}))
                names += answer.get("Databases", [])
                token = str(answer.get("NextToken") or "")
                if not token:
                    return sorted(names)

    def close(self) -> None:
        """Nothing to close: sessions end on the server when they have idled."""

    def _client(self) -> Any:
        return self._aws.client("redshift-data")

    def _session(self, name: str) -> str:
        with self._lock:
            return self._sessions.get(name, "")

    def _where(self) -> dict[str, str]:
        connection = self._connection
        where = {"Database": self._database}
        if connection.workgroup:
            where["WorkgroupName"] = connection.workgroup
        elif connection.cluster:
            where["ClusterIdentifier"] = connection.cluster
            if connection.db_user and not connection.secret_arn:
                where["DbUser"] = connection.db_user
        else:
            raise OpsError(
                f"The connection {connection.name} names no warehouse",
                "It has neither a cluster nor a workgroup",
                "Choose one in the connection's settings",
                code="settings",
            )
        if connection.secret_arn:
            where["SecretArn"] = connection.secret_arn
        return where


def _bound(sql: str, values: Values) -> tuple[str, list[dict[str, str]]]:
    """SQL and Parameters. The API knows neither NULL nor the empty string as a parameter, and refuses one that
    is not used: those two become literals, unused ones stay away."""
    used = used_values(sql, values, escapes=True)
    literals = {name: literal(value) for name, value in used.items() if not value}
    bound = [{"name": name, "value": value} for name, value in used.items() if value]
    return with_parameters(sql, literals), bound


def _message(error: Exception) -> str:
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Message", "")) if response else str(error)


def _kind(metadata: dict[str, Any]) -> Any:
    return arrow_type(
        str(metadata.get("typeName", "")), int(metadata.get("precision", 0)), int(metadata.get("scale", 0))
    )


def _read(records: list[Any], names: list[str], kinds: list[Any], as_csv: bool, *, first: bool) -> Any:
    if as_csv:
        return _read_csv("".join(record.get("CSVRecords", "") for record in records), names, kinds, first=first)
    return _read_json(records, names, kinds)


def _read_csv(text: str, names: list[str], kinds: list[Any], *, first: bool) -> Any:
    """A page of CSV as a table: an empty field is NULL, ``""`` is the empty string. A heading line is dropped."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    if first:
        heading, _, rest = text.partition("\n")
        if heading.rstrip("\r") in (",".join(names), ",".join(f'"{name}"' for name in names)):
            text = rest  # were it a row after all, the count of rows would not fit and be refused
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    if not text:
        return schema.empty_table()

    def parsed(types: dict[str, Any]) -> Any:
        return pa_csv.read_csv(
            pa.BufferReader(text.encode()),
            pa_csv.ReadOptions(column_names=names, block_size=max(1 << 20, len(text) * 4)),
            pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            pa_csv.ConvertOptions(
                column_types=types,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=TRUE,
                false_values=FALSE,
            ),
        )

    try:
        return parsed(dict(zip(names, kinds, strict=True)))
    except pa.ArrowInvalid:  # a value outside its declared type (NaN in a numeric): column by column, text where needed
        plain = parsed(dict.fromkeys(names, pa.string()))
        columns = []
        for name, kind in zip(names, kinds, strict=True):
            columns.append(typed(plain.column(name).to_pylist(), kind))
        return pa.table(columns, names=names)


def _read_json(records: list[Any], names: list[str], kinds: list[Any]) -> Any:
    import pyarrow as pa

    rows = [
        [
            None if field.get("isNull") else next((value for key, value in field.items() if key != "isNull"), None)
            for field in record
        ]
        for record in records
    ]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pa.table([typed(list(column), kind) for column, kind in zip(columns, kinds, strict=True)], names=names)
