"""A pad for pen strokes: mouse, touch, pressure pen and keys; pen, eraser, undo and redo by stroke."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QTabletEvent,
    QTouchEvent,
)
from PySide6.QtWidgets import QWidget

from gui.style.theme import font, theme
from gui.style.tokens import Radius, load

SIDE = 280
"""The pad's own units, whatever its size on the screen."""

_MOST_UNDO = 200
_KEY_STEP, _KEY_STRIDE = 4.0, 16.0


@dataclass(frozen=True, slots=True)
class InkStroke:
    """One touch: points in pad units and the pen's width there."""

    points: tuple[tuple[float, float], ...]
    width: float


_Content = tuple[list[InkStroke], QImage | None]


def _every_move(wanted: bool) -> None:
    """X11 hands on only the last of the moves that wait, which cuts the corners of a quick stroke; over the
    pad each of them is wanted."""
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, not wanted)


class InkPad(QWidget):
    """``changed`` at every move and change, ``settled`` when a stroke has ended or ink was undone or cleared.

    Keys: arrows move the pen (with Shift further), Space puts it down or lifts it, Delete clears.
    """

    changed = Signal()
    settled = Signal()
    history_changed = Signal(bool, bool)  # can undo, can redo
    picture_dropped = Signal(object)  # a path (str) or a QImage

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.setAcceptDrops(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMinimumSize(200, 200)
        self.setAccessibleName("Ink pad")
        self.pen_width = 22.0
        self.erasing = False
        self._strokes: list[InkStroke] = []
        self._open: list[tuple[float, float]] | None = None
        self._pressures: list[float] = []
        self._done: list[_Content] = []
        self._undone: list[_Content] = []
        self._key_pen = QPointF(SIDE / 2, SIDE / 2)
        self._key_down = False
        self._by_keys = False  # the pen that the keys move is shown to who uses them
        self._picture: QImage | None = None
        self._describe()
        theme().changed.connect(self.update)

    # -- what is on it --------------------------------------------------------
    @property
    def strokes(self) -> list[InkStroke]:
        """All strokes, the one being drawn too."""
        return [*self._strokes, *([self._current()] if self._open else [])]

    @property
    def picture(self) -> QImage | None:
        """What is shown instead of ink."""
        return self._picture

    @property
    def drawing(self) -> bool:
        return self._open is not None

    def show_strokes(self, strokes: list[InkStroke]) -> None:
        """Put other ink on the pad; undo brings the old back."""
        self._remember()
        self._picture = None
        self._strokes = list(strokes)
        self._tell(settled=True)

    def show_picture(self, picture: QImage) -> None:
        """Show a picture instead of ink, until something is drawn."""
        self._remember()
        self._strokes = []
        self._picture = picture
        self._describe()
        self.history_changed.emit(bool(self._done), bool(self._undone))
        self.update()

    def clear(self) -> None:
        self._open = None
        self._key_down = False
        if self._strokes or self._picture:
            self._remember()
            self._strokes = []
        self._picture = None
        self._tell(settled=True)

    def undo(self) -> None:
        self._travel(self._done, self._undone)

    def redo(self) -> None:
        self._travel(self._undone, self._done)

    def _travel(self, source: list[_Content], target: list[_Content]) -> None:
        if source and self._open is None:  # not in the midst of a stroke, nor of erasing
            target.append((self._strokes, self._picture))
            self._strokes, self._picture = source.pop()
            self._tell(settled=True)

    def _remember(self) -> None:
        self._done.append((list(self._strokes), self._picture))
        del self._done[:-_MOST_UNDO]
        self._undone.clear()

    def _current(self) -> InkStroke:
        assert self._open is not None
        pressure = sum(self._pressures) / len(self._pressures) if self._pressures else 1.0
        return InkStroke(tuple(self._open), self.pen_width * pressure)

    def _tell(self, *, settled: bool) -> None:
        self._describe()
        self.update()
        self.history_changed.emit(bool(self._done), bool(self._undone))
        self.changed.emit()
        if settled:
            self.settled.emit()

    def _describe(self) -> None:
        count = len(self._strokes)
        what = "a picture" if self._picture else "empty" if not count else f"{count} strokes"
        self.setAccessibleDescription(f"{what}; arrows move the pen, Space puts it down or lifts it, Delete clears")

    # -- the pen --------------------------------------------------------------
    def _begin(self, place: QPointF, pressure: float = 1.0, *, by_keys: bool = False) -> None:
        self._by_keys = by_keys
        self._remember()
        self._picture = None
        self._open, self._pressures = [], []
        self._move(place, pressure)

    def _move(self, place: QPointF, pressure: float = 1.0) -> None:
        if self._open is None:
            return
        x, y = min(max(place.x(), 0.0), SIDE), min(max(place.y(), 0.0), SIDE)
        if self.erasing:
            self._strokes = erased(self._strokes, x, y, self.pen_width / 2)
        elif not self._open or math.dist(self._open[-1], (x, y)) >= 1.0:
            self._open.append((x, y))
            self._pressures.append(pressure)
        self.update()
        self.changed.emit()

    def _end(self) -> None:
        if self._open is None:
            return
        if self._open and not self.erasing:
            self._strokes.append(self._current())
        self._open = None
        self._tell(settled=True)

    def _to_pad(self, place: QPointF) -> QPointF:
        box = self._box()
        return QPointF((place.x() - box.x()) * SIDE / box.width(), (place.y() - box.y()) * SIDE / box.height())

    def _box(self) -> QRectF:
        side = float(min(self.width(), self.height()))
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    # -- what the hand does -----------------------------------------------------
    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        _every_move(True)  # a press is too late: the moves after it may wait behind it already

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        _every_move(False)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._open is None:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._begin(self._to_pad(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._move(self._to_pad(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and not self._key_down:
            self._end()

    def tabletEvent(self, event: QTabletEvent) -> None:
        place, pressure = self._to_pad(event.position()), 0.4 + 0.9 * event.pressure()
        if event.type() == QEvent.Type.TabletPress:
            self._begin(place, pressure)
        elif event.type() == QEvent.Type.TabletMove:
            self._move(place, pressure)
        elif event.type() == QEvent.Type.TabletRelease:
            self._end()
        event.accept()

    def event(self, event: QEvent) -> bool:
        touch = isinstance(event, QTouchEvent) and bool(event.points())
        if touch and event.type() in (QEvent.Type.TouchBegin, QEvent.Type.TouchUpdate, QEvent.Type.TouchEnd):
            assert isinstance(event, QTouchEvent)
            place = self._to_pad(event.points()[0].position())
            if event.type() == QEvent.Type.TouchBegin:
                self._begin(place)
            else:
                self._move(place)
            if event.type() == QEvent.Type.TouchEnd:
                self._end()
            event.accept()
            return True
        if event.type() == QEvent.Type.TouchCancel:  # the system took the finger over: no stroke may stay open
            self._end()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _KEY_STRIDE if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else _KEY_STEP
        moves = {
            Qt.Key.Key_Left: (-step, 0.0),
            Qt.Key.Key_Right: (step, 0.0),
            Qt.Key.Key_Up: (0.0, -step),
            Qt.Key.Key_Down: (0.0, step),
        }
        key = Qt.Key(event.key())
        if key in moves:
            across, down = moves[key]
            self._key_pen = QPointF(
                min(max(self._key_pen.x() + across, 0), SIDE), min(max(self._key_pen.y() + down, 0), SIDE)
            )
            if self._key_down:
                self._move(self._key_pen)
            self._by_keys = True
            self.update()
        elif key == Qt.Key.Key_Space:
            if self._key_down:
                self._key_down = False
                self._end()
            else:
                self._key_down = True
                self._begin(self._key_pen, by_keys=True)
        elif key == Qt.Key.Key_Delete:
            self.clear()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._by_keys = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        if self._key_down:
            self._key_down = False
            self._end()
        super().focusOutEvent(event)
        self.update()

    def dragEnterEvent(self, event: object) -> None:
        mime = event.mimeData()  # type: ignore[attr-defined]
        if mime.hasImage() or any(url.isLocalFile() for url in mime.urls()):
            event.acceptProposedAction()  # type: ignore[attr-defined]

    def dropEvent(self, event: object) -> None:
        mime = event.mimeData()  # type: ignore[attr-defined]
        files = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
        self.picture_dropped.emit(files[0] if files else mime.imageData())

    # -- painting ---------------------------------------------------------------
    def sizeHint(self) -> QSize:
        return QSize(SIDE, SIDE)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return width

    def paintEvent(self, event: QPaintEvent) -> None:
        paper = load("dark")  # ink is white on black in both themes, as the model sees it
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self._box().adjusted(1, 1, -1, -1)
        focused = self.hasFocus()
        painter.setPen(QPen(theme().color("focus" if focused else "border_strong"), 2 if focused else 1))
        painter.setBrush(QColor(paper.bg))
        painter.drawRoundedRect(box, Radius.CONTROL, Radius.CONTROL)
        painter.translate(box.topLeft())
        painter.scale(box.width() / SIDE, box.height() / SIDE)
        guide = QPen(QColor(paper.border), 1, Qt.PenStyle.DashLine)
        guide.setCosmetic(True)
        painter.setPen(guide)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(40, 40, 200, 200), 4, 4)
        ink = QColor(paper.text)
        if self._picture:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            fitted = self._picture.size().scaled(QSize(SIDE - 16, SIDE - 16), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF((SIDE - fitted.width()) / 2, (SIDE - fitted.height()) / 2, fitted.width(), fitted.height())
            painter.drawImage(place, self._picture)
        elif not self._strokes and not self._open:
            painter.setPen(QColor(paper.text2))
            painter.setFont(font("body"))
            painter.drawText(QRectF(0, 0, SIDE, SIDE), Qt.AlignmentFlag.AlignCenter, "Draw a digit here")
        for stroke in self.strokes:
            painter.setPen(
                QPen(ink, stroke.width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
            )
            points = [QPointF(x, y) for x, y in stroke.points]
            if len(points) == 1:
                painter.drawPoint(points[0])
            else:
                painter.drawPolyline(QPolygonF(points))
        if focused and self._by_keys:
            painter.setPen(QPen(theme().color("focus"), 2))
            painter.setBrush(theme().color("focus") if self._key_down else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(self._key_pen, 5, 5)


def erased(strokes: list[InkStroke], x: float, y: float, radius: float) -> list[InkStroke]:
    """The strokes without what lies within ``radius`` of (x, y); one cut in the middle becomes two."""
    kept: list[InkStroke] = []
    for stroke in strokes:
        reach = radius + stroke.width / 2
        if not any(math.dist(point, (x, y)) <= reach for point in _close_together(stroke.points)):
            kept.append(stroke)
            continue
        piece: list[tuple[float, float]] = []
        for point in _close_together(stroke.points):
            if math.dist(point, (x, y)) > reach:
                piece.append(point)
            else:
                if len(piece) > 1:
                    kept.append(InkStroke(tuple(piece), stroke.width))
                piece = []
        if len(piece) > 1:
            kept.append(InkStroke(tuple(piece), stroke.width))
    return kept


def _close_together(points: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """The path with points at most 2 units apart, so that the eraser bites where it touches."""
    dense = list(points[:1])
    for x, y in points[1:]:
        from_x, from_y = dense[-1]
        steps = max(1, math.ceil(math.dist((from_x, from_y), (x, y)) / 2))
        dense.extend(
            (from_x + (x - from_x) * step / steps, from_y + (y - from_y) * step / steps) for step in range(1, steps + 1)
        )
    return dense
