"""A small chart of a few curves with named axes; for what is drawn once, not for streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.style.theme import font, theme

_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


@dataclass(frozen=True)
class Curve:
    """points in data units; ``marks`` draws dots as well; ``weights`` size them (0..1)."""

    name: str
    points: Sequence[tuple[float, float]]
    marks: bool = False
    weights: Sequence[float] = ()
    muted: bool = False


@dataclass(frozen=True)
class Axis:
    """low..high; ``ticks`` as (place, words)."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    title: str = ""


_SCALE = 42
"""Pixels at the left for the words of the vertical axis."""


class SmallChart(QWidget):
    def __init__(self, name: str, parent: QWidget | None = None, *, legend: bool = True) -> None:
        super().__init__(parent)
        self._curves: Sequence[Curve] = ()
        self._x = self._y = Axis(0, 1, ())
        self._legend = legend
        self._marker: float | None = None
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 96)
        theme().changed.connect(self.update)

    def show_curves(self, curves: Sequence[Curve], x: Axis, y: Axis, *, summary: str = "") -> None:
        self._curves, self._x, self._y = curves, x, y
        self.setAccessibleDescription(summary)
        self.update()

    def show_marker(self, x: float | None) -> None:
        """A vertical line at ``x``."""
        self._marker = x
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(360, 130)

    def _plot(self) -> QRectF:
        top = 20.0 if self._legend and self._curves else 8.0
        bottom = 20.0 + (16.0 if self._x.title else 0.0)
        return QRectF(48, top, max(20.0, self.width() - 60), max(20.0, self.height() - top - bottom))

    def _place(self, plot: QRectF, x: float, y: float) -> QPointF:
        across = (x - self._x.low) / ((self._x.high - self._x.low) or 1)
        up = (y - self._y.low) / ((self._y.high - self._y.low) or 1)
        return QPointF(plot.x() + across * plot.width(), plot.bottom() - up * plot.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self._plot()
        self._paint_axes(painter, plot)
        painter.save()
        painter.setClipRect(plot.adjusted(-5, -5, 5, 5))
        for index, curve in enumerate(self._curves):
            colour = self._colour(index, curve)
            points = [self._place(plot, x, y) for x, y in curve.points]
            style = Qt.PenStyle.DashLine if curve.muted else _STYLES[index % len(_STYLES)]
            painter.setPen(QPen(colour, 1 if curve.muted else 2, style))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if len(points) > 1:
                painter.drawPolyline(QPolygonF(points))
            if curve.marks:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colour)
                for number, point in enumerate(points):
                    radius = 2.5 + 4 * curve.weights[number] if curve.weights else 3.0
                    painter.drawEllipse(point, radius, radius)
        if self._marker is not None:
            painter.setPen(QPen(theme().color("text2"), 1, Qt.PenStyle.DashLine))
            x = self._place(plot, self._marker, self._y.low).x()
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        painter.restore()
        if self._legend:
            self._paint_legend(painter, plot)

    def _colour(self, index: int, curve: Curve) -> QColor:
        return theme().color("text3") if curve.muted else theme().chart_color(index)

    def _paint_axes(self, painter: QPainter, plot: QRectF) -> None:
        painter.setFont(font("caption"))
        for place, words in self._y.ticks:
            y = self._place(plot, self._x.low, place).y()
            painter.setPen(QPen(theme().color("grid"), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(theme().color("text2"))
            painter.drawText(
                QRectF(0, y - 8, _SCALE, 16), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words
            )
        painter.setPen(theme().color("text2"))
        for box, words in self._labels_below(plot):
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, words)
        if self._x.title:
            painter.drawText(
                QRectF(plot.x(), self.height() - 15, plot.width(), 15), Qt.AlignmentFlag.AlignCenter, self._x.title
            )

    def _labels_below(self, plot: QRectF) -> list[tuple[QRectF, str]]:
        """Each under its tick, but none under the scale at the left, and none beyond the right edge."""
        labels = []
        for place, words in self._x.ticks:
            width = QFontMetricsF(font("caption")).horizontalAdvance(words) + 2
            left = self._place(plot, place, self._y.low).x() - width / 2
            left = max(min(left, self.width() - width), _SCALE + 4.0)
            labels.append((QRectF(left, plot.bottom() + 4, width, 14), words))
        return labels

    def _paint_legend(self, painter: QPainter, plot: QRectF) -> None:
        painter.setFont(font("caption"))
        metrics = painter.fontMetrics()
        x = float(self.width() - 4)
        room = min(150, int((x - plot.x() - 20) / max(1, len(self._curves))) - 30)  # so that none is left out
        for index in range(len(self._curves) - 1, -1, -1):
            curve = self._curves[index]
            words = metrics.elidedText(curve.name, Qt.TextElideMode.ElideRight, room)
            x -= metrics.horizontalAdvance(words)
            if x < plot.x() + 20:
                break
            painter.setPen(theme().color("text2"))
            painter.drawText(QPointF(x, 12), words)
            x -= 18
            painter.setPen(QPen(self._colour(index, curve), 3))
            painter.drawLine(QPointF(x, 8), QPointF(x + 12, 8))
            x -= 12
