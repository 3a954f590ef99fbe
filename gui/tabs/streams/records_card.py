"""The records card: the live table, its filter, what of the stream it holds, and the inspector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QLineEdit, QMenu, QSplitter, QStackedWidget

from core.streams.decode import DecodeCounts, Record
from gui.parts.buttons import Button
from gui.parts.layout import Card
from gui.parts.live_table import LiveTable
from gui.parts.notices import EmptyState
from gui.parts.words import Label, number, restyle, short_count
from gui.style.icons import icon
from gui.style.theme import theme
from gui.tabs.streams.inspector import Inspector
from gui.tabs.streams.wording import record_columns, undecoded_words

_TYPING_PAUSE = 250  # ms
_FILTER_WIDTH, _FILTER_NARROW = 300, 200
_FILTER_HINT = 'Filter: key, shard:3, or $.status = "paid"'


class RecordsCard(Card):
    filter_changed = Signal(str)
    follow_changed = Signal(bool)
    export_asked = Signal(str)
    moment_dropped = Signal()
    columns_chosen = Signal(tuple)
    order_chosen = Signal(bool)
    empty_action_asked = Signal()
    wanted = Signal()
    """the hand works with the records: all of the card should be in sight"""

    def __init__(self, capacity: int) -> None:
        self.filter = QLineEdit()
        self.filter.setProperty("kind", "search")
        self.filter.setPlaceholderText(_FILTER_HINT)
        self.filter.setToolTip(_FILTER_HINT)
        self.filter.setAccessibleName("Filter the records")
        self.filter.setFixedWidth(_FILTER_WIDTH)
        self.filter.setClearButtonEnabled(True)
        self._filter_icon = QAction(self.filter)
        self.filter.addAction(self._filter_icon, QLineEdit.ActionPosition.LeadingPosition)
        self.saved = Button("Saved filters", "icon", icon_name="bookmark")
        self.columns_button = Button("Columns from JSON fields", "icon", icon_name="columns-3")
        self.export = Button("Export the records", "icon", icon_name="download")
        self.order = Button("", "icon", icon_name="arrow-up")
        super().__init__("Records", self.filter, self.saved, self.columns_button, self.order, self.export)
        self.fresh = Button("", "small", icon_name="arrow-up")
        self.fresh.hide()
        self.moment = Button("", "small", icon_name="x")
        self.moment.setToolTip("Show the records of all times again")
        self.moment.hide()
        self.head.setAlignment(self.note, Qt.AlignmentFlag.AlignVCenter)
        self.head.insertWidget(2, self.moment)
        self.head.insertWidget(3, self.fresh)
        self.fault = Label("", "small", tone="danger", wrap=True)
        self.fault.hide()
        self.table = LiveTable(record_columns(utc=False), capacity, "Records")
        self.inspector = Inspector()
        self.inspector.hide()
        self.empty = EmptyState("radio", " ")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.table)
        self.pages.addWidget(self.empty)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(self.pages)
        self.splitter.addWidget(self.inspector)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setCollapsible(0, False)
        self.splitter.setSizes([700, 360])
        self.body.addWidget(self.fault)
        self.body.addWidget(self.splitter, 1)
        self._utc = False
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_PAUSE)
        self._typing.timeout.connect(lambda: self.filter_changed.emit(self.filter.text()))
        self.filter.textChanged.connect(lambda _text: self._typing.start())
        self.filter.returnPressed.connect(self._typing.start)
        self.filter.returnPressed.connect(self.focus_table)
        down = QShortcut(QKeySequence(Qt.Key.Key_Down), self.filter, context=Qt.ShortcutContext.WidgetShortcut)
        down.activated.connect(self.focus_table)
        self.fresh.clicked.connect(self.table.follow)
        self.table.following_changed.connect(self.follow_changed)
        self.table.row_chosen.connect(self._inspect)
        self.inspector.closed.connect(self._close_inspector)
        self.inspector.filter_asked.connect(self._add_to_filter)
        self.moment.clicked.connect(self.moment_dropped)
        self.empty.action_asked.connect(self.empty_action_asked)
        self.columns_button.clicked.connect(self._offer_columns)
        self.order.clicked.connect(lambda: self.order_chosen.emit(not self.table.live.newest_last))
        self.show_order(newest_last=False)
        self.paths: tuple[str, ...] = ()
        theme().changed.connect(self._paint)
        self._paint()

    def _paint(self) -> None:
        self._filter_icon.setIcon(icon("filter", "text3"))

    def focus_table(self) -> None:
        """From the filter to the rows, if there are any."""
        if self.table.isVisible():
            self.table.setFocus()
            self.wanted.emit()

    # -- shown ---------------------------------------------------------------------
    def append(self, records: Sequence[Record]) -> None:
        if records:
            self.pages.setCurrentWidget(self.table)
            self.table.append(records)

    def clear(self) -> None:
        self.table.live.clear()

    def show_counts(self, kept: int, seen: int, *, filtered: bool, decode: DecodeCounts | None = None) -> None:
        """``decode``: what was met on the way; of what stays bytes the number is shown, and the causes beside it."""
        words = ""
        if seen and filtered:
            words = f"{number(kept)} match of {short_count(seen)} seen"
        elif seen:
            words = (
                f"{number(seen)} seen, all kept" if kept == seen else f"{number(kept)} kept of {short_count(seen)} seen"
            )
        if decode is not None and decode.binary:
            words += f" · {short_count(decode.binary)} as bytes"
        self.set_note(words)
        self.note.setToolTip(undecoded_words(decode) if decode is not None else "")

    def show_fresh(self, count: int) -> None:
        """``count`` rows wait, because the table stands still."""
        self.fresh.setVisible(count > 0)
        self.fresh.setText(f"{number(count)} new rows" if count != 1 else "1 new row")
        self.fresh.setAccessibleName(f"Show {count} new rows")

    def show_moment(self, text: str) -> None:
        self.moment.setVisible(bool(text))
        self.moment.setText(text)
        self.moment.setAccessibleName(f"Stop showing only {text}")

    def show_fault(self, text: str) -> None:
        """What is wrong with the filter; "" for nothing."""
        self.fault.setText(text)
        self.fault.setVisible(bool(text))
        self.filter.setProperty("state", "bad" if text else "")
        restyle(self.filter)

    def show_empty(self, sentence: str, action: str = "", hint: str = "") -> None:
        """In place of the table, while it has no rows."""
        self.empty.sentence.setText(sentence)
        self.empty.hint.setText(hint)
        self.empty.hint.setVisible(bool(hint))
        self.empty.button.setText(action)
        self.empty.button.setAccessibleName(action)
        self.empty.button.setVisible(bool(action))
        if not self.table.live.rowCount():
            self.pages.setCurrentWidget(self.empty)

    def show_utc(self, utc: bool) -> None:
        self._utc = utc
        self._show_columns()

    def show_paths(self, paths: tuple[str, ...]) -> None:
        self.paths = paths
        self._show_columns()

    def show_order(self, *, newest_last: bool) -> None:
        words = "Newest at the bottom" if newest_last else "Newest on top"
        self.order.set_icon("arrow-down-to-line" if newest_last else "arrow-up-to-line")
        self.order.setAccessibleName(words)
        self.order.setToolTip(f"{words}: click for the other way round")
        self.fresh.set_icon("arrow-down" if newest_last else "arrow-up")
        self.table.order(newest_last=newest_last)

    def show_narrow(self, narrow: bool) -> None:
        self.filter.setFixedWidth(_FILTER_NARROW if narrow else _FILTER_WIDTH)
        self.filter.setPlaceholderText("Filter: key, shard:3" if narrow else _FILTER_HINT)

    def offer_saved(self, menu: QMenu) -> None:
        menu.popup(self.saved.mapToGlobal(self.saved.rect().bottomLeft()))

    def ask_export(self) -> None:
        menu = QMenu(self)
        for suffix, words in ((".jsonl", "JSON lines…"), (".csv", "CSV…"), (".parquet", "Parquet…")):
            menu.addAction(words).triggered.connect(partial(self._export, suffix))
        menu.popup(self.export.mapToGlobal(self.export.rect().bottomLeft()))

    # -- inside ----------------------------------------------------------------------
    def _show_columns(self) -> None:
        self.table.show_columns(record_columns(utc=self._utc, paths=self.paths))

    def _inspect(self, record: Record) -> None:
        if self.inspector.isHidden():
            self.inspector.show()
            width = self.splitter.width()
            self.splitter.setSizes([width - max(320, width * 2 // 5), max(320, width * 2 // 5)])
            self.wanted.emit()
        self.inspector.show_record(record, utc=self._utc)

    def _close_inspector(self) -> None:
        self.inspector.hide()
        self.table.setFocus()

    def _add_to_filter(self, condition: str) -> None:
        text = self.filter.text().strip()
        self.filter.setText(f"{text} {condition}" if text else condition)

    def _offer_columns(self) -> None:
        """The fields of the newest JSON records, to tick."""
        values = [record.json() for record in self.table.live.newest(50)]
        fields = dict.fromkeys(
            f"$.{key}" for value in values if isinstance(value, dict) for key in value if key.isidentifier()
        )
        menu = QMenu(self)
        for path in dict.fromkeys([*self.paths, *fields]):
            action = menu.addAction(path.removeprefix("$."))
            action.setCheckable(True)
            action.setChecked(path in self.paths)
            action.toggled.connect(partial(self._toggle, path))
        if menu.isEmpty():
            menu.addAction("No JSON fields in the newest records").setEnabled(False)
        menu.popup(self.columns_button.mapToGlobal(self.columns_button.rect().bottomLeft()))

    def _export(self, suffix: str, *_: object) -> None:
        self.export_asked.emit(suffix)

    def _toggle(self, path: str, on: bool) -> None:
        paths = (*self.paths, path) if on else tuple(entry for entry in self.paths if entry != path)
        self.columns_chosen.emit(paths)
