"""A user's hand: real mouse and keys, sent by the X server (xdotool) to the real window, and an eye for its stalls."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QPoint, QRect, QTimer
from PySide6.QtWidgets import QAbstractButton, QApplication, QMainWindow, QWidget

if TYPE_CHECKING:
    from gui.app import Console


class Heartbeat:
    """A 5 ms timer on the GUI thread; the longest gap between two beats is how long the window stood still."""

    def __init__(self) -> None:
        self._timer = QTimer(interval=5)
        self._timer.timeout.connect(self._beat)
        self._last = time.perf_counter()
        self.gaps: list[float] = []
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append(now - self._last)
        self._last = now

    def stop(self) -> str:
        self._timer.stop()
        ordered = sorted(self.gaps) or [0.0]
        p99 = ordered[int(len(ordered) * 0.99) - 1]
        return f"heartbeat: worst gap {ordered[-1] * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, {len(ordered)} beats"


@contextlib.contextmanager
def opened(profile: str, size: tuple[int, int] | None = None) -> Iterator[Console]:
    """The program as ``main.py`` starts it, on ``profile``; at the end it closes, and no job of it may hang."""
    from gui.app import Console

    console = Console(profile)
    if size:
        console.window.resize(*size)
    console.window.show()
    try:
        yield console
    finally:
        console.window.hide()
        stuck = console.close()
        console.window.deleteLater()
        assert stuck == []


def _by_place(key: str) -> str:
    """The code of a function key: by their names xdotool presses Alt with them since xkb-data 2.48."""
    *held, last = key.split("+")
    if last in (codes := {**{f"F{n}": 66 + n for n in range(1, 11)}, "F11": 95, "F12": 96}):
        last = str(codes[last])
    return "+".join((*held, last))


class Hand:
    """Acts on widgets of this process' window, which is shown on a real X server."""

    def __init__(self, window: QMainWindow) -> None:
        self.window = window
        if window.isVisible():  # what is clicked before the window manager has placed the window, hits the root
            self.wait_until(window.isActiveWindow, "the window is in front")
            self.pause(0.3)

    # -- waiting --------------------------------------------------------------
    def pause(self, seconds: float) -> None:
        """Let the window live for a while."""
        loop = QEventLoop()
        QTimer.singleShot(round(seconds * 1000), loop.quit)
        loop.exec()

    def wait_until(self, condition: Callable[[], object], what: str, seconds: float = 20) -> None:
        """Let the window live until ``condition`` holds; fails naming ``what``."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds:g} s for: {what}")
            self.pause(0.02)

    # -- mouse and keys ---------------------------------------------------------
    def click(self, widget: QWidget, at: QPoint | None = None, *, button: int = 1, double: bool = False) -> None:
        """Move there and press; ``at`` is in the widget's coordinates (default: its middle)."""
        self.wait_until(lambda: widget.isVisible() and widget.isEnabled(), f"{_name(widget)} can be clicked")
        seen = [QRect()]

        def stands_still() -> bool:  # a dialog that has just lost a line of words moves its buttons
            seen.append(QRect(widget.mapToGlobal(QPoint()), widget.size()))
            return seen[-1] == seen[-2]

        self.wait_until(stands_still, f"{_name(widget)} stands still")
        self._move(widget, at or widget.rect().center())
        self._send("click", *(("--repeat", "2", "--delay", "60") if double else ()), str(button))

    def drag(self, widget: QWidget, points: Iterable[QPoint], *, step_seconds: float = 0.004) -> None:
        """Press at the first point, move through the others, release."""
        path = list(points)
        self._move(widget, path[0])
        self._send("mousedown", "1")
        for point in path[1:]:
            self._move(widget, point)
            self.pause(step_seconds)
        self._send("mouseup", "1")

    def flick(self, widget: QWidget, points: Iterable[QPoint]) -> None:
        """The same while the window is busy: all of the movement waits for it when it looks again."""
        path = list(points)
        self._move(widget, path[0])
        self.pause(0.2)
        words = ["mousedown", "1"]
        for there in map(widget.mapToGlobal, path[1:]):
            words += [
                "sleep",
                "0.02",
                "mousemove",
                str(there.x()),
                str(there.y()),
            ]  # the server, too, merges what waits in it
        process = subprocess.Popen(["xdotool", *words, "sleep", "0.02", "mouseup", "1"])
        assert process.wait(timeout=20) == 0  # without a beat of the window
        self.pause(0.03)

    def scroll(self, widget: QWidget, clicks: int) -> None:
        """Turn the wheel: positive is down."""
        self._move(widget, widget.rect().center())
        self._send("click", "--repeat", str(abs(clicks)), "--delay", "20", "5" if clicks > 0 else "4")

    def type(self, text: str) -> None:
        self._send("type", "--delay", "8", text)

    def key(self, *keys: str) -> None:
        """xdotool's names: ``ctrl+Return``, ``Escape``."""
        self._send("key", "--delay", "30", *(_by_place(key) for key in keys))

    # -- looking ----------------------------------------------------------------
    def button(self, text: str, inside: QWidget | None = None) -> QAbstractButton:
        """The visible button with this text or accessible name."""
        found = [
            button
            for button in (inside or self.window).findChildren(QAbstractButton)
            if button.isVisible() and text in (button.text().strip(), button.accessibleName())
        ]
        assert found, f"no visible button {text!r}"
        return found[0]

    def dialog(self, kind: type[QWidget]) -> QWidget:
        """The open dialog of this class, once the keys go to it."""

        def found() -> QWidget | None:
            open_ones = (w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible())
            return next((w for w in open_ones if w.isActiveWindow()), None)

        self.wait_until(found, f"{kind.__name__} is open and has the keys")
        dialog = found()
        assert dialog
        return dialog

    def picture(self, path: Path) -> Path:
        """What the window shows now, as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        assert self.window.grab().save(str(path)), path
        return path

    # -- inside -----------------------------------------------------------------
    def _move(self, widget: QWidget, at: QPoint) -> None:
        point = widget.mapToGlobal(at)
        self._send("mousemove", str(point.x()), str(point.y()))

    def _send(self, *words: str) -> None:
        # It types no letter that its locale does not know, and a path may have any.
        process = subprocess.Popen(["xdotool", *words], env={**os.environ, "LC_ALL": "C.UTF-8"})
        while process.poll() is None:  # the window must live to receive what is sent
            self.pause(0.005)
        assert process.returncode == 0, words
        self.pause(0.03)


def _name(widget: QWidget) -> str:
    return widget.accessibleName() or widget.objectName() or type(widget).__name__
