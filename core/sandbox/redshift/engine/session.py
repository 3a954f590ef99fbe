"""One connection to the warehouse: runs a statement, keeps the transaction, stops when told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from core.sandbox.redshift.engine.outcome import Column, Outcome, SqlError
from core.sandbox.redshift.engine.storage import Storage
from core.sandbox.redshift.engine.text import tokens
from core.sandbox.redshift.engine.types import from_duck


class EngineSession:
    def __init__(self, connection: Any, storage: Storage, user: str, pid: int) -> None:
        self.connection, self.storage, self.user, self.pid = connection, storage, user, pid
        self.wrote = False
        self._in_transaction = False
        self._closed = False
        self._lock = threading.Lock()

    def run(self, sql: str, parameters: dict[str, str], query_id: int = 0) -> Outcome:
        import sqlglot

        try:
            for name, value in parameters.items():
                sql = sql.replace(f":{name}", "'" + value.replace("'", "''") + "'")
            text = sqlglot.transpile(sql, read="redshift", write="duckdb")[0]
            if tokens(sql)[0].value not in ("select", "with", "values", "show", "explain"):
                rows = self.connection.execute(text).fetchall()
                self.wrote = True
                return Outcome(affected=rows[0][0] if rows and isinstance(rows[0][0], int) else -1)
            relation = self.connection.sql(text)
        except Exception as error:
            raise SqlError(str(error)) from error
        columns = [
            Column(name, from_duck(str(kind))) for name, kind in zip(relation.columns, relation.types, strict=True)
        ]
        shown = relation.project(", ".join(_shown(n, column) for n, column in enumerate(columns, 1)))
        try:
            reader = shown.to_arrow_reader(100_000)
        except Exception as error:
            raise SqlError(str(error)) from error

        def produce() -> Iterator[Any]:
            try:
                yield from reader
            except Exception as error:
                raise SqlError(str(error)) from error

        return Outcome(columns, reader.schema, produce)

    def begin(self) -> None:
        if not self._in_transaction:
            self.connection.execute("BEGIN")
            self._in_transaction = True

    def commit(self) -> None:
        if self._in_transaction:
            self._in_transaction = False
            self.connection.execute("COMMIT")

    def rollback(self) -> None:
        if self._in_transaction:
            self._in_transaction = False
            self.connection.execute("ROLLBACK")

    def interrupt(self) -> None:
        """Stop what runs now (any thread)."""
        with self._lock:
            if not self._closed:
                self.connection.interrupt()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self.connection.close()


_KEPT = ("int2", "int4", "int8", "float4", "float8", "bool", "varbyte")


def _shown(position: int, column: Column) -> str:
    return (
        f"#{position} AS c{position}" if column.type.name in _KEPT else f"CAST(#{position} AS VARCHAR) AS c{position}"
    )
