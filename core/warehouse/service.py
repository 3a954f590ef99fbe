"""The verbs of the warehouse room, with typed values in and out; the window and the command line both call these."""

from __future__ import annotations

import hashlib
import re
import threading
import uuid
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.aws.workplace import Workplace
from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job
from core.settings.profiles import WarehouseConnection
from core.warehouse import creation
from core.warehouse.catalogue import Catalogue, Table, read_catalogue, store, stored
from core.warehouse.drivers.driver import Driver, HasTables, RunningStatement, Status, Values
from core.warehouse.history import History
from core.warehouse.intent import counting, intent_of
from core.warehouse.results import Result
from core.warehouse.run import Run, execute, follow
from core.warehouse.statements import literal, plain_blanks

if TYPE_CHECKING:
    import polars
    import pyarrow

    from core.warehouse.drafts import Drafts
    from core.warehouse.explain import Step
    from core.warehouse.extract.work import Extracts
    from core.warehouse.formatting import Squiggle


class WarehouseService:
    """Methods that take a Job block and belong on a worker; the others answer at once."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._drivers: dict[tuple[str, str], Driver] = {}
        self._lock = threading.Lock()
        self.history = History(workplace.places.state / "warehouse.sqlite", workplace.profile.name)
        self._session = uuid.uuid4().hex

    # -- connections ---------------------------------------------------------
    def connections(self, job: Job[Any]) -> list[WarehouseConnection]:
        """Where statements can be sent: named in the profile, or found in the account."""
        from core.warehouse.connections import connections

        job.checkpoint()
        return connections(self._workplace.aws)

    def connection(self, job: Job[Any], name: str = "") -> WarehouseConnection:
        """One by name, or the first. Raises WrongUse for an unknown name, OpsError where there is none at all."""
        known = self.connections(job)
        if not known:
            raise OpsError(
                "This profile has no warehouse",
                "It names none, and the account shows no cluster and no workgroup",
                "Add a connection to the profile",
                code="settings",
            )
        if not name:
            return known[0]
        for candidate in known:
            if candidate.name == name:
                return candidate
        names = ", ".join(candidate.name for candidate in known)
        raise WrongUse(f"There is no connection {name}", f"Known are: {names}", "See `warehouse connections`")

    def databases(self, job: Job[Any], connection: WarehouseConnection) -> list[str]:
        job.checkpoint()
        return self.driver(connection).databases()

    def driver(self, connection: WarehouseConnection, database: str = "") -> Driver:
        """The way to one database, made once."""
        database = database or connection.database
        with self._lock:
            key = (connection.name, database)
            if key not in self._drivers:
                self._drivers[key] = self._make(connection, database)
            return self._drivers[key]

    def _make(self, connection: WarehouseConnection, database: str) -> Driver:
        if connection.kind == "data-api":
            from core.warehouse.drivers.data_api import DataApiDriver

            return DataApiDriver(self._workplace.aws, connection, database)
        if connection.kind == "postgres":
            from core.warehouse.drivers.postgres import PostgresDriver

            ca_file = self._workplace.profile.ca_bundle
            return PostgresDriver(connection, self._password(connection), database, ca_file=ca_file)
        if connection.kind == "hive":
            from core.warehouse.drivers.hive import HiveDriver

            return HiveDriver(connection, self._password(connection), database)
        if connection.kind == "athena":
            from core.warehouse.drivers.athena import AthenaDriver

            return AthenaDriver(self._workplace.aws, connection, database)
        raise OpsError(
            f"The connection {connection.name} is of the kind {connection.kind}",
            "This version speaks data-api, postgres, hive and athena",
            "Correct the connection in the profile",
            code="settings",
        )

    def _password(self, connection: WarehouseConnection) -> str | None:
        if connection.password is not None:
            return connection.password
        if connection.kind == "hive" and not connection.db_user:
            return None  # a server without authentication
        return self._workplace.secrets.get(f"warehouse/{self._workplace.profile.name}/{connection.name}")

    def dialect(self, connection: WarehouseConnection) -> tuple[str, bool]:
        """sqlglot's name of the SQL there, and whether a backslash escapes in strings. Asks nobody."""
        if connection.kind == "hive":
            return "hive", True
        if connection.kind == "athena":
            return "athena", False
        redshift = connection.kind == "data-api" or connection.port in (0, 5439)
        return ("redshift", True) if redshift else ("postgres", False)

    def reopen(self) -> None:
        """Forget the connections: the endpoints moved, or the login was renewed."""
        with self._lock:
            drivers, self._drivers = list(self._drivers.values()), {}
        for driver in drivers:
            driver.close()

    # -- statements ----------------------------------------------------------
    def prepare(
        self,
        connection: WarehouseConnection,
        sql: str,
        *,
        database: str = "",
        values: Values | None = None,
        session: str = "",
        limit: int | None = None,
    ) -> Run:
        """One statement, judged and ready. ``session``: a word; statements of one word share temporary tables."""
        _dialect, escapes = self.dialect(connection)
        sql = plain_blanks(sql, escapes=escapes)
        return Run(
            connection,
            database or connection.database,
            sql,
            intent_of(sql, escapes=escapes),
            dict(values or {}),
            f"{self._session}/{session}" if session else "",
            Result(limit or self._workplace.settings().warehouse.row_limit),
            self._workplace.clock.now(),
        )

    def must_ask(self, run: Run) -> bool:
        """Whether this profile wants a write confirmed first. The window asks besides before every ``intent.whole``."""
        return run.intent.writes and self._workplace.profile.guarded

    def rows_touched(self, job: Job[Any], run: Run) -> int | None:
        """How many rows a write would touch, asked with a SELECT COUNT(*); None where that cannot be known."""
        query = counting(run.sql, self.dialect(run.connection)[0])
        if query is None:
            return None
        rows = self.ask(job, run.connection, query, database=run.database, values=run.values)
        value = next(iter(rows[0].values()), None) if rows else None
        return None if value is None else int(value)

    def execute(self, job: Job[Any], run: Run, *, fetch: bool = True) -> Run:
        """Run it to the end; see ``core.warehouse.run.execute``. Without ``fetch`` the rows stay on the server."""
        driver = self.driver(run.connection, run.database)
        return execute(job, run, driver, self.history, self._workplace.clock, fetch=fetch)

    def ask(
        self,
        job: Job[Any],
        connection: WarehouseConnection,
        sql: str,
        *,
        database: str = "",
        values: Values | None = None,
    ) -> list[dict[str, Any]]:
        """The rows of a small question of our own; not kept in the history."""
        return self._rows(job, self.prepare(connection, sql, database=database, values=values))

    def _rows(self, job: Job[Any], run: Run) -> list[dict[str, Any]]:
        driver = self.driver(run.connection, run.database)
        values = {name: value for name, value in run.values.items() if f":{name}" in run.sql}
        run.statement = driver.submit(run.sql, values)
        clock = self._workplace.clock
        follow(job, run, driver, None, clock, clock.monotonic())
        rows: list[dict[str, Any]] = run.result.table().to_pylist()
        return rows

    def attach(
        self, job: Job[Any], statement: str, connection: WarehouseConnection | None = None, *, fetch: bool = True
    ) -> Run:
        """Take up a statement that was sent before, by this program or another: wait for it and fetch its result."""
        past = self.history.by_statement(statement)
        if connection is None:
            connection = self.connection(job, past.connection if past else "")
        driver = self.driver(connection, past.database if past else "")
        if not driver.outlives:
            raise OpsError(
                "This statement cannot be taken up again",
                f"{connection.name} is a connection by wire: its statements end with it",
                "Run it again",
                code="not-found",
            )
        status = driver.status(statement)
        run = self.prepare(connection, status.sql or (past.sql if past else ""), database=past.database if past else "")
        run.statement, run.number = statement, past.id if past else 0
        if past:
            run.started = past.started
        clock = self._workplace.clock
        return follow(job, run, driver, self.history if past else None, clock, clock.monotonic(), fetch=fetch)

    def running(self, job: Job[Any], connection: WarehouseConnection, database: str = "") -> list[RunningStatement]:
        job.checkpoint()
        return self.driver(connection, database).running()

    def cancel(
        self, job: Job[Any], connection: WarehouseConnection, statement: str, database: str = ""
    ) -> Status | None:
        """Stop a statement on the server and say how it ended; None where only the list of running ones can tell."""
        driver = self.driver(connection, database)
        driver.cancel(statement)
        for _ in range(60):
            job.checkpoint()
            try:
                status = driver.status(statement, 0.5)
            except OpsError as error:
                if error.code != "not-found":
                    raise
                if all(other.id != statement for other in driver.running()):
                    return None
                job.sleep(0.5)
                continue
            if status.state.is_final:
                return status
        raise OpsError(
            "The server did not confirm the cancel", "It still runs", "Look at the running statements", code="cancel"
        )

    # -- the catalogue -------------------------------------------------------
    def stored_catalogue(self, connection: WarehouseConnection, database: str = "") -> Catalogue | None:
        """What was read last time (a file; some milliseconds)."""
        return stored(self._catalogue_file(connection, database or connection.database))

    def catalogue(self, job: Job[Any], connection: WarehouseConnection, database: str = "") -> Catalogue:
        """Read the database's catalogue now, and keep it for next time."""
        database, now = database or connection.database, self._workplace.clock.now()
        driver = self.driver(connection, database)
        if isinstance(driver, HasTables):
            catalogue = Catalogue(connection.name, database, now, (database,), tuple(driver.tables()))
        else:
            catalogue = read_catalogue(
                connection.name,
                database,
                driver.dialect,
                lambda sql: self.ask(job, connection, sql, database=database),
                now,
            )
        store(catalogue, self._catalogue_file(connection, database))
        return catalogue

    def tells_creation(self, connection: WarehouseConnection, table: Table) -> bool:
        """Whether ``creation`` can be asked for. Asks nobody."""
        return bool(creation.question(self.dialect(connection)[0], table))

    def creation(self, job: Job[Any], connection: WarehouseConnection, table: Table, database: str = "") -> str:
        """The CREATE statement of a table or view. Raises OpsError where the server cannot tell it."""
        asked = creation.question(self.dialect(connection)[0], table)
        if not asked:
            raise OpsError(
                f"{connection.name} does not tell how {table.name} was made",
                "PostgreSQL has no statement for it",
                "Use pg_dump --schema-only --table",
                code="unsupported",
            )
        return creation.statement(table, self.ask(job, connection, asked, database=database))

    def _catalogue_file(self, connection: WarehouseConnection, database: str) -> Path:
        name = hashlib.sha256(f"{self._workplace.profile.name}\0{connection.name}\0{database}".encode()).hexdigest()[
            :16
        ]
        return self._workplace.places.cache / "warehouse" / f"catalogue-{name}.json"

    # -- results -------------------------------------------------------------
    def export(self, job: Job[Any], run: Run, path: Path, form: str) -> int:
        """All rows of a run's result as a file, also those the grid does not hold; returns the rows.

        What is whole here is written from here. Else the Data API's kept result is fetched again without running
        the statement again; by wire the (reading) statement is run again.
        """
        from core.warehouse.export import export

        count = run.result.count
        if count.complete and not count.cut:
            return export(job, [run.result.table()], path, form, total=count.shown)
        return export(job, self.all_rows(job, run), path, form, total=count.total)

    def export_shown(
        self, job: Job[Any], run: Run, path: Path, form: str, order: polars.Series | None, columns: Sequence[str]
    ) -> int:
        """What the grid shows of a result as a file: the rows of these numbers in their order, and these columns."""
        from core.warehouse.export import export

        table = run.result.table().select(list(columns))
        if order is not None:
            table = table.take(order.alias("").to_arrow())  # no C string holds the name that it has
        return export(job, [table], path, form, total=table.num_rows)

    def all_rows(self, job: Job[Any], run: Run) -> Iterator[pyarrow.Table]:
        """Every row of a finished run's result from the server, page by page."""
        driver = self.driver(run.connection, run.database)
        statement = run.statement
        if not driver.outlives:
            if run.intent.writes:
                raise OpsError(
                    "The rest of this result is gone",
                    "It came from a statement that writes, which is not run twice",
                    "Raise the row limit in the settings before running such a statement",
                    code="cut",
                )
            statement = driver.submit(run.sql, run.values, session=f"export-{uuid.uuid4().hex}")
            while not (status := driver.status(statement, 0.5)).state.is_final:
                job.checkpoint()
            if status.error:
                from core.warehouse.failures import failure

                raise failure(run.sql, status.error)
        for page in driver.pages(statement):
            yield page.table

    @staticmethod
    def unload_statement(sql: str, to: str, *, form: str = "PARQUET", role: str = "") -> str:
        """The UNLOAD that writes a query's whole result to S3 from the cluster itself."""
        if not re.match(r"s3://[a-z0-9.\-]{3,63}/", to):
            raise WrongUse(f"{to!r} is no S3 prefix", "It should be s3://bucket/prefix/", "Correct it")
        iam = literal(role) if role else "default"
        return f"UNLOAD ({literal(sql)})\nTO {literal(to)}\nIAM_ROLE {iam}\nFORMAT AS {form}"

    def explain(self, job: Job[Any], run: Run) -> tuple[list[Step], str]:
        """What an EXPLAIN answers, as a tree and as the server's own text; ``run`` tells how it went."""
        from core.warehouse.explain import parse_plan

        text = "\n".join(str(list(row.values())[-1]) for row in self._rows(job, run))
        return parse_plan(text), text

    @cached_property
    def drafts(self) -> Drafts:
        """What stands in a window's SQL editor."""
        from core.warehouse.drafts import Drafts

        return Drafts(self._workplace.places.state, self._workplace.profile.name)

    @cached_property
    def extracts(self) -> Extracts:
        """Raw text to tables."""
        from core.warehouse.extract.work import Extracts

        return Extracts(self._workplace)

    # -- text (CPU; sqlglot) ---------------------------------------------------
    def formatted(self, job: Job[Any], connection: WarehouseConnection, sql: str) -> str:
        from core.warehouse.formatting import formatted

        job.checkpoint()
        dialect, escapes = self.dialect(connection)
        return formatted(sql, dialect, escapes=escapes)

    def squiggles(self, job: Job[Any], connection: WarehouseConnection, sql: str) -> Sequence[Squiggle]:
        from core.warehouse.formatting import squiggles

        job.checkpoint()
        dialect, escapes = self.dialect(connection)
        return squiggles(sql, dialect, escapes=escapes, checkpoint=job.checkpoint)

    def close(self) -> None:
        self.reopen()
        self.history.close()
        if "drafts" in self.__dict__:
            self.drafts.close()
