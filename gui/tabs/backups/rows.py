"""A table of values: one object a row, columns that say how to show it, colours and icons by tone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from gui.style.icons import icon
from gui.style.theme import font, theme
from gui.style.tokens import Size

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


class RowModel(QAbstractTableModel):
    def __init__(self, columns: Sequence[Column], parent: QWidget) -> None:
        super().__init__(parent)
        self.columns = list(columns)
        self.rows: list[Any] = []
        theme().changed.connect(self._repaint)

    def _repaint(self) -> None:
        self.layoutChanged.emit()

    def show_rows(self, rows: Sequence[Any]) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def grow(self, rows: Sequence[Any]) -> None:
        if rows:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(rows) - 1)
            self.rows += rows
            self.endInsertRows()

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
    """``picked`` when the selection changed, ``opened`` on a double click or Enter."""

    picked = Signal()
    opened = Signal(object)
    delete_pressed = Signal()

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
        for number, column in enumerate(columns):
            if column.width:
                self.setColumnWidth(number, column.width)
            else:
                header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.selectionModel().selectionChanged.connect(lambda *_: self.picked.emit())
        self.doubleClicked.connect(lambda index: self.opened.emit(self.row_model.rows[index.row()]))

    def resizeEvent(self, event: QResizeEvent) -> None:
        for number, column in enumerate(self.row_model.columns):
            self.setColumnHidden(number, event.size().width() < column.spare)
        super().resizeEvent(event)

    def show_rows(self, rows: Sequence[Any]) -> None:
        """Other rows; the selection is gone."""
        self.row_model.show_rows(rows)
        self.picked.emit()

    @property
    def chosen(self) -> list[Any]:
        return [
            self.row_model.rows[index.row()]
            for index in sorted(self.selectionModel().selectedRows(), key=lambda i: i.row())
        ]

    def choose(self, number: int) -> None:
        if 0 <= number < len(self.row_model.rows):
            self.selectRow(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.row_model.rows[self.currentIndex().row()])
        elif event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def fit_height(self, least: int, most: int) -> None:
        """As high as its rows need, within limits of rows: tables in a scrolled page must not scroll themselves."""
        count = min(max(self.row_model.rowCount(), least), most)
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + count * Size.ROW + 4)
