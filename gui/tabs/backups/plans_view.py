"""The plans half of the page: tiles, cards, and the chosen plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.backups.outcomes import PlanStatus, Status
from gui.parts.buttons import Button
from gui.parts.layout import column, row, scrolled
from gui.parts.notices import Banner, Busy, EmptyState
from gui.parts.stat_tile import StatTile
from gui.parts.words import byte_size, number
from gui.style.tokens import Size, Space
from gui.tabs.backups import wording
from gui.tabs.backups.plan_detail import PlanDetail
from gui.tabs.backups.plan_list import PlanList

_LEFT, _LEFT_SMALL = 286, 232


class PlansView(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.good = StatTile("Last good", curve=False)
        self.next = StatTile("Next", curve=False)
        self.stored = StatTile("Stored", curve=False)
        self.failed = StatTile("Failed", curve=False)
        self.tiles = row(self.good, self.next, self.stored, self.failed, gap=Space.M)
        self._named = (
            (self.good, "Last good of"), (self.next, "Next of"), (self.stored, "Stored by"), (self.failed, "Failed of"),
        )  # fmt: skip
        self.banner = Banner("danger")
        self.banner.hide()
        self.busy = Busy("Looking at the backup plans")
        self.new = Button("New plan", "small", icon_name="plus")
        self.adopt = Button("From a bucket…", "small")
        self.adopt.setToolTip("Take over backups whose plan is not here, as on a new computer")
        self.list = PlanList()
        self.detail = PlanDetail()
        self.empty = EmptyState(
            "archive", "No backup plan yet", "Make a plan",
            hint="A plan says what is saved, where to, how often, and how it is proved by restoring it.",
        )  # fmt: skip
        self.left = left = QWidget()
        left.setFixedWidth(_LEFT)
        left.setLayout(column(row(self.new, self.adopt, None), self.list, gap=Space.S))
        self.body = QWidget()
        columns = row(left, self.detail, gap=Space.L)
        columns.setStretch(1, 1)
        self.body.setLayout(columns)
        self.adopt_first = Button("Or take over backups from a bucket", "link")
        words = self.empty.layout()
        assert isinstance(words, QVBoxLayout)
        words.insertWidget(words.count() - 1, self.adopt_first, 0, Qt.AlignmentFlag.AlignHCenter)
        content = QWidget()
        content.setLayout(column(self.tiles, self.busy, self.body, None, gap=Space.M))
        self.area = scrolled(content, self, gutter=Size.GUTTER)
        above = column(self.banner, self.empty, gap=Space.M, margins=(0, 0, Size.GUTTER, 0))
        self.setLayout(column(above, self.area, gap=Space.M))
        self.show_state(looking=True, plans=0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.left.setFixedWidth(_LEFT if event.size().width() > 860 else _LEFT_SMALL)
        super().resizeEvent(event)

    def show_state(self, *, looking: bool, plans: int) -> None:
        """Looking the first time, nothing there, or the plans."""
        self.busy.setVisible(looking and not plans)
        self.empty.setVisible(not looking and not plans)
        self.area.setVisible(looking or bool(plans))
        self.body.setVisible(bool(plans))

    def show_tiles(self, statuses: Sequence[PlanStatus]) -> None:
        now = datetime.now(UTC)
        proofs = [
            (wording.taken(item.last_proof), item.last_proof.started, item.plan) for item in statuses if item.last_proof
        ]
        taken = [(item.last_backup.taken, item.plan) for item in statuses if item.last_backup]

        for tile, name in self._named:
            tile.name.setText(f"{name} {len(statuses)} plans" if len(statuses) > 1 else name.rpartition(" ")[0])
            tile.setToolTip("")
        if proofs:
            moment, proved, plan = max(proofs)
            self.good.show_figure(wording.clock(moment, now), note=f"proved {wording.ago(proved, now)}", tone="success")
            self.good.setToolTip(f"That of {plan}")
        elif taken:
            moment, plan = max(taken)
            self.good.show_figure(wording.clock(moment, now), note="backed up, never proved", tone="warning")
            self.good.setToolTip(f"That of {plan}")
        elif any(wording.blind(item) for item in statuses):
            self.good.show_figure("?", note="a bucket cannot be read", tone="danger")
        else:
            self.good.show_figure("–", note="nothing is backed up", tone="warning" if statuses else "")
        coming = [(item.next_run, item.plan) for item in statuses if item.next_run]
        if coming:
            moment, plan = min(coming)
            self.next.show_figure(wording.clock(moment, now), note=wording.ago(moment, now))
            self.next.setToolTip(f"That of {plan}")
        else:
            self.next.show_figure("–", note="no schedule")
        hidden = sum(1 for item in statuses if wording.blind(item))
        if hidden and hidden == len(statuses):
            self.stored.show_figure("?", note="no bucket can be read", tone="danger")
        else:
            stored = byte_size(sum(item.stored_bytes for item in statuses)).split(" ")
            count = wording.count_of(sum(item.backups for item in statuses), "backup")
            note = f"{count}, {wording.count_of(hidden, 'plan')} not known" if hidden else count
            self.stored.show_figure(stored[0], stored[-1], note=note, tone="warning" if hidden else "")
        bad = [item for item in statuses if item.status is Status.FAILED or wording.failing(item)]
        weak = [
            item
            for item in statuses
            if item.status in (Status.NEVER, Status.STALE, Status.NOT_RESTORABLE_HERE)
            or (item.status is Status.RUNNING and item.last_proof is None)
        ]
        if bad:
            note, tone = bad[0].plan if len(bad) == 1 else f"of {len(statuses)} plans", "danger"
        elif weak:
            note, tone = f"{len(weak)} not proved", "warning"
        else:
            note, tone = ("every plan is proved", "success") if statuses else ("no plans", "")
        self.failed.show_figure(number(len(bad)), note=note, tone=tone)
        self.failed.figure.set_tone("danger" if bad else "")
