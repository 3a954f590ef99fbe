"""What came of a statement: rows, chart, plan, messages; with a line that says how much of it is here."""

from __future__ import annotations

import textwrap
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QMenu, QPlainTextEdit, QSizePolicy, QStackedWidget, QTabBar, QWidget

from core.warehouse.copying import FORMS
from gui.parts.buttons import Button, Segments
from gui.parts.column_table import ColumnTable
from gui.parts.focus import enter
from gui.parts.layout import column, row
from gui.parts.notices import Banner, Busy, EmptyState, Spinner
from gui.parts.words import Label
from gui.style.icons import icon
from gui.style.theme import font
from gui.style.tokens import Space
from gui.tabs.warehouse.chart_pane import ChartPane
from gui.tabs.warehouse.columns_dialog import ColumnsDialog
from gui.tabs.warehouse.plan_pane import PlanPane
from gui.tabs.warehouse.row_dialog import RowDialog

if TYPE_CHECKING:
    import polars as pl

SIDES = (("rows", "Results"), ("chart", "Chart"), ("plan", "Plan"), ("messages", "Messages"))
EXPORTS = (
    ("csv", "CSV…"),
    ("parquet", "Parquet…"),
    ("json", "JSON…"),
    ("xlsx", "Excel (XLSX)…"),
    ("unload", "UNLOAD to S3…"),
)


