"""The window of the chain: the real Streams page taps the stream and draws it, and its heartbeat is kept."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any


@contextlib.contextmanager
def display() -> Iterator[str]:
    """The X server there is, or a virtual one of our own, or Qt's offscreen plugin; says which."""
    if os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM"):
        yield os.environ.get("QT_QPA_PLATFORM") or os.environ["DISPLAY"]
        return
    if shutil.which("Xvfb") is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        yield "offscreen"
        return
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1440x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as pipe:
            os.environ["DISPLAY"] = f":{pipe.readline().strip()}"
        try:
            yield f"Xvfb {os.environ['DISPLAY']}"
        finally:
            server.terminate()


class Window:
    """Opened on the caller's thread, which must be the main one; ``hold`` is its life."""

    def __init__(self, stream: str, on_records: Callable[[list[Any]], None]) -> None:
        from PySide6.QtCore import QObject, Qt, Signal

        from gui.app import Console, application

        class Questions(QObject):
            asked = Signal(object)

        self.app = application()
        self.console = Console("sandbox")
        streams = self.console.window.desk.streams
        setattr(streams, "tap", partial(streams.tap, on_records=on_records))  # noqa: B010
        self.console.window.memory.put("streams.stream", stream)
        self.console.window.resize(1440, 900)
        self.console.window.show()
        self.console.start()
        self.console.window.go("streams")
        self.page: Any = self.console.window.page("streams")
        self._questions = Questions(self.console.window)
        self._questions.asked.connect(lambda answer: answer(), Qt.ConnectionType.QueuedConnection)

    def hold(self, work: Callable[[Window], int]) -> int:
        """Run ``work`` on another thread while the window lives here; its status, once it is done."""
        from PySide6.QtCore import QEventLoop, QTimer

        from tests.journeys.hand import Heartbeat

        loop, status = QEventLoop(), [1]
        self.heartbeat = Heartbeat()
        over = threading.Event()

        def run() -> None:
            try:
                status[0] = work(self)
            finally:
                over.set()

        watch = QTimer(interval=100)
        watch.timeout.connect(lambda: loop.quit() if over.is_set() else None)
        watch.start()
        thread = threading.Thread(target=run, name="chain")
        thread.start()
        loop.exec()
        thread.join()
        return status[0]

    def ask(self, question: Callable[[], Any]) -> Any:
        """The answer to a question that only the window's thread may ask; called from ``work``."""
        found: list[Any] = []
        told = threading.Event()

        def answer() -> None:
            try:
                found.append(question())
            finally:
                told.set()

        self._questions.asked.emit(answer)
        told.wait()
        return found[0] if found else None

    def close(self) -> None:
        self.console.window.hide()
        self.console.close()
