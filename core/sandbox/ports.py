"""Loopback ports that stay the same from run to run where they can."""

from __future__ import annotations

import json
import os
import random
import socket
from pathlib import Path

from core.base.errors import OpsError
from core.base.files import write_atomic

RANGE = range(21_000, 31_000)
"""Below the ephemeral ports of Linux (32768-60999) and macOS (49152-65535), which a client of anything may hold."""


class Ports:
    """Remembered in ``path`` as ``{service: port}``; a file that cannot be read is written anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ports: dict[str, int] = {}
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            self._ports = {str(name): int(port) for name, port in known.items() if 0 < int(port) < 65536}
        except (OSError, ValueError, TypeError, AttributeError):
            self._ports = {}

    def take(self, name: str) -> int:
        """The port of ``name``: the one it had if that is free, else another."""
        port = self._ports.get(name, 0)
        if not port or not self.is_free(port):
            port = self._another()
            self.remember(name, port)
        return port

    def remember(self, name: str, port: int) -> None:
        self._ports[name] = port
        write_atomic(self._path, json.dumps(self._ports))

    def _another(self) -> int:
        taken = set(self._ports.values())
        for port in random.sample(RANGE, 200):
            if port not in taken and self.is_free(port):
                return port
        raise OpsError("No port is free for the sandbox", f"Tried 200 between {RANGE[0]} and {RANGE[-1]}", "Try again")

    @staticmethod
    def is_free(port: int) -> bool:
        with socket.socket() as probe:
            if os.name == "posix":  # elsewhere it would let us share the port of a stranger
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
        return True
