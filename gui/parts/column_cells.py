"""Paints the grid's cells, and writes them as text for a sheet."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from gui.parts.column_model import ColumnModel
from gui.style.theme import font, theme
from gui.style.tokens import Space


class Cells(QStyledItemDelegate):
    """Paints a cell's text and nothing else: a stylesheet's item takes four times as long, and a page has hundreds."""

    def __init__(self, parent: QTableView) -> None:
        super().__init__(parent)
        self._dress()
        theme().changed.connect(self._dress)

    def _dress(self) -> None:
        self._text, self._null = theme().color("text"), theme().color("disabled_text")
        self._line, self._chosen = theme().color("grid"), theme().color("accent_soft")
        self._font = font("body")
        self._italic = QFont(self._font)
        self._italic.setItalic(True)
        self._metrics = QFontMetrics(self._font)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        model = index.model()
        assert isinstance(model, ColumnModel)
        box: QRect = option.rect  # type: ignore[attr-defined]
        if option.state & QStyle.StateFlag.State_Selected:  # type: ignore[attr-defined]
            painter.fillRect(box, self._chosen)
        text = model.text(index.row(), index.column())
        inside = box.adjusted(Space.S, 0, -Space.S, -1)
        painter.setFont(self._font if text is not None else self._italic)
        painter.setPen(self._null if text is None else self._text)
        shown = "NULL" if text is None else text
        if len(shown) * 5 > inside.width():  # only what may not fit is measured
            shown = self._metrics.elidedText(shown, Qt.TextElideMode.ElideRight, inside.width())
        side = Qt.AlignmentFlag.AlignRight if model.is_numeric(index.column()) else Qt.AlignmentFlag.AlignLeft
        painter.drawText(inside, side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)
        painter.setPen(self._line)
        painter.drawLine(box.bottomLeft(), box.bottomRight())


def as_tsv(frame: Any, *, headers: bool) -> str:
    """Tab-separated text, NULL as nothing; fields with tabs or line ends are quoted, bytes are hexadecimal."""
    import polars as pl

    frame = frame.with_columns(pl.selectors.binary().bin.encode("hex"))
    text: str = frame.write_csv(separator="\t", include_header=headers)
    return text
