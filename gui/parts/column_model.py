"""A table model over columns: text of a page of rows at a time, made by polars; sorting and filtering only swap the row order."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont

from gui.style.icons import icon
from gui.style.theme import font, theme

if TYPE_CHECKING:
    import polars as pl

_PAGE = 256  # rows whose text is made at once: 0.04 ms a column, and a viewport needs one or two
_PAGES = 1200  # pages of one column kept: 40 columns x 30 pages
_LONGEST = 400  # characters of a cell that are shown; copy and export take all
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_QT_ROWS = 2_000_000_000  # rowCount is a C int

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class ColumnModel(QAbstractTableModel):
    """Shows a polars frame. ``order`` (UInt32 row numbers) says which rows and in what order; None: all as they came.

    Nothing here walks over cells in Python: a cell comes from a page of ready texts (measured 2 us, misses included).
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._frame: pl.DataFrame | None = None
        self._names: list[str] = []
        self._types: list[str] = []
        self._series: list[pl.Series] = []
        self._order: pl.Series | None = None
        self._rows = 0
        self._numeric: list[bool] = []
        self._icons: list[str] = []
        self._pages: OrderedDict[tuple[int, int], list[str | None]] = OrderedDict()
        self._sorts: list[tuple[str, bool]] = []
        self._null_font = QFont(font("body"))
        self._null_font.setItalic(True)

    # -- filling ----------------------------------------------------------------
    def show_frame(self, frame: pl.DataFrame | None, types: list[str] | None = None) -> None:
        """Show another frame; ``types`` are the column types in the warehouse's words."""
        self.beginResetModel()
        self._frame, self._order = frame, None
        self._take(frame)
        self._types = types or ([str(series.dtype) for series in self._series])
        self._numeric = [series.dtype.is_numeric() for series in self._series]
        self._icons = [_icon_of(series.dtype) for series in self._series]
        self.endResetModel()

    def grow(self, frame: pl.DataFrame) -> None:
        """More rows of the same result, while no order is set; those shown stay where they are."""
        if self._order is not None or self._frame is None:
            return
        first, last = self._rows, min(len(frame), _QT_ROWS) - 1
        if last < first:
            return
        self.beginInsertRows(QModelIndex(), first, last)
        self._frame = frame
        self._take(frame)
        self.endInsertRows()

    def _take(self, frame: pl.DataFrame | None) -> None:
        self._series = list(frame.iter_columns()) if frame is not None else []
        self._names = [series.name for series in self._series]
        self._rows = min(len(frame), _QT_ROWS) if frame is not None else 0
        self._pages.clear()

    def show_order(self, order: pl.Series | None, sorts: list[tuple[str, bool]]) -> None:
        """Another selection or order of the same rows."""
        self.beginResetModel()
        self._order, self._sorts = order, sorts
        self._rows = len(order) if order is not None else (len(self._frame) if self._frame is not None else 0)
        self._pages.clear()
        self.endResetModel()

    # -- asking -----------------------------------------------------------------
    @property
    def frame(self) -> pl.DataFrame | None:
        return self._frame

    @property
    def names(self) -> list[str]:
        return self._names

    @property
    def types(self) -> list[str]:
        """Of the columns, in the warehouse's words."""
        return self._types

    @property
    def order(self) -> pl.Series | None:
        return self._order

    def rows(self, first: int, last: int) -> pl.DataFrame:
        """The shown rows ``first..last`` (inclusive) as a frame."""
        assert self._frame is not None
        if self._order is None:
            return self._frame.slice(first, last - first + 1)
        return self._frame[self._order.slice(first, last - first + 1)]

    def row_texts(self, row: int) -> list[str | None]:
        """The cells' texts of one shown row, in one question whatever the number of columns."""
        kinds = [series.dtype for series in self._series]
        import polars as pl

        made = self.rows(row, row).select(_texts(pl.nth(number), kind) for number, kind in enumerate(kinds))
        return list(made.row(0))

    def is_numeric(self, column: int) -> bool:
        return self._numeric[column]

    def text(self, row: int, column: int) -> str | None:
        """A cell's text, None for NULL."""
        return self._page(column, row // _PAGE)[row % _PAGE]

    def longest(self, rows: int) -> list[int]:
        """Characters of the longest text among the first ``rows`` of each column. All columns of a type are one question to
        polars: 1,600 questions took 0.8 s."""
        import polars as pl

        if self._frame is None or not rows:
            return [0] * len(self._names)
        columns: dict[pl.DataType, list[int]] = {}
        for number, series in enumerate(self._series):
            columns.setdefault(series.dtype, []).append(number)
        lengths = self.rows(0, rows - 1).select(
            _texts(pl.nth(numbers), kind).fill_null("NULL").str.len_chars().max() for kind, numbers in columns.items()
        )
        found = lengths.row(0, named=True)
        return [int(found[name]) for name in self._names]

    def _page(self, column: int, number: int) -> list[str | None]:
        key = (column, number)
        page = self._pages.get(key)
        if page is None:
            page = self._make_page(column, number)
            self._pages[key] = page
            if len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        else:
            self._pages.move_to_end(key)
        return page

    def _make_page(self, column: int, number: int) -> list[str | None]:
        series = self._series[column]
        if self._order is None:
            part = series.slice(number * _PAGE, _PAGE)
        else:
            part = series.gather(self._order.slice(number * _PAGE, _PAGE))
        result: list[str | None] = _texts(part, part.dtype).to_list()
        return result

    # -- Qt -----------------------------------------------------------------------
    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else self._rows

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._names)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            text = self.text(index.row(), index.column())
            return "NULL" if text is None else text
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if self._numeric[index.column()] else _LEFT
        if role in (Qt.ItemDataRole.ForegroundRole, Qt.ItemDataRole.FontRole):
            if self.text(index.row(), index.column()) is not None:
                return None
            return theme().color("disabled_text") if role == Qt.ItemDataRole.ForegroundRole else self._null_font
        if role == Qt.ItemDataRole.ToolTipRole:
            text = self.text(index.row(), index.column())
            return text if text is not None and len(text) > 40 else None
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical:
            return f"{section + 1:,}" if role == Qt.ItemDataRole.DisplayRole else None
        if section >= len(self._names):
            return None
        name = self._names[section]
        if role == Qt.ItemDataRole.DisplayRole:
            place = next((n for n, (column, _down) in enumerate(self._sorts) if column == name), None)
            if place is None:
                return name
            arrow = "↓" if self._sorts[place][1] else "↑"
            return f"{name} {arrow}{place + 1 if len(self._sorts) > 1 else ''}"
        if role == Qt.ItemDataRole.DecorationRole:
            return icon(self._icons[section], "text3")
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{name}: {self._types[section]}"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT
        return None


def _texts(values: Any, kind: Any) -> Any:
    """A series, or an expression of one, as the texts that cells show."""
    import polars as pl

    if kind == pl.Datetime:
        return values.cast(pl.String).str.strip_suffix(".000000")
    if kind == pl.Binary:
        return values.bin.encode("hex")
    if kind == pl.String:
        return values.str.slice(0, _LONGEST).str.replace_all("\n", "↵ ", literal=True)
    return values.cast(pl.String, strict=False)


def _icon_of(kind: Any) -> str:
    import polars as pl

    if kind.is_numeric():
        return "hash"
    if kind.is_temporal():
        return "calendar"
    if kind == pl.Boolean:
        return "circle-dot"
    if kind == pl.Binary:
        return "binary"
    return "type"
