"""The next step that stands beside a finding, done."""

from __future__ import annotations

from PySide6.QtCore import QObject

from core.backups.outcomes import Finding, Severity
from gui.tabs.backups.plans_dialogs import PlansDialogs
from gui.tabs.backups.plans_place import PlansPlace

_WRITES = ("no-expiry", "expiry-differs", "half-retention", "never-run", "run-failed", "silence", "missed", "all-gone")


class PlansFixes(QObject):
    def __init__(self, place: PlansPlace, dialogs: PlansDialogs, parent: QObject) -> None:
        super().__init__(parent)
        self._place, self._dialogs = place, dialogs

    def check_rights(self) -> None:
        plan = self._place.plan
        if plan is not None:
            self._place.start(
                "Check the rights",
                lambda job: self._place.service.check_rights(job, plan),
                lambda found: self._rights(found),
            )

    def _rights(self, found: list[Finding]) -> None:
        if not any(item.severity is not Severity.INFO for item in found):
            self._place.context.praise("This login may do what the backup needs, and no more was found.")
        self._place.refresh()

    def fix(self, rule: str) -> None:
        """The next step that stands beside a finding."""
        plan = self._place.plan
        if plan is None:
            return
        if rule in _WRITES and self._place.context.guard.locked:
            self._place.view.banner.show_text(
                "This profile is read-only",
                "Nothing is written to it before it is unlocked, at the top of the window",
                tone="warning",
            )
        elif rule == "unreachable":
            self._place.refresh()
        elif rule == "retention":
            self._dialogs.open_wizard(plan)
        elif rule == "alert-undelivered":
            self._place.send_test()
        elif rule in ("no-expiry", "expiry-differs"):
            self._place.start(
                "Set the expiry",
                lambda job: self._place.service.set_expiry(job, plan.name),
                self._rule_written,
                write=True,
            )
        elif rule == "half-retention":
            self._place.start(
                "Pause the expiry",
                lambda job: self._place.service.pause_expiry(job, plan.name),
                self._rule_written,
                write=True,
            )
        elif rule in _WRITES:
            self._place.back_up()
        else:
            self._place.verify()

    def _rule_written(self, _: object) -> None:
        self._place.refresh()
