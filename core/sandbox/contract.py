"""What supervisor and children agree on: credentials, command lines, and the child's side of living: say READY, end on SIGTERM, end when stdin ends.

Every service is started as ``python -m MODULE --port N --data DIR``, prints ``READY {"port": N}`` once it
listens on 127.0.0.1, and leaves when its parent does: the parent's death closes stdin, whatever killed it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from core.base.places import Places

ACCESS_KEY = SECRET_KEY = "sandbox"
REGION = "us-east-1"
PULSE = 20.0
"""Seconds between two questions to a running service, and how long it may take over one."""
PULSES = 3
"""So many questions in a row without an answer, two minutes, and it hangs: it is killed and started again."""


def places_as_json(places: Places) -> str:
    """For a command line."""
    return json.dumps({name: str(path) for name, path in places._asdict().items()})


def places_from_json(text: str) -> Places:
    return Places(**{name: Path(path) for name, path in json.loads(text).items()})


def announce(port: int) -> None:
    """Tell the supervisor that the service listens."""
    print(f"READY {json.dumps({'port': port})}", flush=True)


def when_parent_leaves(leave: Callable[[], None]) -> None:
    """Call ``leave`` (on a thread) at the end of stdin."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        leave()

    threading.Thread(target=watch, daemon=True, name="parent").start()


def end_with_parent(pid: int) -> None:
    """In a child that is about to become a foreign program: have Linux end it with its parent ``pid``."""
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1  # PR_SET_PDEATHSIG, linux/prctl.h
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)
        if os.getppid() != pid:  # it died before we asked
            os._exit(1)
