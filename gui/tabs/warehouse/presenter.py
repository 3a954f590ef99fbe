"""Decides what the Warehouse page does with text, files and lists; where statements go and how they run is decided beside it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject

from core.base.errors import OpsError
from core.jobs.job import Job
from core.warehouse.catalogue import Catalogue, Table
from core.warehouse.completion import Completion
from core.warehouse.drivers.driver import RunningStatement
from core.warehouse.formatting import Squiggle
from core.warehouse.history import PastRun
from core.warehouse.left import left_running
from core.warehouse.service import WarehouseService
from gui.bridge.tab_context import TabContext
from gui.parts.sql_highlight import FUNCTIONS, KEYWORDS, TYPES
from gui.tabs.warehouse.connection_presenter import ConnectionPresenter
from gui.tabs.warehouse.drafts import DraftsPresenter
from gui.tabs.warehouse.files import Files, keep_query
from gui.tabs.warehouse.lists import HistoryDialog, RunningDialog, SavedDialog
from gui.tabs.warehouse.runs_presenter import RunsPresenter
from gui.tabs.warehouse.tree_pane import full_name
from gui.tabs.warehouse.view import WarehouseView

_LEFT_NOW = {
    "running": "The newest still runs",
    "finished": "The newest has ended, and its result waits",
    "left": "Of the newest the server could not be asked",
}
_LEFT = "warehouse.left"  # the newest statement left running that was looked at or waved away


class WarehousePresenter(QObject):
    def __init__(self, view: WarehouseView, context: TabContext) -> None:
        super().__init__(view)
        self._view, self._context, self._jobs = view, context, context.jobs
        self._completion = Completion(None, KEYWORDS | TYPES, FUNCTIONS)
        self._checking: Job[Any] | None = None
        self._left = False
        self._newest_left = 0
        self.place = ConnectionPresenter(view, context)
        self.runs = RunsPresenter(view, context, self.place)
        self.files = Files(view, self._jobs, context.praise)
        self._wire()
        self.drafts = DraftsPresenter(view, context, self.files, self.runs.was_used)
        self.place.connect_warehouse()
        self._look_for_left()

    @property
    def _service(self) -> WarehouseService:
        return self._context.desk.warehouse

    def _wire(self) -> None:
        editors, tree = self._view.editors, self._view.tree
        editors.statement_at = self._statement_at
        editors.candidates = self._candidates
        editors.text_edited.connect(self._check_text)
        editors.format_asked.connect(self.format)
        editors.keep_asked.connect(
            lambda: keep_query(self, self._jobs, self._view, self._service, self._context.praise)
        )
        editors.history_asked.connect(lambda: self.show_history())
        editors.saved_asked.connect(self.show_saved)
        self._view.running_asked.connect(self.show_running)
        self._view.window_closed.connect(self._leave)
        self._view.left.action_asked.connect(self._view.left.hide)
        self._view.left.action_asked.connect(lambda: self.show_history(self._newest_left))
        for answered in (self._view.left.action_asked, self._view.left.dismissed):
            answered.connect(lambda: self._context.memory.put(_LEFT, self._newest_left))
        tree.insert_asked.connect(lambda name: editors.editor.insert(name))
        tree.preview_asked.connect(self._preview)
        tree.count_asked.connect(self._count)
        tree.creation_asked.connect(self.open_creation)
        tree.tells_creation = lambda table: (
            self.place.connection is not None and self._service.tells_creation(self.place.connection, table)
        )
        tree.extract_asked.connect(self.open_extract)
        tree.pull_asked.connect(self.open_pull)
        tree.plans_asked.connect(self.open_plans)
        self.place.catalogue_changed.connect(self._take_catalogue)

    def _take_catalogue(self, catalogue: Catalogue | None) -> None:
        self._completion = Completion(catalogue, KEYWORDS | TYPES, FUNCTIONS)

    def _look_for_left(self) -> None:
        """Statements of the last 24 hours whose end was not seen are offered until somebody has looked or waved them away."""
        self._jobs.start(
            self, "Look for statements left running", lambda job: left_running(job, self._service), quiet=True,
            on_success=self._offer_left,
        )  # fmt: skip

    def _offer_left(self, left: list[PastRun]) -> None:
        left = [run for run in left if run.id > self._context.memory.get(_LEFT, 0)]
        if left:
            self._newest_left = left[0].id
            count = "A statement" if len(left) == 1 else f"{len(left)} statements"
            words = " ".join(left[0].sql.split())[:80]
            self._view.left.show_text(
                f"{count} had not ended when the window closed",
                f"{_LEFT_NOW[left[0].state]}: {words}",
                "Show them",
                tone="info",
            )

    def _preview(self, table: Table) -> None:
        self.runs.run_statement(f"SELECT * FROM {full_name(table)} LIMIT 1000")

    def _count(self, table: Table) -> None:
        self.runs.run_statement(f"SELECT COUNT(*) AS rows FROM {full_name(table)}")

    def open_creation(self, table: Table) -> None:
        """The statement that makes a table or view, in a file of its own."""
        connection, database = self.place.connection, self.place.database
        if connection is None:
            return

        def show(sql: str) -> None:
            self._view.editors.add_file(sql, f"{table.name}.sql")

        self._jobs.start(
            self, f"Read how {table.name} was made", lambda job: self._service.creation(job, connection, table, database),
            quiet=True, on_success=show, on_failure=self._load_failed,
        )  # fmt: skip

    def _statement_at(self, text: str, position: int) -> tuple[int, int] | None:
        found = self.runs.script.statement_at(text, position, escapes=self.place.escapes)
        return (found.body_start, found.body_end) if found else None

    def _candidates(self, text: str, position: int) -> tuple[int, list[str]]:
        escapes = self.place.escapes
        begin, end = self.runs.script.around(text, position, escapes=escapes)
        start, words = self._completion.candidates(text[begin:end], position - begin, escapes=escapes)
        return begin + start, words

    def _check_text(self, key: int) -> None:
        """The hand has paused: look for what does not parse."""
        if self._left:
            return
        editor, connection = self._view.editors.editor_of(key), self.place.connection
        if editor is None or connection is None:
            return
        text = editor.text
        if self._checking is not None:
            self._checking.cancel()  # what it looks at is not what stands there
        self._checking = self._jobs.start(
            self, "Check the SQL", lambda job: self._service.squiggles(job, connection, text),
            quiet=True, lane="warehouse:squiggles", newest_only=True,
            on_success=lambda found: self._show_squiggles(key, text, found),
        )  # fmt: skip

    def _show_squiggles(self, key: int, text: str, found: list[Squiggle]) -> None:
        editor = self._view.editors.editor_of(key)
        if editor is not None and editor.text == text:
            editor.show_squiggles([(mark.start, mark.end, mark.message) for mark in found])

    def format(self) -> None:
        """Lay the SQL out anew (one step of undo)."""
        connection, editor = self.place.connection, self._view.editors.editor
        if connection is None:
            return
        text = editor.text

        def show(laid_out: str) -> None:
            if editor.text == text and laid_out.strip():
                editor.replace_text(laid_out)

        self._jobs.start(
            self,
            "Format the SQL",
            lambda job: self._service.formatted(job, connection, text),
            quiet=True,
            on_success=show,
        )

    def _leave(self) -> None:
        """The window closes: nothing more is started."""
        self._left = True
        self.drafts.leave()
        self._context.memory.save()

    def show_history(self, chosen: int = 0) -> None:
        """chosen: the id of the run to begin at, 0: none."""
        dialog = HistoryDialog(self._view, chosen)

        def search(words: str) -> None:
            self._jobs.start(
                dialog, "Search the history", lambda _job: self._service.history.search(words), quiet=True,
                lane="warehouse:history", newest_only=True, on_success=dialog.show_runs,
                on_failure=lambda fault: dialog.show_fault(fault.title, fault.why, fault.remedy),
            )  # fmt: skip

        dialog.search_asked.connect(search)
        dialog.insert_asked.connect(lambda sql: self._view.editors.editor.insert(sql))
        dialog.open_asked.connect(lambda sql: self._view.editors.add_file(sql))
        dialog.attach_asked.connect(self.runs.attach)
        search("")
        dialog.open()

    def show_saved(self) -> None:
        def show(queries: Any) -> None:
            dialog = SavedDialog(queries, self._view)
            dialog.open_asked.connect(lambda name, sql: self._view.editors.add_file(sql, name))
            dialog.forget_asked.connect(
                lambda name: self._jobs.start(
                    self, "Forget", lambda _job: self._service.history.forget(name), quiet=True
                )
            )
            dialog.open()

        self._jobs.start(self, "Saved queries", lambda _job: self._service.history.saved(), quiet=True, on_success=show)

    def show_running(self) -> None:
        connection, database = self.place.connection, self.place.database
        if connection is None:
            return
        dialog = RunningDialog(self._view)

        def refresh() -> None:
            self._jobs.start(
                dialog, "List what runs", lambda job: self._service.running(job, connection, database), quiet=True,
                lane="warehouse:running", newest_only=True, on_success=dialog.show_statements,
                on_failure=lambda fault: dialog.show_fault(fault.title, fault.why, fault.remedy),
            )  # fmt: skip

        def cancel(statement: RunningStatement) -> None:
            self._jobs.start(
                dialog, "Cancel a statement",
                lambda job: self._service.cancel(job, connection, statement.id, database),
                outlives_owner=True,
                on_success=lambda _status: refresh(),
                on_failure=lambda fault: dialog.show_fault(fault.title, fault.why, fault.remedy),
            )  # fmt: skip

        dialog.refresh_asked.connect(refresh)
        dialog.cancel_asked.connect(cancel)
        refresh()
        dialog.open()

    def open_pull(self) -> None:
        """The wizard that pulls MySQL tables into the warehouse."""
        if self.place.connection is None:
            self._view.banner.show_fault(
                "Nothing can be pulled yet",
                "No warehouse is connected",
                "Wait for the connection, or add one to the profile",
            )
            return
        from gui.tabs.warehouse.pull_presenter import PullPresenter
        from gui.tabs.warehouse.pull_view import PullDialog

        dialog = PullDialog(self._view)
        PullPresenter(dialog, self._context, self.place.connection, self.place.read_catalogue, self._load_failed)
        dialog.open()

    def open_plans(self) -> None:
        """The kept plans of pulls, their timers among them."""
        from gui.tabs.warehouse.plans import PlansDialog, PlansPresenter

        dialog = PlansDialog(self._view)
        PlansPresenter(dialog, self._context, self.place.named, self.place.read_catalogue, self._load_failed)
        dialog.open()

    def _load_failed(self, fault: OpsError) -> None:
        """A pull or an extraction ended badly after its wizard was closed: the page says so, the drawer keeps the details."""
        self._view.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def open_extract(self) -> None:
        """The wizard that makes a table out of text."""
        from gui.tabs.warehouse.extract_presenter import ExtractPresenter
        from gui.tabs.warehouse.extract_view import ExtractDialog

        dialog = ExtractDialog(self._view)
        ExtractPresenter(
            dialog,
            self._context,
            self.place,
            lambda _table: self.place.read_catalogue(),
            self._load_failed,
        )
        dialog.open()
