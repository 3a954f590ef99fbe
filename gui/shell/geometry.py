"""Where the window stood, and how large it was, from one start to the next."""

from __future__ import annotations

import base64

from PySide6.QtCore import QByteArray
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from gui.bridge.memory import Memory


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


def keep_geometry(window: QWidget, memory: Memory) -> None:
    memory.put("geometry", base64.b64encode(window.saveGeometry().data()).decode())
