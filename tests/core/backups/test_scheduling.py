"""What the schedulers are given: exact files, quoted for the strangest paths, and a test in the timer's own conditions."""

from __future__ import annotations

import os
import plistlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.backups import scheduling
from core.backups.plan import Plan, Source, Target
from core.base.errors import OpsError
from core.base.places import Places
from core.jobs import timers
from core.jobs.calendar import Schedule
from tests.core.backups.conftest import Station
from tests.fakes.schedulers import LAUNCHCTL, SCHTASKS, put_on_path

PLAN = Plan(
    "nightly", Source("folder", paths=("/x",)), Target("bucket"), schedule=Schedule(("02:00", "14:30"), ("mon", "sun"))
)


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home full of characters that schedulers treat as their own."""
    home = tmp_path / 'my 100% $HOME\'s "files"'
    monkeypatch.setenv("OPSDESK_HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return home


def test_systemd(odd: Path) -> None:
    made = scheduling.export(PLAN, "prod", "systemd")
    service, timer = made.files.values()
    assert "OnCalendar=Mon,Sun *-*-* 02:00:00\nOnCalendar=Mon,Sun *-*-* 14:30:00\n" in timer
    assert "OnCalendar=*-*-* *:17:00\n" in timer and "Persistent=true" in timer
    assert '"backup" "run" "nightly" "--if-due"' in service
    assert "100%% $$HOME" in service


@pytest.fixture
def runtime() -> Iterator[str]:
    """Short: the systemd of a user counts the bytes of its sockets' names, and there are places for 107."""
    with tempfile.TemporaryDirectory(prefix="ops-", dir="/tmp") as name:
        yield name


