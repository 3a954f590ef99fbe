"""One plan: its rules that speak up, its backups, runs and verifications."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QMenu, QVBoxLayout, QWidget

from core.backups.outcomes import Backup, Finding, PlanStatus, Run, Status, Verification
from core.backups.plan import Plan
from gui.parts.buttons import Button
from gui.parts.layout import Card, column, row
from gui.parts.notices import Busy, Picture
from gui.parts.words import Chip, Label, breakable
from gui.style.tokens import Space
from gui.tabs.backups import wording
from gui.tabs.backups.ladder_card import LadderCard
from gui.tabs.backups.plan_history import History

_ICON = {"danger": "circle-alert", "warning": "triangle-alert", "info": "info"}
_FACTS = ("Source", "Goes to", "Runs", "Proved", "Kept", "Restore takes", "Data at risk", "Proof vanishes")
_WIDE = 600  # pixels for two pairs of columns
_FIXES = {
    "unreachable": "Look again",
    "retention": "Edit the plan",
    "no-expiry": "Set the expiry",
    "expiry-differs": "Set the expiry",
    "half-retention": "Pause the expiry",
    "expiry-shared": "Pause the expiry",
    "never-run": "Back up now",
    "run-failed": "Back up now",
    "source-lost": "Restore…",
    "silence": "Back up now",
    "missed": "Back up now",
    "proof-vanishes": "Verify now",
    "stale": "Verify now",
    "never-verified": "Verify now",
    "verification-failed": "Verify again",
    "proof-gone": "Verify now",
    "all-gone": "Back up now",
    "alert-undelivered": "Send a test",
    "role-may-delete": "Show the policies",
    "role-may-not-write": "Show the policies",
    "role-may-not-list": "Show the policies",
    "role-unknown": "Show the policies",
}
"""The rule of a finding -> its next step as a button."""


class FindingLine(QFrame):
    """What is the matter, why, and the next step."""

    def __init__(self, finding: Finding, fix: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        tone = wording.TONE[finding.severity]
        self.setProperty("kind", "notice")
        self.setProperty("tone", tone)
        self.rule = finding.rule
        self.button = Button(fix or " ", "link")
        self.button.setVisible(bool(fix))
        why = wording.sentences(finding.why, finding.remedy)
        words = column(Label(breakable(finding.title), "strong", wrap=True), gap=2)
        if why:
            words.addWidget(Label(breakable(why), "small", wrap=True))
        layout = row(
            Picture(_ICON[tone], tone), words, self.button, gap=Space.M, margins=(Space.M, Space.S, Space.M, Space.S)
        )
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.setAccessibleName(f"{finding.severity.value}: {finding.title}. {why}")


class PlanDetail(QWidget):
    """Shows the chosen plan; says what was asked for it."""

    edit_asked = Signal()
    stop_asked = Signal()
    remove_asked = Signal()
    schedule_asked = Signal()
    as_scheduled_asked = Signal()
    send_test_asked = Signal()
    rights_asked = Signal()
    policies_asked = Signal()
    command_asked = Signal()
    fix_asked = Signal(str)
    verification_chosen = Signal(object)
    backup_chosen = Signal()
    evidence_asked = Signal(object)
    show_object_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chip = Chip("")
        self.more = Button("More about this plan", "icon", icon_name="ellipsis")
        menu = self._menu()
        self.more.clicked.connect(lambda: menu.exec(self.more.mapToGlobal(self.more.rect().bottomLeft())))
        self.edit = Button("Edit", "small", icon_name="pencil")
        self.edit.clicked.connect(self.edit_asked)
        self.card = Card("Plan", self.chip, self.edit, self.more)
        self.facts = QGridLayout()
        self.facts.setHorizontalSpacing(Space.L)
        self.facts.setVerticalSpacing(Space.XS)
        self.card.body.addLayout(self.facts)
        self._names = {name: Label(name, "small") for name in _FACTS}
        self._values = {name: Label("–", "body", wrap=True) for name in _FACTS}
        self._sides, self._working = 0, False
        self._lay_out(2)
        self.busy = Busy()
        self.stop = Button("Cancel", "link")
        self.stop.clicked.connect(self.stop_asked)
        for part in (self.busy, self.stop):
            part.hide()
        self.card.body.addLayout(row(self.busy, self.stop, None))
        self.findings = QVBoxLayout()
        self.findings.setSpacing(Space.XS)
        self.card.body.addLayout(self.findings)
        self.history = History()
        self.ladder = LadderCard()
        self.history.verifications.picked.connect(self._verification_picked)
        self.history.backups.picked.connect(self.backup_chosen)
        self.history.backups.opened.connect(self.show_object_asked)
        self.ladder.evidence_asked.connect(self.evidence_asked)
        self.setLayout(column(self.card, self.history, self.ladder, None, gap=Space.M))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out(2 if event.size().width() >= _WIDE else 1)
        super().resizeEvent(event)

    def _lay_out(self, sides: int) -> None:
        """The facts in one or two pairs of columns."""
        if sides == self._sides:
            return
        self._sides = sides
        for number, name in enumerate(_FACTS):
            line, side = divmod(number, sides)
            self.facts.addWidget(self._names[name], line, side * 2, Qt.AlignmentFlag.AlignTop)
            self.facts.addWidget(self._values[name], line, side * 2 + 1, Qt.AlignmentFlag.AlignTop)
        self.facts.setColumnStretch(1, 1)
        self.facts.setColumnStretch(3, sides - 1)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for words, signal in (
            ("Schedule on this computer…", self.schedule_asked),
            ("Test as scheduled", self.as_scheduled_asked),
            ("Send a test alert", self.send_test_asked),
            ("Check the rights of this login", self.rights_asked),
            ("Policies for least privilege…", self.policies_asked),
            ("Copy as CLI", self.command_asked),
            ("Forget this plan…", self.remove_asked),
        ):
            menu.addAction(words).triggered.connect(lambda _checked=False, signal=signal: signal.emit())
        return menu

    # -- showing ------------------------------------------------------------------
    def show_plan(self, plan: Plan, status: PlanStatus | None) -> None:
        self.card.title.setText(plan.name)
        put = self._put
        put("Source", wording.source(plan))
        put("Goes to", f"s3://{plan.target.bucket}/{plan.prefix}")
        put("Runs", wording.schedule(plan))
        put("Proved", f"every {plan.proof.every_days} days, up to L{plan.proof.level}")
        need = plan.proof.every_days + plan.retention.detection_days + plan.retention.repair_days
        put(
            "Kept",
            f"{plan.retention.days} days (at least {need} are needed)",
            "danger" if plan.retention.days < need else "",
        )
        if status is None:
            self.chip.show_state("LOOKING", "")
            for name in ("Restore takes", "Data at risk", "Proof vanishes"):
                put(name, "–")
            self._show_findings(())
            return
        self.chip.show_state(*wording.STATUS[status.status])
        unknown = "no proof stands" if status.last_verification else "not measured yet"
        put("Restore takes", wording.span(status.rto) if status.rto else unknown)
        if wording.blind(status):
            put("Data at risk", "not known: the bucket cannot be read", "danger")
        elif status.rpo_actual is None:
            put("Data at risk", "all of it: no backup yet", "danger")
        elif status.status is Status.FAILED:
            risk = (
                f"{wording.about(status.rpo_proven.total_seconds())} since the proven backup"
                if status.rpo_proven
                else "all of it"
            )
            put("Data at risk", f"{risk}: the last verification failed", "danger")
        else:
            put("Data at risk", f"{wording.about(status.rpo_actual.total_seconds())} since the backup")
        vanishes = status.proof_vanishes
        soon = any(finding.rule == "proof-vanishes" for finding in status.findings)
        by = status.proof_vanishes_by
        if wording.blind(status):
            words = "not known: the bucket cannot be read"
        elif vanishes:
            words = ", ".join(filter(None, (wording.stamp(vanishes), by)))
        else:
            words = f"never: {by}" if by else "no proven backup"
        weak = not vanishes and not by
        put("Proof vanishes", words, "danger" if soon else "warning" if weak else "")
        self._show_findings(status.findings)

    def show_progress(self, note: str) -> None:
        """What is being done for this plan now; nothing: it rests."""
        self._working = bool(note)
        self.busy.setVisible(self._working)
        self.stop.setVisible(self._working)
        self.stop.setAccessibleName(f"Cancel: {self.card.title.text()}")
        if note:
            self.busy.show_text(note)
        for line in self.findChildren(FindingLine):
            line.button.setEnabled(not self._working)

    def forget_history(self) -> None:
        """Another plan: what is known of the one before is nothing of this one's."""
        self.history.forget()
        self.ladder.hide()

    def show_history(
        self, backups: Sequence[Backup] | None, runs: Sequence[Run], verifications: Sequence[Verification]
    ) -> None:
        """``backups`` None: they could not be listed; the findings say why."""
        self.history.show_all(backups, runs, verifications)
        self.ladder.show()
        self.ladder.show_trend(verifications)
        if not verifications:
            self.ladder.show_verification(None)

    def _put(self, name: str, text: str, tone: str = "") -> None:
        self._values[name].setText(breakable(text, 24))
        self._values[name].set_tone(tone)
        self._values[name].setToolTip(text)
        self._values[name].setAccessibleName(f"{name}: {text}")

    def _show_findings(self, findings: Sequence[Finding]) -> None:
        while item := self.findings.takeAt(0):
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for finding in findings:
            line = FindingLine(finding, _FIXES.get(finding.rule, ""))
            line.button.clicked.connect(lambda _checked=False, rule=finding.rule: self.fix_asked.emit(rule))
            line.button.setEnabled(not self._working)
            self.findings.addWidget(line)

    def _verification_picked(self) -> None:
        chosen = self.history.verifications.chosen
        self.ladder.show_verification(chosen[0] if chosen else None)
        if chosen:
            self.verification_chosen.emit(chosen[0])
