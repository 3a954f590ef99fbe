"""A figure with its name, unit, note and a small curve of its recent past."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from gui.parts.layout import row
from gui.parts.words import Label
from gui.style.theme import theme
from gui.style.tokens import Space


class Sparkline(QWidget):
    """A curve without axes; its figures stand beside it in words."""

    def __init__(self, token: str = "accent", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._token, self._values = token, list[float]()
        self.setFixedSize(64, 26)

    def show_values(self, values: Sequence[float], token: str = "") -> None:
        self._values = [float(value) for value in values]
        self._token = token or self._token
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(64, 26)

    def paintEvent(self, event: QPaintEvent) -> None:
        if len(self._values) < 2:
            return
        low, high = min(self._values), max(self._values)
        span = (high - low) or 1.0
        width, height = self.width() - 4, self.height() - 6
        step = width / (len(self._values) - 1)
        points = [
            QPointF(2 + index * step, 3 + height * (1 - (value - low) / span))
            for index, value in enumerate(self._values)
        ]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().color(self._token), 1.5))
        painter.drawPolyline(QPolygonF(points))


class StatTile(QFrame):
    """``tile.show_figure("1,704", "rec/s", note="Healthy", tone="success", values=[...])``."""

    def __init__(self, name: str, parent: QWidget | None = None, *, curve: bool = True) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._name = name
        self.name = Label(name, "caption")
        self.figure = Label("–", "stat")
        self.unit = Label("", "small")
        self.note = Label(" ", "small")
        self.curve = Sparkline()
        self.curve.setVisible(curve)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(Space.M, Space.S, Space.M, Space.S)
        layout.setSpacing(2)
        layout.addWidget(self.name)
        layout.addLayout(row(self.figure, self.unit, None, self.curve, gap=6))
        layout.addWidget(self.note)
        self.setAccessibleName(name)

    def show_figure(
        self, figure: str, unit: str = "", *, note: str = "", tone: str = "", values: Sequence[float] = ()
    ) -> None:
        self.figure.setText(figure)
        self.unit.setText(unit)
        self.note.setText(note or " ")
        self.note.set_tone(tone)
        if values:
            self.curve.show_values(values, tone if tone in ("warning", "danger") else "accent")
        self.setAccessibleDescription(f"{self._name}: {figure} {unit}. {note}")
