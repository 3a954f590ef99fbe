"""The pull wizard: a MySQL source, its tables with proposed keys and reasons, the DDL, and how to pull."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QPlainTextEdit, QSplitter, QTreeWidget, QTreeWidgetItem, QWidget

from core.warehouse.feed.service import Proposal
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import Field, choice, line
from gui.parts.layout import column, row
from gui.parts.notices import Banner, Spinner
from gui.parts.words import Label, short_count
from gui.style.theme import font
from gui.style.tokens import Space

_PROPOSAL = Qt.ItemDataRole.UserRole


class PullDialog(Dialog):
    source_changed = Signal(str, str)  # source, schema
    pull_asked = Signal()
    command_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Pull tables from MySQL", "Pull", parent, width=940)
        self.banner = Banner("danger")
        self.source = QComboBox()
        self.source.setEditable(True)
        self.source.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.source.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.schema = line("as the database", mono=True)
        self.schema.setMinimumWidth(150)
        self.mode = choice(
            [
                ("incremental", "What changed since the last pull"),
                ("keys", "What changed, and what was deleted"),
                ("full", "Everything anew"),
            ],
            "incremental",
        )
        self.check = QCheckBox("Compare with the source afterwards, and pull again what differs")
        self.check.setChecked(True)
        self.cut = QCheckBox("Cut texts longer than a VARCHAR holds (65,535 bytes), and count them")
        self.snapshot = QCheckBox("All tables as of one moment (slower: over one connection)")
        self.plan = line("a name", mono=True)
        self.at = line("02:00, 14:30", mono=True)
        self.on = line("every day, or: mon, thu", mono=True)
        self.union = line("none", mono=True)
        self.plan_field = Field(
            "Keep as the plan", self.plan, "Run it again from Plans; a plan of this name gets this source added"
        )
        self.union_field = Field(
            "Show all its sources as one in", self.union, "A schema of views with the column source_db"
        )
        self.at_field = Field("Run it at", self.at, "By this computer's own timer; empty: never by itself")
        self.on_field = Field("On", self.on)
        self.source_field = Field(
            "From",
            self.source,
            "One of the profile, or mysql://user@host:3306/database; the keyring keeps its password",
        )
        schema_field, mode_field = Field("Into the schema", self.schema), Field("Pull", self.mode)
        self.spinner = Spinner(14)
        self.spinner.hide()
        self.state = Label("", "small", wrap=True)
        self.state.setAccessibleName("State of the source")
        self.tables = QTreeWidget()
        self.tables.setRootIsDecorated(False)
        self.tables.setHeaderLabels(["Table", "Rows", "Distribution", "Sort key"])
        self.tables.setAccessibleName("Tables of the source")
        for section, width in enumerate((150, 66, 160, 100)):
            self.tables.setColumnWidth(section, width)
        self.reasons = Label("Choose a table to see what would be made, and why.", "small", wrap=True)
        self.ddl = QPlainTextEdit()
        self.ddl.setReadOnly(True)
        self.ddl.setProperty("role", "mono")
        self.ddl.setFont(font("mono"))
        self.ddl.setAccessibleName("The table to be made")
        side = QWidget()
        layout = column(self.ddl, self.reasons, gap=Space.S)
        layout.setStretch(0, 1)
        side.setLayout(layout)
        middle = QSplitter(Qt.Orientation.Horizontal)
        middle.addWidget(self.tables)
        middle.addWidget(side)
        middle.setSizes([500, 400])
        middle.setHandleWidth(Space.M)
        middle.setMinimumHeight(260)
        self.command = Button("Copy as CLI", icon_name="copy")
        first = row(self.source_field, schema_field, mode_field, gap=Space.M)
        first.setStretch(0, 1)
        for field in (schema_field, mode_field):
            first.setAlignment(field, Qt.AlignmentFlag.AlignTop)
        self.body.setSpacing(Space.S)
        self.body.addWidget(self.banner)
        self.body.addLayout(first)
        states = row(self.spinner, self.state)
        states.setStretch(1, 1)
        self.body.addLayout(states)
        self.body.addWidget(middle, 1)
        ticks = row(column(self.check, self.cut, gap=Space.S), self.snapshot, gap=Space.M)
        ticks.setAlignment(self.snapshot, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(ticks)
        fields = (self.plan_field, self.at_field, self.on_field, self.union_field)
        kept = row(*fields, gap=Space.M)
        for field in fields:
            kept.setAlignment(field, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(kept)
        self.foot.insertWidget(0, self.command)
        self._pause = QTimer(self, singleShot=True, interval=600)
        self._pause.timeout.connect(self._changed)
        self.source.editTextChanged.connect(lambda *_: self._pause.start())
        self.schema.textEdited.connect(lambda *_: self._pause.start())
        self.tables.currentItemChanged.connect(self._chosen)
        self.tables.itemChanged.connect(lambda *_: self._count())
        self.command.clicked.connect(self.command_asked)
        self.asked.connect(self.pull_asked)
        self.source.setFocus()
        self.resize(980, 650)
        self._count()

    def _changed(self) -> None:
        self.source_changed.emit(self.source.currentText().strip(), self.schema.text().strip())

    def chosen_tables(self) -> list[str]:
        """Names of the ticked tables."""
        items = [self.tables.topLevelItem(number) for number in range(self.tables.topLevelItemCount())]
        return [item.text(0) for item in items if item is not None and item.checkState(0) == Qt.CheckState.Checked]

    def all_chosen(self) -> bool:
        return len(self.chosen_tables()) == self.tables.topLevelItemCount()

    def show_sources(self, names: Sequence[str]) -> None:
        self.source.blockSignals(True)
        self.source.addItems(list(names))
        self.source.blockSignals(False)
        if names:
            self._changed()

    def show_state(self, words: str, *, busy: bool = False, tone: str = "") -> None:
        self.spinner.setVisible(busy)
        self.state.setText(words)
        self.state.set_tone(tone)

    def show_proposals(self, proposals: Sequence[Proposal]) -> None:
        self.banner.hide()
        self.tables.blockSignals(True)
        self.tables.clear()
        for proposal in proposals:
            advice = proposal.advice
            spread = f"KEY ({advice.distkey})" if advice.distkey else advice.diststyle
            cells = [proposal.table.name, short_count(proposal.table.rows), spread, advice.sortkey or "AUTO"]
            item = QTreeWidgetItem(cells)
            item.setCheckState(0, Qt.CheckState.Checked)
            item.setData(0, _PROPOSAL, proposal)
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.tables.addTopLevelItem(item)
        self.tables.blockSignals(False)
        first = self.tables.topLevelItem(0)
        if first is not None:
            self.tables.setCurrentItem(first)
        self._count()

    def _chosen(self, item: QTreeWidgetItem | None, _before: QTreeWidgetItem | None) -> None:
        proposal = item.data(0, _PROPOSAL) if item is not None else None
        if isinstance(proposal, Proposal):
            self.ddl.setPlainText(proposal.ddl + ";")
            notes = [*proposal.advice.reasons, *(f"{part.name}: {part.note}" for part in proposal.columns if part.note)]
            self.reasons.setText("\n".join(f"• {note}" for note in notes))

    def _count(self) -> None:
        count = len(self.chosen_tables())
        self.accept_button.setText(f"Pull {count:,} {'table' if count == 1 else 'tables'}" if count else "Pull")
        self.accept_button.setEnabled(count > 0)
        self.command.setEnabled(count > 0)
