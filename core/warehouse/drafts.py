"""What stands in the SQL editor, kept on this computer while it is typed, and what was closed there, for opening it again.

Each window has files of its own. It holds a lock as long as it lives, and the system lets go of it however that ends: the open
files of a window that is gone are taken up by the next one of the same profile.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from core.base.locks import take
from core.base.sqlite import Database
from core.warehouse.sqlfile import OnDisk

CLOSED_KEPT = 50
"""Closed files a profile keeps, the newest."""
_CLOSED_LENGTH = 20_000_000  # characters of them
_TABLE = """
CREATE TABLE IF NOT EXISTS draft (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, profile TEXT, window TEXT, title TEXT, text TEXT, path TEXT, disk TEXT,
    closed TEXT);
"""
_PRUNE = """
DELETE FROM draft WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER newest AS place, sum(length(text)) OVER newest AS length
        FROM draft WHERE profile = ? AND closed IS NOT NULL WINDOW newest AS (ORDER BY closed DESC, number DESC))
    WHERE place > ? OR length > ?)
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """id: stays the same while the file is known, closed or open. path: on disk, "" for one that was never saved; ``disk`` says
    how it stood there. closed: when, None while it is open."""

    id: str
    title: str
    text: str
    path: str = ""
    disk: OnDisk | None = None
    closed: datetime | None = None

    @property
    def empty(self) -> bool:
        return not self.text.strip() and not self.path


class Drafts:
    """The files of one window and the closed ones of its profile. Safe from any thread; every method raises OpsError where they
    cannot be kept."""

    def __init__(self, state: Path, profile: str) -> None:
        self.path = state / "sql-drafts.sqlite"
        self._locks = state / "sql-drafts"
        self._profile = profile
        self._database = Database(self.path, _TABLE, "What stands in the SQL editor cannot be kept", patience=3.0)
        self._window = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._held: IO[str] | None = None
        self._gone = self._left = False

    def begin(self) -> list[Draft]:
        """The open files of this window, those of windows that are gone among them; in the order they came."""
        with self._changing() as database:  # two windows that begin at once do so one after the other
            alive = self._alive()
            marks = ", ".join("?" * len(alive))
            database.execute(
                f"UPDATE draft SET window = ? WHERE profile = ? AND closed IS NULL AND window NOT IN ({marks})",
                (self._window, self._profile, *alive),
            )
            return self._found("window = ? AND closed IS NULL ORDER BY number", self._window)

    def keep(self, drafts: Iterable[Draft]) -> None:
        """These are open in this window, and stand like this now; an empty one is forgotten."""
        with self._changing() as database:
            for draft in () if self._left else drafts:
                self._write(database, draft, None)

    def close_file(self, draft: Draft) -> None:
        """It was closed as it stands here, and can be opened again."""
        with self._changing() as database:
            self._write(database, draft, datetime.now(UTC))
            database.execute(_PRUNE, (self._profile, CLOSED_KEPT, _CLOSED_LENGTH))

    def leave(self, opened: Iterable[Draft], closed: Iterable[Draft]) -> None:
        """The window goes, with these as they stand. Whatever is still on its way to ``keep`` is older and not taken; the open
        files are there for the next window."""
        with self._changing() as database:
            self._left = True
            for draft in opened:
                self._write(database, draft, None)
            for draft in closed:
                self._write(database, draft, datetime.now(UTC))
        self.close()

    def closed(self) -> list[Draft]:
        """What can be opened again, the newest first."""
        return self._found("closed IS NOT NULL ORDER BY closed DESC, number DESC")

    def reopen(self, identity: str = "") -> Draft | None:
        """A closed file, or the one closed last, is open in this window again. None: there is none, or another window has it."""
        with self._changing() as database:
            chosen = "id = ?" if identity else "id <> ?"
            row = database.execute(
                "UPDATE draft SET closed = NULL, window = ? WHERE id = (SELECT id FROM draft WHERE profile = ? AND closed"
                f" IS NOT NULL AND {chosen} ORDER BY closed DESC, number DESC LIMIT 1) RETURNING *",
                (self._window, self._profile, identity),
            ).fetchall()
        return _draft(row[0]) if row else None

    def forget(self, identity: str) -> None:
        """A closed file goes for good."""
        with self._database.use() as database:
            database.execute("DELETE FROM draft WHERE id = ? AND closed IS NOT NULL", (identity,))

    def close(self) -> None:
        """The window is gone: its open files are there for the next."""
        with self._lock:
            self._gone = True  # what a job still writes is for the next window as well
            held, self._held = self._held, None
        if held is not None:
            held.close()
            Path(held.name).unlink(missing_ok=True)
        self._database.close()

    def __del__(self) -> None:
        self.close()  # a job that outlived its profile has opened it again

    def _write(self, database: sqlite3.Connection, draft: Draft, closed: datetime | None) -> None:
        if draft.empty:
            database.execute("DELETE FROM draft WHERE id = ?", (draft.id,))
            return
        disk = json.dumps(draft.disk.document()) if draft.disk else ""
        database.execute(
            "INSERT INTO draft (id, profile, window, title, text, path, disk, closed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET title = excluded.title, text = excluded.text, path = excluded.path,"
            " disk = excluded.disk, closed = excluded.closed",
            (draft.id, self._profile, self._window, draft.title, draft.text, draft.path, disk, closed and closed.isoformat()),
        )  # fmt: skip

    def _found(self, which: str, *values: str) -> list[Draft]:
        with self._database.use() as database:
            rows = database.execute(f"SELECT * FROM draft WHERE profile = ? AND {which}", (self._profile, *values))
            return [_draft(row) for row in rows.fetchall()]

    # -- whose files they are ----------------------------------------------------------
    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, of a window that is known to live: nobody takes its files up."""
        with self._database.use() as database:
            self._claim()
            with database:
                database.execute("BEGIN IMMEDIATE")
                yield database

    def _claim(self) -> None:
        with self._lock:
            if self._held is not None or self._gone:
                return
            try:
                self._locks.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._held = (self._locks / f"{self._window}.lock").open("w", encoding="utf-8")
                take(self._held)
                self._held.write("held")  # from here on whoever can take it knows that we are gone
                self._held.flush()
            except OSError as error:
                raise sqlite3.OperationalError(str(error)) from error

    def _alive(self) -> list[str]:
        """The windows that hold their lock, of any profile; what the others left of it goes."""
        found = [self._window]
        for path in self._locks.glob("*.lock"):
            if path.stem == self._window:
                continue
            try:
                with path.open("r+", encoding="utf-8") as file:
                    dead = take(file) and bool(file.read())  # what is empty is being claimed just now
            except OSError:  # gone by now
                continue
            if dead:
                path.unlink(missing_ok=True)
            else:
                found.append(path.stem)
        return found


def _draft(row: Any) -> Draft:
    disk = OnDisk.from_document(json.loads(row["disk"])) if row["disk"] else None
    closed = datetime.fromisoformat(row["closed"]) if row["closed"] else None
    return Draft(row["id"], row["title"], row["text"], row["path"], disk, closed)
