"""What this computer remembers of its backups: runs, verifications, checks and alerts, in SQLite."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from core.backups.outcomes import Check, Delivery, Finding, Outcome, Run, Severity, Verification
from core.base.files import write_atomic
from core.base.sqlite import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
    plan TEXT NOT NULL, id TEXT NOT NULL, started TEXT NOT NULL, ended TEXT, outcome TEXT NOT NULL,
    key TEXT NOT NULL DEFAULT '', plain_bytes INTEGER NOT NULL DEFAULT 0, stored_bytes INTEGER NOT NULL DEFAULT 0,
    row_count INTEGER, error TEXT NOT NULL DEFAULT '', findings TEXT NOT NULL DEFAULT '[]',
    bucket TEXT NOT NULL DEFAULT '', upload_id TEXT NOT NULL DEFAULT '', manifest TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (plan, id));
CREATE TABLE IF NOT EXISTS verification (
    id INTEGER PRIMARY KEY, plan TEXT NOT NULL, run TEXT NOT NULL, started TEXT NOT NULL, ended TEXT,
    outcome TEXT NOT NULL, level INTEGER NOT NULL, rto REAL, rpo REAL, error TEXT NOT NULL DEFAULT '', checks TEXT NOT NULL DEFAULT '[]');
CREATE INDEX IF NOT EXISTS verification_of ON verification (plan, started);
CREATE TABLE IF NOT EXISTS delivery (
    plan TEXT NOT NULL, channel TEXT NOT NULL, receiver TEXT NOT NULL, ok INTEGER NOT NULL, sent TEXT NOT NULL,
    subject TEXT NOT NULL, error TEXT NOT NULL, rule TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS heard (
    plan TEXT NOT NULL, rule TEXT NOT NULL, cause TEXT NOT NULL, channel TEXT NOT NULL, receiver TEXT NOT NULL,
    first TEXT NOT NULL, last TEXT NOT NULL, PRIMARY KEY (plan, rule, cause, channel, receiver));
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
PRAGMA user_version = 1;
"""

_REFUTES = (
    f"(w.outcome = '{Outcome.FAILED.value}'"
    " AND EXISTS (SELECT 1 FROM json_each(w.checks) WHERE json_extract(value, '$.ok') = 0))"
)
"""As ``Verification.refutes`` says it, of a row w."""


