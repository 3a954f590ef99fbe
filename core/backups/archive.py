"""Folders and files as one tar stream, each file hashed as it is read."""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import hashlib
import io
import json
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from core.backups.flow import Tally
from core.backups.plan import Source
from core.backups.words import count_of
from core.base.errors import OpsError
from core.base.files import shown
from core.jobs.job import Job

_PIECE = 1 << 20
_NOTES = 100
_HOLES_TOLD = 1 << 20  # bytes; less is not worth a word
_IN_MEMORY = 4 << 20  # of the packed list of files; what is more goes to a temporary file
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
        self.noted = 0
        self.notes: list[str] = []
        """The first of what was ``noted``."""
        self.listing = ListFile()
        self._sparse = (0, 0, "")
        """Files with holes: how many, bytes that take no room here, the first one's name."""
        self._linked: dict[tuple[int, int], tuple[str, int, int]] = {}
        """Of files with several names: the name it was saved under, size and time of change."""

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
        count, size, first = self._sparse
        if size >= _HOLES_TOLD:
            self.noted += 1
            what = count_of(count, "file has holes", "files have holes")
            more = f"restored it takes {size / 1e6:,.0f} MB more than here, all zeros"
            self.notes.insert(0, f"{what}, {more}: {shown(first)}")

    def _entries(self) -> Iterator[tuple[str, str]]:
        for start in self.source.paths:
            root = Path(start).expanduser()
            if not os.path.lexists(root):
                raise OpsError(f"{shown(str(root))} does not exist", "", "Check the plan's paths", code="not-found")
            if self.source.kind == "folder":
                if not root.is_dir():
                    raise OpsError(
                        f"{root} is no folder", "", "Choose the kind `files`, or another path", code="not-found"
                    )
                yield from self._below(str(root), "")
            else:
                whole = Path(os.path.normpath(root.absolute()))
                name = whole.as_posix().removeprefix(whole.anchor.replace("\\", "/"))
                name = f"{whole.drive.replace(':', '')}/{name}".lstrip("/")
                if name:
                    yield str(root), name
                if root.is_dir() and not root.is_symlink():
                    yield from self._below(str(root), name + "/")

    def _below(self, folder: str, prefix: str) -> Iterator[tuple[str, str]]:
        """Everything in ``folder``, and behind each folder what is in it, however deep."""
        unread = [self._listed(folder, prefix)]
        while unread:
            entry, name = next(unread[-1], (None, ""))
            if entry is None:
                unread.pop()
                continue
            yield entry.path, name
            if entry.is_dir(follow_symlinks=False):
                unread.append(self._listed(entry.path, name + "/"))

    def _listed(self, folder: str, prefix: str) -> Iterator[tuple[os.DirEntry[str], str]]:
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            self._note("vanished while it was saved", prefix)
            return
        except OSError as error:
            raise _unreadable(folder, error) from error
        for entry in entries:
            name = prefix + entry.name
            if not any(
                fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(entry.name, pattern)
                for pattern in self.source.exclude
            ):
                yield entry, name

    def _entry(self, tar: tarfile.TarFile, path: str, name: str) -> Iterator[bytes]:
        try:
            mode = os.lstat(path).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
                self._note("left out, no file", name)
                return
            if not stat.S_ISREG(mode):
                info = tar.gettarinfo(path, name)
                if info is not None and not info.isreg():  # else it has become a file meanwhile
                    yield self._head(info)
                    self.listing.add(path=name, type="dir" if info.isdir() else "link", size=0, to=info.linkname)
                    return
            with open(path, "rb", opener=_as_it_is) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    self._note("left out, no file", name)
                    return
                # Of what was opened, not of what now bears the name. tarfile's own memory of inodes would take a new file
                # for another name of one that was deleted meanwhile, and grow with every file.
                tar.inodes.clear()  # type: ignore[attr-defined]
                info = tar.gettarinfo(None, name, file)
                info.linkname = self._same_as(file, name)
                if not info.linkname and (holes := _holes(file)) is not None:
                    self._sparse = (self._sparse[0] + 1, self._sparse[1] + holes, self._sparse[2] or name)
                if info.linkname:
                    info.type, info.size = tarfile.LNKTYPE, 0
                yield self._head(info)
                if info.islnk():
                    self.listing.add(path=name, type="hardlink", size=0, to=info.linkname)
                    return
                yield from self._content(file, info, name)
        except FileNotFoundError:
            self._note("vanished while it was saved", name)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise _unreadable(path, error) from error
            self._note("became a link while it was saved", name)

    def _same_as(self, file: IO[bytes], name: str) -> str:
        """The name under which this very file was saved already; nothing where it was not, or has changed since."""
        about = os.fstat(file.fileno())
        if about.st_nlink < 2 or not about.st_ino:
            return ""
        key = (about.st_dev, about.st_ino)
        first, *state = self._linked.get(key, ("", 0, 0))
        if first and first != name and state == [about.st_size, about.st_mtime_ns]:
            return first
        self._linked[key] = (name, about.st_size, about.st_mtime_ns)
        return ""

    def _note(self, what: str, name: str) -> None:
        self.noted += 1
        if len(self.notes) < _NOTES:
            self.notes.append(f"{what}: {shown(name)}")

    def _head(self, info: tarfile.TarInfo) -> bytes:
        self.count += not info.isdir()
        return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")

    def _content(self, file: IO[bytes], info: tarfile.TarInfo, name: str) -> Iterator[bytes]:
        digest, left, cut = hashlib.sha256(), info.size, False
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                if not cut:
                    self._note("became shorter while it was saved", name)
                cut, piece = True, bytes(min(left, _PIECE))
            digest.update(piece)
            left -= len(piece)
            yield piece
        if file.read(1):
            self._note("grew while it was saved", name)
        self.size += info.size
        self.listing.add(path=name, type="file", size=info.size, sha256=digest.hexdigest())
        yield tarfile.NUL * (-info.size % tarfile.BLOCKSIZE)


