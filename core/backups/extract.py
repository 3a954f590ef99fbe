"""Unpacking a tar stream into a folder, trusting nothing in it."""

from __future__ import annotations

import errno
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

from core.backups.flow import PieceReader
from core.backups.tars import tarfile
from core.base.errors import OpsError

_AHEAD = 16


class Extractor:
    """A writer whose bytes, a tar, appear as files below ``folder``; then ``finish()``. Use as ``with``.

    tarfile's ``data`` filter refuses paths and links that lead outside, devices, and odd modes. Of our own archives only
    links that point outside are concerned: those are left out and named in ``left_out``. most_bytes, most_files: the
    caps, as a few kilobytes of tar may claim terabytes.
    """

    def __init__(self, folder: Path, *, most_bytes: int, most_files: int) -> None:
        self.folder = folder
        self.left_out: list[str] = []
        self.files = self.bytes = 0
        self._most_bytes, self._most_files = most_bytes, most_files
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="extract", daemon=True)

    def __enter__(self) -> Extractor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def write(self, data: bytes) -> None:
        """Raises OpsError (code ``load``) where the archive is no good."""
        self._put(data)

    def finish(self) -> None:
        self._put(None)
        self._thread.join()
        self._raise()

    def _put(self, item: bytes | None) -> None:
        while True:
            self._raise()
            if not self._thread.is_alive():
                return  # the tar had ended before this; the sizes tell whether that was right
            try:
                self._pieces.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _incoming(self) -> Iterator[bytes]:
        while not self._stop.is_set():
            try:
                item = self._pieces.get(timeout=0.2)
            except queue.Empty:
                continue
            if item is None:
                return
            yield item

    def _work(self) -> None:
        try:
            with tarfile.open(fileobj=PieceReader(self._incoming()), mode="r|") as tar:  # type: ignore[call-overload]
                for member in tar:
                    if self._stop.is_set():
                        return
                    self._take(tar, member)
        except OpsError as error:
            self._error = error
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            self._error = _explained(error)

    def _take(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        if not member.isdir():
            self.files += 1
            self.bytes += member.size
        if self.files > self._most_files or self.bytes > self._most_bytes:
            raise OpsError(
                "The archive holds more than it should",
                f"More than {self._most_files:,} files or {self._most_bytes:,} bytes",
                "It is damaged or was made to harm; do not restore it",
                code="load",
            )
        try:
            tar.extract(member, self.folder, filter="data")
        except (tarfile.LinkOutsideDestinationError, tarfile.AbsoluteLinkError):
            self.left_out.append(f"{member.name} -> {member.linkname}")
        except tarfile.FilterError as error:
            raise OpsError(
                "The archive holds a path that leads outside",
                str(error),
                "It was made to harm; do not restore it",
                code="load",
            ) from error


def _explained(error: Exception) -> OpsError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OpsError(
            "There is no room left for the files", str(error), "Free some space, or choose another folder", code="disk"
        )
    return OpsError(
        "The archive could not be unpacked", str(error) or type(error).__name__, "Verify an older backup", code="load"
    )
