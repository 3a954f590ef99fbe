"""How a plan stands: its status, its ages, and the rules that speak up before it is too late."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.backups.outcomes import Backup, Delivery, Finding, Outcome, PlanStatus, Run, Severity, Status, Verification
from core.backups.plan import Plan
from core.backups.vault import expiry_of
from core.base.errors import OpsError
from core.jobs.calendar import last_moment, missed, next_moment

RESTORED = 3
"""The level from which on a verification is a proof."""
_GRACE = 1.25


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the rules look at. ``expiry_days``: what the bucket's lifecycle does; ``expiry_known`` False: not readable."""

    plan: Plan
    now: datetime
    backups: list[Backup] = field(default_factory=list)
    unreachable: OpsError | None = None
    runs: list[Run] = field(default_factory=list)
    verifications: list[Verification] = field(default_factory=list)
    expiry_days: int | None = None
    expiry_known: bool = True
    working: bool = False
    deliveries: list[Delivery] = field(default_factory=list)
    notes: tuple[Finding, ...] = ()
    """Findings that were made elsewhere and remembered: rights, what the endpoint enforces."""


def plan_status(seen: Evidence) -> PlanStatus:
    plan, now = seen.plan, seen.now
    complete = [backup for backup in seen.backups if backup.complete]
    newest = complete[0] if complete else None
    last_success = (
        newest.taken if newest else next((run.started for run in seen.runs if run.outcome is Outcome.DONE), None)
    )
    judged = [verification for verification in seen.verifications if _judges(verification)]
    last = judged[0] if judged else None
    proof = next((verification for verification in judged if verification.outcome is Outcome.DONE), None)
    proven = next((backup for backup in complete if backup.proved is not None), None)
    due = proof.started + timedelta(days=plan.proof.every_days) if proof else None
    days = seen.expiry_days or plan.retention.days
    vanishes = max((expiry_of(backup.taken, days) for backup in complete if backup.proved), default=None)
    count = missed(plan.schedule, last_success, now)
    status = PlanStatus(
        plan=plan.name,
        status=_status(seen, last, proof, newest),
        last_run=seen.runs[0] if seen.runs else None,
        last_backup=newest,
        last_verification=last,
        last_proof=proof,
        next_run=next_moment(plan.schedule, now),
        next_verification=due,
        missed_runs=count,
        rpo_actual=now - newest.taken if newest else None,
        rpo_proven=now - proven.taken if proven else None,
        rto=timedelta(seconds=proof.rto_seconds) if proof and proof.rto_seconds else None,
        proof_vanishes=vanishes,
        stored_bytes=sum(backup.stored_bytes for backup in seen.backups),
        backups=len(complete),
    )
    findings = tuple(_findings(seen, status))
    return PlanStatus(
        **{name: getattr(status, name) for name in PlanStatus.__slots__ if name != "findings"}, findings=findings
    )


def _judges(verification: Verification) -> bool:
    """Whether a verification says anything on whether the plan's backups can be restored."""
    if verification.outcome is Outcome.DONE:
        return verification.level >= RESTORED
    return verification.outcome in (Outcome.FAILED, Outcome.NOT_RESTORABLE_HERE)


def _status(seen: Evidence, last: Verification | None, proof: Verification | None, newest: Backup | None) -> Status:
    if seen.working:
        return Status.RUNNING
    if last is None:
        return Status.NEVER
    if last.outcome is Outcome.FAILED:
        return Status.FAILED
    if last.outcome is Outcome.NOT_RESTORABLE_HERE:
        return Status.NOT_RESTORABLE_HERE
    assert proof
    too_old = seen.now - proof.started > timedelta(days=seen.plan.proof.every_days * _GRACE)
    silent = newest is not None and seen.now - newest.taken > timedelta(hours=seen.plan.alerts.silence_hours)
    return Status.STALE if too_old or silent else Status.OK


def _findings(seen: Evidence, status: PlanStatus) -> Iterable[Finding]:
    plan = seen.plan
    if seen.unreachable is not None:
        trouble = seen.unreachable
        yield Finding(Severity.ERROR, "unreachable", trouble.title, trouble.why, trouble.remedy)
    yield from _runs(seen, status)
    yield from _proof(seen, status)
    yield from retention(plan, seen.expiry_days, known=seen.expiry_known and seen.unreachable is None)
    if status.proof_vanishes and status.next_verification:
        slack = timedelta(days=plan.retention.repair_days)
        if status.proof_vanishes < status.next_verification + slack:
            yield Finding(
                Severity.ERROR,
                "proof-vanishes",
                f"The last proven backup disappears on {status.proof_vanishes:%Y-%m-%d}",
                f"The next verification is due on {status.next_verification:%Y-%m-%d}, a repair takes {plan.retention.repair_days} days more",
                "Verify a newer backup now, or keep backups longer",
            )
    for delivery in seen.deliveries:
        if not delivery.ok:
            yield Finding(
                Severity.ERROR,
                "alert-undelivered",
                f"An alert could not be delivered by {delivery.channel}",
                f"{delivery.subject} ({delivery.error})",
                "Correct the alert's address in the plan and send a test",
            )
            break
    yield from seen.notes


