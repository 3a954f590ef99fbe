"""Many small pictures with a caption each, in rows; only what is visible is painted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from gui.style.theme import font, theme
from gui.style.tokens import Space


@dataclass(frozen=True)
class GalleryItem:
    """``image`` is called when the item is first seen; ``tone`` colours the caption (danger, success, "")."""

    image: Callable[[], QImage]
    caption: str
    tone: str = ""
    words: str = ""  # for tooltips and screen readers


class ImageGallery(QAbstractScrollArea):
    picked = Signal(int)
    opened = Signal(int)  # double click or Enter

    def __init__(self, name: str, *, side: int = 56, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: Sequence[GalleryItem] = ()
        self._images: dict[int, QImage] = {}
        self._side = side
        self._current = -1
        self._chosen: set[int] = set()
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        theme().changed.connect(self.viewport().update)

    def show_items(self, items: Sequence[GalleryItem]) -> None:
        self._items, self._images, self._chosen = items, {}, set()
        self._current = 0 if items else -1
        self.verticalScrollBar().setValue(0)
        self._measure()
        self.setAccessibleDescription(f"{len(items)} pictures")
        self.viewport().update()

    @property
    def chosen(self) -> list[int]:
        """The picked items; with Ctrl several."""
        return sorted(self._chosen)

    # -- geometry -------------------------------------------------------------
    @property
    def _step(self) -> tuple[int, int]:
        return self._side + Space.S, self._side + 18 + Space.S

    @property
    def _across(self) -> int:
        return max(1, self.viewport().width() // self._step[0])

    def item_box(self, index: int) -> QRect:
        wide, tall = self._step
        x, y = index % self._across * wide, index // self._across * tall - self.verticalScrollBar().value()
        return QRect(x, y, self._side, self._side + 18)

    def _at(self, place: QPoint) -> int:
        wide, tall = self._step
        column, row = place.x() // wide, (place.y() + self.verticalScrollBar().value()) // tall
        index = row * self._across + column
        return index if column < self._across and 0 <= index < len(self._items) else -1

    def _measure(self) -> None:
        rows = -(-len(self._items) // self._across)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, rows * self._step[1] - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(self._step[1])

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._measure()

    def sizeHint(self) -> QSize:
        return QSize(6 * self._step[0] + 16, 3 * self._step[1])

    # -- the hand ---------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._at(event.position().toPoint())
        if index < 0:
            return
        self._current = index
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._chosen ^= {index}
        else:
            self._chosen = {index}
        self.viewport().update()
        self.picked.emit(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self._at(event.position().toPoint())
        if index >= 0:
            self.opened.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self._across,
            Qt.Key.Key_Down: self._across,
        }
        key = Qt.Key(event.key())
        if key in moves and self._items:
            self._current = min(max(self._current + moves[key], 0), len(self._items) - 1)
            self._chosen = {self._current}
            box = self.item_box(self._current)
            bar = self.verticalScrollBar()
            if box.top() < 0:
                bar.setValue(bar.value() + box.top())
            elif box.bottom() > self.viewport().height():
                bar.setValue(bar.value() + box.bottom() - self.viewport().height())
            self.setAccessibleDescription(self._items[self._current].words or self._items[self._current].caption)
            self.viewport().update()
            self.picked.emit(self._current)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._current >= 0:
            self.opened.emit(self._current)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    # -- painting ---------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        top = self.verticalScrollBar().value() // self._step[1] * self._across
        bottom = top + (self.viewport().height() // self._step[1] + 2) * self._across
        painter.setFont(font("caption"))
        for index in range(top, min(bottom, len(self._items))):
            item, box = self._items[index], self.item_box(index)
            if index not in self._images:
                self._images[index] = item.image()
            square = QRect(box.x(), box.y(), self._side, self._side)
            painter.drawImage(square, self._images[index])
            if index in self._chosen or (index == self._current and self.hasFocus()):
                painter.setPen(QPen(theme().color("focus"), 2))
                painter.drawRect(square.adjusted(1, 1, -1, -1))
            painter.setPen(theme().color(item.tone or "text2"))
            painter.drawText(
                QRect(box.x() - 4, square.bottom() + 1, self._side + 8, 16), Qt.AlignmentFlag.AlignCenter, item.caption
            )
        if len(self._images) > 2_000:  # far away ones can be made again
            self._images = {index: image for index, image in self._images.items() if top <= index < bottom}
