"""A query's plan as a tree, the costly steps marked in word and colour; the server's own text beside it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QPlainTextEdit, QStackedWidget, QTreeWidget, QTreeWidgetItem, QWidget

from core.warehouse.explain import Step
from gui.parts.buttons import Segments
from gui.parts.layout import column, row
from gui.parts.notices import EmptyState
from gui.parts.words import Label, short_count
from gui.style.icons import icon
from gui.style.theme import font, theme
from gui.style.tokens import Space


class PlanPane(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["Step", "Share of the cost", "Rows", "Note"])
        self.tree.setAccessibleName("Plan")
        self.tree.setUniformRowHeights(True)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setProperty("role", "mono")
        self.text.setFont(font("mono"))
        self.text.setAccessibleName("Plan as text")
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.segments = Segments([("tree", "Tree"), ("text", "Text")], "Plan as")
        self.note = Label("", "small")
        self.empty = EmptyState(
            "git-branch", "No plan yet", hint="Explain (Ctrl+E) shows how a query would run, without running it"
        )
        self._outer = QStackedWidget(self)
        shown = QWidget(self._outer)
        self._inner = QStackedWidget(shown)
        self._inner.addWidget(self.tree)
        self._inner.addWidget(self.text)
        layout = column(row(self.segments, self.note, None), self._inner, gap=Space.S)
        layout.setStretch(1, 1)
        shown.setLayout(layout)
        self._outer.addWidget(self.empty)
        self._outer.addWidget(shown)
        outer = column(self._outer, gap=0)
        self.setLayout(outer)
        self.segments.chosen.connect(lambda value: self._inner.setCurrentIndex(0 if value == "tree" else 1))

    def show_nothing(self) -> None:
        self._outer.setCurrentIndex(0)

    def show_plan(self, steps: list[Step], text: str) -> None:
        self.tree.clear()
        self.text.setPlainText(text)
        costly = 0
        for step in steps:
            item = _item(step)
            self.tree.addTopLevelItem(item)
            costly += _costly(step)
        self.tree.expandAll()
        self.tree.setColumnWidth(0, 460)
        self.tree.setColumnWidth(1, 120)
        self.tree.setColumnWidth(2, 90)
        tree = any(step.total_cost is not None or step.children for step in steps)
        self.segments.choose("tree" if tree else "text")
        self._inner.setCurrentIndex(0 if tree else 1)
        known = any(step.total_cost is not None for step in steps)
        words = (
            f"{costly} costly {'step' if costly == 1 else 'steps'} marked" if known else "This engine gives no costs"
        )
        self.note.setText(f"{words}. Costs and rows are the planner's estimates." if known else words)
        self._outer.setCurrentIndex(1)


def _costly(step: Step) -> int:
    return int(step.costly) + sum(_costly(child) for child in step.children)


def _item(step: Step) -> QTreeWidgetItem:
    share = f"{step.share:.0%}" if step.cost is not None else ""
    note = step.warning or "; ".join(step.details[:1])
    item = QTreeWidgetItem(
        [
            step.text,
            f"{share} costly" if step.costly else share,
            "" if step.rows is None else short_count(step.rows),
            note,
        ]
    )
    item.setToolTip(0, "\n".join([step.text, *step.details]))
    item.setToolTip(3, note)
    item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    if step.costly:
        heavy = QFont(font("body"))
        heavy.setWeight(QFont.Weight.DemiBold)
        for number in (0, 1):
            item.setFont(number, heavy)
            item.setForeground(number, theme().color("danger"))
        item.setIcon(0, icon("flame", "danger"))
    elif step.warning:
        item.setIcon(0, icon("triangle-alert", "warning"))
    item.addChildren([_item(child) for child in step.children])
    return item
