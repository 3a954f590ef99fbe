"""A chart of several lines over time, redrawn as a whole a few times a second; the cost does not depend on the rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGraphicsGridLayout, QVBoxLayout, QWidget

from gui.parts.legend import Legend
from gui.parts.words import number
from gui.style.theme import font, theme
from gui.style.tokens import Space

Line = npt.NDArray[np.float64]

_MOST_LINES = 12
_NEAR = 0.7  # of the limit: below it its line would only press the others down
_STROKES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_OF_A_STROKE = 4  # lines, of the eight colours: none is known by colour alone, and no two of twelve look alike


class _TimeAxis(pyqtgraph.AxisItem):  # type: ignore[misc]
    """Clock times below, in the user's zone or UTC."""

    utc = False

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        words = "%H:%M:%S" if spacing < 60 else "%H:%M"
        zone = UTC if self.utc else None
        return [
            datetime.fromtimestamp(value, UTC).astimezone(zone).strftime(words) if value > 0 else "" for value in values
        ]

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        wanted = (high - low) / max(1.0, size / 110)
        steps = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400)
        return [(next((step for step in steps if step >= wanted), 21_600), 0)]


def _plot(below: pyqtgraph.AxisItem, left: pyqtgraph.AxisItem) -> tuple[pyqtgraph.GraphicsView, pyqtgraph.ViewBox]:
    """A view box between two axes; what PlotItem adds (menus, buttons, forms) costs 20 ms of a page's opening."""
    view = pyqtgraph.GraphicsView()
    view.setFrameShape(view.Shape.NoFrame)
    view.setAntialiasing(True)
    box = pyqtgraph.ViewBox(enableMenu=False, enableMouse=False, defaultPadding=0)
    item = pyqtgraph.GraphicsWidget()
    grid = QGraphicsGridLayout(item)
    grid.setContentsMargins(0, 6, 0, 0)
    grid.setSpacing(0)
    grid.addItem(left, 0, 0)
    grid.addItem(box, 0, 1)
    grid.addItem(below, 1, 1)
    grid.setColumnStretchFactor(1, 1)
    grid.setRowStretchFactor(0, 1)
    for axis in (left, below):
        axis.linkToView(box)
        axis.setZValue(0.5)  # the grid lies over the curves' ground, as PlotItem has it
    view.setCentralItem(item)
    return view, box


