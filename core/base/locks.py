"""Locks that hold between processes, and that the operating system lets go of when their holder dies."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.base.errors import OpsError
from core.base.files import unwritable

_PATIENCE = 5.0  # seconds; whoever holds it writes one small file


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


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Inside, no other process that asks the same changes ``path``: read it anew, change it, write it.

    Raises OpsError: ``disk`` where the folder cannot be written, ``locked`` where another program holds it for seconds.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_name(f".{path.name}.lock").open("a+")
    except OSError as error:
        raise unwritable(path, error) from error
    with file:
        deadline = time.monotonic() + _PATIENCE
        while not take(file):
            if time.monotonic() > deadline:
                raise OpsError(
                    f"{path.name} could not be changed", "Another Opsdesk is writing it", "Try again", code="locked"
                )
            time.sleep(0.01)
        yield  # closing the file lets the lock go
