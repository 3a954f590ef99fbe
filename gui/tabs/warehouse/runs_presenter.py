"""Decides what happens to statements: asked about, sent, followed, cancelled, and shown with the truth about them."""

from __future__ import annotations

import itertools
import time
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer

from core.base.errors import OpsError
from core.jobs.job import Job, Progress
from core.warehouse.drivers.driver import State
from core.warehouse.history import PastRun
from core.warehouse.run import Run
from core.warehouse.script import Script
from core.warehouse.service import WarehouseService
from core.warehouse.statements import Statement, runnable
from gui.bridge.tab_context import TabContext
from gui.tabs.warehouse.asking import question, with_values
from gui.tabs.warehouse.connection_presenter import ConnectionPresenter
from gui.tabs.warehouse.documents import Document, KeptResult, Waiting
from gui.tabs.warehouse.editor_pane import OpenFile
from gui.tabs.warehouse.results_presenter import ResultsPresenter
from gui.tabs.warehouse.view import WarehouseView

_CHANGES_CATALOGUE = ("CREATE", "DROP", "ALTER", "TRUNCATE", "COPY", "INSERT", "DELETE", "MERGE")


class RunsPresenter(QObject):
    """Each open file has statements and results of its own (``Document``)."""

    def __init__(self, view: WarehouseView, context: TabContext, place: ConnectionPresenter) -> None:
        super().__init__(view)
        self._view, self._context, self._jobs, self._place = view, context, context.jobs, place
        self._documents: dict[int, Document] = {}
        self.script = Script()
        """The text in front, cut into its statements."""
        self._numbers = itertools.count(1)
        self._clock = QTimer(self, interval=200)
        self._clock.timeout.connect(self._tick)
        self.results = ResultsPresenter(view, context, self)
        place.changed.connect(self._follow)
        view.editors.file_shown.connect(self.show_document)
        view.editors.file_closed.connect(self.forget_document)
        view.results.place_asked.connect(self.show_place)
        view.window_closed.connect(self.let_go)

    @property
    def _service(self) -> WarehouseService:
        return self._context.desk.warehouse

    def current_document(self) -> Document:
        """What is known of the file in front."""
        return self._document(self._view.editors.current_key)

    def _document(self, key: int) -> Document:
        return self._documents.setdefault(key, Document(key))

    def was_used(self, key: int) -> bool:
        """Whether anything was run in this file since it was opened, or is about to be."""
        document = self._documents.get(key)
        return document is not None and (document.running or document.run is not None)

    def run(self) -> None:
        """The selected statements, or the one at the cursor."""
        editor = self._view.editors.editor
        selected = editor.selected_text()
        if selected.strip():
            wanted = self._pieces(selected, editor.selection_start)
        else:
            here = self.script.statement_at(editor.text, editor.position, escapes=self._place.escapes)
            wanted = [(here.body, here.body_start)] if here else []
        self._start(self.current_document(), wanted)

    def run_all(self) -> None:
        """Every statement of the file, in order; the first failure stops."""
        self._start(self.current_document(), self._pieces(self._view.editors.editor.text, 0))

    def _pieces(self, text: str, start: int) -> Waiting:
        return [(piece.body, start + piece.body_start) for piece in runnable(text, escapes=self._place.escapes)]

    def run_statement(self, sql: str) -> None:
        """Run a statement of the page's own in the open file's place, without touching its text."""
        self._start(self.current_document(), [(sql, None)])

    def _start(self, document: Document, wanted: Waiting) -> None:
        if document.running or self._place.connection is None:
            return
        if not wanted:
            self._say(document, "There is no statement at the cursor", "")
            return
        go = partial(self._begin, document, wanted)
        with_values(self._view, document.parameters, [sql for sql, _offset in wanted], self._place.escapes, go)

    def _begin(self, document: Document, wanted: Waiting) -> None:
        document.waiting = list(wanted)
        document.make_room()
        self._next(document)

    def _next(self, document: Document) -> None:
        """Run the next waiting statement, asking first where it writes and the profile is careful, or spares no row."""
        if not document.waiting or self._place.connection is None:
            self._follow()
            return
        sql, offset = document.waiting.pop(0)
        run = self._service.prepare(
            self._place.connection,
            sql,
            database=self._place.database,
            values=document.parameters,
            session=f"file-{document.key}",
        )
        if not self._service.must_ask(run) and not run.intent.whole:
            self._send(document, run, offset)
            return
        document.job = self._jobs.start(
            self, "Count the rows", lambda job: self._service.rows_touched(job, run), quiet=True,
            on_success=lambda rows: self._ask(document, run, offset, rows),
            on_failure=lambda _fault: self._ask(document, run, offset, None),
            on_cancelled=lambda: self._stop(document),
        )  # fmt: skip
        self._say(document, "Counting the rows it would touch…", "")
        self._follow()

    def _ask(self, document: Document, run: Run, offset: int | None, rows: int | None) -> None:
        document.job = None
        dialog = question(run.intent, run.sql, rows, self._context.desk.profile, self._view)
        dialog.confirmed.connect(lambda: self._send(document, run, offset))
        dialog.rejected.connect(lambda: self._stop(document))
        self._say(document, "Waiting for your word", "warning")
        dialog.open()

    def _stop(self, document: Document) -> None:
        document.job = None
        document.waiting.clear()
        self._say(document, "Nothing was run", "")
        self._follow()

    def _send(self, document: Document, run: Run, offset: int | None) -> None:
        document.run, document.offset = run, offset
        document.current = 0  # what is shown now is this statement, not an earlier result
        self._say(document, "Sending the statement", "")

        def work(job: Job[Any]) -> Any:
            self._service.execute(job, run)
            job.conclude(run.outcome())
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
            self.results.show_tabs(document)
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
            self._show_rows(document, run)

    def _show_rows(self, document: Document, run: Run) -> None:
        """What has come so far, in the grid."""
        kept = self._kept(document, run)
        kept.shown_rows = run.result.count.shown
        self._jobs.start(
            self, "Show rows", lambda _job: run.result.frame(), quiet=True, lane="warehouse:rows", newest_only=True,
            on_success=lambda frame: self._grown(document, kept, frame),
        )  # fmt: skip

    def _grown(self, document: Document, kept: KeptResult, frame: Any) -> None:
        if kept.frame is not None and kept.frame.height >= frame.height:
            return
        first, kept.frame = kept.frame is None, frame
        if self._is_shown(document) and document.current == kept.key:
            if first:
                self._view.results.show_frame(frame, kept.types)
                self.results.show_tabs(document)
                if kept.run.error is not None:  # it came while these were made ready
                    self._show_failure(document, kept.run, kept.run.error)
            else:
                self._view.results.table.grow(frame)

    def _kept(self, document: Document, run: Run) -> KeptResult:
        """The place of this run's result among those of the file."""
        kept = next((one for one in document.results if one.run is run), None)
        if kept is None:
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
        self._view.results.log(run.sql, run.words())
        for note in run.notes:
            self._view.results.log(run.sql, f"note: {note}")
        if run.intent.verb.startswith((*_CHANGES_CATALOGUE, "SELECT INTO")):
            self._place.read_catalogue()
        if self._is_shown(document):
            self.results.show_tabs(document)
        self._next(document)

    def _failed(self, document: Document, run: Run, fault: OpsError) -> None:
        self._ended(document, run)
        document.waiting.clear()
        editor = self._view.editors.editor_of(document.key)
        if editor is not None and run.place is not None and document.offset is not None:
            start, end = run.place
            editor.show_errors([(document.offset + start, document.offset + end, fault.why)])
        run.error = run.error or fault
        if run.result.count.shown:
            self._show_rows(document, run)
        if self._is_shown(document):
            self._show_failure(document, run, fault)
        self._say(document, run.words(), "danger")
        self._view.results.log(run.sql, f"failed: {fault.details.get('error', str(fault))}")
        self._follow()

    def _show_failure(self, document: Document, run: Run, fault: OpsError) -> None:
        self._view.results.show_side("rows")
        kept = document.result
        if kept is not None and kept.run is run:  # the rows that came before it stay
            self._view.results.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)
            return
        self._view.results.show_fault(fault.title, fault.why, fault.remedy, fault.details, place=run.place is not None)

    def _cancelled(self, document: Document, run: Run) -> None:
        if run.error is not None:  # the server did not confirm the cancel, or was not reached with it
            self._failed(document, run, run.error)
            return
        self._ended(document, run)
        document.waiting.clear()
        words = run.words() if run.state is State.ABORTED else "cancelled"
        if run.state is State.FINISHED:
            words = f"{run.words()}. {' '.join(run.notes)}" if run.intent.writes else f"{run.words()}; cancelled"
        if run.result.count.shown:
            self._show_rows(document, run)
        elif self._is_shown(document) and document.result is None:
            self._view.results.show_empty()
        self._say(document, words, "warning")
        self._view.results.log(run.sql, words)
        self._follow()

    def _ended(self, document: Document, run: Run) -> None:
        document.job, document.run = None, run
        self._view.editors.show_running(document.key, False)
        if not any(other.running for other in self._documents.values()):
            self._clock.stop()

    def cancel(self) -> None:
        """Cancel on the server; the page says when the server has confirmed it."""
        document = self.current_document()
        document.waiting.clear()
        if document.job is not None and document.job.cancel():
            self._say(document, "Asking the server to cancel…", "")

    def _tick(self) -> None:
        """While statements run: state, elapsed time, rows so far."""
        document = self.current_document()
        run = document.run
        if document.job is None or run is None or document.job.stopping or run.result.count.complete:
            return  # the last word belongs to the end of the job
        now = time.monotonic()
        document.words = run.words(now - (document.job.started or now))
        self._view.results.show_line(document.words, busy=True)

    def explain(self) -> None:
        """The plan of the statement at the cursor; it does not run."""
        editor, document = self._view.editors.editor, self.current_document()
        here = self.script.statement_at(editor.text, editor.position, escapes=self._place.escapes)
        if here is not None and self._place.connection is not None and not document.running:
            go = partial(self._explain, document, here)
            with_values(self._view, document.parameters, [here.body], self._place.escapes, go)

    def _explain(self, document: Document, here: Statement) -> None:
        place, values = self._place, document.parameters
        if place.connection is None:
            return
        run = self._service.prepare(place.connection, f"EXPLAIN {here.body}", database=place.database, values=values)
        document.run, document.offset = run, here.body_start - len("EXPLAIN ")

        def show(found: Any) -> None:
            self._ended(document, run)
            document.plan = found
            self._say(document, "Plan: nothing was run", "")
            if self._is_shown(document):
                self._view.results.plan.show_plan(*found)
            self._follow()

        document.job = self._jobs.start(
            self, "Explain", lambda job: self._service.explain(job, run), quiet=True, on_success=show,
            on_failure=lambda fault: self._failed(document, run, fault),
            on_cancelled=lambda: self._cancelled(document, run),
        )  # fmt: skip
        self._view.results.show_side("plan")
        self._view.results.banner.hide()
        self._say(document, "Asking for the plan", "")
        self._follow()

    def show_place(self) -> None:
        document = self.current_document()
        if document.run is not None and document.run.place is not None and document.offset is not None:
            start, end = document.run.place
            self._view.editors.editor.go_to(document.offset + start, document.offset + end)
            self._view.editors.editor.setFocus()

    def attach(self, past: PastRun) -> None:
        """Take up a statement sent before: in a file of its own, with its result once it is here."""
        connection = next((c for c in self._place.connections if c.name == past.connection), None)
        key = self._view.editors.add_file(past.sql)
        document = self._document(key)
        if connection is None:
            self._say(document, f"The connection {past.connection} is not here any more", "danger")
            return
        run = self._service.prepare(connection, past.sql, database=past.database)
        document.run = run

        def work(job: Job[Any]) -> Any:
            attached = self._service.attach(job, past.statement, connection)
            job.conclude(attached.outcome())
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

    def _is_shown(self, document: Document) -> bool:
        return document.key == self._view.editors.current_key

    def show_document(self, key: int) -> None:
        """Another file is in front: its result, its state."""
        document = self._document(key)
        self.results.show_tabs(document)
        self.results.show(document)
        if document.plan is not None:
            self._view.results.plan.show_plan(*document.plan)
        else:
            self._view.results.plan.show_nothing()
        if document.run is not None and document.run.error is not None and not document.running:
            self._show_failure(document, document.run, document.run.error)
        self._view.results.show_line(document.words, busy=document.running, tone=document.tone)
        self._follow()

    def forget_document(self, file: OpenFile) -> None:
        document = self._documents.pop(file.key, None)
        if document is not None and document.job is not None:
            document.job.cancel()

    def _say(self, document: Document, words: str, tone: str) -> None:
        document.words, document.tone = words, tone
        if self._is_shown(document):
            self._view.results.show_line(words, busy=document.running, tone=tone)

    def let_go(self) -> None:
        """The window closes: statements that only read go on at the server, where they can be taken up again."""
        for document in self._documents.values():
            if document.run is not None and document.running and not document.run.intent.writes:
                document.run.leave = True

    def _follow(self) -> None:
        """Buttons follow from the state."""
        running = bool(self._view.editors.tabs.count()) and self.current_document().running
        self._view.show_buttons(can_run=self._place.ready, running=running)
