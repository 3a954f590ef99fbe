"""What happened and how things stand: runs, backups in the bucket, checks, verifications, findings, status."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta


class Status(enum.Enum):
    """How a plan stands. Only OK is green: "backed up" is not "proved"."""

    NEVER = "never verified"
    OK = "proved"
    STALE = "stale"
    FAILED = "failed"
    NOT_RESTORABLE_HERE = "not restorable here"
    RUNNING = "running"


class Outcome(enum.Enum):
    """How a run or a verification ended."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOT_RESTORABLE_HERE = "not restorable here"
    """Verification only: readable, but no server here can restore it (engine mismatch, no scratch server)."""


class Severity(enum.Enum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth saying: ``rule`` is a stable short word ("retention", "preflight-login", "role-may-delete")."""

    severity: Severity
    rule: str
    title: str
    why: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt to back up, as this computer remembers it. ``id`` is the UTC start, "20261122T140500Z"."""

    id: str
    plan: str
    started: datetime
    outcome: Outcome
    ended: datetime | None = None
    key: str = ""
    plain_bytes: int = 0
    stored_bytes: int = 0
    rows: int | None = None
    error: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup as it lies in the bucket. ``complete``: its manifest, the commit mark, is there.

    ``id`` is the run's id; ``expires`` as far as the bucket's lifecycle or the plan's retention tells.
    """

    id: str
    plan: str
    key: str
    taken: datetime
    stored_bytes: int
    complete: bool
    expires: datetime | None = None
    proved: datetime | None = None
    """When this very backup was last verified well to a restore (level 3 or more), None if never or if it failed since."""
    failed: datetime | None = None
    """When its last verification failed."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rung's check. ``ok`` None: not carried out (``actual`` says why). ``detail`` may hold several lines."""

    level: int
    name: str
    ok: bool | None
    expected: str = ""
    actual: str = ""
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """One rehearsal of one backup.

    level: the highest level carried out; rto_seconds: download + restore + checks, measured; rpo_seconds: age of the
    backup's data when it was verified.
    """

    id: int
    plan: str
    run: str
    started: datetime
    outcome: Outcome
    level: int
    checks: tuple[Check, ...] = ()
    ended: datetime | None = None
    rto_seconds: float | None = None
    rpo_seconds: float | None = None
    error: str = ""

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.ok is False)

    @property
    def refutes(self) -> bool:
        """Whether it found the backup to be bad; one that failed because the endpoint went away says nothing of it."""
        return self.outcome is Outcome.FAILED and bool(self.failed_checks)

    @property
    def headline(self) -> str:
        """One line for a table: what was proved, or the first thing that was wrong."""
        if self.failed_checks:
            first = self.failed_checks[0]
            return f"L{first.level} {first.name}: {first.actual or 'failed'}"
        return self.error or self.outcome.value


@dataclass(frozen=True, slots=True)
class PlanStatus:
    """How one plan stands now, with everything its card shows. Times are aware, UTC."""

    plan: str
    status: Status
    last_run: Run | None = None
    last_backup: Backup | None = None
    last_verification: Verification | None = None
    last_proof: Verification | None = None
    next_run: datetime | None = None
    next_verification: datetime | None = None
    missed_runs: int = 0
    rpo_actual: timedelta | None = None
    """Now minus the start of the newest complete backup."""
    rpo_proven: timedelta | None = None
    """Now minus the start of the newest backup that was proved."""
    rto: timedelta | None = None
    proof_vanishes: datetime | None = None
    """When the last proven backup expires; None: never, or there is none."""
    proof_vanishes_by: str = ""
    """What deletes it then, or that nothing does; "" where no proven backup is left."""
    stored_bytes: int = 0
    backups: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def worst(self) -> Severity | None:
        order = (Severity.ERROR, Severity.WARNING, Severity.INFO)
        present = {finding.severity for finding in self.findings}
        return next((severity for severity in order if severity in present), None)


@dataclass(frozen=True, slots=True)
class RestorePreview:
    """What a restore would do, before it does anything. ``to`` is the resolved target in words."""

    plan: str
    run: str
    taken: datetime
    to: str
    stored_bytes: int
    plain_bytes: int
    needs_bytes: int
    items: tuple[tuple[str, int], ...] = ()
    """(table, rows) or (file, bytes), at most 1000 of ``item_count``."""
    item_count: int = 0
    overwrites_source: bool = False
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Restored:
    plan: str
    run: str
    to: str
    seconds: float
    items: int
    plain_bytes: int
    notes: tuple[str, ...] = ()
    """What is not as it was in the backup."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to tell somebody. ``ok`` False: it did not reach them, and ``error`` says why."""

    channel: str
    to: str
    ok: bool
    sent: datetime
    subject: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """What the endpoint enforces, measured once. ``words`` say what it does not, for the page."""

    no_overwrite: bool
    checks_sums: bool
    words: tuple[str, ...] = ()
