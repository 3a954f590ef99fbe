"""What does not fit into memory waits on disk, in order: numbered files, read whole, deleted when all of it is in."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import logging
import os
import struct
from binascii import b2a_base64
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from core.base.errors import OpsError
from core.base.locks import take

_ENTRY = struct.Struct("<II")  # bytes of key, bytes of data
_FILE_BYTES = 4 << 20
_FIRST = 1_000_000  # leaves numbers before it for what is put back


class Spill:
    """A first-in-first-out queue of (data, key) on disk, used under its owner's lock.

    Every owner has a place of its own in ``folder``, and takes over what others left that are gone: two of them in one
    place would take each other's files away while they are written. A file that was taken is deleted only when ``done``
    was told of it, so a killed process finds its records again (and sends some twice, never none).
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Raises OpsError (code ``disk``) where the folder cannot be used."""
        self._most_bytes = most_bytes
        self._writer: IO[bytes] | None = None
        self._refused = False
        self.files: deque[Path] = deque()
        self.records = 0
        self.bytes = 0
        try:
            self._place, self._lock = _own_place(folder)
            _take_over(folder, self._place)
            for path in sorted(self._place.glob("*.records")):
                entries = _entries(path.read_bytes())
                if entries:
                    self.files.append(path)
                    self.records += len(entries)
                    self.bytes += path.stat().st_size
                else:
                    path.unlink()
        except OSError as error:
            raise _trouble(folder, error) from error
        self._number = int(self.files[-1].stem) + 1 if self.files else _FIRST

    def __bool__(self) -> bool:
        return self.records > 0

    @property
    def has_room(self) -> bool:
        """Whether more can be kept, as far as is known: the last time the disk took it, and space is left."""
        return not self._refused and self.bytes < self._most_bytes

    def add(self, records: Sequence[tuple[bytes, str]]) -> bool:
        """Append all of them, or none: False when the space set aside is used up or the disk is full."""
        content = b"".join([_packed(data, key) for data, key in records])
        self._refused = self.bytes + len(content) > self._most_bytes or not self._written(content)
        if not self._refused:
            self.records += len(records)
            self.bytes += len(content)
        return not self._refused

    def take(self) -> tuple[Path, list[tuple[bytes, str]]] | None:
        """The oldest file and its records; the file stays until ``done``. Raises OpsError where it cannot be read."""
        if not self.files:
            return None
        path = self.files[0]
        if len(self.files) == 1:
            self._end_file()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise _trouble(path, error) from error
        self.files.popleft()
        entries = _entries(content)
        self.records -= len(entries)
        self.bytes -= len(content)
        return path, entries

    def done(self, path: Path) -> None:
        """All of its records are in."""
        self._refused = False  # there is room again
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            logging.getLogger(__name__).warning("%s could not be removed (%s): it will be sent again", path, error)

    def put_back(self, entries: Iterable[tuple[bytes, str]]) -> int:
        """Records that were in memory and older than all that is here: kept in a file of their own, before the rest.
        Raises OpsError where the disk does not take them."""
        parts = [_packed(data, key) for data, key in entries]
        if not parts:
            return 0
        first = min((int(path.stem) for path in self._place.glob("*.records")), default=self._number)
        path = self._place / f"{first - 1:012d}.records"
        try:
            with path.open("wb") as file:
                file.write(b"".join(parts))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            raise _trouble(self._place, error) from error
        return len(parts)

    def set_aside(self, data: bytes, key: str, why: str) -> Path:
        """Keep a record that is not to be sent again, in a file that ``streams replay`` reads; the file. Raises OpsError."""
        row: dict[str, str] = {"partition_key": key, "why": why}
        try:
            row["data"] = data.decode()
        except UnicodeDecodeError:
            row["data_base64"] = b2a_base64(data, newline=False).decode()
        path = self._place / "refused.jsonl"
        try:
            with path.open("a", encoding="ascii") as file:
                if file.tell() > self._most_bytes:
                    raise OSError(errno.EFBIG, "As much as may be set aside is there already")
                file.write(json.dumps(row) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _trouble(path, error) from error
        return path

    def close(self) -> None:
        """Have the disk confirm what was written, and leave the place to whoever comes next."""
        if self._writer is not None:
            try:
                os.fsync(self._writer.fileno())
            except OSError as error:
                logging.getLogger(__name__).warning(
                    "the disk does not confirm the records in %s: %s", self._place, error
                )
        self._end_file()
        self._lock.close()

    def _written(self, content: bytes) -> bool:
        """Straight to the system, without a buffer: what was accepted survives the end of this process."""
        try:
            if self._writer is None or self._writer.tell() > _FILE_BYTES:
                self._next_file()
            assert self._writer is not None
            before, rest = self._writer.tell(), memoryview(content)
            try:
                while rest:
                    rest = rest[self._writer.write(rest) :]
            except OSError:
                self._writer.truncate(before)
                self._writer.seek(before)
                raise
        except OSError:
            return False
        return True

    def _next_file(self) -> None:
        self._end_file()
        path = self._place / f"{self._number:012d}.records"
        self._number += 1
        self._writer = path.open("wb", buffering=0)
        self.files.append(path)

    def _end_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _own_place(folder: Path) -> tuple[Path, IO[str]]:
    """The first place in the folder that nobody holds, and its lock."""
    for number in itertools.count(1):
        place = folder / str(number)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (place / "lock").open("a+")
        if take(lock):
            return place, lock
        lock.close()
    raise AssertionError("there is always a further number")


def _take_over(folder: Path, own: Path) -> None:
    """Bring what is left in places whose owners are gone into our own, behind what is there."""
    number = max((int(path.stem) for path in own.glob("*.records")), default=_FIRST)
    for other in sorted(place for place in folder.iterdir() if place.is_dir() and place != own):
        with (other / "lock").open("a+") as lock:
            if take(lock):
                for path in sorted(other.glob("*.records")):
                    number += 1
                    path.rename(own / f"{number:012d}.records")


def _packed(data: bytes, key: str) -> bytes:
    raw_key = key.encode()
    return _ENTRY.pack(len(raw_key), len(data)) + raw_key + data


def _entries(content: bytes) -> list[tuple[bytes, str]]:
    """The whole records; a last one cut off by a kill was never accepted."""
    found, at = [], 0
    while at + _ENTRY.size <= len(content):
        key_size, data_size = _ENTRY.unpack_from(content, at)
        start = at + _ENTRY.size
        at = start + key_size + data_size
        if at > len(content):
            break
        found.append((content[start + key_size : at], content[start : start + key_size].decode()))
    return found


def _trouble(place: Path, error: OSError) -> OpsError:
    return OpsError(
        "Records cannot be kept on disk",
        f"{error.strerror or error} ({place})",
        "Free some space, or make the folder readable and writable again",
        code="disk",
    )
