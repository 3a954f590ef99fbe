"""Leads one's own samples: look at them, delete, export, put one back on the pad."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from core.base.errors import OpsError
from gui.bridge.tab_context import TabContext
from gui.parts.dialogs import ConfirmDialog
from gui.parts.ink_pad import InkStroke
from gui.parts.words import number, zoned
from gui.tabs.digits.models_presenter import ROOM
from gui.tabs.digits.samples_dialog import SamplesDialog, SampleView
from gui.tabs.digits.view import DigitsView


class SamplesPresenter(QObject):
    picture_opened = Signal(bytes)  # 28 x 28 grey, of a sample that came as a picture

    def __init__(self, view: DigitsView, context: TabContext) -> None:
        super().__init__(view)
        self._view, self._context = view, context
        self._dialog: SamplesDialog | None = None
        view.answer.samples_asked.connect(self.open)
        context.commands.add("digits.samples", "Show my samples", self.open, owner=view, room=ROOM, icon="image")

    def open(self) -> None:
        dialog = SamplesDialog(self._view)
        self._dialog = dialog
        dialog.delete_asked.connect(self._ask_to_delete)
        dialog.export_asked.connect(self._export)
        dialog.reopen_asked.connect(self._reopen)
        dialog.finished.connect(self._closed)
        self._list()
        dialog.open()

    def _closed(self) -> None:
        self._dialog = None

    def _list(self) -> None:
        def work(_job: Any) -> list[SampleView]:
            return [
                SampleView(
                    sample.id,
                    sample.label,
                    sample.answered,
                    sample.image.tobytes(),
                    pad_strokes(sample.strokes),
                    f"{zoned(sample.created):%d %b %Y}",
                )
                for sample in self._context.desk.digits.samples.list()
            ]

        self._context.jobs.start(
            self, "List my samples", work, quiet=True, on_success=self._show, on_failure=self._failed
        )

    def _show(self, samples: list[SampleView]) -> None:
        self._view.answer.show_sample_count(len(samples))
        if self._dialog:
            self._dialog.show_samples(samples)

    def _ask_to_delete(self, numbers: list[int]) -> None:
        one = len(numbers) == 1
        count = number(len(numbers))
        dialog = ConfirmDialog(
            "Delete this sample?" if one else f"Delete {count} samples?",
            "Your drawing is removed from this computer"
            if one
            else f"{count} of your drawings are removed from this computer",
            "Delete 1 sample" if one else f"Delete {count} samples",
            self._dialog,
            hint="Export your samples first if you may want them back.",
        )
        dialog.confirmed.connect(partial(self._delete, numbers))
        dialog.open()

    def _delete(self, numbers: list[int]) -> None:
        self._context.jobs.start(
            self, "Delete samples", lambda _job: self._context.desk.digits.samples.delete(numbers),
            quiet=True, write=True, on_success=lambda _: self._list(), on_failure=self._failed,
        )  # fmt: skip

    def _export(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self._dialog, "Export my samples", "samples.csv", "Kaggle CSV (*.csv);;NPZ (*.npz)"
        )
        if not path:
            return
        self._context.jobs.start(
            self, "Export my samples", lambda _job: self._context.desk.digits.export_samples(Path(path)),
            room=ROOM, write=True, on_failure=self._failed,
            on_success=lambda count: self._context.praise(f"{count} samples are written to {path}"),
        )  # fmt: skip

    def _reopen(self, sample: SampleView) -> None:
        strokes = sample.strokes
        if isinstance(strokes, list) and strokes:
            self._view.draw.pad.show_strokes(strokes)
        else:
            self.picture_opened.emit(sample.picture)

    def _failed(self, fault: OpsError) -> None:
        """Said where it was asked: in the dialog while it is open."""
        words = " ".join(part.rstrip(".") + "." for part in (fault.why, fault.remedy) if part)
        banner = self._dialog.fault if self._dialog else self._view.banner
        banner.show_text(fault.title, words)


def pad_strokes(strokes: Sequence[Any]) -> list[InkStroke]:
    """Core's strokes as the pad's."""
    return [InkStroke(tuple((float(x), float(y)) for x, y in stroke.points), stroke.width) for stroke in strokes]
