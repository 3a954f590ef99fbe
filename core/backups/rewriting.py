"""What is changed in a dump on its way to a server: the names of its databases, and whom its views and routines act as."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from core.backups.flow import Writer
from core.backups.server import identifier


class Rewriter(ABC):
    """A writer that changes lines of a dump on their way; ``close`` passes on what it still holds.

    Only the dump's own lines are changed: values never hold a raw line break, so that what matches after one is the dump's own
    (or stands in the body of a routine).
    """

    _LINE: re.Pattern[bytes]
    _HELD = 1024  # longer than any match

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._held = b""

    def write(self, data: bytes) -> None:
        text = self._held + data
        cut = max(0, len(text) - self._HELD)
        for match in self._LINE.finditer(text):
            if match.start() < cut < match.end():
                cut = match.end()
        self._held = text[cut:]  # as it came: nothing is changed twice
        if cut:
            self._writer.write(self._LINE.sub(self._changed, text[:cut]))

    def close(self) -> None:
        self._writer.write(self._LINE.sub(self._changed, self._held))
        self._held = b""
        if isinstance(self._writer, Rewriter):
            self._writer.close()

    @abstractmethod
    def _changed(self, match: re.Match[bytes]) -> bytes:
        """What stands in place of a match."""


_NAME = rb"`(?:[^`]|``){0,300}`"  # 64 characters of 4 bytes, and doubled backticks; two of them fit what is held


class Renamer(Rewriter):
    """Lets a dump of several databases be loaded under other names. Names inside views and routines stay as they are."""

    _LINE = re.compile(rb"\n(USE |CREATE DATABASE /\*!32312 IF NOT EXISTS\*/ )(" + _NAME + rb")")

    def __init__(self, names: dict[str, str], writer: Writer) -> None:
        super().__init__(writer)
        self._names = {identifier(old).encode(): identifier(new).encode() for old, new in names.items()}

    def _changed(self, match: re.Match[bytes]) -> bytes:
        return b"\n" + match[1] + self._names.get(match[2], match[2])


class Definer(Rewriter):
    """Lets views, routines, triggers and events act as whoever loads them, not as the accounts of the dump.

    A convenience only: whoever loads may set no other definer, so that the server itself refuses what is worded otherwise.
    ``changed`` counts them.
    """

    _LINE = re.compile(
        rb"\n((?:/\*!\d{5,6} )?(?:CREATE (?:OR REPLACE )?|CREATE\*/ /\*!\d{5,6} )?DEFINER=)"
        + _NAME
        + rb"(?:@"
        + _NAME
        + rb")?"
    )

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self.changed = 0

    def _changed(self, match: re.Match[bytes]) -> bytes:
        self.changed += 1
        return b"\n" + match[1] + b"CURRENT_USER"
