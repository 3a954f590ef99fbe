"""backup status: how every plan stands, in a line, in JSON and in the exit status."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from core.cli.console import Console

if TYPE_CHECKING:
    from core.backups.outcomes import PlanStatus

FAILED, STALE = 1, 4


def show(options: argparse.Namespace, console: Console) -> int:
    service = console.desk.backups
    if options.plan:
        found = [console.do("Looking", lambda job: service.status(job, options.plan))]
    else:
        found = console.do("Looking at all plans", service.statuses)
    rows = [_status_row(status) for status in found]
    if console.json:
        console.result(rows)
    else:
        console.table(
            rows, ["plan", "status", "last_backup", "last_proof", "next_run", "missed_runs", "proof_vanishes"]
        )
        for status in found:
            for finding in status.findings:
                if finding.severity.value != "info":
                    console.warn(f"{status.plan}: {finding.severity.value}: {finding.title}. {finding.why}")
    troubles = service.plan_troubles()
    for trouble in troubles:
        console.warn(f"{trouble.title}: {trouble.why}")
    if troubles or any(status.status.name == "FAILED" or _has(status, "run-failed", "unreachable") for status in found):
        return FAILED
    return (
        STALE
        if any(status.status.name not in ("OK", "RUNNING") or _has(status, "missed", "silence") for status in found)
        else 0
    )


def _has(status: PlanStatus, *rules: str) -> bool:
    return any(finding.rule in rules for finding in status.findings)


def _status_row(status: PlanStatus) -> dict[str, Any]:
    def seconds(span: timedelta | None) -> float | None:
        return span.total_seconds() if span is not None else None

    def moment(value: datetime | None) -> str | None:
        return value.isoformat(timespec="seconds") if value else None

    return {
        "plan": status.plan,
        "status": status.status.name.replace("_", " "),
        "last_backup": moment(status.last_backup.taken if status.last_backup else None),
        "last_run": moment(status.last_run.started if status.last_run else None),
        "last_run_state": status.last_run.outcome.value if status.last_run else None,
        "last_verification": moment(status.last_verification.started if status.last_verification else None),
        "last_proof": moment(status.last_proof.started if status.last_proof else None),
        "next_run": moment(status.next_run),
        "next_verification": moment(status.next_verification),
        "missed_runs": status.missed_runs,
        "rpo_seconds": seconds(status.rpo_actual),
        "rpo_proven_seconds": seconds(status.rpo_proven),
        "rto_seconds": seconds(status.rto),
        "proof_vanishes": moment(status.proof_vanishes),
        "proof_vanishes_by": status.proof_vanishes_by,
        "backups": status.backups,
        "stored_bytes": status.stored_bytes,
        "findings": [{**asdict(finding), "severity": finding.severity.value} for finding in status.findings],
    }
