"""A person draws, corrects and retrains; another loads a set, trains, explores and predicts: by mouse and keys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QComboBox

from core.digits.datasets import save_csv
from core.digits.plain_digits import plain_digit
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.digits.ask_dialogs import DataDialog, PredictDialog
from gui.tabs.digits.dataset_dialog import DatasetDialog
from gui.tabs.digits.samples_dialog import SamplesDialog
from gui.tabs.digits.train_dialog import TrainDialog
from gui.tabs.digits.view import DigitsView
from tests.core.digits.small_data import digits
from tests.journeys.hand import Hand, Heartbeat, opened


@pytest.fixture
def console(home, qapp):
    with opened("env", (1440, 900)) as made:
        yield made


@pytest.fixture
def hand(console) -> Hand:
    made = Hand(console.window)
    made.wait_until(console.window.isActiveWindow, "the window is in front")
    made.wait_until(lambda: console.window.findChildren(DigitsView), "the Digits page")
    # a click on a page that still arranges itself hits what was there before
    made.wait_until(lambda: view_of(made).explore.overview is not None, "the shipped model's figures are shown")
    made.pause(0.2)
    return made


def view_of(hand: Hand) -> DigitsView:
    return hand.window.findChildren(DigitsView)[0]


def draw(hand: Hand, digit: int) -> None:
    """Draw with the mouse, stroke by stroke."""
    pad = view_of(hand).draw.pad
    scale = min(pad.width(), pad.height()) / 280
    left, top = (pad.width() - 280 * scale) / 2, (pad.height() - 280 * scale) / 2
    for stroke in plain_digit(digit):
        points = stroke.points[:: max(1, len(stroke.points) // 14)]
        points = np.concatenate([points, stroke.points[-1:]])
        hand.drag(pad, [QPoint(round(left + x * scale), round(top + y * scale)) for x, y in points.tolist()])


def choose(hand: Hand, box: QComboBox, words: str) -> None:
    """Open a list of choices, type how the wanted one begins, and take it."""
    hand.click(box)
    hand.wait_until(box.view().isVisible, "the list is open")
    hand.type(words)
    hand.key("Return")
    hand.wait_until(lambda: box.currentText().startswith(words), f"{words} is chosen")


def train(hand: Hand, data: Path, algorithm: str) -> None:
    before = len(view_of(hand).models._rows)
    start_training(hand, data, algorithm)
    models = view_of(hand).models
    hand.wait_until(
        lambda: len(models._rows) > before and all(row.state != "training" for row in models._rows),
        "the model is trained",
        90,
    )


def start_training(hand: Hand, data: Path, algorithm: str) -> None:
    hand.click(view_of(hand).models.train)
    dialog = hand.dialog(TrainDialog)
    assert isinstance(dialog, TrainDialog)
    hand.wait_until(dialog.isActiveWindow, "the dialog is in front")
    hand.pause(0.3)
    hand.click(dialog.data.edit)
    hand.wait_until(dialog.data.edit.hasFocus, "the field has the keys")
    if dialog.data.path != str(data):  # the set used last stands there already
        hand.key("ctrl+a")
        hand.type(str(data))
    hand.wait_until(lambda: dialog.data.path == str(data), "the path is typed")
    choose(hand, dialog.algorithm, algorithm)
    hand.pause(0.5)  # the dialog takes its new size
    hand.click(dialog.accept_button)
    hand.wait_until(lambda: not (shiboken6.isValid(dialog) and dialog.isVisible()), "the dialog closes")


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


def test_load_train_explore_predict(console, hand: Hand, tmp_path: Path) -> None:
    save_csv(digits(200), tmp_path / "train.csv")  # on the window's thread: before its heart is listened to
    fresh = digits(20, seed=5)
    save_csv(type(fresh)(fresh.name, fresh.images, None), tmp_path / "test.csv")
    view, beat = view_of(hand), Heartbeat()
    explore = view.explore
    hand.key("ctrl+o")  # first a look at what is in it
    opening = hand.dialog(DataDialog)
    assert isinstance(opening, DataDialog)
    hand.click(opening.data.edit)
    hand.type(str(tmp_path / "train.csv"))
    hand.click(opening.accept_button)
    looked = hand.dialog(DatasetDialog)
    assert isinstance(looked, DatasetDialog)
    assert looked.counts.text().startswith("0: 20   1: 20") and len(looked._shown) == 200
    choose(hand, looked.filter, "Digit 7 (20)")
    assert {thumb.true for thumb in looked._shown} == {7}
    hand.click(looked.gallery.viewport(), looked.gallery.item_box(0).center(), double=True)
    hand.wait_until(lambda: view.answer.hero.text() == "7", "it is opened on the pad and read")
    train(hand, tmp_path / "train.csv", "k-nearest")
    hand.wait_until(lambda: explore.overview is not None and explore.overview.has_pictures, "its figures are shown")
    assert explore.overview is not None and explore.overview.count == 40
    hand.pause(0.5)  # the card takes its new shape
    hand.click(explore.heat, explore.heat.cell_centre(3, 3).toPoint())
    hand.wait_until(lambda: len(explore._thumbs) > 0, "the digits of the cell are shown")
    assert all(thumb.true == 3 and thumb.answered == 3 for thumb in explore._thumbs)
    box = explore.gallery.item_box(0)
    hand.click(explore.gallery.viewport(), box.center(), double=True)
    hand.wait_until(lambda: view.answer.hero.text() != "", "the picture is opened on the pad and read")
    for word in ("Calibration", "Coverage", "Published", "Per digit", "Matrix"):
        hand.click(hand.button(f"What to look at: {word}", explore))
    hand.click(view.models.predict)
    dialog = hand.dialog(PredictDialog)
    assert isinstance(dialog, PredictDialog)
    hand.click(dialog.data.edit)
    hand.type(str(tmp_path / "test.csv"))
    hand.click(dialog.submission.edit)
    hand.type(str(tmp_path / "submission.csv"))
    hand.click(dialog.accept_button)
    hand.wait_until((tmp_path / "submission.csv").exists, "the submission is written", 60)
    lines = (tmp_path / "submission.csv").read_text().splitlines()
    assert lines[0] == "ImageId,Label" and len(lines) == 21
    right = [int(line.split(",")[1]) for line in lines[1:]] == fresh.labelled().tolist()
    assert right
    print(beat.stop())


def test_closing_asks_while_a_model_is_trained(console, hand: Hand, tmp_path: Path) -> None:
    save_csv(digits(2_000), tmp_path / "train.csv")
    models = view_of(hand).models
    start_training(hand, tmp_path / "train.csv", "Gradient")
    hand.wait_until(lambda: models._rows and models._rows[0].state == "training", "the training is under way")
    hand.key("alt+F4")
    dialog = hand.dialog(ConfirmDialog)
    assert isinstance(dialog, ConfirmDialog)
    hand.key("Escape")
    hand.wait_until(lambda: not (shiboken6.isValid(dialog) and dialog.isVisible()), "the question is gone")
    assert console.window.isVisible() and models._rows[0].state == "training"
    hand.key("ctrl+period")
    hand.wait_until(lambda: all(row.state != "training" for row in models._rows), "the training is given up")
    assert list((console.places.state / "digits" / "models").glob("*.model")) == []


def test_a_past_evaluation_is_explored_after_a_restart(home, qapp, tmp_path: Path) -> None:
    """Evaluated by a verb some other day: in the window, the pictures behind each cell are there to be looked at."""
    from core.cli.arguments import parse
    from core.cli.run import run_verb

    save_csv(digits(60), tmp_path / "train.csv")
    assert run_verb(parse(["digits", "evaluate", "--model", "default", "--data", str(tmp_path / "train.csv")])) == 0
    with opened("env", (1440, 900)) as console:
        hand = Hand(console.window)
        hand.wait_until(lambda: console.window.findChildren(DigitsView), "the Digits page")
        explore = view_of(hand).explore
        hand.wait_until(lambda: explore.overview and explore.overview.has_pictures, "the evaluation is recalled")
        assert explore.overview is not None and explore.overview.count == 60
        hand.wait_until(console.window.isActiveWindow, "the window is in front")
        hand.pause(0.5)
        hand.click(explore.heat, explore.heat.cell_centre(3, 3).toPoint())
        hand.wait_until(lambda: len(explore._thumbs) > 0, "the digits of the cell are shown")
        assert len(explore._thumbs) == explore.overview.confusion[3][3] > 0
        assert all(thumb.true == thumb.answered == 3 for thumb in explore._thumbs)
        assert explore._thumbs[0].picture in {image.tobytes() for image in digits(60).images}


def test_a_model_that_cannot_be_opened_says_so(home, qapp) -> None:
    folder = home.state / "digits" / "models"
    folder.mkdir(parents=True)
    (folder / "evil.model").write_bytes(b"\x80\x04 a pickle")
    with opened("env") as console:
        hand = Hand(console.window)
        hand.wait_until(lambda: console.window.findChildren(DigitsView), "the Digits page")
        view = view_of(hand)
        hand.wait_until(lambda: any(row.state == "damaged" for row in view.models._rows), "the damaged model is listed")
        damaged = next(row for row in view.models._rows if row.state == "damaged")
        assert "pickle" in damaged.why
