"""Where the window stood, and how large it was, from one start to the next."""

from __future__ import annotations

import base64

from PySide6.QtCore import QByteArray, QEvent, QObject, QPoint, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from gui.bridge.memory import Memory

_LOOK, _LOOKS = 100, 20  # ms between two looks for the frame, and how many: some window managers put none round it


def restore_geometry(window: QWidget, memory: Memory) -> None:
    """As it was, but on a screen that is there now, and no larger than it."""
    geometry = memory.get("geometry")
    if isinstance(geometry, str):
        window.restoreGeometry(QByteArray(base64.b64decode(geometry)))
    screen = QGuiApplication.primaryScreen().availableGeometry()
    if not any(s.availableGeometry().intersects(window.frameGeometry()) for s in QGuiApplication.screens()):
        window.move(screen.topLeft())
    if window.width() > screen.width() or window.height() > screen.height():
        window.resize(min(window.width(), screen.width()), min(window.height(), screen.height()))
    window.installEventFilter(_FirstShown(window))


class _FirstShown(QObject):
    """Has the window looked at again once it has its frame: how thick that is, nobody knows before it is shown."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window, self._looks = window, 0
        self._timer = QTimer(self, interval=_LOOK)
        self._timer.timeout.connect(self._look)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show:
            self._window.removeEventFilter(self)
            self._timer.start()
        return False

    def _look(self) -> None:
        self._looks += 1
        framed = self._window.frameGeometry() != self._window.geometry()
        if framed or self._looks == _LOOKS:
            self._timer.stop()
        if framed:  # without one it is as large as it was made
            _fit(self._window)


def _fit(window: QWidget) -> None:
    """With its frame and the foot within the screen that it is on; not if it was made larger than that on purpose."""
    free, frame = window.screen().availableGeometry(), window.frameGeometry()
    larger = window.width() > free.width() or window.height() > free.height()
    if larger or window.isMaximized() or window.isFullScreen():
        return
    excess = frame.size() - free.size()
    if excess.width() > 0 or excess.height() > 0:
        window.resize(window.width() - max(excess.width(), 0), window.height() - max(excess.height(), 0))
        frame = window.frameGeometry()
    corner = QPoint(
        max(free.left(), min(frame.left(), free.right() + 1 - frame.width())),
        max(free.top(), min(frame.top(), free.bottom() + 1 - frame.height())),
    )
    if corner != frame.topLeft():
        window.move(corner)


def keep_geometry(window: QWidget, memory: Memory) -> None:
    memory.put("geometry", base64.b64encode(window.saveGeometry().data()).decode())
