"""What stands where the chart will be, before a tap starts: what it will cost the stream's other readers."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from core.streams.budget import ReadBudget
from core.streams.reader import READS_A_SECOND
from gui.parts.buttons import Button
from gui.parts.layout import column, row
from gui.parts.words import Label, number
from gui.style.tokens import Space

_FACTS = ("All readers now", "This tap adds", "Refused reads", "Refused writes", "Fan-out consumers")


class BudgetNote(QWidget):
    fan_out_asked = Signal()
    policy_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.title = Label("Before you tap", "strong")
        self.note = Label("", "small", wrap=True)
        self.note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.note.setMaximumWidth(720)
        self.note.setMinimumWidth(600)
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.XL)
        grid.setVerticalSpacing(2)
        self._facts: dict[str, Label] = {}
        for place, name in enumerate(_FACTS):
            self._facts[name] = Label("–", "body")
            grid.addWidget(Label(name, "caption"), 0, place)
            grid.addWidget(self._facts[name], 1, place)
        self.fan_out = Button("Tap by enhanced fan-out…", "link")
        self.policy = Button("Copy the IAM policy of a tap", "link")
        self.fan_out.clicked.connect(self.fan_out_asked)
        self.policy.clicked.connect(self.policy_asked)
        links = row(None, self.fan_out, self.policy, None, gap=Space.L)
        lines = (self.title, grid, self.note)
        self.setLayout(column(None, *(row(None, line, None) for line in lines), links, None, gap=Space.M))
        self.setAccessibleName("Before you tap")
        self.show_budget(None, 1.0, ())

    def fact(self, name: str) -> str:
        return self._facts[name].text()

    def show_allowed(self, locked: str) -> None:
        """``locked``: why no consumer may be registered now, or ""."""
        self.fan_out.setEnabled(not locked)
        self.fan_out.setToolTip(
            locked or "A consumer of its own is pushed the records and takes none of the five reads"
        )

    def show_budget(
        self, budget: ReadBudget | None, tap_reads: float, consumers: tuple[str, ...], consumer_count: int = 0
    ) -> None:
        """``budget`` None: CloudWatch has not answered yet. ``tap_reads``: a second and shard. ``consumers``: the names
        that are known of the ``consumer_count`` with fan-out."""
        facts, known = self._facts, budget is not None and budget.known
        used = budget.reads_per_second if budget is not None else None
        facts["This tap adds"].setText(f"up to {_rate(tap_reads)} of {READS_A_SECOND} reads/s")
        facts["All readers now"].setText(
            f"{_rate(used)} of {READS_A_SECOND} reads/s" if used is not None else "none" if known else "not known"
        )
        for name, count in (
            ("Refused reads", budget.reads_refused if budget is not None else 0),
            ("Refused writes", budget.writes_refused if budget is not None else 0),
        ):
            facts[name].setText(number(count) if known else "not known")
            facts[name].set_tone("warning" if known and count else "")
        facts["Fan-out consumers"].setText(number(consumer_count) if consumer_count else "none")
        facts["Fan-out consumers"].setToolTip(", ".join(consumers))
        text, tone = _sentence(budget, tap_reads)
        self.note.setText(text)
        self.note.set_tone(tone)
        self.setAccessibleDescription(
            f"{'; '.join(f'{name}: {label.text()}' for name, label in facts.items())}. {text}"
        )


def _rate(reads: float) -> str:
    return number(reads, 0 if reads == round(reads) else 1)


def _sentence(budget: ReadBudget | None, tap_reads: float) -> tuple[str, str]:
    """(words, tone)"""
    shared = f"A shard serves {READS_A_SECOND} reads a second to all its polling readers together."
    if budget is None:
        return f"{shared} Asking CloudWatch how many are used…", ""
    if budget.trouble is not None:
        why = f"{budget.trouble.title}: {budget.trouble.why.rstrip('.')}."
        return f"{shared} How many are used is not known. {why} {budget.trouble.remedy}", ""
    if not budget.known:
        return f"{shared} CloudWatch has no figures of this stream for the last {budget.minutes} minutes.", ""
    source = f"By CloudWatch, the busiest of the last {budget.minutes} minutes."
    words, tone = [], ""
    if budget.reads_refused:
        words.append("Readers of this stream are refused already, and a tap makes it worse for them: choose few reads a "
                     "second in the settings, or go on by enhanced fan-out, which takes none.")  # fmt: skip
    elif not budget.room_for(tap_reads):
        words.append(
            "With this tap the shards' reads are used up: others will be refused. Enhanced fan-out takes none."
        )
    if budget.writes_refused:
        words.append("Writers are refused: a shard takes 1,000 records or 1 MiB a second.")
    tone = "warning" if words else ""
    return " ".join([*words, source] if words else [shared, source]), tone
