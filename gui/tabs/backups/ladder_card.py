"""The ladder of one verification: every check with what was expected and what was found, and how long restores take."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal

from core.backups.outcomes import Check, Outcome, Verification
from gui.parts.buttons import Button
from gui.parts.layout import Card
from gui.parts.notices import EmptyState
from gui.parts.stat_tile import Sparkline
from gui.parts.words import Label
from gui.tabs.backups import wording
from gui.tabs.backups.rows import Column, RowTable

_TREND = 30  # of the newest restores


class LadderCard(Card):
    """The rungs of one verification: level, check, expected, actual, how long."""

    evidence_asked = Signal(object)

    def __init__(self) -> None:
        self.open = Button("Evidence report", "small", icon_name="external-link")
        self.trend = Sparkline()
        self.trend.setToolTip("How long the restores took, oldest first")
        super().__init__("Proof", self.trend, self.open)
        self.summary = Label("", wrap=True)
        self.measured = Label("", "small", wrap=True)
        self.measured.hide()
        self._verification: Verification | None = None
        self.open.clicked.connect(lambda: self._verification and self.evidence_asked.emit(self._verification))
        self.table = RowTable(
            "Checks of the verification",
            (
                Column("", lambda item: f"L{item.level}", 44),
                Column("Check", lambda item: item.name, 168, tip=lambda item: item.name),
                Column(
                    "Result", lambda item: wording.verdict(item)[0], 144,
                    tone=lambda item: wording.verdict(item)[1] or "text3", icon=_check_icon,
                ),
                Column("Expected", lambda item: item.expected, 190, tip=lambda item: item.expected, spare=640),
                Column("Actual", lambda item: item.actual, tip=lambda item: f"{item.actual}\n{item.detail}".strip()),
                Column("Took", lambda item: wording.span(item.seconds), 72, right=True, spare=680),
            ),
        )  # fmt: skip
        self.empty = EmptyState(
            "shield-alert", "No backup of this plan was ever proved",
            hint="Verify restores one into a scratch server or folder and checks it. Until then it is only backed up.",
        )  # fmt: skip
        self.empty.setMinimumHeight(150)
        self.body.addWidget(self.empty)
        self.body.addWidget(self.measured)
        self.body.addWidget(self.summary)
        self.body.addWidget(self.table)
        self.show_verification(None)

    def show_trend(self, verifications: Sequence[Verification]) -> None:
        """Of those (newest first) that restored: how long it took and how old the data were."""
        restores = [item for item in verifications if item.rto_seconds][:_TREND]
        seconds = [item.rto_seconds or 0.0 for item in reversed(restores)]
        self.trend.setVisible(len(seconds) > 1)
        self.trend.show_values(seconds)
        self.trend.setAccessibleName(f"Restore times: {', '.join(wording.span(value) for value in seconds)}")
        self.measured.setText(wording.trend(restores))
        self.measured.setVisible(bool(restores))

    def show_verification(self, verification: Verification | None) -> None:
        self._verification = verification
        ended = verification is not None and verification.outcome is not Outcome.RUNNING
        self.table.setVisible(ended)
        self.open.setVisible(ended)
        self.empty.setVisible(verification is None)
        self.summary.setVisible(verification is not None)
        if verification is None:
            return
        failed = len(verification.failed_checks)
        outcome = (
            wording.came_out(verification)
            if ended or failed
            else "Being verified: its checks stand here when it has ended"
        )
        self.summary.setText(f"{outcome} · backup {verification.run} · {wording.ago(verification.started)}")
        self.summary.set_tone("danger" if failed else "")
        self.table.show_rows(sorted(verification.checks, key=lambda item: item.level))
        self.table.fit_height(2, 24)


def _check_icon(item: Check) -> tuple[str, str]:
    if item.ok is None:
        return "minus", "text3"
    return ("circle-check", "success") if item.ok else ("circle-x", "danger")
