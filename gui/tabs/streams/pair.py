"""Two buttons of which one is there: the one that starts, or the one that stops."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton


def show_one(start: QPushButton, stop: QPushButton, *, running: bool) -> None:
    """Keys that were on the one that goes are then on the one that comes; Qt would pass them on to something further down,
    and scroll there."""
    going, coming = (start, stop) if running else (stop, start)
    keys = going.hasFocus()
    coming.show()
    if keys:
        coming.setFocus()
    going.hide()
