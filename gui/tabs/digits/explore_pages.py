"""Pages of the card that explores a model: coverage against accuracy, and the published results beside one's own."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSlider, QTableWidget, QTableWidgetItem, QWidget

from gui.parts.buttons import Button
from gui.parts.layout import column, row
from gui.parts.small_chart import Axis, Curve, SmallChart
from gui.parts.words import Label, number
from gui.style.theme import font
from gui.style.tokens import Size
from gui.tabs.digits.values import Overview

TENTHS = [(tick / 10, f"{tick * 10} %") for tick in (0, 2, 4, 6, 8, 10)]


class CoveragePage(QWidget):
    """Answering only from a confidence on: how many are answered, how many of those right. The slider stands where
    drawings are called "not sure" below, and can be made that limit."""

    sure_from_chosen = Signal(int)  # per cent

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chart = SmallChart("Accuracy and share answered by threshold")
        self.threshold = QSlider(Qt.Orientation.Horizontal)
        self.threshold.setAccessibleName("Least confidence to answer")
        self.use = Button("", "small")
        self.note = Label("", "strong", wrap=True)
        self.setLayout(column(self.chart, row(Label("Answer from"), self.threshold, self.use), self.note))
        self._steps: Sequence[tuple[float, float, float | None]] = ()
        self._sure_from = 90
        self.threshold.valueChanged.connect(self._show_threshold)
        self.use.clicked.connect(lambda: self.sure_from_chosen.emit(self._percent))

    def show_overview(self, overview: Overview) -> None:
        steps = self._steps = overview.coverage
        low = min((accuracy for _, _, accuracy in steps if accuracy is not None), default=0.0)
        bottom = max(0.0, min(min((answered for _, answered, _ in steps), default=1.0), low) - 0.02)
        curves = [
            Curve("Right among the answered", [(t, a) for t, _, a in steps if a is not None]),
            Curve("Answered", [(t, answered) for t, answered, _ in steps]),
        ]
        ticks = [
            (bottom + (1 - bottom) * index / 4, f"{number((bottom + (1 - bottom) * index / 4) * 100, 1)} %")
            for index in range(5)
        ]
        self.chart.show_curves(curves, Axis(0, 1, TENTHS, "Least confidence"), Axis(bottom, 1, ticks))
        self.threshold.setRange(0, max(len(steps) - 1, 0))
        limit = self._sure_from / 100
        self.threshold.setValue(min(range(len(steps)), key=lambda index: abs(steps[index][0] - limit), default=0))
        self._show_threshold()

    def show_sure_from(self, percent: int) -> None:
        """From which confidence on drawings are called sure."""
        self._sure_from = percent
        self._show_threshold()

    @property
    def _percent(self) -> int:
        """Where the slider stands."""
        return round(self._steps[self.threshold.value()][0] * 100)

    def _show_threshold(self, *_: object) -> None:
        if self.threshold.value() >= len(self._steps):
            return
        threshold, answered, accuracy = self._steps[self.threshold.value()]
        self.chart.show_marker(threshold)
        self.note.setText(
            "From {} % confidence: {} % answered, {} of those right".format(
                number(threshold * 100),
                number(answered * 100, 2),
                f"{number(accuracy * 100, 2)} %" if accuracy is not None else "–",
            )
        )
        in_use = self._percent == self._sure_from
        self.use.setText("In use for drawings" if in_use else "Say “not sure” below")
        self.use.setEnabled(not in_use and 50 <= self._percent <= 99)


class PublishedPage(QWidget):
    """Published errors with their sources, the shown model's own among them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = table_of(("Method", "Error", "Source"), "Published results on the MNIST test set", figures=(1,))
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        self.table.setColumnWidth(1, 88)
        note = "Published errors are those on the MNIST test set. Yours is that on the digits named, which may be harder or easier."
        self.setLayout(column(self.table, Label(note, "small", wrap=True)))
        self._benchmarks: Sequence[tuple[str, float, str]] = ()
        self._overview: Overview | None = None

    def show_benchmarks(self, benchmarks: Sequence[tuple[str, float, str]]) -> None:
        """(method, error in per cent, source) each."""
        self._benchmarks = benchmarks
        self._show()

    def show_overview(self, overview: Overview) -> None:
        self._overview = overview
        self._show()

    def _show(self) -> None:
        overview = self._overview
        if overview is None:
            return
        own = (overview.model, 100 - overview.accuracy * 100, f"yours, on {overview.data}")
        lines = sorted([*self._benchmarks, own], key=lambda line: -line[1])
        self.table.setRowCount(len(lines))
        for index, (method, error, source) in enumerate(lines):
            for place, text in enumerate((method, f"{number(error, 2)} %", source)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if place == 1:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setFont(font("strong" if (method, error, source) == own else "body"))
                self.table.setItem(index, place, item)


def held(*items: object) -> QWidget:
    """A page of these, one under the other."""
    page = QWidget()
    page.setLayout(column(*items))  # type: ignore[arg-type]
    return page


def table_of(heads: Sequence[str], name: str, rows: int = 0, *, figures: Sequence[int] = ()) -> QTableWidget:
    """A table to read; the columns in ``figures`` are numbers, to the right."""
    table = QTableWidget(rows, len(heads))
    table.setHorizontalHeaderLabels(list(heads))
    table.setAccessibleName(name)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(Size.CONTROL_SMALL)
    head = table.horizontalHeader()
    head.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    head.setHighlightSections(False)
    for column_index in range(len(heads)):
        item = table.horizontalHeaderItem(column_index)
        if item:
            side = Qt.AlignmentFlag.AlignRight if column_index in figures else Qt.AlignmentFlag.AlignLeft
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return table