class LiveChart(QWidget):
    """``chart.show_lines(times, {"Shard 0": values, ...})``: one x for all lines, epoch seconds.

    A click, or Enter at the cross-hair (moved by the arrow keys), emits ``time_chosen``.
    """

    time_chosen = Signal(float)

    def __init__(self, name: str, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._unit = name, unit
        self._times: Line = np.zeros(0)
        self._all: dict[str, Line] = {}
        self._lines: dict[str, Line] = {}  # those drawn
        self._items: dict[str, Any] = {}
        self._order: list[str] = []
        self._lifted, self._since = "", 0.0
        self._until: Mapping[str, float] = {}
        self._marked: frozenset[str] = frozenset()
        self._at: float | None = None
        self._axis, self._scale = _TimeAxis("bottom"), pyqtgraph.AxisItem("left")
        self._axis.setHeight(26)
        self._scale.setWidth(44)
        self.plot, self._view = _plot(self._axis, self._scale)
        self._cross = pyqtgraph.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        self._view.addItem(self._cross, ignoreBounds=True)
        self._limit: float | None = None
        self._adds_up = True
        options = {"position": 0.08, "movable": False}
        self._limit_line = pyqtgraph.InfiniteLine(angle=0, movable=False, label=" ", labelOpts=options)
        self._limit_line.hide()
        self._view.addItem(self._limit_line, ignoreBounds=True)
        self._box = _Box(self.plot)
        self._legend = Legend()
        self._legend.hovered.connect(self._lift)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(Space.S)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self._legend)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.plot.viewport().installEventFilter(self)
        self.plot.viewport().setMouseTracking(True)
        self.setAccessibleName(name)
        theme().changed.connect(self._paint)
        self._paint()

    # -- shown ------------------------------------------------------------------
    def show_lines(
        self,
        times: Line,
        lines: Mapping[str, Line],
        *,
        utc: bool = False,
        since: float = 0.0,
        until: Mapping[str, float] | None = None,
    ) -> None:
        """Draw the lines anew, from ``since`` on and each as far as it is known (``until``): what was not measured is
        not the same as zero. Beyond twelve one stands for the smallest: the highest of them at each moment, which can
        be held against the limit of one, as their sum could not."""
        self._axis.utc = utc
        self._times = times
        self._lines, rest = _few(lines)
        self._all = dict(lines)
        if list(self._lines) != self._order:
            self._rebuild()
        width = 1.8 if len(times) <= 130 else 1.0
        self._since, self._until = since, dict(until or {})
        if rest and (known := [self._until[name] for name in rest if name in self._until]):
            self._until[self._order[-1]] = min(known)
        first = int(np.searchsorted(times, since))
        for name, values in self._lines.items():
            item = self._items[name]
            last = int(np.searchsorted(times, self._until.get(name, np.inf)))
            item.setData(times[first:last], values[first:last], skipFiniteCheck=True)
            item.setPen(self._pen(name, width))
        if len(times):
            top = max((float(values.max()) for values in self._lines.values() if len(values)), default=0.0)
            near = self._limit is not None and top > self._limit * _NEAR
            self._limit_line.setVisible(near)
            if near and self._limit is not None:
                self._limit_line.setPos(self._limit)
                top = max(top, self._limit)
            self._view.setXRange(times[0], times[-1] + 1e-6, padding=0)
            self._view.setYRange(0, max(top * 1.12, 1.0), padding=0)
        if self._at is not None:
            self._show_cross(self._at)

    def set_unit(
        self, unit: str, name: str, limit: float | None = None, limit_word: str = "", *, adds_up: bool = True
    ) -> None:
        """What is drawn from now on; ``limit`` gets a line of its own, named ``limit_word``, as soon as one comes near
        it; ``adds_up``: the sum of the lines means something."""
        self._unit, self._name, self._limit, self._adds_up = unit, name, limit, adds_up
        self._limit_line.label.setFormat(limit_word or " ")
        self.setAccessibleName(name)

    def mark(self, names: frozenset[str]) -> None:
        """Draw these lines and their names bold: they are what a notice speaks of."""
        if names != self._marked:
            self._marked = names
            self._weigh_words()

    def summarise(self, text: str) -> None:
        """What the chart shows, in words, for screen readers."""
        self.setAccessibleDescription(text)

    def save_picture(self, path: Path) -> bool:
        """The chart as .svg or .png (pyqtgraph's own SVG export crashes with this Qt)."""
        if path.suffix == ".svg":
            from PySide6.QtSvg import QSvgGenerator

            drawing = QSvgGenerator()
            drawing.setFileName(str(path))
            drawing.setSize(self.size())
            drawing.setViewBox(self.rect())
            drawing.setTitle(self._name)
            painter = QPainter(drawing)
            painter.fillRect(self.rect(), theme().color("surface"))
            self.plot.render(painter, QRectF(self.plot.geometry()), self.plot.rect())
            return painter.end()
        return bool(self.grab().save(str(path)))

    def sizeHint(self) -> QSize:
        return QSize(600, 240)

    # -- the hand -----------------------------------------------------------------
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._show_cross(self._time_at(event.position()))
        elif event.type() == QEvent.Type.Leave:
            self._hide_cross()
        elif event.type() == QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent):
            if event.button() == Qt.MouseButton.LeftButton and len(self._times):
                self.time_chosen.emit(self._nearest(self._time_at(event.position())))
            return True
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if len(self._times) and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = float(self._times[1] - self._times[0]) if len(self._times) > 1 else 1.0
            start = self._at if self._at is not None else float(self._times[-1])
            moved = start + (step if event.key() == Qt.Key.Key_Right else -step)
            self._show_cross(min(max(moved, float(self._times[0])), float(self._times[-1])))
        elif self._at is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.time_chosen.emit(self._nearest(self._at))
        elif self._at is not None and event.key() == Qt.Key.Key_Escape:
            self._hide_cross()
        else:
            super().keyPressEvent(event)

    def _time_at(self, position: QPointF) -> float:
        return float(self._view.mapSceneToView(self.plot.mapToScene(position.toPoint())).x())

    def _nearest(self, at: float) -> float:
        return float(self._times[int(np.abs(self._times - at).argmin())])

    def _show_cross(self, at: float) -> None:
        if not len(self._times) or not self._times[0] <= at <= self._times[-1] + 1:
            self._hide_cross()
            return
        self._at = at
        place = int(np.abs(self._times - at).argmin())
        self._cross.setPos(float(self._times[place]))
        self._cross.show()
        zone = UTC if self._axis.utc else None
        moment = datetime.fromtimestamp(float(self._times[place]), UTC).astimezone(zone)
        highest = sorted(self._lines.items(), key=lambda entry: -entry[1][place])[:3]
        rows = [(name, f"{_figure(values[place])} {self._unit}") for name, values in highest]
        if self._adds_up:
            rows.append(("All", f"{_figure(sum(float(values[place]) for values in self._all.values()))} {self._unit}"))
        x = self.plot.mapFromScene(self._view.mapViewToScene(QPointF(float(self._times[place]), 0))).x()
        self._box.show_rows(moment.strftime("%H:%M:%S"), rows, x)

    def _hide_cross(self) -> None:
        self._at = None
        self._cross.hide()
        self._box.hide()

    # -- the look -------------------------------------------------------------------
    def _rebuild(self) -> None:
        for item in self._items.values():
            self._view.removeItem(item)
        self._order = list(self._lines)
        self._items = {name: pyqtgraph.PlotCurveItem(pen=self._pen(name, 1)) for name in self._order}
        for item in self._items.values():
            self._view.addItem(item)
        self._legend.show_entries({name: self._pen(name, 1) for name in self._order})
        self._weigh_words()

    def _pen(self, name: str, width: float) -> QPen:
        index = self._order.index(name)
        lifted = name == self._lifted or name in self._marked
        pen = QPen(theme().chart_color(index), width + 1 if lifted else width)
        pen.setCosmetic(True)
        pen.setStyle(_STROKES[index // _OF_A_STROKE % len(_STROKES)])
        return pen

    def _lift(self, name: str) -> None:
        self._lifted = name
        self._weigh_words()

    def _weigh_words(self) -> None:
        self._legend.weigh(self._marked | {self._lifted})

    def _paint(self) -> None:
        tokens = theme()
        self.plot.setBackground(tokens.color("surface"))
        for axis in (self._scale, self._axis):
            axis.setPen(tokens.color("border"))
            axis.setTextPen(tokens.color("text3"))
            axis.setStyle(tickFont=font("caption"), tickLength=0, tickTextOffset=8, maxTickLevel=0)
        self._scale.setGrid(90)
        pen = QPen(tokens.color("text3"), 1, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        self._cross.setPen(pen)
        limit = QPen(tokens.color("warning"), 1, Qt.PenStyle.DotLine)
        limit.setCosmetic(True)
        self._limit_line.setPen(limit)
        self._limit_line.label.setColor(tokens.color("warning"))
        self._limit_line.label.setFont(font("caption"))
        if self._order:
            self._rebuild()
            self.show_lines(self._times, self._all, utc=self._axis.utc, since=self._since, until=self._until)


class _Box(QWidget):
    """What stands at the cross-hair: the time, the highest lines, the sum."""

    def __init__(self, plot: QWidget) -> None:
        super().__init__(plot)
        self._plot = plot
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._title, self._rows = "", list[tuple[str, str]]()
        self.hide()

    def show_rows(self, title: str, rows: list[tuple[str, str]], x: float) -> None:
        self._title, self._rows = title, rows
        metrics = self.fontMetrics()
        width = max(metrics.horizontalAdvance(f"{name}   {value}") for name, value in rows) + 28
        height = 18 * (len(rows) + 1) + 10
        left = x + 10 if x + 10 + width < self._plot.width() else x - 10 - width
        self.setGeometry(int(left), max(4, self._plot.height() - height - 34), int(width), height)
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().color("border_strong"), 1))
        painter.setBrush(theme().color("raised"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setPen(theme().color("text"))
        painter.setFont(font("strong"))
        painter.drawText(QRectF(10, 4, self.width() - 20, 18), Qt.AlignmentFlag.AlignVCenter, self._title)
        for line, (name, value) in enumerate(self._rows):
            area = QRectF(10, 22 + line * 18, self.width() - 20, 18)
            painter.setFont(font("small"))
            painter.setPen(theme().color("text2"))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, name)
            painter.setPen(theme().color("text"))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, value)


def _figure(value: float) -> str:
    return number(value, 1 if value < 10 and value != round(value) else 0)


def _few(lines: Mapping[str, Line]) -> tuple[dict[str, Line], list[str]]:
    """The lines to draw, and the names of those for which the last one stands."""
    if len(lines) <= _MOST_LINES:
        return dict(lines), []
    heavy = sorted(lines, key=lambda name: -float(lines[name].sum()))[: _MOST_LINES - 1]
    kept = {name: values for name, values in lines.items() if name in heavy}
    rest = [name for name in lines if name not in heavy]
    kept[f"highest of {len(rest)} others"] = np.max([lines[name] for name in rest], axis=0)
    return kept, rest
