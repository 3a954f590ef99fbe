"""Leads drawing: every change of the ink asks the model anew, and only the newest question is answered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QBuffer, QIODevice, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QImage, QImageReader
from PySide6.QtWidgets import QFileDialog

from core.base.errors import OpsError
from gui.bridge.tab_context import TabContext
from gui.parts.ink_pad import InkStroke
from gui.tabs.digits.models_presenter import MODEL
from gui.tabs.digits.samples_presenter import pad_strokes
from gui.tabs.digits.values import Shown, Sureness
from gui.tabs.digits.view import DigitsView

if TYPE_CHECKING:
    from core.digits.patches import Floats
    from core.digits.service import Reading

_ROOM = "digits"
_PATIENCE = 400  # milliseconds until a question that has no answer yet is told
_SHOWN_SIDE = 800  # pixels of a picture on the pad: a phone's photo has 4,000 and would stall the window
_SHOWN = QSize(_SHOWN_SIDE, _SHOWN_SIDE)
_PICTURES = "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.tif *.tiff *.webp)"


class DrawingPresenter(QObject):
    model_opened = Signal()

    def __init__(self, view: DigitsView, context: TabContext) -> None:
        super().__init__(view)
        self._view, self._context = view, context
        self._seen: Shown | None = None
        self._from_pad = True
        self._asked = 0
        self._patience = QTimer(self, singleShot=True, interval=_PATIENCE)
        self._patience.timeout.connect(self._still_waiting)
        digits = context.settings.current.digits
        self._limit = digits.sure_from
        context.settings.changed.connect(self._settings_changed)
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
        commands = context.commands
        for command_id, title, run, icon, keys in (
            ("digits.undo", "Undo ink", pad.undo, "undo-2", "Ctrl+Z"),
            ("digits.redo", "Redo ink", pad.redo, "redo-2", "Ctrl+Shift+Z"),
            ("digits.clear", "Clear the pad", pad.clear, "x", "Ctrl+Backspace"),
            ("digits.paste", "Paste a picture of a digit", self.paste, "clipboard-paste", "Ctrl+V"),
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
        """Open the model before the first stroke, so that the first answer is as quick as the others: the one that was
        used last, and where it cannot be opened any more the one that ships."""
        wanted = self._context.memory.get(MODEL, "")

        def work(job: Any) -> tuple[int, OpsError | None]:
            from core.digits.plain_digits import plain_digit

            digits, trouble = self._context.desk.digits, None
            if wanted:
                try:
                    digits.live.use(job, wanted)
                except OpsError as fault:
                    trouble = OpsError(fault.title, fault.why, "The model that ships reads your drawings now")
            digits.read_drawing(job, plain_digit(0))
            return digits.samples.count(), digits.samples.trouble or trouble

        self._context.jobs.start(
            self, "Open the digit model", work, lane="digits", quiet=True,
            on_success=lambda found: self._opened(*found), on_failure=self._failed,
        )  # fmt: skip

    def _opened(self, samples: int, trouble: OpsError | None) -> None:
        self._view.answer.show_sample_count(samples)
        self.model_opened.emit()
        if self._view.draw.pad.strokes or self._view.draw.pad.picture is not None:
            self._ask()  # it may have been read by another model before
        if trouble:
            self._view.banner.show_text(trouble.title, f"{trouble.why}. {trouble.remedy}.", tone="warning")

    def ask_again(self) -> None:
        """The model changed: the same ink, a new answer."""
        self._ask()

    def _ask(self) -> None:
        pad = self._view.draw.pad
        strokes, drawing = pad.strokes, pad.drawing
        if pad.picture is not None:  # undone, or to be read by another model
            self._read_picture(_png(pad.picture))
            return
        if not strokes:
            self._seen = None
            self._view.answer.show_answer(Shown(Sureness.EMPTY))
        normalise = self._view.answer.normalise.isChecked()
        sure_from = self._sure_from
        self._from_pad = True

        def work(job: Any) -> Shown:
            reading = self._context.desk.digits.read_drawing(job, _core_strokes(strokes), normalise=normalise)
            return _shown(reading, drawing, sure_from, nothing=not strokes)

        self._start(work)

    def _start(self, work: Any) -> None:
        if not self._patience.isActive():
            self._patience.start()
        self._asked += 1
        self._context.jobs.start(
            self, "Read the drawing", work, lane="digits", newest_only=True, quiet=True,
            on_success=partial(self._answered, self._asked), on_failure=self._failed,
        )  # fmt: skip

    def _still_waiting(self) -> None:
        """What was said of older ink is no answer to what is there now."""
        if not self._view.draw.pad.strokes and self._view.draw.pad.picture is None:
            return
        self._seen = None
        self._view.answer.show_answer(Shown(Sureness.WAITING))
        self._view.draw.show_live("Waiting", "warning")

    def _answered(self, question: int, shown: Shown) -> None:
        self._patience.stop()
        if question != self._asked:  # the newest one is still out
            self._patience.start()
        self._seen = shown if shown.ranked else None
        self._view.answer.show_answer(shown)
        self._view.draw.show_live("Live", "success")

    def _failed(self, fault: OpsError) -> None:
        self._patience.stop()
        self._seen = None
        if fault.code != "picture":  # a file that is no picture stops nothing
            self._view.draw.show_live("Stopped", "danger")
        self._view.answer.show_fault(fault.title, ". ".join(filter(None, (fault.why, fault.remedy))))

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
        if isinstance(source, QImage):
            image = _at_most(source)
            self._show_and_read(image, _png(image))
        elif isinstance(source, str):
            self._context.jobs.start(
                self,
                "Open a picture",
                lambda _job: _read_scaled(source),  # a phone's photo takes a tenth of a second
                lane="digits-picture",
                newest_only=True,
                quiet=True,
                on_success=lambda image: self._show_and_read(image, source),
            )

    def _show_and_read(self, image: QImage, content: str | bytes) -> None:
        """``image`` is null where ``content`` is no picture, which reading it tells."""
        if not image.isNull():
            self._view.draw.pad.show_picture(image)
        self._read_picture(content)

    def _read_picture(self, content: str | bytes) -> None:
        """A file's path or a picture's bytes."""
        sure_from = self._sure_from

        def work(job: Any) -> Shown:
            from pathlib import Path

            place = Path(content) if isinstance(content, str) else content
            reading = self._context.desk.digits.read_file(job, place)
            if reading is None:
                raise OpsError(
                    "There is nothing on this picture",
                    "It is of one shade all over",
                    "Try one with stronger ink or in better light",
                    code="picture",
                )
            return _shown(reading, False, sure_from)

        self._from_pad = False
        self._start(work)

    @property
    def _sure_from(self) -> float:
        return self._limit / 100

    def _settings_changed(self, *_: object) -> None:
        limit = self._context.settings.current.digits.sure_from
        if limit != self._limit:  # the same ink may be sure now, or no longer
            self._limit = limit
            self._ask()

    def show_picture(self, grey: bytes) -> None:
        """A 28 x 28 digit of a data set, on the pad and read again."""
        from gui.tabs.digits.pictures import image_of

        self._take(image_of(grey))

    def _load_plain(self, digit: int) -> None:
        def work(_job: Any) -> list[InkStroke]:
            from core.digits.plain_digits import plain_digit

            return pad_strokes(plain_digit(digit, self._view.draw.pad.pen_width))

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


def _shown(reading: Reading | None, drawing: bool, sure_from: float, *, nothing: bool = False) -> Shown:
    if reading is None:
        return Shown(Sureness.DRAWING if drawing else Sureness.EMPTY if nothing else Sureness.TOO_LITTLE)
    answer, parts = reading.answer, reading.parts
    if parts:
        return Shown(
            Sureness.DRAWING if drawing else Sureness.SEVERAL,
            picture=b"".join(_grey(part.picture) for part in parts),
            milliseconds=reading.milliseconds,
            parts=[(int(part.answer.labels[0]), float(part.answer.confidences[0])) for part in parts],
            sure=all(part.answer.verdict(sure_from=sure_from).value == Sureness.SURE.value for part in parts),
        )
    sureness = Sureness.DRAWING if drawing else Sureness(answer.verdict(sure_from=sure_from).value)
    return Shown(
        sureness,
        answer.probabilities[0].tolist(),
        answer.ranked(),
        _grey(reading.picture),
        reading.milliseconds,
    )


def _grey(picture: Floats) -> bytes:
    return (picture * 255).round().astype("uint8").tobytes()


def _read_scaled(path: str) -> QImage:
    """At most _SHOWN_SIDE wide and high, and upright as the camera was held."""
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    if max(reader.size().width(), reader.size().height()) > _SHOWN_SIDE:
        reader.setScaledSize(reader.size().scaled(_SHOWN, Qt.AspectRatioMode.KeepAspectRatio))
    return reader.read()


def _at_most(image: QImage) -> QImage:
    """Small enough to be packed in a moment: the recogniser looks at 200 pixels anyway."""
    if max(image.width(), image.height()) <= _SHOWN_SIDE:
        return image
    return image.scaled(_SHOWN, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _png(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


def _core_strokes(strokes: Sequence[InkStroke]) -> list[Any]:
    from core.digits.ink import Stroke

    return [Stroke.of(stroke.points, stroke.width) for stroke in strokes]
