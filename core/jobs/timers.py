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
import time
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
PLATFORM = sys.platform
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SECRETS_NOTE = "Passwords: a timer has no desktop keyring. Put OPSDESK_SECRET_... lines into {file} (mode 600), then use Test as scheduled."
_MOST_TRIGGERS = 48  # that a task of Windows may have
_CATCH_UP = 17
"""The minute of every hour at which each scheduler asks once more what is due: for what failed, what a computer that was off
has missed, and an hour that daylight saving skips (systemd leaves such a moment out)."""


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
        """What a scheduler calls; not every scheduler can set a variable, so a home of its own is an argument."""
        home = os.environ.get("OPSDESK_HOME")
        place = ["--home", str(Path(home).expanduser().resolve())] if home else []
        return [sys.executable, str(MAIN), *place, "--profile", self.profile, "--quiet", *self.words]


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
    """Variables for scheduled runs, one NAME=VALUE a line; made by the user where there is no keyring to ask.

    Read by the run itself and by nobody else: the shell of a cron line, systemd and launchd would each make something else
    of a password with a blank, a dollar, a quote or a backslash in it.
    """
    return Places.here().config / "schedule.env"


def take_variables() -> None:
    """Let this process, which a scheduler has started, have the variables of ``schedule.env``; they win."""
    os.environ.update(variables(secrets_file()))


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
        return export(timer, kind)
    for name, text in made.files.items():
        # Windows' own tools write such files so; what else they take a file for depends on the computer's code page.
        write_atomic(Path(name), text.encode("utf-16") if kind == "schtasks" else text, mode=0o600)
    if kind == "launchd":
        _launchd_unload(timer)  # a label that is loaded cannot be loaded anew
    for words in _activation(timer, kind):
        _run(words)
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
            _launchd_unload(timer)
        else:
            _run(["schtasks", "/Delete", "/TN", f"Opsdesk\\{name}", "/F"])
        for path in made.files if kind != "cron" else ():
            Path(path).unlink(missing_ok=True)
    return export(timer, kind)


def variables(path: Path) -> dict[str, str]:
    """NAME=VALUE lines; anything else (notes, empty lines) is passed over. Raises OpsError where the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise OpsError(
            "The variables of scheduled runs cannot be read",
            str(error),
            f"Correct {path}",
            code="settings",
            exit_status=2,
        ) from error
    found = {}
    for line in text.splitlines():
        name, sign, value = line.strip().removeprefix("export ").partition("=")
        if sign and name.strip().isidentifier():
            found[name.strip()] = _unquoted(value.strip())
    return found


def _unquoted(text: str) -> str:
    """Without the pair of quotes around it; all else as it stands."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _activation(timer: Timer, kind: str) -> list[list[str]]:
    """The commands that make the scheduler read its files."""
    if kind == "systemd":
        return [
            ["systemctl", "--user", "daemon-reload"],
            ["systemctl", "--user", "enable", "--now", f"{timer.name}.timer"],
        ]
    if kind == "launchd":
        return [["launchctl", "bootstrap", _launchd_domain(), str(_launchd_path(timer))]]
    return [["schtasks", "/Create", "/TN", f"Opsdesk\\{timer.name}", "/XML", str(_schtasks_path(timer)), "/F"]]


