"""What the system tables say of the past: queries, loads and their errors; written beside the statements' own transactions."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

_LATEST = 0.5
"""Seconds after which a statement is written down at the latest."""
_KINDS = {
    "select": "SELECT", "with": "SELECT", "insert": "INSERT", "update": "UPDATE", "delete": "DELETE", "copy": "COPY", "unload": "UNLOAD",
    "create": "DDL", "alter": "DDL", "drop": "DDL", "truncate": "DDL", "merge": "MERGE",
}  # fmt: skip
_COLUMNS = (
    "BIGINT",
    "INTEGER",
    "VARCHAR",
    "TIMESTAMP",
    "TIMESTAMP",
    "TIMESTAMP",
    "VARCHAR",
    "VARCHAR",
    "VARCHAR",
    "BIGINT",
    "VARCHAR",
    "BIGINT",
)
_INSERT = f"INSERT INTO rs_meta.query_log SELECT {', '.join(f'unnest(?::{kind}[])' for kind in _COLUMNS)}"
"""Of a hundred rows this takes a third of the time of a list of VALUES, whose every value DuckDB binds."""


class Journal:
    """Has a connection of its own, so that what it writes stays when a statement is rolled back.

    Statements are written several at a time: before a system table is read, on closing, and half a second after the
    first that waits; two transactions for each would cost more than most statements do.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        (self._insert,) = connection.extract_statements(_INSERT)
        """Parsed once: that took a quarter of the time of writing a row."""
        self._lock = threading.RLock()
        self._number = 0
        self._waiting: dict[int, list[Any]] = {}
        """Rows of the query log that are not written yet, by number."""
        self._ends: list[list[Any]] = []
        """How statements ended that were written while they ran."""
        self._timer: threading.Timer | None = None
        self._trouble: BaseException | None = None
        self._write(
            "UPDATE rs_meta.query_log SET status = 'failed', error = 'The sandbox was stopped' WHERE status = 'running'",
            [],
        )
        self._write("DELETE FROM rs_meta.query_log WHERE start_time < now()::TIMESTAMP - INTERVAL 7 DAY", [])

    def _write(self, text: str, values: list[Any]) -> None:
        with self._lock:
            self._connection.execute(text, values)

    def begin(self, query_id: int, pid: int, user: str, text: str, word: str) -> int:
        """Note that a statement runs; the number is for ``end``. Raises duckdb.Error if notes can no longer be written."""
        with self._lock:
            if self._trouble is not None:
                self.flush()
            self._number += 1
            self._waiting[self._number] = [
                query_id, pid, user, None, _now(), None, "running", _KINDS.get(word, "UTILITY"), text[:4000], None, None, self._number,
            ]  # fmt: skip
            self._write_soon()
            return self._number

    def end(self, number: int, status: str, rows: int, error: str) -> None:
        with self._lock:
            row = self._waiting.get(number)
            if row is None:
                self._ends.append([_now(), status, rows, error, number])
            else:
                row[5], row[6], row[9], row[10] = _now(), status, rows, error
            self._write_soon()

    def _write_soon(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(_LATEST, self._in_time)
            self._timer.daemon = True
            self._timer.start()

    def _in_time(self) -> None:
        try:
            self.flush()
        except Exception as error:  # kept for the next statement, which tries again and then fails itself
            self._trouble = error

    def flush(self) -> None:
        """Write what waits. Raises duckdb.Error, and keeps it, if that fails."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            rows = list(self._waiting.values())
            if rows:
                self._connection.execute(self._insert, [list(column) for column in zip(*rows, strict=True)])
                self._waiting.clear()
            while self._ends:
                self._connection.execute(
                    "UPDATE rs_meta.query_log SET end_time = ?, status = ?, returned_rows = ?, error = ?"
                    " WHERE transaction_id = ? AND status = 'running'",
                    self._ends[0],
                )
                del self._ends[0]
            self._trouble = None

    def loaded_file(self, query: int, name: str, rows: int, size: int, table: str) -> None:
        self._write(
            "INSERT INTO rs_meta.load_files VALUES (?, ?, ?, now()::TIMESTAMP, ?, ?)", [query, name, rows, table, size]
        )

    def load_errors(self, query: int, errors: list[Any], table: str) -> None:
        for one in errors:
            code = (
                1204
                if "too long" in one.reason
                else 1207
                if "digit" in one.reason
                else 1202
                if "Extra" in one.reason
                else 1213
                if "NULL" in one.reason
                else 1299
            )
            self._write(
                "INSERT INTO rs_meta.load_errors VALUES (?, now()::TIMESTAMP, ?, ?, ?, '', '', 0, ?, ?, ?, ?, 0, ?)",
                [query, one.file, one.line, one.column, one.raw, one.value, code, one.reason, table],
            )

    def unloaded(self, query: int, files: list[tuple[str, int, int]], form: str) -> None:
        for path, rows, size in files:
            self._write(
                "INSERT INTO rs_meta.unload_files VALUES (?, ?, ?, ?, ?, now()::TIMESTAMP)",
                [query, path, rows, size, form],
            )

    def forget_session(self, pid: int) -> None:
        """The temporary tables of a closed session."""
        for table in ("tables", "columns"):
            self._write(f"DELETE FROM rs_meta.{table} WHERE schema_name = ?", [f"pg_temp_{pid}"])

    def close(self) -> None:
        with self._lock:
            self.flush()
            self._connection.close()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
