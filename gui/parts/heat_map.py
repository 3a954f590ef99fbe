"""A table of figures coloured by size, with totals at its edges; each cell can be clicked or reached by arrows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.style.theme import font, theme


@dataclass(frozen=True)
class HeatTable:
    """rows and columns of words; texts and heats (0..1, how strongly to colour) of the cells; right: extra columns
    (head, words per row); bottom: (head, words per column)."""

    rows: Sequence[str]
    columns: Sequence[str]
    texts: Sequence[Sequence[str]]
    heats: Sequence[Sequence[float]]
    tips: Sequence[Sequence[str]] = ()
    right: Sequence[tuple[str, Sequence[str]]] = field(default=())
    bottom: tuple[str, Sequence[str]] | None = None


class HeatMap(QWidget):
    picked = Signal(int, int)  # row, column

    def __init__(self, name: str, row_title: str, column_title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table: HeatTable | None = None
        self._row_title, self._column_title = row_title, column_title
        self._at = (0, 0)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(300, 190)
        theme().changed.connect(self.update)

    def show_table(self, table: HeatTable | None, summary: str = "") -> None:
        self._table = table
        self.setAccessibleDescription(summary)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, 330)

    # -- geometry -------------------------------------------------------------
    def _grid(self) -> QRectF:
        """The box of the cells proper."""
        assert self._table
        left, bottom = 40.0, 40.0 + (20.0 if self._table.bottom else 0.0)
        right = 48.0 * len(self._table.right)
        top = 18.0 if self._table.right else 2.0
        return QRectF(left, top, max(40.0, self.width() - left - right), max(40.0, self.height() - top - bottom))

    def _cell(self, row: int, column: int) -> QRectF:
        assert self._table
        grid = self._grid()
        wide, tall = grid.width() / len(self._table.columns), grid.height() / len(self._table.rows)
        return QRectF(grid.x() + column * wide, grid.y() + row * tall, wide, tall).adjusted(1, 1, -1, -1)

    def cell_centre(self, row: int, column: int) -> QPointF:
        return self._cell(row, column).center()

    def _cell_at(self, place: QPointF) -> tuple[int, int] | None:
        if self._table is None or not self._grid().contains(place):
            return None
        grid = self._grid()
        column = int((place.x() - grid.x()) / grid.width() * len(self._table.columns))
        row = int((place.y() - grid.y()) / grid.height() * len(self._table.rows))
        return min(row, len(self._table.rows) - 1), min(column, len(self._table.columns) - 1)

    # -- the hand ---------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self._cell_at(event.position())
        if cell:
            self._at = cell
            self.update()
            self.picked.emit(*cell)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self._cell_at(event.position()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }
        key = Qt.Key(event.key())
        if self._table and key in moves:
            row, column = self._at[0] + moves[key][0], self._at[1] + moves[key][1]
            self._at = (
                min(max(row, 0), len(self._table.rows) - 1),
                min(max(column, 0), len(self._table.columns) - 1),
            )
            self.setAccessibleDescription(self._tip(*self._at))
            self.update()
        elif self._table and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.picked.emit(*self._at)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self._cell_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self._tip(*cell) if cell else "", self)
            return True
        return super().event(event)

    def _tip(self, row: int, column: int) -> str:
        assert self._table
        if self._table.tips:
            return self._table.tips[row][column]
        return f"{self._table.rows[row]}, {self._table.columns[column]}: {self._table.texts[row][column] or '0'}"

    # -- painting ---------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._table is None:
            return
        table = self._table
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        low, high, empty = theme().color("seq0"), theme().color("seq1"), theme().color("sunken")
        small = font("small") if self._cell(0, 0).width() < 46 else font("body")
        for row in range(len(table.rows)):
            for column in range(len(table.columns)):
                box, heat = self._cell(row, column), table.heats[row][column]
                colour = _between(low, high, heat) if heat > 0 else empty
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colour)
                painter.drawRoundedRect(box, 3, 3)
                text = table.texts[row][column]
                if text:
                    painter.setFont(small)
                    painter.setPen(_readable(colour))
                    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        self._paint_edges(painter)
        if self.hasFocus():
            painter.setPen(QPen(theme().color("focus"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self._cell(*self._at), 3, 3)

    def _paint_edges(self, painter: QPainter) -> None:
        assert self._table
        table, grid = self._table, self._grid()
        middle = Qt.AlignmentFlag.AlignCenter
        painter.setFont(font("small"))
        painter.setPen(theme().color("text2"))
        for row, words in enumerate(table.rows):
            box = self._cell(row, 0)
            painter.drawText(QRectF(20, box.y(), 16, box.height()), middle, words)
        for column, words in enumerate(table.columns):
            box = self._cell(0, column)
            painter.drawText(QRectF(box.x(), grid.bottom() + 2, box.width(), 16), middle, words)
        painter.setFont(font("caption"))
        for index, (head, values) in enumerate(table.right):
            x = grid.right() + 48 * index
            painter.drawText(QRectF(x, 0, 48, 16), middle, head)
            for row, words in enumerate(values):
                box = self._cell(row, 0)
                painter.drawText(QRectF(x, box.y(), 48, box.height()), middle, words)
        if table.bottom:
            head, values = table.bottom
            painter.drawText(QRectF(0, grid.bottom() + 18, 38, 18), middle, head)
            for column, words in enumerate(values):
                box = self._cell(0, column)
                painter.drawText(QRectF(box.x(), grid.bottom() + 18, box.width(), 18), middle, words)
        painter.setFont(font("small"))
        painter.drawText(QRectF(grid.x(), self.height() - 18, grid.width(), 18), middle, self._column_title)
        painter.save()
        painter.translate(9, grid.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-80, -9, 160, 18), middle, self._row_title)
        painter.restore()


def _between(low: QColor, high: QColor, share: float) -> QColor:
    share = min(max(share, 0.0), 1.0)
    return QColor.fromRgbF(
        low.redF() + (high.redF() - low.redF()) * share,
        low.greenF() + (high.greenF() - low.greenF()) * share,
        low.blueF() + (high.blueF() - low.blueF()) * share,
    )


def _readable(colour: QColor) -> QColor:
    """The darkest or lightest token, whichever stands out more on ``colour``."""
    bright = 0.2126 * colour.redF() + 0.7152 * colour.greenF() + 0.0722 * colour.blueF() > 0.45
    dark_text = theme().color("on_accent" if theme().dark else "text")
    return dark_text if bright else theme().color("text" if theme().dark else "on_accent")
