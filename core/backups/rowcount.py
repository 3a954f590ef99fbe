"""Counts the rows of every table while a dump flows past: these counts belong to the dump's own snapshot."""

from __future__ import annotations

import re

_START = b"\n-- Dumping data for table `"
_END = b"\nUNLOCK TABLES;\n"
_DATABASE = b"\n-- Current Database: `"
_NAME = re.compile(rb"((?:[^`]|``)*)`\n--\n")
_LONGEST_NAME = 600  # 64 characters of 4 bytes, doubled backticks, and the comment's own line breaks
_OLD_ROWS = b"_history=1 "  # the statement before the rows of a table whose old ones are dumped, too
_ROW = re.compile(rb"\n\(")  # findall: twice the speed of bytes.count for two bytes
TRAILER = re.compile(rb"\n-- Dump completed[^\n]*\n\Z")


class RowCounter:
    """Feed it the dump in pieces of any size; ``rows`` is {(database, table): rows, or None where they cannot be told}.

    mariadb-dump since 10.11 writes one row per line, and escapes line breaks inside values, so "newline, parenthesis"
    between a table's header and its UNLOCK is a row. Other dumps write all rows on one line: those are None.
    ``database`` stays "" for a dump of one database without its name.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], int | None] = {}
        self._kept = b"\n"
        self._table: tuple[str, str] | None = None
        self._database = ""
        self._count, self._inserts, self._old = 0, False, False
        self._tail = b""

    @property
    def whole(self) -> bool:
        """Whether the last line was the dump's own "Dump completed"."""
        return TRAILER.search(self._tail) is not None

    def feed(self, piece: bytes) -> None:
        self._tail = (self._tail + piece)[-300:] if len(piece) < 300 else piece[-300:]
        data = self._joined(piece)
        position = 0
        while True:
            moved = self._inside(data, position) if self._table else self._outside(data, position)
            if moved is None:
                break
            position = moved
        reserve = len(_END) - 1 if self._table else len(_START) + _LONGEST_NAME
        keep_from = max(position, len(data) - reserve)
        if self._table:
            self._tally(data, position, keep_from)
        self._kept = data[keep_from:]

    def _joined(self, piece: bytes) -> bytes:
        """What was kept and the piece in one; within a table the piece alone, once what begins before it is counted."""
        if self._table and len(piece) >= len(_END):  # joining copies all of a piece for the sake of 15 bytes
            seam = self._kept + piece[: len(_END) - 1]
            if _END not in seam:
                self._tally(seam, 0, len(self._kept))
                return piece
        return self._kept + piece

    def _outside(self, data: bytes, position: int) -> int | None:
        start = data.find(_START, position)
        database = data.find(_DATABASE, position, start if start >= 0 else len(data))
        found, marker = (database, _DATABASE) if database >= 0 else (start, _START)
        if found < 0:
            return None
        name = _NAME.match(data, found + len(marker))
        if name is None:  # the rest of the header is still to come, or this was no header
            return found + 1 if len(data) - found > len(marker) + _LONGEST_NAME else None
        text = name[1].replace(b"``", b"`").replace(b"\n-- ", b"\n").decode("utf-8", "replace")
        if marker is _DATABASE:
            self._database = text
        else:
            self._table, self._count, self._inserts, self._old = (self._database, text), 0, False, False
        return name.end() - 1  # the closing line break may open the next marker

    def _inside(self, data: bytes, position: int) -> int | None:
        if data.rfind(_END, position) < 0:  # half the cost of find on text without one
            return None
        end = data.find(_END, position)
        self._tally(data, position, end)
        assert self._table
        self.rows[self._table] = self._count if self._count or not self._inserts else None
        self._table = None
        return end + 1

    def _tally(self, data: bytes, start: int, end: int) -> None:
        """Count what begins in data[start:end]."""
        if not self._count and not self._old:
            first = data.find(b"\nINSERT ", start, end + 7)
            self._old = data.find(_OLD_ROWS, start, first if first >= 0 else end + len(_OLD_ROWS) - 1) >= 0
        self._count += len(_ROW.findall(data, start, end + 1))
        if self._old:  # then the first row of a statement stands on its own line
            self._count += data.count(b"\nINSERT ", start, end + 7)
        if (
            not self._count and not self._inserts
        ):  # otherwise the answer is known, and looking costs as much as counting
            self._inserts = data.find(b"\nINSERT ", start, end + 7) >= 0
