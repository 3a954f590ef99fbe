"""Parts of the plan wizard: numbers with units, fields side by side, and one assertion while it is edited."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSpinBox, QWidget

from core.backups.outcomes import Check
from core.backups.plan import Assertion
from gui.parts.buttons import Button
from gui.parts.form import Field, SpinBox, choice, line
from gui.parts.layout import column, row
from gui.parts.words import Label
from gui.style.tokens import Space
from gui.tabs.backups import wording

_OPERATORS = (
    (">=", "is at least"), ("<=", "is at most"), ("=", "equals"), ("!=", "is not"), ("matches", "matches"),
    ("within_hours", "is younger than (hours)"),
)  # fmt: skip


def amount(value: int, low: int, high: int, unit: str) -> QSpinBox:
    box = SpinBox()
    box.setRange(low, high)
    if unit:
        box.setSuffix(f" {unit}")
    else:
        box.setGroupSeparatorShown(False)
    box.setValue(value)
    return box


def side_by_side(*fields: Field) -> QHBoxLayout:
    """Labels at one height, whatever help stands below."""
    layout = row()
    for field in fields:
        layout.addWidget(field, 1, Qt.AlignmentFlag.AlignTop)
    return layout


def listed(edit: QLineEdit) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in edit.text().split(",") if part.strip())


def retention(days: int, every: int, detection: int, repair: int) -> tuple[str, bool]:
    """Whether backups live until a problem with them was noticed and repaired: in words, and whether."""
    need = every + detection + repair
    fits = days >= need
    sums = f"{every} days until the next proof + {detection} until a problem is noticed + {repair} to repair it = {need} days."
    end = "That fits." if fits else f"Backups that live {days} days may all be gone before anybody knows."
    return f"{sums} {end}", fits


class AssertionEditor(QWidget):
    """One assertion while it is edited: name, SQL, comparison, value, and what the source answers now."""

    changed = Signal()
    try_asked = Signal()
    removed = Signal()

    def __init__(self, assertion: Assertion) -> None:
        super().__init__()
        self._database = assertion.database
        self.name = line("What should be true", assertion.name)
        self.sql = line("SELECT COUNT(*) FROM orders", assertion.sql, mono=True)
        self.operator = choice(list(_OPERATORS), assertion.operator)
        self.value = line("1", assertion.value, mono=True)
        self.answer = Label("", "small")
        for widget, name in (
            (self.name, "Name of the check"), (self.sql, "SQL of the check"), (self.operator, "Comparison"),
            (self.value, "Expected value"),
        ):  # fmt: skip
            widget.setAccessibleName(name)
        self.value.setMaximumWidth(120)
        run = Button("Run on the source now", "small", icon_name="play")
        run.clicked.connect(self.try_asked)
        drop = Button("Remove this check", "icon", icon_name="trash-2")
        drop.clicked.connect(self.removed)
        self.setLayout(
            column(
                row(self.name, drop), self.sql, row(self.operator, self.value, run, self.answer, None),
                gap=Space.XS, margins=(0, 0, 0, Space.S),
            )
        )  # fmt: skip

    def assertion(self) -> Assertion:
        return Assertion(
            self.name.text().strip() or "check", self.sql.text().strip(), self.operator.currentData(),
            self.value.text().strip(), self._database,
        )  # fmt: skip

    def show_check(self, check: Check) -> None:
        word, tone = wording.verdict(check)
        self.answer.setText(f"{word}: {check.actual}")
        self.answer.setToolTip(check.detail or check.actual)
        self.answer.set_tone(tone)
