"""Where the window stands; what the window manager's frame takes of the screen is tried by a journey."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from gui.bridge.memory import Memory
from gui.shell.geometry import restore_geometry


def test_a_window_made_larger_than_the_screen_is_left_so(qtbot, tmp_path: Path) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    restore_geometry(window, Memory(tmp_path / "memory.json"))
    free = window.screen().availableGeometry()
    window.resize(free.width() + 100, 300)
    window.show()
    qtbot.waitUntil(lambda: window.frameGeometry() != window.geometry())  # it has its frame
    qtbot.wait(300)
    assert (window.width(), window.height()) == (free.width() + 100, 300)
