"""One run of a plan at a time: a lock file that the operating system lets go of when its holder dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.base.errors import OpsError

LOCKED = 3
"""The exit status of a verb that finds the plan locked."""


@contextmanager
def plan_lock(folder: Path, plan: str) -> Iterator[None]:
    """Hold the plan's lock inside; raises OpsError (code ``locked``, exit status 3) at once where another run holds it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / f"{plan}.lock").open("a+") as file:
        if not take(file):
            file.seek(0)
            holder = file.read(64).strip()
            raise OpsError(
                f"Another run of {plan} is at work",
                f"Process {holder} holds the plan's lock" if holder else "Its lock is held",
                "Wait until it has ended; nothing was changed",
                code="locked",
                exit_status=LOCKED,
            )
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield  # closing the file lets the lock go


def is_locked(folder: Path, plan: str) -> bool:
    """Whether a run is at work now."""
    try:
        with (folder / f"{plan}.lock").open("r+") as file:
            return not take(file)
    except FileNotFoundError:
        return False


def take(file: IO[str]) -> bool:
    """Lock an open file without waiting; False where somebody else holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(1_000_000)  # a byte beyond the content, so that others can still read who holds it
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
