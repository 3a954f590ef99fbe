"""Decides what happens to a result after it has come: sort, filter, profile, chart, pin, copy, export."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from core.base.errors import OpsError
from core.jobs.job import Job
from core.warehouse.charts import Picture
from core.warehouse.views import ColumnProfile, Sort
from gui.bridge.tab_context import TabContext
from gui.parts.desktop import show_file
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.warehouse.dialogs import ProfileDialog, UnloadDialog, ValueDialog
from gui.tabs.warehouse.documents import Document, KeptResult
from gui.tabs.warehouse.view import WarehouseView

_NAMES = {"csv": "CSV (*.csv)", "parquet": "Parquet (*.parquet)", "json": "JSON (*.json)", "xlsx": "Excel (*.xlsx)"}
Write = Callable[[Job[Any], Path], int]
"""Writes the file, and returns its rows."""


class Page(Protocol):
    """What the page's presenter does for its results."""

    def current_document(self) -> Document: ...
    def run_statement(self, sql: str) -> None: ...


class ResultsPresenter(QObject):
    def __init__(self, view: WarehouseView, context: TabContext, page: Page) -> None:
        super().__init__(view)
        self._view, self._context, self._jobs, self._page = view, context, context.jobs, page
        pane = view.results
        pane.table.order_asked.connect(self._order)
        pane.table.profile_asked.connect(self._profile)
        pane.table.copy_asked.connect(self._copy)
        pane.table.cell_opened.connect(self._show_value)
        pane.side_chosen.connect(self._side)
        pane.chart.chart_asked.connect(self._draw)
        pane.result_chosen.connect(self._choose)
        pane.result_closed.connect(self._close)
        pane.pin_asked.connect(self._pin)
        pane.export_asked.connect(self.export)
        pane.export_shown_asked.connect(self.export_shown)
        pane.copy_command_asked.connect(self._copy_command)

    def _kept(self) -> KeptResult | None:
        return self._page.current_document().result

    # -- showing --------------------------------------------------------------------------
    def show(self, document: Document) -> None:
        """The result of a file that came to the front."""
        kept = document.result
        if kept is None or kept.frame is None:
            if document.running:
                self._view.results.show_busy("The statement is on its way")
            else:
                self._view.results.show_empty()
            self._view.results.chart.show_nothing()
            return
        self._view.results.show_frame(kept.frame, kept.types)
        if kept.order is not None:
            self._view.results.table.show_order(kept.order)
        self.show_chart(kept)

    def _choose(self, key: int) -> None:
        document = self._page.current_document()
        if key != document.current:
            document.current = key
            self._refresh(document)

    def _close(self, key: int) -> None:
        document = self._page.current_document()
        document.drop(key)
        self._refresh(document)

    def _pin(self) -> None:
        document, kept = self._page.current_document(), self._kept()
        if kept is not None:
            kept.pinned = not kept.pinned
            self.show_tabs(document)

    def _refresh(self, document: Document) -> None:
        self.show(document)
        self.show_tabs(document)
        kept = document.result
        self._view.results.show_line(kept.run.words() if kept else "", busy=document.running)

    def show_tabs(self, document: Document) -> None:
        """The results kept for a file, and what can be done with the one shown."""
        kept = document.result
        self._view.results.show_results([(k.key, k.title, k.pinned) for k in document.results], document.current)
        self._view.results.show_tools(
            rows=kept is not None and kept.frame is not None, pinned=bool(kept and kept.pinned)
        )

    # -- sort, filter, profile --------------------------------------------------------------
    def _order(self, filters: dict[str, str], sorts: list[tuple[str, bool]]) -> None:
        kept = self._kept()
        if kept is None or kept.frame is None:
            return
        frame = kept.frame

        def work(_job: Job[Any]) -> Any:
            from core.warehouse.views import order

            return order(frame, filters, [Sort(column, down) for column, down in sorts])

        def show(order: Any) -> None:
            kept.order = order
            if self._kept() is kept:
                self._view.results.table.show_order(order)
                found = f"{len(order):,} of these shown by the filter; " if order is not None and filters else ""
                self._view.results.show_line(found + kept.run.words(), busy=False)

        def fail(fault: OpsError) -> None:
            self._view.results.show_line(f"{fault.title}. {fault.why}", busy=False, tone="danger")

        self._view.results.show_line("Sorting and filtering…", busy=True)
        self._jobs.start(
            self,
            "Sort and filter",
            work,
            quiet=True,
            lane="warehouse:order",
            newest_only=True,
            on_success=show,
            on_failure=fail,
        )

    def _profile(self, column: str) -> None:
        kept = self._kept()
        if kept is None or kept.frame is None:
            return
        frame, whole = kept.frame, not kept.run.result.count.cut

        def work(_job: Job[Any]) -> ColumnProfile:
            from core.warehouse.views import profile

            return profile(frame, column)

        self._jobs.start(
            self, f"Profile {column}", work, quiet=True,
            on_success=lambda found: ProfileDialog(found, whole, self._view).open(),
        )  # fmt: skip

    # -- chart --------------------------------------------------------------------------------
    def show_chart(self, kept: KeptResult) -> None:
        """Offer the columns of a result for charts, and draw if the chart is in front."""
        if kept.frame is None or not kept.frame.height:
            self._view.results.chart.show_nothing("There are no rows to draw", "")
            return
        from core.warehouse.charts import offers, suggestion

        across, numbers = offers(kept.frame)
        self._view.results.chart.show_columns(across, numbers, *suggestion(kept.frame))
        if self._view.results.side == "chart":
            self._view.results.chart.ask()

    def _side(self, side: str) -> None:
        kept = self._kept()
        if side == "chart" and kept is not None and kept.frame is not None and kept.frame.height:
            self._view.results.chart.ask()

    def _draw(self, kind: str, x: str, y: str, by: str) -> None:
        kept = self._kept()
        if kept is None or kept.frame is None:
            return
        frame, rows, cut = kept.frame, kept.order, kept.run.result.count.cut

        def work(_job: Job[Any]) -> Picture:
            from core.warehouse.charts import picture

            shown = frame if rows is None else frame[rows]
            found = picture(shown, kind, x, y, by)
            notes = [found.note]
            if shown.height < frame.height:
                notes.append(f"the filter leaves {shown.height:,} of {frame.height:,} rows")
            if cut:
                notes.append("the result was cut: only its first rows are drawn")
            return replace(found, note="; ".join(filter(None, notes)))

        self._jobs.start(
            self, "Draw a chart", work, quiet=True, lane="warehouse:chart", newest_only=True,
            on_success=self._view.results.chart.show_picture,
            on_failure=lambda fault: self._view.results.chart.show_nothing(fault.title, f"{fault.why}. {fault.remedy}"),
        )  # fmt: skip

    def _show_value(self, name: str, value: object) -> None:
        ValueDialog(name, value, self._view).open()

    # -- copy and export -----------------------------------------------------------------------
    def _copy(self, frame: Any, form: str) -> None:
        """A selection becomes text on a worker; what is left out is said, and too much is refused in words."""
        kept = self._kept()
        if kept is None:
            return
        run, types = kept.run, dict(zip(kept.run.result.table().column_names, kept.types, strict=True))
        dialect, escapes = self._context.desk.warehouse.dialect(run.connection)
        cells = frame.height * frame.width

        def work(job: Job[Any]) -> Any:
            from core.warehouse.copying import Origin, copied

            return copied(job, frame, form, Origin(run.sql, dialect, escapes, types))

        def done(made: Any) -> None:
            QGuiApplication.clipboard().setText(made.text)
            self._context.praise(
                f"{cells:,} {'cell' if cells == 1 else 'cells'} copied{made.note and f' ({made.note})'}"
            )

        self._jobs.start(
            self, f"Copy {cells:,} cells", work, on_success=done, quiet=cells < 100_000,
            on_failure=lambda fault: self._view.results.banner.show_fault(fault.title, fault.why, fault.remedy),
        )  # fmt: skip

    def _copy_command(self) -> None:
        """The same as a verb of the command line."""
        kept = self._kept()
        if kept is None:
            return
        run = kept.run
        words = ["opsdesk", "--profile", self._context.desk.profile.name, "warehouse", "query", run.sql]
        words += ["--connection", run.connection.name, "--database", run.database]
        for name, value in run.values.items():
            if f":{name}" in run.sql:
                words += ["--null", name] if value is None else ["--param", f"{name}={value}"]
        QGuiApplication.clipboard().setText(shlex.join(words))
        self._context.praise("Copied as a command")

    def export(self, form: str) -> None:
        """All rows of the result, also those that a filter hides or the grid does not hold."""
        kept = self._kept()
        if kept is None:
            return
        if form == "unload":
            self._unload(kept)
            return
        count, run, service = kept.run.result.count, kept.run, self._context.desk.warehouse
        rows = count.total if count.total is not None else count.shown
        self._ask_file(form, rows, lambda job, path: service.export(job, run, path, form))

    def export_shown(self, form: str) -> None:
        """The rows that the filter leaves, as sorted, without hidden columns."""
        kept = self._kept()
        if kept is None or kept.frame is None:
            return
        run, order, service = kept.run, kept.order, self._context.desk.warehouse
        columns = self._view.results.table.shown_columns()
        rows = kept.frame.height if order is None else len(order)
        self._ask_file(form, rows, lambda job, path: service.export_shown(job, run, path, form, order, columns))

    def _ask_file(self, form: str, rows: int, write: Write) -> None:
        from core.warehouse.export import XLSX_WARN

        if form != "xlsx" or rows <= XLSX_WARN:
            self._choose_file(form, write)
            return
        dialog = ConfirmDialog(
            "Write so many rows as XLSX?",
            f"{rows:,} rows take minutes, and spreadsheets become slow above {XLSX_WARN:,}.",
            f"Write {rows:,} rows",
            self._view,
            hint="CSV and Parquet take seconds.",
        )
        dialog.confirmed.connect(lambda: self._choose_file(form, write))
        dialog.open()

    def _choose_file(self, form: str, write: Write) -> None:
        title = self._view.editors.title_of(self._view.editors.current_key).removesuffix(".sql")
        folder = Path(self._context.memory.get("warehouse.folder", str(Path.home())))
        dialog = QFileDialog(self._view, "Export", str(folder / f"{title}.{form}"), _NAMES[form])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(form)
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.selectFile(f"{title}.{form}")
        dialog.fileSelected.connect(lambda name: self._write(Path(name), write))
        dialog.open()

    def _write(self, path: Path, write: Write) -> None:
        self._context.memory.put("warehouse.folder", str(path.parent))

        def done(rows: int) -> None:
            self._context.praise(f"{path.name}: {rows:,} rows")
            self._view.results.add_message(f"{path}: {rows:,} rows written")

        self._jobs.start(
            self, f"Export {path.name}", lambda job: write(job, path), room="warehouse",
            outlives_owner=True, on_success=done, can_retry=True,
            on_failure=lambda fault: self._view.results.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details),
            after=lambda _rows: ("Show in folder", lambda: show_file(path.parent, self._context.praise)),
        )  # fmt: skip

    def _unload(self, kept: KeptResult) -> None:
        dialog = UnloadDialog(self._view)
        service = self._context.desk.warehouse

        def preview(to: str, form: str, role: str) -> None:
            try:
                dialog.show_statement(service.unload_statement(kept.run.sql, to, form=form, role=role), "")
            except OpsError as fault:
                dialog.show_statement("", fault.why)

        def run(to: str, form: str, role: str) -> None:
            dialog.accept()
            self._page.run_statement(service.unload_statement(kept.run.sql, to, form=form, role=role))

        dialog.changed.connect(preview)
        dialog.given.connect(run)
        dialog.open()
