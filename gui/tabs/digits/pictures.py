"""Grey bytes as images for widgets."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from gui.style.theme import theme
from gui.style.tokens import load

SIDE = 28
_BYTES = SIDE * SIDE


def image_of(grey: bytes) -> QImage:
    """28 x 28 bytes, ink = 255, as white on black."""
    return QImage(grey, SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8).copy()


class Pixels(QWidget):
    """A picture of 28 x 28, every pixel a sharp square; several stand beside each other."""

    def __init__(self, name: str, side: int = 84, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(side, side)
        self.setAccessibleName(name)
        self._images: list[QImage] = []

    def show_grey(self, grey: bytes) -> None:
        self._images = [image_of(grey[start : start + _BYTES]) for start in range(0, len(grey), _BYTES)]
        self.setAccessibleDescription(f"{len(self._images)} times 28 x 28 pixels" if self._images else "empty")
        self.update()

    @property
    def image(self) -> QImage | None:
        return self._images[0] if self._images else None

    def sizeHint(self) -> QSize:
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(load("dark").bg))
        side = self.width() / max(1, len(self._images))
        for index, image in enumerate(self._images):
            painter.drawImage(QRectF(index * side, (self.height() - side) / 2, side, side), image)
        painter.setPen(QPen(theme().color("border_strong"), 1, Qt.PenStyle.SolidLine))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
