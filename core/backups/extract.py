"""Unpacking a tar stream into a folder, trusting nothing in it."""

from __future__ import annotations

import errno
import os
import posixpath
import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.backups.flow import PieceReader
from core.backups.objects.folding import folded, folds
from core.backups.tars import tarfile
from core.base.errors import OpsError
from core.base.files import shown

_AHEAD = 16


class Extractor:
    """A writer whose bytes, a tar, appear as files below ``folder``; then ``finish()``. Use as ``with``.

    tarfile's ``data`` filter refuses paths and links that lead outside, devices, and odd modes. Of our own archives only
    links that point outside are concerned: those are left out and named in ``left_out``. most_bytes, most_files: the
    caps, as a few kilobytes of tar may claim terabytes.
    """

    def __init__(self, folder: Path, *, most_bytes: int, most_files: int) -> None:
        self.folder = folder
        self.left_out: list[tuple[str, str]] = []
        """(name, where it leads)"""
        self._folders: dict[str, tuple[int, float]] = {}
        """Mode and time of each, set at the end: what is written into one changes its time, or needs it writable."""
        self.files = self.bytes = 0
        self._most_bytes, self._most_files = most_bytes, most_files
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
        self._names: dict[str, str] | None = {} if folds(folder) else None
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
            self._finish_folders()
        except OpsError as error:
            self._error = error
        except Exception as error:  # a time of a million years, say: whatever ends it, what was written is not all
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
        if self._names is not None and not member.isdir():
            other = self._names.setdefault(folded(member.name), member.name)
            if other != member.name:
                raise OpsError(
                    "The disk takes two names of the backup for one",
                    f"{shown(member.name)} and {shown(other)}",
                    "Restore onto a disk that tells letter case apart",
                    code="scratch",
                )
        if member.isdir():
            # As the filter does it with files: no set-id, not writable for others; and kept from others where it was.
            self._folders[member.name] = (member.mode & 0o755 | 0o700, member.mtime)
        try:
            tar.extract(member, self.folder, filter="data")
        except (tarfile.LinkOutsideDestinationError, tarfile.AbsoluteLinkError):
            self.left_out.append((member.name, member.linkname))
        except tarfile.FilterError as error:
            raise OpsError(
                "The archive holds a path that leads outside",
                str(error),
                "It was made to harm; do not restore it",
                code="load",
            ) from error

    def _finish_folders(self) -> None:
        for name, (mode, time) in reversed(self._folders.items()):  # what lies in a folder comes after it
            path = self.folder / name
            if path.is_dir() and not path.is_symlink():
                path.chmod(mode)
                os.utime(path, (time, time))


def words_of_links(links: Sequence[tuple[str, str]]) -> str:
    """For people: the first of them, and how many more."""
    told = ", ".join(f"{shown(name)} -> {shown(to)}" for name, to in links[:5])
    return f"{told} and {len(links) - 5:,} more" if len(links) > 5 else told


def leads_outside(name: str, to: str) -> bool:
    """Whether a link ``name`` to ``to`` would be left out."""
    place = posixpath.normpath(posixpath.join(posixpath.dirname(name), to))
    return posixpath.isabs(to) or place == ".." or place.startswith("../")


_OF_THE_ARCHIVE = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR)
"""One name for a file and a folder: no disk would take that."""


def _explained(error: Exception) -> OpsError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OpsError(
            "There is no room left for the files", str(error), "Free some space, or choose another folder", code="disk"
        )
    if isinstance(error, OSError) and error.errno not in _OF_THE_ARCHIVE:
        return OpsError(
            "The files cannot be written here",
            f"{error.strerror or error} ({shown(str(error.filename or '?')[-200:])})",
            "Choose a folder on another disk, with a shorter path, or one that this user may write to",
            code="scratch",
        )
    return OpsError(
        "The archive could not be unpacked", str(error) or type(error).__name__, "Verify an older backup", code="load"
    )