def _holes(file: IO[bytes]) -> int | None:
    """How many bytes of it take no room on this disk, where it has holes (compressing disks hold less without any)."""
    about, ask = os.fstat(file.fileno()), getattr(os, "SEEK_HOLE", None)
    blocks = getattr(about, "st_blocks", None)
    if ask is None or blocks is None or (missing := about.st_size - int(blocks) * 512) <= 0:
        return None
    try:
        first = os.lseek(file.fileno(), 0, ask)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
    except OSError:  # this disk does not tell
        return None
    return missing if first < about.st_size else None


def _as_it_is(path: str, flags: int) -> int:
    """Neither waits for a pipe nor follows a link that has taken the file's name meanwhile."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))


class ListFile:
    """JSON lines, compressed into a temporary file: a list of a million files stays out of memory."""

    def __init__(self) -> None:
        import zstandard

        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - lives as long as self
        self._packer = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
        self.tally = Tally()

    def add(self, **entry: Any) -> None:
        line = json.dumps(entry, ensure_ascii=True).encode() + b"\n"
        self.tally.add(line)
        self._write(self._packer.compress(line))

    def finish(self) -> None:
        self._write(self._packer.flush())

    def _write(self, packed: bytes) -> None:
        if not packed:
            return
        try:
            self._file.write(packed)
            self._file.flush()
        except OSError as error:
            # Never as it came: a full disk without any temporary folder is "not found", as a file that has vanished is.
            raise OpsError(
                "The list of files could not be kept",
                f"{error.strerror or error} ({tempfile.tempdir})" if tempfile.tempdir else f"{error.strerror or error}",
                "Free some space in the temporary folder",
                code="disk",
            ) from error

    def content(self) -> bytes:
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # a full disk refuses what was left to be written, and that was told already
            self._file.close()


def _unreadable(path: str, error: OSError) -> OpsError:
    if error.errno == errno.ENAMETOOLONG:
        return OpsError(
            f"A path of {len(os.fsencode(path)):,} bytes is longer than this system opens",
            f"It ends with {shown(path[-80:])}",
            "Exclude it in the plan, and save the deep folder by a plan of its own",
            code="name",
        )
    return OpsError(
        f"{shown(path)} cannot be read",
        error.strerror or str(error),
        "Give this user the right to read it, or exclude it in the plan: a backup with holes is none",
        code="denied",
    )