class Ledger:
    """One SQLite file (WAL, so that a timer's run and the window can use it together). Safe from any thread."""

    def __init__(self, path: Path) -> None:
        title = "The ledger of backups cannot be used; the backups themselves are untouched"
        self._database = Database(path, _SCHEMA, title, put_aside=False)  # it is evidence: its owner decides

    def close(self) -> None:
        self._database.close()

    # -- runs ---------------------------------------------------------------
    def begin_run(self, run: Run, bucket: str) -> None:
        with self._database.use() as database:
            database.execute(
                "INSERT INTO run (plan, id, started, outcome, key, bucket) VALUES (?, ?, ?, ?, ?, ?)",
                (run.plan, run.id, _text(run.started), run.outcome.value, run.key, bucket),
            )

    def note_upload(self, plan: str, run: str, *, key: str, upload_id: str, manifest: str = "") -> None:
        """Remember what a crash would leave behind: the open upload, and the manifest once the data were proved whole."""
        with self._database.use() as database:
            database.execute(
                "UPDATE run SET key = ?, upload_id = ?, manifest = ? WHERE plan = ? AND id = ?",
                (key, upload_id, manifest, plan, run),
            )

    def keep_list(self, plan: str, run: str, content: bytes) -> None:
        """Keep the list of files that is about to be published, until the run has ended."""
        write_atomic(self._list_of(plan, run), content)

    def kept_list(self, plan: str, run: str) -> bytes | None:
        path = self._list_of(plan, run)
        return path.read_bytes() if path.exists() else None

    def _list_of(self, plan: str, run: str) -> Path:
        return self._database.path.parent / "unpublished" / f"{plan}-{run}.zst"

    def end_run(self, run: Run, *, to_publish: str = "") -> None:
        """``to_publish``: the key of an object that lacks its manifest alone, which the next run is to write."""
        if not to_publish:
            self._list_of(run.plan, run.id).unlink(missing_ok=True)
        with self._database.use() as database:
            database.execute(
                "UPDATE run SET ended = ?, outcome = ?, key = ?, plain_bytes = ?, stored_bytes = ?, row_count = ?, error = ?,"
                " findings = ?, upload_id = '', manifest = CASE ? WHEN '' THEN '' ELSE manifest END WHERE plan = ? AND id = ?",
                (
                    _text(run.ended),
                    run.outcome.value,
                    to_publish or run.key,
                    run.plain_bytes,
                    run.stored_bytes,
                    run.rows,
                    run.error,
                    json.dumps([{**asdict(finding), "severity": finding.severity.value} for finding in run.findings]),
                    to_publish,
                    run.plan,
                    run.id,
                ),
            )

    def runs(self, plan: str, limit: int = 100) -> list[Run]:
        with self._database.use() as database:
            rows = database.execute(
                "SELECT * FROM run WHERE plan = ? ORDER BY started DESC, id DESC LIMIT ?", (plan, limit)
            ).fetchall()
        return [_run(row) for row in rows]

    def last_done(self, plan: str, before: datetime) -> Run | None:
        """The newest that succeeded and began before that: a clock that was wrong may have left later ones."""
        with self._database.use() as database:
            row = database.execute(
                "SELECT * FROM run WHERE plan = ? AND outcome = ? AND started <= ? ORDER BY started DESC LIMIT 1",
                (plan, Outcome.DONE.value, _text(before)),
            ).fetchone()
        return _run(row) if row else None

    def unfinished(self, plan: str) -> list[tuple[Run, str, str, str]]:
        """Runs that never ended (their process died), or could not write their manifest: (run, bucket, upload id, manifest text)."""
        with self._database.use() as database:
            rows = database.execute(
                "SELECT * FROM run WHERE plan = ? AND (outcome = ? OR manifest <> '')", (plan, Outcome.RUNNING.value)
            ).fetchall()
        return [(_run(row), row["bucket"], row["upload_id"], row["manifest"]) for row in rows]

    def has_run(self, plan: str, run: str) -> bool:
        with self._database.use() as database:
            return database.execute("SELECT 1 FROM run WHERE plan = ? AND id = ?", (plan, run)).fetchone() is not None

    # -- verifications --------------------------------------------------------
    def begin_verification(self, verification: Verification) -> int:
        """Store it as running; return its number."""
        with self._database.use() as database:
            cursor = database.execute(
                "INSERT INTO verification (plan, run, started, outcome, level) VALUES (?, ?, ?, ?, ?)",
                (
                    verification.plan,
                    verification.run,
                    _text(verification.started),
                    verification.outcome.value,
                    verification.level,
                ),
            )
            return int(cursor.lastrowid or 0)

    def end_verification(self, verification: Verification) -> None:
        with self._database.use() as database:
            database.execute(
                "UPDATE verification SET run = ?, ended = ?, outcome = ?, level = ?, rto = ?, rpo = ?, error = ?, checks = ? WHERE id = ?",
                (
                    verification.run,
                    _text(verification.ended),
                    verification.outcome.value,
                    verification.level,
                    verification.rto_seconds,
                    verification.rpo_seconds,
                    verification.error,
                    json.dumps([asdict(check) for check in verification.checks]),
                    verification.id,
                ),
            )

    def end_dead_verifications(self, plan: str, now: datetime) -> None:
        """Those that never ended: their process died. The caller holds the lock, so none of them lives."""
        with self._database.use() as database:
            database.execute(
                "UPDATE verification SET outcome = ?, ended = ?, error = ? WHERE plan = ? AND outcome = ?",
                (
                    Outcome.CANCELLED.value,
                    _text(now),
                    "The program was ended before the verification was done",
                    plan,
                    Outcome.RUNNING.value,
                ),
            )

    def verifications(self, plan: str, limit: int = 100) -> list[Verification]:
        """Newest first."""
        with self._database.use() as database:
            rows = database.execute(
                "SELECT * FROM verification WHERE plan = ? ORDER BY id DESC LIMIT ?", (plan, limit)
            ).fetchall()
        return [_verification(row) for row in rows]

    def proofs(self, plan: str) -> dict[str, datetime]:
        """Run id -> when it was last proved (restored well, level 3 or more); not where it has failed since."""
        with self._database.use() as database:
            rows = database.execute(
                "SELECT run, MAX(started) AS proved FROM verification v"
                " WHERE plan = ? AND outcome = ? AND level >= 3 AND NOT EXISTS (SELECT 1 FROM verification w"
                f" WHERE w.plan = v.plan AND w.run = v.run AND {_REFUTES} AND w.id > v.id) GROUP BY run",
                (plan, Outcome.DONE.value),
            ).fetchall()
        return {row["run"]: datetime.fromisoformat(row["proved"]) for row in rows}

    def failures(self, plan: str) -> dict[str, datetime]:
        """Run id -> when it failed, of those whose newest judged verification did."""
        with self._database.use() as database:
            rows = database.execute(
                "SELECT run, MAX(id), started, outcome FROM verification w"
                f" WHERE plan = ? AND (outcome = ? OR {_REFUTES}) GROUP BY run",
                (plan, Outcome.DONE.value),
            ).fetchall()  # SQLite takes the other columns from the row of the maximum
        return {
            row["run"]: datetime.fromisoformat(row["started"]) for row in rows if row["outcome"] == Outcome.FAILED.value
        }

    def verification(self, number: int) -> Verification | None:
        with self._database.use() as database:
            row = database.execute("SELECT * FROM verification WHERE id = ?", (number,)).fetchone()
        return _verification(row) if row else None

    # -- alerts ---------------------------------------------------------------
    def note_delivery(self, plan: str, rule: str, delivery: Delivery) -> None:
        with self._database.use() as database:
            database.execute(
                "INSERT INTO delivery VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    plan,
                    delivery.channel,
                    delivery.to,
                    delivery.ok,
                    _text(delivery.sent),
                    delivery.subject,
                    delivery.error,
                    rule,
                ),
            )

    def deliveries(self, limit: int = 50) -> list[Delivery]:
        """The newest first, of all plans."""
        with self._database.use() as database:
            rows = database.execute("SELECT * FROM delivery ORDER BY rowid DESC LIMIT ?", (limit,)).fetchall()
        return [_delivery(row) for row in rows]

    def deliveries_of(self, plan: str) -> list[Delivery]:
        """The newest attempt on each channel of one plan: an address that was corrected is no trouble any more."""
        with self._database.use() as database:
            rows = database.execute(
                "SELECT * FROM delivery WHERE rowid IN (SELECT MAX(rowid) FROM delivery WHERE plan = ? GROUP BY channel)",
                (plan,),
            ).fetchall()
        return [_delivery(row) for row in rows]

    def note_heard(self, plan: str, rule: str, cause: str, delivery: Delivery) -> None:
        """That a receiver knows of this trouble, until ``forget_heard``."""
        sent = _text(delivery.sent)
        with self._database.use() as database:
            database.execute(
                "INSERT INTO heard VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET first = MIN(first, excluded.first), last = excluded.last",
                (plan, rule, cause, delivery.channel, delivery.to, sent, sent),
            )

    def heard(
        self, plan: str, rules: tuple[str, ...], until: datetime | None
    ) -> list[tuple[tuple[str, str], str, datetime, datetime]]:
        """Who ((channel, receiver)) knows of which cause, first and last told when; not what another clock dated after
        ``until``."""
        with self._database.use() as database:
            rows = database.execute(
                f"SELECT * FROM heard WHERE plan = ? AND rule IN ({', '.join('?' * len(rules))})", (plan, *rules)
            ).fetchall()
        found = [
            ((row["channel"], row["receiver"]), row["cause"], *map(datetime.fromisoformat, (row["first"], row["last"])))
            for row in rows
        ]
        return [entry for entry in found if until is None or entry[3] <= until]

    def forget_heard(self, plan: str, rules: tuple[str, ...]) -> None:
        with self._database.use() as database:
            database.execute(
                f"DELETE FROM heard WHERE plan = ? AND rule IN ({', '.join('?' * len(rules))})", (plan, *rules)
            )

    # -- small facts ----------------------------------------------------------
    def fact(self, name: str) -> Any:
        """A remembered JSON value, or None."""
        with self._database.use() as database:
            row = database.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return json.loads(row["value"]) if row else None

    def facts_named(self, start: str) -> list[str]:
        """The names of the facts that begin so."""
        with self._database.use() as database:
            rows = database.execute(
                "SELECT name FROM fact WHERE substr(name, 1, ?) = ?", (len(start), start)
            ).fetchall()
        return [row["name"] for row in rows]

    def forget_fact(self, name: str) -> None:
        with self._database.use() as database:
            database.execute("DELETE FROM fact WHERE name = ?", (name,))

    def remember(self, name: str, value: Any) -> None:
        with self._database.use() as database:
            database.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value)))


def _delivery(row: sqlite3.Row) -> Delivery:
    sent = datetime.fromisoformat(row["sent"])
    return Delivery(row["channel"], row["receiver"], bool(row["ok"]), sent, row["subject"], row["error"])


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _run(row: sqlite3.Row) -> Run:
    findings = tuple(
        Finding(Severity(item["severity"]), item["rule"], item["title"], item["why"], item["remedy"])
        for item in json.loads(row["findings"])
    )
    return Run(
        row["id"],
        row["plan"],
        datetime.fromisoformat(row["started"]),
        Outcome(row["outcome"]),
        _moment(row["ended"]),
        row["key"],
        row["plain_bytes"],
        row["stored_bytes"],
        row["row_count"],
        row["error"],
        findings,
    )


def _verification(row: sqlite3.Row) -> Verification:
    return Verification(
        row["id"],
        row["plan"],
        row["run"],
        datetime.fromisoformat(row["started"]),
        Outcome(row["outcome"]),
        row["level"],
        tuple(Check(**item) for item in json.loads(row["checks"])),
        _moment(row["ended"]),
        row["rto"],
        row["rpo"],
        row["error"],
    )
