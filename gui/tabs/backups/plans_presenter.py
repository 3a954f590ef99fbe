"""Decides what the plans half shows: how every plan stands, and what runs for which."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from shiboken6 import isValid

from core.backups.outcomes import Backup, Finding, Outcome, Run, Severity, Status, Verification
from core.backups.plan import Plan
from core.base.errors import OpsError
from core.jobs.job import Job, Progress
from gui.bridge.tab_context import TabContext
from gui.parts.desktop import show_file
from gui.parts.words import breakable, command
from gui.tabs.backups import wording
from gui.tabs.backups.place import ROOM
from gui.tabs.backups.plan_history import LISTED
from gui.tabs.backups.plans_dialogs import PlansDialogs
from gui.tabs.backups.plans_fixes import PlansFixes
from gui.tabs.backups.plans_place import Past, Shown
from gui.tabs.backups.plans_view import PlansView

if TYPE_CHECKING:
    from core.backups.alerts import Alert
    from core.backups.outcomes import Delivery
    from core.backups.service import BackupsService

_REFRESH = 60_000  # ms: ages and missed runs go on while nobody clicks
_EMPTY = 4_000


def _doing(job: Job[Any] | None) -> str:
    """Where a job is, in words and percent."""
    if job is None:
        return ""
    if job.stopping:
        return "Stopping"
    if job.progress is None:
        return job.title
    share = f" · {job.progress.share:.0%}" if job.progress.share is not None else ""
    return f"{job.progress.note or job.title}{share}"


class PlansPresenter(QObject):
    changed = Signal()
    _alerted = Signal(object)  # from a job's thread, hence queued
    object_asked = Signal(str, str)
    """bucket, key: show this object in the browser"""

    def __init__(self, view: PlansView, context: TabContext) -> None:
        super().__init__(view)
        self.view, self.context = view, context
        self.dialogs = PlansDialogs(self, self)
        self.fixes = PlansFixes(self, self.dialogs, self)
        self.shown = Shown()
        self.looked = False  # once, at least
        self._undelivered: Delivery | None = None  # told of on the banner
        self.current = str(context.memory.get("backups.plan", ""))
        self.past: Past | None = None
        self._working: dict[str, Job[Any]] = {}
        self._alerted.connect(self._show_alert, Qt.ConnectionType.QueuedConnection)
        view.new.clicked.connect(lambda: self.dialogs.open_wizard(None))
        view.empty.action_asked.connect(lambda: self.dialogs.open_wizard(None))
        view.adopt.clicked.connect(self.dialogs.open_adopt)
        view.adopt_first.clicked.connect(self.dialogs.open_adopt)
        view.list.chosen.connect(self.choose)
        view.banner.action_asked.connect(self._banner_action)
        detail = view.detail
        detail.edit_asked.connect(lambda: self.dialogs.open_wizard(self.plan))
        detail.stop_asked.connect(self._stop)
        detail.remove_asked.connect(self.dialogs.ask_remove)
        detail.schedule_asked.connect(self.dialogs.show_schedules)
        detail.as_scheduled_asked.connect(self.fixes.test_as_scheduled)
        detail.send_test_asked.connect(self.fixes.send_test)
        detail.rights_asked.connect(self.fixes.check_rights)
        detail.policies_asked.connect(self.dialogs.show_policies)
        detail.command_asked.connect(self.copy_command)
        detail.fix_asked.connect(self.fixes.fix)
        detail.evidence_asked.connect(self.open_evidence)
        detail.backup_chosen.connect(self.changed)
        detail.show_object_asked.connect(self._show_object)
        self._timer = QTimer(self, interval=_REFRESH)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        self._others: set[Job[Any]] = set()
        context.jobs.activity_changed.connect(self._follow_others)
        context.guard.changed.connect(self.changed)
        self._after_fault: Callable[[], None] = self.refresh
        self._failed = ("", "")  # the quick job whose fault the banner shows, and its title there

    # -- what stands ----------------------------------------------------------------
    @property
    def service(self) -> BackupsService:
        return self.context.desk.backups

    @property
    def plan(self) -> Plan | None:
        return next((plan for plan in self.shown.plans if plan.name == self.current), None)

    @property
    def busy(self) -> bool:
        """Whether something runs for the chosen plan."""
        return self.current in self._working

    @property
    def may_run(self) -> bool:
        return self.plan is not None and not self.busy and not self.context.guard.locked

    @property
    def may_restore(self) -> bool:
        """Backups that could not be listed may still be there: the dialog then says what is wrong."""
        return self.may_run and self.past is not None and self.past.backups != []

    @property
    def may_verify(self) -> bool:
        """Proving writes nothing to AWS: a read-only profile may do it."""
        status = self.shown.statuses.get(self.current)
        return self.plan is not None and not self.busy and bool(status and status.backups)

    def refresh(self) -> None:
        def look(job: Job[Any]) -> Shown:
            service = self.service
            if self._hear not in service.alert_listeners:
                service.alert_listeners.append(self._hear)
            found = Shown(service.plans(), troubles=service.plan_troubles())
            found.statuses = {status.plan: status for status in service.watch(job)}
            newest: dict[tuple[str, str], Delivery] = {}
            for delivery in service.deliveries():
                newest.setdefault((delivery.channel, delivery.to), delivery)
            found.undelivered = [delivery for delivery in newest.values() if not delivery.ok]
            return found

        self.start("Look at the backup plans", look, self._show_all, lane="backups-look", newest_only=True, quiet=True)

    def choose(self, name: str) -> None:
        if name != self.current:
            self.view.detail.forget_history()
        self.current, self.past = name, None
        self.context.memory.put("backups.plan", name)
        self.view.list.mark(name)
        self._show_current()
        self._read_past()

    def _show_all(self, found: Shown) -> None:
        self.looked = True
        self.shown = found
        names = [plan.name for plan in found.plans]
        if self.current not in names:
            self.view.detail.forget_history()
            self.current, self.past = names[0] if names else "", None
        view = self.view
        view.show_state(looking=False, plans=len(found.plans))
        if not found.plans and view.isVisible():
            QTimer.singleShot(
                _EMPTY, self, self.refresh
            )  # looks at files only; a fresh sandbox gets its plan meanwhile
        view.list.show_plans(found.plans, self.current)
        for plan in found.plans:
            view.list.show_status(plan.name, found.statuses.get(plan.name))
            if plan.name in self._working:
                view.list.show_running(plan.name)
        view.show_tiles(list(found.statuses.values()))
        self._show_current()
        if self.current:
            self._read_past()
        if found.troubles:
            trouble = found.troubles[0]
            view.banner.show_fault(trouble.title, trouble.why, trouble.remedy)
        elif found.undelivered and found.undelivered[0] != self._undelivered:
            # Once: whoever has dismissed it, or reads something else there, is not told again every minute.
            failed = self._undelivered = found.undelivered[0]
            view.banner.show_text(
                f"An alert did not reach {failed.to}", f"{failed.channel}: {failed.error}", "Send a test",
                tone="danger", details=failed.error,
            )  # fmt: skip
            self._after_fault = self.fixes.send_test
        self.changed.emit()

    def _show_current(self) -> None:
        plan = self.plan
        if plan is not None:
            self.view.detail.show_plan(plan, self.shown.statuses.get(plan.name))
            job = self._working.get(plan.name)
            if job is not None:
                self.view.detail.chip.show_state(*wording.STATUS[Status.RUNNING])
            self.view.detail.show_progress(_doing(job))
        self.changed.emit()

    def _read_past(self) -> None:
        name = self.current

        def read(job: Job[Any]) -> tuple[str, Past]:
            service = self.service
            try:
                backups: list[Backup] | None = service.backups(job, name)
            except OpsError:  # the findings of the status say why
                backups = None
            return name, Past(backups, service.runs(name, LISTED + 1), service.verifications(name, LISTED + 1))

        self.start("Read the plan's history", read, self._show_past, lane="backups-past", newest_only=True, quiet=True)

    def _show_past(self, found: tuple[str, Past]) -> None:
        name, past = found
        if name == self.current:
            self.past = past
            self.view.detail.show_history(past.backups, past.runs, past.verifications)
            self.changed.emit()

    # -- working ----------------------------------------------------------------------
    def back_up(self) -> None:
        plan = self.plan
        if plan is None or not self.may_run:
            return

        def made(job: Job[Any]) -> Run | None:
            run = self.service.run(job, plan.name)
            if run is not None:
                job.conclude(wording.stored(run))
            return run

        self.work(plan.name, f"Back up {plan.name}", made, self._backed_up, write=True)

    def _backed_up(self, run: Run | None) -> None:
        if run is not None and run.outcome is Outcome.DONE:
            self.context.praise(f"{run.plan} is backed up. Now prove it: Verify.")

    def verify(self, run: str = "") -> None:
        plan = self.plan
        if plan is None or not self.may_verify:
            return
        chosen = self.view.detail.history.backups.chosen
        wanted = run or (chosen[0].id if chosen else "")

        def verified(job: Job[Any]) -> Verification:
            found = self.service.verify(job, plan.name, run=wanted)
            job.conclude(wording.came_out(found), good=found.outcome is not Outcome.FAILED)
            return found

        self.work(
            plan.name, f"Verify {plan.name}", verified, self._verified,
            after=lambda found: ("Show the findings", partial(self._show_verification, found)),
        )  # fmt: skip

    def _verified(self, found: Verification) -> None:
        self.view.detail.history.show_kind("verifications")
        if found.outcome is Outcome.DONE and found.level >= 3:
            self.context.praise(f"Proved: {found.plan} of {found.run} restores, {wording.passed(found)}.")

    def _show_verification(self, found: Verification) -> None:
        self.context.go(ROOM)
        self.choose(found.plan)
        self.view.detail.history.show_kind("verifications")

    def work(
        self,
        name: str,
        title: str,
        work: Callable[[Job[Any]], Any],
        done: Callable[[Any], None],
        *,
        write: bool = False,
        after: Any = None,
    ) -> None:
        """One piece of long work for a plan; the next one waits in the plan's lane."""

        def ended() -> None:
            self._working.pop(name, None)
            self._show_current()
            self.refresh()

        def succeeded(result: Any) -> None:
            ended()
            done(result)

        def failed(fault: OpsError) -> None:
            ended()
            self._after_fault = partial(self._again, name, title, work, done, write, after)
            self.view.banner.show_fault(fault.title, fault.why, fault.remedy, action="Try again", details=fault.details)

        def progressed(_progress: Progress) -> None:
            if name == self.current:
                self.view.detail.show_progress(_doing(self._working.get(name)))

        self.view.banner.hide()
        self._working[name] = self.context.jobs.start(
            self, title, work, room=ROOM, lane=f"backup:{name}", write=write, outlives_owner=write,
            on_success=succeeded, on_failure=failed, on_cancelled=ended, on_progress=progressed, after=after, can_retry=True,
        )  # fmt: skip
        self.view.list.show_running(name)
        self._show_current()

    def _stop(self) -> None:
        job = self._working.get(self.current)
        if job is not None:
            late = not job.cancel()
            self.view.detail.show_progress("Too late to cancel: it is being finished" if late else "Stopping")

    def _again(self, name: str, title: str, work: Any, done: Any, write: bool, after: Any) -> None:
        self.work(name, title, work, done, write=write, after=after)

    def _banner_action(self) -> None:
        self.view.banner.hide()
        self._after_fault()

    # -- the rest -------------------------------------------------------------------------
    def open_evidence(self, verification: Verification) -> None:
        def show(paths: tuple[Any, Any]) -> None:
            self.context.praise(f"The report lies in {paths[1].parent}")
            show_file(paths[1], self.context.praise)

        self.start("Open the evidence", lambda _job: self.service.evidence(verification.id), show, quiet=True)

    def tell_saved(self, told: list[Finding]) -> None:
        """Where the addresses of a plan's alerts are now: a timer may not reach what this window does."""
        if told:
            tone = "warning" if any(item.severity is Severity.WARNING for item in told) else "info"
            self.view.banner.show_text(
                told[0].title, wording.sentences(told[0].why, told[0].remedy), "Test as scheduled", tone=tone,
                details="\n".join(wording.sentences(item.title, item.why, item.remedy) for item in told),
            )  # fmt: skip
            self._after_fault = self.fixes.test_as_scheduled

    def copy_command(self) -> None:
        if self.plan is not None:
            profile, name = self.context.desk.profile.name, shlex.quote(self.plan.name)
            lines = (command(profile, f"backup {verb} {name}") for verb in ("run", "verify"))
            QGuiApplication.clipboard().setText("\n".join(lines))
            self.context.praise("The commands are in the clipboard.")

    def _show_object(self, backup: Backup) -> None:
        plan = self.plan
        if plan is not None:
            self.object_asked.emit(plan.target.bucket, backup.key)

    def _hear(self, alert: Alert) -> None:
        if isValid(self):
            self._alerted.emit(alert)

    def _show_alert(self, alert: Alert) -> None:
        what, _, _ = alert.text.partition("\n\n")  # the rest is for who reads it elsewhere
        tone = "success" if alert.good else "danger"
        self.view.banner.show_text(alert.subject, what, "Look", tone=tone, details=alert.text)
        self._after_fault = partial(self.choose, alert.plan)

    # -- time -----------------------------------------------------------------------------
    def _tick(self) -> None:
        if self.view.isVisible():
            self.refresh()

    def _follow_others(self) -> None:
        """What the window itself runs for plans, by the clock, is shown when it begins and when it has ended."""
        others = {
            entry.job
            for entry in self.context.jobs.activities
            if (entry.job.lane or "").startswith("backup:")
            and not entry.job.state.is_final
            and entry.job not in self._working.values()
        }
        if others != self._others:
            self._others = others
            self.refresh()

    # -- the bridge -------------------------------------------------------------------------
    def start(self, title: str, work: Callable[[Job[Any]], Any], done: Callable[[Any], None], **options: Any) -> None:
        def failed(fault: OpsError) -> None:
            self.view.show_state(looking=False, plans=len(self.shown.plans))
            self.view.banner.show_fault(fault.title, fault.why, fault.remedy, action="Try again", details=fault.details)
            self._after_fault = partial(self.start, title, work, done, **options)
            self._failed = (title, breakable(fault.title))

        def succeeded(result: Any) -> None:
            if self._failed == (title, self.view.banner.title.text()):
                self.view.banner.hide()  # what it says is over
            done(result)

        self.context.jobs.start(self, title, work, room=ROOM, on_success=succeeded, on_failure=failed, **options)