# -- systemd ------------------------------------------------------------------
def _systemd(timer: Timer) -> ScheduleExport:
    name = timer.name
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
    days = ",".join(day.capitalize() for day in timer.schedule.weekdays)
    moments = [f"{days + ' ' if days else ''}*-*-* {clock}:00" for clock in timer.schedule.times]
    calendar = "\n".join(f"OnCalendar={moment}" for moment in [*moments, f"*-*-* *:{_CATCH_UP}:00"])
    service = (
        f"[Unit]\nDescription={timer.title}\nAfter=network-online.target\n\n[Service]\nType=oneshot\n"
        f"ExecStart={' '.join(map(_systemd_quoted, timer.command))}\nNice=10\n"
    )
    unit = (
        f"[Unit]\nDescription={timer.title}\n\n[Timer]\n{calendar}\n"
        "Persistent=true\nRandomizedDelaySec=60\n\n[Install]\nWantedBy=timers.target\n"
    )
    available, note = _systemd_here()
    return ScheduleExport(
        "systemd",
        {str(folder / f"{name}.service"): service, str(folder / f"{name}.timer"): unit},
        tuple(map(shlex.join, _activation(timer, "systemd"))),
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


# -- cron ---------------------------------------------------------------------
def _cron(timer: Timer) -> ScheduleExport:
    mark = timer.mark
    work = shlex.join(timer.command).replace("%", "\\%")  # a percent sign is a line break to cron
    days = ",".join(str((WEEKDAYS.index(day) + 1) % 7) for day in timer.schedule.weekdays) or "*"
    lines = [f"{int(clock[3:])} {int(clock[:2])} * * {days} {work} {mark}" for clock in timer.schedule.times]
    lines.append(f"{_CATCH_UP} * * * * {work} {mark} catch-up")
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
    told = _ask(["crontab", "-l"])
    return told.stdout.splitlines() if told.returncode == 0 else []


def _write_crontab(timer: Timer, text: str) -> None:
    mark = timer.mark
    told = _ask(["crontab", "-l"])
    if told.returncode != 0 and not any(words in told.stderr.lower() for words in ("no crontab", "no such file")):
        raise _failed("crontab", told)  # what is there cannot be read, and writing would replace all of it
    others = [line for line in _crontab() if not line.endswith((mark, f"{mark} catch-up"))]
    _run(["crontab", "-"], "\n".join([*others, text]) if text else "\n".join([*others, ""]))


# -- launchd ------------------------------------------------------------------
def _launchd(timer: Timer) -> ScheduleExport:
    path = _launchd_path(timer)
    moments: list[dict[str, int]] = []
    for clock in timer.schedule.times:
        moment = {"Hour": int(clock[:2]), "Minute": int(clock[3:])}
        moments += [{**moment, "Weekday": (WEEKDAYS.index(day) + 1) % 7} for day in timer.schedule.weekdays] or [moment]
    moments.append({"Minute": _CATCH_UP})
    content: dict[str, Any] = {
        "Label": _launchd_label(timer),
        "ProgramArguments": timer.command,
        "StartCalendarInterval": moments,
        "RunAtLoad": True,  # --if-due makes that the catch-up after a restart
        "ProcessType": "Background",
        "EnvironmentVariables": {"PATH": os.environ.get("PATH", os.defpath)},
    }
    available = PLATFORM == "darwin"
    return ScheduleExport(
        "launchd",
        {str(path): plistlib.dumps(content).decode()},
        tuple(map(shlex.join, _activation(timer, "launchd"))),
        available,
        available and path.exists(),
        "" if available else "launchd is part of macOS",
    )


def _launchd_label(timer: Timer) -> str:
    return f"org.{timer.name}"


def _launchd_path(timer: Timer) -> Path:
    return Path.home() / "Library" / "LaunchAgents" / f"{_launchd_label(timer)}.plist"


def _launchd_domain() -> str:
    """The session of this user; elsewhere, where it is only read, that of a Mac's first one."""
    return f"gui/{os.getuid() if hasattr(os, 'getuid') else 501}"


def _launchd_unload(timer: Timer, patience: float = 10.0) -> None:
    """Make launchd forget the timer. ``bootout`` may return before that is done; a label not yet gone cannot be loaded.

    Raises OpsError (code ``schedule``) where it is still there after ``patience`` seconds.
    """
    target = f"{_launchd_domain()}/{_launchd_label(timer)}"
    told = _ask(["launchctl", "bootout", target])
    end = time.monotonic() + patience
    while _ask(["launchctl", "print", target]).returncode == 0:
        if time.monotonic() > end:
            raise _failed("launchctl", told)
        time.sleep(0.1)


# -- Windows ------------------------------------------------------------------
def _schtasks(timer: Timer) -> ScheduleExport:
    name = timer.name
    first, *rest = timer.command
    week = "".join(f"<{_LONG_DAYS[WEEKDAYS.index(day)]}/>" for day in timer.schedule.weekdays or WEEKDAYS)
    weekly = f"<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek>{week}</DaysOfWeek></ScheduleByWeek>"
    daily = "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>"
    # Every hour is 24 triggers, none of them with Enabled or Repetition: the published schema (MS-TSCH 2.5.3.1) wants those before
    # and behind StartBoundary, the files that Windows exports have them behind and before. Without them both are content.
    room = _MOST_TRIGGERS - len(timer.schedule.times)
    hours = range(0, 24, next((step for step in (1, 2, 3, 4, 6, 8, 12) if 24 // step <= room), 24))
    moments = [(clock, weekly) for clock in timer.schedule.times] + [
        (f"{hour:02}:{_CATCH_UP}", daily) for hour in hours
    ]
    triggers = "".join(
        f"<CalendarTrigger><StartBoundary>2026-01-01T{clock}:00</StartBoundary>{days}</CalendarTrigger>"
        for clock, days in moments
    )
    text = (
        '<?xml version="1.0"?>\n<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">'
        f"<RegistrationInfo><Description>{escape(timer.title)}</Description></RegistrationInfo><Triggers>{triggers}</Triggers>"
        # Unless told, a computer on its battery does not start a task, one that is unplugged ends it, and three days do, too.
        "<Settings><MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>"
        "<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries><StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>"
        "<StartWhenAvailable>true</StartWhenAvailable><ExecutionTimeLimit>PT0S</ExecutionTimeLimit></Settings>"
        f"<Actions><Exec><Command>{escape(first)}</Command><Arguments>{escape(subprocess.list2cmdline(rest))}</Arguments></Exec></Actions></Task>\n"
    )
    available = PLATFORM == "win32"
    installed = available and _ask(["schtasks", "/Query", "/TN", f"Opsdesk\\{name}"]).returncode == 0
    return ScheduleExport(
        "schtasks",
        {str(_schtasks_path(timer)): text},
        tuple(map(subprocess.list2cmdline, _activation(timer, "schtasks"))),
        available,
        installed,
        "" if available else "The Task Scheduler is part of Windows",
    )


def _schtasks_path(timer: Timer) -> Path:
    return Places.here().config / f"{timer.name}.xml"


# -- asking them --------------------------------------------------------------
def _ask(words: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    # A crontab may hold any bytes, and has to be written back as it was.
    return subprocess.run(
        words, input=text, capture_output=True, text=True, errors="surrogateescape", timeout=60, check=False
    )


def _run(words: list[str], text: str = "") -> None:
    told = _ask(words, text)
    if told.returncode != 0:
        raise _failed(words[0], told)


def _failed(program: str, told: subprocess.CompletedProcess[str]) -> OpsError:
    return OpsError(
        f"{program} failed",
        (told.stderr or told.stdout).strip()[:500].encode("utf-8", "replace").decode(),
        "Remove the cause and try again",
        code="schedule",
    )
