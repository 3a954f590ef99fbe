"""How the Backups page says things: states, moments, ages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QDateTime, QLocale

from core.backups.objects.values import Entry
from core.backups.outcomes import Check, Outcome, PlanStatus, Run, Severity, Status, Verification
from core.backups.plan import Plan
from gui.parts.words import byte_size, duration, number, time_zone

STATUS: dict[Status, tuple[str, str]] = {
    Status.NEVER: ("NEVER PROVED", "warning"),
    Status.OK: ("PROVED", "success"),
    Status.STALE: ("STALE", "warning"),
    Status.FAILED: ("FAILED", "danger"),
    Status.NOT_RESTORABLE_HERE: ("NOT RESTORABLE HERE", "warning"),
    Status.RUNNING: ("RUNNING", "info"),
}
"""Word and tone. Only a proved backup is green."""

OUTCOME: dict[Outcome, tuple[str, str]] = {
    Outcome.RUNNING: ("running", "info"),
    Outcome.DONE: ("done", ""),
    Outcome.FAILED: ("failed", "danger"),
    Outcome.CANCELLED: ("cancelled", ""),
    Outcome.NOT_RESTORABLE_HERE: ("readable, not proven", "warning"),
}

TONE: dict[Severity, str] = {Severity.ERROR: "danger", Severity.WARNING: "warning", Severity.INFO: "info"}

LEVELS = (
    "L0  exists, size, age",
    "L1  checksum at the store",
    "L2  download, decompress, closing line",
    "L3  restore into a scratch server",
    "L4  rows, schema, views",
    "L5  sentinel rows and assertions",
    "L6  check and checksum tables",
)


def stamp(moment: datetime | None) -> str:
    """``22 Nov 2026 02:10`` in the user's zone; "never" for None."""
    if moment is None:
        return "never"
    local = QDateTime.fromSecsSinceEpoch(int(moment.timestamp()), time_zone())
    return QLocale().toString(local, "d MMM yyyy HH:mm")


def clock(moment: datetime | None, now: datetime | None = None) -> str:
    """The time alone where it is within a day, else the day; with its year where that is another one."""
    if moment is None:
        return "–"
    now = now or datetime.now(UTC)
    local, here = (QDateTime.fromSecsSinceEpoch(int(one.timestamp()), time_zone()) for one in (moment, now))
    if abs((moment - now).total_seconds()) < 86_400:
        return QLocale().toString(local, "HH:mm")
    return QLocale().toString(local, "d MMM" if local.date().year() == here.date().year() else "d MMM yyyy")


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """``4 min ago``, ``in 6 h``, ``3 d ago``; "never" for None."""
    if moment is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    span = about(abs(seconds))
    return f"{span} ago" if seconds >= 0 else f"in {span}"


def about(seconds: float) -> str:
    """One unit: 4 min, 6 h, 12 d. No seconds: the page is looked through once a minute."""
    if seconds < 60:
        return "under a minute"
    for limit, size, unit in ((3600, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 86_400)} d"


def span(length: timedelta | float | None) -> str:
    if length is None:
        return "–"
    return duration(length.total_seconds() if isinstance(length, timedelta) else length)


def blind(status: PlanStatus) -> bool:
    """Whether the bucket could not be read: what lies in it is not known, which is not the same as nothing."""
    return any(finding.rule == "unreachable" for finding in status.findings)


def failing(status: PlanStatus) -> bool:
    """Whether the last run failed: the proof of an older backup does not make that good."""
    return any(finding.rule == "run-failed" for finding in status.findings)


def source(plan: Plan) -> str:
    if plan.is_database:
        return f"{', '.join(plan.source.databases)} on the server {plan.source.server}"
    return ", ".join(plan.source.paths)


def schedule(plan: Plan) -> str:
    if not plan.schedule.times:
        return "only by hand"
    days = ", ".join(plan.schedule.weekdays) or "daily"
    return f"{days} at {', '.join(plan.schedule.times)}"


def sentences(*parts: str) -> str:
    """``Why. What to do next.``"""
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def verdict(check: Check) -> tuple[str, str]:
    if check.ok is None:
        return "not carried out", ""
    return ("passed", "success") if check.ok else ("FAILED", "danger")


def passed(verification: Verification) -> str:
    """How many checks passed; those that were not carried out are no part of them."""
    count = sum(check.ok is True for check in verification.checks)
    left = sum(check.ok is None for check in verification.checks)
    return f"{count_of(count, 'check')} passed" + (f", {left} not carried out" if left else "")


def trend(restores: Sequence[Verification]) -> str:
    """How long the restores took and how old the data were then, of ``restores`` (newest first, each measured)."""
    if not restores:
        return ""
    times, ages = [item.rto_seconds or 0.0 for item in restores], [item.rpo_seconds or 0.0 for item in restores]
    many = (
        f" ({span(min(times))} to {span(max(times))} in the last {len(restores)} proofs)" if len(restores) > 1 else ""
    )
    oldest = f" ({about(max(ages))} at most)" if len(restores) > 1 else ""
    return f"Restore time (RTO) {span(times[0])}{many} · the data were {about(ages[0])} old then (RPO){oldest}"


def taken(proof: Verification) -> datetime:
    """When the backup was made that it proved."""
    return proof.started - timedelta(seconds=proof.rpo_seconds or 0)


def came_out(verification: Verification) -> str:
    """The checks of a verification that has ended."""
    failed = len(verification.failed_checks)
    if failed:
        return f"{failed} of {count_of(len(verification.checks), 'check')} FAILED"
    return f"{passed(verification)}: {proof(verification)[0]}"


def stored(run: Run) -> str:
    """What a backup that was published holds."""
    rows = "" if run.rows is None else f"{count_of(run.rows, 'row')}, "
    return f"{rows}{byte_size(run.stored_bytes)} stored"


def contents(entries: Sequence[Entry]) -> str:
    """``2 folders, 1,204 objects``."""
    folders = sum(entry.folder for entry in entries)
    parts = ((folders, "folder"), (len(entries) - folders, "object"))
    return ", ".join(count_of(count, what) for count, what in parts if count)


def count_of(number_: int, what: str) -> str:
    """``1 check``, ``1,204 checks``."""
    return f"{number(number_)} {what}{'' if number_ == 1 else 's'}"


def proof(verification: Verification) -> tuple[str, str]:
    """What a verification showed. Done below L3 means readable: nothing was restored."""
    if verification.outcome is Outcome.DONE:
        return ("proved", "success") if verification.level >= 3 else ("readable", "info")
    return OUTCOME[verification.outcome]
