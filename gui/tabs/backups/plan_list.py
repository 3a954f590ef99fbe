"""The plans as cards: state in a word, last backup, last proof, next run, and when the last proof vanishes."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QButtonGroup, QPushButton, QVBoxLayout, QWidget

from core.backups.outcomes import PlanStatus, Status
from core.backups.plan import Plan
from gui.parts.layout import column, row
from gui.parts.words import Chip, Label, breakable, byte_size
from gui.style.tokens import Space
from gui.tabs.backups import wording


class PlanCard(QPushButton):
    """One plan; a click selects it."""

    def __init__(self, plan: Plan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plan = plan
        self.setProperty("kind", "planCard")
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.name = Label(plan.name, "strong")
        self.chip = Chip("…")
        self.source = Label(breakable(wording.source(plan), 24), "small", wrap=True)
        self.backed = Label("", "small", wrap=True)
        self.proved = Label("", "small", wrap=True)
        self.next = Label("", "small", wrap=True)
        self._head = row(self.name, None, self.chip)
        lines = column(
            self._head, self.source, Space.XS, self.backed, self.proved, self.next,
            gap=2, margins=(Space.M, Space.M, Space.M, Space.M),
        )  # fmt: skip
        self.setLayout(lines)
        self._lines = lines
        for label in (self.name, self.chip, self.source, self.backed, self.proved, self.next):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(plan.name)
        self.setToolTip(plan.name)

    def sizeHint(self) -> QSize:
        return QSize(self._lines.sizeHint().width(), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._lines.minimumSize().width(), self.heightForWidth(self.width()))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._lines.totalHeightForWidth(width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_head()
        self.updateGeometry()  # the sentences break elsewhere

    def _fit_head(self) -> None:
        """A long state goes below the name, a long name is shortened: neither is cut off."""
        room = self.width() - 2 * Space.M
        wide = self.name.fontMetrics().horizontalAdvance(self.plan.name)
        below = wide + Space.S + self.chip.sizeHint().width() > room
        self._head.setDirection(QBoxLayout.Direction.TopToBottom if below else QBoxLayout.Direction.LeftToRight)
        self._head.setAlignment(self.chip, Qt.AlignmentFlag.AlignLeft if below else Qt.AlignmentFlag(0))
        self.name.setText(self.name.fontMetrics().elidedText(self.plan.name, Qt.TextElideMode.ElideMiddle, room))

    def show_word(self, status: Status) -> None:
        self.chip.show_state(*wording.STATUS[status])
        self._fit_head()

    def show_status(self, status: PlanStatus | None) -> None:
        if status is None:
            self.chip.show_state("LOOKING", "")
            self._fit_head()
            return
        now = datetime.now(UTC)
        word = wording.STATUS[status.status][0]
        self.show_word(status.status)
        taken = status.last_backup.taken if status.last_backup else None
        if wording.blind(status):
            self.backed.setText("Backups not known: the bucket cannot be read")
        else:
            size = byte_size(status.stored_bytes).replace(" ", "\u00a0")  # a number and its unit stay on one line
            self.backed.setText(f"Backed up {wording.ago(taken, now)} · {size} in all")
        failing = wording.failing(status)
        if failing:
            self.backed.setText(f"The last run FAILED · {self.backed.text()[0].lower()}{self.backed.text()[1:]}")
        self.backed.set_tone("danger" if failing or wording.blind(status) else "")
        proof = status.last_proof.started if status.last_proof else None
        vanishes = status.proof_vanishes
        if vanishes is None:
            gone = proof is not None and not status.proof_vanishes_by and not wording.blind(status)
            refuted = proof is None and status.last_verification is not None
            when = "No proof stands" if refuted else f"Proved {wording.ago(proof, now)}"
            self.proved.setText(f"{when}{' · that one is gone' if gone else ''}")
            self.proved.set_tone("success" if word == "PROVED" else "danger" if gone else "")
        else:
            self.proved.setText(f"Proved {wording.ago(proof, now)} · that one vanishes {wording.clock(vanishes, now)}")
            self.proved.set_tone("success" if word == "PROVED" else "warning")
        missed = f" · {status.missed_runs} missed" if status.missed_runs else ""
        self.next.setText(
            f"Next run {wording.ago(status.next_run, now) if status.next_run else 'only by hand'}{missed}"
        )
        self.next.set_tone("warning" if status.missed_runs else "")
        self.updateGeometry()
        self.setAccessibleDescription(
            f"{word}. {self.source.text()}. {self.backed.text()}. {self.proved.text()}. {self.next.text()}."
        )


class PlanList(QWidget):
    """All cards, one of them chosen."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self.cards: dict[str, PlanCard] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(Space.S)
        self._column.addStretch(1)
        self.setAccessibleName("Backup plans")

    @property
    def current(self) -> str:
        return next((name for name, card in self.cards.items() if card.isChecked()), "")

    def show_plans(self, plans: list[Plan], current: str) -> None:
        """Cards are kept where the plan is the same, so that the focus stays."""
        for name in [name for name in self.cards if name not in {plan.name for plan in plans}]:
            self._drop(name)
        for number, plan in enumerate(plans):
            card = self.cards.get(plan.name)
            if card is not None and card.plan != plan:
                self._drop(plan.name)
                card = None
            if card is None:
                card = PlanCard(plan)
                card.clicked.connect(lambda _checked=False, name=plan.name: self.chosen.emit(name))
                self.cards[plan.name] = card
                self._group.addButton(card)
                self._column.insertWidget(number, card)
        self.mark(current if current in self.cards else next(iter(sorted(self.cards)), ""))

    def mark(self, name: str) -> None:
        """Show which plan is the chosen one."""
        if name in self.cards:
            self.cards[name].setChecked(True)

    def take_keys(self) -> None:
        """To the chosen plan."""
        if self.current:
            self.cards[self.current].setFocus()

    def show_status(self, name: str, status: PlanStatus | None) -> None:
        if name in self.cards:
            self.cards[name].show_status(status)

    def show_running(self, name: str) -> None:
        if name in self.cards:
            self.cards[name].show_word(Status.RUNNING)

    def _drop(self, name: str) -> None:
        card = self.cards.pop(name)
        self._group.removeButton(card)
        card.deleteLater()
        card.hide()
