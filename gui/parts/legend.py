"""A chart's legend: a piece of each line and its name, in as many rows as the width asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from gui.parts.words import Label
from gui.style.theme import font
from gui.style.tokens import Space

_SAMPLE, _GAP = 16, 6  # pixels


class _Sample(QWidget):
    """A piece of a line, for the legend."""

    def __init__(self, pen: QPen) -> None:
        super().__init__()
        self._pen = QPen(pen)
        self._pen.setWidthF(3)
        if self._pen.style() is not Qt.PenStyle.SolidLine:
            self._pen.setDashPattern([1.2, 1.8] if self._pen.style() is Qt.PenStyle.DashLine else [0.01, 1.6])
        self._pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        self.setFixedSize(_SAMPLE, 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._pen)
        painter.drawLine(QPointF(2, 6), QPointF(14, 6))


class _Entry(QWidget):
    """A legend's entry; the pointer over it lifts its line."""

    hovered = Signal(str)

    def __init__(self, name: str, pen: QPen, parent: QWidget) -> None:
        super().__init__(parent)
        self._name = name
        self.word = Label(name, "small")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(_GAP)
        layout.addWidget(_Sample(pen))
        layout.addWidget(self.word)

    def enterEvent(self, event: QEvent) -> None:
        self.hovered.emit(self._name)

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit("")


class Legend(QWidget):
    """Asks for no width: a dozen names must not push the page wider than its window."""

    hovered = Signal(str)  # a name, or "" where the pointer has left

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, _Entry] = {}
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(0)

    def show_entries(self, pens: Mapping[str, QPen]) -> None:
        for entry in self._entries.values():
            entry.hide()
            entry.deleteLater()
        self._entries = {name: _Entry(name, pen, self) for name, pen in pens.items()}
        for entry in self._entries.values():
            entry.hovered.connect(self.hovered)
            entry.show()
        self._arrange()

    def weigh(self, strong: Collection[str]) -> None:
        """Names in bold."""
        for name, entry in self._entries.items():
            role = "strong" if name in strong else "small"
            entry.word.setProperty("role", role)
            entry.word.setFont(font(role))
            entry.word.style().polish(entry.word)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    def _arrange(self) -> None:
        x = y = below = 0
        bold = QFontMetrics(font("strong"))
        for name, entry in self._entries.items():
            height = entry.sizeHint().height()
            width = _SAMPLE + _GAP + bold.horizontalAdvance(name) + 4  # so that nothing moves when one turns bold
            if x and x + width > self.width():
                x, y = 0, below + Space.XS
            entry.setGeometry(x, y, width, height)
            x, below = x + width + Space.M, y + height
        if below != self.height():
            self.setFixedHeight(below)
