"""How a plan stands: its status, its ages, and the rules that speak up before it is too late."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.backups.catching_up import FROM_THE_FUTURE
from core.backups.outcomes import Backup, Delivery, Finding, Outcome, PlanStatus, Run, Severity, Status, Verification
from core.backups.plan import Plan
from core.backups.vault import newest_complete
from core.backups.words import count_of
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
    expires_by: Callable[[str, int, datetime], str] = lambda *_: ""
    working: bool = False
    deliveries: list[Delivery] = field(default_factory=list)
    notes: tuple[Finding, ...] = ()
    """Findings that were made elsewhere and remembered: rights, what the endpoint enforces."""


def plan_status(seen: Evidence) -> PlanStatus:
    plan, now = seen.plan, seen.now
    complete = [backup for backup in seen.backups if backup.complete]
    newest = newest_complete(complete, now)
    last_success = (
        newest.taken if newest else next((run.started for run in seen.runs if run.outcome is Outcome.DONE), None)
    )
    judged = [verification for verification in seen.verifications if _judges(verification)]
    last = judged[0] if judged else None
    proof = _standing(judged)
    proven = next((backup for backup in complete if backup.proved is not None), None)
    due = min(proof.started, now) + timedelta(days=plan.proof.every_days) if proof else None
    last_proven = _last_to_go([backup for backup in complete if backup.proved])
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
        rpo_actual=max(now - newest.taken, timedelta()) if newest else None,
        rpo_proven=max(now - proven.taken, timedelta()) if proven else None,
        rto=timedelta(seconds=proof.rto_seconds) if proof and proof.rto_seconds else None,
        proof_vanishes=last_proven.expires if last_proven else None,
        proof_vanishes_by=seen.expires_by(last_proven.key, last_proven.stored_bytes, last_proven.taken)
        if last_proven
        else "",
        stored_bytes=sum(backup.stored_bytes for backup in seen.backups),
        backups=len(complete),
    )
    findings = tuple(_findings(seen, status))
    return PlanStatus(
        **{name: getattr(status, name) for name in PlanStatus.__slots__ if name != "findings"}, findings=findings
    )


def _last_to_go(proven: list[Backup]) -> Backup | None:
    """The proven backup that stays longest: for ever, or until the latest day."""
    for_ever = next((backup for backup in proven if backup.expires is None), None)
    return for_ever or max(proven, key=lambda backup: backup.expires or backup.taken, default=None)


def _judges(verification: Verification) -> bool:
    """Whether a verification says anything on whether the plan's backups can be restored."""
    if verification.outcome is Outcome.DONE:
        return verification.level >= RESTORED
    return verification.outcome in (Outcome.FAILED, Outcome.NOT_RESTORABLE_HERE)


def _standing(judged: list[Verification]) -> Verification | None:
    """The newest proof (``judged`` is newest first) of a backup that has not failed since."""
    refuted = set()
    for verification in judged:
        if verification.outcome is Outcome.DONE and verification.run not in refuted:
            return verification
        if verification.refutes:
            refuted.add(verification.run)
    return None


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
    if seen.unreachable is not None:
        return Status.STALE  # what lies there is not known
    if newest is None:
        return Status.FAILED  # what was proved once is gone, and nothing came after it
    if newest.failed is not None:
        return Status.FAILED  # an older one may have been proved since
    if not any(backup.proved for backup in seen.backups if backup.complete):
        return Status.STALE
    too_old = _stale(seen, proof)
    silent = newest is not None and seen.now - newest.taken > seen.plan.silence
    return Status.STALE if too_old or silent else Status.OK


def _stale(seen: Evidence, proof: Verification) -> bool:
    """Whether a proof is older than the plan wants; one dated in the future tells nothing of its age."""
    age = seen.now - proof.started
    return age > timedelta(days=seen.plan.proof.every_days * _GRACE) or age < -FROM_THE_FUTURE


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
        if status.proof_vanishes <= max(status.next_verification, seen.now) + slack:  # one that is overdue comes late
            yield Finding(
                Severity.ERROR,
                "proof-vanishes",
                f"The last proven backup disappears on {status.proof_vanishes:%Y-%m-%d}",
                f"{status.proof_vanishes_by[:1].upper()}{status.proof_vanishes_by[1:]}. The next verification is due on"
                f" {status.next_verification:%Y-%m-%d}, a repair takes {plan.retention.repair_days} days more",
                "Verify a newer backup now, or keep backups longer",
            )
    lost = [one for one in seen.deliveries if not one.ok and one.channel in plan.alerts.channels]
    if lost:
        yield Finding(
            Severity.ERROR,
            "alert-undelivered",
            f"An alert could not be delivered by {', '.join(one.channel for one in lost)}",
            "; ".join(f"{one.channel}, {one.sent:%Y-%m-%d %H:%M} UTC: {one.subject} ({one.error})" for one in lost),
            "Correct the alerts' addresses in the plan and send a test",
        )
    yield from seen.notes


