"""What a statement works with: the connection, the catalogue, the compiler, the transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine import intervals
from core.sandbox.redshift.engine.casts import assigned, plain_text
from core.sandbox.redshift.engine.catalog import Catalog
from core.sandbox.redshift.engine.compiler import QueryCompiler
from core.sandbox.redshift.engine.compiling import Query
from core.sandbox.redshift.engine.declarations import ColumnSpec
from core.sandbox.redshift.engine.errors import translated
from core.sandbox.redshift.engine.journal import Journal
from core.sandbox.redshift.engine.outcome import Column, Outcome, SqlError
from core.sandbox.redshift.engine.parse import parse_query
from core.sandbox.redshift.engine.reader import spelled
from core.sandbox.redshift.engine.settings import SETTINGS
from core.sandbox.redshift.engine.storage import Storage
from core.sandbox.redshift.engine.text import Token
from core.sandbox.redshift.engine.types import SqlType
from core.sandbox.redshift.engine.value import Scope, Value

_SHOWN_AT_ONCE = 8192
"""Rows. Of the longest texts (65,535 bytes) they are 537 MB, which is refused as a result too large; Arrow takes no more
than 32,767 of them in a batch, and says so in its own words."""
_DISPLAYED_AS_IS = ("int2", "int4", "int8", "float4", "float8", "bool", "varbyte")


class Context:
    """One session's state and the means that the statements' modules share."""

    def __init__(self, connection: Any, storage: Storage, journal: Journal, user: str, pid: int) -> None:
        self.connection, self.storage, self.journal, self.user, self.pid = connection, storage, journal, user, pid
        self.settings = dict(SETTINGS)
        self.settings["session_authorization"] = user
        self.prepared: dict[str, tuple[list[SqlType], list[Token]]] = {}
        self.cursors: dict[str, tuple[Query, int]] = {}
        self.catalog = Catalog(connection, f"pg_temp_{pid}", ["public"])
        self.catalog.before_system = journal.flush
        self.wrote = self.in_transaction = self.failed = self.read_only = self.interrupted = False
        self.last_query_id = self.query_id = -1
        self.peer: Callable[[int], Context | None] = lambda _pid: None
        """Another open session by its process id."""
        self._reader: Any = None
        """The result that is being read, or was last."""
        self._closed = False
        self._lock = threading.Lock()

    @property
    def search_path(self) -> list[str]:
        return self.catalog.search_path

    def set_search_path(self, names: list[str]) -> None:
        """Schemas that do not exist are passed over, as on Redshift."""
        found = [name for name in names if name != "$user" and self.catalog.schema_exists(name)]
        self.catalog.search_path = found or ["public"]
        self.catalog.tell_path()

    # -- queries ----------------------------------------------------------------
    def parsed(self, text: str) -> exp.Expression:
        return parse_query(text)

    def compiler(self) -> QueryCompiler:
        return QueryCompiler(self.catalog, self)

    def compile(self, text: str) -> Query:
        return self.compile_touching(text)[0]

    def compile_touching(self, text: str) -> tuple[Query, set[tuple[str, str]]]:
        """A query compiled, and the relations it reads."""
        node = self.parsed(text)
        if not isinstance(node, (exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery)):
            raise SqlError("a query is expected")
        compiler = self.compiler()
        query = compiler.query(node, None)
        return query, compiler.touched

    def result(self, text: str, query: Query) -> Outcome:
        """Rows as the Data API shows them: numbers as they are, the rest as text."""
        shown = ", ".join(_shown(n, kind) for n, (_, kind) in enumerate(query.columns, 1))
        reader = self.arrow(f"SELECT {shown} FROM ({text}) AS q", _SHOWN_AT_ONCE)
        tables_ = query.tables or [""] * len(query.columns)
        upper = self.settings["describe_field_name_in_uppercase"] in ("on", "true")
        columns = [
            Column(label.upper() if upper else label, kind, *reversed(table.split(".", 1)) if table else ())
            for (label, kind), table in zip(query.columns, tables_, strict=True)
        ]
        return Outcome(columns, reader.schema, lambda: iter(reader))

    def arrow(self, text: str, rows: int = 16_384) -> Any:
        """A reader of Arrow record batches, of some ``rows`` each, for DuckDB text.

        Straight from where ``sql(text).to_arrow_reader()`` asks the engine, too: that parses and binds the text twice,
        which took two fifths of the time of a short query.
        """
        self._abandon()
        self._reader = self.connection._submit(text, None, "stream", rows).arrow_reader()
        return self._reader

    def _abandon(self) -> None:
        """Let go of a result that was not read to its end: DuckDB starts nothing else beside it."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # -- for the statements' modules ----------------------------------------------
    def execute(self, text: str) -> int:
        """Run DuckDB text; the number of rows it changed."""
        rows = self.connection.execute(text).fetchall()
        return int(rows[0][0]) if rows and rows[0] and isinstance(rows[0][0], int) else 0

    def insert_arrow(self, table: Any, text: str) -> int:
        """Run an INSERT whose ``{source}`` is an Arrow table; a failure undoes it alone. Raises SqlError."""
        import duckdb

        name = "rs_incoming"
        self.connection.register(name, table)
        try:
            changed = self.execute(text.replace("{source}", name))
        except duckdb.Error as error:
            with suppress(duckdb.Error):  # what matters is why the INSERT failed
                self.connection.unregister(name)
            raise translated(error) from error
        self.connection.unregister(name)
        return changed

    def converted_arrow(self, table: Any, text: str) -> Any:
        """The Arrow table that ``text`` makes of ``{source}``, on a connection apart: an error harms nothing. Raises SqlError."""
        import duckdb

        scratch = self.connection.cursor()
        try:
            scratch.register("rs_incoming", table)
            return scratch.sql(text.replace("{source}", "rs_incoming")).to_arrow_table()
        except duckdb.Error as error:
            raise translated(error) from error
        finally:
            scratch.close()

    def converts(self, expression: str) -> bool:
        """Whether an expression of constants can be evaluated: False where its value is refused, not where asking fails."""
        import duckdb

        scratch = self.connection.cursor()
        try:
            scratch.execute(f"SELECT {expression}").fetchall()
        except (duckdb.DataError, duckdb.InvalidInputException):
            return False
        finally:
            scratch.close()
        return True

    def checkpoint(self) -> None:
        if self.interrupted:
            raise SqlError("Query cancelled on user's request")

    def new_place(self, schema: str, temporary: bool) -> str:
        """The schema a new object goes to. Raises SqlError if there is no such schema."""
        if temporary:
            if schema and not schema.startswith("pg_temp"):
                raise SqlError("temporary tables may not specify a schema name")
            return self.catalog.temporary
        place = schema or self.search_path[0]
        if not self.catalog.schema_exists(place):
            raise SqlError(f'schema "{place}" does not exist')
        return place

    def parsed_value(self, items: list[Token]) -> exp.Expression:
        """One expression from its tokens. A lone constant needs no parser, which took half the time of long VALUES lists."""
        if len(items) == 1 and items[0].kind in ("string", "dollar"):
            return exp.Literal.string(items[0].value)
        if len(items) == 1 and items[0].kind == "number":
            return exp.Literal.number(items[0].text)
        if len(items) == 2 and items[0].is_("-") and items[1].kind == "number":
            return exp.Neg(this=exp.Literal.number(items[1].text))
        found: exp.Expression = self.parsed(f"SELECT {spelled(items)}").expressions[0]
        return found

    def session_value(self, text: str) -> Value:
        node = self.parsed(f"SELECT {text}")
        return self.compiler().value(node.expressions[0], Scope(no_aggregates="DEFAULT"))

    def checked_default(self, column: ColumnSpec) -> None:
        self.default_sql(column)

    def default_sql(self, column: ColumnSpec) -> str:
        """A column's DEFAULT as DuckDB text."""
        return assigned(self.session_value(column.default), column.type)

    def commit_and_go_on(self) -> None:
        """Commit what was done so far and stay in a transaction (TRUNCATE)."""
        with self.catalog.committing():
            self.connection.execute("COMMIT")
        self.catalog.begin()
        self.connection.execute("BEGIN")

    # -- what COPY and UNLOAD leave in the system tables -----------------------------
    def note_file(self, name: str, rows: int, size: int, table: str) -> None:
        self.journal.loaded_file(self.query_id, name, rows, size, table)

    def note_errors(self, errors: list[Any], table: str) -> None:
        self.journal.load_errors(self.query_id, errors, table)

    def note_unload(self, files: list[tuple[str, int, int]], form: str) -> None:
        self.journal.unloaded(self.query_id, files, form)

    def loaded(self, rows: int) -> None:
        self.settings["last copy id"], self.settings["last copy count"] = str(self.query_id), str(rows)

    # -- transaction ----------------------------------------------------------------
    def begin(self) -> None:
        if not self.in_transaction:
            self.journal.flush()
            self.catalog.begin()
            self.connection.execute("BEGIN")
            self.in_transaction = True

    def commit(self) -> None:
        if self.in_transaction:
            self.in_transaction = self.failed = self.read_only = False
            self.cursors.clear()
            try:
                with self.catalog.committing():
                    self.connection.execute("COMMIT")
            except Exception as error:
                raise translated(error) from error

    def rollback(self) -> None:
        if self.in_transaction:
            self.in_transaction = self.failed = self.read_only = False
            self.cursors.clear()
            self.connection.execute("ROLLBACK")

    def interrupt(self) -> None:
        """Stop what runs now (any thread)."""
        self.interrupted = True
        with self._lock:
            if not self._closed:
                self.connection.interrupt()


def _shown(position: int, kind: SqlType) -> str:
    source = f"q.c{position}"
    if kind.name in _DISPLAYED_AS_IS:
        return f"CAST({source} AS {kind.duck}) AS c{position}"
    if kind.name == "interval":
        return f"{intervals.text(source, kind)} AS c{position}"
    if kind.name == "timetz":
        return f"CAST(timezone('UTC', {source}) AS VARCHAR) AS c{position}"
    if kind.name == "char" and kind.size > 0:
        return f"CASE WHEN {source} IS NOT NULL THEN rpad({source}, CAST(greatest({kind.size}, length({source})) AS INTEGER), ' ') END AS c{position}"
    return f"{plain_text(source, kind)} AS c{position}"
