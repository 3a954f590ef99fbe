"""The statements the Data API knows: their state, kept in SQLite for a day so that they outlive the caller and this process."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from core.base.sqlite import Database

_TABLE = "CREATE TABLE IF NOT EXISTS statement (id TEXT PRIMARY KEY, created REAL, document TEXT)"
FINAL = frozenset({"FINISHED", "ABORTED", "FAILED"})


@dataclass(slots=True)
class Part:
    """One SQL text of a statement and how it went; times are seconds since 1970, durations nanoseconds."""

    id: str
    sql: str
    status: str = "SUBMITTED"
    error: str = ""
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    duration: int = -1
    rows: int = -1
    size: int = -1
    query_id: int = -1
    has_result: bool = False
    columns: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def move(self, status: str) -> None:
        self.status, self.updated = status, time.time()


@dataclass(slots=True)
class Statement:
    """What Execute or BatchExecute submitted: one part, or the parts of a batch."""

    id: str
    parts: list[Part]
    is_batch: bool
    place: dict[str, str]
    """ClusterIdentifier, WorkgroupName, SecretArn, DbUser, Database as the caller gave them (absent ones left out)."""
    name: str = ""
    parameters: list[dict[str, str]] = field(default_factory=list)
    result_format: str = "JSON"
    mode: str = "TRANSACTION"
    session_id: str = ""
    client_token: str = ""
    request_digest: str = ""
    """Of the request the token came with: the same token for another request is refused."""
    status: str = "SUBMITTED"
    error: str = ""
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    duration: int = -1
    pid: int = 0

    def move(self, status: str) -> None:
        self.status, self.updated = status, time.time()

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def has_result(self) -> bool:
        return any(part.has_result for part in self.parts)


def new_statement(sqls: list[str], is_batch: bool, place: dict[str, str]) -> Statement:
    identity = str(uuid.uuid4())
    parts = [Part(f"{identity}:{n}" if is_batch else identity, sql) for n, sql in enumerate(sqls, 1)]
    return Statement(identity, parts, is_batch, place)


class StatementStore:
    """All statements of the last day, newest last; safe from any thread.

    Written when a statement is submitted and when it ends. One that was running when the process died
    reads back as ABORTED: it did not commit, or committed without anybody having been told. A damaged file is put aside.
    """

    def __init__(self, path: Path, retention: float) -> None:
        self._retention = retention
        self._lock = threading.Lock()
        self._database = Database(path, _TABLE, "The sandbox's statements cannot be kept")
        self._statements: dict[str, Statement] = {}
        with self._database.use() as database:
            documents = database.execute("SELECT document FROM statement ORDER BY created").fetchall()
        for (document,) in documents:
            statement = _from_document(orjson.loads(document))
            if not statement.is_final:
                _close(statement)
                self.save(statement)
            self._statements[statement.id] = statement

    def add(self, statement: Statement) -> None:
        with self._lock:
            self._statements[statement.id] = statement
        self.save(statement)

    def save(self, statement: Statement) -> None:
        document = orjson.dumps(statement, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()
        with self._database.use() as database:
            database.execute(
                "INSERT OR REPLACE INTO statement VALUES (?, ?, ?)", (statement.id, statement.created, document)
            )

    def get(self, identity: str) -> Statement | None:
        with self._lock:
            return self._statements.get(identity)

    def newest_first(self) -> list[Statement]:
        with self._lock:
            return sorted(self._statements.values(), key=lambda one: one.created, reverse=True)

    def expire(self) -> list[Statement]:
        """Forget ended statements older than the retention; returns them so that their results can go too."""
        oldest = time.time() - self._retention
        with self._lock:
            gone = [one for one in self._statements.values() if one.is_final and one.created < oldest]
            for statement in gone:
                del self._statements[statement.id]
        with self._database.use() as database:
            database.executemany("DELETE FROM statement WHERE id = ?", [(statement.id,) for statement in gone])
        return gone

    def close(self) -> None:
        self._database.close()


def _close(statement: Statement) -> None:
    statement.error = "The sandbox was stopped while the statement ran"
    for part in statement.parts:
        if part.status not in FINAL:
            part.move("ABORTED")
            part.error = statement.error
    statement.move("ABORTED")


def _from_document(document: dict[str, Any]) -> Statement:
    parts = [Part(**part) for part in document.pop("parts")]
    return Statement(parts=parts, **document)
