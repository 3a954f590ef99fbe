"""Grey bytes as images for widgets."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from gui.style.theme import theme
from gui.style.tokens import load

SIDE = 28


def image_of(grey: bytes) -> QImage:
    """28 x 28 bytes, ink = 255, as white on black."""
    return QImage(grey, SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8).copy()


class Pixels(QWidget):
    """A 28 x 28 picture, every pixel a sharp square."""

    def __init__(self, name: str, side: int = 84, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(side, side)
        self.setAccessibleName(name)
        self._image: QImage | None = None

    def show_grey(self, grey: bytes) -> None:
        self._image = image_of(grey) if grey else None
        self.setAccessibleDescription("28 x 28 pixels" if grey else "empty")
        self.update()

    @property
    def image(self) -> QImage | None:
        return self._image

    def sizeHint(self) -> QSize:
        return self.size()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(load("dark").bg))
        if self._image:
            painter.drawImage(self.rect(), self._image)
        painter.setPen(QPen(theme().color("border_strong"), 1, Qt.PenStyle.SolidLine))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
