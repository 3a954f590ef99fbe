"""Ranges side by side that fill a whole, coloured by heat; and the same before and after a change, joined by bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from gui.style.theme import font, theme

_HEIGHT = 46


@dataclass(frozen=True, slots=True)
class Range:
    """A piece of the whole: ``start`` and ``end`` in 0..1, ``heat`` in 0..1; ``hot`` is said by a mark, not only by colour.

    below: the indices of the ranges of the other row that it becomes or came from (RangeChange only).
    """

    name: str
    start: float
    end: float
    heat: float = 0.0
    note: str = ""
    hot: bool = False
    tip: str = ""
    joined: tuple[int, ...] = ()


class RangeMap(QWidget):
    """One row of ranges; one can be chosen by mouse or arrow keys."""

    chosen = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ranges: list[Range] = []
        self._current = ""
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(_HEIGHT)
        self.setMaximumHeight(_HEIGHT)
        theme().changed.connect(self.update)

    def show_ranges(self, ranges: Sequence[Range], current: str = "") -> None:
        self._ranges, self._current = list(ranges), current
        words = [f"{entry.name}: {entry.note}{', hot' if entry.hot else ''}" for entry in ranges]
        self.setAccessibleDescription("; ".join(words))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for entry in self._ranges:
            _draw(painter, entry, self._area(entry), chosen=entry.name == self._current)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme().color("focus"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for entry in self._ranges:
            if self._area(entry).contains(event.position()):
                self._choose(entry.name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        names = [entry.name for entry in self._ranges]
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not names:
            super().keyPressEvent(event)
            return
        at = names.index(self._current) + step if self._current in names else 0
        self._choose(names[max(0, min(at, len(names) - 1))])

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            tip = next((r.tip or r.name for r in self._ranges if self._area(r).contains(QPointF(event.pos()))), "")
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().event(event)

    def _choose(self, name: str) -> None:
        self._current = name
        self.update()
        self.chosen.emit(name)

    def _area(self, entry: Range) -> QRectF:
        return _area(entry, self.width(), 3, self.height() - 6)


class RangeChange(QWidget):
    """Before above, after below, and bands from each range to what it becomes."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._before: list[Range] = []
        self._after: list[Range] = []
        self.setAccessibleName(name)
        self.setMinimumHeight(_HEIGHT * 3 + 12)
        theme().changed.connect(self.update)

    def show_change(self, before: Sequence[Range], after: Sequence[Range]) -> None:
        """``joined`` of an after-range names the before-ranges it comes from."""
        self._before, self._after = list(before), list(after)
        words = [
            f"{entry.name} from {', '.join(before[index].name for index in entry.joined)}"
            for entry in after
            if entry.joined
        ]
        self.setAccessibleDescription("; ".join(words))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(480, _HEIGHT * 3 + 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top, bottom, height = 2.0, self.height() - _HEIGHT + 4.0, _HEIGHT - 6.0
        band = QColor(theme().color("accent"))
        band.setAlpha(40)
        for entry in self._after:
            lower = _area(entry, self.width(), bottom, height)
            for index in entry.joined:
                upper = _area(self._before[index], self.width(), top, height)
                left, right = max(lower.left(), upper.left()), min(lower.right(), upper.right())
                if right > left:
                    path = QPainterPath(QPointF(left, top + height))
                    path.lineTo(right, top + height)
                    path.lineTo(right, bottom)
                    path.lineTo(left, bottom)
                    painter.fillPath(path, band)
        for entries, y in ((self._before, top), (self._after, bottom)):
            for entry in entries:
                _draw(painter, entry, _area(entry, self.width(), y, height), chosen=False)


def _area(entry: Range, width: int, top: float, height: float) -> QRectF:
    left, right = entry.start * (width - 4) + 2, entry.end * (width - 4) + 2
    return QRectF(left + 1, top, max(2.0, right - left - 2), height)


def _draw(painter: QPainter, entry: Range, area: QRectF, *, chosen: bool) -> None:
    tokens = theme()
    low, high = tokens.color("seq0"), tokens.color("seq1")
    share = min(1.0, max(0.0, entry.heat))
    ground = QColor(*(round(a + (b - a) * share) for a, b in zip(low.getRgb()[:3], high.getRgb()[:3], strict=True)))  # type: ignore[index]
    painter.setBrush(ground)
    edge = "accent" if chosen else "warning" if entry.hot else "border"
    painter.setPen(QPen(tokens.color(edge), 2 if chosen or entry.hot else 1))
    painter.drawRoundedRect(area, 6, 6)
    words = max(tokens.color("text"), tokens.color("surface"), key=lambda c: abs(c.lightnessF() - ground.lightnessF()))
    painter.setPen(words)
    inner = area.adjusted(7, 4, -5, -4)
    flags = Qt.AlignmentFlag.AlignLeft
    for role, text, side in (
        ("strong", ("▲ " if entry.hot else "") + entry.name, Qt.AlignmentFlag.AlignTop),
        ("caption", entry.note, Qt.AlignmentFlag.AlignBottom),
    ):
        painter.setFont(font(role))
        if painter.fontMetrics().horizontalAdvance(text) <= inner.width():  # half a word is worse than none
            painter.drawText(inner, flags | side, text)
