"""Decides what the extract wizard does: find the input, preview as one types, extract, load, tell the count."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from core.base.errors import OpsError
from core.jobs.job import Job
from core.warehouse.extract.advise import already_columns, which_tool
from core.warehouse.extract.definition import DOCUMENT, PATTERN, XML, Definition, Tally, xml_definition
from core.warehouse.extract.presets import PRESETS
from core.warehouse.extract.preview import Preview
from core.warehouse.extract.sources import Source
from gui.bridge.tab_context import TabContext
from gui.parts.desktop import show_file
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.warehouse.connection_presenter import ConnectionPresenter
from gui.tabs.warehouse.extract_view import ExtractDialog

if TYPE_CHECKING:
    from core.warehouse.service import WarehouseService


class ExtractPresenter(QObject):
    """Lives as long as its dialog. ``done`` is called with the table's name after a load."""

    def __init__(
        self,
        dialog: ExtractDialog,
        context: TabContext,
        place: ConnectionPresenter,
        done: Callable[[str], None],
        failed: Callable[[OpsError], None],
    ) -> None:
        super().__init__(dialog)
        self._dialog, self._context, self._jobs = dialog, context, context.jobs
        self._place, self._done, self._told = place, done, failed
        self._sources: list[Source] = []
        self._found: Preview | None = None
        self._follow_place()
        place.changed.connect(self._follow_place)
        dialog.input_changed.connect(self._look)
        dialog.pattern_changed.connect(self._preview)
        dialog.extract_asked.connect(self._ask)
        dialog.ddl_asked.connect(self._copy_ddl)
        dialog.command_asked.connect(self._copy_command)
        dialog.often.toggled.connect(lambda _often: self._advise())
        dialog.show_ready(False)
        dialog.show_idle("Name a file, a folder or an S3 prefix")

    @property
    def _service(self) -> WarehouseService:
        return self._context.desk.warehouse

    def _follow_place(self) -> None:
        """A table can be made once a warehouse is connected, also where that comes after the wizard was opened."""
        connection = self._place.connection
        self._dialog.show_warehouse(connection.name if connection is not None else "")

    def _definition(self) -> Definition:
        """As the dialog stands, before the preview has guessed columns."""
        if self._dialog.preset == XML:
            return xml_definition(self._dialog.pattern.text())
        preset = PRESETS.get(self._dialog.preset)
        kind = DOCUMENT if self._dialog.preset == DOCUMENT else PATTERN
        made = preset if preset is not None else Definition(kind, pattern=self._dialog.pattern.text())
        return replace(made, skip=self._dialog.skip.text() if made.pattern else "")

    # -- looking ------------------------------------------------------------------------------
    def _look(self, place: str) -> None:
        self._sources, self._found = [], None
        self._dialog.show_ready(False)
        if not place:
            self._dialog.show_idle("Name a file, a folder or an S3 prefix")
            return
        self._dialog.show_busy("Looking for files")
        self._jobs.start(
            self, "Look for files", lambda job: self._service.extracts.sources(job, place), quiet=True,
            lane="warehouse:extract", newest_only=True, on_success=self._found_sources, on_failure=self._no_sources,
        )  # fmt: skip

    def _found_sources(self, sources: list[Source]) -> None:
        self._sources = sources
        self._dialog.input_field.show_fault("")
        if not self._dialog.table.text():
            stem = Path(sources[0].name).name.partition(".")[0]
            name = re.sub(r"\W+", "_", stem).strip("_").lower() or "extracted"
            name = wanted = f"public.{name if not name[0].isdigit() else f't_{name}'}"
            number = 1
            while self._is_there(name):
                number += 1
                name = f"{wanted}_{number}"
            self._dialog.table.setText(name)
        self._preview()

    def _is_there(self, table: str) -> bool:
        """Whether a table of the name is known already: better told now than after a gigabyte was read."""
        schema, _, name = table.replace('"', "").casefold().rpartition(".")
        known = self._place.catalogue
        return known is not None and any(
            (one.schema.casefold(), one.name.casefold()) == (schema or "public", name) for one in known.tables
        )

    def _no_sources(self, fault: OpsError) -> None:
        self._dialog.input_field.show_fault(f"{fault.title}. {fault.why}")
        self._dialog.show_idle("Nothing to read", "danger")

    def _preview(self) -> None:
        if not self._sources:
            return
        definition, sources = self._definition(), self._sources
        if not definition.pattern and self._dialog.preset in ("", DOCUMENT):
            self._dialog.show_idle("Write a pattern, or choose a preset")
            return
        self._dialog.show_busy("Matching a sample")
        self._jobs.start(
            self, "Preview", lambda job: self._service.extracts.preview(job, definition, sources), quiet=True,
            lane="warehouse:extract", newest_only=True, on_success=self._show, on_failure=self._failed,
        )  # fmt: skip

    def _show(self, found: Preview) -> None:
        self._found = found
        self._dialog.show_preview(found)
        matched = found.sampled - found.rejected
        noun = {XML: "records", DOCUMENT: "places"}.get(found.definition.kind, "lines")
        words = f"{matched:,} of {found.sampled:,} sampled {noun} match"
        if found.fits:
            words += f" · they look like “{PRESETS[found.fits].title}”: choose it under As"
        if found.engine == "python":
            words += " · this pattern looks around or back: Python's slower engine takes it"
        for name, why in found.problems:
            words += f" · {Path(name).name}: {why}"
        tone = "success" if not found.rejected and not found.problems else "warning" if matched else "danger"
        self._dialog.show_idle(words, tone)
        self._advise()
        self._dialog.show_ready(matched > 0)

    def _advise(self) -> None:
        found = self._found
        if found is None:
            return
        size = sum(source.size for source in self._sources)
        advice = which_tool(
            size,
            relational=already_columns([line.text for line in found.lines]),
            often=self._dialog.often.isChecked(),
            kind=found.definition.kind,
        )
        files = f"{len(self._sources):,} {'file' if len(self._sources) == 1 else 'files'}"
        self._dialog.advice.setText(f"{files}. Which tool? {advice.tool[0].upper()}{advice.tool[1:]}: {advice.why}.")

    def _failed(self, fault: OpsError) -> None:
        self._found = None
        self._dialog.show_ready(False)
        if fault.code in ("pattern", "slow-pattern", "xml"):
            self._dialog.show_pattern_fault(f"{fault.title}: {fault.why}. {fault.remedy}")
        else:
            self._dialog.show_idle("", "")
            self._dialog.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    # -- extracting -----------------------------------------------------------------------------
    def _ask(self) -> None:
        dialog, profile = self._dialog, self._context.desk.profile
        table = dialog.table.text().strip() if dialog.to_table.isChecked() else ""
        path = dialog.file.text().strip() if dialog.to_file.isChecked() else ""
        if not table and not path:
            dialog.show_idle("Name a table or a file for the result", "danger")
            return
        if table and self._is_there(table):
            dialog.show_idle(f"{table} is there already: choose another name, or drop it first", "danger")
            return
        if table and profile.guarded:
            confirm = ConfirmDialog(
                f"Make the table {table}?",
                f"{table} is made in {profile.name}, and filled from {len(self._sources):,} files.",
                f"Make {table}",
                dialog,
                environment=profile.environment,
                type_this=profile.name if profile.environment == "production" else "",
            )
            confirm.confirmed.connect(lambda: self._extract(table, path))
            confirm.open()
            return
        self._extract(table, path)

    def _extract(self, table: str, path: str) -> None:
        found = self._found
        if found is None:
            return
        definition, sources = found.definition.with_kinds(self._dialog.kinds()), self._sources
        name = (table.rpartition(".")[2] or Path(path).stem) or "extracted"
        folder = self._context.desk.places.cache / "warehouse"
        output = Path(path).expanduser() if path else folder / f"{name}.parquet"
        beside = output if path else self._context.desk.places.state / f"{name}.parquet"
        rejects = beside.with_suffix(".rejects.jsonl") if self._dialog.rejects.isChecked() else None
        service, connection, database = self._service, self._place.connection, self._place.database

        def work(job: Job[Any]) -> Tally:
            from core.warehouse.extract.work import loader

            tally = service.extracts.run(job, definition, sources, output, rejects)
            if table and connection is not None:
                try:
                    service.extracts.load(job, loader(service, connection, database), definition, tally, output, table)
                finally:
                    if not path:
                        output.unlink(missing_ok=True)
            job.conclude(outcome(tally))
            return tally

        def outcome(tally: Tally) -> str:
            words = f"{tally.rows:,} rows from {tally.lines:,} lines, {tally.rejected:,} rejected"
            return f"{words}{'. ' if tally.remark else ''}{tally.remark}"

        def finished(tally: Tally) -> None:
            self._context.praise(f"{table or output.name}: {outcome(tally)}")
            if table:
                self._done(table)

        def next_step(tally: Tally) -> tuple[str, Callable[[], None]] | None:
            if tally.rejected and rejects is not None:
                return f"Show {tally.rejected:,} rejected lines", lambda: show_file(rejects, self._context.praise)
            return ("Show in folder", lambda: show_file(output.parent, self._context.praise)) if path else None

        self._jobs.start(
            self._dialog.parent() or self,  # the page: it outlives the dialog
            f"Extract {name}", work, room="warehouse", write=bool(table), outlives_owner=True,
            on_success=finished, on_failure=self._told, after=next_step, can_retry=True,
        )  # fmt: skip
        self._dialog.accept()

    # -- copying ----------------------------------------------------------------------------------
    def _copy_ddl(self, dialect: str) -> None:
        from core.warehouse.extract.emit import hive_ddl

        if self._found is None:
            return
        try:
            definition = self._found.definition.with_kinds(self._dialog.kinds())
            table = self._dialog.table.text().strip().rpartition(".")[2]
            ddl = hive_ddl(definition, table, self._dialog.input.text().strip(), athena=dialect == "athena")
        except OpsError as fault:
            self._dialog.banner.show_fault(fault.title, fault.why, fault.remedy)
            return
        QGuiApplication.clipboard().setText(ddl)
        self._context.praise(f"{dialect.capitalize()} DDL copied")

    def _copy_command(self) -> None:
        dialog = self._dialog
        words = ["opsdesk", "--profile", self._context.desk.profile.name, "warehouse", "extract"]
        words += ["--input", dialog.input.text().strip()]
        own = dialog.preset in ("", DOCUMENT)
        words += ["--pattern", dialog.pattern.text()] if own else ["--preset", dialog.preset]
        if dialog.preset == DOCUMENT:
            words.append("--document")
        if dialog.preset == XML and dialog.pattern.text().strip():
            words += ["--record", dialog.pattern.text().strip()]
        if dialog.skip.text():
            words += ["--skip", dialog.skip.text()]
        if dialog.to_table.isChecked() and dialog.table.text().strip():
            words += ["--table", dialog.table.text().strip()]
        if dialog.to_file.isChecked() and dialog.file.text().strip():
            words += ["--output", dialog.file.text().strip()]
        QGuiApplication.clipboard().setText(shlex.join(words))
        self._context.praise("Copied as a command")
