"""A chart from a result: line, bar, scatter or histogram, drawn by pyqtgraph, which is loaded when first needed."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPen, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QComboBox, QStackedWidget, QWidget

from core.warehouse.charts import Picture
from gui.parts.buttons import Segments
from gui.parts.layout import column, row
from gui.parts.notices import EmptyState
from gui.parts.words import Label, short_count
from gui.style.theme import font, theme
from gui.style.tokens import Space

_WIDE = 720
"""Pixels in which all choices stand in one line."""


def _tick_words(values: list[float], _scale: float, spacing: float) -> list[str]:
    """1.2 M instead of 1.2e+06; small steps keep their decimals."""
    if spacing < 1:
        places = max(0, -math.floor(math.log10(spacing)))
        return [f"{value:,.{places}f}" for value in values]
    return [short_count(value) for value in values]


class ChartPane(QWidget):
    chart_asked = Signal(str, str, str, str)
    """kind, x, y, by"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = Segments(
            [("line", "Line"), ("bar", "Bar"), ("scatter", "Scatter"), ("histogram", "Histogram")], "Chart"
        )
        self.across, self.up, self.by = QComboBox(), QComboBox(), QComboBox()
        for box, name in ((self.across, "Across"), (self.up, "Up"), (self.by, "One series for each")):
            box.setAccessibleName(name)
            box.setToolTip(name)
            box.setMinimumWidth(110)
        self.up_label, self.by_label = Label("Up", "small"), Label("By", "small")
        self.note = Label("", "small", wrap=True)
        self.empty = EmptyState("chart-line", "Nothing to draw yet", hint="Run a statement that returns rows")
        self._plot: Any = None
        self._picture: Picture | None = None
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.empty)
        axes = row(Label("Across", "small"), self.across, self.up_label, self.up, self.by_label, self.by, None)
        self._head = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._head.setSpacing(Space.S)
        self._head.addWidget(self.kind, 0, Qt.AlignmentFlag.AlignLeft)
        self._head.addLayout(axes, 1)
        layout = column(self._head, self._stack, self.note, gap=Space.S)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.kind.chosen.connect(lambda _kind: self._ask())
        for box in (self.across, self.up, self.by):
            box.activated.connect(lambda _index: self._ask())
        theme().changed.connect(self._redraw)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() >= _WIDE
        self._head.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)

    def show_columns(self, across: list[str], numbers: list[str], kind: str, x: str, y: str) -> None:
        """Offer the columns of a result; the choice is a suggestion."""
        for box, names, chosen in ((self.across, across, x), (self.up, numbers, y), (self.by, ["", *across], "")):
            box.clear()
            for name in names:
                box.addItem(name or "—", name)
            box.setCurrentIndex(max(0, box.findData(chosen)))
        self.kind.choose(kind)
        self._fit_controls()

    def ask(self) -> None:
        """Draw what is chosen."""
        if self.across.count():
            self._ask()

    def _ask(self) -> None:
        self._fit_controls()
        words = [str(box.currentData() or "") for box in (self.across, self.up, self.by)]
        self.chart_asked.emit(self.kind.value, *words)

    def _fit_controls(self) -> None:
        kind = self.kind.value
        for widget in (self.up, self.up_label):
            widget.setVisible(kind != "histogram")
        for widget in (self.by, self.by_label):
            widget.setVisible(kind in ("line", "scatter"))

    def show_nothing(
        self, sentence: str = "Nothing to draw yet", hint: str = "Run a statement that returns rows"
    ) -> None:
        self._picture = None
        self.empty.sentence.setText(sentence)
        self.empty.hint.setText(hint)
        self.note.setText("")
        self._stack.setCurrentWidget(self.empty)

    def show_picture(self, picture: Picture) -> None:
        self._picture = picture
        self.note.setText(". ".join(words for words in (picture.summary, picture.note) if words) + ".")
        self._redraw()

    def _redraw(self) -> None:
        picture = self._picture
        if picture is None:
            return
        plot = self._made()
        tokens = theme().tokens
        plot.clear()
        plot.setBackground(QColor(tokens.surface))
        item = plot.getPlotItem()
        item.setAxisItems({"bottom": self._axis(picture), "left": self._plain_axis("left")})
        item.setLabel("bottom", picture.x_name, color=tokens.text2)
        item.setLabel("left", picture.y_name, color=tokens.text2)
        item.getAxis("left").setGrid(40)
        item.getAxis("left").setZValue(-10)
        if item.legend is not None:
            item.legend.scene().removeItem(item.legend)
            item.legend = None
        if len(picture.series) > 1:
            item.addLegend(offset=(-8, 8), labelTextColor=tokens.text)
        for number, series in enumerate(picture.series):
            self._draw(plot, picture, number, series.name, series.x, series.y)
        item.getViewBox().autoRange(padding=0.04)
        plot.setAccessibleDescription(
            f"{picture.kind} of {picture.y_name} over {picture.x_name}: {picture.summary}. {picture.note}"
        )
        self._stack.setCurrentWidget(plot)

    def _draw(self, plot: Any, picture: Picture, number: int, name: str, x: list[float], y: list[float]) -> None:
        import pyqtgraph as pg

        colour = theme().chart_color(number)
        if picture.kind in ("bar", "histogram"):
            width = 0.6 if picture.kind == "bar" else (x[1] - x[0]) * 0.94 if len(x) > 1 else 1.0
            plot.addItem(pg.BarGraphItem(x=x, height=y, width=width, brush=colour, pen=None, name=name))
        elif picture.kind == "scatter":
            faded = QColor(colour)
            faded.setAlpha(150)
            plot.addItem(pg.ScatterPlotItem(x=x, y=y, size=6, brush=faded, pen=None, name=name))
        else:
            pen = QPen(colour, 2 if len(x) < 2000 else 1)
            pen.setCosmetic(True)
            if number % 2:
                pen.setStyle(Qt.PenStyle.DashLine)  # not by colour alone
            plot.plot(x, y, pen=pen, name=name, symbol="o" if len(x) == 1 else None)

    def _axis(self, picture: Picture) -> Any:
        import pyqtgraph as pg

        if picture.times:
            axis = pg.DateAxisItem(orientation="bottom", utcOffset=0)
            self._dress(axis)
            return axis
        axis = self._plain_axis("bottom")
        if picture.labels:
            every = max(1, len(picture.labels) // 14)
            axis.setTicks([[(n, words) for n, words in enumerate(picture.labels) if n % every == 0]])
        return axis

    def _plain_axis(self, side: str) -> Any:
        import pyqtgraph as pg

        axis = pg.AxisItem(side)
        axis.enableAutoSIPrefix(False)
        axis.tickStrings = _tick_words
        self._dress(axis)
        return axis

    def _dress(self, axis: Any) -> None:
        axis.setPen(theme().color("border"))
        axis.setTextPen(theme().color("text3"))
        axis.setStyle(tickFont=font("caption"), tickLength=4)

    def _made(self) -> Any:
        if self._plot is None:
            import pyqtgraph as pg

            pg.setConfigOptions(antialias=True)
            self._plot = pg.PlotWidget()
            self._plot.setFrameShape(self._plot.Shape.NoFrame)
            self._plot.setAccessibleName("Chart")
            self._plot.getPlotItem().setMenuEnabled(False)
            self._plot.getPlotItem().hideButtons()
            self._stack.addWidget(self._plot)
        return self._plot
