"""The jobs of the past, kept in SQLite so that "what happened last night" has an answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from core.base.errors import OpsError
from core.base.journal import redact
from core.base.sqlite import Database
from core.jobs.job import Job

_KEEP_DAYS = 90
_TABLE = "CREATE TABLE IF NOT EXISTS job (title TEXT, room TEXT, state TEXT, created TEXT, seconds REAL, note TEXT, error TEXT)"


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
    """Writes every ended job (not the quiet ones) to ``jobs.sqlite``; entries older than 90 days go."""

    def __init__(self, path: Path) -> None:
        # Not patient for long: a job that is cancelled before it began ends on the window's thread.
        self._database = Database(path, _TABLE, "The history of jobs cannot be used", patience=1.0)

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
        try:
            with self._database.use() as database:
                database.execute("INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                database.execute("DELETE FROM job WHERE created < ?", (oldest,))
        except OpsError as trouble:  # the job itself went as it went
            logging.getLogger(__name__).warning("%s is not in the history: %s", job.title, trouble)

    def recent(self, limit: int = 200) -> list[PastJob]:
        """The newest jobs, newest first."""
        with self._database.use() as database:
            rows = database.execute("SELECT * FROM job ORDER BY created DESC LIMIT ?", (limit,)).fetchall()
        return [
            PastJob(title, room, state, datetime.fromisoformat(created), seconds, note, error)
            for title, room, state, created, seconds, note, error in rows
        ]

    def close(self) -> None:
        self._database.close()
