"""Buttons of the design's kinds, with names for screen readers and icons that follow the theme."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QWidget

from gui.parts.focus import begin_at
from gui.style.icons import icon
from gui.style.theme import theme

_ICON_TOKEN = {"primary": "on_accent", "danger": "danger", "destructive": "surface"}
_GAP = {"icon": 0, "nav": 8}
"""Pixels after an icon, besides the style's own few, before the words begin; 4 where nothing is said."""


class Button(QPushButton):
    """kind: ``plain primary danger destructive ghost small link icon nav segment``. An ``icon`` button has no text
    on it: its ``text`` becomes tooltip and accessible name. ``primary`` once a page; ``destructive`` in dialogs only."""

    def __init__(
        self, text: str, kind: str = "plain", *, icon_name: str = "", token: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__("" if kind == "icon" else text, parent)
        self.setProperty("kind", kind)
        self._icon_name = icon_name
        self._token = token or _ICON_TOKEN.get(kind, "text2")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAutoDefault(False)
        if kind == "icon":  # the others are known by what stands on them, which may change
            self.setAccessibleName(text)
            self.setToolTip(text)
        if icon_name:
            self.setIconSize(QSize(16 + (_GAP.get(kind, 4) if text else 0), 16))
            self._paint_icon()
            theme().changed.connect(self._paint_icon)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses like Space, but never what cannot be undone."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.property("kind") != "destructive":
            self.click()
        else:
            super().keyPressEvent(event)

    def set_icon(self, icon_name: str, token: str = "") -> None:
        self._icon_name = icon_name
        self._token = token or self._token
        self._paint_icon()

    def set_token(self, token: str) -> None:
        """Another colour for the same icon."""
        self._token = token
        self._paint_icon()

    def _paint_icon(self) -> None:
        if self._icon_name:
            self.setIcon(icon(self._icon_name, self._token))


class Segments(QFrame):
    """One choice of a few, side by side: ``1 min | 15 min | 1 h``."""

    chosen = Signal(str)

    def __init__(self, options: Sequence[tuple[str, str]], name: str, parent: QWidget | None = None) -> None:
        """``options``: (value, words) pairs; ``name`` says what is chosen, for screen readers."""
        super().__init__(parent)
        self.setProperty("kind", "segments")
        self.setAccessibleName(name)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(2)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, Button] = {}
        for value, words in options:
            button = Button(words, "segment")
            button.setCheckable(True)
            button.setAccessibleName(f"{name}: {words}")
            self._group.addButton(button)
            self._buttons[value] = button
            button.clicked.connect(lambda _checked=False, value=value: self.chosen.emit(value))
            layout.addWidget(button)
        if options:
            self.choose(options[0][0])

    @property
    def value(self) -> str:
        return next(value for value, button in self._buttons.items() if button.isChecked())

    def choose(self, value: str) -> None:
        """Show ``value`` as chosen (no signal)."""
        self._buttons[value].setChecked(True)
        for button in self._buttons.values():  # the arrows lead to the others
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if button.isChecked() else Qt.FocusPolicy.ClickFocus)
        begin_at(self, self._buttons[value])

    def relabel(self, value: str, words: str) -> None:
        self._buttons[value].setText(words)
