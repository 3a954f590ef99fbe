"""One run of a plan at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.base.errors import OpsError
from core.base.locks import take

LOCKED = 3
"""The exit status of a verb that finds the plan locked."""


@contextmanager
def plan_lock(folder: Path, plan: str) -> Iterator[None]:
    """Hold the plan's lock inside; raises OpsError (code ``locked``, exit status 3) at once where another run holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = (folder / f"{plan}.lock").open("a+")
    except OSError as error:
        raise OpsError(
            f"{plan} cannot be locked against a second run",
            f"{error.strerror or error} ({folder})",
            "Free some space, and see that this user may write there",
            code="disk",
        ) from error
    with opened as file:
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
        with suppress(OSError):  # who holds it is a courtesy: on a full disk it is held all the same
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), str(os.getpid()).encode())
        yield  # closing the file lets the lock go


def is_locked(folder: Path, plan: str) -> bool:
    """Whether a run is at work now."""
    try:
        with (folder / f"{plan}.lock").open("r+") as file:
            return not take(file)
    except FileNotFoundError:
        return False
