"""A person draws, corrects and retrains, by mouse and by keys."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPen, QPolygonF

from core.digits.datasets import save_csv
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.digits.samples_dialog import SamplesDialog
from tests.core.digits.small_data import digits
from tests.journeys.digits_page import choose, console, draw, hand, train, view_of
from tests.journeys.hand import Hand, Heartbeat


def test_draw_correct_retrain(console, hand: Hand, tmp_path: Path) -> None:
    save_csv(digits(120), tmp_path / "train.csv")  # on the window's thread: before its heart is listened to
    view, beat = view_of(hand), Heartbeat()
    assert view.answer.hero.text() == ""  # an empty pad says nothing
    draw(hand, 7)
    hand.wait_until(lambda: view.answer.hero.text() == "7", "the seven is read")
    hand.wait_until(lambda: view.answer.sure.text().endswith("confident"), "the pen is up, and it is sure")
    assert view.answer.bars.shares[7] > 0.9
    assert view.answer.seen.image is not None
    hand.key("ctrl+z")
    hand.wait_until(lambda: view.answer.hero.text() == "", "undo empties the pad")
    hand.key("ctrl+shift+z")
    hand.wait_until(lambda: view.answer.hero.text() == "7", "redo brings it back")
    hand.click(view.draw.clear)
    draw(hand, 4)
    hand.wait_until(lambda: view.answer.hero.text() == "4", "the four is read")
    choose(hand, view.answer.digit_choice, "9")  # "that was a 9"
    hand.click(view.answer.name_it)
    hand.wait_until(lambda: view.answer.samples.text() == "My samples (1)", "the sample is kept")
    hand.wait_until(lambda: view.answer.hero.text() == "", "the pad is empty again")
    (sample,) = console.window.desk.digits.samples.list()
    assert (sample.label, sample.answered, len(sample.strokes)) == (9, 4, 2)
    train(hand, tmp_path / "train.csv", "Multinomial")
    model = view.models._rows[1]
    assert model.state == "ready" and model.rows == 101  # 12 of each digit, 2 held out; and the sample
    table = view.models.table
    hand.click(table.viewport(), table.visualItemRect(table.item(1, 0)).center(), double=True)  # use it for drawing
    hand.wait_until(lambda: view.models._rows[1].state == "in use", "the new model is in use")
    draw(hand, 1)
    hand.wait_until(lambda: view.answer.bars.shares != [], "the new model answers")
    assert console.window.desk.digits.live.wanted == model.id
    hand.click(view.answer.samples)
    samples = hand.dialog(SamplesDialog)
    assert isinstance(samples, SamplesDialog)
    hand.wait_until(lambda: samples.count.text() == "1 of 1", "the sample is shown")
    hand.click(samples.gallery.viewport(), samples.gallery.item_box(0).center())
    hand.click(samples.remove)
    question = hand.dialog(ConfirmDialog)
    assert isinstance(question, ConfirmDialog)
    assert question.accept_button.text() == "Delete 1 sample"
    hand.click(question.accept_button)
    hand.wait_until(lambda: samples.count.text() == "0 of 0", "it is deleted")
    hand.key("Escape")
    hand.wait_until(lambda: view.answer.samples.text() == "My samples (0)", "and counted")
    console.window.desk.digits.live.close()
    print(beat.stop())


def test_a_quick_stroke_keeps_its_corner_and_a_dot_is_too_little(console, hand: Hand) -> None:
    view = view_of(hand)
    pad = view.draw.pad
    hand.click(view.draw.clear)
    scale = pad.width() / 280
    hand.flick(pad, [QPoint(round(x * scale), round(y * scale)) for x, y in ((70, 78), (205, 78), (138, 238))])
    hand.wait_until(lambda: view.answer.hero.text() == "7", "the quick seven is read")
    assert any(abs(x - 205) < 4 and abs(y - 78) < 4 for stroke in pad.strokes for x, y in stroke.points)
    hand.click(view.draw.clear)
    hand.click(pad)
    hand.wait_until(lambda: view.answer.sure.text() == "Too little ink to tell", "a dot is no digit, and not nothing")
    hand.click(view.draw.clear)
    hand.wait_until(lambda: view.answer.sure.text() == "Nothing drawn yet", "the pad is empty")


def test_by_keys_alone_and_from_the_clipboard(console, hand: Hand) -> None:
    view = view_of(hand)
    hand.click(view.draw.clear)
    view.draw.pad.setFocus()
    for _ in range(5):  # from the middle of the pad up, then a stroke down: a one
        hand.key("shift+Up")
    hand.key("space")
    for _ in range(10):
        hand.key("shift+Down")
    hand.key("space")
    hand.wait_until(lambda: view.answer.hero.text() == "1", "the one is read")
    hand.key("Delete")
    hand.wait_until(lambda: view.answer.hero.text() == "", "the pad is empty")
    hand.key("ctrl+k")
    hand.pause(0.4)
    hand.type("plain 5")
    hand.pause(0.3)
    hand.key("Return")
    hand.wait_until(lambda: view.answer.hero.text() == "5", "a sample is loaded by keys and read")
    view.draw.pad.setFocus()
    hand.key("Delete")
    # a photo of a seven: dark on grey paper, wide, off the middle
    photo = QImage(640, 480, QImage.Format.Format_Grayscale8)
    photo.fill(190)
    painter = QPainter(photo)
    painter.setPen(
        QPen(QColor(40, 40, 40), 14, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    )
    painter.drawPolyline(QPolygonF([QPointF(380, 90), QPointF(520, 80), QPointF(470, 200), QPointF(440, 300)]))
    painter.end()
    QGuiApplication.clipboard().setImage(photo)
    hand.key("ctrl+v")
    hand.wait_until(lambda: view.answer.hero.text() == "7", "the pasted seven is read")
    hand.key("Delete")
    hand.wait_until(lambda: view.answer.hero.text() == "", "it is cleared")
    hand.key("ctrl+z")
    hand.wait_until(lambda: view.answer.hero.text() == "7", "undo brings the picture back, and it is read")
    photo.fill(190)
    QGuiApplication.clipboard().setImage(photo)
    hand.key("ctrl+v")
    hand.wait_until(
        lambda: view.answer.sure.text() == "There is nothing on this picture", "blank paper is said to be blank"
    )
    assert view.draw.live.text() == "Live"
    QGuiApplication.clipboard().setText("no picture")
    hand.key("ctrl+v")
    hand.wait_until(lambda: "no picture in the clipboard" in view.answer.sure.text(), "it says so")
