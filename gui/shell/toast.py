"""A line that says something went well, and goes away by itself."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QWidget

from gui.parts.layout import row
from gui.parts.notices import Picture
from gui.parts.words import Label, breakable
from gui.style.tokens import Size, Space

_SECONDS = 4
_LONG, _FOR_EACH = 60, 50  # characters read in that time, and ms for each beyond


class Toast(QFrame):
    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("toast")
        self._window = window
        self.label = Label("")
        self.setLayout(
            row(Picture("circle-check", "success"), self.label, margins=(Space.M, Space.S, Space.L, Space.S))
        )
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def praise(self, text: str) -> None:
        self.label.setText(breakable(text))
        self.setAccessibleName(text)
        needed = self.label.fontMetrics().horizontalAdvance(self.label.text()) + Space.XS
        room = self._window.width() - 4 * Space.XXL  # its margins and sign included
        self.label.setWordWrap(needed > room)
        self.label.setFixedWidth(min(needed, room))
        self.adjustSize()
        self.move(
            (self._window.width() - self.width()) // 2, self._window.height() - self.height() - Size.STATUS - Space.L
        )
        self.show()
        self.raise_()
        self._timer.start(_SECONDS * 1000 + max(0, len(text) - _LONG) * _FOR_EACH)
