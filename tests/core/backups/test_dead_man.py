"""What a scheduled run does beside the backup, whatever becomes of that: nobody finds out too late."""

from __future__ import annotations

import fcntl
import json
import threading
from http.server import HTTPServer
from pathlib import Path

import pytest

from core.backups.dead_man import watched
from core.base.errors import OpsError
from tests.core.backups.conftest import Station
from tests.core.backups.test_alerts import hook as hook  # a fixture
from tests.core.backups.test_backup_verbs import Shell


@pytest.fixture
def shell(
    folders: Station, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hook: HTTPServer
) -> Shell:
    """With one backup of the plan ``nightly``, and always due."""
    station = folders
    station.target = station.sandbox.target
    made = Shell(station, monkeypatch, capsys)
    made("backup", "add", "nightly", "--folder", station.plan.source.paths[0], "--to", f"s3://{station.bucket}",
         "--webhook", f"http://127.0.0.1:{hook.server_address[1]}/", "--silence-hours", "0")  # fmt: skip
    made("backup", "run", "nightly")
    monkeypatch.setattr("core.backups.service.is_due", lambda *_: True)
    return made


def told(hook: HTTPServer) -> list[str]:
    return [json.loads(post)["rule"] for post in hook.posts]  # type: ignore[attr-defined]


def test_a_source_that_is_gone_does_not_keep_the_last_backup_from_being_proved(shell: Shell, hook: HTTPServer) -> None:
    Path(shell.station.plan.source.paths[0]).rename(shell.station.places.state / "elsewhere")
    done = shell.json("backup", "run", "nightly", "--if-due", status=1)
    assert "does not exist" in shell.said
    assert done["run"] is None and done["verification"]["status"] == "OK"
    assert told(hook) == ["run-failed", "silence"]


def test_a_run_that_finds_the_plan_locked_still_looks_for_silence(shell: Shell, hook: HTTPServer) -> None:
    with (shell.station.places.state / "backups" / "stand" / "locks" / "nightly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert shell.json("backup", "run", "nightly", "--if-due", status=3)["verification"]["status"] == "OK"
    assert told(hook) == ["silence"]


def test_silence_is_told_while_a_run_hangs() -> None:
    """No scheduler starts a second run beside it."""
    looks = threading.Semaphore(0)

    def look(_: object) -> None:
        looks.release()
        raise OpsError("The network is away", "", "")

    with watched(look, every=0.001):
        assert looks.acquire(timeout=10) and looks.acquire(timeout=10)
