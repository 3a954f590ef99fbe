"""Watches over one scratch server: when whoever started it goes away, in whatever manner, server and folder go too.

Run as a program of its own (``python -I guard.py``), with the standard library only, so that it lives on when its
parent is killed. It is started before the folder is filled, and told over stdin, as one line of JSON, what to run
there. It ends everything when stdin ends, when its parent is another (a pipe that some child of the parent has
inherited never ends), and when it is asked to end itself. Killed with -9 it cannot: then Linux ends the server.

    guard.py FOLDER UID GID DISK_CAP_BYTES HOURS PARENT_PID      UID -1: stay who we are
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

_KEEP_FREE = 256 << 20
_LOOK_EVERY = 2.0
_NOTICE_WITHIN = 0.2
_PR_SET_PDEATHSIG = 1
_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def size_of(folder: Path) -> int:
    """Bytes on disk below ``folder`` (files that vanish meanwhile count nothing)."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
    return total


def over_limit(folder: Path, cap: int, deadline: float) -> str:
    """Why the server has to end now, or nothing."""
    if time.monotonic() > deadline:
        return "the time for a rehearsal is over"
    if shutil.disk_usage(folder).free < _KEEP_FREE:
        return "the disk is nearly full"
    if size_of(folder) > cap:
        return f"it has written more than the {cap:,} bytes it was allowed"
    return ""


class Owner:
    """Whoever started us: what they say over stdin, and whether they are still there."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._said = b""

    def gone(self, wait: float = 0.0) -> bool:
        """Whether they have left; looks for ``wait`` seconds at most."""
        readable, _, _ = select.select([0], [], [], wait)
        if readable:
            said = os.read(0, 65_536)
            self._said += said
            if not said:
                return True
        return os.getppid() != self._pid

    def command(self) -> list[str]:
        """What they want to be run; nothing where they leave before they have said it."""
        while b"\n" not in self._said:
            if self.gone(_NOTICE_WITHIN):
                return []
        found: list[str] = json.loads(self._said)
        return found


def main(arguments: list[str]) -> int:
    folder, uid, gid, cap = Path(arguments[0]), int(arguments[1]), int(arguments[2]), int(arguments[3])
    deadline = time.monotonic() + float(arguments[4]) * 3600
    owner = Owner(int(arguments[5]))
    for number in _ENDINGS:
        signal.signal(number, _end)
    os.umask(0o077)
    server: subprocess.Popen[bytes] | None = None
    try:
        command = owner.command()
        if not command:
            return 0
        try:
            with _undisturbed():
                server = _start(command, folder, uid, gid)
        except OSError as error:
            return _told(f"it could not be started ({error})", folder, owner)
        return _watch(server, folder, owner, cap, deadline)
    finally:
        with _undisturbed():
            if server is not None:
                server.kill()
                server.wait()
            _remove(folder)


def _watch(server: subprocess.Popen[bytes], folder: Path, owner: Owner, cap: int, deadline: float) -> int:
    looked = time.monotonic()
    while not owner.gone(_NOTICE_WITHIN):
        ended = ""
        if server.poll() is not None:
            ended = f"it ended by itself with status {server.returncode}"
        elif time.monotonic() - looked >= _LOOK_EVERY:
            looked = time.monotonic()
            ended = over_limit(folder, cap, deadline)
        if ended:
            server.kill()
            return _told(ended, folder, owner)
    return 0


def _told(why: str, folder: Path, owner: Owner) -> int:
    """The folder, with the server's log, stays until they have read why."""
    words = folder / "ended.new"
    words.write_text(why)
    words.rename(folder / "ended")  # whoever finds it finds all of it
    while not owner.gone(_NOTICE_WITHIN):
        pass
    return 1


def _start(command: list[str], folder: Path, uid: int, gid: int) -> subprocess.Popen[bytes]:
    other = {} if uid < 0 else {"user": uid, "group": gid, "extra_groups": []}
    server: subprocess.Popen[bytes] = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C"},
        preexec_fn=_with_us(os.getpid()),
        **other,  # type: ignore[call-overload]
    )
    return server


def _with_us(guard: int) -> Callable[[], None]:
    """Run in the server's process before it becomes the server: Linux kills it when the guard is killed."""
    linux = sys.platform == "linux"
    prctl = ctypes.CDLL(None).prctl if linux else None

    def ask() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != guard:  # it was killed before we could ask
                os._exit(1)

    return ask


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """No signal in between: a server that was started is known, one that has to end is ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDINGS)


def _remove(folder: Path) -> None:
    """Also where somebody is still writing into it: a data folder in the making is left to a program that ends soon."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.2)


def _end(_number: int, _frame: object) -> NoReturn:
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
