"""No scratch server outlives its owner, whichever way the owner goes; nor does its folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.backups import guard
from core.backups.scratch import ScratchServer, ServerPrograms
from core.base.errors import OpsError
from core.jobs.job import Job, JobState, headless_job

ROOT = Path(__file__).resolve().parents[3]
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")

# An owner that starts a guard over a "server", tells their numbers, and then waits to be ended.
OWNER = """
import json, os, signal, subprocess, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs these tests may have had it ignored (nohup)
folder, guard, how, *command = sys.argv[1:]
watching = subprocess.Popen([sys.executable, "-I", guard, folder, "-1", "-1", str(1 << 30), "1", str(os.getpid())], stdin=subprocess.PIPE, start_new_session=True)
if how == "early":
    print(watching.pid, flush=True)
    time.sleep(600)
if how == "forked" and os.fork() == 0:
    os.close(1)
    time.sleep(60)  # holds the pipe to the guard open
    os._exit(0)
watching.stdin.write(json.dumps(command).encode() + b"\\n")
watching.stdin.flush()
print(watching.pid, flush=True)
if how == "crash":
    while not os.path.exists(os.path.join(folder, "pid")):
        time.sleep(0.02)
    raise RuntimeError("a fault of ours")
time.sleep(600)
"""
STAY = 'trap "" TERM HUP INT; while :; do sleep 0.2; done'
SERVER = f"echo $$ > pid.new; mv pid.new pid; {STAY}"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # gone before, or between opening and reading
        if sys.platform == "linux":
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(holds: Any, what: str) -> None:
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail(f"never: {what}")


@dataclass
class Scene:
    owner: subprocess.Popen[str]
    guard: int
    server: int
    folder: Path

    def is_over(self) -> None:
        until(lambda: not alive(self.server), "the server ends")
        until(lambda: not alive(self.guard), "the guard ends")
        until(lambda: not self.folder.exists(), "the folder goes")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Any]:
    made: list[Scene] = []

    def play(how: str = "") -> Scene:
        folder = tmp_path / "scratch"
        folder.mkdir()
        owner = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(OWNER), str(folder), guard.__file__, how, "/bin/sh", "-c", SERVER],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert owner.stdout
        watching, server = int(owner.stdout.readline()), 0
        if how != "early":
            until(lambda: (folder / "pid").exists() or not folder.exists(), "the server starts")
            server = int((folder / "pid").read_text()) if how != "crash" else 0
        made.append(Scene(owner, watching, server, folder))
        return made[-1]

    yield play
    for item in made:
        assert item.owner.stdout
        item.owner.stdout.close()
        os.killpg(item.owner.pid, signal.SIGKILL) if item.owner.poll() is None else None
        item.owner.wait()
        for pid in (item.guard, item.server):
            if pid and alive(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_owner_is_ended(scene: Any, number: signal.Signals) -> None:
    found = scene()
    os.kill(found.owner.pid, number)
    found.is_over()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_guard_is_asked_to_end(scene: Any, number: signal.Signals) -> None:
    """As at a logout, or when somebody ends everything of a name."""
    found = scene()
    os.kill(found.guard, number)
    found.is_over()


@linux
def test_the_guard_is_killed(scene: Any) -> None:
    """Nobody is left to remove the folder; the server ends."""
    found = scene()
    os.kill(found.guard, signal.SIGKILL)
    until(lambda: not alive(found.server), "the server ends")


@linux
def test_guard_and_owner_are_killed_at_once(scene: Any) -> None:
    found = scene()
    os.kill(found.guard, signal.SIGKILL)
    os.kill(found.owner.pid, signal.SIGKILL)
    until(lambda: not alive(found.server), "the server ends")


def test_a_child_of_the_owner_holds_the_pipe_open(scene: Any) -> None:
    found = scene("forked")
    os.kill(found.owner.pid, signal.SIGKILL)
    found.is_over()
    os.killpg(found.owner.pid, signal.SIGKILL)


def test_the_owner_crashes(scene: Any) -> None:
    found = scene("crash")
    assert found.owner.wait(60) == 1
    until(lambda: not alive(found.guard), "the guard ends")
    until(lambda: not found.folder.exists(), "the folder goes")


def test_the_owner_is_killed_before_it_says_what_to_run(scene: Any) -> None:
    found = scene("early")
    os.kill(found.owner.pid, signal.SIGKILL)
    until(lambda: not alive(found.guard), "the guard ends")
    until(lambda: not found.folder.exists(), "the folder goes")


# -- the owner is the room's own class; the "MariaDB" is a script that does what the test needs ----------------------


def programs(folder: Path, *, install: str = "", server: str = SERVER) -> ServerPrograms:
    paths = []
    for name, body in (
        ("install", install or 'for o; do case $o in --datadir=*) mkdir "${o#*=}";; esac; done'),
        ("server", server),
    ):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        paths.append(str(path))
    return ServerPrograms(paths[1], paths[0], "mariadb", version=str(folder))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """pytest's own folders are closed to the account that a root process steps down to."""
    with tempfile.TemporaryDirectory(prefix="ops-", dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def scratch(job: Job[Any], folder: Path, **bodies: str) -> ScratchServer:
    tools = folder / "tools"
    tools.mkdir()
    return ScratchServer(job, programs(tools, **bodies), folder / "cache", parent=str(folder), cap=1 << 30)


def spent(owner: ScratchServer) -> bool:
    return not owner.folder.exists() and (owner._guard is None or owner._guard.poll() is not None)


@pytest.mark.parametrize("where", ["install", "server"])
def test_cancelled_on_the_way_up(open_folder: Path, where: str) -> None:
    found: list[ScratchServer] = []
    told = open_folder / "told"
    waits = f'echo $$ > "{told}.new"; mv "{told}.new" "{told}"; {STAY}'

    def work(job: Job[Any]) -> None:
        owner = scratch(job, open_folder, **{where: waits})
        found.append(owner)
        with owner:
            pytest.fail("this server never answers")

    job: Job[Any] = Job("rehearsal", work)
    thread = threading.Thread(target=job.run)
    thread.start()
    until(told.exists, "the program starts")
    job.cancel()
    thread.join(60)
    assert job.state is JobState.CANCELLED, job.error
    assert spent(found[0])
    until(lambda: not alive(int(told.read_text())), "the program ends")


def test_the_server_ends_at_once(open_folder: Path) -> None:
    owner = scratch(headless_job(), open_folder, server="exit 3")
    with pytest.raises(OpsError) as caught, owner:
        pytest.fail("there is no server")
    assert caught.value.code == "scratch" and "status 3" in caught.value.why
    assert spent(owner)


def test_the_data_folder_cannot_be_made(open_folder: Path) -> None:
    owner = scratch(headless_job(), open_folder, install="echo the disk is broken >&2; exit 1")
    with pytest.raises(OpsError) as caught, owner:
        pytest.fail("there is no server")
    assert "the disk is broken" in caught.value.why
    assert spent(owner)


def test_the_server_cannot_be_started(open_folder: Path) -> None:
    owner = scratch(headless_job(), open_folder)
    Path(owner._programs.server).chmod(0o600)
    with pytest.raises(OpsError) as caught, owner:
        pytest.fail("there is no server")
    assert "could not be started" in caught.value.why
    assert spent(owner)
