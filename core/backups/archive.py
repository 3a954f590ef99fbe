"""Folders and files as one tar stream, each file hashed as it is read."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import json
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from core.backups.flow import Tally
from core.backups.plan import Source
from core.base.errors import OpsError
from core.jobs.job import Job

_PIECE = 1 << 20
_BATCH = 1 << 18  # small files are handed on together: one piece per file cost more than reading it


class Archive:
    """A tar to be read once: ``pieces()`` yields it. Afterwards ``listing`` holds JSON lines (zstd) of every entry.

    An entry: {"path", "type": "file" | "dir" | "link" | "hardlink", "size", "sha256", "to"}. A file that cannot be read
    fails the whole archive; one that changes while it is read is saved as read and named in ``notes``.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.count = 0
        self.size = 0
        self.notes: list[str] = []
        self.listing = ListFile()

    def halt(self) -> None:
        """Nothing waits here."""

    def pieces(self, job: Job[Any]) -> Iterator[bytes]:
        batch = bytearray()
        with tarfile.open(fileobj=io.BytesIO(), mode="w", format=tarfile.PAX_FORMAT) as tar:  # only for its entry maker
            for path, name in self._entries():
                job.checkpoint()
                for piece in self._entry(tar, path, name):
                    batch += piece
                    if len(batch) >= _BATCH:
                        yield bytes(batch)
                        batch.clear()
                job.report(self.size, None, f"{self.count:,} files read")
        if not self.count:
            raise OpsError(
                "There is nothing to back up",
                f"No file was found under {', '.join(self.source.paths)}",
                "Check the plan's paths",
                code="empty",
            )
        yield bytes(batch) + tarfile.NUL * (2 * tarfile.BLOCKSIZE)
        self.listing.finish()

    def _entries(self) -> Iterator[tuple[str, str]]:
        for start in self.source.paths:
            root = Path(start).expanduser()
            if not os.path.lexists(root):
                raise OpsError(f"{root} does not exist", "", "Check the plan's paths", code="not-found")
            if self.source.kind == "folder":
                if not root.is_dir():
                    raise OpsError(
                        f"{root} is no folder", "", "Choose the kind `files`, or another path", code="not-found"
                    )
                yield from self._below(str(root), "")
            else:
                name = PurePosixPath(root.absolute().as_posix()).as_posix().lstrip("/").replace(":", "")
                yield str(root), name
                if root.is_dir() and not root.is_symlink():
                    yield from self._below(str(root), name + "/")

    def _below(self, folder: str, prefix: str) -> Iterator[tuple[str, str]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise _unreadable(folder, error) from error
        for entry in entries:
            name = prefix + entry.name
            if any(
                fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(entry.name, pattern)
                for pattern in self.source.exclude
            ):
                continue
            yield entry.path, name
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(entry.path, name + "/")

    def _entry(self, tar: tarfile.TarFile, path: str, name: str) -> Iterator[bytes]:
        try:
            mode = os.lstat(path).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
                self.notes.append(f"left out, no file: {name}")
                return
            if not stat.S_ISREG(mode):
                info = tar.gettarinfo(path, name)
                yield self._head(info, name)
                self.listing.add(path=name, type="dir" if info.isdir() else "link", size=0, to=info.linkname)
                return
            with open(path, "rb") as file:
                info = tar.gettarinfo(None, name, file)  # of what was opened, not of what now bears the name
                yield self._head(info, name)
                if info.islnk():
                    self.listing.add(path=name, type="hardlink", size=0, to=info.linkname)
                    return
                yield from self._content(file, info, name)
        except FileNotFoundError:
            self.notes.append(f"vanished while it was saved: {name}")
        except OSError as error:
            raise _unreadable(path, error) from error

    def _head(self, info: tarfile.TarInfo, name: str) -> bytes:
        self.count += not info.isdir()
        return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")

    def _content(self, file: IO[bytes], info: tarfile.TarInfo, name: str) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), info.size
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                self.notes.append(f"became shorter while it was saved: {name}")
                piece = bytes(min(left, _PIECE))
            digest.update(piece)
            left -= len(piece)
            yield piece
        if file.read(1):
            self.notes.append(f"grew while it was saved: {name}")
        self.size += info.size
        self.listing.add(path=name, type="file", size=info.size, sha256=digest.hexdigest())
        yield tarfile.NUL * (-info.size % tarfile.BLOCKSIZE)


class ListFile:
    """JSON lines, compressed into a temporary file: a list of a million files stays out of memory."""

    def __init__(self) -> None:
        import zstandard

        self._file = tempfile.SpooledTemporaryFile(max_size=4 << 20)  # noqa: SIM115 - lives as long as self
        self._packer = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
        self.tally = Tally()

    def add(self, **entry: Any) -> None:
        line = json.dumps(entry, ensure_ascii=True).encode() + b"\n"
        self.tally.add(line)
        try:
            self._file.write(self._packer.compress(line))
        except OSError as error:
            raise OpsError(
                "The list of files could not be kept",
                f"{error.strerror or error} ({tempfile.gettempdir()})",
                "Free some space in the temporary folder",
                code="disk",
            ) from error

    def finish(self) -> None:
        self._file.write(self._packer.flush())

    def content(self) -> bytes:
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        self._file.close()


def _unreadable(path: str, error: OSError) -> OpsError:
    return OpsError(
        f"{path} cannot be read",
        error.strerror or str(error),
        "Give this user the right to read it, or exclude it in the plan: a backup with holes is none",
        code="denied",
    )
