"""What the system tables say of the past: queries, loads and their errors; written beside the statements' own transactions."""

from __future__ import annotations

import threading
from typing import Any


class Journal:
    """Has a connection of its own, so that what it writes stays when a statement is rolled back."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._number = 0
        self._write(
            "UPDATE rs_meta.query_log SET status = 'failed', error = 'The sandbox was stopped' WHERE status = 'running'",
            [],
        )
        self._write("DELETE FROM rs_meta.query_log WHERE start_time < now()::TIMESTAMP - INTERVAL 7 DAY", [])

    def _write(self, text: str, values: list[Any]) -> None:
        with self._lock:
            self._connection.execute(text, values)

    def begin(self, query_id: int, pid: int, user: str, text: str, word: str) -> int:
        """Note that a statement runs; the number is for ``end``."""
        kinds = {"select": "SELECT", "with": "SELECT", "insert": "INSERT", "update": "UPDATE", "delete": "DELETE", "copy": "COPY", "unload": "UNLOAD",
                 "create": "DDL", "alter": "DDL", "drop": "DDL", "truncate": "DDL", "merge": "MERGE"}  # fmt: skip
        with self._lock:
            self._number += 1
            number = self._number
            self._connection.execute(
                "INSERT INTO rs_meta.query_log VALUES (?, ?, ?, NULL, now()::TIMESTAMP, NULL, 'running', ?, ?, NULL, NULL, ?)",
                [query_id, pid, user, kinds.get(word, "UTILITY"), text[:4000], number],
            )
        return number

    def end(self, number: int, status: str, rows: int, error: str) -> None:
        self._write(
            "UPDATE rs_meta.query_log SET end_time = now()::TIMESTAMP, status = ?, returned_rows = ?, error = ?"
            " WHERE transaction_id = ? AND status = 'running'",
            [status, rows, error, number],
        )

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
            self._connection.close()
