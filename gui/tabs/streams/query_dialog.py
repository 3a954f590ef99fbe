"""The SQL window over the kept records: an editor, its answer as a table, and what was wrong."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.warehouse.copying import FORMS
from gui.parts.column_table import ColumnTable
from gui.parts.dialogs import Dialog
from gui.parts.notices import Banner
from gui.parts.sql_editor import SqlEditor
from gui.parts.words import Label, number

FIRST = "SELECT shard, count(*) AS records, sum(size) AS bytes\nFROM records\nGROUP BY shard\nORDER BY records DESC"


class QueryDialog(Dialog):
    """Stays open beside the page; ``run_asked`` carries the statement."""

    run_asked = Signal(str)

    def __init__(self, stream: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__("SQL over the kept records", "Run", parent, width=860)
        self.setModal(False)
        self.cancel_button.setText("Close")
        self.editor = SqlEditor()
        self.editor.setPlainText(text or FIRST)
        self.editor.setFixedHeight(132)
        self.hint = Label(
            "The table is records: arrived, shard, partition_key, sequence, size, codec, data, and a column for each "
            "JSON field of the newest records.",
            "small",
            wrap=True,
        )
        self.banner = Banner("danger")
        self.table = ColumnTable()
        self.table.forms = FORMS
        self.table.setMinimumHeight(160)
        self.table.horizontalHeader().setSectionsClickable(False)  # ORDER BY sorts here
        self.table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.count = Label("", "small")
        for widget in (self.editor, self.hint, self.banner, self.table, self.count):
            self.body.addWidget(widget)
        self.asked.connect(self._ask)
        run = QShortcut(QKeySequence("Ctrl+Return"), self)
        run.activated.connect(self._ask)
        self.accept_button.setToolTip("Run (Ctrl+Return)")
        self.setAccessibleDescription(stream)
        self.resize(860, 660)
        self.editor.setFocus()

    def show_running(self, running: bool) -> None:
        self.accept_button.setEnabled(not running)
        self.accept_button.setText("Running…" if running else "Run")

    def show_answer(self, frame: Any, *, cut: bool, of: int) -> None:
        """``frame``: a polars DataFrame; ``of``: how many records were asked."""
        self.banner.hide()
        self.table.show_frame(frame)
        rows = number(frame.height)
        self.count.setText(
            f"The first {rows} rows; there are more" if cut else f"{rows} rows from {number(of)} kept records"
        )

    def show_fault(self, title: str, why: str, remedy: str) -> None:
        self.banner.show_fault(title, why, remedy)

    def _ask(self) -> None:
        if self.accept_button.isEnabled():
            self.run_asked.emit(self.editor.toPlainText())
