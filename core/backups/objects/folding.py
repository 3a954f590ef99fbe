"""Disks that take two names for one: there the second of two such keys would be written over the first."""

from __future__ import annotations

import sys
import tempfile
import threading
import unicodedata
from pathlib import Path

from core.backups.objects.address import local_path
from core.base.errors import OpsError


def folds(folder: Path) -> bool:
    """Whether names that differ in letter case alone are one there. Asked by a file that is gone at once."""
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.NamedTemporaryFile(prefix=".opsdesk-", suffix=".part", dir=folder) as file:
            path = Path(file.name)
            return path.with_name(path.name.swapcase()).exists()
    except OSError:
        return sys.platform in ("darwin", "win32")  # as theirs do


class Places:
    """Where objects are written below ``folder``; any thread may ask. Only on a disk that folds it remembers all names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folds = folds(folder)
        self._taken: dict[str, str] = {}
        self._lock = threading.Lock()

    def of(self, relative: str) -> Path:
        """Raises OpsError (code ``unsafe``) where no file can be called so, or one is that another object has become."""
        path = local_path(self._folder, relative)
        if self._folds:
            with self._lock:
                other = self._taken.setdefault(folded(relative), relative)
            if other != relative:
                raise OpsError(
                    f"{relative!r} cannot be a file beside {other!r}",
                    f"This disk takes its name and {other!r} for one",
                    "Download it alone, under another name",
                    code="unsafe",
                )
        return path

    def holds(self, relative: str) -> bool:
        """Whether the file of that name is one of those asked for."""
        return self._folds and folded(relative) in self._taken


def folded(name: str) -> str:
    """macOS takes an accent of its own for a part of its letter, too."""
    return unicodedata.normalize("NFC", name).casefold()