def _runs(seen: Evidence, status: PlanStatus) -> Iterable[Finding]:
    plan, now = seen.plan, seen.now
    last = next((run for run in seen.runs if run.outcome in (Outcome.DONE, Outcome.FAILED)), None)
    if last and last.outcome is Outcome.FAILED:
        yield Finding(
            Severity.ERROR,
            "run-failed",
            f"The run of {last.started:%Y-%m-%d %H:%M} UTC failed",
            last.error,
            "Remove the cause and back up now",
        )
        if status.last_backup is not None:
            yield from last.findings  # that the source may be lost
    elif last:
        yield from last.findings
    if status.rpo_actual is None:
        done = next((run for run in seen.runs if run.outcome is Outcome.DONE), None)
        if seen.unreachable is None and done is not None:
            yield Finding(
                Severity.ERROR,
                "all-gone",
                f"No backup of {plan.name} is left",
                f"The last one was made on {done.started:%Y-%m-%d %H:%M} UTC; s3://{plan.target.bucket}/{plan.prefix} holds none",
                "Back up now, and find out who or what deleted them",
            )
        elif seen.unreachable is None:
            yield Finding(Severity.WARNING, "never-run", f"{plan.name} was never backed up", "", "Back up now")
        elif done is None or now - done.started > plan.silence:
            since = f" since {done.started:%Y-%m-%d %H:%M} UTC" if done else " known"
            yield Finding(
                Severity.ERROR,
                "silence",
                f"No success{since}",
                f"The bucket cannot be asked; by this computer's own notes the plan's {plan.silence / timedelta(hours=1):,.0f} h have passed"
                if done
                else "The bucket cannot be asked, and this computer has no note of a success",
                "See why the endpoint does not answer, then back up",
            )
        return
    future = next((backup for backup in seen.backups if backup.taken > now + FROM_THE_FUTURE), None)
    if future is not None:
        yield Finding(
            Severity.WARNING,
            "clock",
            "A backup is dated in the future",
            f"{future.key.rsplit('/', 1)[-1]} says {future.taken:%Y-%m-%d %H:%M} UTC: this computer's clock is wrong, or was then",
            "Set the clock right: ages and the order of backups depend on it",
        )
    known = {run.id for run in seen.runs}
    first = min((run.started for run in seen.runs), default=now)
    strange = [one for one in seen.backups if one.complete and one.taken > first and one.id not in known]
    if strange:
        yield Finding(
            Severity.WARNING,
            "other-computer",
            f"{count_of(len(strange), 'backup here was', 'backups here were')} made elsewhere, under a plan of the same name",
            f"The newest of them is of {strange[0].taken:%Y-%m-%d %H:%M} UTC. A restore takes the newest, whoever made it",
            "If another computer saves something else, give its plan another name or prefix",
        )
    kept = min(filter(None, (plan.retention.days, seen.expiry_days)))
    if status.rpo_actual > timedelta(days=kept / 2):
        yield Finding(
            Severity.ERROR,
            "half-retention",
            f"The newest backup is {_age(status.rpo_actual)} old",
            f"Backups are kept {kept} days: half of that is gone without a new one",
            "Back up now, and pause the expiry until backups work again",
        )
    elif status.rpo_actual > plan.silence:
        yield Finding(
            Severity.ERROR,
            "silence",
            f"No success since {now - status.rpo_actual:%Y-%m-%d %H:%M} UTC",
            f"The newest backup is {_age(status.rpo_actual)} old, the plan allows {plan.silence / timedelta(hours=1):,.0f} h",
            "Back up now, and look whether the schedule is installed",
        )
    if status.missed_runs:
        moment = last_moment(plan.schedule, now)
        when = f"; the last was due at {moment:%Y-%m-%d %H:%M} UTC" if moment else ""
        yield Finding(
            Severity.WARNING,
            "missed",
            f"{count_of(status.missed_runs, 'scheduled run was', 'scheduled runs were')} missed",
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
            "Name a server of the source's make and version as scratch" if "mismatch" in last.error else "",
        )
        if status.last_proof is not None:
            yield from _old(seen, status.last_proof)
    elif status.last_backup is not None and status.last_backup.failed is not None:
        yield Finding(
            Severity.ERROR,
            "verification-failed",
            "The newest backup failed its verification",
            f"That of {status.last_backup.taken:%Y-%m-%d %H:%M} UTC cannot be trusted; an older one was proved since",
            "Back up again now, and verify that",
        )
    elif status.backups and seen.unreachable is None and status.rpo_proven is None:
        yield Finding(
            Severity.ERROR,
            "proof-gone",
            "No backup that was proved is left",
            f"The one that was restored on {last.started:%Y-%m-%d} is gone; of the {status.backups} there, none was ever restored",
            "Verify now",
        )
    else:
        yield from _old(seen, last)


def _old(seen: Evidence, proof: Verification) -> Iterable[Finding]:
    if _stale(seen, proof):
        future = proof.started > seen.now
        yield Finding(
            Severity.WARNING,
            "stale",
            f"The last proof is dated {proof.started:%Y-%m-%d}, in the future"
            if future
            else f"The last proof is {_age(seen.now - proof.started)} old",
            f"The plan wants one every {seen.plan.proof.every_days} days",
            "Verify now",
        )


def retention(plan: Plan, expiry_days: int | None, *, known: bool) -> Iterable[Finding]:
    """Never delete backups faster than a problem would be found: days >= verification interval + detection + repair."""
    rule = plan.retention
    needed = plan.proof.every_days + rule.detection_days + rule.repair_days
    sum_of = f"{plan.proof.every_days} days between verifications + {rule.detection_days} to notice + {rule.repair_days} to repair"
    days = min(filter(None, (rule.days, expiry_days)))
    if days < needed:
        kept = "are deleted after" if days == expiry_days else "are meant to be kept"
        yield Finding(
            Severity.ERROR,
            "retention",
            f"Backups {kept} {days} days, a problem may take {needed} days to be found and repaired",
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
