"""The collector's side of its connections: how many there may be, how long and how large the head of a request."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Any

HEAD_BYTES = 64 << 10
_SPARED = 256  # files and connections that the rest of the process needs
_MOST = 10_000
_LEAVING, _LEAVE_WITHIN = 64, 1.0  # connections beyond the limit that are being answered, and seconds for that
_TURNED_AWAY = (
    b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\nretry-after: 1\r\naccess-control-allow-origin: *\r\n\r\n"
)


def most_connections() -> int:
    """As many as this process may have open, less what it needs itself."""
    if sys.platform == "win32":
        return 500
    import resource

    granted, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if granted == resource.RLIM_INFINITY else max(16, min(_MOST, granted - _SPARED))


class Doorway:
    """Every connection that waits for its next request, the one that has waited longest first. Used on the server's loop."""

    def __init__(self, most: int, head_within: float, statuses: Counter[int]) -> None:
        """``head_within``: seconds for a request's first line and headers. ``statuses``: where what is turned away is
        counted."""
        self.most, self.head_within, self.statuses = most, head_within, statuses
        self._waiting: dict[asyncio.Transport, None] = {}

    def waits(self, transport: asyncio.Transport) -> None:
        self._waiting.pop(transport, None)
        self._waiting[transport] = None

    def busy(self, transport: asyncio.Transport) -> None:
        self._waiting.pop(transport, None)

    def make_room(self) -> bool:
        """Close the connection that has waited longest; False: all are in the middle of a request."""
        while self._waiting:
            transport = next(iter(self._waiting))
            del self._waiting[transport]
            if not transport.is_closing():
                transport.close()
                return True
        return False


def protocol(door: Doorway) -> Any:
    """uvicorn's, with limits that it has not: of connections, and for the head of a request. It waits for ever for one
    that comes letter by letter, and takes one without an end; some hundred of those would use up what the system grants."""
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Limited(HttpToolsProtocol):
        _due: asyncio.TimerHandle | None = None
        _head = 0  # bytes of the one that comes now
        _refused = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > door.most and not door.make_room():
                self._turn_away(503, b"503 Service Unavailable")
                return
            door.waits(transport)
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            door.busy(self.transport)
            self._head_came()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._refused:
                return
            door.busy(self.transport)
            awaited = self._due
            super().data_received(data)
            self._head = self._head + len(data) if awaited is not None and self._due is awaited else 0
            if self._head > HEAD_BYTES and not self.transport.is_closing():
                self._turn_away(431, b"431 Request Header Fields Too Large")

        def on_message_begin(self) -> None:
            super().on_message_begin()
            if self._due is None:  # of the first one the time runs since the connection was made
                self._await_head()

        def on_headers_complete(self) -> None:
            self._head_came()
            super().on_headers_complete()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.cycle.response_complete and not self.transport.is_closing():
                door.waits(self.transport)

        def _await_head(self) -> None:
            self._head_came()
            self._due = self.loop.call_later(door.head_within, self._give_up)

        def _head_came(self) -> None:
            if self._due is not None:
                self._due.cancel()
                self._due = None

        def _give_up(self) -> None:
            if self.cycle is not None and not self.cycle.response_complete:
                self._await_head()  # it came behind a request that is not answered yet
            elif not self.transport.is_closing():
                self.transport.close()

        def _turn_away(self, status: int, line: bytes) -> None:
            door.statuses[status] += 1
            self._refused = True
            self._head_came()
            if len(self.connections) > door.most + _LEAVING:
                self.transport.close()
                return
            # What it still sends is read and thrown away for a moment: closed at once, the answer would be lost to a reset.
            self.transport.write(_TURNED_AWAY % line)
            self.transport.write_eof()
            self.loop.call_later(_LEAVE_WITHIN, self.transport.close)

    return Limited
