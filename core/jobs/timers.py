"""Letting the operating system run a plan: systemd user timers, cron, launchd and Windows' Task Scheduler.

All of them call a verb with ``--if-due``, so that a second start, or a late one, does what is due and no more.
"""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from core.base.errors import OpsError
from core.base.files import write_atomic
from core.base.places import Places
from core.jobs.calendar import WEEKDAYS, Schedule

KINDS = ("systemd", "cron", "launchd", "schtasks")
MAIN = Path(__file__).resolve().parents[2] / "main.py"
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SECRETS_NOTE = "Passwords: a timer has no desktop keyring. Put OPSDESK_SECRET_... lines into {file} (mode 600), then use Test as scheduled."


@dataclass(frozen=True, slots=True)
class Timer:
    """What is to be run, and when.

    name: of the unit or task, unlike any other timer's; mark: ends its lines in a crontab; title: for people.
    words: the arguments after ``main.py --profile P --quiet``.
    """

    name: str
    mark: str
    title: str
    profile: str
    words: tuple[str, ...]
    schedule: Schedule

    @property
    def command(self) -> list[str]:
        """What a scheduler calls."""
        return [sys.executable, str(MAIN), "--profile", self.profile, "--quiet", *self.words]


@dataclass(frozen=True, slots=True)
class ScheduleExport:
    """Files or lines that make the operating system run the plan. ``installed`` where this computer already does."""

    kind: str
    files: dict[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    available: bool = False
    installed: bool = False
    note: str = ""

    @property
    def words(self) -> str:
        """For a terminal: its state, its files, its commands."""
        state = "installed" if self.installed else "can be installed" if self.available else "not on this computer"
        lines = [f"== {self.kind}: {state}. {self.note}".rstrip()]
        for name, text in self.files.items():
            lines += [f"-- {name}", text.rstrip()]
        return "\n".join([*lines, *(f"$ {line}" for line in self.commands), ""])


def secrets_file() -> Path:
    """Variables for scheduled runs, one NAME=VALUE a line; made by the user where there is no keyring to ask."""
    return Places.here().config / "schedule.env"


def export(timer: Timer, kind: str) -> ScheduleExport:
    """The files and commands of one scheduler, whether it is here, and whether it runs the plan already."""
    if kind == "systemd":
        return _systemd(timer)
    if kind == "cron":
        return _cron(timer)
    if kind == "launchd":
        return _launchd(timer)
    if kind == "schtasks":
        return _schtasks(timer)
    raise OpsError(
        f"{kind!r} is no scheduler",
        f"Known are {', '.join(KINDS)}",
        "Choose one of them",
        code="wrong-use",
        exit_status=2,
    )


def install(timer: Timer, kind: str) -> ScheduleExport:
    """Write and activate it; raises OpsError (code ``no-scheduler``) where this computer has none of that kind."""
    made = export(timer, kind)
    if not made.available:
        raise OpsError(
            f"{kind} cannot be used here",
            made.note or "It is not on this computer",
            "Choose another scheduler, or copy its lines by hand",
            code="no-scheduler",
        )
    if kind == "cron":
        _write_crontab(timer, made.files["crontab"])
    else:
        for name, text in made.files.items():
            write_atomic(Path(name), text, mode=0o600)
        for line in made.commands:
            _run(shlex.split(line) if kind != "schtasks" else line.split())
    return export(timer, kind)


def install_any(timer: Timer) -> ScheduleExport:
    """Let the first scheduler that this computer has run it; raises OpsError (code ``no-scheduler``) where it has none."""
    kind = next((one for one in KINDS if export(timer, one).available), None)
    if kind is None:
        raise OpsError(
            "Nothing on this computer can run a plan by itself",
            f"There is none of {', '.join(KINDS)}",
            "Leave the time out, or install cron",
            code="no-scheduler",
        )
    return install(timer, kind)


def remove(timer: Timer, kind: str) -> ScheduleExport:
    """Deactivate and delete it; nothing happens where it was not installed."""
    made = export(timer, kind)
    if made.installed:
        name = timer.name
        if kind == "systemd":
            _run(["systemctl", "--user", "disable", "--now", f"{name}.timer"])
        elif kind == "cron":
            _write_crontab(timer, "")
        elif kind == "launchd":
            _run(["launchctl", "bootout", f"gui/{os.getuid()}", *made.files])
        else:
            _run(["schtasks", "/Delete", "/TN", f"Opsdesk\\{name}", "/F"])
        for path in made.files if kind != "cron" else ():
            Path(path).unlink(missing_ok=True)
    return export(timer, kind)


def variables(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _home() -> str | None:
    return os.environ.get("OPSDESK_HOME")


# -- systemd ------------------------------------------------------------------
def _systemd(timer: Timer) -> ScheduleExport:
    name = timer.name
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
    days = ",".join(day.capitalize() for day in timer.schedule.weekdays)
    calendar = "\n".join(f"OnCalendar={days + ' ' if days else ''}*-*-* {clock}:00" for clock in timer.schedule.times)
    home = f"Environment={_systemd_quoted('OPSDESK_HOME=' + str(_home()))}\n" if _home() else ""
    service = (
        f"[Unit]\nDescription={timer.title}\nAfter=network-online.target\n\n[Service]\nType=oneshot\n{home}"
        f"EnvironmentFile=-{_systemd_path(str(secrets_file()))}\nExecStart={' '.join(map(_systemd_quoted, timer.command))}\nNice=10\n"
    )
    unit = (
        f"[Unit]\nDescription={timer.title}\n\n[Timer]\n{calendar}\n"
        "Persistent=true\nRandomizedDelaySec=60\n\n[Install]\nWantedBy=timers.target\n"
    )
    available, note = _systemd_here()
    return ScheduleExport(
        "systemd",
        {str(folder / f"{name}.service"): service, str(folder / f"{name}.timer"): unit},
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
def _cron(timer: Timer) -> ScheduleExport:
    mark = timer.mark
    home = f"OPSDESK_HOME={shlex.quote(str(_home()))} " if _home() else ""
    file = shlex.quote(str(secrets_file()))
    # A percent sign is a line break to cron.
    work = f"set -a; [ -r {file} ] && . {file}; {home}{shlex.join(timer.command)}".replace("%", "\\%")
    days = ",".join(str((WEEKDAYS.index(day) + 1) % 7) for day in timer.schedule.weekdays) or "*"
    lines = [f"{int(clock[3:])} {int(clock[:2])} * * {days} {work} {mark}" for clock in timer.schedule.times]
    lines.append(f"17 * * * * {work} {mark} catch-up")  # cron itself forgets what it missed
    available = shutil.which("crontab") is not None
    return ScheduleExport(
        "cron",
        {"crontab": "\n".join(lines) + "\n"},
        ("crontab -e",),
        available,
        available and any(line.endswith((mark, f"{mark} catch-up")) for line in _crontab()),
        "" if available else "There is no crontab on this computer",
    )


def _crontab() -> list[str]:
    told = subprocess.run(["crontab", "-l"], capture_output=True, text=True, timeout=20, check=False)
    return told.stdout.splitlines() if told.returncode == 0 else []


def _write_crontab(timer: Timer, text: str) -> None:
    mark = timer.mark
    others = [line for line in _crontab() if not line.endswith((mark, f"{mark} catch-up"))]
    _run(["crontab", "-"], "\n".join([*others, text]) if text else "\n".join([*others, ""]))


# -- launchd ------------------------------------------------------------------
def _launchd(timer: Timer) -> ScheduleExport:
    label = f"org.{timer.name}"
    path = Path.home() / "Library" / "LaunchAgents" / f"{label}.plist"
    moments: list[dict[str, int]] = []
    for clock in timer.schedule.times:
        moment = {"Hour": int(clock[:2]), "Minute": int(clock[3:])}
        moments += [{**moment, "Weekday": (WEEKDAYS.index(day) + 1) % 7} for day in timer.schedule.weekdays] or [moment]
    content: dict[str, Any] = {
        "Label": label,
        "ProgramArguments": timer.command,
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
def _schtasks(timer: Timer) -> ScheduleExport:
    name = timer.name
    path = Places.here().config / f"{name}.xml"
    first, *rest = timer.command
    days = timer.schedule.weekdays or WEEKDAYS
    week = "".join(f"<{_LONG_DAYS[WEEKDAYS.index(day)]}/>" for day in days)
    triggers = "".join(
        f"<CalendarTrigger><StartBoundary>2026-01-01T{clock}:00</StartBoundary><Enabled>true</Enabled>"
        f"<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek>{week}</DaysOfWeek></ScheduleByWeek></CalendarTrigger>"
        for clock in timer.schedule.times
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
