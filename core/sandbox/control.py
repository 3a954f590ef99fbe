"""How users talk to the supervisor: JSON lines over loopback TCP, with a token from a file only its owner can read."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from typing import Any

from core.base.files import write_atomic
from core.sandbox.layout import Layout

CONNECT_WITHIN = 2.0


@dataclass(frozen=True, slots=True)
class Control:
    port: int
    token: str
    pid: int

    def write(self, layout: Layout) -> None:
        write_atomic(layout.control, json.dumps({"port": self.port, "token": self.token, "pid": self.pid}))

    @classmethod
    def read(cls, layout: Layout) -> Control | None:
        """None where no supervisor runs, or its file cannot be read (the next start replaces it)."""
        try:
            values = json.loads(layout.control.read_text(encoding="utf-8"))
            return cls(int(values["port"]), str(values["token"]), int(values["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


class Line:
    """One connection to the supervisor; blocking."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")

    @classmethod
    def open(cls, layout: Layout, *, lease: bool) -> Line | None:
        """None where nobody answers. With ``lease`` the supervisor stays for as long as the connection is open."""
        control = Control.read(layout)
        if control is None:
            return None
        try:
            connection = socket.create_connection(("127.0.0.1", control.port), timeout=CONNECT_WITHIN)
        except OSError:
            return None
        line = cls(connection)
        try:
            line.send({"token": control.token, "lease": lease})
            if (line.receive() or {}).get("welcome") == control.pid:
                connection.settimeout(None)
                return line
        except (OSError, ValueError):
            pass  # a stranger has the port, or the supervisor is just leaving
        line.close()
        return None

    def send(self, message: dict[str, Any]) -> None:
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        content = self._reader.readline(1 << 20)
        if not content.endswith(b"\n"):
            return None
        message = json.loads(content)
        return message if isinstance(message, dict) else None

    def patience(self, seconds: float | None) -> None:
        self._connection.settimeout(seconds)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads
        with contextlib.suppress(OSError):
            self._reader.close()
        self._connection.close()
