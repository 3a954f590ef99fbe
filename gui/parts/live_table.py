"""A table of what comes in: a ring of fixed size, newest on top or at the bottom, that stands still while it is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QBrush, QFont, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from gui.style.theme import font, theme
from gui.style.tokens import Size

_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Column:
    """``text`` makes a row's cell; ``sort`` is not offered: rows stand in the order they came. width in pixels."""

    title: str
    text: Callable[[Any], str]
    width: int = 120
    right: bool = False
    mono: bool = True
    token: str = "text"
    tip: Callable[[Any], str] | None = None


class LiveModel(QAbstractTableModel):
    """Any Python objects as rows. Row 0 is the newest, or, with ``newest_last``, the oldest kept. ``serial`` numbers
    count all rows ever added, from 0."""

    def __init__(self, columns: Sequence[Column], capacity: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns = list(columns)
        self._capacity = capacity
        self._ring: list[Any] = []
        self._added = 0
        self.newest_last = False
        self._fonts: dict[bool, QFont] = {True: font("mono"), False: font("body")}

    # -- filled -----------------------------------------------------------------
    def append(self, rows: Sequence[Any]) -> None:
        """Add rows, oldest first: one insertion while the ring fills, one change of all rows once it is full."""
        if not rows:
            return
        if len(rows) >= self._capacity:
            self.beginResetModel()
            self._ring = list(rows[-self._capacity :])
            # The ring's places follow the serials, so the next one must fall on the oldest row.
            self._added = -(-(self._added + len(rows)) // self._capacity) * self._capacity
            self.endResetModel()
            return
        grow = min(len(rows), self._capacity - len(self._ring))
        if grow:
            first = len(self._ring) if self.newest_last else 0
            self.beginInsertRows(QModelIndex(), first, first + grow - 1)
        for row in rows:
            if len(self._ring) < self._capacity:
                self._ring.append(row)
            else:
                self._ring[self._added % self._capacity] = row
            self._added += 1
        if grow:
            self.endInsertRows()
        if grow < len(rows):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._ring) - 1, len(self.columns) - 1))

    def clear(self) -> None:
        self.beginResetModel()
        self._ring, self._added = [], 0
        self.endResetModel()

    def show_columns(self, columns: Sequence[Column]) -> None:
        self.beginResetModel()
        self.columns = list(columns)
        self.endResetModel()

    def order(self, *, newest_last: bool) -> None:
        self.beginResetModel()
        self.newest_last = newest_last
        self.endResetModel()

    # -- read ---------------------------------------------------------------------
    def row(self, number: int) -> Any:
        return self._ring[self._place(number)]

    def newest(self, count: int) -> list[Any]:
        """The newest rows, the newest first."""
        return [self._ring[serial % self._capacity] for serial in range(self._added - 1, self._oldest - 1, -1)][:count]

    def serial(self, number: int) -> int:
        return self._oldest + number if self.newest_last else self._added - 1 - number

    def number(self, serial: int) -> int:
        """The row that shows ``serial`` now, or -1 when it has left."""
        number = serial - self._oldest if self.newest_last else self._added - 1 - serial
        return number if 0 <= number < len(self._ring) else -1

    @property
    def _oldest(self) -> int:
        return self._added - len(self._ring)

    def _place(self, number: int) -> int:
        return self.serial(number) % self._capacity

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._ring)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        column = self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(self.row(index.row()))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole:
            return self._fonts[column.mono]
        if role == Qt.ItemDataRole.ForegroundRole:
            return QBrush(theme().color(column.token))
        if role == Qt.ItemDataRole.ToolTipRole and column.tip is not None:
            return column.tip(self.row(index.row()))
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            column = self.columns[section]
            if role == Qt.ItemDataRole.DisplayRole:
                return column.title
            if role == Qt.ItemDataRole.TextAlignmentRole:
                side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
                return side | Qt.AlignmentFlag.AlignVCenter
        return None


class LiveTable(QTableView):
    """Follows the newest row; scrolling away makes it stand still (``following`` turns False) until ``follow``."""

    row_chosen = Signal(object)
    following_changed = Signal(bool)

    def __init__(self, columns: Sequence[Column], capacity: int, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.live = LiveModel(columns, capacity, self)
        self.setModel(self.live)
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(Size.ROW - 2)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setStretchLastSection(True)
        self.following = True
        self._size_columns()
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.selectionModel().currentRowChanged.connect(self._chosen)

    def append(self, rows: Sequence[Any]) -> None:
        """Show new rows on top; the chosen row stays chosen."""
        chosen = self.live.serial(self.currentIndex().row()) if self.currentIndex().isValid() else None
        full = self.live.rowCount() + len(rows) > self.live._capacity
        self.live.append(rows)
        if chosen is not None and full:
            self._choose_again(self.live.number(chosen))
        if self.following:
            self._scroll_to_newest()

    def follow(self) -> None:
        """Go back to the newest row."""
        self._scroll_to_newest()
        self._set_following(True)

    def order(self, *, newest_last: bool) -> None:
        """Newest at the bottom, as a log reads, or on top; then follow."""
        if newest_last != self.live.newest_last:
            self.live.order(newest_last=newest_last)
        self.follow()

    def _scroll_to_newest(self) -> None:
        if self.live.newest_last:
            self.scrollToBottom()
        else:
            self.scrollToTop()

    def show_columns(self, columns: Sequence[Column]) -> None:
        self.live.show_columns(columns)
        self._size_columns()

    def chosen_rows(self) -> list[Any]:
        """The selected rows' objects, as they stand."""
        return [self.live.row(index.row()) for index in sorted(self.selectionModel().selectedRows())]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            lines = ["\t".join(column.text(row) for column in self.live.columns) for row in self.chosen_rows()]
            QGuiApplication.clipboard().setText("\n".join(lines))
            return
        super().keyPressEvent(event)

    def _size_columns(self) -> None:
        for number, column in enumerate(self.live.columns[:-1]):
            self.setColumnWidth(number, column.width)

    def _choose_again(self, number: int) -> None:
        model = self.selectionModel()
        model.blockSignals(True)  # the same row at another place is no new choice
        if number < 0:
            model.clear()
        else:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            model.setCurrentIndex(self.live.index(number, 0), flags)
        model.blockSignals(False)
        self.viewport().update()

    def _chosen(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.row_chosen.emit(self.live.row(current.row()))

    def _scrolled(self, value: int) -> None:
        self._set_following(value == (self.verticalScrollBar().maximum() if self.live.newest_last else 0))

    def _set_following(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self.following_changed.emit(following)
