"""Redshift or PostgreSQL by wire: server cursors, so that a million rows never stand in memory twice."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.base.errors import OpsError
from core.settings.profiles import WarehouseConnection
from core.warehouse.drivers.binding import as_text
from core.warehouse.drivers.columns import arrow_type, typed, unique_names
from core.warehouse.drivers.driver import Column, Page, RunningStatement, State, Status, Values
from core.warehouse.intent import Kind, intent_of

if TYPE_CHECKING:
    import psycopg

_FETCH = 50_000  # rows a page: 20 columns of text stay near 20 MB


@dataclass(slots=True)
class _Running:
    """One statement on its way: run by a thread of its own, watched through ``ended``."""

    sql: str
    link: psycopg.Connection[Any]
    started: float = field(default_factory=time.monotonic)
    state: State = State.STARTED
    seconds: float = 0.0
    rows: int = -1
    error: str = ""
    portal: str = ""  # name of the server cursor, where there is one
    offset: int = 0  # characters that stand before the statement in what was sent
    first: list[Any] = field(default_factory=list)
    columns: tuple[Column, ...] = ()
    kinds: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


class PostgresDriver:
    """Each session is one connection in autocommit; a query runs in a transaction of its own around its cursor."""

    outlives = False

    def __init__(
        self, connection: WarehouseConnection, password: str | None, database: str = "", *, ca_file: str = ""
    ) -> None:
        self._connection, self._password = connection, password
        self._database = database or connection.database
        self._ca_file = ca_file
        self._links: dict[str, psycopg.Connection[Any]] = {}
        self._statements: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self.dialect = "redshift" if connection.port == 5439 else "postgres"  # 5439: Redshift's own port
        self.escapes = self.dialect == "redshift"

    # -- a statement ---------------------------------------------------------
    def submit(self, sql: str, values: Values, *, session: str = "") -> str:
        text = as_text(sql, values, escapes=self.escapes)
        link = self._link(session)
        statement = str(uuid.uuid4())
        running = _Running(text, link)
        with self._lock:
            self._statements[statement] = running
        threading.Thread(target=self._run, args=(running,), name="postgres-statement", daemon=True).start()
        return statement

    def _run(self, running: _Running) -> None:
        import psycopg

        try:
            intent = intent_of(running.sql, escapes=self.escapes)
            if intent.verb in ("SELECT", "WITH", "VALUES", "TABLE") and intent.kind is Kind.READ:
                # Inside a transaction the user opened, the cursor lives in it; else in one of its own. The cursor is
                # declared by hand so that the place of an error can be counted from the statement's beginning.
                if running.link.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                    running.link.execute("BEGIN")
                running.portal = f"opsdesk_{uuid.uuid4().hex[:12]}"
                declaration = f"DECLARE {running.portal} NO SCROLL CURSOR FOR "
                running.offset = len(declaration)
                running.link.execute((declaration + running.sql).encode())
                cursor = running.link.execute(f"FETCH FORWARD {_FETCH} FROM {running.portal}".encode())
                running.first = cursor.fetchall()
            else:
                cursor = running.link.execute(running.sql.encode())
                running.first = cursor.fetchall() if cursor.description else []
                running.rows = cursor.rowcount
            if cursor.description:
                _describe(running, cursor)
            running.state = State.FINISHED
        except psycopg.errors.QueryCanceled:
            running.state, running.error = State.ABORTED, "The server cancelled the statement"
            self._roll_back(running)
        except psycopg.Error as error:
            place = int(error.diag.statement_position or 0) - running.offset
            running.error = str(error).split("\nLINE ")[0] + (f"\nPosition: {place}" if place > 0 else "")
            running.state = State.FAILED
            self._roll_back(running)
        finally:
            running.seconds = time.monotonic() - running.started
            running.ended.set()

    def _roll_back(self, running: _Running) -> None:
        import contextlib

        import psycopg

        if not running.link.closed and running.link.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
            with contextlib.suppress(psycopg.Error):  # the link is dead: the next use opens another
                running.link.execute("ROLLBACK")

    def status(self, statement: str, wait: float = 0.0) -> Status:
        running = self._known(statement)
        running.ended.wait(wait)
        if not running.ended.is_set():
            return Status(State.STARTED, seconds=time.monotonic() - running.started, sql=running.sql)
        return Status(running.state, bool(running.columns), running.rows, running.seconds, running.error, running.sql)

    def pages(self, statement: str) -> Iterator[Page]:
        import psycopg
        import pyarrow as pa

        running = self._known(statement)
        names = [column.name for column in running.columns]
        rows, fetched = running.first, 0
        try:
            while True:
                fetched += len(rows)
                last = not running.portal or len(rows) < _FETCH
                values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
                arrays = [_array(list(column), kind) for column, kind in zip(values, running.kinds, strict=True)]
                yield Page(running.columns, pa.table(arrays, names=names), fetched if last else None)
                if last:
                    break
                rows = running.link.execute(f"FETCH FORWARD {_FETCH} FROM {running.portal}".encode()).fetchall()
        except psycopg.errors.QueryCanceled as error:
            raise OpsError("The statement was cancelled", str(error), "Run it again", code="cancelled") from error
        except psycopg.Error as error:
            raise self._lost(error, "fetch the result") from error
        finally:
            running.first = []
            if running.portal:
                self._end_of_cursor(running)

    def _end_of_cursor(self, running: _Running) -> None:
        import psycopg

        if running.link.closed:
            return
        status = running.link.info.transaction_status
        if status != psycopg.pq.TransactionStatus.IDLE:
            try:
                running.link.execute("COMMIT" if status == psycopg.pq.TransactionStatus.INTRANS else "ROLLBACK")
            except psycopg.Error:
                running.link.close()  # what state it is in cannot be known: the next use opens another

    def cancel(self, statement: str) -> None:
        import psycopg

        running = self._statements.get(statement) or self._own(statement)
        try:
            if running is None:
                self._cancel_process(statement)
                return
            # Again and again: a cancel that falls between two of our own commands is lost without a word.
            for _ in range(20):
                if running.ended.is_set():
                    return
                running.link.cancel_safe(timeout=10)
                running.ended.wait(0.5)
        except psycopg.Error as error:
            raise self._lost(error, "cancel the statement") from error

    def _own(self, process: str) -> _Running | None:
        """The statement of ours that a server process is busy with; the list of running ones names processes."""
        with self._lock:
            return next(
                (
                    statement
                    for statement in self._statements.values()
                    if not statement.ended.is_set()
                    and not statement.link.closed
                    and str(statement.link.info.backend_pid) == process
                ),
                None,
            )

    def _cancel_process(self, statement: str) -> None:
        """Somebody else's statement: the id is the number of its server process."""
        if not statement.isdigit():
            raise OpsError(
                f"{statement} is no statement here", "The ids are in `running`", "Refresh the list", code="not-found"
            )
        with self._open() as link:
            if self.dialect == "redshift":
                link.execute(f"CANCEL {int(statement)}".encode())
                return
            # As with our own: again, until its transaction has ended, but never what that process begins after it.
            row = f"FROM pg_stat_activity WHERE pid = {int(statement)}"
            begun = link.execute(f"SELECT xact_start {row}".encode()).fetchone()
            if begun is None or begun[0] is None:
                return
            same = f"{row} AND xact_start = '{begun[0]}'"  # as the server itself wrote it
            for _ in range(20):
                link.execute(f"SELECT pg_cancel_backend(pid) {same} AND state = 'active'".encode())
                time.sleep(0.2)
                if link.execute(f"SELECT 1 {same} AND state NOT LIKE '%(aborted)'".encode()).fetchone() is None:
                    return

    # -- the server ----------------------------------------------------------
    def running(self) -> list[RunningStatement]:
        import psycopg

        query = """SELECT pid, usename, state, query_start AT TIME ZONE 'UTC',
                          extract(epoch FROM clock_timestamp() - query_start), query
                   FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND usename IS NOT NULL"""
        if self.dialect == "redshift":
            query = """SELECT pid, user_name, status, starttime, duration / 1000000.0, query FROM stv_recents
                       WHERE status = 'Running' AND pid <> pg_backend_pid()"""
        try:
            with self._open() as link:
                rows = link.execute(query).fetchall()
        except psycopg.Error as error:
            raise self._lost(error, "list the running statements") from error
        with self._lock:  # the server shows a cursor's FETCH; what it fetches for is known here
            own = {
                str(statement.link.info.backend_pid): statement.sql
                for statement in self._statements.values()
                if not statement.link.closed and not statement.ended.is_set()
            }
        return [
            RunningStatement(
                str(pid),
                str(user).strip(),
                str(state).strip().lower(),
                datetime.fromisoformat(str(started)).replace(tzinfo=UTC) if started else None,
                float(seconds or 0),
                own.get(str(pid), str(sql).strip()),
            )
            for pid, user, state, started, seconds, sql in rows
        ]

    def databases(self) -> list[str]:
        import psycopg

        try:
            with self._open() as link:
                rows = link.execute(
                    "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
                )
                return [str(name) for (name,) in rows]
        except psycopg.Error as error:
            raise self._lost(error, "list the databases") from error

    def close(self) -> None:
        with self._lock:
            links, self._links = list(self._links.values()), {}
        for link in links:
            link.close()

    # -- connections ---------------------------------------------------------
    def _link(self, session: str) -> psycopg.Connection[Any]:
        with self._lock:
            link = self._links.get(session)
        if link is None or link.closed or link.broken:
            link = self._open()
            with self._lock:
                self._links[session] = link
        return link

    def _open(self) -> psycopg.Connection[Any]:
        import psycopg

        connection = self._connection
        options: dict[str, Any] = {"sslrootcert": self._ca_file, "sslmode": "verify-full"} if self._ca_file else {}
        try:
            return psycopg.connect(
                host=connection.host,
                port=connection.port or 5439,
                dbname=self._database,
                user=connection.db_user or None,
                password=self._password,
                connect_timeout=10,
                autocommit=True,
                application_name="opsdesk",
                keepalives_idle=60,
                prepare_threshold=None,
                context=_adapters(),
                **options,
            )
        except psycopg.Error as error:
            raise self._lost(error, f"connect to {connection.name}") from error

    def _lost(self, error: Exception, doing: str) -> OpsError:
        text = str(error).strip()
        lowered = text.lower()
        title = f"Could not {doing}"
        if "password" in lowered or "authentication" in lowered or "no pg_hba.conf" in lowered:
            return OpsError(title, text, "Check user and password of the connection", code="credentials")
        if "does not exist" in lowered and "database" in lowered:
            return OpsError(title, text, "Choose another database", code="not-found")
        return OpsError(title, text, "Check host and port of the connection, and the network", code="unreachable")

    def _known(self, statement: str) -> _Running:
        try:
            return self._statements[statement]
        except KeyError:
            raise OpsError(
                "The statement is not known any more",
                "By wire, a statement lives as long as its connection",
                "Run it again",
                code="not-found",
            ) from None


