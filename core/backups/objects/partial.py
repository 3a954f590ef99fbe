"""What has arrived of an object: gathered in a hidden neighbour of its target, and kept there for the next try."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from core.base.errors import OpsError
from core.base.locks import take

WORTH_KEEPING = 8 << 20
"""Bytes; less is fetched anew by one request."""
KEPT_DAYS = 14
_USELESS = ("changed", "damaged", "not-found", "archived", "name")
"""Codes of trouble after which the bytes are no good, or the rest of them will not come."""


def is_partial(name: str) -> bool:
    """Whether a file of that name holds what has arrived of an interrupted download."""
    return name.startswith(".opsdesk-") and name.endswith(".part")


class Partial:
    """The file's name stands for the object, its bytes (ETag and size) and its target: what came of another version is
    never gone on with, and goes when this one is begun.

    Its bytes are those of the object from the first on, without holes. Whoever ends in good order leaves it synced and
    with the object's own time; ``settled`` says that this was so. After a kill it still has all that was written, after
    a power cut perhaps not: it is then good only where the whole can be compared with a sum in the end.
    """

    def __init__(self, target: Path, bucket: str, key: str, head: dict[str, Any]) -> None:
        """head: HeadObject's answer."""
        self._etag = head.get("ETag", "")
        self._when = int(head["LastModified"].timestamp()) * 1_000_000_000
        self._place = f".opsdesk-{_short(bucket, key, target.name)}-"
        self.path = target.with_name(f"{self._place}{_short(self._etag, str(head['ContentLength']))}.part")
        self._large = int(head["ContentLength"]) > WORTH_KEEPING
        self.settled = False
        self.dropped = 0
        """Bytes of other versions that went."""

    @property
    def size(self) -> int:
        """How much has arrived; raises OSError."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    @contextlib.contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The file, locked, to read what is there and to add to it. It goes if the block ends in trouble that makes it
        useless, or of the disk. Raises OpsError (``locked``) where another download of the same has it; OSError."""
        keep = True
        try:
            with self._locked() as file:
                facts = os.fstat(file.fileno())
                self.settled = facts.st_mtime_ns == self._when  # to the nanosecond: no write of that very second has it
                if self._large:  # of a small one nothing is kept, and thousands of those may come into one folder
                    self._drop_others()
                try:
                    yield file
                except BaseException as error:
                    keep = not isinstance(error, OSError) and self._kept(file, error)
                    raise
        finally:
            if not keep:
                self.path.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Give it the target's name, and the object's time, by which the next run of a folder sees what it has already."""
        os.utime(self.path, ns=(self._when, self._when))
        self.path.replace(target)

    def _kept(self, file: IO[bytes], error: BaseException) -> bool:
        if not self._etag or (isinstance(error, OpsError) and error.code in _USELESS):
            return False
        try:
            file.flush()
            if os.fstat(file.fileno()).st_size < WORTH_KEEPING:
                return False
            os.fsync(file.fileno())
            os.utime(self.path, ns=(self._when, self._when))
        except OSError:
            return False
        return True

    @contextlib.contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        while True:
            # With the mode that any new file gets: to ask for the process's mask means to change it for all threads.
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            with os.fdopen(handle, "r+b") as file:
                if _held(file):
                    raise OpsError(
                        "The same object is being downloaded to this place already",
                        f"Another download holds {self.path}",
                        "Wait for it, or cancel it",
                        code="locked",
                        exit_status=3,
                    )
                file.seek(0)
                if self._is(handle):
                    yield file
                    return
            # Whoever had it has just finished: its file bears the target's name now.

    def _is(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), self.path.stat())
        except FileNotFoundError:
            return False

    def _drop_others(self) -> None:
        """What came of other versions of this object for this target; and what nobody has gone on with for weeks."""
        now = time.time()
        for path in self.path.parent.iterdir():
            if not is_partial(path.name) or path == self.path:
                continue
            with contextlib.suppress(OSError):  # it has gone meanwhile, or is somebody else's
                facts = path.stat()
                if path.name.startswith(self._place) or now - max(facts.st_mtime, facts.st_ctime) > KEPT_DAYS * 86_400:
                    with path.open("r+b") as file:
                        if _held(file):
                            continue
                    path.unlink()
                    self.dropped += facts.st_size


def _held(file: IO[bytes]) -> bool:
    """Locks it, or says that somebody else has. A disk that knows no locks (some network's) keeps nobody from downloading."""
    if sys.platform == "win32":
        return not take(cast("IO[str]", file))
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _short(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:16]
