"""An account is added, changed and removed in the window, with nothing else than the hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMenu

from core.base.places import Places
from core.settings.profiles import Profiles
from gui.app import Console
from gui.parts.dialogs import ConfirmDialog
from gui.shell.profile_dialog import ProfileDialog
from tests.fakes.sts import sts
from tests.gui.test_bad_input import EVERY_PAGE, opened_page, profile_at
from tests.gui.test_bad_input import console as console_of
from tests.gui.test_names import clipped


@pytest.fixture
def console(qtbot, home: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    (tmp_path / "aws").write_text("[profile acme-sso]\nregion = eu-west-1\n[default]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    made = Console("env")
    made.window.show()
    made.window.go("edge")  # it asks nobody
    yield made
    made.window.close()
    qtbot.waitUntil(lambda: not made.jobs.running())
    assert made.close() == []
    shiboken6.delete(made.window)


def shown(qtbot, kind: type[Any]) -> Any:
    found = lambda: [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]  # noqa: E731
    qtbot.waitUntil(lambda: len(found()) == 1)
    return found()[0]


def picked(qtbot, console: Console, words: str) -> None:
    qtbot.mouseClick(console.window.rail.profile, Qt.MouseButton.LeftButton)
    menu = shown(qtbot, QMenu)
    action = next(action for action in menu.actions() if words in action.text())
    menu.close()
    action.trigger()


def test_a_new_account_is_opened_changed_and_forgotten(qtbot, home: Places, console: Console) -> None:
    window = console.window
    picked(qtbot, console, "New profile")
    dialog = shown(qtbot, ProfileDialog)
    qtbot.waitUntil(lambda: dialog.aws_profile.findText("acme-sso") >= 0)
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.name.note.text() == "A profile needs a name")
    assert dialog.isVisible()
    qtbot.keyClicks(dialog.name.widget, "acme")
    qtbot.keyClicks(dialog.endpoint.widget, "127.0.0.1:9")
    qtbot.keyClicks(dialog.ca_file.widget, "/nowhere/no.pem")
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "begins with https://" in dialog.endpoint.note.text())
    assert dialog.ca_file.note.text() == "There is no such file"
    dialog.endpoint.widget.setText("http://127.0.0.1:9")
    dialog.ca_file.widget.clear()
    dialog.aws_profile.setCurrentText("acme-sso")
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.desk.profile.name == "acme")
    kept = Profiles(home.config / "profiles.toml").get("acme")
    assert (kept.aws_profile, kept.environment, kept.endpoints) == (
        "acme-sso",
        "production",
        {"default": "http://127.0.0.1:9"},
    )
    assert window.guard.locked

    picked(qtbot, console, "Edit acme")
    dialog = shown(qtbot, ProfileDialog)
    assert not dialog.name.widget.isEnabled()
    dialog.environment.setCurrentIndex(dialog.environment.findData("staging"))
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.desk.profile.environment == "staging")
    assert not window.guard.locked

    picked(qtbot, console, "Remove acme")
    confirm = shown(qtbot, ConfirmDialog)
    qtbot.mouseClick(confirm.accept_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "acme" not in Profiles(home.config / "profiles.toml").names())
    qtbot.waitUntil(lambda: window.desk.profile.name == "sandbox")


def test_a_name_that_is_taken_or_makes_no_sense_is_told_in_the_dialog(qtbot, console: Console) -> None:
    for name, why in (("sandbox", "There is a profile sandbox already"), ("a b/c", "is no name for a profile")):
        picked(qtbot, console, "New profile")
        dialog = shown(qtbot, ProfileDialog)
        qtbot.keyClicks(dialog.name.widget, name)
        qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda dialog=dialog, why=why: dialog.banner.isVisible() and why in dialog.banner.title.text())
        dialog.reject()
        qtbot.waitUntil(lambda dialog=dialog: not shiboken6.isValid(dialog))
    assert console.window.desk.profile.name == "env"


def test_a_long_name_shows_both_its_ends_and_forty_profiles_are_offered(
    qtbot, home: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"orders-of-all-customers-and-their-addresses-{number:02}" for number in range(40)]
    written = [f'["{name}"]\nenvironment = "dev"\nendpoints = {{ default = "http://127.0.0.1:9" }}\n' for name in names]
    (home.config / "profiles.toml").write_text("\n".join(written))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    with console_of(qtbot, names[7]) as opened:
        card = opened.window.rail.profile
        assert card.name.text().startswith("orders") and card.name.text().endswith("-07")
        assert clipped(card) == [] and card.toolTip().startswith(names[7])
        assert "not known" in opened.window.banner.title.text()
        card.click()
        (menu,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, QMenu) and w.isVisible()]
        assert len([action for action in menu.actions() if action.isCheckable()]) == 42
        menu.close()


def test_a_region_that_only_the_environment_knows_is_shown_once_it_answered(
    qtbot, home: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_REGION", "eu-west-3"),
    ):
        monkeypatch.setenv(name, value)
    with sts() as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
        made = Console("env")
        made.window.go("edge")
        assert made.window.rail.profile.account.text() == "default region"
        made.window.show()
        made.window.start_health()
        qtbot.waitUntil(lambda: made.window.rail.profile.account.text() == "eu-west-3")
        made.window.close()
        qtbot.waitUntil(lambda: not made.jobs.running())
        assert made.close() == []


def test_pages_of_the_profile_before_hear_nothing_more(qtbot, home: Places) -> None:
    profile_at(home, "http://127.0.0.1:9")
    with console_of(qtbot, "acme") as opened:
        window = opened.window
        pages = [opened_page(qtbot, window, name) for name in EVERY_PAGE]
        window.change_profile("env")
        qtbot.waitUntil(lambda: window.desk.profile.name == "env" and not any(map(shiboken6.isValid, pages)))
        # An exception here would fail the test: pytest-qt takes those of slots.
        for look in ({"utc": True, "theme": "dark"}, {"utc": False, "theme": "light"}):
            with qtbot.waitSignal(opened.settings.changed):
                opened.settings.set("appearance", **look)
        window.guard.changed.emit()
        opened.jobs.activity_changed.emit()
