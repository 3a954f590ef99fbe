"""The page's first line: which stream, from where, how it is made, and the tap's buttons."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QMenu, QWidget

from gui.parts.buttons import Button
from gui.parts.layout import row
from gui.parts.notices import Spinner
from gui.parts.words import Chip
from gui.tabs.streams.wording import ELSEWHERE, STARTS

_MOVES = (
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
)

_LONG = 25  # entries


class Picker(QComboBox):
    """A drop-down whose choice ends a tap or begins it again: arrow keys open it instead of choosing blindly, and the
    wheel scrolls past. ``search_asked`` comes instead of a list that is too long to look through."""

    search_asked = Signal(str)  # with the letter that was typed

    def showPopup(self) -> None:
        if self.count() > _LONG:
            self.search_asked.emit("")
        else:
            super().showPopup()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        typed = event.text().strip() if event.text().isprintable() else ""
        if self.count() > _LONG and typed:
            self.search_asked.emit(typed)
        elif event.key() in _MOVES and not self.view().isVisible():
            self.showPopup()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class Toolbar(QWidget):
    stream_chosen = Signal(str)
    start_chosen = Signal(str)
    elsewhere_asked = Signal()
    search_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.streams, self.start = Picker(), Picker()
        self.streams.setFixedWidth(184)
        self.streams.setAccessibleName("Stream")
        for value, words in (*STARTS, (ELSEWHERE, "From: elsewhere…")):
            self.start.addItem(words, value)
        self.start.setAccessibleName("Read from")
        self.start.setToolTip("Where the tap begins to read")
        self.start.setFixedWidth(176)
        self.shards, self.mode = Chip(), Chip()
        self.busy = Spinner()
        self.busy.hide()
        self.produce = Button("Produce", icon_name="send")
        self.produce.setCheckable(True)
        self.tap = Button("Start tap", "primary", icon_name="play")
        self.pause = Button("Pause", icon_name="pause")
        self.stop = Button("Stop tap", "danger", icon_name="circle-stop")
        self.more = Button("More", "icon", icon_name="ellipsis")
        self.menu = QMenu(self)
        self.more.clicked.connect(lambda: self.menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft())))
        self.setLayout(
            row(self.streams, self.start, self.shards, self.mode, self.busy, None, self.produce, self.tap, self.pause,
                self.stop, self.more)
        )  # fmt: skip
        self._start, self._narrow = STARTS[0][0], False
        self.streams.textActivated.connect(self.stream_chosen)
        self.streams.search_asked.connect(self.search_asked)
        self.start.activated.connect(self._start_activated)

    def offer(self, actions: Sequence[QAction | None]) -> None:
        """The menu's entries; None is a line."""
        self.menu.clear()
        for action in actions:
            if action is None:
                self.menu.addSeparator()
            else:
                self.menu.addAction(action)

    def show_streams(self, names: Sequence[str], current: str) -> None:
        self.streams.clear()
        self.streams.addItems(list(names))
        self.streams.setCurrentText(current)
        self.streams.setToolTip(current)
        self.streams.setEnabled(bool(names))

    @property
    def offered(self) -> list[str]:
        """The streams to choose from."""
        return [self.streams.itemText(place) for place in range(self.streams.count())]

    def show_start(self, start: str) -> None:
        """``start`` may be one that is not offered: it then gets an entry of its own."""
        self._start = start
        if self.start.findData(start) < 0:
            self.start.insertItem(self.start.count() - 1, f"From: {start}", start)
        self.start.setCurrentIndex(self.start.findData(start))

    def show_facts(self, shards: str, mode: str) -> None:
        for chip, text in ((self.shards, shards), (self.mode, mode)):
            chip.setText(text)
        self.show_narrow(self._narrow)

    def show_narrow(self, narrow: bool) -> None:
        """Where there is little room the chips give way first."""
        self._narrow = narrow
        self.shards.setVisible(bool(self.shards.text()) and not narrow)
        self.mode.setVisible(bool(self.mode.text()) and not narrow)

    def _start_activated(self, _index: int) -> None:
        value = str(self.start.currentData())
        if value == ELSEWHERE:
            self.show_start(self._start)
            self.elsewhere_asked.emit()
        else:
            self._start = value
            self.start_chosen.emit(value)
