"""Leads drawing: every change of the ink asks the model anew, and only the newest question is answered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QBuffer, QIODevice, QObject, QTimer
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog

from core.base.errors import OpsError
from gui.bridge.tab_context import TabContext
from gui.parts.ink_pad import InkStroke
from gui.parts.words import zoned
from gui.tabs.digits.samples_dialog import SamplesDialog, SampleView
from gui.tabs.digits.values import Shown, Sureness
from gui.tabs.digits.view import DigitsView

if TYPE_CHECKING:
    from core.digits.service import Reading

_ROOM = "digits"
_PICTURES = "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.tif *.tiff *.webp)"


class DrawingPresenter(QObject):
    def __init__(self, view: DigitsView, context: TabContext) -> None:
        super().__init__(view)
        self._view, self._context = view, context
        self._seen: Shown | None = None
        self._from_pad = True
        self._samples_dialog: SamplesDialog | None = None
        digits = context.settings.current.digits
        view.draw.show_pen_width(digits.pen_width)
        view.answer.show_normalise(digits.normalise)
        pad = view.draw.pad
        pad.changed.connect(self._ask)
        pad.picture_dropped.connect(self._take)
        view.draw.clear.clicked.connect(pad.clear)
        view.draw.pen_width_chosen.connect(lambda width: context.settings.set("digits", pen_width=width))
        view.draw.paste_asked.connect(self.paste)
        view.draw.open_picture_asked.connect(self._browse)
        view.draw.plain_digit_asked.connect(self._load_plain)
        view.draw.save_picture_asked.connect(self._save_drawing)
        view.answer.normalise_chosen.connect(self._normalise_chosen)
        view.answer.sample_named.connect(self._keep_sample)
        view.answer.samples_asked.connect(self.open_samples)
        commands = context.commands
        for command_id, title, run, icon, keys in (
            ("digits.undo", "Undo ink", pad.undo, "undo-2", "Ctrl+Z"),
            ("digits.redo", "Redo ink", pad.redo, "redo-2", "Ctrl+Shift+Z"),
            ("digits.clear", "Clear the pad", pad.clear, "x", "Ctrl+Backspace"),
            ("digits.paste", "Paste a picture of a digit", self.paste, "clipboard-paste", "Ctrl+V"),
            ("digits.samples", "Show my samples", self.open_samples, "image", ""),
        ):
            commands.add(command_id, title, run, owner=view, room=_ROOM, icon=icon, shortcut=keys)
        for digit in range(10):
            commands.add(
                f"digits.plain.{digit}",
                f"Load a plain {digit} onto the pad",
                partial(self._load_plain, digit),
                owner=view,
                room=_ROOM,
                icon="pencil",
            )
        view.draw.undo.setToolTip("Undo (Ctrl+Z)")
        view.draw.redo.setToolTip("Redo (Ctrl+Shift+Z)")
        view.draw.clear.setToolTip("Clear the pad (Ctrl+Backspace)")
        QTimer.singleShot(0, self._warm_up)

    # -- live -----------------------------------------------------------------
    def _warm_up(self) -> None:
        """Open the model before the first stroke, so that the first answer is as quick as the others."""

        def work(_job: Any) -> int:
            from core.digits.plain_digits import plain_digit

            digits = self._context.desk.digits
            digits.read_drawing(plain_digit(0))
            return digits.samples.count()

        self._context.jobs.start(
            self, "Open the digit model", work, lane="digits", quiet=True,
            on_success=self._view.answer.show_sample_count, on_failure=self._failed,
        )  # fmt: skip

    def ask_again(self) -> None:
        """The model changed: the same ink, a new answer."""
        self._ask()

    def _ask(self) -> None:
        pad = self._view.draw.pad
        strokes, drawing = pad.strokes, pad.drawing
        if not strokes:
            self._seen = None
            self._view.answer.show_answer(Shown(Sureness.EMPTY))
        normalise = self._view.answer.normalise.isChecked()
        self._from_pad = True

        def work(_job: Any) -> Shown:
            return _shown(self._context.desk.digits.read_drawing(_core_strokes(strokes), normalise=normalise), drawing)

        self._start(work)

    def _start(self, work: Any) -> None:
        self._context.jobs.start(
            self, "Read the drawing", work, lane="digits", newest_only=True, quiet=True,
            on_success=self._answered, on_failure=self._failed,
        )  # fmt: skip

    def _answered(self, shown: Shown) -> None:
        self._seen = shown if shown.ranked else None
        self._view.answer.show_answer(shown)
        self._view.draw.show_live("Live", "success")

    def _failed(self, fault: OpsError) -> None:
        self._seen = None
        self._view.draw.show_live("Stopped", "danger")
        self._view.answer.show_fault(fault.title, " ".join(filter(None, (fault.why, fault.remedy))))

    def _normalise_chosen(self, on: bool) -> None:
        self._context.settings.set("digits", normalise=on)
        self._ask()

    # -- pictures ---------------------------------------------------------------
    def paste(self) -> None:
        image = QGuiApplication.clipboard().image()
        if image.isNull():
            self._view.answer.show_fault(
                "There is no picture in the clipboard", "Copy a picture first, then paste it here."
            )
            return
        self._take(image)

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self._view, "Open a picture of a digit", "", _PICTURES)
        if path:
            self._take(path)

    def _take(self, source: object) -> None:
        """A path or a QImage."""
        content: str | bytes
        if isinstance(source, QImage):
            buffer = QBuffer()
            buffer.open(QIODevice.OpenModeFlag.WriteOnly)
            source.save(buffer, "PNG")  # type: ignore[call-overload]
            content, image = bytes(buffer.data().data()), source
        elif isinstance(source, str):
            content, image = source, QImage(source)
        else:
            return
        if not image.isNull():
            self._view.draw.pad.show_picture(image)

        def work(_job: Any) -> Shown:
            from pathlib import Path

            place = Path(content) if isinstance(content, str) else content
            return _shown(self._context.desk.digits.read_file(place), False)

        self._from_pad = False
        self._start(work)

    def show_picture(self, grey: bytes) -> None:
        """A 28 x 28 digit of a data set, on the pad and read again."""
        from gui.tabs.digits.pictures import image_of

        self._take(image_of(grey))

    def _load_plain(self, digit: int) -> None:
        def work(_job: Any) -> list[InkStroke]:
            from core.digits.plain_digits import plain_digit

            return _pad_strokes(plain_digit(digit, self._view.draw.pad.pen_width))

        self._context.jobs.start(
            self, "Load a plain digit", work, quiet=True,
            on_success=self._view.draw.pad.show_strokes, on_failure=self._failed,
        )  # fmt: skip

    def _save_drawing(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self._view, "Save the drawing", "digit.png", "PNG (*.png)")
        if not path:
            return
        image = self._view.draw.pad.grab().toImage()
        if image.save(path):
            self._context.praise(f"The drawing is saved as {path}")
        else:
            self._view.answer.show_fault(
                "The drawing could not be saved", f"{path} cannot be written; choose another folder."
            )

    # -- samples ----------------------------------------------------------------
    def _keep_sample(self, label: int) -> None:
        seen = self._seen
        if seen is None:
            return
        strokes = self._view.draw.pad.strokes if self._from_pad else []

        def work(_job: Any) -> int:
            import numpy as np

            samples = self._context.desk.digits.samples
            image = np.frombuffer(seen.picture, np.uint8).reshape(28, 28)
            samples.add(label, image, _core_strokes(strokes), seen.ranked[0])
            return samples.count()

        self._context.jobs.start(
            self, "Keep a sample", work, quiet=True, write=True,
            on_success=lambda count: self._kept(label, count), on_failure=self._failed,
        )  # fmt: skip

    def _kept(self, label: int, count: int) -> None:
        self._view.answer.show_sample_count(count)
        self._context.praise(f"Kept as a {label}")
        self._view.draw.pad.clear()

    def open_samples(self) -> None:
        dialog = SamplesDialog(self._view)
        self._samples_dialog = dialog
        dialog.delete_asked.connect(self._delete_samples)
        dialog.export_asked.connect(self._export_samples)
        dialog.reopen_asked.connect(self._reopen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.finished.connect(self._dialog_closed)
        self._list_samples()
        dialog.open()

    def _dialog_closed(self) -> None:
        self._samples_dialog = None

    def _list_samples(self) -> None:
        def work(_job: Any) -> list[SampleView]:
            return [
                SampleView(
                    sample.id,
                    sample.label,
                    sample.answered,
                    sample.image.tobytes(),
                    _pad_strokes(sample.strokes),
                    f"{zoned(sample.created):%d %b %Y}",
                )
                for sample in self._context.desk.digits.samples.list()
            ]

        self._context.jobs.start(
            self, "List my samples", work, quiet=True, on_success=self._show_samples, on_failure=self._failed
        )

    def _show_samples(self, samples: list[SampleView]) -> None:
        self._view.answer.show_sample_count(len(samples))
        if self._samples_dialog:
            self._samples_dialog.show_samples(samples)

    def _delete_samples(self, numbers: list[int]) -> None:
        self._context.jobs.start(
            self, "Delete samples", lambda _job: self._context.desk.digits.samples.delete(numbers),
            quiet=True, write=True, on_success=lambda _: self._list_samples(), on_failure=self._failed,
        )  # fmt: skip

    def _export_samples(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self._samples_dialog, "Export my samples", "samples.csv", "Kaggle CSV (*.csv);;NPZ (*.npz)"
        )
        if not path:
            return

        def work(_job: Any) -> int:
            from pathlib import Path

            return self._context.desk.digits.export_samples(Path(path))

        self._context.jobs.start(
            self, "Export my samples", work, room=_ROOM, write=True,
            on_success=lambda count: self._context.praise(f"{count} samples are written to {path}"), on_failure=self._failed,
        )  # fmt: skip

    def _reopen(self, sample: SampleView) -> None:
        strokes = sample.strokes
        if isinstance(strokes, list) and strokes:
            self._view.draw.pad.show_strokes(strokes)
        else:
            self.show_picture(sample.picture)


def _shown(reading: Reading | None, drawing: bool) -> Shown:
    if reading is None:
        return Shown(Sureness.DRAWING if drawing else Sureness.EMPTY)
    answer = reading.answer
    sureness = Sureness.DRAWING if drawing else Sureness(reading.verdict.value)
    return Shown(
        sureness,
        answer.probabilities[0].tolist(),
        answer.ranked(),
        (reading.picture * 255).round().astype("uint8").tobytes(),
        reading.milliseconds,
    )


def _core_strokes(strokes: Sequence[InkStroke]) -> list[Any]:
    from core.digits.ink import Stroke

    return [Stroke.of(stroke.points, stroke.width) for stroke in strokes]


def _pad_strokes(strokes: Sequence[Any]) -> list[InkStroke]:
    return [InkStroke(tuple((float(x), float(y)) for x, y in stroke.points), stroke.width) for stroke in strokes]
