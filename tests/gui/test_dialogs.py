"""Every dialog on a hard day: a name on everything, no words cut, all of it reached by Tab, and no higher than a small window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtWidgets import QLineEdit, QMainWindow, QWidget

import gui
from gui.parts.dialogs import Dialog
from gui.parts.layout import column
from gui.parts.words import Label
from gui.shell.settings_dialog import SettingsDialog
from gui.shell.trouble import TroublePanel
from tests.gui.every_dialog import MAKERS, all_kinds
from tests.gui.test_names import clipped, nameless
from tests.gui.test_tab_key import lost

KEPT = (SettingsDialog, TroublePanel)
"""Shown again by the window; all others are gone once closed."""


@pytest.fixture
def small(qtbot) -> QMainWindow:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(1024, 700)
    window.show()
    return window


@pytest.fixture
def opened(qtbot, small: QMainWindow, tmp_path: Path) -> Iterator[Callable[[type[Dialog]], Dialog]]:
    made: list[Dialog] = []

    def make(kind: type[Dialog]) -> Dialog:
        dialog = MAKERS[kind](small, tmp_path)
        made.append(dialog)
        dialog.open()
        qtbot.waitUntil(lambda: dialog.isVisible() and dialog.focusWidget() is not None)
        qtbot.wait(20)  # what it asked of its layout has come by then
        return dialog

    yield make
    for dialog in filter(shiboken6.isValid, made):
        dialog.reject()
        shiboken6.delete(dialog)


def test_none_is_forgotten() -> None:
    assert set(MAKERS) == all_kinds()
    root = Path(str(gui.__file__)).parent
    texts = {str(file.relative_to(root)): file.read_text() for file in root.rglob("*.py")}
    strangers = [name for name, text in texts.items() if "QInputDialog" in text or "QMessageBox" in text]
    assert not strangers, "these are not in the window's look, and not among its dialogs"


@pytest.mark.parametrize("kind", MAKERS, ids=lambda kind: f"{kind.__module__.split('.')[-2]}.{kind.__name__}")
def test_every_dialog_on_a_hard_day(qtbot, opened, small: QMainWindow, kind: type[Dialog]) -> None:
    dialog = opened(kind)
    assert nameless(dialog) == []
    assert clipped(dialog) == []
    assert lost(dialog) == [] and lost(dialog, back=True) == []
    assert dialog.height() <= small.height() and dialog.width() <= small.width()
    dialog.reject()
    if kind not in KEPT:
        qtbot.waitUntil(lambda: not shiboken6.isValid(dialog))


def test_what_has_no_room_scrolls_and_the_keys_stay(qtbot, small: QMainWindow) -> None:
    dialog = Dialog("Much", "Do", small)
    first = QLineEdit()
    dialog.body.addWidget(first)
    more = QWidget()
    more.setLayout(column(*(Label(f"line {number}") for number in range(60))))
    more.hide()
    dialog.body.addWidget(more)
    dialog.open()
    qtbot.waitUntil(lambda: dialog.focusWidget() is first)
    was = dialog.height()
    more.show()  # an answer came
    qtbot.waitUntil(lambda: dialog.height() == small.height())
    assert was < small.height()
    qtbot.waitUntil(lambda: dialog.focusWidget() is first and first.isVisible() and more.isVisible())
    dialog.reject()


def test_what_came_later_has_its_height(qtbot, small: QMainWindow) -> None:
    dialog = Dialog("A fault", "Do", small)
    why = Label("", wrap=True)
    dialog.body.addWidget(why)
    dialog.open()
    why.setText("It cannot be done, and there is much to say about it. " * 12)
    qtbot.waitUntil(lambda: why.height() >= why.heightForWidth(why.width()))
    dialog.reject()