def test_systemd_itself_reads_the_units_without_a_word(odd: Path, tmp_path: Path, runtime: str) -> None:
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("systemd is not installed")
    names = []
    for name, text in scheduling.export(PLAN, "prod", "systemd").files.items():
        names.append(str(tmp_path / Path(name).name))
        Path(names[-1]).write_text(text)
    environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": runtime, "HOME": str(tmp_path)}

    def said(*words: str) -> str:
        done = subprocess.run([program, *words], capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    assert said("verify", "--user", "--man=no", *names) == ""  # an unknown key is only told
    for line in Path(names[1]).read_text().splitlines():
        if line.startswith("OnCalendar="):
            assert said("calendar", line.removeprefix("OnCalendar=")) == ""
    Path(names[1]).write_text(Path(names[1]).read_text().replace("Persistent", "Persistentt"))
    assert "Persistentt" in said("verify", "--user", "--man=no", names[1])


AWKWARD = "a \"quoted\" #pass\\word $HOME `id` 100% 'x'"
"""What a shell and systemd would each make something else of."""


def test_a_scheduled_run_reads_its_file_itself(home: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else does: what the test in the timer's conditions was given is what the run is given, on every scheduler."""
    names = [f"OPSDESK_SECRET_MYSQL_PROD_{name}" for name in ("PLAIN", "QUOTED", "THERE")]
    for name in names:
        monkeypatch.setenv(name, "stale")
    timers.secrets_file().parent.mkdir(parents=True, exist_ok=True)
    timers.secrets_file().write_text(
        f"# NOTE=this\n\nno line\n{names[0]}={AWKWARD}\nexport {names[1]}='{AWKWARD}'\n{names[2]}=\"\n"
    )
    timers.take_variables()
    assert [os.environ[name] for name in names] == [AWKWARD, AWKWARD, '"']
    for made in (scheduling.export(PLAN, "prod", kind) for kind in timers.KINDS):
        assert "schedule.env" not in "".join(made.files.values())
    timers.secrets_file().write_bytes(b"\xff=\xff\n")
    with pytest.raises(OpsError, match="cannot be read"):
        timers.take_variables()


def test_cron_survives_the_shell(odd: Path) -> None:
    lines = scheduling.export(PLAN, "prod", "cron").files["crontab"].splitlines()
    assert [line.split(" ", 5)[:5] for line in lines] == [
        ["0", "2", "*", "*", "1,0"],
        ["30", "14", "*", "*", "1,0"],
        ["17", "*", "*", "*", "*"],
    ]
    work = lines[0].split(" ", 5)[5].replace("\\%", "%")
    echoed = work.replace(shlex.quote(sys.executable), "printf '%s\\n' \"$OPSDESK_HOME\"")
    told = subprocess.run(
        ["sh", "-c", echoed], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    ).stdout.splitlines()
    assert told[-7:] == ["--profile", "prod", "--quiet", "backup", "run", "nightly", "--if-due"]


def test_launchd(odd: Path) -> None:
    (text,) = scheduling.export(PLAN, "prod", "launchd").files.values()
    content = plistlib.loads(text.encode())
    assert content["ProgramArguments"][-4:] == ["backup", "run", "nightly", "--if-due"]
    assert {"Hour": 14, "Minute": 30, "Weekday": 0} in content["StartCalendarInterval"]
    assert content["ProgramArguments"][2:4] == ["--home", str(odd)]


def test_launchd_takes_a_changed_timer_and_lets_go_of_one_it_does_not_have(
    odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ``bootstrap`` refuses a label that is loaded, and ``bootout`` returns before that is gone."""
    monkeypatch.setattr(timers, "PLATFORM", "darwin")
    monkeypatch.setenv("HOME", str(tmp_path / "Jane Doe"))
    table = put_on_path("launchctl", LAUNCHCTL, tmp_path / "bin", monkeypatch)
    assert not scheduling.export(PLAN, "prod", "launchd").installed
    assert scheduling.install(PLAN, "prod", "launchd").installed
    later = replace(PLAN, schedule=Schedule(("05:15",)))
    (path,) = map(Path, scheduling.install(later, "prod", "launchd").files)
    assert plistlib.loads(path.read_bytes())["StartCalendarInterval"] == [{"Hour": 5, "Minute": 15}, {"Minute": 17}]
    (label,) = table.iterdir()
    assert label.name == "org.opsdesk-backup-prod-nightly"
    label.unlink()  # somebody has put it out by hand
    assert not scheduling.remove(PLAN, "prod", "launchd").installed
    assert not path.exists()


def test_task_scheduler(odd: Path) -> None:
    (text,) = scheduling.export(PLAN, "prod", "schtasks").files.values()
    root = ElementTree.fromstring(text)
    # As Microsoft's schema nests them.
    assert [child.tag.split("}")[1] for child in root] == ["RegistrationInfo", "Triggers", "Settings", "Actions"]
    assert root.tag == "{http://schemas.microsoft.com/windows/2004/02/mit/task}Task"
    (trigger, other, *hourly) = root[1]
    # Whoever reads by the published schema and whoever reads as Windows exports differ in all other elements of a trigger.
    assert [child.tag.split("}")[1] for child in trigger] == ["StartBoundary", "ScheduleByWeek"]
    assert [child.tag.split("}")[1] for child in trigger[1]] == ["WeeksInterval", "DaysOfWeek"]
    assert other[0].text == "2026-01-01T14:30:00"
    assert {tuple(child.tag.split("}")[1] for child in one) for one in hourly} == {("StartBoundary", "ScheduleByDay")}
    assert [one[0].text for one in hourly] == [f"2026-01-01T{hour:02}:17:00" for hour in range(24)]
    assert [child.tag.split("}")[1] for child in root[3][0]] == ["Command", "Arguments"]
    assert root[3][0][0].text == sys.executable
    names = {element.tag.split("}")[1]: element for element in root.iter()}
    assert names["StartWhenAvailable"].text == "true"
    assert names["ExecutionTimeLimit"].text == "PT0S"  # a large backup is not ended after three days
    assert names["DisallowStartIfOnBatteries"].text == names["StopIfGoingOnBatteries"].text == "false"
    assert {"Monday", "Sunday"} <= set(names) and "Tuesday" not in names
    assert str(names["Arguments"].text).endswith("backup run nightly --if-due")


@pytest.mark.parametrize(("times", "hours"), [(1, 24), (24, 24), (25, 12), (47, 1)])
def test_a_task_has_no_more_triggers_than_windows_takes(times: int, hours: int) -> None:
    schedule = Schedule(tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in range(0, 30 * times, 30)))
    (text,) = scheduling.export(replace(PLAN, schedule=schedule), "prod", "schtasks").files.values()
    assert text.count("<ScheduleByWeek>") == times and text.count("<ScheduleByDay>") == hours and times + hours <= 48


def test_the_task_scheduler_is_given_its_file_whatever_stands_in_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "PLATFORM", "win32")
    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path / "Jörg \u4f60 Doe"))
    table = put_on_path("schtasks", SCHTASKS, tmp_path / "bin", monkeypatch)
    made = scheduling.install(PLAN, "prod", "schtasks")
    assert made.installed
    (task,) = table.iterdir()
    assert task.name == "Opsdesk+opsdesk-backup-prod-nightly"
    arguments = ElementTree.fromstring(task.read_text(encoding="utf-8")).findtext(".//{*}Arguments")
    assert f'--home "{tmp_path}/Jörg \u4f60 Doe" --profile prod' in str(arguments)
    (line,) = made.commands
    assert f'/XML "{next(iter(made.files))}" /F' in line
    assert not scheduling.remove(PLAN, "prod", "schtasks").installed
    assert list(table.iterdir()) == []


def test_a_scheduler_that_is_not_here_is_refused(odd: Path) -> None:
    with pytest.raises(OpsError) as caught:
        scheduling.install(PLAN, "prod", "launchd" if sys.platform != "darwin" else "schtasks")
    assert caught.value.code == "no-scheduler"


def test_cron_is_installed_beside_what_is_there_and_removed(
    home: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a crontab program that keeps its table in a file."""
    table = tmp_path / "table"
    mine = b"5 5 * * * mine caf\xe9\n"
    table.write_bytes(mine)
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then cat "{table}"; else cat > "{table}"; fi\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    assert not scheduling.export(PLAN, "prod", "cron").installed
    scheduling.install(PLAN, "prod", "cron")
    assert scheduling.install(PLAN, "prod", "cron").installed
    assert table.read_bytes().count(b"backup run nightly") == 3
    assert table.read_bytes().startswith(mine)
    assert not scheduling.remove(PLAN, "prod", "cron").installed
    assert table.read_bytes() == mine
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then echo "cannot fork" >&2; exit 1; else cat > "{table}"; fi\n')
    with pytest.raises(OpsError, match="cannot fork"):
        scheduling.install(PLAN, "prod", "cron")
    assert table.read_bytes() == mine
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = -l ]; then echo "no crontab for me" >&2; exit 1; else cat > "{table}"; fi\n'
    )
    scheduling.install(PLAN, "prod", "cron")
    assert table.read_bytes().count(b"backup run nightly") == 3


def test_a_removed_plan_is_run_by_nobody(folders: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, program = tmp_path / "table", tmp_path / "bin" / "crontab"
    table.write_text("5 5 * * * mine\n")
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then cat "{table}"; else cat > "{table}"; fi\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    folders.service.save_plan(replace(folders.plan, name="nightly-2"))
    for name in ("nightly", "nightly-2"):
        folders.service.install_schedule(folders.job(), name, "cron")
    folders.service.remove_plan("nightly")
    assert "run nightly " not in table.read_text() and table.read_text().count("run nightly-2 ") == 2
    (folders.service._store.folder / "nightly-2.toml").write_text("nonsense")
    folders.service.remove_plan("nightly-2")
    assert table.read_text() == "5 5 * * * mine\n" and folders.service.plan_troubles() == []
    with pytest.raises(OpsError, match="no plan"):
        folders.service.remove_plan("nightly")
