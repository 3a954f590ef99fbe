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

_LOCK, _UNLOCKED = "lock", "lock.new"
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def scratch(kind: str, *, beside: Path | None = None) -> Iterator[Path]:
    """A new folder ``opsdesk-KIND-...`` in the system's place for temporary files, or a hidden one ``beside`` a file.

    It is locked while its process lives, and the kernel lets go of the lock however that ends: a lock that can be taken is one
    of a dead process, and its folder goes. A folder without one (of a version before this) is nobody's to judge and stays.
    """
    place = Path(tempfile.gettempdir()) if beside is None else beside.parent
    prefix = f"{'' if beside is None else '.'}opsdesk-{kind}-"
    _sweep(place, prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=place) as name:
        folder = Path(name)
        with (folder / _UNLOCKED).open("w") as lock:
            take(lock)
            (folder / _UNLOCKED).rename(folder / _LOCK)  # under this name it was never seen unlocked
            yield folder


def _sweep(place: Path, prefix: str) -> None:
    for folder in place.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):  # of another account, without a lock, or gone by now
            if hasattr(os, "getuid") and folder.lstat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("r+") as lock:
                dead = take(lock)
            if dead:
                shutil.rmtree(folder)
                _log.info("removed %s: the process that made it was killed", folder)
