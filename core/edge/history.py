"""The checks of the past, in SQLite: was it better yesterday?"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from core.base.sqlite import Database
from core.edge.findings import Check, Finding, Hop

_KEPT = 500
_TABLE = (
    "CREATE TABLE IF NOT EXISTS checks (number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT, url TEXT, worst TEXT,"
    " errors INTEGER, warnings INTEGER, content TEXT)"
)


@dataclass(frozen=True, slots=True)
class PastCheck:
    number: int
    at: datetime
    url: str
    worst: str
    errors: int
    warnings: int


class CheckHistory:
    """Safe from any thread."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _TABLE, "The history of checks cannot be used")

    def close(self) -> None:
        self._database.close()

    def add(self, check: Check, at: datetime) -> None:
        counts = [sum(finding.severity == severity for finding in check.findings) for severity in ("error", "warning")]
        with self._database.use() as database:
            database.execute(
                "INSERT INTO checks (at, url, worst, errors, warnings, content) VALUES (?, ?, ?, ?, ?, ?)",
                (at.isoformat(), check.url, check.worst, *counts, json.dumps(asdict(check))),
            )
            database.execute("DELETE FROM checks WHERE number <= (SELECT max(number) FROM checks) - ?", (_KEPT,))

    def recent(self, limit: int = 50) -> list[PastCheck]:
        """Newest first."""
        with self._database.use() as database:
            rows = database.execute(
                "SELECT number, at, url, worst, errors, warnings FROM checks ORDER BY number DESC LIMIT ?", (limit,)
            ).fetchall()
        return [
            PastCheck(number, datetime.fromisoformat(at), url, worst, errors, warnings)
            for number, at, url, worst, errors, warnings in rows
        ]

    def get(self, number: int) -> Check | None:
        with self._database.use() as database:
            row = database.execute("SELECT content FROM checks WHERE number = ?", (number,)).fetchone()
        if row is None:
            return None
        content = json.loads(row[0])
        return Check(
            content["url"],
            tuple(Hop(**hop) for hop in content["hops"]),
            tuple(Finding(**item) for item in content["findings"]),
            content["blocked_at"],
        )
