"""Decides what the Warehouse page does: connect, browse, run, cancel, show the truth about results."""

from __future__ import annotations

import enum
import itertools
from datetime import datetime
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer

from core.base.errors import OpsError
from core.jobs.job import Job, Progress
from core.settings.profiles import WarehouseConnection
from core.warehouse.catalogue import Catalogue, Table, advice
from core.warehouse.completion import Completion
from core.warehouse.drivers.driver import RunningStatement, State
from core.warehouse.formatting import Squiggle
from core.warehouse.history import PastRun
from core.warehouse.run import Run
from core.warehouse.service import WarehouseService
from core.warehouse.statements import parameters, runnable, statement_at
from gui.bridge.tab_context import TabContext
from gui.parts.dialogs import ConfirmDialog
from gui.parts.sql_highlight import FUNCTIONS, KEYWORDS, TYPES
from gui.tabs.warehouse.dialogs import ParameterDialog, TableDialog, TextDialog, ValueDialog
from gui.tabs.warehouse.documents import Document, KeptResult
from gui.tabs.warehouse.lists import HistoryDialog, RunningDialog, SavedDialog
from gui.tabs.warehouse.results_presenter import ResultsPresenter
from gui.tabs.warehouse.tree_pane import full_name
from gui.tabs.warehouse.view import WarehouseView

_FIRST = "-- Ctrl+Enter runs the statement at the cursor\nSELECT 1 AS one;\n"


class Phase(enum.Enum):
    """Of the page; whether a statement runs is each file's own matter."""

    OPENING = "opening"
    UNREACHABLE = "unreachable"
    READY = "ready"


