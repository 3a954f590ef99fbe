"""The Digits page in a journey: the window on it, and what hands do there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QComboBox

from core.digits.plain_digits import plain_digit
from gui.tabs.digits.train_dialog import TrainDialog
from gui.tabs.digits.view import DigitsView
from tests.journeys.hand import Hand, opened


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
