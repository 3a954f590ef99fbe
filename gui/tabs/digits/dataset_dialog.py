"""A data set to look at: how many of each digit, and their pictures."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from gui.parts.dialogs import Dialog
from gui.parts.form import choice
from gui.parts.image_gallery import GalleryItem, ImageGallery
from gui.parts.layout import row
from gui.parts.words import Label, number
from gui.tabs.digits.pictures import image_of
from gui.tabs.digits.values import Thumb


class DatasetDialog(Dialog):
    """thumbs: the digits that are shown, of ``total``; counts of the ten digits, empty where there are no labels."""

    thumb_opened = Signal(object)  # Thumb

    def __init__(
        self, name: str, total: int, counts: Sequence[int], thumbs: Sequence[Thumb], parent: QWidget | None = None
    ) -> None:
        super().__init__(name, "Close", parent, width=720)
        self.setMinimumHeight(520)
        self.cancel_button.hide()
        self._thumbs = self._shown = thumbs
        every = f"All digits ({number(total)})"
        own = [(str(digit), f"Digit {digit} ({number(count)})") for digit, count in enumerate(counts)]
        self.filter = choice([("", every), *own])
        self.filter.setAccessibleName("Show digit")
        self.filter.setEnabled(bool(counts))
        self.counts = Label(
            "   ".join(f"{digit}: {number(count)}" for digit, count in enumerate(counts))
            or "Not labelled: to predict, not to learn from",
            "small",
            wrap=True,
        )
        self.note = Label("", "small")
        self.gallery = ImageGallery("Digits of the set")
        self.body.addWidget(self.counts)
        self.body.addLayout(row(self.filter, self.note, None))
        self.body.addWidget(self.gallery, 1)
        self._total = total
        self.filter.currentIndexChanged.connect(self._show)
        self.gallery.opened.connect(self._open)
        self.asked.connect(self.accept)
        self._show()

    def _show(self, *_: object) -> None:
        wanted = str(self.filter.currentData() or "")
        self._shown = [thumb for thumb in self._thumbs if wanted in ("", str(thumb.true))]
        self.gallery.show_items([_item(thumb) for thumb in self._shown])
        whole = len(self._thumbs) == self._total
        self.note.setText("" if whole else f"from the first {number(len(self._thumbs))} rows")

    def _open(self, index: int) -> None:
        self.thumb_opened.emit(self._shown[index])
        self.accept()


def _item(thumb: Thumb) -> GalleryItem:
    caption = "" if thumb.true is None else str(thumb.true)
    words = f"row {thumb.row + 1}" + (f", {caption}" if caption else "")
    return GalleryItem(lambda: image_of(thumb.picture), caption, "", words)
