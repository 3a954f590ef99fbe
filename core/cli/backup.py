"""backup plans | add | adopt | check | run | list | verify | restore | status | schedule | ...: plans, backups and their proofs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from core.base.errors import OpsError, WrongUse
from core.base.journal import redact
from core.cli import backup_adopt, backup_plans, backup_status
from core.cli.backup_status import FAILED, STALE
from core.cli.console import Console
from core.cli.group import Group
from core.jobs.job import Job

if TYPE_CHECKING:
    from core.backups.outcomes import Backup, Finding, Run, Verification

T = TypeVar("T")
_SCHEDULERS = ("systemd", "cron", "launchd", "schtasks")


def register(groups: Any) -> None:
    group = Group(groups, "backup", "back up databases and folders, and prove that the backups restore")
    group.action("plans", backup_plans.plans, "all plans of the profile")
    backup_plans.add_options(group.action("add", backup_plans.add, "make a plan, or replace it with --replace"))
    backup_adopt.add_options(
        group.action(
            "adopt", backup_adopt.adopt, "make a plan of the backups in a bucket, to restore them on a new computer"
        )
    )
    group.action("show", backup_plans.show, "one plan").add_argument("plan")
    group.action("remove", backup_plans.remove, "forget a plan; its backups stay").add_argument("plan")
    group.action("check", _check, "look for everything that would stop a backup").add_argument("plan")
    run = group.action("run", _run, "back up now")
    run.add_argument("plan")
    run.add_argument(
        "--if-due",
        action="store_true",
        help="only what the schedule says is due: a backup, a verification, both, nothing",
    )
    group.action("list", _list, "the backups in the bucket, and the runs that failed").add_argument("plan")
    verify = group.action("verify", _verify, "prove a backup by restoring it into a scratch server or folder")
    verify.add_argument("plan")
    verify.add_argument(
        "--run",
        default="",
        dest="run_id",
        metavar="ID",
        help="which backup (default: the newest, now and then an older one)",
    )
    verify.add_argument(
        "--level", type=int, choices=range(7), default=None, help="how far up the ladder (default: the plan's)"
    )
    restore = group.action("restore", _restore, "restore into a new database or folder")
    restore.add_argument("plan")
    restore.add_argument(
        "--run", default="", dest="run_id", metavar="ID", help="which backup (default: the newest complete one)"
    )
    restore.add_argument(
        "--to",
        required=True,
        metavar="TARGET",
        help="DATABASE, SERVER/DATABASE, SERVER/ (under their own names), or a folder",
    )
    restore.add_argument("--preview", action="store_true", help="say what would happen, and change nothing")
    restore.add_argument(
        "--overwrite-source", default="", metavar="NAME", help="the source's own name, to restore over it"
    )
    group.action(
        "status", backup_status.show, "how every plan stands; status 4 where one is stale, missed or never verified"
    ).add_argument("plan", nargs="?")
    schedule = group.action("schedule", _schedule, "let the operating system run the plan")
    schedule.add_argument("plan")
    schedule.add_argument("--install", choices=_SCHEDULERS, help="write and activate it")
    schedule.add_argument("--remove", choices=_SCHEDULERS, help="deactivate and delete it")
    schedule.add_argument(
        "--test", action="store_true", help="check the plan in a process without a desktop, as a timer will"
    )
    policy = group.action("policy", _policy, "least-privilege IAM policies of the plan's roles")
    policy.add_argument("plan")
    policy.add_argument("--role", choices=("backup", "verify", "admin"))
    group.action("rights", _rights, "what the credentials in use may do to the backups").add_argument("plan")
    expiry = group.action("expiry", _expiry, "write the plan's retention into the bucket's lifecycle")
    expiry.add_argument("plan")
    expiry.add_argument("--pause", action="store_true", help="stop deleting by age")
    group.action("test-alert", _test_alert, "tell everybody whom the plan alerts").add_argument("plan")


# -- checking -----------------------------------------------------------------
def _check(options: argparse.Namespace, console: Console) -> int:
    service = console.desk.backups
    plan = service.plan(options.plan)
    findings = console.do(f"Checking {plan.name}", lambda job: service.preflight(job, plan))
    return _tell_findings(console, findings)


def _tell_findings(console: Console, findings: list[Finding]) -> int:
    rows = [{**asdict(finding), "severity": finding.severity.value} for finding in findings]
    if console.json:
        console.result(rows)
    else:
        for finding in findings:
            console.result(
                None,
                f"{finding.severity.value:7}  {'. '.join(filter(None, (finding.title, finding.why, finding.remedy)))}",
            )
    return FAILED if any(finding.severity.value == "error" for finding in findings) else 0


# -- backups ------------------------------------------------------------------
def _run(options: argparse.Namespace, console: Console) -> int:
    service = console.desk.backups
    if options.if_due:
        return _run_due(options.plan, console)
    run = console.do(f"Backing up {options.plan}", lambda job: service.run(job, options.plan))
    _tell_run(console, options.plan, run, None)
    return 0


def _run_due(name: str, console: Console) -> int:
    """What is due of a plan, and the dead man's check: each whatever became of the others. A source that is gone does not
    keep the last backups from being proved, nor silence from being told."""
    from core.backups.dead_man import watched

    service, troubles = console.desk.backups, list[OpsError]()

    def attempt(title: str, work: Callable[[Job[Any]], T | None]) -> T | None:
        try:
            done: T | None = console.do(title, work)
            return done
        except OpsError as error:
            troubles.append(error)
            return None

    with watched(service.watch):
        run = attempt(f"Backing up {name}", lambda job: service.run(job, name, if_due=True))
        verification = attempt(
            f"Verifying {name}", lambda job: service.verify(job, name) if service.verification_due(name) else None
        )
        attempt("Looking at all plans", service.watch)
    if run or verification or not troubles:
        _tell_run(console, name, run, verification)
    for trouble in troubles[1:]:
        console.warn(redact(str(trouble)))
    if troubles:
        raise troubles[0]
    return FAILED if verification and _verify_status(verification) == "FAILED" else 0


def _tell_run(console: Console, name: str, run: Run | None, verification: Verification | None) -> None:
    if run is None:
        console.say(f"No backup of {name} was made.")
    if console.json:
        console.result(
            {
                "run": _run_row(run) if run else None,
                "verification": _verification_row(verification) if verification else None,
            }
        )
        return
    if run:
        for finding in run.findings:
            console.warn(finding.title)
        console.result(None, f"{run.id}  {run.plain_bytes:,} bytes, {run.stored_bytes:,} stored as {run.key}")
    if verification:
        _tell_verification(console, verification)


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "plan": run.plan,
        "state": run.outcome.value,
        "started": run.started,
        "ended": run.ended,
        "key": run.key,
        "plain_bytes": run.plain_bytes,
        "stored_bytes": run.stored_bytes,
        "rows": run.rows,
        "error": run.error,
        "findings": [{**asdict(finding), "severity": finding.severity.value} for finding in run.findings],
    }


def _list(options: argparse.Namespace, console: Console) -> None:
    service = console.desk.backups
    backups = console.do(f"Listing {options.plan}", lambda job: service.backups(job, options.plan))
    there = {backup.id for backup in backups}
    rows = [_backup_row(backup) for backup in backups]
    rows += [
        {
            "run": run.id,
            "taken": run.started,
            "bytes": 0,
            "state": run.outcome.value,
            "proved": None,
            "expires": None,
            "key": "",
            "error": run.error,
        }
        for run in service.runs(options.plan)
        if run.id not in there
    ]
    rows.sort(key=lambda row: str(row["run"]), reverse=True)
    console.table(rows, None if console.json else ["run", "bytes", "state", "proved", "expires", "error"])


def _backup_row(backup: Backup) -> dict[str, Any]:
    return {
        "run": backup.id,
        "taken": backup.taken,
        "bytes": backup.stored_bytes,
        "state": "incomplete" if not backup.complete else "failed its proof" if backup.failed else "complete",
        "proved": backup.proved,
        "expires": backup.expires,
        "key": backup.key,
        "error": "",
    }


# -- proofs -------------------------------------------------------------------
def _verify(options: argparse.Namespace, console: Console) -> int:
    service = console.desk.backups
    verification = console.do(
        f"Verifying {options.plan}",
        lambda job: service.verify(job, options.plan, run=options.run_id, level=options.level),
    )
    if console.json:
        console.result(_verification_row(verification))
    else:
        _tell_verification(console, verification)
        console.say(f"Evidence: {service.evidence(verification.id)[1]}")
    return {"OK": 0, "FAILED": FAILED}.get(_verify_status(verification), STALE)


def _verify_status(verification: Verification) -> str:
    return {"done": "OK"}.get(verification.outcome.value, verification.outcome.value.upper())


def _verification_row(verification: Verification) -> dict[str, Any]:
    return {
        "plan": verification.plan,
        "run": verification.run,
        "level": verification.level,
        "status": _verify_status(verification),
        "checks": [asdict(check) for check in verification.checks],
        "rto_seconds": verification.rto_seconds,
        "rpo_seconds": verification.rpo_seconds,
        "id": verification.id,
        "started": verification.started,
        "ended": verification.ended,
        "error": verification.error,
    }


def _tell_verification(console: Console, verification: Verification) -> None:
    words = {True: "ok", False: "FAILED", None: "-"}
    for check in verification.checks:
        expected = f" (expected {check.expected})" if check.ok is False and check.expected else ""
        console.result(None, f"L{check.level}  {words[check.ok]:6}  {check.name}: {check.actual}{expected}")
    rto = f", restored and checked in {verification.rto_seconds:,.1f} s" if verification.rto_seconds else ""
    remark = f": {verification.error}" if verification.error else ""
    console.result(
        None,
        f"{_verify_status(verification)}  {verification.plan} {verification.run}, level {verification.level}{rto}{remark}",
    )


def _restore(options: argparse.Namespace, console: Console) -> int:
    service = console.desk.backups
    preview = console.do(
        f"Looking at {options.plan}",
        lambda job: service.preview_restore(job, options.plan, run=options.run_id, to=options.to),
    )
    if options.preview:
        if console.json:
            console.result(
                {
                    **asdict(preview),
                    "findings": [{**asdict(item), "severity": item.severity.value} for item in preview.findings],
                }
            )
            return 0
        console.result(
            None,
            f"{preview.run} of {preview.taken:%Y-%m-%d %H:%M} UTC -> {preview.to}: {preview.item_count:,} items, {preview.plain_bytes:,} bytes",
        )
        return _tell_findings(console, list(preview.findings))
    for finding in preview.findings:
        if finding.severity.value == "warning":
            console.warn(f"{finding.title}. {finding.why}")
    restored = console.do(
        f"Restoring {options.plan}",
        lambda job: service.restore(
            job, options.plan, run=preview.run, to=options.to, confirm=options.overwrite_source
        ),
    )
    for note in restored.notes:
        console.warn(note)
    console.result(
        asdict(restored),
        f"Restored {restored.run} to {restored.to}: {restored.items:,} items in {restored.seconds:,.1f} s",
    )
    return 0


# -- schedule and rights -----------------------------------------------------
def _schedule(options: argparse.Namespace, console: Console) -> int:
    service = console.desk.backups
    if options.test:
        findings = console.do("Testing as scheduled", lambda job: service.test_as_scheduled(job, options.plan))
        return _tell_findings(console, findings)
    if options.install or options.remove:
        kind = options.install or options.remove
        act = service.install_schedule if options.install else service.remove_schedule
        made = console.do(f"Scheduling {options.plan}", lambda job: act(job, options.plan, kind))
        console.result(
            asdict(made), f"{options.plan} is {'run' if made.installed else 'no longer run'} by {kind}. {made.note}"
        )
        return 0
    exports = service.schedules(options.plan)
    console.result([asdict(item) for item in exports], "\n".join(item.words for item in exports))
    return 0


def _policy(options: argparse.Namespace, console: Console) -> None:
    import orjson

    documents = console.desk.backups.policies(console.desk.backups.plan(options.plan))
    chosen = documents[options.role] if options.role else documents
    console.result(chosen, orjson.dumps(chosen, option=orjson.OPT_INDENT_2).decode())


def _rights(options: argparse.Namespace, console: Console) -> int:
    service = console.desk.backups
    plan = service.plan(options.plan)
    return _tell_findings(console, console.do("Looking at the rights", lambda job: service.check_rights(job, plan)))


def _expiry(options: argparse.Namespace, console: Console) -> int:
    service = console.desk.backups
    if options.pause:
        console.do("Pausing the expiry", lambda job: service.pause_expiry(job, options.plan))
        console.say(f"Backups of {options.plan} are no longer deleted by age.")
        return 0
    findings = console.do("Setting the expiry", lambda job: service.set_expiry(job, options.plan))
    console.say(
        f"The bucket's lifecycle keeps backups of {options.plan} for {service.plan(options.plan).retention.days} days."
    )
    return _tell_findings(console, findings)


def _test_alert(options: argparse.Namespace, console: Console) -> int:
    service = console.desk.backups
    deliveries = console.do("Sending a test", lambda job: service.send_test(job, options.plan))
    if not deliveries:
        raise WrongUse(
            f"The plan {options.plan} tells nobody",
            "It names no mail, SNS topic, webhook or apprise address",
            "Add one to the plan",
        )
    console.table([{"channel": item.channel, "to": item.to, "ok": item.ok, "error": item.error} for item in deliveries])
    return 0 if all(item.ok for item in deliveries) else FAILED
