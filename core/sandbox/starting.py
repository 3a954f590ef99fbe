"""Connects a user to the supervisor of a home, starting one if there is none."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from core.base.errors import OpsError
from core.base.places import Places
from core.sandbox.contract import places_as_json
from core.sandbox.control import Line
from core.sandbox.layout import FileLock, Layout
from core.sandbox.status import SandboxStatus

START_WITHIN = 120.0
"""Seconds until the services must have settled; the first start on a slow disk takes longest."""


def open_lease(places: Places) -> tuple[Line, SandboxStatus]:
    """A lease on a supervisor that is not about to stop, and its first status."""
    for _ in range(5):
        line = _open_line(places)
        with contextlib.suppress(OSError, ValueError):
            line.patience(60)
            while (message := line.receive()) is not None:
                status = SandboxStatus.read(message["status"])
                if not status.stopping:
                    line.patience(None)
                    return line, status
        line.close()  # we came just as it left: the next one is ours to start
    raise OpsError(
        "The sandbox stopped while it was starting",
        "It was asked to, or its process ended",
        f"Try again; {places.state / 'sandbox.log'} says more",
    )


def _open_line(places: Places) -> Line:
    """A lease on the supervisor, which is started if need be; of several starters one starts it, the rest wait."""
    layout = Layout.of(places)
    if line := Line.open(layout, lease=True):
        return line
    layout.made()
    lock = FileLock(layout.run / "start.lock")
    until = time.monotonic() + START_WITHIN
    while time.monotonic() < until:
        if lock.take():
            try:
                line = Line.open(layout, lease=True)
                if line is None:
                    _start(places)
                    line = Line.open(layout, lease=True)
            finally:
                lock.free()
        else:
            time.sleep(0.05)
            line = Line.open(layout, lease=True)
        if line is not None:
            return line
    raise OpsError(
        "The sandbox could not be started",
        f"Its supervisor did not answer within {START_WITHIN:.0f} s",
        f"Look into {places.state / 'sandbox.log'}, then try again",
        code="timeout",
    )


def _start(places: Places) -> None:
    """Start the supervisor in a session of its own and read its one line."""
    root = Path(__file__).resolve().parents[2]
    starter: subprocess.Popen[bytes] = subprocess.Popen(
        [sys.executable, "-m", "core.sandbox.supervisor", "--places", places_as_json(places)],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
        start_new_session=True,
        creationflags=0 if os.name == "posix" else 0x208,  # Windows: detached, own process group
    )
    with starter:
        assert starter.stdout and starter.stderr
        said = starter.stdout.readline()
        trouble = "" if said else starter.stderr.read().decode(errors="replace").strip()
    answer = json.loads(said) if said else {"error": {"why": trouble.rpartition("\n")[2]}}
    if error := answer.get("error"):
        raise OpsError(
            error.get("title", "The sandbox could not be started"),
            error.get("why", ""),
            error.get("remedy") or f"Look into {places.state / 'sandbox.log'}, then try again",
            code=error.get("code", "failed"),
            details={"output": trouble} if trouble else None,
        )
