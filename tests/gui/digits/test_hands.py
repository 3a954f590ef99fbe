"""Other hands than the mouse: a pressure pen, a finger, a dropped file or picture. (Keys and pasting: the journeys.)"""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QInputDevice,
    QPointingDevice,
    QTabletEvent,
)
from PySide6.QtTest import QTest

from gui.parts.ink_pad import InkPad

PEN = QPointingDevice(
    "pen",
    7,
    QInputDevice.DeviceType.Stylus,
    QPointingDevice.PointerType.Pen,
    QInputDevice.Capability.Position | QInputDevice.Capability.Pressure,
    1,
    2,
)


@pytest.fixture
def pad(qtbot) -> InkPad:
    made = InkPad()
    made.resize(280, 280)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def pen(pad: InkPad, kind: QEvent.Type, x: float, y: float, pressure: float) -> None:
    place = QPointF(x, y)
    button = Qt.MouseButton.LeftButton if kind != QEvent.Type.TabletMove else Qt.MouseButton.NoButton
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.TabletRelease else Qt.MouseButton.LeftButton
    event = QTabletEvent(
        kind, PEN, place, QPointF(pad.mapToGlobal(place)), pressure, 0, 0, 0, 0, 0, Qt.KeyboardModifier.NoModifier, button, held
    )  # fmt: skip
    QGuiApplication.sendEvent(pad, event)
    assert event.isAccepted()  # else Qt would send mouse events as well, and draw the stroke twice


def pen_stroke(pad: InkPad, pressure: float) -> float:
    """The width of a stroke drawn with that pressure."""
    pen(pad, QEvent.Type.TabletPress, 50, 50, pressure)
    for step in range(1, 6):
        pen(pad, QEvent.Type.TabletMove, 50 + 20 * step, 50 + 10 * step, pressure)
    pen(pad, QEvent.Type.TabletRelease, 150, 100, 0.0)
    assert not pad.drawing
    stroke = pad.strokes[-1]
    assert stroke.points[0] == (50, 50) and stroke.points[-1] == (150, 100)
    return stroke.width


def test_a_pen_presses(pad: InkPad) -> None:
    light, firm = pen_stroke(pad, 0.1), pen_stroke(pad, 1.0)
    assert len(pad.strokes) == 2
    assert firm > 1.8 * light
    assert light < pad.pen_width < firm


def test_a_finger_draws(pad: InkPad) -> None:
    screen = QTest.createTouchDevice()
    touch = QTest.touchEvent(pad, screen)
    touch.press(0, QPoint(60, 60), pad).commit()
    assert pad.drawing
    touch.move(0, QPoint(120, 120), pad).commit()
    touch.release(0, QPoint(180, 120), pad).commit()
    (stroke,) = pad.strokes
    assert not pad.drawing
    assert stroke.points[0] == (60, 60) and stroke.points[-1] == (180, 120)


def test_a_second_finger_neither_draws_nor_ends_the_stroke(pad: InkPad) -> None:
    screen = QTest.createTouchDevice()
    touch = QTest.touchEvent(pad, screen)
    touch.press(0, QPoint(60, 60), pad).commit()
    touch.stationary(0).press(1, QPoint(200, 200), pad).commit()
    touch.move(0, QPoint(90, 90), pad).stationary(1).commit()
    touch.release(0, QPoint(100, 100), pad).release(1, QPoint(200, 200), pad).commit()
    (stroke,) = pad.strokes
    assert max(x for x, _ in stroke.points) <= 100


def test_a_touch_that_the_system_takes_over_ends(pad: InkPad) -> None:
    screen = QTest.createTouchDevice()
    touch = QTest.touchEvent(pad, screen)
    touch.press(0, QPoint(60, 60), pad).commit()
    QGuiApplication.sendEvent(pad, QEvent(QEvent.Type.TouchCancel))
    assert not pad.drawing


def dropped(pad: InkPad, mime: QMimeData) -> bool:
    """Whether the pad took what was dropped on it."""
    here = QPoint(100, 100)
    button, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(here, Qt.DropAction.CopyAction, mime, button, keys)
    enter.ignore()
    QGuiApplication.sendEvent(pad, enter)
    if not enter.isAccepted():
        return False
    QGuiApplication.sendEvent(pad, QDropEvent(QPointF(here), Qt.DropAction.CopyAction, mime, button, keys))
    return True


def test_a_picture_or_a_file_is_dropped(qtbot, pad: InkPad, tmp_path: Path) -> None:
    taken: list[object] = []
    pad.picture_dropped.connect(taken.append)
    image = QImage(40, 30, QImage.Format.Format_Grayscale8)
    image.fill(200)
    picture = QMimeData()
    picture.setImageData(image)
    assert dropped(pad, picture)
    assert isinstance(taken[0], QImage) and taken[0].size() == image.size()
    place = tmp_path / "a digit.png"
    image.save(str(place))
    file = QMimeData()
    file.setUrls([QUrl.fromLocalFile(str(place))])
    assert dropped(pad, file)
    assert taken[1] == str(place)
    words = QMimeData()
    words.setText("seven")
    assert not dropped(pad, words)
    elsewhere = QMimeData()
    elsewhere.setUrls([QUrl("https://example.org/digit.png")])
    assert not dropped(pad, elsewhere)
    assert len(taken) == 2