def _runs(seen: Evidence, status: PlanStatus) -> Iterable[Finding]:
    plan, now = seen.plan, seen.now
    last = next((run for run in seen.runs if run.outcome is not Outcome.RUNNING), None)
    if last and last.outcome is Outcome.FAILED:
        yield Finding(
            Severity.ERROR,
            "run-failed",
            f"The run of {last.started:%Y-%m-%d %H:%M} UTC failed",
            last.error,
            "Remove the cause and back up now",
        )
    elif last:
        yield from last.findings
    if status.rpo_actual is None:
        if seen.unreachable is None:
            yield Finding(Severity.WARNING, "never-run", f"{plan.name} was never backed up", "", "Back up now")
        return
    if status.rpo_actual > timedelta(days=plan.retention.days / 2):
        yield Finding(
            Severity.ERROR,
            "half-retention",
            f"The newest backup is {_age(status.rpo_actual)} old",
            f"Backups are deleted after {plan.retention.days} days: half of that is gone without a new one",
            "Back up now, and pause the expiry until backups work again",
        )
    elif status.rpo_actual > timedelta(hours=plan.alerts.silence_hours):
        yield Finding(
            Severity.ERROR,
            "silence",
            f"No success since {now - status.rpo_actual:%Y-%m-%d %H:%M} UTC",
            f"The newest backup is {_age(status.rpo_actual)} old, the plan allows {plan.alerts.silence_hours} h",
            "Back up now, and look whether the schedule is installed",
        )
    if status.missed_runs:
        moment = last_moment(plan.schedule, now)
        when = f"; the last was due at {moment:%Y-%m-%d %H:%M} UTC" if moment else ""
        yield Finding(
            Severity.WARNING,
            "missed",
            f"{status.missed_runs} scheduled {'run was' if status.missed_runs == 1 else 'runs were'} missed",
            f"This computer was off, or nothing runs the plan{when}",
            "Install the schedule, or back up now",
        )


def _proof(seen: Evidence, status: PlanStatus) -> Iterable[Finding]:
    plan = seen.plan
    last = status.last_verification
    if last is None:
        if status.backups:
            yield Finding(
                Severity.WARNING,
                "never-verified",
                f"No backup of {plan.name} was ever restored",
                "Nobody knows whether they can be",
                "Verify now",
            )
    elif last.outcome is Outcome.FAILED:
        yield Finding(
            Severity.ERROR,
            "verification-failed",
            f"The verification of {last.started:%Y-%m-%d %H:%M} UTC failed",
            last.headline,
            "Look at its findings, verify another backup, and back up again",
        )
    elif last.outcome is Outcome.NOT_RESTORABLE_HERE:
        yield Finding(
            Severity.WARNING,
            "not-restorable-here",
            "Readable, not proven restorable",
            last.error,
            "Install MariaDB here, or name a server as scratch",
        )
    elif seen.now - last.started > timedelta(days=plan.proof.every_days * _GRACE):
        yield Finding(
            Severity.WARNING,
            "stale",
            f"The last proof is {_age(seen.now - last.started)} old",
            f"The plan wants one every {plan.proof.every_days} days",
            "Verify now",
        )


def retention(plan: Plan, expiry_days: int | None, *, known: bool) -> Iterable[Finding]:
    """Never delete backups faster than a problem would be found: days >= verification interval + detection + repair."""
    rule = plan.retention
    needed = plan.proof.every_days + rule.detection_days + rule.repair_days
    sum_of = f"{plan.proof.every_days} days between verifications + {rule.detection_days} to notice + {rule.repair_days} to repair"
    days = min(filter(None, (rule.days, expiry_days)))
    if days < needed:
        yield Finding(
            Severity.ERROR,
            "retention",
            f"Backups are deleted after {days} days, a problem may take {needed} days to be found and repaired",
            sum_of,
            f"Keep them {needed} days or longer, or verify more often",
        )
    if not known:
        return
    if expiry_days is None:
        yield Finding(
            Severity.INFO,
            "no-expiry",
            "Nothing deletes old backups",
            "No rule of the bucket's lifecycle is about them",
            f"Set the expiry of {rule.days} days from here, or pay for all of them",
        )
    elif expiry_days != rule.days:
        yield Finding(
            Severity.WARNING,
            "expiry-differs",
            f"The bucket deletes after {expiry_days} days, the plan says {rule.days}",
            "The lifecycle was changed elsewhere",
            "Set the expiry from here, or correct the plan",
        )


def _age(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:,.0f} hours" if hours < 72 else f"{hours / 24:,.0f} days"
