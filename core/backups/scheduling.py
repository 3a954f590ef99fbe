"""Letting the operating system run a plan: systemd user timers, cron, launchd and Windows' Task Scheduler.

All of them call ``backup run PLAN --if-due``, so that a second start, or a late one, does what is due and no more.
"""

from __future__ import annotations

import contextlib
import json
import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from core.backups.outcomes import Finding, ScheduleExport, Severity
from core.backups.plan import Plan
from core.base.errors import OpsError
from core.base.files import write_atomic
from core.base.places import Places
from core.jobs.job import Job

KINDS = ("systemd", "cron", "launchd", "schtasks")
_MAIN = Path(__file__).resolve().parents[2] / "main.py"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SECRETS_NOTE = "Passwords: a timer has no desktop keyring. Put OPSDESK_SECRET_... lines into {file} (mode 600), then use Test as scheduled."


def command(plan: Plan, profile: str) -> list[str]:
    """What a scheduler calls."""
    return [sys.executable, str(_MAIN), "--profile", profile, "--quiet", "backup", "run", plan.name, "--if-due"]


def secrets_file() -> Path:
    """Variables for scheduled runs, one NAME=VALUE a line; made by the user where there is no keyring to ask."""
    return Places.here().config / "schedule.env"


def export(plan: Plan, profile: str, kind: str) -> ScheduleExport:
    """The files and commands of one scheduler, whether it is here, and whether it runs the plan already."""
    if kind == "systemd":
        return _systemd(plan, profile)
    if kind == "cron":
        return _cron(plan, profile)
    if kind == "launchd":
        return _launchd(plan, profile)
    if kind == "schtasks":
        return _schtasks(plan, profile)
    raise OpsError(
        f"{kind!r} is no scheduler",
        f"Known are {', '.join(KINDS)}",
        "Choose one of them",
        code="wrong-use",
        exit_status=2,
    )


def install(plan: Plan, profile: str, kind: str) -> ScheduleExport:
    """Write and activate it; raises OpsError (code ``no-scheduler``) where this computer has none of that kind."""
    made = export(plan, profile, kind)
    if not made.available:
        raise OpsError(
            f"{kind} cannot be used here",
            made.note or "It is not on this computer",
            "Choose another scheduler, or copy its lines by hand",
            code="no-scheduler",
        )
    if kind == "cron":
        _write_crontab(plan, profile, made.files["crontab"])
    else:
        for name, text in made.files.items():
            write_atomic(Path(name), text, mode=0o600)
        for line in made.commands:
            _run(shlex.split(line) if kind != "schtasks" else line.split())
    return export(plan, profile, kind)


def remove(plan: Plan, profile: str, kind: str) -> ScheduleExport:
    """Deactivate and delete it; nothing happens where it was not installed."""
    made = export(plan, profile, kind)
    if made.installed:
        name = unit_name(plan, profile)
        if kind == "systemd":
            _run(["systemctl", "--user", "disable", "--now", f"{name}.timer"])
        elif kind == "cron":
            _write_crontab(plan, profile, "")
        elif kind == "launchd":
            _run(["launchctl", "bootout", f"gui/{os.getuid()}", *made.files])
        else:
            _run(["schtasks", "/Delete", "/TN", f"Opsdesk\\{name}", "/F"])
        for path in made.files if kind != "cron" else ():
            Path(path).unlink(missing_ok=True)
    return export(plan, profile, kind)


