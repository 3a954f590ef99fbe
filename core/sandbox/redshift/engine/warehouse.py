"""The warehouse itself: one DuckDB file, locked against the file system, and sessions on it."""

from __future__ import annotations

import hashlib
import threading
import weakref
from pathlib import Path
from typing import Any

from core.sandbox.redshift.engine.declarations import Shared
from core.sandbox.redshift.engine.journal import Journal
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.session import EngineSession
from core.sandbox.redshift.engine.settings import DATABASE
from core.sandbox.redshift.engine.storage import Storage
from core.sandbox.redshift.engine.udf.register import register_functions

_HERE = Path(__file__).parent


class Warehouse:
    """Opens ``folder/dev.duckdb``. DuckDB's write-ahead log makes a killed process lose nothing committed.

    User SQL never reaches DuckDB untranslated, and DuckDB itself may touch no file but its own.
    """

    def __init__(self, folder: Path, s3_endpoint: str) -> None:
        import duckdb

        folder.mkdir(parents=True, exist_ok=True)
        spill = folder / "spill"
        self._root: Any = duckdb.connect(
            str(folder / f"{DATABASE}.duckdb"),
            config={
                "enable_external_access": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "temp_directory": str(spill),
                "default_null_order": "nulls_last_on_asc_first_on_desc",
                "integer_division": "true",
                "memory_limit": "2GB",
                "threads": "2",
            },
        )
        self.storage = Storage(s3_endpoint)
        self._lock = threading.Lock()
        self._sessions = 0
        self._open: weakref.WeakValueDictionary[int, EngineSession] = weakref.WeakValueDictionary()
        """The sessions that are open, by process id: CANCEL finds them here."""
        self._shared = Shared()
        register_functions(self._root)
        self._define()
        self._root.execute("SET GLOBAL TimeZone = 'UTC'")
        self._root.execute("SET enable_progress_bar = false")
        self._root.execute("SET lock_configuration = true")
        self._journal = Journal(self._root.cursor())
        self._shared.note_views(
            self._root.execute(
                "SELECT table_name, kind, definition FROM rs_meta.tables WHERE kind IN ('view', 'late')"
            ).fetchall()
        )

    def _define(self) -> None:
        """Schemas each time; macros and system views only when they are not those of this version."""
        self._root.execute((_HERE / "bootstrap.sql").read_text(encoding="utf-8"))
        self._upgrade()
        scripts = [
            (_HERE / name).read_text(encoding="utf-8")
            for name in ("udf/macros.sql", "system_views.sql", "tool_views.sql")
        ]
        version = hashlib.sha256("".join(scripts).encode()).hexdigest()
        if self._root.execute("SELECT version FROM rs_meta.definitions").fetchall() == [(version,)]:
            return
        self._root.execute("BEGIN")  # a commit for each of some hundred definitions took a third of the time
        for script in scripts:
            self._root.execute(script)
        self._root.execute("DELETE FROM rs_meta.definitions")
        self._root.execute("INSERT INTO rs_meta.definitions VALUES (?)", [version])
        self._root.execute("COMMIT")

    def _upgrade(self) -> None:
        """Earlier versions knew primary keys only, as a mark at each column."""
        if not self._root.execute(
            "SELECT 1 FROM duckdb_columns() WHERE schema_name = 'rs_meta' AND table_name = 'columns' AND column_name = 'primary_key'"
        ).fetchall():
            return
        self._root.execute(
            "BEGIN; INSERT INTO rs_meta.constraints SELECT schema_name, table_name, 1, table_name || '_pkey', 'p',"
            " list(column_name ORDER BY position), '', '', [] FROM rs_meta.columns WHERE primary_key GROUP BY ALL;"
            " ALTER TABLE rs_meta.columns DROP COLUMN primary_key; DELETE FROM rs_meta.definitions; COMMIT"
        )

    def session(self, database: str, user: str) -> EngineSession:
        """A connection of its own: temporary tables, settings and a transaction. Raises SqlError for another database."""
        if database and database.lower() != DATABASE:
            raise SqlError(f'FATAL: database "{database}" does not exist')
        with self._lock:
            self._sessions += 1
            pid = 1_073_741_824 + self._sessions
        cursor = self._root.cursor()
        cursor.execute("USE dev.public")
        session = EngineSession(cursor, self.storage, self._journal, user or "awsuser", pid)
        session.peer = self._open.get
        session.catalog.shared = self._shared
        self._open[pid] = session
        return session

    def close(self) -> None:
        self._journal.close()
        self._shared.parsed.clear()
        self._root.close()
