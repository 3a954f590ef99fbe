"""The kept plans of pulls: what each does, when it ran and runs next; run one now, stop its timer, remove it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.base.errors import OpsError
from core.jobs.job import Job
from core.settings.profiles import WarehouseConnection
from core.warehouse.feed.kept import KeptPlan, forget, kept_plans, stop_timers
from core.warehouse.feed.service import FeedService
from gui.bridge.tab_context import TabContext
from gui.parts.buttons import Button
from gui.parts.dialogs import ConfirmDialog
from gui.parts.words import zoned
from gui.style.theme import theme
from gui.tabs.warehouse.lists import ListDialog
from gui.tabs.warehouse.pull_run import ask_and_pull


class PlansDialog(ListDialog):
    run_asked = Signal(object)  # KeptPlan
    stop_asked = Signal(object)  # KeptPlan
    remove_asked = Signal(object)  # KeptPlan

    def __init__(self, parent: QWidget | None = None) -> None:
        headings = ["Plan", "From", "Into", "Runs", "Last", "Next"]
        super().__init__("Plans of pulls", headings, (130, 250, 120, 170, 110), parent)
        self.remove = self._offer(Button("Remove the plan", "danger"))
        self.stop = self._offer(Button("Stop its timer"))
        self.run = self._offer(Button("Pull now", "primary"))
        self.search.setPlaceholderText("Search in names and places")
        self.search.textChanged.connect(lambda *_: self._show())
        for button, signal in (
            (self.run, self.run_asked),
            (self.stop, self.stop_asked),
            (self.remove, self.remove_asked),
        ):
            button.clicked.connect(lambda _checked, signal=signal: signal.emit(self.chosen))
        self._plans: list[KeptPlan] = []
        self.count.setText("Looking for plans and their timers…")

    def show_plans(self, plans: Sequence[KeptPlan]) -> None:
        self._plans = list(plans)
        self.banner.hide()
        self._show()

    def _show(self) -> None:
        words = self.search.text().lower().split()
        self.list.clear()
        for one in self._plans:
            cells = _cells(one)
            if all(word in " ".join(cells).lower() for word in words):
                item = self._add(cells, one, one.fault or "\n".join(cells[1].split(", ")))
                if one.fault:
                    item.setForeground(1, theme().color("danger"))
        some = f"{len(self._plans):,} {'plan' if len(self._plans) == 1 else 'plans'}"
        self.count.setText(some if self._plans else "No plan is kept yet: the pull wizard keeps one under a name")
        self._follow_selection()

    def _follow_selection(self) -> None:
        super()._follow_selection()
        one = self.chosen
        self.run.setEnabled(isinstance(one, KeptPlan) and one.plan is not None)
        self.stop.setEnabled(isinstance(one, KeptPlan) and bool(one.timers))


def _cells(one: KeptPlan) -> list[str]:
    if one.plan is None:
        return [one.name, one.fault, "", "", "", ""]
    when = "by hand"
    if one.plan.schedule is not None:
        when = f"{', '.join(one.plan.schedule.weekdays) or 'daily'} {', '.join(one.plan.schedule.times)}"
        when += f" by {', '.join(one.timers)}" if one.timers else ", no timer"
    into = [source.schema for source in one.plan.sources] + ([f"{one.plan.union} (all)"] if one.plan.union else [])
    sources = ", ".join(source.source.rpartition("@")[2] for source in one.plan.sources)
    return [one.name, sources, ", ".join(into), when, _moment(one.last), _moment(one.next if one.timers else None)]


def _moment(at: datetime | None) -> str:
    return f"{zoned(at):%d %b %H:%M}" if at is not None else "–"


class PlansPresenter(QObject):
    """Lives as long as its dialog. ``done`` and ``failed`` are told of a pull, as by the wizard."""

    def __init__(
        self,
        dialog: PlansDialog,
        context: TabContext,
        connection: Callable[[str], WarehouseConnection | None],
        done: Callable[[], None],
        failed: Callable[[OpsError], None],
    ) -> None:
        super().__init__(dialog)
        self._dialog, self._context, self._connection = dialog, context, connection
        self._done, self._told = done, failed
        self._feed = FeedService(context.desk.workplace)
        dialog.run_asked.connect(self._run)
        dialog.stop_asked.connect(self._stop)
        dialog.remove_asked.connect(self._ask_to_remove)
        self._look()

    def _start(self, title: str, work: Callable[[Job[Any]], Any], then: Callable[[Any], None]) -> None:
        self._context.jobs.start(
            self, title, work, quiet=True, lane="warehouse:plans", outlives_owner=True, on_success=then,
            on_failure=lambda fault: self._dialog.show_fault(fault.title, fault.why, fault.remedy),
        )  # fmt: skip

    def _look(self) -> None:
        self._start("Look for plans", lambda _job: kept_plans(self._feed), self._dialog.show_plans)

    def _run(self, one: KeptPlan) -> None:
        plan = one.plan
        if plan is None:
            return
        connection = self._connection(plan.connection)
        if connection is None:
            self._dialog.show_fault(
                f"The plan {one.name} cannot be run",
                f"There is no connection {plan.connection} now",
                "Connect it first",
            )
            return
        ask_and_pull(
            self._dialog, self._context, self._feed, plan, connection, check=True, done=self._done, failed=self._told
        )

    def _stop(self, one: KeptPlan) -> None:
        plan = one.plan
        if plan is None:
            return

        def told(kinds: list[str]) -> None:
            self._context.praise(f"{one.name} is no longer run by {', '.join(kinds)}" if kinds else "There is no timer")
            self._look()

        self._start("Stop a timer", lambda _job: stop_timers(self._feed, plan), told)

    def _ask_to_remove(self, one: KeptPlan) -> None:
        timer = f" Its timer ({', '.join(one.timers)}) goes with it." if one.timers else ""
        dialog = ConfirmDialog(
            f"Remove the plan {one.name}?",
            f"The plan is forgotten, the tables it pulled stay.{timer}",
            "Remove 1 plan",
            self._dialog,
        )
        dialog.confirmed.connect(
            lambda: self._start("Remove a plan", lambda _job: forget(self._feed, one.name), lambda _found: self._look())
        )
        dialog.open()
