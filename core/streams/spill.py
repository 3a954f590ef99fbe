"""What does not fit into memory waits on disk, in order: numbered files, read whole, deleted when all of it is in."""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from core.base.errors import OpsError

_ENTRY = struct.Struct("<II")  # bytes of key, bytes of data
_FILE_BYTES = 4 << 20
_FIRST = 1_000_000  # leaves numbers before it for what is put back


class Spill:
    """A first-in-first-out queue of (data, key) on disk, used under its owner's lock.

    A file that was taken is deleted only when ``done`` was told of it, so a killed process finds its records again
    (and sends some twice, never none).
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._writer: IO[bytes] | None = None
        self.files: deque[Path] = deque()
        self.records = 0
        self.bytes = 0
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for path in sorted(folder.glob("*.records")):
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

    def add(self, data: bytes, key: str) -> bool:
        """Append; False when the space set aside is used up or the disk is full."""
        raw_key = key.encode()
        size = _ENTRY.size + len(raw_key) + len(data)
        if self.bytes + size > self._most_bytes:
            return False
        try:
            if self._writer is None or self._writer.tell() > _FILE_BYTES:
                self._next_file()
            assert self._writer is not None
            self._writer.write(_ENTRY.pack(len(raw_key), len(data)) + raw_key + data)
        except OSError:
            return False
        self.records += 1
        self.bytes += size
        return True

    def flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()

    def take(self) -> tuple[Path, list[tuple[bytes, str]]] | None:
        """The oldest file and its records; the file stays until ``done``."""
        if not self.files:
            return None
        path = self.files.popleft()
        if not self.files and self._writer is not None:
            self._writer.close()
            self._writer = None
        content = path.read_bytes()
        entries = _entries(content)
        self.records -= len(entries)
        self.bytes -= len(content)
        return path, entries

    def done(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def put_back(self, entries: Iterable[tuple[bytes, str]]) -> int:
        """Records that were in memory and older than all that is here: kept in a file of their own, before the rest."""
        parts = [_ENTRY.pack(len(raw := key.encode()), len(data)) + raw + data for data, key in entries]
        if not parts:
            return 0
        first = min((int(path.stem) for path in self._folder.glob("*.records")), default=self._number)
        path = self._folder / f"{first - 1:012d}.records"
        try:
            with path.open("wb") as file:
                file.write(b"".join(parts))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _trouble(self._folder, error) from error
        return len(parts)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.flush()
            os.fsync(self._writer.fileno())
            self._writer.close()
            self._writer = None

    def _next_file(self) -> None:
        self.close()
        path = self._folder / f"{self._number:012d}.records"
        self._number += 1
        self._writer = path.open("ab")
        self.files.append(path)


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


def _trouble(folder: Path, error: OSError) -> OpsError:
    return OpsError(
        "Records cannot be kept on disk",
        f"{error.strerror or error} ({folder})",
        "Free some space or choose another folder",
        code="disk",
    )
