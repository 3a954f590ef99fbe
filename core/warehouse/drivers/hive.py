"""HiveServer2 (Hive, Spark's Thrift server) by impyla: the text side of the warehouse."""

from __future__ import annotations

import contextlib
import re
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from core.base.errors import OpsError
from core.settings.profiles import WarehouseConnection
from core.warehouse.drivers.binding import as_text
from core.warehouse.drivers.columns import arrow_type, typed, unique_names
from core.warehouse.drivers.driver import Column, Page, RunningStatement, State, Status, Values
from core.warehouse.intent import Kind, intent_of

_FETCH = 20_000
_STATES = {
    "INITIALIZED_STATE": State.SUBMITTED,
    "PENDING_STATE": State.PICKED,
    "RUNNING_STATE": State.STARTED,
    "FINISHED_STATE": State.FINISHED,
    "CANCELED_STATE": State.ABORTED,
    "CLOSED_STATE": State.ABORTED,
    "ERROR_STATE": State.FAILED,
}


@dataclass(slots=True)
class _Operation:
    """``lock``: impyla's connections are not for several threads at once."""

    sql: str
    cursor: Any
    lock: threading.Lock = field(default_factory=threading.Lock)
    started: float = field(default_factory=time.monotonic)
    error: str = ""
    cancelled: bool = False


