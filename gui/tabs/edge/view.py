"""The Edge page: an address to check, what was found, and the simulator that explains it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QLineEdit, QMenu, QWidget

from core.edge.findings import Check
from core.edge.history import PastCheck
from core.edge.probe import ProbeResult
from gui.parts.buttons import Button
from gui.parts.focus import begin_at
from gui.parts.layout import Card, column, row, scrolled
from gui.parts.notices import Banner, Busy, EmptyState
from gui.parts.words import Chip, Label, zoned
from gui.style.tokens import Size, Space
from gui.tabs.edge.findings import FindingRow, HopRow, RowList, all_clear
from gui.tabs.edge.simulator import Settings, Simulator

_NARROW = 960
_VERDICTS = {"partly": "believed in part", "unseen": "nothing to be seen"}
_BELIEVED = {True: ("believed", "danger"), False: ("ignored", "success"), None: ("not to be seen", "")}


class EdgeView(QWidget):
    check_asked = Signal(str)
    probe_asked = Signal(str)
    cancel_asked = Signal()
    past_asked = Signal(int)
    fix_asked = Signal()

    def __init__(self, snippets: list[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.url = QLineEdit()
        self.url.setPlaceholderText("https://dev.app.com/login")
        self.url.setAccessibleName("Address to check")
        self.url.setMinimumHeight(Size.CONTROL)
        self.check = Button("Check", "primary", icon_name="search")
        self.cancel = Button("Cancel", icon_name="x")
        self.probe = Button("Probe trust…", icon_name="shield-alert")
        self.probe.setToolTip("Does this origin believe forged headers? Asks first.")
        self.history = Button("Earlier checks", "ghost", icon_name="history")
        self.menu = QMenu(self)
        self.banner = Banner("danger")
        self.busy = Busy("Asking")
        self.busy.hide()
        self.hops, self.findings = RowList(), RowList()
        self.empty = EmptyState("route", "Check an address, and see every redirect, link and cookie as the browser meets them", hint="Nothing is sent but "
                                "ordinary requests, with no cookies of yours; at most 10 hops and 5 MB.")  # fmt: skip
        self.summary = Chip("")
        self.summary.hide()
        self.hop_card = Card("Where it went")
        self.hop_card.body.addWidget(self.hops)
        self.finding_card = Card("Findings", self.summary)
        self.finding_card.body.addWidget(self.findings)
        self.results = QWidget()
        self._pair = QBoxLayout(QBoxLayout.Direction.LeftToRight, self.results)
        self._pair.setContentsMargins(0, 0, 0, 0)
        self._pair.setSpacing(Space.L)
        self._pair.addWidget(self.hop_card, 2)
        self._pair.addWidget(self.finding_card, 3)
        self.results.hide()
        self.simulator, self.settings = Simulator(), Settings(snippets)
        lower = QWidget()
        self._lower = QBoxLayout(QBoxLayout.Direction.LeftToRight, lower)
        self._lower.setContentsMargins(0, 0, 0, 0)
        self._lower.setSpacing(Space.L)
        self._lower.addWidget(self.simulator, 3)
        self._lower.addWidget(self.settings, 2)
        self.empty_card = Card()
        self.empty_card.body.addWidget(self.empty)
        content = QWidget()
        content.setLayout(column(self.banner, self.empty_card, self.results, lower, gap=Space.L))
        content.layout().setStretch(3, 1)  # type: ignore[union-attr]
        self.area = scrolled(content, self, gutter=Size.GUTTER)
        top = row(
            self.url, self.busy, self.check, self.cancel, self.probe, self.history, margins=(0, 0, Size.GUTTER, 0)
        )
        top.setStretch(0, 1)
        outer = column(top, self.area, gap=Space.L, margins=(Space.XL, Space.L, Space.XL - Size.GUTTER, Space.L))
        outer.setStretch(1, 1)
        self.setLayout(outer)
        begin_at(self, self.url)
        self.url.returnPressed.connect(lambda: self.check_asked.emit(self.url.text()))
        self.probe.clicked.connect(lambda: self.probe_asked.emit(self.url.text()))
        self.cancel.clicked.connect(self.cancel_asked)
        self.history.setMenu(self.menu)
        self.show_working(False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW
        direction = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        self._pair.setDirection(direction)
        self._lower.setDirection(direction)

    def show_working(self, working: bool, words: str = "") -> None:
        self.busy.setVisible(working)
        self.busy.label.setText(words)
        self.cancel.setVisible(working)
        self.check.setVisible(not working)
        self.probe.setEnabled(not working)

    def show_begun(self) -> None:
        """Another address is asked: what was found at the one before is not its answer (and stays among the earlier checks)."""
        self.banner.hide()
        self.results.hide()
        self.empty_card.show()
        self.show_top()

    def show_top(self) -> None:
        """What comes of a request stands there, wherever the hand was."""
        self.area.verticalScrollBar().setValue(0)

    def _show_results(self) -> None:
        self.banner.hide()
        self.empty_card.hide()
        self.results.show()
        self.show_top()

    def show_check(self, found: Check) -> None:
        self._show_results()
        self.hop_card.title.setText("Where it went")
        self.finding_card.title.setText("Findings")
        self.hops.show_rows([HopRow(number, hop) for number, hop in enumerate(found.hops, 1)])
        rows: list[QWidget] = []
        for finding in found.findings:
            made = FindingRow(finding)
            made.fix_asked.connect(self.fix_asked)
            rows.append(made)
        self.findings.show_rows(rows or [all_clear()])
        counts = [
            (word, sum(item.severity == severity for item in found.findings))
            for severity, word in (("error", "errors"), ("warning", "warnings"))
        ]
        text = ", ".join(f"{count} {word if count != 1 else word[:-1]}" for word, count in counts if count) or "clean"
        tone = {"error": "danger", "warning": "warning"}.get(found.worst, "success")
        self.summary.show_state(text, tone)
        self.summary.show()

    def show_probe(self, result: ProbeResult) -> None:
        self._show_results()
        self.hop_card.title.setText("Forged headers")
        self.finding_card.title.setText("Trust")
        rows: list[QWidget] = []
        for entry in result.headers:
            card = Card()
            words, tone = _BELIEVED[entry.believed]
            card.body.addLayout(row(Label(entry.header, "strong"), Label(entry.sent, "mono"), None, Chip(words, tone)))
            if entry.seen:
                card.body.addWidget(Label(entry.seen, "mono", wrap=True))
            rows.append(card)
        self.hops.show_rows(rows)
        advice = Card()
        advice.body.addWidget(Label(result.advice, wrap=True))
        self.findings.show_rows([advice])
        tone = {"ignored": "success", "unseen": "info"}.get(result.verdict, "danger")
        self.summary.show_state(_VERDICTS.get(result.verdict, result.verdict), tone)
        self.summary.show()

    def show_fault(self, title: str, why: str, remedy: str, action: str, details: dict[str, str]) -> None:
        self.banner.show_fault(title, why, remedy, action=action, details=details)
        self.show_top()

    def show_history(self, checks: list[PastCheck]) -> None:
        self.menu.clear()
        for past in checks:
            words = f"{past.errors} errors, {past.warnings} warnings" if past.worst in ("error", "warning") else "clean"
            action = self.menu.addAction(f"{zoned(past.at):%d %b %H:%M}   {past.url[:60]}   {words}")
            action.triggered.connect(lambda _checked=False, number=past.number: self.past_asked.emit(number))
        self.history.setEnabled(bool(checks))

    def show_settings(self) -> None:
        self.area.ensureWidgetVisible(self.settings)
        self.settings.text.setFocus(Qt.FocusReason.OtherFocusReason)
