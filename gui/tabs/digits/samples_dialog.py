"""One's own samples: look at them, filter by digit, delete, export, put one back on the pad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import choice
from gui.parts.image_gallery import GalleryItem, ImageGallery
from gui.parts.layout import row
from gui.parts.notices import Banner, EmptyState
from gui.parts.words import Label, number
from gui.tabs.digits.pictures import image_of


@dataclass(frozen=True)
class SampleView:
    """``strokes``: what the pad shows again, opaque here."""

    id: int
    label: int
    answered: int | None
    picture: bytes
    strokes: object = None
    when: str = ""


class SamplesDialog(Dialog):
    delete_asked = Signal(object)  # list of sample ids
    export_asked = Signal()
    reopen_asked = Signal(object)  # SampleView

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("My samples", "Export…", parent, width=640)
        self.setMinimumHeight(480)
        self.fault = Banner("danger")
        self.filter = choice([("", "All digits"), *[(str(digit), f"Digit {digit}") for digit in range(10)]])
        self.filter.setAccessibleName("Show digit")
        self.count = Label("", "small")
        self.gallery = ImageGallery("My samples")
        self.empty = EmptyState("image", "Draw a digit and name it with “That was a …”: it is kept here.")
        self.to_pad = Button("Put on the pad")
        self.remove = Button("Delete", "danger", icon_name="trash-2")
        self.body.addWidget(self.fault)
        self.body.addLayout(row(self.filter, self.count, None, self.to_pad, self.remove))
        self.body.addWidget(self.gallery, 1)
        self.body.addWidget(self.empty, 1)
        self.cancel_button.setText("Close")
        self._samples: list[SampleView] = []
        self._shown: list[SampleView] = []
        self.filter.currentIndexChanged.connect(self._show)
        self.gallery.picked.connect(lambda _: self._follow())
        self.gallery.opened.connect(lambda index: self._reopen(self._shown[index]))
        self.to_pad.clicked.connect(lambda: self._reopen(self._shown[self.gallery.chosen[0]]))
        self.remove.clicked.connect(
            lambda: self.delete_asked.emit([self._shown[index].id for index in self.gallery.chosen])
        )
        self.asked.connect(self.export_asked)
        self._show()

    def show_samples(self, samples: Sequence[SampleView]) -> None:
        self._samples = list(samples)
        self._show()

    def _reopen(self, sample: SampleView) -> None:
        self.reopen_asked.emit(sample)
        self.accept()

    def _show(self) -> None:
        wanted = str(self.filter.currentData() or "")
        self._shown = [sample for sample in self._samples if wanted in ("", str(sample.label))]
        self.gallery.show_items([_item(sample) for sample in self._shown])
        self.count.setText(f"{number(len(self._shown))} of {number(len(self._samples))}")
        self.gallery.setVisible(bool(self._samples))
        self.empty.setVisible(not self._samples)
        self.accept_button.setEnabled(bool(self._samples))
        self._follow()

    def _follow(self) -> None:
        chosen = self.gallery.chosen
        self.to_pad.setEnabled(len(chosen) == 1)
        self.remove.setEnabled(bool(chosen))
        self.remove.setText(f"Delete {len(chosen)}" if len(chosen) > 1 else "Delete")


def _item(sample: SampleView) -> GalleryItem:
    wrong = sample.answered is not None and sample.answered != sample.label
    caption = f"{sample.label} (said {sample.answered})" if wrong else str(sample.label)
    return GalleryItem(
        lambda: image_of(sample.picture),
        caption if not wrong else f"{sample.label}≠{sample.answered}",
        "danger" if wrong else "",
        f"{caption}, {sample.when}",
    )
