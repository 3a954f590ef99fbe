"""Decides what the pull wizard does: find the sources, propose tables, pull them, tell what came of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job
from core.settings.profiles import WarehouseConnection
from core.warehouse.feed.plan import FeedPlan, check_name, schedule_of
from core.warehouse.feed.service import UNNAMED, FeedService, Proposal, single_source_plan
from gui.bridge.tab_context import TabContext
from gui.tabs.warehouse.pull_run import ask_and_pull
from gui.tabs.warehouse.pull_view import PullDialog

_WITH_PASSWORD = re.compile(r"\w+://[^/@:]+:[^/@]+@")


class PullPresenter(QObject):
    """Lives as long as its dialog; ``done`` is called after a pull, ``failed`` too where it ended badly."""

    def __init__(
        self,
        dialog: PullDialog,
        context: TabContext,
        connection: WarehouseConnection,
        done: Callable[[], None],
        failed: Callable[[OpsError], None],
    ) -> None:
        super().__init__(dialog)
        self._dialog, self._context, self._jobs = dialog, context, context.jobs
        self._connection, self._done, self._told = connection, done, failed
        self._feed = FeedService(context.desk.workplace)
        self._source, self._schema = "", ""
        dialog.source_changed.connect(self._look)
        dialog.pull_asked.connect(self._ask)
        dialog.command_asked.connect(self._copy_command)
        dialog.show_state("Looking for MySQL sources", busy=True)
        self._jobs.start(
            self, "Find MySQL sources", lambda _job: self._feed.sources(), quiet=True,
            on_success=self._found, on_failure=self._failed,
        )  # fmt: skip

    def _found(self, names: list[str]) -> None:
        self._dialog.show_state("" if names else "The profile names no MySQL source: write its address")
        self._dialog.show_sources(names)

    def _look(self, source: str, schema: str) -> None:
        dialog = self._dialog
        dialog.source_field.show_fault("")
        if not source:
            return
        if _WITH_PASSWORD.match(source):
            dialog.source_field.show_fault("Leave the password out of the address: it is kept in the keyring")
            dialog.show_proposals([])
            return
        self._source = source
        dialog.show_state("Reading the tables of the source", busy=True)

        def work(job: Job[Any]) -> tuple[str, list[Proposal]]:
            server = self._feed.server(source)
            into = schema or server.database.lower() or "public"
            return into, self._feed.propose(job, server, into)

        self._jobs.start(
            self, "Look at the source", work, quiet=True, lane="warehouse:pull", newest_only=True,
            on_success=self._show, on_failure=self._failed,
        )  # fmt: skip

    def _show(self, found: tuple[str, list[Proposal]]) -> None:
        self._schema, proposals = found
        rows = sum(proposal.table.rows for proposal in proposals)
        self._dialog.schema.setPlaceholderText(self._schema)
        self._dialog.show_proposals(proposals)
        count = f"{len(proposals):,} {'table' if len(proposals) == 1 else 'tables'}"
        self._dialog.show_state(
            f"{count}, about {rows:,} rows by the server's own estimate. Nothing is made before you pull."
        )

    def _failed(self, fault: OpsError) -> None:
        self._dialog.show_state("")
        self._dialog.show_proposals([])
        self._dialog.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def _plan(self) -> FeedPlan:
        tables = [] if self._dialog.all_chosen() else self._dialog.chosen_tables()
        mode = str(self._dialog.mode.currentData())
        cut = self._dialog.cut.isChecked()
        return single_source_plan(
            self._source,
            tables,
            self._schema,
            mode,
            connection=self._connection.name,
            cut=cut,
            snapshot=self._dialog.snapshot.isChecked(),
        )

    def _kept(self, plan: FeedPlan) -> FeedPlan | None:
        """The plan under the name that was given, with its schedule and union; None for an input that cannot be, which is then marked."""
        dialog = self._dialog
        name, at, on = dialog.plan.text().strip(), dialog.at.text().strip(), dialog.on.text().strip()
        for field in (dialog.plan_field, dialog.at_field, dialog.on_field):
            field.show_fault("")
        field = dialog.at_field
        try:
            schedule_of(at)
            field = dialog.on_field
            schedule = schedule_of(at, on)
        except WrongUse as fault:
            field.show_fault(f"{fault.title}. {fault.why}")
            return None
        if schedule is not None and not name:
            dialog.plan_field.show_fault("A timer runs a plan: give it a name")
            return None
        union = dialog.union.text().strip()
        dialog.union_field.show_fault("")
        if union and not name:
            dialog.union_field.show_fault("Several sources make a plan: give it a name")
            return None
        try:
            if name:
                check_name(name)
        except WrongUse as fault:
            dialog.plan_field.show_fault(f"{fault.title}. {fault.why}")
            return None
        return replace(plan, name=name or plan.name, schedule=schedule, union=union)

    # -- pulling --------------------------------------------------------------------------------
    def _ask(self) -> None:
        plan = self._kept(self._plan())
        if plan is None:
            return
        count = len(self._dialog.chosen_tables())
        ask_and_pull(
            self._dialog, self._context, self._feed, plan, self._connection, check=self._dialog.check.isChecked(),
            done=self._done, failed=self._told, tables=f"{count:,} tables", keep=plan.name != UNNAMED,
        )  # fmt: skip

    def _copy_command(self) -> None:
        words = ["opsdesk", "--profile", self._context.desk.profile.name, "warehouse", "pull"]
        words += ["--source", self._source, "--schema", self._schema, "--mode", str(self._dialog.mode.currentData())]
        if not self._dialog.all_chosen():
            words += ["--tables", ",".join(self._dialog.chosen_tables())]
        if self._dialog.snapshot.isChecked():
            words.append("--snapshot")
        if name := self._dialog.plan.text().strip():
            words += ["--save", name, "--add"]
        if union := self._dialog.union.text().strip():
            words += ["--union", union]
        if at := self._dialog.at.text().strip():
            words += ["--at", at]
        if on := self._dialog.on.text().strip():
            words += ["--on", on]
        if self._dialog.check.isChecked():
            words.append("--check")
        if self._dialog.cut.isChecked():
            words.append("--cut-text")
        words += ["--connection", self._connection.name]
        QGuiApplication.clipboard().setText(shlex.join(words))
        self._context.praise("Copied as a command")