class ResultPane(QFrame):
    export_asked = Signal(str)
    export_shown_asked = Signal(str)
    """only the rows and columns that the grid shows"""
    side_chosen = Signal(str)
    """rows, chart, plan or messages"""
    result_chosen = Signal(int)
    result_closed = Signal(int)
    pin_asked = Signal()
    copy_command_asked = Signal()
    place_asked = Signal()
    """show the place of the error in the SQL"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.sides = Segments(list(SIDES), "Show")
        self.spinner = Spinner(14)
        self.spinner.hide()
        self.line = Label("", "small")
        self.line.setAccessibleName("State of the result")
        self.filter_button = Button("Filter the rows (Ctrl+F outside the SQL)", "icon", icon_name="list-filter")
        self.filter_button.setCheckable(True)
        self.columns_button = Button("Columns (Ctrl+Shift+C)", "icon", icon_name="columns-3")
        self.pin_button = Button("Keep this result", "icon", icon_name="pin")
        self.pin_button.setCheckable(True)
        self.export_button = Button("Export", "small")
        self.results = QTabBar()
        self.results.setTabsClosable(True)
        self.results.setExpanding(False)
        self.results.setDrawBase(False)
        self.results.setAccessibleName("Results")
        self.results.setProperty("kind", "minor")
        self.results.hide()
        self.banner = Banner("danger")
        self._stack = QStackedWidget(self)
        self._rows = QStackedWidget(self._stack)
        self.table = ColumnTable()
        self.table.forms = FORMS
        self.empty = EmptyState("table", "Rows appear here", hint="Ctrl+Enter runs the statement at the cursor")
        self.busy = Busy()
        self.done = EmptyState("circle-check", "")
        self.chart, self.plan = ChartPane(self._stack), PlanPane(self._stack)
        self.messages = QPlainTextEdit()
        self.messages.setReadOnly(True)
        self.messages.setProperty("role", "mono")
        self.messages.setProperty("kind", "embedded")
        self.messages.setFont(font("mono"))
        self.messages.setMaximumBlockCount(5_000)
        self.messages.setAccessibleName("Messages")
        self.messages.setPlaceholderText("What the server said, newest below")
        self._blank = QWidget()
        for widget in (self.empty, self.table, self.busy, self.done, self._blank):
            self._rows.addWidget(widget)
        for side in (self._rows, self.chart, self.plan, self.messages):
            self._stack.addWidget(side)
        self._head = row(
            self.sides, 4, self.spinner, None, self.filter_button, self.columns_button, self.pin_button,
            self.export_button, gap=Space.XS,
        )  # fmt: skip
        self._head.setStretch(3, 0)  # what is left over is the line's, while it stands there
        layout = column(
            self._head,
            self.results,
            self.banner,
            self._stack,
            gap=Space.S,
            margins=(Space.M, Space.S, Space.M, Space.S),
        )
        layout.setStretch(3, 1)
        self.setLayout(layout)
        self._place_line()
        self.sides.chosen.connect(self.show_side)
        self.sides.chosen.connect(self.side_chosen)
        self.filter_button.toggled.connect(self.table.show_filters)
        self.table.row_asked.connect(self.open_row)
        self.columns_button.clicked.connect(self.open_columns)
        self.pin_button.clicked.connect(self.pin_asked)
        self.export_button.clicked.connect(self.open_export_menu)
        for changed in (self.results.currentChanged, self.results.tabBarClicked):  # the second: also the one in front
            changed.connect(lambda index: self._chosen(index, self.result_chosen))
        self.results.tabCloseRequested.connect(lambda index: self._chosen(index, self.result_closed))
        self.banner.action_asked.connect(self.place_asked)

    # -- rows -----------------------------------------------------------------------------
    def show_empty(self) -> None:
        self.table.show_frame(None)
        self.banner.hide()
        self._rows.setCurrentWidget(self.empty)

    def show_busy(self, words: str) -> None:
        """A statement is on its way and has no rows yet."""
        self.busy.show_text(words)
        self.banner.hide()
        self._rows.setCurrentWidget(self.busy)

    def show_frame(self, frame: pl.DataFrame, types: list[str]) -> None:
        self.table.show_frame(frame, types)
        self.filter_button.setChecked(False)
        self.banner.hide()
        self._rows.setCurrentWidget(self.table)

    def show_done(self, words: str) -> None:
        """A statement without rows has ended well."""
        self.table.show_frame(None)
        self.done.sentence.setText(words)
        self.banner.hide()
        self._rows.setCurrentWidget(self.done)

    def show_fault(self, title: str, why: str, remedy: str, details: dict[str, str], *, place: bool) -> None:
        """Why the statement failed; ``place`` offers to show where."""
        self.table.show_frame(None)
        self._rows.setCurrentWidget(self._blank)
        self.banner.show_fault(title, why, remedy, action="Show the place" if place else "", details=details)

    def show_line(self, words: str, *, busy: bool, tone: str = "") -> None:
        self.line.setText(words)
        self.line.set_tone(tone)
        self.spinner.setVisible(busy)
        self._place_line()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_line()

    def _place_line(self) -> None:
        """Beside the sides where there is room for all of it, else in lines of its own below: a count that is cut tells nothing."""
        layout = self.layout()
        assert isinstance(layout, QBoxLayout)
        margins = layout.contentsMargins()
        tools = (self.sides, self.spinner, self.filter_button, self.columns_button, self.pin_button, self.export_button)
        taken = sum(tool.sizeHint().width() for tool in tools if not tool.isHidden())
        room = self.width() - margins.left() - margins.right() - taken - (self._head.count() + 1) * self._head.spacing()
        needed = self.line.fontMetrics().horizontalAdvance(self.line.text()) + Space.XS
        below = needed > room
        self.line.setVisible(bool(self.line.text()) or not below)
        if below != self.line.wordWrap() or self.line.parent() is None:
            self.line.setWordWrap(below)
            self.line.setSizePolicy(
                QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum if below else QSizePolicy.Policy.Preferred
            )
            if below:
                layout.insertWidget(1, self.line)
            else:
                self._head.insertWidget(self._head.indexOf(self.spinner) + 1, self.line, 1)

    def show_tools(self, *, rows: bool, pinned: bool) -> None:
        for button in (self.filter_button, self.columns_button, self.pin_button, self.export_button):
            button.setEnabled(rows)
        self.pin_button.setChecked(pinned)
        self.pin_button.set_icon("pin-off" if pinned else "pin", "accent" if pinned else "text2")

    def take_focus(self) -> None:
        """Keys go to what is shown: the rows, the chart, the plan or the messages."""
        places = {"rows": self.table, "chart": self.chart.across, "plan": self.plan.tree, "messages": self.messages}
        place = places[self.side]
        enter(place if place.isVisible() else self.sides)

    def choose_next(self, step: int) -> None:
        """The next of the results kept."""
        if self.results.count():
            self.results.setCurrentIndex((self.results.currentIndex() + step) % self.results.count())

    # -- sides and results --------------------------------------------------------------------
    def show_side(self, side: str) -> None:
        self.sides.choose(side)
        self._stack.setCurrentIndex([name for name, _ in SIDES].index(side))
        for button in (self.filter_button, self.columns_button, self.pin_button):
            button.setVisible(side == "rows")
        self._place_line()

    def go_to_side(self, side: str) -> None:
        """Show a side as a click on its name does, and give it the keys."""
        self.show_side(side)
        self.side_chosen.emit(side)
        self.take_focus()

    @property
    def side(self) -> str:
        return self.sides.value

    def show_results(self, titles: list[tuple[int, str, bool]], current: int) -> None:
        """The results kept for this file, as (key, title, pinned); one alone needs no tab while it is shown."""
        self.results.blockSignals(True)
        while self.results.count():
            self.results.removeTab(0)
        for key, title, pinned in titles:
            index = self.results.addTab(title)
            self.results.setTabData(index, key)
            if pinned:
                self.results.setTabIcon(index, icon("pin", "accent"))
            if key == current:
                self.results.setCurrentIndex(index)
        self.results.setVisible(len(titles) > 1 or (bool(titles) and current not in [key for key, _, _ in titles]))
        self.results.blockSignals(False)

    def _chosen(self, index: int, signal: object) -> None:
        if index >= 0 and self.results.tabData(index) is not None:
            signal.emit(int(self.results.tabData(index)))  # type: ignore[attr-defined]

    def log(self, sql: str, words: str) -> None:
        """A line of what was run, and what came of it."""
        head = textwrap.shorten(sql, 100, placeholder="…")
        self.add_message(f"{datetime.now():%H:%M:%S}  {head}\n          {words}")

    def add_message(self, text: str) -> None:
        self.messages.appendPlainText(text)

    # -- menus -----------------------------------------------------------------------------------
    def open_export_menu(self) -> None:
        menu = QMenu(self)
        for form, words in EXPORTS:
            menu.addAction(words, partial(self.export_asked.emit, form))
        rows, columns = self.table.column_model.rowCount(), len(self.table.shown_columns())
        if self.table.column_model.order is not None or self.table.hidden_columns():
            some = f"{rows:,} {'row' if rows == 1 else 'rows'}, {columns:,} {'column' if columns == 1 else 'columns'}"
            shown = menu.addMenu(f"Only what is shown ({some})")
            for form, words in EXPORTS:
                if form != "unload":
                    shown.addAction(words, partial(self.export_shown_asked.emit, form))
        menu.addSeparator()
        menu.addAction("Copy as CLI", self.copy_command_asked.emit)
        menu.popup(self.export_button.mapToGlobal(QPoint(0, self.export_button.height() + Space.XS)))

    def open_row(self, row: int = -1) -> None:
        """A row as a list of its columns; -1: where the keys are, else the first."""
        model = self.table.column_model
        if not model.rowCount():
            return
        place = row if row >= 0 else max(0, self.table.currentIndex().row())
        dialog = RowDialog(model.names, model.types, self)

        def show(step: int) -> None:
            nonlocal place
            place = min(max(0, place + step), model.rowCount() - 1)
            dialog.show_row(place, model.rowCount(), model.row_texts(place))

        dialog.step_asked.connect(show)
        dialog.value_asked.connect(lambda section: self.table.open_cell(model.index(place, section)))
        show(0)
        dialog.open()

    def open_columns(self) -> None:
        """Which columns are shown, and where one of them is."""
        model = self.table.column_model
        if not model.names:  # a statement without rows has taken them away
            return
        dialog = ColumnsDialog(model.names, model.types, set(self.table.hidden_columns()), self)
        dialog.shown_asked.connect(self.table.set_shown)
        dialog.go_asked.connect(self.table.go_to_column)
        dialog.open()
