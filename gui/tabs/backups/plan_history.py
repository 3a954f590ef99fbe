"""One plan's past: its backups in the bucket, its runs and its verifications, one table at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QStackedWidget, QWidget

from core.backups.outcomes import Backup, Outcome, Run, Verification
from gui.parts.buttons import Segments
from gui.parts.layout import Card, column
from gui.parts.words import Label, byte_size
from gui.tabs.backups import wording
from gui.tabs.backups.rows import Column, RowTable

LISTED = 100
"""Runs and verifications in their tables; whoever shows them reads one more, to tell whether these are all."""


class History(Card):
    """Backups in the bucket, runs as this computer remembers them, verifications: one at a time."""

    def __init__(self) -> None:
        self.segments = Segments(
            (("backups", "Backups"), ("verifications", "Verifications"), ("runs", "Runs")), "What is listed"
        )
        super().__init__("History", self.segments)
        self.backups = RowTable(
            "Backups in the bucket",
            (
                Column("Taken", lambda item: wording.stamp(item.taken), 150),
                Column("Size", lambda item: byte_size(item.stored_bytes), 86, right=True),
                Column(
                    "State", _state_of, 200, tone=lambda item: _state_tone(item), icon=lambda item: _state_icon(item)
                ),
                Column(
                    "Expires",
                    lambda item: wording.clock(item.expires),
                    100,
                    spare=560,
                    tip=lambda item: wording.stamp(item.expires),
                ),
                Column(
                    "Object", lambda item: item.key.rsplit("/", 1)[-1], mono=True, tip=lambda item: item.key, spare=520
                ),
            ),
        )
        self.verifications = RowTable(
            "Verifications",
            (
                Column("When", lambda item: wording.stamp(item.started), 150),
                Column("Result", lambda item: wording.proof(item)[0], 140, tone=lambda item: wording.proof(item)[1]),
                Column("Level", lambda item: f"L{item.level}", 56),
                Column("Restore time", lambda item: wording.span(item.rto_seconds), 96, right=True, spare=560),
                Column("Finding", _finding, tip=_finding),
            ),
        )
        self.runs = RowTable(
            "Runs",
            (
                Column("Started", lambda item: wording.stamp(item.started), 150),
                Column(
                    "Result", lambda item: wording.OUTCOME[item.outcome][0], 96,
                    tone=lambda item: wording.OUTCOME[item.outcome][1],
                ),
                Column("Took", lambda item: wording.span((item.ended - item.started) if item.ended else None), 90, right=True),
                Column("Read", lambda item: byte_size(item.plain_bytes) if item.plain_bytes else "–", 86, right=True, spare=640),
                Column("Stored", lambda item: byte_size(item.stored_bytes) if item.stored_bytes else "–", 86, right=True, spare=560),
                Column("Why", lambda item: item.error, tip=lambda item: item.error),
            ),
        )  # fmt: skip
        self.unknown = Label("The bucket cannot be read: what lies in it is not known.", "small", wrap=True)
        self.none = {
            "backups": Label("No backup of this plan lies in the bucket.", "small"),
            "verifications": Label("Nothing was verified yet.", "small"),
            "runs": Label("This computer has run nothing for this plan yet.", "small"),
        }
        for words in (self.unknown, *self.none.values()):
            words.hide()
        self.stack = QStackedWidget()
        self._tables = {"backups": self.backups, "verifications": self.verifications, "runs": self.runs}
        for kind, table in self._tables.items():
            holder = QWidget()
            lines = (self.unknown, self.none[kind], table) if table is self.backups else (self.none[kind], table)
            holder.setLayout(column(*lines, None, gap=0))
            self.stack.addWidget(holder)
        self.body.addWidget(self.stack)
        self.segments.chosen.connect(self.show_kind)
        self.show_kind("backups")

    def show_kind(self, kind: str) -> None:
        self.segments.choose(kind)
        self.stack.setCurrentIndex(list(self._tables).index(kind))
        self._fit()

    def forget(self) -> None:
        for kind, table in self._tables.items():
            table.show_rows([])
            self.segments.relabel(kind, kind.capitalize())
        for words in (self.unknown, *self.none.values()):
            words.hide()

    def show_all(
        self, backups: Sequence[Backup] | None, runs: Sequence[Run], verifications: Sequence[Verification]
    ) -> None:
        known_before = self.verifications.row_model.rows
        for table, rows in ((self.backups, backups or ()), (self.runs, runs[:LISTED])):
            _show_again(table, rows, "")
        newest = verifications[0].id if verifications else ""
        news = not known_before or known_before[0].id != newest  # somebody who reads an older one is not disturbed
        _show_again(self.verifications, verifications[:LISTED], newest if news else "")
        self.unknown.setVisible(backups is None)
        for kind, table in self._tables.items():
            nothing = not table.row_model.rows
            self.none[kind].setVisible(nothing and not (kind == "backups" and backups is None))
            table.setVisible(not nothing)
        known = "?" if backups is None else str(len(backups))
        self.segments.relabel("backups", f"Backups {known}")
        self.segments.relabel("verifications", f"Verifications {_counted(verifications)}")
        self.segments.relabel("runs", f"Runs {_counted(runs)}")
        self._fit()

    def _fit(self) -> None:
        for table in self._tables.values():
            table.fit_height(1, 6)
        current = list(self._tables.values())[self.stack.currentIndex()]
        self.stack.setFixedHeight(current.height())


def _show_again(table: RowTable, rows: Sequence[Any], wanted: Any) -> None:
    """Fresh rows with the chosen one still chosen, or the one with the id ``wanted``."""
    chosen = wanted or next((item.id for item in table.chosen), "")
    table.show_rows(rows)
    table.choose(next((number for number, item in enumerate(rows) if item.id == chosen), -1))


def _counted(rows: Sequence[Any]) -> str:
    """The table holds the newest; that there are more is said, not how many."""
    return f"{LISTED}+" if len(rows) > LISTED else str(len(rows))


def _finding(item: Verification) -> str:
    if item.outcome is Outcome.RUNNING:
        return "being verified"
    return item.headline if item.outcome is not Outcome.DONE else wording.passed(item)


def _state_of(item: Backup) -> str:
    if not item.complete:
        return "incomplete"
    if item.failed:
        return f"failed {wording.ago(item.failed)}"
    return f"proved {wording.ago(item.proved)}" if item.proved else "backed up"


def _state_tone(item: Backup) -> str:
    return "danger" if not item.complete or item.failed else "success" if item.proved else "text2"


def _state_icon(item: Backup) -> tuple[str, str]:
    if not item.complete or item.failed:
        return "circle-x", "danger"
    return ("shield-check", "success") if item.proved else ("archive", "text3")
