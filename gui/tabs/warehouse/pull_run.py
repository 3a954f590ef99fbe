"""A pull started from the page: asked about where the profile is careful, run as a job that outlives its dialog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.base.errors import OpsError
from core.jobs import timers
from core.jobs.job import Job
from core.settings.profiles import WarehouseConnection
from core.warehouse.feed.plan import FeedPlan
from core.warehouse.feed.service import FeedService, PullReport
from gui.bridge.tab_context import TabContext
from gui.parts.dialogs import ConfirmDialog, Dialog
from gui.tabs.warehouse.dialogs import TextDialog


def ask_and_pull(
    dialog: Dialog,
    context: TabContext,
    feed: FeedService,
    plan: FeedPlan,
    connection: WarehouseConnection,
    *,
    check: bool,
    done: Callable[[], None],
    failed: Callable[[OpsError], None],
    tables: str = "Tables",
    keep: bool = False,
) -> None:
    """Pull a plan and close the dialog; on a read-only or production profile only after a confirmation.

    ``done`` is called after it, ``failed`` too where it ended badly. tables: what is said to be made or changed.
    keep: the plan is kept first (its sources join those of one of its name), and its schedule given to this computer.
    """
    profile = context.desk.profile
    into = ", ".join(dict.fromkeys(source.schema or "the source's own schema" for source in plan.sources))
    page = dialog.parentWidget()

    def work(job: Job[Any]) -> PullReport:
        whole = plan
        if keep:
            whole = feed.joined(plan)
            feed.save(whole)
            if plan.schedule is not None:
                timers.install_any(feed.timer(whole))
        report = feed.pull(job, whole, connection, check=check)
        job.conclude(outcome(report))
        return report

    def finished(report: PullReport) -> None:
        if report.ok:
            context.praise(outcome(report))
        done()

    def broken(fault: OpsError) -> None:
        done()
        failed(fault)

    def next_step(report: PullReport) -> tuple[str, Callable[[], None]]:
        words = "Show the report" if report.ok else "Show what differs"
        return words, lambda: TextDialog("Pull", report_lines(report), page).open()

    def start() -> None:
        context.jobs.start(
            page or dialog, f"Pull {plan.sources[0].source.rpartition('@')[2]} into {into}",
            work, room="warehouse", write=True, outlives_owner=True, lane=f"warehouse:pull:{connection.name}",
            on_success=finished, on_failure=broken, after=next_step, can_retry=True,
        )  # fmt: skip
        dialog.accept()

    if not profile.guarded:
        start()
        return
    confirm = ConfirmDialog(
        f"Pull into {into}?",
        f"{tables} of the schema {into} in {profile.name} are made or changed.",
        f"Pull {tables[0].lower()}{tables[1:]}",
        dialog,
        environment=profile.environment,
        type_this=profile.name if profile.environment == "production" else "",
    )
    confirm.confirmed.connect(start)
    confirm.open()


def outcome(report: PullReport) -> str:
    """What a pull came to, in a line."""
    tables, loaded = len(report.tables), sum(table.loaded for table in report.tables)
    words = f"{tables:,} {'table' if tables == 1 else 'tables'} pulled, {loaded:,} {'row' if loaded == 1 else 'rows'} loaded"
    differ = sum(any(not check["ok"] for check in table.checks) for table in report.tables)
    return f"{words}; {differ:,} {'differs' if differ == 1 else 'differ'} from the source" if differ else words


def report_lines(report: PullReport) -> list[str]:
    """What a pull did, table by table, for reading."""
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
