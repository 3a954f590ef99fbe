"""The next step that stands beside a finding, done."""

from __future__ import annotations

from PySide6.QtCore import QObject

from core.backups.outcomes import Delivery, Finding, Severity
from gui.tabs.backups import wording
from gui.tabs.backups.plans_dialogs import PlansDialogs
from gui.tabs.backups.plans_place import PlansPlace

_WRITES = (
    "no-expiry",
    "expiry-differs",
    "expiry-shared",
    "half-retention",
    "never-run",
    "run-failed",
    "source-lost",
    "silence",
    "missed",
    "all-gone",
)


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

    def test_as_scheduled(self) -> None:
        """Whether login, secrets and bucket are reachable for a timer: without a desktop and its keyring."""
        plan = self._place.plan
        if plan is None:
            return

        def show(found: list[Finding]) -> None:
            bad = [item for item in found if item.severity is not Severity.INFO]
            if not bad:
                self._place.context.praise(f"A scheduled run of {plan.name} can do its work without this desktop.")
                return
            words = [wording.sentences(item.title, item.why, item.remedy) for item in bad]
            error = next((item for item in bad if item.severity is Severity.ERROR), None)
            first = error or bad[0]
            self._place.view.banner.show_text(
                f"As scheduled: {first.title}" if error else f"A scheduled run can work; {len(bad)} to know: {first.title}",
                wording.sentences(first.why, first.remedy), tone="danger" if error else "warning", details="\n".join(words),
            )  # fmt: skip

        self._place.start(
            f"Test {plan.name} as scheduled", lambda job: self._place.service.test_as_scheduled(job, plan.name), show
        )

    def send_test(self) -> None:
        plan = self._place.plan
        if plan is None:
            return

        def show(found: list[Delivery]) -> None:
            failed, banner = [item for item in found if not item.ok], self._place.view.banner
            if failed:
                banner.show_fault(
                    f"The test did not reach {failed[0].to}", failed[0].error, "Correct the channel in the plan",
                    details={item.channel: item.error for item in failed},
                )  # fmt: skip
            elif found:
                self._place.context.praise(f"Sent by {', '.join(item.channel for item in found)}")
            else:
                banner.show_text(
                    "Nobody would be told", "The plan names no channel: its last step does", tone="warning"
                )

        self._place.start("Send a test alert", lambda job: self._place.service.send_test(job, plan.name), show)

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
        elif rule.startswith("role-"):
            self._dialogs.show_policies()
        elif rule == "retention":
            self._dialogs.open_wizard(plan, "target")
        elif rule == "source-lost":
            self._dialogs.open_restore()
        elif rule == "alert-undelivered":
            self.send_test()
        elif rule in ("no-expiry", "expiry-differs"):
            self._place.start(
                "Set the expiry",
                lambda job: self._place.service.set_expiry(job, plan.name),
                self._rule_written,
                write=True,
            )
        elif rule in ("half-retention", "expiry-shared"):
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
