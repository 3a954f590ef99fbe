"""Every statement that was run, with how it went, and the statements worth keeping: one SQLite file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.base.journal import redact
from core.base.sqlite import Database

_KEEP_DAYS = 365
_TABLES = """
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, profile TEXT, connection TEXT, database TEXT, sql TEXT, statement TEXT,
    started TEXT, seconds REAL, state TEXT, rows INTEGER, error TEXT);
CREATE INDEX IF NOT EXISTS run_started ON run (started);
CREATE TABLE IF NOT EXISTS saved (profile TEXT, name TEXT, sql TEXT, changed TEXT, PRIMARY KEY (profile, name));
"""


@dataclass(frozen=True, slots=True)
class PastRun:
    """rows: returned or affected, -1 unknown. state: submitted | running | finished | failed | cancelled | left
    (the window closed while the statement went on). statement: the server's id."""

    id: int
    connection: str
    database: str
    sql: str
    statement: str
    started: datetime
    seconds: float
    state: str
    rows: int
    error: str


@dataclass(frozen=True, slots=True)
class SavedQuery:
    name: str
    sql: str
    changed: datetime


class History:
    """Safe from any thread; every method raises OpsError where the file cannot be used. Passwords and keys are taken out of the
    SQL before it is kept."""

    def __init__(self, path: Path, profile: str) -> None:
        self._profile = profile
        self._database = Database(path, _TABLES, "The history of statements cannot be used")

    def begin(self, connection: str, database: str, sql: str, started: datetime) -> int:
        """Note a statement about to be sent; return its number."""
        oldest = (started - timedelta(days=_KEEP_DAYS)).isoformat()
        row = (self._profile, connection, database, redact(sql), "", started.isoformat(), 0.0, "submitted", -1, "")
        with self._database.use() as kept:
            kept.execute("DELETE FROM run WHERE started < ?", (oldest,))
            cursor = kept.execute(
                "INSERT INTO run (profile, connection, database, sql, statement, started, seconds, state, rows, error)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            return int(cursor.lastrowid or 0)

    def sent(self, number: int, statement: str) -> None:
        """The server took it under this id: from now on it can be attached to."""
        self._set("UPDATE run SET statement = ?, state = 'running' WHERE id = ?", (statement, number))

    def end(self, number: int, state: str, seconds: float, rows: int, error: str = "") -> None:
        self._set(
            "UPDATE run SET state = ?, seconds = ?, rows = ?, error = ? WHERE id = ?",
            (state, seconds, rows, redact(error), number),
        )

    def search(self, words: str = "", *, connection: str = "", limit: int = 500) -> list[PastRun]:
        """The newest runs whose SQL or error holds every word, newest first."""
        where, values = ["profile = ?"], [self._profile]
        if connection:
            where.append("connection = ?")
            values.append(connection)
        for word in words.split():
            where.append("(sql LIKE ? ESCAPE '\\' OR error LIKE ? ESCAPE '\\')")
            values += [f"%{_escaped(word)}%"] * 2
        return self._runs(f"WHERE {' AND '.join(where)} ORDER BY started DESC, id DESC LIMIT {int(limit)}", values)

    def by_statement(self, statement: str) -> PastRun | None:
        found = self._runs("WHERE statement = ? ORDER BY id DESC LIMIT 1", (statement,))
        return found[0] if found else None

    def unfinished(self) -> list[PastRun]:
        """Runs of the last 24 hours whose end was not seen: the Data API still has them."""
        since = (datetime.now(UTC) - timedelta(hours=24)).isoformat()
        return self._runs(
            "WHERE profile = ? AND state IN ('running', 'left') AND statement <> '' AND started >= ? ORDER BY started DESC",
            (self._profile, since),
        )

    # -- saved queries -------------------------------------------------------
    def save(self, name: str, sql: str) -> None:
        now = datetime.now(UTC).isoformat()
        self._set("INSERT OR REPLACE INTO saved VALUES (?, ?, ?, ?)", (self._profile, name, sql, now))

    def saved(self) -> list[SavedQuery]:
        with self._database.use() as database:
            rows = database.execute(
                "SELECT name, sql, changed FROM saved WHERE profile = ? ORDER BY name COLLATE NOCASE", (self._profile,)
            ).fetchall()
        return [SavedQuery(name, sql, datetime.fromisoformat(changed)) for name, sql, changed in rows]

    def forget(self, name: str) -> None:
        self._set("DELETE FROM saved WHERE profile = ? AND name = ?", (self._profile, name))

    def close(self) -> None:
        self._database.close()

    def _set(self, sql: str, values: Sequence[object]) -> None:
        with self._database.use() as database:
            database.execute(sql, values)

    def _runs(self, rest: str, values: Sequence[object]) -> list[PastRun]:
        with self._database.use() as database:
            rows = database.execute(
                f"SELECT id, connection, database, sql, statement, started, seconds, state, rows, error FROM run {rest}",
                values,
            ).fetchall()
        return [
            PastRun(number, connection, name, sql, statement, datetime.fromisoformat(started), *others)
            for number, connection, name, sql, statement, started, *others in rows
        ]


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