class WarehousePresenter(QObject):
    def __init__(self, view: WarehouseView, context: TabContext) -> None:
        super().__init__(view)
        self._view, self._context, self._jobs = view, context, context.jobs
        self._phase = Phase.OPENING
        self._connections: list[WarehouseConnection] = []
        self._connection: WarehouseConnection | None = None
        self._database = ""
        self._documents: dict[int, Document] = {}
        self._numbers = itertools.count(1)
        self._completion = Completion(None, KEYWORDS | TYPES, FUNCTIONS)
        self._catalogue: Catalogue | None = None
        self._running_list: RunningDialog | None = None
        self._clock = QTimer(self, interval=200)
        self._clock.timeout.connect(self._tick)
        self.results = ResultsPresenter(view, context, self)
        self._wire()
        self._restore_files()
        self.connect_warehouse()

    @property
    def _service(self) -> WarehouseService:
        return self._context.desk.warehouse

    def _wire(self) -> None:
        view, editors, tree = self._view, self._view.editors, self._view.tree
        editors.statement_at = self._statement_at
        editors.candidates = self._candidates
        editors.file_shown.connect(self._show_document)
        editors.file_closed.connect(self._forget_document)
        editors.text_edited.connect(self._check_text)
        editors.format_asked.connect(self.format)
        editors.open_asked.connect(self._open_file)
        editors.save_asked.connect(self._save_file)
        editors.keep_asked.connect(self._keep_query)
        editors.history_asked.connect(self.show_history)
        editors.saved_asked.connect(self.show_saved)
        view.connection_chosen.connect(self._choose_connection)
        view.database_chosen.connect(self._choose_database)
        view.differences_asked.connect(self._show_differences)
        view.retry_asked.connect(self.connect_warehouse)
        view.running_asked.connect(self.show_running)
        view.results.place_asked.connect(self._show_place)
        tree.refresh_asked.connect(self.read_catalogue)
        tree.insert_asked.connect(lambda name: self._view.editors.editor.insert(name))
        tree.preview_asked.connect(self._preview)
        tree.count_asked.connect(lambda table: self.run_statement(f"SELECT COUNT(*) AS rows FROM {full_name(table)}"))
        tree.describe_asked.connect(self._describe)
        tree.extract_asked.connect(self.open_extract)

    # -- connecting -----------------------------------------------------------------------
    def connect_warehouse(self) -> None:
        """Find the warehouses of the profile, and open the one used last."""
        self._phase = Phase.OPENING
        self._view.banner.hide()
        self._view.tree.show_busy()
        self._follow()
        self._jobs.start(
            self, "Find the warehouses", self._service.connections, room="warehouse", quiet=True,
            on_success=self._found, on_failure=self._unreachable,
        )  # fmt: skip

    def _found(self, connections: list[WarehouseConnection]) -> None:
        self._connections = connections
        if not connections:
            self._view.tree.show_nothing("This profile has no warehouse", "Add a connection in profiles.toml")
            self._unreachable(
                OpsError(
                    "This profile has no warehouse",
                    "It names none, and the account shows no cluster and no workgroup",
                    "Add a connection to the profile",
                    code="settings",
                )
            )
            return
        last = self._context.memory.get("warehouse.connection", "")
        names = [connection.name for connection in connections]
        self._use(connections[names.index(last) if last in names else 0])

    def _use(self, connection: WarehouseConnection, database: str = "") -> None:
        self._connection = connection
        self._database = database or self._context.memory.get(
            f"warehouse.database.{connection.name}", connection.database
        )
        self._context.memory.put("warehouse.connection", connection.name)
        self._view.show_connections(self._connections, connection.name)
        self._view.show_databases([self._database], self._database)
        self._view.show_badge(connection.note)
        self._phase = Phase.READY
        self._follow()
        self._show_catalogue(None)
        self._jobs.start(
            self, "Open the catalogue", lambda _job: self._service.stored_catalogue(connection, self._database),
            quiet=True, lane="warehouse:catalogue", on_success=self._stored_catalogue,
        )  # fmt: skip
        self._jobs.start(
            self, "List the databases", lambda job: self._service.databases(job, connection), quiet=True,
            on_success=lambda names: self._databases(connection, names), on_failure=self._unreachable,
        )  # fmt: skip
        self.read_catalogue()

    def _databases(self, connection: WarehouseConnection, names: list[str]) -> None:
        if connection is self._connection:
            self._view.show_databases(names, self._database)

    def _choose_connection(self, name: str) -> None:
        chosen = next((connection for connection in self._connections if connection.name == name), None)
        if chosen is not None and chosen is not self._connection:
            self._use(chosen)

    def _choose_database(self, name: str) -> None:
        if self._connection is not None and name != self._database:
            self._context.memory.put(f"warehouse.database.{self._connection.name}", name)
            self._use(self._connection, name)

    def _unreachable(self, fault: OpsError) -> None:
        self._phase = Phase.UNREACHABLE
        self._view.show_fault(fault.title, fault.why, fault.remedy, fault.details)
        if self._catalogue is None:
            self._view.tree.show_nothing("The catalogue cannot be read", "See the notice above")
        self._follow()

    def _show_differences(self) -> None:
        if self._connection is not None:
            intro = "Statements run on an engine of this computer that speaks Redshift's SQL. These may differ from a real cluster:"
            TextDialog(self._connection.note, self._connection.differences, self._view, intro=intro).open()

    # -- the catalogue --------------------------------------------------------------------------
    def read_catalogue(self) -> None:
        """Read the catalogue from the server; the tree keeps what it shows until then."""
        connection, database = self._connection, self._database
        if connection is None:
            self.connect_warehouse()
            return
        if self._catalogue is None:
            self._view.tree.show_busy()
        self._jobs.start(
            self, "Read the catalogue", lambda job: self._service.catalogue(job, connection, database),
            quiet=True, lane="warehouse:catalogue", newest_only=True,
            on_success=self._read, on_failure=self._unreachable,
        )  # fmt: skip

    def _stored_catalogue(self, catalogue: Catalogue | None) -> None:
        if catalogue is not None and self._catalogue is None and self._is_here(catalogue):
            self._show_catalogue(catalogue)

    def _read(self, catalogue: Catalogue) -> None:
        if not self._is_here(catalogue):
            return
        if self._phase is Phase.UNREACHABLE:
            self._phase = Phase.READY
            self._follow()
        self._view.banner.hide()
        self._show_catalogue(catalogue)

    def _is_here(self, catalogue: Catalogue) -> bool:
        here = self._connection.name if self._connection else ""
        return (catalogue.connection, catalogue.database) == (here, self._database)

    def _show_catalogue(self, catalogue: Catalogue | None) -> None:
        self._catalogue = catalogue
        self._completion = Completion(catalogue, KEYWORDS | TYPES, FUNCTIONS)
        if catalogue is not None:
            self._view.tree.show_catalogue(catalogue)
        else:
            self._view.tree.show_busy()

    def _describe(self, table: Table) -> None:
        others = self._catalogue.tables if self._catalogue else ()
        TableDialog(table, advice(table, others), self._view).open()

    def _preview(self, table: Table) -> None:
        self.run_statement(f"SELECT * FROM {full_name(table)} LIMIT 1000")

    def run_statement(self, sql: str) -> None:
        """Run a statement of the page's own in the open file's place, without touching its text."""
        self._start(self._document(), [(sql, -1)])

    # -- text -----------------------------------------------------------------------------------
    @property
    def _escapes(self) -> bool:
        return self._service.dialect(self._connection)[1] if self._connection else True

    def _statement_at(self, text: str, position: int) -> tuple[int, int] | None:
        found = statement_at(text, position, escapes=self._escapes)
        return (found.body_start, found.body_end) if found else None

    def _candidates(self, text: str, position: int) -> tuple[int, list[str]]:
        return self._completion.candidates(text, position, escapes=self._escapes)

    def _check_text(self, key: int) -> None:
        """The hand has paused: keep what is open, and look for what does not parse."""
        self._remember_files()
        editor, connection = self._view.editors.editor_of(key), self._connection
        if editor is None or connection is None:
            return
        text = editor.toPlainText()
        self._jobs.start(
            self, "Check the SQL", lambda job: self._service.squiggles(job, connection, text),
            quiet=True, lane="warehouse:squiggles", newest_only=True,
            on_success=lambda found: self._show_squiggles(key, text, found),
        )  # fmt: skip

    def _show_squiggles(self, key: int, text: str, found: list[Squiggle]) -> None:
        editor = self._view.editors.editor_of(key)
        if editor is not None and editor.toPlainText() == text:
            editor.show_squiggles([(mark.start, mark.end, mark.message) for mark in found])

    def format(self) -> None:
        """Lay the SQL out anew (one step of undo)."""
        connection, editor = self._connection, self._view.editors.editor
        if connection is None:
            return
        text = editor.toPlainText()

        def show(laid_out: str) -> None:
            if editor.toPlainText() == text and laid_out.strip():
                editor.replace_text(laid_out)

        self._jobs.start(
            self,
            "Format the SQL",
            lambda job: self._service.formatted(job, connection, text),
            quiet=True,
            on_success=show,
        )

    def _show_place(self) -> None:
        document = self._document()
        if document.run is not None and document.run.place is not None and document.offset >= 0:
            start, end = document.run.place
            self._view.editors.editor.go_to(document.offset + start, document.offset + end)
            self._view.editors.editor.setFocus()

    # -- running --------------------------------------------------------------------------------
    def _document(self) -> Document:
        key = self._view.editors.current_key
        return self._documents.setdefault(key, Document(key))

    def run(self) -> None:
        """The selected statements, or the one at the cursor."""
        editor = self._view.editors.editor
        selected = editor.selected_text()
        if selected.strip():
            start = editor.selection_start
            wanted = [(s.body, start + s.body_start) for s in runnable(selected, escapes=self._escapes)]
        else:
            here = statement_at(editor.toPlainText(), editor.position, escapes=self._escapes)
            wanted = [(here.body, here.body_start)] if here else []
        self._start(self._document(), wanted)

    def run_all(self) -> None:
        """Every statement of the file, in order; the first failure stops."""
        text = self._view.editors.editor.toPlainText()
        self._start(self._document(), [(s.body, s.body_start) for s in runnable(text, escapes=self._escapes)])

    def _start(self, document: Document, wanted: list[tuple[str, int]]) -> None:
        if document.running or self._connection is None:
            return
        if not wanted:
            self._say(document, "There is no statement at the cursor", "")
            return
        names = list(dict.fromkeys(n for sql, _offset in wanted for n in parameters(sql, escapes=self._escapes)))
        if names:
            dialog = ParameterDialog(names, document.parameters, self._view)
            dialog.given.connect(partial(self._start_with, document, wanted))
            dialog.open()
            return
        self._start_with(document, wanted, {})

    def _start_with(self, document: Document, wanted: list[tuple[str, int]], values: dict[str, str | None]) -> None:
        document.parameters.update(values)
        document.waiting = list(wanted)
        document.make_room()
        self._next(document)

    def _next(self, document: Document) -> None:
        """Run the next waiting statement, asking first where it writes and the profile is careful."""
        if not document.waiting or self._connection is None:
            self._follow()
            return
        sql, offset = document.waiting.pop(0)
        run = self._service.prepare(
            self._connection, sql, database=self._database, values=document.parameters, session=f"file-{document.key}"
        )
        if not self._service.must_ask(run):
            self._send(document, run, offset)
            return
        self._say(document, "Counting the rows it would touch…", "")
        self._jobs.start(
            self, "Count the rows", lambda job: self._service.rows_touched(job, run), quiet=True,
            on_success=lambda rows: self._ask(document, run, offset, rows),
            on_failure=lambda _fault: self._ask(document, run, offset, None),
            on_cancelled=lambda: self._stop(document),
        )  # fmt: skip

    def _ask(self, document: Document, run: Run, offset: int, rows: int | None) -> None:
        profile = self._context.desk.profile
        tables = ", ".join(run.intent.tables) or "the warehouse"
        verb = run.intent.verb.capitalize()
        counted = f"{rows:,} {'row' if rows == 1 else 'rows'}" if rows is not None else ""
        dialog = ConfirmDialog(
            f"{verb} in {tables}?",
            f"{counted} of {tables} are touched."
            if counted
            else f"{tables} is changed; how many rows cannot be known beforehand.",
            f"{verb} {counted}" if counted else f"{verb} {tables}",
            self._view,
            environment=profile.environment,
            hint="This profile is read-only: this one statement is let through." if profile.read_only else "",
            type_this=profile.name if profile.environment == "production" else "",
            command=" ".join(run.sql.split())[:300],
        )
        dialog.confirmed.connect(lambda: self._send(document, run, offset))
        dialog.rejected.connect(lambda: self._stop(document))
        self._say(document, "Waiting for your word", "warning")
        dialog.open()

    def _stop(self, document: Document) -> None:
        document.waiting.clear()
        self._say(document, "Nothing was run", "")
        self._follow()

    def _send(self, document: Document, run: Run, offset: int) -> None:
        document.run, document.offset = run, offset
        self._say(document, "Sending the statement", "")

        def work(job: Job[Any]) -> Any:
            self._service.execute(job, run)
            return run.result.frame() if run.has_result else None

        document.job = self._jobs.start(
            self, " ".join(run.sql.split())[:60], work, room="warehouse",
            lane=f"warehouse:{run.connection.name}:{document.key}", write=run.intent.writes,
            on_success=lambda frame: self._finished(document, run, frame),
            on_failure=lambda fault: self._failed(document, run, fault),
            on_cancelled=lambda: self._cancelled(document, run),
            on_progress=lambda progress: self._progress(document, run, progress),
        )  # fmt: skip
        if self._is_shown(document):
            self._view.results.show_busy("The statement is on its way")
            self._view.results.show_side("rows")
        self._view.editors.show_running(document.key, True)
        self._clock.start()
        self._follow()

    def _progress(self, document: Document, run: Run, _progress: Progress) -> None:
        """First rows are shown while the rest arrives; more of them each time their number has doubled."""
        count = run.result.count
        if not self._is_shown(document) or not count.shown or document.run is not run:
            return
        kept = document.result
        shown = kept.shown_rows if kept is not None and kept.run is run else 0
        if count.shown >= 2 * shown:
            kept = self._kept(document, run)
            kept.shown_rows = count.shown
            self._jobs.start(
                self, "Show rows", lambda _job: run.result.frame(), quiet=True, lane="warehouse:rows", newest_only=True,
                on_success=lambda frame: self._grown(document, kept, frame),
            )  # fmt: skip

    def _grown(self, document: Document, kept: KeptResult, frame: Any) -> None:
        if kept.frame is not None and kept.frame.height >= frame.height:
            return
        first = kept.frame is None
        kept.frame = frame
        if self._is_shown(document) and document.current == kept.key:
            if first:
                self._view.results.show_frame(frame, kept.types)
                self._show_kept(document)
            else:
                self._view.results.table.grow(frame)

    def _kept(self, document: Document, run: Run) -> KeptResult:
        """The place of this run's result among those of the file."""
        for kept in document.results:
            if kept.run is run:
                return kept
        kept = KeptResult(next(self._numbers), f"Result {len(document.results) + 1}", run)
        document.keep(kept)
        return kept

    def _finished(self, document: Document, run: Run, frame: Any) -> None:
        self._ended(document, run)
        if frame is not None:
            kept = self._kept(document, run)
            grown = kept.frame is not None and kept.order is None
            kept.frame = frame
            if self._is_shown(document) and document.current == kept.key:
                if grown and self._view.results.table.column_model.rowCount():
                    self._view.results.table.grow(frame)
                else:
                    self._view.results.show_frame(frame, kept.types)
                self.results.show_chart(kept)
        elif self._is_shown(document):
            self._view.results.show_done(run.words())
        self._say(document, run.words(), "warning" if frame is not None and run.result.count.cut else "")
        self._log(run, run.words())
        for note in run.notes:
            self._log(run, f"note: {note}")
        if run.intent.verb.split()[0] in (
            "CREATE",
            "DROP",
            "ALTER",
            "TRUNCATE",
            "COPY",
            "INSERT",
            "DELETE",
            "SELECT INTO",
        ):
            self.read_catalogue()
        if self._is_shown(document):
            self._show_kept(document)
        self._next(document)

    def _failed(self, document: Document, run: Run, fault: OpsError) -> None:
        self._ended(document, run)
        document.waiting.clear()
        editor = self._view.editors.editor_of(document.key)
        if editor is not None and run.place is not None and document.offset >= 0:
            start, end = run.place
            editor.show_errors([(document.offset + start, document.offset + end, fault.why)])
        run.error = run.error or fault
        if self._is_shown(document):
            self._show_failure(run, fault)
        self._say(document, run.words(), "danger")
        self._log(run, f"failed: {fault.details.get('error', str(fault))}")
        self._follow()

    def _show_failure(self, run: Run, fault: OpsError) -> None:
        self._view.results.show_side("rows")
        self._view.results.show_fault(fault.title, fault.why, fault.remedy, fault.details, place=run.place is not None)

    def _cancelled(self, document: Document, run: Run) -> None:
        self._ended(document, run)
        document.waiting.clear()
        words = run.words() if run.state is State.ABORTED else "cancelled"
        if run.state is State.FINISHED:
            words = f"{run.words()}. {' '.join(run.notes)}" if run.intent.writes else "cancelled while the rows arrived"
        if self._is_shown(document) and document.result is None:
            self._view.results.show_empty()
        self._say(document, words, "warning")
        self._log(run, words)
        self._follow()

    def _ended(self, document: Document, run: Run) -> None:
        document.job = None
        document.run = run
        self._view.editors.show_running(document.key, False)
        if not any(other.running for other in self._documents.values()):
            self._clock.stop()

    def cancel(self) -> None:
        """Cancel on the server; the page says when the server has confirmed it."""
        document = self._document()
        document.waiting.clear()
        if document.job is not None and document.job.cancel():
            self._say(document, "Asking the server to cancel…", "")

    def _tick(self) -> None:
        """While statements run: state, elapsed time, rows so far."""
        document = self._document()
        run = document.run
        if document.job is None or run is None or document.job.stopping or run.result.count.complete:
            return  # the last word belongs to the end of the job
        document.words = run.words() if not run.has_result else f"{run.result.count.words()}, {run.seconds:.1f} s"
        self._view.results.show_line(document.words, busy=True)

    # -- EXPLAIN ------------------------------------------------------------------------------------
    def explain(self) -> None:
        """The plan of the statement at the cursor; it does not run."""
        editor, document = self._view.editors.editor, self._document()
        here = statement_at(editor.toPlainText(), editor.position, escapes=self._escapes)
        if here is None or self._connection is None or document.running:
            return
        run = self._service.prepare(self._connection, here.body, database=self._database, values=document.parameters)
        self._view.results.show_side("plan")
        self._say(document, "Asking for the plan", "")

        def show(found: Any) -> None:
            document.plan = found
            self._say(document, "Plan: nothing was run", "")
            if self._is_shown(document):
                self._view.results.plan.show_plan(*found)

        def fail(fault: OpsError) -> None:
            document.run, document.offset = run, here.body_start
            self._failed(document, run, fault)

        self._jobs.start(
            self, "Explain", lambda job: self._service.explain(job, run), quiet=True, on_success=show, on_failure=fail
        )

    # -- files --------------------------------------------------------------------------------------
    def _is_shown(self, document: Document) -> bool:
        return document.key == self._view.editors.current_key

    def _show_document(self, key: int) -> None:
        """Another file is in front: its result, its state."""
        document = self._documents.setdefault(key, Document(key))
        self._show_kept(document)
        self.results.show(document)
        if document.plan is not None:
            self._view.results.plan.show_plan(*document.plan)
        else:
            self._view.results.plan.show_nothing()
        if document.run is not None and document.run.error is not None and not document.running:
            self._show_failure(document.run, document.run.error)
        self._view.results.show_line(document.words, busy=document.running, tone=document.tone)
        self._follow()

    def _show_kept(self, document: Document) -> None:
        titles = [(kept.key, kept.title, kept.pinned) for kept in document.results]
        self._view.results.show_results(titles, document.current)
        kept = document.result
        self._view.results.show_tools(
            rows=kept is not None and kept.frame is not None, pinned=bool(kept and kept.pinned)
        )

    def _forget_document(self, key: int) -> None:
        document = self._documents.pop(key, None)
        if document is not None and document.job is not None:
            document.job.cancel()
        self._remember_files()

    def _restore_files(self) -> None:
        entries = self._context.memory.get("warehouse.files", [])
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("text"), str):
                self._view.editors.add_file(entry["text"], str(entry.get("title", "")), str(entry.get("path", "")))
        if not self._view.editors.files():
            self._view.editors.add_file(_FIRST)
        self._view.editors.show_file(int(self._context.memory.get("warehouse.file", 0) or 0))

    def _remember_files(self) -> None:
        files = self._view.editors.files()
        self._context.memory.put(
            "warehouse.files", [{"title": file.title, "text": file.text, "path": file.path} for file in files]
        )
        self._context.memory.put("warehouse.file", self._view.editors.tabs.currentIndex())
        self._jobs.start(
            self, "Remember the SQL", lambda _job: self._context.memory.save(), quiet=True,
            lane="warehouse:memory", newest_only=True,
        )  # fmt: skip

    def _open_file(self) -> None:
        from gui.tabs.warehouse.files import open_sql

        open_sql(self, self._jobs, self._view)

    def _save_file(self) -> None:
        from gui.tabs.warehouse.files import save_sql

        save_sql(self, self._jobs, self._view, self._context.praise)

    def _keep_query(self) -> None:
        from gui.tabs.warehouse.files import keep_query

        keep_query(self, self._jobs, self._view, self._service, self._context.praise)

    # -- history, saved, running ---------------------------------------------------------------------
    def show_history(self) -> None:
        dialog = HistoryDialog(self._view)

        def search(words: str) -> None:
            self._jobs.start(
                dialog, "Search the history", lambda _job: self._service.history.search(words), quiet=True,
                lane="warehouse:history", newest_only=True, on_success=dialog.show_runs,
                on_failure=lambda fault: dialog.show_fault(fault.title, fault.why, fault.remedy),
            )  # fmt: skip

        dialog.search_asked.connect(search)
        dialog.insert_asked.connect(lambda sql: self._view.editors.editor.insert(sql))
        dialog.open_asked.connect(lambda sql: self._view.editors.add_file(sql))
        dialog.attach_asked.connect(self._attach)
        search("")
        dialog.open()

    def _attach(self, past: PastRun) -> None:
        """Take up a statement sent before: in a file of its own, with its result once it is here."""
        connection = next((c for c in self._connections if c.name == past.connection), None)
        key = self._view.editors.add_file(past.sql)
        document = self._documents.setdefault(key, Document(key))
        if connection is None:
            self._say(document, f"The connection {past.connection} is not here any more", "danger")
            return
        run = self._service.prepare(connection, past.sql, database=past.database)
        document.run = run

        def work(job: Job[Any]) -> Any:
            attached = self._service.attach(job, past.statement, connection)
            return attached, attached.result.frame() if attached.has_result else None

        self._say(document, "Taking up the statement", "")
        document.job = self._jobs.start(
            self, "Take up a statement", work, room="warehouse",
            on_success=lambda both: self._finished(document, both[0], both[1]),
            on_failure=lambda fault: self._failed(document, run, fault),
            on_cancelled=lambda: self._cancelled(document, run),
        )  # fmt: skip
        self._clock.start()
        self._follow()

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
        connection, database = self._connection, self._database
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
                on_success=lambda _status: refresh(),
                on_failure=lambda fault: dialog.show_fault(fault.title, fault.why, fault.remedy),
            )  # fmt: skip

        dialog.refresh_asked.connect(refresh)
        dialog.cancel_asked.connect(cancel)
        refresh()
        dialog.open()

    def open_extract(self) -> None:
        """The wizard that makes a table out of text."""
        from gui.tabs.warehouse.extract_presenter import ExtractPresenter
        from gui.tabs.warehouse.extract_view import ExtractDialog

        dialog = ExtractDialog(self._view)
        ExtractPresenter(dialog, self._context, self._connection, self._database, lambda _table: self.read_catalogue())
        dialog.open()

    def show_value(self, name: str, value: object) -> None:
        ValueDialog(name, value, self._view).open()

    # -- state ----------------------------------------------------------------------------------------
    def _follow(self) -> None:
        """Buttons follow from the state."""
        document = self._document() if self._documents or self._view.editors.files() else None
        running = document is not None and document.running
        can_run = self._phase is Phase.READY or (self._phase is Phase.UNREACHABLE and self._connection is not None)
        self._view.show_buttons(can_run=can_run, running=running)

    def _say(self, document: Document, words: str, tone: str) -> None:
        document.words, document.tone = words, tone
        if self._is_shown(document):
            self._view.results.show_line(words, busy=document.running, tone=tone)

    def _log(self, run: Run, words: str) -> None:
        head = " ".join(run.sql.split())
        self._view.results.add_message(
            f"{datetime.now():%H:%M:%S}  {head[:100]}{'…' if len(head) > 100 else ''}\n          {words}"
        )

    def current_document(self) -> Document:
        return self._document()
