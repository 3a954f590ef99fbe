"""The palette knows what a page can do before it was opened, and does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

from core.base.places import Places
from gui.app import TABS, Console
from gui.tabs.digits.train_dialog import TrainDialog


@pytest.fixture
def console(qtbot, home: Places, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody is there, and nobody is needed
    made = Console("env")
    made.window.show()
    yield made
    for dialog in made.window.findChildren(TrainDialog):
        dialog.close()
    made.window.close()
    qtbot.waitUntil(lambda: not made.jobs.running())
    assert made.close() == []
    shiboken6.delete(made.window)


def test_a_command_of_a_page_that_was_never_opened_is_found_and_run(qtbot, console: Console) -> None:
    window = console.window
    window.go("edge")
    window.palette_box.open()
    qtbot.keyClicks(window.palette_box.edit, "train model")
    assert window.palette_box.list.count() == 1
    qtbot.keyClick(window.palette_box.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: any(isinstance(w, TrainDialog) and w.isVisible() for w in QApplication.allWidgets()))
    assert window.commands.room == "digits"


def test_a_command_is_found_by_the_verb_it_has_elsewhere_behind_those_named_so(qtbot, console: Console) -> None:
    window = console.window
    window.commands.add("edge.replay", "Send it again", lambda: None, room="edge")
    window.commands.add("edge.zz", "Replay a check", lambda: None, room="edge")
    window.palette_box.open()
    qtbot.keyClicks(window.palette_box.edit, "edge replay")
    found = [window.palette_box.list.item(row).data(Qt.ItemDataRole.UserRole).id for row in range(2)]
    assert found == ["edge.zz", "edge.replay"] and window.palette_box.list.count() == 2
    window.commands.add("edge.a", "Cancel the replay", lambda: None, room="edge")
    window.palette_box.edit.setText("replay")
    found = [window.palette_box.list.item(row).data(Qt.ItemDataRole.UserRole).id for row in range(3)]
    assert found == ["edge.zz", "edge.a", "edge.replay"]


def test_what_is_promised_is_what_the_pages_can_do(qtbot, console: Console) -> None:
    window = console.window
    for tab in TABS:
        window.go(tab.id)
        for command_id, title, icon in tab.commands():
            qtbot.waitUntil(lambda wanted=command_id: wanted in window.commands._commands)
            command = window.commands._commands[command_id]
            assert (command.title, command.icon, command.room) == (title, icon, tab.id)


def test_going_elsewhere_calls_it_off(qtbot, console: Console) -> None:
    window, ran = console.window, []
    window.go("digits")
    window.commands.promise("digits.later", "Later", room="digits", icon="plus")
    window.commands._promised["digits.later"].action.trigger()
    window.go("edge")
    window.commands.add("digits.later", "Later", lambda: ran.append(1), room="digits")
    qtbot.wait(50)
    assert ran == []


def test_a_line_of_the_palette_is_painted_and_costs_no_widget(qtbot, console: Console) -> None:
    palette = console.window.palette_box
    palette.open()
    assert palette.list.count() > 20
    assert palette.list.viewport().findChildren(QWidget) == []
    palette.list.grab()  # what goes wrong in painting would be raised
    plain = palette.list.grab().toImage()
    command = console.window.commands.all()[0]
    palette.list.item(0).setData(Qt.ItemDataRole.UserRole, replace(command, title=f"{command.title} and more"))
    assert palette.list.grab().toImage() != plain
