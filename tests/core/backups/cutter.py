"""A TCP relay that can go away: the broken network between the product and a real server."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time


class Cutter:
    """Relays to ``upstream``. ``gone``: refuse and reset everything; ``cut_after``: reset each of the next ``cuts``
    connections once so many bytes went up; ``leave_after``: gone once so many more bytes passed, up or down."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        self.gone = threading.Event()
        self.cut_after, self.cuts = 0, 0
        self.leave_after = 0
        self.resets = 0
        self._live: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def go_away(self) -> None:
        self.gone.set()
        with self._lock:
            live = list(self._live)
        for end in live:
            _reset(end)

    def come_back(self) -> None:
        self.gone.clear()

    def close(self) -> None:
        self._listener.close()
        self.go_away()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            if self.gone.is_set():
                _reset(here)
                continue
            try:
                there = socket.create_connection(self._upstream)
            except OSError:
                _reset(here)
                continue
            with self._lock:
                self._live |= {here, there}
            threading.Thread(target=self._relay, args=(here, there, True), daemon=True).start()
            threading.Thread(target=self._relay, args=(there, here, False), daemon=True).start()

    def _leaves(self, passed: int) -> bool:
        with self._lock:
            if not self.leave_after:
                return False
            self.leave_after = max(self.leave_after - passed, 0)
            return not self.leave_after

    def _relay(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                passed += len(data)
                if self._leaves(len(data)):
                    self.go_away()
                    return
                if up and self.cuts > 0 and passed > self.cut_after:
                    self.cuts -= 1
                    self.resets += 1
                    _reset(source)
                    _reset(sink)
                    return
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
            with self._lock:
                self._live.discard(end)


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def later(seconds: float, act: object) -> threading.Thread:
    def run() -> None:
        time.sleep(seconds)
        act()  # type: ignore[operator]

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
