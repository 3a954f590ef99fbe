"""SQLite files of our own, opened and asked in one way."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.base.errors import OpsError
from core.base.files import set_aside

_REMEDIES = {
    sqlite3.SQLITE_FULL: "Free some space on the disk",
    sqlite3.SQLITE_IOERR: "Free some space on the disk, or look at the disk itself",
    sqlite3.SQLITE_BUSY: "Another Opsdesk holds the file; try again, or end that one",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "Make the file and its folder readable and writable, or free some space",
    sqlite3.SQLITE_NOTADB: "The file is damaged: put it back from a backup, or move it aside",
    sqlite3.SQLITE_CORRUPT: "The file is damaged: put it back from a backup, or move it aside",
}
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class Database:
    """A file that is opened when it is first asked, with WAL, so that windows and verbs share it. Safe from any thread."""

    def __init__(
        self,
        path: Path,
        schema: str,
        title: str,
        *,
        code: str = "disk",
        put_aside: bool = True,
        patience: float = 30.0,
    ) -> None:
        """``title`` says what cannot be used when it fails. ``put_aside``: a damaged file is renamed and begun anew; one
        that is only locked, unreadable or on a full disk never is. ``patience``: seconds that another program may hold it."""
        self.path, self._schema, self._title, self._code = path, schema, title, code
        self._put_aside, self._patience = put_aside, patience
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self.aside: Path | None = None
        """Where a damaged file went."""

    @contextmanager
    def use(self, title: str = "") -> Iterator[sqlite3.Connection]:
        """The connection, in autocommit, for one thread at a time. Raises OpsError where SQLite refuses."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._opened()
                yield self._connection
            except sqlite3.Error as error:
                number = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extended part
                remedy = _REMEDIES.get(number, "Copy the details and report it")
                raise OpsError(
                    title or self._title, str(error), remedy, details={"file": str(self.path)}, code=self._code
                ) from error

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __del__(self) -> None:
        self.close()  # a job that outlived its profile has opened it again

    def _opened(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from error
        try:
            return self._connected()
        except sqlite3.DatabaseError as error:
            if not self._put_aside or getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                raise
        self.aside = set_aside(self.path)
        return self._connected()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=self._patience, check_same_thread=False, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(self._schema)
        except BaseException:
            connection.close()
            raise
        return connection
