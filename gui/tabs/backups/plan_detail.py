"""One plan: its rules that speak up, its backups, runs and verifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from core.backups.outcomes import Backup, Finding, Outcome, PlanStatus, Run, Status, Verification
from core.backups.plan import Plan
from gui.parts.buttons import Button, Segments
from gui.parts.layout import Card, column, row
from gui.parts.notices import Busy, Picture
from gui.parts.words import Chip, Label, breakable, byte_size
from gui.style.tokens import Space
from gui.tabs.backups import wording
from gui.tabs.backups.ladder_card import LadderCard
from gui.tabs.backups.rows import Column, RowTable

_ICON = {"danger": "circle-alert", "warning": "triangle-alert", "info": "info"}
_FACTS = ("Source", "Goes to", "Runs", "Proved", "Kept", "Restore takes", "Data at risk", "Proof vanishes")
LISTED = 100
"""Runs and verifications in their tables; whoever shows them reads one more, to tell whether these are all."""
_WIDE = 600  # pixels for two pairs of columns
_FIXES = {
    "unreachable": "Look again",
    "retention": "Edit the plan",
    "no-expiry": "Set the expiry",
    "expiry-differs": "Set the expiry",
    "half-retention": "Pause the expiry",
    "never-run": "Back up now",
    "run-failed": "Back up now",
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
        why = " ".join(f"{part.rstrip('.')}." for part in (finding.why, finding.remedy) if part)
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
        self.busy.hide()
        self.card.body.addWidget(self.busy)
        self.findings = QVBoxLayout()
        self.findings.setSpacing(Space.XS)
        self.card.body.addLayout(self.findings)
        self.history = _History()
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
        if note:
            self.busy.show_text(note)
        for line in self.findChildren(FindingLine):
            line.button.setEnabled(not self._working)

    def show_history(
        self, backups: Sequence[Backup] | None, runs: Sequence[Run], verifications: Sequence[Verification]
    ) -> None:
        """``backups`` None: they could not be listed; the findings say why."""
        self.history.show_all(backups, runs, verifications)
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


class _History(Card):
    """Backups in the bucket, runs as this computer remembers them, verifications: one at a time."""

    def __init__(self) -> None:
        self.segments = Segments(
            (("backups", "Backups"), ("verifications", "Verifications"), ("runs", "Runs")), "What is listed"
        )
        super().__init__("History", self.segments)
        self.backups = RowTable(
            "Backups in the bucket",
            (
                Column("Taken", lambda item: wording.stamp(item.taken), 150),
                Column("Size", lambda item: byte_size(item.stored_bytes), 86, right=True),
                Column(
                    "State", _state_of, 200, tone=lambda item: _state_tone(item), icon=lambda item: _state_icon(item)
                ),
                Column(
                    "Expires",
                    lambda item: wording.clock(item.expires),
                    100,
                    spare=560,
                    tip=lambda item: wording.stamp(item.expires),
                ),
                Column(
                    "Object", lambda item: item.key.rsplit("/", 1)[-1], mono=True, tip=lambda item: item.key, spare=520
                ),
            ),
        )
        self.verifications = RowTable(
            "Verifications",
            (
                Column("When", lambda item: wording.stamp(item.started), 150),
                Column("Result", lambda item: wording.proof(item)[0], 140, tone=lambda item: wording.proof(item)[1]),
                Column("Level", lambda item: f"L{item.level}", 56),
                Column("Restore time", lambda item: wording.span(item.rto_seconds), 96, right=True, spare=560),
                Column("Finding", _finding, tip=_finding),
            ),
        )
        self.runs = RowTable(
            "Runs",
            (
                Column("Started", lambda item: wording.stamp(item.started), 150),
                Column(
                    "Result", lambda item: wording.OUTCOME[item.outcome][0], 96,
                    tone=lambda item: wording.OUTCOME[item.outcome][1],
                ),
                Column("Took", lambda item: wording.span((item.ended - item.started) if item.ended else None), 90, right=True),
                Column("Read", lambda item: byte_size(item.plain_bytes) if item.plain_bytes else "–", 86, right=True, spare=640),
                Column("Stored", lambda item: byte_size(item.stored_bytes) if item.stored_bytes else "–", 86, right=True, spare=560),
                Column("Why", lambda item: item.error, tip=lambda item: item.error),
            ),
        )  # fmt: skip
        self.unknown = Label("The bucket cannot be read: what lies in it is not known.", "small", wrap=True)
        self.unknown.hide()
        self.stack = QStackedWidget()
        self._tables = {"backups": self.backups, "verifications": self.verifications, "runs": self.runs}
        for table in self._tables.values():
            holder = QWidget()
            lines = (self.unknown, table) if table is self.backups else (table,)
            holder.setLayout(column(*lines, None, gap=0))
            self.stack.addWidget(holder)
        self.body.addWidget(self.stack)
        self.segments.chosen.connect(self.show_kind)
        self.show_kind("backups")

    def show_kind(self, kind: str) -> None:
        self.segments.choose(kind)
        self.stack.setCurrentIndex(list(self._tables).index(kind))
        self._fit()

    def show_all(
        self, backups: Sequence[Backup] | None, runs: Sequence[Run], verifications: Sequence[Verification]
    ) -> None:
        known_before = self.verifications.row_model.rows
        for table, rows in ((self.backups, backups or ()), (self.runs, runs[:LISTED])):
            _show_again(table, rows, "")
        newest = verifications[0].id if verifications else ""
        news = not known_before or known_before[0].id != newest  # somebody who reads an older one is not disturbed
        _show_again(self.verifications, verifications[:LISTED], newest if news else "")
        self.unknown.setVisible(backups is None)
        self.backups.setVisible(backups is not None)
        known = "?" if backups is None else str(len(backups))
        self.segments.relabel("backups", f"Backups {known}")
        self.segments.relabel("verifications", f"Verifications {_counted(verifications)}")
        self.segments.relabel("runs", f"Runs {_counted(runs)}")
        self._fit()

    def _fit(self) -> None:
        for table in self._tables.values():
            table.fit_height(1, 6)
        current = list(self._tables.values())[self.stack.currentIndex()]
        self.stack.setFixedHeight(current.height())


def _show_again(table: RowTable, rows: Sequence[Any], wanted: Any) -> None:
    """Fresh rows with the chosen one still chosen, or the one with the id ``wanted``."""
    chosen = wanted or next((item.id for item in table.chosen), "")
    table.show_rows(rows)
    table.choose(next((number for number, item in enumerate(rows) if item.id == chosen), -1))


def _counted(rows: Sequence[Any]) -> str:
    """The table holds the newest; that there are more is said, not how many."""
    return f"{LISTED}+" if len(rows) > LISTED else str(len(rows))


def _finding(item: Verification) -> str:
    if item.outcome is Outcome.RUNNING:
        return "being verified"
    return item.headline if item.outcome is not Outcome.DONE else wording.passed(item)


def _state_of(item: Backup) -> str:
    if not item.complete:
        return "incomplete"
    if item.failed:
        return f"failed {wording.ago(item.failed)}"
    return f"proved {wording.ago(item.proved)}" if item.proved else "backed up"


def _state_tone(item: Backup) -> str:
    return "danger" if not item.complete or item.failed else "success" if item.proved else "text2"


def _state_icon(item: Backup) -> tuple[str, str]:
    if not item.complete or item.failed:
        return "circle-x", "danger"
    return ("shield-check", "success") if item.proved else ("archive", "text3")