def unit_name(plan: Plan, profile: str) -> str:
    return f"opsdesk-backup-{profile}-{plan.name}"


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
    kept.update(_variables(secrets_file()))
    job.report(0, None, "Starting a process without a desktop")
    process = subprocess.Popen(
        [sys.executable, str(_MAIN), "--profile", profile, "--quiet", "--json", "backup", "check", plan.name],
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
        return [
            Finding(Severity(item["severity"]), item["rule"], item["title"], item["why"], item["remedy"])
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


def take_variables() -> None:
    """Let a scheduled run have the variables of ``schedule.env``: not every scheduler reads such a file. What the
    environment says already stays."""
    for name, value in _variables(secrets_file()).items():
        os.environ.setdefault(name, value)


def _variables(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _home() -> str | None:
    return os.environ.get("OPSDESK_HOME")


# -- systemd ------------------------------------------------------------------
def _systemd(plan: Plan, profile: str) -> ScheduleExport:
    name = unit_name(plan, profile)
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
    days = ",".join(day.capitalize() for day in plan.schedule.weekdays)
    calendar = "\n".join(f"OnCalendar={days + ' ' if days else ''}*-*-* {clock}:00" for clock in plan.schedule.times)
    home = f"Environment={_systemd_quoted('OPSDESK_HOME=' + str(_home()))}\n" if _home() else ""
    service = (
        f"[Unit]\nDescription=Opsdesk backup {plan.name}\nAfter=network-online.target\n\n[Service]\nType=oneshot\n{home}"
        f"EnvironmentFile=-{_systemd_path(str(secrets_file()))}\nExecStart={' '.join(map(_systemd_quoted, command(plan, profile)))}\nNice=10\n"
    )
    timer = (
        f"[Unit]\nDescription=Opsdesk backup {plan.name}\n\n[Timer]\n{calendar}\n"
        "Persistent=true\nRandomizedDelaySec=60\n\n[Install]\nWantedBy=timers.target\n"
    )
    available, note = _systemd_here()
    return ScheduleExport(
        "systemd",
        {str(folder / f"{name}.service"): service, str(folder / f"{name}.timer"): timer},
        ("systemctl --user daemon-reload", f"systemctl --user enable --now {name}.timer"),
        available,
        (folder / f"{name}.timer").exists(),
        note
        or f"To run while nobody is logged in: loginctl enable-linger. {_SECRETS_NOTE.format(file=secrets_file())}",
    )


def _systemd_here() -> tuple[bool, str]:
    if not shutil.which("systemctl"):
        return False, "There is no systemctl on this computer"
    asked = subprocess.run(
        ["systemctl", "--user", "show-environment"], capture_output=True, text=True, timeout=20, check=False
    )
    return (
        asked.returncode == 0,
        "" if asked.returncode == 0 else f"No systemd session of this user: {asked.stderr.strip()[:200]}",
    )


def _systemd_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _systemd_path(text: str) -> str:
    return text.replace("%", "%%").replace(" ", "\\x20")


# -- cron ---------------------------------------------------------------------
def _cron(plan: Plan, profile: str) -> ScheduleExport:
    mark = f"# opsdesk {profile}/{plan.name}"
    home = f"OPSDESK_HOME={shlex.quote(str(_home()))} " if _home() else ""
    file = shlex.quote(str(secrets_file()))
    # A percent sign is a line break to cron.
    work = f"set -a; [ -r {file} ] && . {file}; {home}{shlex.join(command(plan, profile))}".replace("%", "\\%")
    days = ",".join(str((_DAYS.index(day) + 1) % 7) for day in plan.schedule.weekdays) or "*"
    lines = [f"{int(clock[3:])} {int(clock[:2])} * * {days} {work} {mark}" for clock in plan.schedule.times]
    lines.append(f"17 * * * * {work} {mark} catch-up")  # cron itself forgets what it missed
    available = shutil.which("crontab") is not None
    return ScheduleExport(
        "cron",
        {"crontab": "\n".join(lines) + "\n"},
        ("crontab -e",),
        available,
        available and any(mark in line for line in _crontab()),
        "" if available else "There is no crontab on this computer",
    )


def _crontab() -> list[str]:
    told = subprocess.run(["crontab", "-l"], capture_output=True, text=True, timeout=20, check=False)
    return told.stdout.splitlines() if told.returncode == 0 else []


def _write_crontab(plan: Plan, profile: str, text: str) -> None:
    mark = f"# opsdesk {profile}/{plan.name}"
    others = [line for line in _crontab() if not line.endswith((mark, f"{mark} catch-up"))]
    _run(["crontab", "-"], "\n".join([*others, text]) if text else "\n".join([*others, ""]))


# -- launchd ------------------------------------------------------------------
def _launchd(plan: Plan, profile: str) -> ScheduleExport:
    label = f"org.{unit_name(plan, profile)}"
    path = Path.home() / "Library" / "LaunchAgents" / f"{label}.plist"
    moments: list[dict[str, int]] = []
    for clock in plan.schedule.times:
        moment = {"Hour": int(clock[:2]), "Minute": int(clock[3:])}
        moments += [{**moment, "Weekday": (_DAYS.index(day) + 1) % 7} for day in plan.schedule.weekdays] or [moment]
    content: dict[str, Any] = {
        "Label": label,
        "ProgramArguments": command(plan, profile),
        "StartCalendarInterval": moments,
        "RunAtLoad": True,  # --if-due makes that the catch-up after a restart
        "ProcessType": "Background",
        "EnvironmentVariables": {
            "PATH": os.environ.get("PATH", os.defpath),
            **({"OPSDESK_HOME": str(_home())} if _home() else {}),
        },
    }
    available = sys.platform == "darwin"
    return ScheduleExport(
        "launchd",
        {str(path): plistlib.dumps(content).decode()},
        (f"launchctl bootstrap gui/{os.getuid() if hasattr(os, 'getuid') else '$(id -u)'} {shlex.quote(str(path))}",),
        available,
        available and path.exists(),
        "" if available else "launchd is part of macOS",
    )


# -- Windows ------------------------------------------------------------------
def _schtasks(plan: Plan, profile: str) -> ScheduleExport:
    name = unit_name(plan, profile)
    path = Places.here().config / f"{name}.xml"
    first, *rest = command(plan, profile)
    days = plan.schedule.weekdays or _DAYS
    week = "".join(f"<{_LONG_DAYS[_DAYS.index(day)]}/>" for day in days)
    triggers = "".join(
        f"<CalendarTrigger><StartBoundary>2026-01-01T{clock}:00</StartBoundary><Enabled>true</Enabled>"
        f"<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek>{week}</DaysOfWeek></ScheduleByWeek></CalendarTrigger>"
        for clock in plan.schedule.times
    )
    text = (
        '<?xml version="1.0"?>\n<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">'
        f"<Triggers>{triggers}</Triggers><Settings><StartWhenAvailable>true</StartWhenAvailable>"
        "<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries><MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy></Settings>"
        f"<Actions><Exec><Command>{escape(first)}</Command><Arguments>{escape(subprocess.list2cmdline(rest))}</Arguments></Exec></Actions></Task>\n"
    )
    available = sys.platform == "win32"
    installed = (
        available
        and subprocess.run(
            ["schtasks", "/Query", "/TN", f"Opsdesk\\{name}"], capture_output=True, check=False
        ).returncode
        == 0
    )
    return ScheduleExport(
        "schtasks",
        {str(path): text},
        (f"schtasks /Create /TN Opsdesk\\{name} /XML {path} /F",),
        available,
        installed,
        "" if available else "The Task Scheduler is part of Windows",
    )


def _run(line: list[str], text: str = "") -> None:
    done = subprocess.run(line, input=text, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise OpsError(
            f"{line[0]} failed",
            (done.stderr or done.stdout).strip()[:500],
            "Remove the cause and try again",
            code="schedule",
        )
