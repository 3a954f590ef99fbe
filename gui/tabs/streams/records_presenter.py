"""Decides for the records card: what the table pulls, the filter, the chosen moment, columns, export and copies."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu

from core.base.errors import OpsError
from core.jobs.job import Job
from core.streams.decode import Record
from core.streams.filters import filter_of, unknown_fields
from core.streams.positions import short_shard
from core.streams.query import Answer
from core.streams.tap import Tap
from core.streams.window import Keep
from gui.bridge.tab_context import TabContext
from gui.parts.desktop import show_file
from gui.parts.words import command, number
from gui.tabs.streams.query_dialog import QueryDialog
from gui.tabs.streams.records_card import RecordsCard
from gui.tabs.streams.wording import clock, preview

_ORDER = "streams.newest_last"
_PREVIEWED, _PREVIEW = 5, 90  # records that a saved filter's preview shows, and characters of each


class RecordsPresenter(QObject):
    """Owns the records card while a tap is attached; the page's presenter tells it when to pull."""

    failed = Signal(object)  # OpsError

    def __init__(self, card: RecordsCard, context: TabContext) -> None:
        super().__init__(card)
        self._card, self._context = card, context
        self._service = context.desk.streams
        self._tap: Tap | None = None
        self._stream = ""
        self._cursor = self._generation = 0
        self.filter_text = self.filter_hint = ""
        self.moment: tuple[float, float] | None = None
        card.filter_changed.connect(self._filter)
        card.follow_changed.connect(lambda following: self.pull() if following else None)
        card.export_asked.connect(self._export)
        card.moment_dropped.connect(partial(self.show_moment, None))
        card.columns_chosen.connect(self._choose_columns)
        card.order_chosen.connect(self._choose_order)
        card.show_order(newest_last=bool(context.memory.get(_ORDER, False)))
        card.inspector.command_asked.connect(self._copy_command)
        card.saved.clicked.connect(self._ask_saved)

    def attach(self, tap: Tap | None, stream: str) -> None:
        """Show this tap's records from now on; None empties the card."""
        self._tap, self._stream = tap, stream
        self._cursor = self._generation = 0
        self.moment = None
        card = self._card
        card.show_moment("")
        card.clear()
        card.show_counts(0, 0, filtered=False)
        card.show_fresh(0)
        card.show_utc(self._utc)
        card.show_paths(tuple(self._context.memory.get(f"streams.columns.{stream}", [])))
        if tap is not None and self.filter_text:
            self._apply_filter()

    def go_on_with(self, tap: Tap) -> None:
        """Another tap in the same window."""
        self._tap = tap

    def pull(self) -> bool:
        """Take what is new; False where the table has nothing to show."""
        if self._tap is None:
            return False
        window, card = self._tap.window, self._card
        if not card.table.following:
            card.show_fresh(window.fresh(self._cursor, self._generation))
            self._show_counts(*window.sizes())
            return True
        piece = window.since(self._cursor, self._generation)
        if piece.generation != self._generation:
            card.clear()
        self._cursor, self._generation = piece.cursor, piece.generation
        card.append(sorted(piece.records, key=lambda record: record.arrived))  # shards are read one after the other
        card.show_fresh(0)
        self._show_counts(piece.kept, piece.seen)
        return piece.kept > 0

    def _show_counts(self, kept: int, seen: int) -> None:
        if self._tap is not None:
            filtered = bool(self.filter_text or self.moment)
            self._card.show_counts(kept, seen, filtered=filtered, decode=self._tap.window.counts())

    @property
    def _utc(self) -> bool:
        return self._context.settings.current.appearance.utc

    # -- filter and moment ---------------------------------------------------------
    def _filter(self, text: str) -> None:
        try:
            filter_of(text)
        except OpsError as fault:
            self._card.show_fault(f"{fault.title}: {fault.why}. {fault.remedy}")
            return
        self._card.show_fault("")
        self.filter_text = text.strip()
        self._apply_filter()

    def _apply_filter(self) -> None:
        if self._tap is None:
            return
        window, keep, wanted = self._tap.window, self._keep(), filter_of(self.filter_text)

        def work(_job: Job[Any]) -> str:
            window.filter(keep)
            return unknown_fields(wanted, window.kept()) if wanted is not None and wanted.fields else ""

        self._context.jobs.start(
            self,
            "Filter the records",
            work,
            room="streams",
            lane="streams.filter",
            newest_only=True,
            quiet=True,
            on_success=self._filtered,
        )

    def _filtered(self, hint: str) -> None:
        self.filter_hint = hint
        self._card.table.follow()
        if self._tap is not None:
            self.pull()

    def _keep(self) -> Keep | None:
        wanted, moment = filter_of(self.filter_text), self.moment
        if moment is None:
            return wanted
        first, last = moment

        def within(record: Record) -> bool:
            return first <= record.arrived < last and (wanted is None or wanted(record))

        return within

    def show_moment(self, moment: tuple[float, float] | None) -> None:
        self.moment = moment
        self._card.show_moment(self.moment_words() if moment else "")
        self._apply_filter()

    def moment_words(self) -> str:
        assert self.moment is not None
        first, last = self.moment
        return clock(first, utc=self._utc, fraction=False) + (
            "" if last - first <= 1 else f"–{clock(last, utc=self._utc, fraction=False)}"
        )

    def _choose_columns(self, paths: tuple[str, ...]) -> None:
        self._context.memory.put(f"streams.columns.{self._stream}", list(paths))
        self._card.show_paths(paths)

    def _choose_order(self, newest_last: bool) -> None:
        self._context.memory.put(_ORDER, newest_last)
        self._card.show_order(newest_last=newest_last)
        self.pull()

    def _ask_saved(self) -> None:
        """The saved filters, each with how many of the kept records it finds, and the newest of them beside it."""
        saved = [str(text) for text in self._context.memory.get("streams.filters", [])]
        records = self._tap.window.kept() if self._tap is not None else []

        def found() -> list[list[Record]]:
            return [list(filter(keep, records)) if (keep := filter_of(text)) else [] for text in saved]

        self._context.jobs.start(
            self, "Try the saved filters", lambda _job: found(), room="streams", quiet=True,
            on_success=lambda found: self._offer_saved(saved, found, len(records)),
        )  # fmt: skip

    def _offer_saved(self, saved: list[str], found: list[list[Record]], of: int) -> None:
        menu = QMenu(self._card)
        menu.setToolTipsVisible(True)
        for text, records in zip(saved, found, strict=True):
            action = menu.addAction(f"{text}    {number(len(records))} of {number(of)}" if of else text)
            action.setToolTip("\n".join(preview(record)[:_PREVIEW] for record in records[-_PREVIEWED:]))
            action.triggered.connect(lambda _=False, text=text: self._card.filter.setText(text))
        if saved:
            menu.addSeparator()
        current = self.filter_text
        keep = menu.addAction(f"Save “{current}”" if current else "Save this filter")
        keep.setEnabled(bool(current) and current not in saved)
        keep.triggered.connect(lambda: self._context.memory.put("streams.filters", [*saved, current]))
        if current in saved:
            rest = [text for text in saved if text != current]
            menu.addAction(f"Forget “{current}”").triggered.connect(
                lambda: self._context.memory.put("streams.filters", rest)
            )
        self._card.offer_saved(menu)

    def _export(self, suffix: str) -> None:
        if self._tap is None:
            return
        suggested = f"{self._stream}-{datetime.now():%Y%m%d-%H%M%S}{suffix}"
        chosen, _ = QFileDialog.getSaveFileName(
            self._card, "Export the records", str(Path.home() / suggested), f"*{suffix}"
        )
        if not chosen:
            return
        path = Path(chosen) if chosen.endswith(suffix) else Path(chosen + suffix)
        self.export_to(path)

    def export_to(self, path: Path) -> None:
        """Write what the table holds (the matches, where there is a filter) to a file."""
        if self._tap is None:
            return
        records = self._tap.window.kept(matching=True)
        self._context.jobs.start(
            self,
            f"Export {number(len(records))} records",
            lambda job: self._service.export(job, records, path),
            room="streams",
            outlives_owner=True,
            on_success=lambda count: self._context.praise(
                f"{number(count)} record{'s are' if count != 1 else ' is'} in {path.name}"
            ),
            on_failure=self.failed.emit,
            after=lambda _count: ("Show in folder", partial(show_file, path.parent, self._context.praise)),
            can_retry=True,
        )

    def _copy_command(self, record: Record) -> None:
        place = f"{short_shard(record.shard)}:{record.sequence}"
        self._copy_line(f"streams tap {self._stream} --from {place} --limit 1")

    # -- SQL over what is kept ---------------------------------------------------------
    def ask_query(self) -> None:
        if self._tap is None:
            return
        dialog = QueryDialog(self._stream, str(self._context.memory.get("streams.sql", "")), self._card.window())
        dialog.run_asked.connect(partial(self._query, dialog))
        dialog.table.copy_asked.connect(partial(self._copy_rows, dialog))
        dialog.show()

    def _query(self, dialog: QueryDialog, sql: str) -> None:
        if self._tap is None:
            return
        self._context.memory.put("streams.sql", sql)
        records = self._tap.window.kept(matching=True)
        dialog.show_running(True)

        def answered(answer: Answer) -> None:
            dialog.show_running(False)
            dialog.show_answer(answer.frame, cut=answer.cut, of=len(records))

        def refused(fault: OpsError) -> None:
            dialog.show_running(False)
            dialog.show_fault(fault.title, fault.why, fault.remedy)

        self._context.jobs.start(
            dialog,
            "Ask the kept records",
            lambda job: self._service.query(job, records, sql),
            room="streams",
            quiet=True,
            on_success=answered,
            on_failure=refused,
            on_cancelled=partial(dialog.show_running, False),
        )

    def _copy_rows(self, dialog: QueryDialog, frame: Any, form: str) -> None:
        """What was selected of an answer becomes text on a worker, as on the Warehouse page."""
        sql = str(self._context.memory.get("streams.sql", ""))

        def work(job: Job[Any]) -> Any:
            from core.warehouse.copying import Origin, copied

            return copied(job, frame, form, Origin(sql, "duckdb", False, {}))

        def done(made: Any) -> None:
            QGuiApplication.clipboard().setText(made.text)
            self._context.praise(f"{number(frame.height)} rows copied{made.note and f' ({made.note})'}")

        self._context.jobs.start(
            dialog, "Copy rows", work, quiet=True, on_success=done,
            on_failure=lambda fault: dialog.show_fault(fault.title, fault.why, fault.remedy),
        )  # fmt: skip

    def copy_tap_command(self, start: str) -> None:
        line = f"streams tap {self._stream} --from {start}"
        if self._tap is not None and self._tap.pushed:
            line += " --fan-out"
        quoted = self.filter_text.replace("'", "'\\''")
        self._copy_line(f"{line} --filter '{quoted}'" if quoted else line)

    def _copy_line(self, words: str) -> None:
        QGuiApplication.clipboard().setText(command(self._context.desk.profile.name, words))
        self._context.praise("The command is on the clipboard")