_free_numeric = object()  # a numeric without a declared precision: each page takes the scale it needs


def _array(values: list[Any], kind: Any) -> Any:
    import pyarrow as pa

    if kind is not _free_numeric:
        return typed(values, kind)
    try:
        array = pa.array(values) if any(value is not None for value in values) else pa.nulls(len(values))
    except pa.ArrowInvalid:  # NaN, Infinity
        return typed(values, pa.string())
    if pa.types.is_null(array.type):
        return array.cast(pa.decimal128(1, 0))
    return array if pa.types.is_decimal128(array.type) else typed(values, pa.string())


def _describe(running: _Running, cursor: Any) -> None:
    names = unique_names([column.name for column in cursor.description])
    for name, column in zip(names, cursor.description, strict=True):
        shown = str(column.type_display)
        base = re.sub(r"\(.*\)", "", shown)
        precision, scale = column.precision or 0, column.scale or 0
        free = base == "numeric" and not precision
        running.columns = (*running.columns, Column(name, shown))
        running.kinds.append(_free_numeric if free else arrow_type(base, precision, scale))


def _adapters() -> Any:
    """Numbers and truth values as Python's own; everything else as the server's text, which Arrow parses in C and
    which cannot fail on "infinity" or a year 20000 as Python's dates do."""
    import psycopg
    from psycopg.adapt import AdaptersMap
    from psycopg.types.bool import BoolLoader
    from psycopg.types.numeric import FloatLoader, IntLoader, NumericLoader
    from psycopg.types.string import TextLoader

    adapters = AdaptersMap(types=psycopg.adapters.types)
    adapters.register_loader(0, TextLoader)  # 0: whatever has no loader of its own
    for name in ("int2", "int4", "int8", "oid"):
        adapters.register_loader(name, IntLoader)
    for name in ("float4", "float8"):
        adapters.register_loader(name, FloatLoader)
    adapters.register_loader("numeric", NumericLoader)
    adapters.register_loader("bool", BoolLoader)
    return adapters
