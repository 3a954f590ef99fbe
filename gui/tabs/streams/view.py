"""The Streams page as it looks: it shows what it is told and says what the hand did."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QStackedWidget, QWidget

from gui.parts.focus import enter
from gui.parts.layout import column, scrolled
from gui.parts.notices import Banner, Busy, EmptyState
from gui.style.tokens import Size, Space
from gui.tabs.streams.carry_cards import CarryCards
from gui.tabs.streams.chart_card import ChartCard
from gui.tabs.streams.keys_card import KeysCard
from gui.tabs.streams.produce_card import ProduceCard
from gui.tabs.streams.records_card import RecordsCard
from gui.tabs.streams.shards_card import ShardsCard
from gui.tabs.streams.tiles import Tiles
from gui.tabs.streams.toolbar import Toolbar

_CHART_HEIGHT, _RECORDS_HEIGHT = 276, 322
_NARROW = 900  # pixels of page: below it the lower cards stand one above the other


class State(Enum):
    """What the page can do at the moment; every button follows from it."""

    LOADING = "loading"
    UNREACHABLE = "unreachable"
    UNLISTED = "unlisted"  # the streams may not be listed, and none is named
    NO_STREAMS = "no streams"
    READY = "ready"
    STARTING = "starting"
    READING = "reading"
    PAUSED = "paused"
    UNSEEN = "unseen"
    FAILED = "failed"

    @property
    def tapping(self) -> bool:
        return self in (State.READING, State.PAUSED, State.UNSEEN, State.FAILED)


class StreamsView(QWidget):
    shown = Signal()
    hidden = Signal()
    create_asked = Signal()
    retry_asked = Signal()
    open_asked = Signal()

    def __init__(self, kept: int, parent: QWidget | None = None) -> None:
        """A frame with a busy sign; ``furnish`` fills it. ``kept``: rows of the records' table."""
        super().__init__(parent)
        self.setObjectName("page")
        self._kept = kept
        self.furnished = False
        self._state = State.LOADING
        self.pages = QStackedWidget(self)
        self.setLayout(column(self.pages, margins=(Space.XL, Space.L, Space.XL - Size.GUTTER, 0)))
        self.busy = Busy("Reading the list of streams")
        self.empty = EmptyState("activity", " ")
        self.pages.addWidget(self.busy)
        self.pages.addWidget(self.empty)
        self.empty.action_asked.connect(self._empty_asked)

    def furnish(self) -> Iterator[None]:
        """Build the page's parts, one at each ``next``: all in one go the window would stand still for 0.2 s.

        From the outside in: a widget that has its place before it is filled is styled once, not at every level.
        """
        self.work, content = QWidget(), QWidget()
        self.pages.addWidget(self.work)
        self._bar = column(gap=Space.M, margins=(0, 0, Size.GUTTER, 0))
        self._scroll = scrolled(content, gutter=Size.GUTTER)
        self.work.setLayout(column(self._bar, self._scroll, gap=Space.M))
        inner = column(gap=Space.M)
        content.setLayout(inner)
        self.toolbar, self.banner = Toolbar(), Banner("warning")
        self._bar.addWidget(self.toolbar)
        self._bar.addWidget(self.banner)
        yield
        self.produce, self.tiles = ProduceCard(), Tiles()
        self.produce.hide()
        inner.addWidget(self.produce)
        yield
        self.carry = CarryCards()
        self.carry.hide()
        inner.addWidget(self.carry)
        inner.addWidget(self.tiles)
        yield
        self.chart = ChartCard()
        self.chart.setFixedHeight(_CHART_HEIGHT)
        inner.addWidget(self.chart)
        yield
        self.records = RecordsCard(self._kept)
        self.records.setMinimumHeight(_RECORDS_HEIGHT)
        self.records.wanted.connect(self._reveal_records)
        inner.addWidget(self.records, 1)
        yield
        self.shards, self.keys = ShardsCard(), KeysCard()
        self._pair = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._pair.setSpacing(Space.M)
        self._pair.addWidget(self.shards, 3)
        self._pair.addWidget(self.keys, 2)
        inner.addLayout(self._pair)
        self.furnished = True
        self._fit()

    def show_state(self, state: State, *, locked: str = "") -> None:
        """``locked``: why nothing may be written now."""
        self._state = state
        bar = self.toolbar
        page = {
            State.LOADING: self.busy,
            State.NO_STREAMS: self.empty,
            State.UNREACHABLE: self.empty,
            State.UNLISTED: self.empty,
        }
        self.pages.setCurrentWidget(page.get(state, self.work))
        bar.busy.setVisible(state is State.STARTING)
        bar.tap.setVisible(state in (State.READY, State.STARTING))
        bar.tap.setEnabled(state is State.READY)
        bar.pause.setVisible(state.tapping)
        bar.stop.setVisible(state.tapping)
        reading = state is State.READING
        bar.pause.setText("Pause" if reading else "Resume" if state is not State.FAILED else "Try again")
        bar.pause.setAccessibleName(bar.pause.text())
        bar.pause.set_icon("pause" if reading else "play" if state is not State.FAILED else "rotate-ccw")
        bar.start.setEnabled(state is not State.STARTING)
        bar.produce.setEnabled(not locked)
        bar.produce.setToolTip(locked or "Send made-up records into this stream at a set rate")
        self.records.export.setEnabled(state.tapping or self.records.table.live.rowCount() > 0)

    def _reveal_records(self) -> None:
        """All of the card, once it has the height that it now needs."""
        QTimer.singleShot(0, self, lambda: self._scroll.ensureWidgetVisible(self.records, 0, 0))

    def show_producer(self, shown: bool) -> None:
        """Bring the producer into sight, and the keys to it; or hide it."""
        self.produce.setVisible(shown)
        if shown:
            self._scroll.verticalScrollBar().setValue(0)
            enter(self.produce)

    def show_carry(self) -> None:
        """Bring the cards of collector and pipeline into sight."""
        self.carry.show()
        self._scroll.verticalScrollBar().setValue(0)
        self.carry.listen.setFocus()

    def show_nothing(self, state: State, sentence: str, action: str, hint: str = "") -> None:
        """In place of the whole page: no streams, or no answer."""
        self.empty.sentence.setText(sentence)
        self.empty.hint.setText(hint)
        self.empty.hint.setVisible(bool(hint))
        self.empty.button.setText(action)
        self.empty.button.setAccessibleName(action)
        self.empty.button.setVisible(bool(action))
        self.show_state(state)

    def _empty_asked(self) -> None:
        asked = {State.NO_STREAMS: self.create_asked, State.UNLISTED: self.open_asked}
        asked.get(self._state, self.retry_asked).emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.furnished:
            self._fit()

    def _fit(self) -> None:
        narrow = self.width() < _NARROW
        self._pair.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)
        self.toolbar.show_narrow(narrow)
        self.carry.show_narrow(narrow)
        self.chart.show_narrow(narrow)
        self.records.show_narrow(narrow)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.shown.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.hidden.emit()
