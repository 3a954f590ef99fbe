"""What the operating system's timers are given of a backup plan: its moments, and ``backup run PLAN --if-due``."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.backups.outcomes import Finding, Severity
from core.backups.plan import Plan
from core.jobs import timers
from core.jobs.job import Job
from core.jobs.timers import KINDS, MAIN, ScheduleExport, Timer, secrets_file, variables

__all__ = ["KINDS", "export", "install", "remove", "remove_all", "secrets_file", "test_as_scheduled", "timer"]


def timer(plan: Plan, profile: str) -> Timer:
    return Timer(
        f"opsdesk-backup-{profile}-{plan.name}", f"# opsdesk {profile}/{plan.name}", f"Opsdesk backup {plan.name}", profile,
        ("backup", "run", plan.name, "--if-due"), plan.schedule,
    )  # fmt: skip


def export(plan: Plan, profile: str, kind: str) -> ScheduleExport:
    return timers.export(timer(plan, profile), kind)


def install(plan: Plan, profile: str, kind: str) -> ScheduleExport:
    return timers.install(timer(plan, profile), kind)


def remove(plan: Plan, profile: str, kind: str) -> ScheduleExport:
    return timers.remove(timer(plan, profile), kind)


def remove_all(plan: Plan, profile: str) -> None:
    """Out of every scheduler of this computer that has it: one that is left would fail night after night."""
    for kind in KINDS:
        made = export(plan, profile, kind)
        if made.available and made.installed:
            remove(plan, profile, kind)


def test_as_scheduled(job: Job[Any], plan: Plan, profile: str) -> list[Finding]:
    """Do the preflight the way a timer would: no display, no session bus, only the variables of ``schedule.env``."""
    kept = {
        name: os.environ[name]
        for name in ("HOME", "PATH", "LOGNAME", "USER", "LANG", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA")
        if name in os.environ
    }
    kept.update(
        {
            name: value
            for name, value in os.environ.items()
            if name.startswith("OPSDESK_") and not name.startswith("OPSDESK_SECRET_")
        }
    )
    kept.update(variables(secrets_file()))
    job.report(0, None, "Starting a process without a desktop")
    process = subprocess.Popen(
        [sys.executable, str(MAIN), "--profile", profile, "--quiet", "--json", "backup", "check", plan.name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=kept,
        text=True,
        start_new_session=True,
    )
    with job.interruptible(process.kill):
        said, trouble = process.communicate()
    job.checkpoint()
    with contextlib.suppress(ValueError):
        return exposed(secrets_file()) + [
            Finding(Severity(item["severity"]), item["rule"], item["title"], item["why"], _remedy(item["remedy"]))
            for item in json.loads(said)
        ]
    return [
        Finding(
            Severity.ERROR,
            "as-scheduled",
            "A scheduled run would not start",
            trouble.strip()[-500:],
            "Remove the cause, then test again",
        )
    ]


def exposed(variables_file: Path) -> list[Finding]:
    """That others on this computer may read the passwords of scheduled runs."""
    try:
        mode = variables_file.stat().st_mode
    except OSError:  # there is none
        return []
    if os.name != "posix" or not mode & 0o077:
        return []
    return [
        Finding(
            Severity.WARNING,
            "schedule-env",
            "Others on this computer may read the passwords of scheduled runs",
            f"{variables_file} has the mode {stat.S_IMODE(mode):o}",
            f"chmod 600 {shlex.quote(str(variables_file))}",
        )
    ]


def _remedy(words: str) -> str:
    """A variable that is set in a terminal is none that a timer has."""
    where = f". A scheduled run takes its variables from {secrets_file()}" if "OPSDESK_SECRET_" in words else ""
    return words + where