class HiveDriver:
    """Each statement has a session of its own on the server; ``session`` names keep one for SET and temporary views."""

    dialect, escapes, outlives = "hive", True, False

    def __init__(self, connection: WarehouseConnection, password: str | None, database: str = "") -> None:
        self._connection, self._password = connection, password
        self._database = database or connection.database or "default"
        self._sessions: dict[str, Any] = {}
        self._operations: dict[str, _Operation] = {}
        self._lock = threading.Lock()

    def submit(self, sql: str, values: Values, *, session: str = "") -> str:
        text = as_text(sql, values, escapes=True)
        operation = _Operation(text, self._session(session).cursor())
        try:
            operation.cursor.execute_async(text)
        except Exception as error:
            operation.error = _message(error)
            if not operation.error:
                raise self._lost(error, "hand the statement to HiveServer2") from error
        statement = str(uuid.uuid4())
        with self._lock:
            self._operations[statement] = operation
        return statement

    def status(self, statement: str, wait: float = 0.0) -> Status:
        operation = self._known(statement)
        deadline = time.monotonic() + wait
        while True:
            state = State.FAILED if operation.error else self._state(operation)
            seconds = time.monotonic() - operation.started
            if state.is_final or time.monotonic() >= deadline:
                break
            time.sleep(min(0.1, max(0.0, deadline - time.monotonic())))
        # Spark gives DDL a result set too, one that cannot be fetched.
        has_result = state is State.FINISHED and intent_of(operation.sql).kind is Kind.READ
        return Status(state, has_result, -1, seconds, operation.error, operation.sql)

    def _state(self, operation: _Operation) -> State:
        try:
            with operation.lock:
                state = _STATES.get(str(operation.cursor.status()), State.STARTED)
        except Exception as error:
            if operation.cancelled:  # Spark forgets a statement with its cancel
                return State.ABORTED
            operation.error = _message(error) or str(error)
            return State.FAILED
        if state is State.FAILED:
            operation.error = self._reason(operation)
        return state

    def _reason(self, operation: _Operation) -> str:
        try:
            with operation.lock:
                operation.cursor._wait_to_finish()
        except Exception as error:
            return _message(error) or str(error)
        return "The server gave no reason"

    def pages(self, statement: str) -> Iterator[Page]:
        import pyarrow as pa

        operation = self._known(statement)
        cursor = operation.cursor
        description = cursor.description or []
        names = unique_names([str(column[0]).rpartition(".")[2] for column in description])
        columns = tuple(Column(name, str(column[1]).lower()) for name, column in zip(names, description, strict=True))
        kinds = [arrow_type(_plain_type(str(c[1])), int(c[4] or 0), int(c[5] or 0)) for c in description]
        fetched, rows = 0, self._rows(operation)
        while True:
            following = self._rows(operation) if len(rows) == _FETCH else []  # so that the last page is known as such
            fetched += len(rows)
            last = not following
            values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
            arrays = [typed(list(column), kind) for column, kind in zip(values, kinds, strict=True)]
            yield Page(columns, pa.table(arrays, names=names), fetched if last else None)
            if last:
                return
            rows = following

    def _rows(self, operation: _Operation) -> list[Any]:
        try:
            with operation.lock:
                rows: list[Any] = operation.cursor.fetchmany(_FETCH)
        except Exception as error:
            raise self._lost(error, "fetch the result") from error
        return rows

    def cancel(self, statement: str) -> None:
        operation = self._operations.get(statement)
        if operation is None:
            raise OpsError(
                "HiveServer2 cancels only its own session's statements",
                f"{statement} was not sent from here",
                "Cancel it where it was started",
                code="not-found",
            )
        try:
            with operation.lock:  # another thread asks for its state meanwhile
                operation.cursor.cancel_operation()
                operation.cancelled = True
        except Exception as error:
            if not self.status(statement).state.is_final:
                raise self._lost(error, "cancel the statement") from error

    def running(self) -> list[RunningStatement]:
        """Only what was sent from here: HiveServer2 has no list for its clients."""
        found = []
        for statement, operation in list(self._operations.items()):
            status = self.status(statement)
            if not status.state.is_final:
                user = self._connection.db_user or "this program"
                found.append(RunningStatement(statement, user, status.state.value, None, status.seconds, operation.sql))
        return found

    def databases(self) -> list[str]:
        try:
            with contextlib.closing(self._session("").cursor()) as cursor:
                cursor.execute("SHOW DATABASES")
                return sorted(str(row[0]) for row in cursor.fetchall())
        except OpsError:
            raise
        except Exception as error:
            raise self._lost(error, "list the databases") from error

    def close(self) -> None:
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
            operations, self._operations = list(self._operations.values()), {}
        for thing in [*(operation.cursor for operation in operations), *sessions]:
            with contextlib.suppress(Exception):  # the server may be gone: there is nothing left to close then
                thing.close()

    def _session(self, name: str) -> Any:
        key = name or uuid.uuid4().hex
        with self._lock:
            if key in self._sessions:
                return self._sessions[key]
        connection = self._connection
        try:
            from impala.dbapi import connect
        except ImportError as error:
            raise OpsError(
                "HiveServer2 needs the package impyla",
                "It is an optional part",
                "Install it with: uv sync --extra hive",
                code="missing",
            ) from error
        try:
            made = connect(
                host=connection.host,
                port=connection.port or 10_000,
                database=self._database,
                user=connection.db_user or "hive",
                password=self._password or "x",  # PLAIN wants one, and a server without authentication ignores it
                auth_mechanism="PLAIN",
                timeout=30,
            )
        except Exception as error:
            raise self._lost(error, f"connect to {connection.name}") from error
        with self._lock:
            self._sessions[key] = made
        return made

    def _known(self, statement: str) -> _Operation:
        try:
            return self._operations[statement]
        except KeyError:
            raise OpsError(
                "The statement is not known any more",
                "On HiveServer2 it lives with its session",
                "Run it again",
                code="not-found",
            ) from None

    def _lost(self, error: Exception, doing: str) -> OpsError:
        return OpsError(
            f"Could not {doing}",
            _message(error) or str(error) or type(error).__name__,
            "Check host and port of the connection, and that HiveServer2 runs",
            code="unreachable",
        )


def _plain_type(name: str) -> str:
    return {"STRING": "varchar", "TINYINT": "smallint", "BOOLEAN": "bool"}.get(name.upper(), name.lower())


def _message(error: Exception) -> str:
    """The server's sentence out of a Thrift answer and its Java stack."""
    text = str(error)
    match = re.search(r"errorMessage='((?:[^'\\]|\\.)*)'|errorMessage=\"((?:[^\"\\]|\\.)*)\"", text)
    if match:
        text = (match[1] or match[2]).replace("\\n", "\n").replace("\\'", "'")
    elif not isinstance(error, Exception) or "Error" not in type(error).__name__:
        return ""
    lines = [line.strip() for line in text.split("\n") if line.strip() and not line.strip().startswith("at ")]
    first = next((line for line in lines), "")
    return re.sub(r"^(?:[\w.$]*(?:Exception|Error)\s*:\s*)+", "", first)[:2_000]
