"""A table of values: one object a row, columns that say how to show it, colours and icons by tone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from gui.style.icons import icon
from gui.style.theme import font, theme
from gui.style.tokens import Size, Space

_MEASURED = 500
"""Rows whose numbers are measured for their columns' widths."""

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Column:
    """``text`` makes the cell; ``tone`` its colour token; ``icon`` its icon (name, token). width 0: takes the rest. spare: hidden while the
    table is narrower than so many pixels."""

    title: str
    text: Callable[[Any], str]
    width: int = 0
    right: bool = False
    mono: bool = False
    tone: Callable[[Any], str] | None = None
    icon: Callable[[Any], tuple[str, str] | None] | None = None
    tip: Callable[[Any], str] | None = None
    spare: int = 0
    key: Callable[[Any], Any] | None = None
    """What rows are sorted by; None: this column does not sort."""


class RowModel(QAbstractTableModel):
    def __init__(self, columns: Sequence[Column], parent: QWidget) -> None:
        super().__init__(parent)
        self.columns = list(columns)
        self.rows: list[Any] = []
        self.first: Callable[[Any], bool] = lambda _row: False
        """Rows that stay on top, however the others are sorted."""
        self._given: list[Any] = []
        self._sorted: tuple[Column, bool] | None = None
        theme().changed.connect(self._repaint)

    def _repaint(self) -> None:
        self.layoutChanged.emit()

    def show_rows(self, rows: Sequence[Any]) -> None:
        self.beginResetModel()
        self._given = list(rows)
        self.rows = self._arranged(self._given)
        self.endResetModel()

    def grow(self, rows: Sequence[Any]) -> None:
        if rows:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(rows) - 1)
            self._given += rows
            self.rows += rows
            self.endInsertRows()
            if self._sorted:
                self._arrange(self.rows)

    @property
    def is_sorted(self) -> bool:
        return self._sorted is not None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """By a column; -1, or one that does not sort: as the rows were given."""
        sorts = 0 <= column < len(self.columns) and self.columns[column].key is not None
        self._sorted = (self.columns[column], order == Qt.SortOrder.DescendingOrder) if sorts else None
        self._arrange(self._given)

    def _arrange(self, rows: list[Any]) -> None:
        """Selection and current row stay with their rows."""
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        held = [self.rows[index.row()] for index in before]
        self.rows = self._arranged(rows)
        if before:
            wanted = {id(row) for row in held}
            places = {id(row): number for number, row in enumerate(self.rows) if id(row) in wanted}
            after = [self.index(places[id(row)], index.column()) for row, index in zip(held, before, strict=True)]
            self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _arranged(self, rows: list[Any]) -> list[Any]:
        """``rows``: as they were given, or sorted already but for some at the end, which is much quicker."""
        if self._sorted is None:
            return list(self._given)
        column, descending = self._sorted
        top: list[Any] = []
        rest: list[Any] = []
        for row in rows:
            (top if self.first(row) else rest).append(row)
        for part in (top, rest):
            part.sort(key=column.key, reverse=descending)
        return top + rest

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's own signature)
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.columns)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip(row) if column.tip else None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        if role == Qt.ItemDataRole.FontRole and column.mono:
            return font("mono")
        if role == Qt.ItemDataRole.ForegroundRole and column.tone:
            tone = column.tone(row)
            return theme().color(tone) if tone else None
        if role == Qt.ItemDataRole.DecorationRole and column.icon:
            found = column.icon(row)
            return icon(*found) if found else None
        return None


def _side(column: Column) -> int:
    side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)


class RowTable(QTableView):
    """``picked`` when the selection changed, ``opened`` on a double click or Enter, ``up_pressed`` on Backspace or Alt+Up.

    Home and End go to the first and the last row: where rows are chosen, cells within one are nothing to go to.
    """

    picked = Signal()
    opened = Signal(object)
    delete_pressed = Signal()
    up_pressed = Signal()

    def __init__(
        self, name: str, columns: Sequence[Column], parent: QWidget | None = None, *, many: bool = False
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.row_model = RowModel(columns, self)
        self.setModel(self.row_model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(
            QAbstractItemView.SelectionMode.ExtendedSelection
            if many
            else QAbstractItemView.SelectionMode.SingleSelection
        )
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(Size.ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        # To paint itself the header asks which columns are selected, row by row: seconds, where 100,000 rows are chosen.
        header.setSelectionModel(QItemSelectionModel(self.row_model, header))
        for number, column in enumerate(columns):
            if column.width:
                self.setColumnWidth(number, column.width)
            else:
                header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.selectionModel().selectionChanged.connect(lambda *_: self.picked.emit())
        self.doubleClicked.connect(lambda index: self.opened.emit(self.row_model.rows[index.row()]))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit_columns()
        super().resizeEvent(event)

    def hides(self, number: int) -> bool:
        """Whether there is no room for a column, or no use."""
        return self.viewport().width() < self.row_model.columns[number].spare

    def _fit_columns(self) -> None:
        for number in range(len(self.row_model.columns)):
            self.setColumnHidden(number, self.hides(number))

    def show_rows(self, rows: Sequence[Any]) -> None:
        """Other rows; the selection is gone."""
        self.row_model.show_rows(rows)
        for number, column in enumerate(self.row_model.columns):
            if column.right:  # a number that is cut is another number
                longest = max((column.text(entry) for entry in rows[:_MEASURED]), key=len, default="")
                needed = self.fontMetrics().horizontalAdvance(longest) + 2 * Space.M
                self.setColumnWidth(number, max(column.width, needed))
        self.picked.emit()

    @property
    def chosen(self) -> list[Any]:
        """Rows are chosen whole, so ranges tell them all: to ask for each of 100,000 takes the window seconds."""
        selection = self.selectionModel().selection()
        ranges = [selection.at(number) for number in range(selection.count())]
        numbers = {number for found in ranges for number in range(found.top(), found.bottom() + 1)}
        return [self.row_model.rows[number] for number in sorted(numbers)]

    def choose(self, number: int) -> None:
        if 0 <= number < len(self.row_model.rows):
            self.selectRow(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.row_model.rows[self.currentIndex().row()])
        elif event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        elif event.key() == Qt.Key.Key_Backspace or (
            event.key() == Qt.Key.Key_Up and event.modifiers() == Qt.KeyboardModifier.AltModifier
        ):
            self.up_pressed.emit()
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End) and not event.modifiers():
            self.choose(0 if event.key() == Qt.Key.Key_Home else self.row_model.rowCount() - 1)
            self.scrollTo(self.currentIndex())
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and not self.selectionModel().hasSelection():
            # With the keys Qt makes the first row the current one unseen: the arrow would choose the second.
            self.choose(max(self.currentIndex().row(), 0))
        else:
            super().keyPressEvent(event)

    def sortable(self) -> None:
        """Let the header sort: by a column, the other way, and back to the order in which the rows came."""
        header = self.horizontalHeader()
        header.setSortIndicatorClearable(True)
        header.setSectionsClickable(True)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)

    def fit_height(self, least: int, most: int) -> None:
        """As high as its rows need, within limits of rows: tables in a scrolled page must not scroll themselves."""
        count = min(max(self.row_model.rowCount(), least), most)
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + count * Size.ROW + 4)
