"""Where the sandbox keeps its files, and the lock that says which process has them."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import OpsError
from core.base.places import Places


@dataclass(frozen=True, slots=True)
class Layout:
    """``run`` holds what belongs to one run (locks, ports, the control file), ``data`` what `sandbox reset` empties."""

    root: Path

    @classmethod
    def of(cls, places: Places) -> Layout:
        return cls(places.sandbox)

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def control(self) -> Path:
        """Port and token of the running supervisor (0600)."""
        return self.run / "control.json"

    @property
    def ports(self) -> Path:
        """The ports of the last run, taken again if they are free."""
        return self.run / "ports.json"

    @property
    def mysql_password(self) -> Path:
        return self.data / "mysql" / "password"

    @property
    def seed_marker(self) -> Path:
        return self.data / "seed.json"

    def made(self) -> Layout:
        """Create the folders for this user only; OpsError (code ``disk``) where that is impossible."""
        try:
            for folder in (self.run, self.data):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = self.run / f".probe-{os.getpid()}"
            probe.write_bytes(b"\0" * 65536)
            probe.unlink()
        except OSError as error:
            raise OpsError(
                "The sandbox has no place to keep its data",
                f"{error.strerror or error} ({self.root})",
                "Free some space, or set OPSDESK_HOME to a folder that you can write to",
                code="disk",
            ) from error
        return self


class FileLock:
    """An advisory lock on a file, held by the open file: it ends with the last process that has it open.

    Passed on to a child (``fileno``), it shows whether the child is really gone, even after this process died.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def fileno(self) -> int:
        assert self._handle is not None
        return self._handle

    def take(self) -> bool:
        """Try to take it; False if another process has it."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(handle)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def free(self) -> None:
        """Let go (a child that was given it keeps it)."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.close(self._handle)
            self._handle = None


def _lock(handle: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
