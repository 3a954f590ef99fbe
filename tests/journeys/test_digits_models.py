"""Another loads a set, trains, explores and predicts, by mouse and keys."""

from __future__ import annotations

from pathlib import Path

import shiboken6

from core.digits.datasets import save_csv
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.digits.ask_dialogs import DataDialog, PredictDialog
from gui.tabs.digits.dataset_dialog import DatasetDialog
from gui.tabs.digits.view import DigitsView
from tests.core.digits.small_data import digits
from tests.journeys.digits_page import choose, console, hand, start_training, train, view_of
from tests.journeys.hand import Hand, Heartbeat, opened


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
    hand.key("ctrl+a")
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
