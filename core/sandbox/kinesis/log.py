"""The append log of one stream: framed, checksummed segments; what a kill leaves half written is cut off on opening.

A frame is one group commit: a table of contents (which shard's records, how many, how long) and the records' bodies,
kept as the very JSON that GetRecords answers with, so that a page is read and sent without touching its records.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
import zlib
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from core.base.files import set_aside
from core.sandbox.kinesis.index import Block

_FRAME = struct.Struct("<4sIIII")  # magic, bytes of contents, bytes of bodies, checksum of contents, of bodies
_BLOCK = struct.Struct("<IIQ")  # shard, records, first place
_MAGIC = b"OKF1"
_OPEN_FILES = 64

Found = Callable[[Block, int, int], None]
"""Hears of every block while a log is opened: the block, its segment, its offset there."""


@dataclass(slots=True)
class Segment:
    number: int
    path: Path
    size: int = 0
    newest: int = 0  # arrival of the newest record, ms


class Log:
    """Written by one thread at a time (``append``), read by any."""

    def __init__(self, folder: Path, segment_bytes: int) -> None:
        self._folder, self._segment_bytes = folder, segment_bytes
        self.segments: list[Segment] = []
        self._writer: int | None = None
        self._sealed = False
        self._readers: OrderedDict[int, int] = OrderedDict()
        self._lock = threading.Lock()

    # -- opening ------------------------------------------------------------
    def open(self, found: Found) -> None:
        """Read every segment's contents; a torn last frame was never acknowledged and is cut off."""
        paths = sorted(self._folder.glob("*.log"))
        for path in paths:
            segment = Segment(int(path.stem), path)
            self._scan(segment, found, whole=path is paths[-1])
            self.segments.append(segment)

    def _scan(self, segment: Segment, found: Found, *, whole: bool) -> None:
        with segment.path.open("rb") as file:
            length = os.fstat(file.fileno()).st_size
            while (body_at := self._frame(file.fileno(), segment, length, found, whole=whole)) is not None:
                segment.size = body_at
        if segment.size < length:
            self._cut(segment, length)

    def _frame(self, file: int, segment: Segment, length: int, found: Found, *, whole: bool) -> int | None:
        """Take in the frame at the segment's end so far; the offset behind it, or None where no whole frame stands."""
        head = os.pread(file, _FRAME.size, segment.size)
        if len(head) < _FRAME.size:
            return None
        magic, contents_size, bodies_size, contents_sum, bodies_sum = _FRAME.unpack(head)
        start = segment.size + _FRAME.size
        end = start + contents_size + bodies_size
        if magic != _MAGIC or end > length:
            return None
        contents = os.pread(file, contents_size, start)
        if zlib.crc32(contents) != contents_sum:
            return None
        if whole and zlib.crc32(os.pread(file, bodies_size, start + contents_size)) != bodies_sum:
            return None
        offset = start + contents_size
        for block in _blocks(contents):
            found(block, segment.number, offset)
            offset += sum(block.lengths) + len(block.lengths) - 1
            segment.newest = max(segment.newest, block.arrivals[-1])
        return int(end)

    def _cut(self, segment: Segment, length: int) -> None:
        """Cut the torn tail; if frames follow the bad one the disk is at fault, and the file is kept aside first."""
        with segment.path.open("rb") as file:
            file.seek(segment.size + 4)
            damaged = _MAGIC in file.read(length - segment.size)
        if damaged:
            kept = segment.path.read_bytes()
            aside = set_aside(segment.path)
            segment.path.write_bytes(kept[: segment.size])
            told = f"{segment.path} is damaged at byte {segment.size}; the whole file is kept as {aside.name}"
            print(told, file=sys.stderr, flush=True)
        else:
            os.truncate(segment.path, segment.size)

    # -- writing ------------------------------------------------------------
    def append(self, blocks: list[Block], bodies: bytes) -> tuple[int, int]:
        """Write one frame and have the disk confirm it; (segment, offset of the bodies). OSError: nothing was written."""
        contents = b"".join(_packed(block) for block in blocks)
        segment = self._current()
        assert self._writer is not None
        head = _FRAME.pack(_MAGIC, len(contents), len(bodies), zlib.crc32(contents), zlib.crc32(bodies))
        frame = b"".join((head, contents, bodies))
        try:
            view = memoryview(frame)
            while view:
                view = view[os.write(self._writer, view) :]
            _sync(self._writer)
        except OSError:
            self._undo(segment)
            raise
        offset = segment.size + len(head) + len(contents)
        segment.size += len(frame)
        segment.newest = max(segment.newest, *(block.arrivals[-1] for block in blocks))
        return segment.number, offset

    def _undo(self, segment: Segment) -> None:
        """The next frame must not follow half a one: cut it off, or leave the segment for a new one."""
        assert self._writer is not None
        try:
            os.ftruncate(self._writer, segment.size)
        except OSError:
            os.close(self._writer)
            self._writer, self._sealed = None, True

    def _current(self) -> Segment:
        if self.segments and self.segments[-1].size < self._segment_bytes and not self._sealed:
            segment = self.segments[-1]
            if self._writer is None:
                self._writer = os.open(segment.path, os.O_WRONLY | os.O_APPEND | _BINARY)
            return segment
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None
        number = self.segments[-1].number + 1 if self.segments else 1
        segment = Segment(number, self._folder / f"{number:08d}.log")
        self._writer = os.open(segment.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY, 0o600)
        sync_folder(self._folder)
        self._sealed = False
        self.segments.append(segment)
        return segment

    # -- reading ------------------------------------------------------------
    def read(self, spans: Iterable[tuple[int, int, int]]) -> list[bytes]:
        """The stretches (segment, offset, length), as they were written."""
        with self._lock:
            return [_pread(self._reader(segment), length, offset) for segment, offset, length in spans]

    def _reader(self, number: int) -> int:
        if number in self._readers:
            self._readers.move_to_end(number)
            return self._readers[number]
        file = os.open(self._folder / f"{number:08d}.log", os.O_RDONLY | _BINARY)
        self._readers[number] = file
        if len(self._readers) > _OPEN_FILES:
            os.close(self._readers.popitem(last=False)[1])
        return file

    # -- dropping -----------------------------------------------------------
    @property
    def size(self) -> int:
        return sum(segment.size for segment in self.segments)

    def drop_oldest(self) -> int:
        """Forget the oldest segment (never the one being written); its number."""
        segment = self.segments.pop(0)
        with self._lock:
            if (file := self._readers.pop(segment.number, None)) is not None:
                os.close(file)
        segment.path.unlink(missing_ok=True)
        return segment.number

    def close(self) -> None:
        with self._lock:
            for file in self._readers.values():
                os.close(file)
            self._readers.clear()
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None


_BINARY = getattr(os, "O_BINARY", 0)


def _sync(file: int) -> None:
    getattr(os, "fdatasync", os.fsync)(file)


def sync_folder(folder: Path) -> None:
    """Have the disk confirm a folder's entries, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _pread(file: int, length: int, offset: int) -> bytes:
    content = os.pread(file, length, offset)
    if len(content) != length:
        raise OSError(f"a segment is shorter than its index says ({len(content)} of {length} bytes)")
    return content


def _packed(block: Block) -> bytes:
    head = _BLOCK.pack(block.shard, len(block.lengths), block.first)
    return head + block.lengths.tobytes() + block.sizes.tobytes() + block.arrivals.tobytes()


def _blocks(contents: bytes) -> Iterable[Block]:
    at = 0
    while at < len(contents):
        shard, count, first = _BLOCK.unpack_from(contents, at)
        at += _BLOCK.size
        lengths, sizes, arrivals = array("I"), array("I"), array("Q")
        for column in (lengths, sizes, arrivals):
            column.frombytes(contents[at : at + count * column.itemsize])
            at += count * column.itemsize
        yield Block(shard, first, lengths, sizes, arrivals)
