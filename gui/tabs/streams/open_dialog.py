"""A stream to work on, found by a part of its name among any number of them, or named by whoever may not list them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QWidget

from gui.parts.dialogs import Dialog
from gui.parts.form import Field, line
from gui.parts.words import Label, number

_SHOWN = 200  # rows; whoever has more streams types another letter
_HEIGHT = 300
_MOVES = (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp)


class OpenDialog(Dialog):
    """Typing narrows the list, arrow keys choose in it, Enter opens what is chosen; what fits none is taken as a name."""

    open_asked = Signal(str)

    def __init__(self, names: Sequence[str], current: str = "", parent: QWidget | None = None) -> None:
        super().__init__("Open a stream", "Open", parent)
        self._names = list(names)
        self.name = line("Part of a name, or all of it", mono=True)
        self.list = QListWidget()
        self.list.setProperty("kind", "boxed")
        self.list.setAccessibleName("Streams found")
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setFixedHeight(_HEIGHT)
        self.list.setVisible(bool(names))
        self.note = Label("", "small", wrap=True)
        self.body.addWidget(Field("Name", self.name))
        self.body.addWidget(self.list)
        self.body.addWidget(self.note)
        self.name.textChanged.connect(self._narrow)
        self.name.installEventFilter(self)
        self.list.itemDoubleClicked.connect(lambda _item: self._ask())
        self.asked.connect(self._ask)
        self._narrow("")
        if rows := self.list.findItems(current, Qt.MatchFlag.MatchExactly):
            self.list.setCurrentItem(rows[0])
            self.list.scrollToItem(rows[0], QListWidget.ScrollHint.PositionAtCenter)
        self.name.setFocus()

    @property
    def chosen(self) -> str:
        """What would be opened; "" for nothing."""
        item = self.list.currentItem()
        return item.text() if item is not None else self.name.text().strip()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in _MOVES:
            self.list.keyPressEvent(event)
            return True
        if event.type() == QEvent.Type.FocusIn:  # what was typed before it came goes on, instead of being replaced
            QTimer.singleShot(0, self.name, lambda: self.name.end(False))
        return super().eventFilter(watched, event)

    def _narrow(self, text: str) -> None:
        parts = text.lower().split()
        found = [name for name in self._names if all(part in name.lower() for part in parts)]
        exact = text.strip()
        # The very name first, then what begins with it: Enter is then right.
        found.sort(key=lambda name: (name != exact, not name.lower().startswith(exact.lower()), name))
        self.list.clear()
        self.list.addItems(found[:_SHOWN])
        if found:
            self.list.setCurrentRow(0)
        self.accept_button.setEnabled(bool(found or exact))
        if not self._names:
            self.note.setText("Of a stream in this account and region")
        elif not found:
            self.note.setText(
                f"None of {number(len(self._names))} streams has this in its name: it is opened as it stands"
            )
        else:
            more = f", the first {number(_SHOWN)} are shown" if len(found) > _SHOWN else ""
            self.note.setText(f"{number(len(found))} of {number(len(self._names))} streams{more}")

    def _ask(self) -> None:
        if self.chosen:
            self.open_asked.emit(self.chosen)
            self.accept()
