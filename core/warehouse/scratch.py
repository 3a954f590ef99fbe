"""Folders for what is on its way: gone at the end, and where a process was killed, at the beginning of the next one."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.base.locks import take

_LOCK = "lock"
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def scratch(kind: str, *, beside: Path | None = None) -> Iterator[Path]:
    """A new folder ``opsdesk-KIND-...`` in the system's place for temporary files, or a hidden one ``beside`` a file.

    It is locked while its process lives, and the kernel lets go of the lock however that ends: a lock that can be taken is one
    of a dead process, and its folder goes. What is empty was not locked yet, and a folder without one (of a version before
    this) is nobody's to judge: they stay.
    """
    place = Path(tempfile.gettempdir()) if beside is None else beside.parent
    prefix = f"{'' if beside is None else '.'}opsdesk-{kind}-"
    _sweep(place, prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=place) as name:
        folder = Path(name)
        with (folder / _LOCK).open("w") as lock:
            take(lock)
            lock.write(f"{os.getpid()}\n")  # from here on whoever can take it knows that we are gone
            lock.flush()
            yield folder


def _sweep(place: Path, prefix: str) -> None:
    for folder in place.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):  # of another account, without a lock, or gone by now
            if hasattr(os, "getuid") and folder.lstat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("r+") as lock:
                dead = bool(lock.read()) and take(lock)
            if dead:
                shutil.rmtree(folder)
                _log.info("removed %s: the process that made it was killed", folder)
