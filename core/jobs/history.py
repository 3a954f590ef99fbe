"""The jobs of the past, kept in SQLite so that "what happened last night" has an answer."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from core.base.errors import OpsError
from core.base.journal import redact
from core.jobs.job import Job

_KEEP_DAYS = 90


@dataclass(frozen=True, slots=True)
class PastJob:
    title: str
    room: str
    state: str
    created: datetime
    seconds: float
    note: str
    error: str


class JobHistory:
    """Writes every ended job (not the quiet ones) to ``jobs.sqlite``; entries older than 90 days go.

    A file that is not a database is replaced: a history is not worth refusing to start.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._database = self._open(path)
        except sqlite3.DatabaseError:
            path.replace(path.with_suffix(".broken"))
            self._database = self._open(path)

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(
            "CREATE TABLE IF NOT EXISTS job (title TEXT, room TEXT, state TEXT, created TEXT, seconds REAL, note TEXT, error TEXT)"
        )
        return database

    def heard(self, job: Job[Any]) -> None:
        """A JobRunner observer."""
        if not job.state.is_final:
            return
        error = job.error
        text = str(error) if isinstance(error, OpsError) else f"{type(error).__name__}: {error}" if error else ""
        row = (
            job.title,
            job.room,
            job.state.value,
            job.created.isoformat(),
            job.seconds or 0.0,
            job.progress.note if job.progress else "",
            redact(text),
        )
        oldest = (job.created - timedelta(days=_KEEP_DAYS)).isoformat()
        with self._lock:
            self._database.execute("INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            self._database.execute("DELETE FROM job WHERE created < ?", (oldest,))

    def recent(self, limit: int = 200) -> list[PastJob]:
        """The newest jobs, newest first."""
        with self._lock:
            rows = self._database.execute("SELECT * FROM job ORDER BY created DESC LIMIT ?", (limit,)).fetchall()
        return [
            PastJob(title, room, state, datetime.fromisoformat(created), seconds, note, error)
            for title, room, state, created, seconds, note, error in rows
        ]

    def close(self) -> None:
        with self._lock:
            self._database.close()
