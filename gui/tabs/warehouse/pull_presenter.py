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
from core.jobs import timers
from core.jobs.job import Job
from core.settings.profiles import WarehouseConnection
from core.warehouse.feed.plan import FeedPlan, schedule_of
from core.warehouse.feed.service import FeedService, Proposal, PullReport, single_source_plan
from gui.bridge.tab_context import TabContext
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.warehouse.dialogs import TextDialog
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
            self, "Find MySQL sources", lambda _job: [source.name for source in context.desk.aws.target().mysql], quiet=True,
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
        """The plan under the name that was given, with its schedule; None for an input that cannot be, which is then marked."""
        dialog = self._dialog
        name, at = dialog.plan.text().strip(), dialog.at.text().strip()
        dialog.plan_field.show_fault("")
        dialog.at_field.show_fault("")
        try:
            schedule = schedule_of(at)
        except WrongUse as fault:
            dialog.at_field.show_fault(f"{fault.title}. {fault.why}")
            return None
        if schedule is not None and not name:
            dialog.plan_field.show_fault("A timer runs a plan: give it a name")
            return None
        kept = replace(plan, name=name or plan.name, schedule=schedule)
        try:
            if name:
                self._feed.save(kept)
        except WrongUse as fault:
            dialog.plan_field.show_fault(f"{fault.title}. {fault.why}")
            return None
        return kept

    # -- pulling --------------------------------------------------------------------------------
    def _ask(self) -> None:
        profile, dialog = self._context.desk.profile, self._dialog
        if not profile.guarded:
            self._pull()
            return
        count = len(dialog.chosen_tables())
        confirm = ConfirmDialog(
            f"Pull into {self._schema}?",
            f"{count:,} tables of the schema {self._schema} in {profile.name} are made or changed.",
            f"Pull {count:,} tables",
            dialog,
            environment=profile.environment,
            type_this=profile.name if profile.environment == "production" else "",
        )
        confirm.confirmed.connect(self._pull)
        confirm.open()

    def _pull(self) -> None:
        plan = self._kept(self._plan())
        if plan is None:
            return
        connection, check = self._connection, self._dialog.check.isChecked()
        feed, context, done, told, page = self._feed, self._context, self._done, self._told, self._dialog.parent()

        def work(job: Job[Any]) -> PullReport:
            if plan.schedule is not None:
                timers.install_any(feed.timer(plan))
            return feed.pull(job, plan, connection, check=check)

        def finished(report: PullReport) -> None:
            loaded = sum(table.loaded for table in report.tables)
            if report.ok:
                context.praise(f"{len(report.tables):,} tables pulled, {loaded:,} rows loaded")
            done()

        def broken(fault: OpsError) -> None:
            done()
            told(fault)

        def next_step(report: PullReport) -> tuple[str, Callable[[], None]]:
            words = "Show the report" if report.ok else "Show what differs"
            return words, lambda: TextDialog("Pull", _lines(report), None).open()

        self._jobs.start(
            page or self, f"Pull {self._source} into {self._schema}",
            work, room="warehouse", write=True, outlives_owner=True,
            lane=f"warehouse:pull:{connection.name}", on_success=finished,
            on_failure=broken, after=next_step, can_retry=True,
        )  # fmt: skip
        self._dialog.accept()

    def _copy_command(self) -> None:
        words = ["python", "main.py", "--profile", self._context.desk.profile.name, "warehouse", "pull"]
        words += ["--source", self._source, "--schema", self._schema, "--mode", str(self._dialog.mode.currentData())]
        if not self._dialog.all_chosen():
            words += ["--tables", ",".join(self._dialog.chosen_tables())]
        if self._dialog.snapshot.isChecked():
            words.append("--snapshot")
        if name := self._dialog.plan.text().strip():
            words += ["--save", name]
        if at := self._dialog.at.text().strip():
            words += ["--at", at]
        if self._dialog.check.isChecked():
            words.append("--check")
        if self._dialog.cut.isChecked():
            words.append("--cut-text")
        words += ["--connection", self._connection.name]
        QGuiApplication.clipboard().setText(shlex.join(words))
        self._context.praise("Copied as a command")


def _lines(report: PullReport) -> list[str]:
    lines = []
    for table in report.tables:
        lines.append(f"{table.target}: {table.read:,} rows read, {table.loaded:,} loaded ({table.mode})")
        lines += [f"{table.target}: {note}" for note in table.notes]
        lines += [
            f"{table.target}: {check['name']} differs: {check['expected']} at the source, {check['actual']} here"
            for check in table.checks
            if not check["ok"]
        ]
    return lines
