"""What the window says when it is given bad input: one sentence, why, the next step; never a traceback, never silence."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Iterator
from itertools import product

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QApplication, QComboBox, QLabel, QWidget

from core.base.places import Places
from gui.app import Console
from gui.bridge.commands import Command
from gui.shell.main_window import MainWindow
from gui.shell.trouble import TroublePanel
from gui.tabs.warehouse.editor_pane import EditorPane
from tests.fakes.refusing import refusing

ASKS_AWS = ("streams", "warehouse")
EVERY_PAGE = ("digits", "streams", "warehouse", "backups", "edge")


@pytest.fixture(autouse=True)
def own_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")


@contextlib.contextmanager
def console(qtbot, profile: str | None = None) -> Iterator[Console]:
    made = Console(profile)
    made.window.show()
    made.start()
    try:
        yield made
    finally:
        panels = [w for w in QApplication.topLevelWidgets() if isinstance(w, TroublePanel) and w.isVisible()]
        made.window.close()
        qtbot.waitUntil(lambda: not made.jobs.running())
        assert made.close() == []
        shiboken6.delete(made.window)
        assert not panels, "an expected trouble was taken for a bug"


def profile_at(home: Places, url: str) -> None:
    (home.config / "profiles.toml").write_text(
        f'[acme]\nenvironment = "staging"\nregion = "eu-west-1"\nendpoints = {{ default = "{url}" }}\n'
    )


def opened_page(qtbot, window: MainWindow, name: str) -> QWidget:
    """The page, once all of it is there."""
    window.go(name)
    qtbot.waitUntil(lambda: name in window._pages)
    page = window.page(name)
    qtbot.waitUntil(lambda: getattr(page, "furnished", True))
    return page


def words(page: QWidget) -> str:
    """All that can be read on it now: labels, and the first rows of tables."""
    found = [label.text() for label in page.findChildren(QLabel) if label.isVisible()]
    for table in page.findChildren(QAbstractItemView):
        model = table.model()
        if table.isVisible() and model is not None:
            cells = product(range(min(model.rowCount(), 20)), range(model.columnCount()))
            found += [str(model.index(row, column).data()) for row, column in cells]
    return "\n".join(found)


def offered(page: QWidget) -> list[str]:
    """What its drop-downs offer now."""
    return [box.itemText(index) for box in page.findChildren(QComboBox) for index in range(box.count())]


@pytest.mark.parametrize(
    ("code", "why", "remedy"),
    [
        ("", "http://127.0.0.1:9 does not answer", "Check the network and the endpoint of the profile"),
        ("ExpiredToken", "The login has expired", "Sign in again"),
        ("InvalidClientTokenId", "AWS does not know this access key", "Sign in again"),
        ("SignatureDoesNotMatch", "The secret key does not fit the access key", "Sign in again"),
        ("AccessDenied", "no permission", "Ask for the permission named in the details"),
    ],
    ids=["dead endpoint", "expired login", "unknown key", "wrong secret", "no permission"],
)
def test_every_page_under_an_account_that_does_not_answer_as_it_should(
    qtbot, home: Places, code: str, why: str, remedy: str
) -> None:
    with refusing(code, 403) if code else contextlib.nullcontext() as service:
        profile_at(home, service.url if service else "http://127.0.0.1:9")
        with console(qtbot, "acme") as opened:
            window = opened.window
            for name in ASKS_AWS:
                window.go(name)
                qtbot.waitUntil(lambda name=name: name in window._pages)
                page = window.page(name)
                qtbot.waitUntil(lambda page=page: why in words(page))
                assert remedy in words(page)
            qtbot.waitUntil(lambda: why in window.status.connection.text())
            assert not window.banner.isVisible()  # the page and the foot have said it
            window.status.why.click()
            assert why in window.banner.why.text() and remedy in window.banner.why.text()
            for name in EVERY_PAGE:  # the others still open, and none shows what only a programmer reads
                window.go(name)
                qtbot.waitUntil(lambda name=name: name in window._pages)
                shown = words(window.page(name))
                assert shown and "Traceback" not in shown and "botocore" not in shown


@pytest.mark.parametrize("content", ["not toml [", "[appearance]\ntheme = 7\n", "\x00\x01"])
def test_a_settings_file_that_cannot_be_read_is_kept_aside_and_told(qtbot, home: Places, content: str) -> None:
    file = home.config / "settings.toml"
    file.write_text(content)
    with console(qtbot, "env") as opened:
        assert opened.window.banner.isVisible()
        assert opened.window.banner.title.text() == "The settings file cannot be used"
        assert "settings.toml.broken-1" in opened.window.banner.why.text()
        opened.settings.set("appearance", theme="dark")
        qtbot.waitUntil(file.exists)
    assert (home.config / "settings.toml.broken-1").read_text() == content


def test_a_profiles_file_that_cannot_be_read_is_kept_aside_and_told(qtbot, home: Places) -> None:
    (home.config / "profiles.toml").write_text("[acme\n")
    with console(qtbot) as opened:
        assert opened.window.banner.isVisible()
        assert "profiles" in opened.window.banner.title.text()
        assert opened.window.desk.profile.name == "sandbox"
    assert (home.config / "profiles.toml.broken-1").read_text() == "[acme\n"


def test_a_profiles_file_that_breaks_while_the_window_is_open_is_told(qtbot, home: Places) -> None:
    file = home.config / "profiles.toml"
    file.write_text("[acme]\n")
    with console(qtbot, "env") as opened:
        assert not opened.window.banner.isVisible()
        file.write_text("[acme\n")
        qtbot.mouseClick(opened.window.rail.profile, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: opened.window.banner.title.text() == "The file of profiles cannot be used")
        menu = QApplication.activePopupWidget()
        assert any("acme" in action.text() for action in menu.actions())
        menu.close()
    assert file.read_text() == "[acme\n"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[1, 2]",
        b'{"geometry": 7, "page": ["x"], "warehouse.files": [7], "warehouse.file": "x", "backups.place": ["x"]}',
        b"\xff\xfe",
    ],
)
def test_what_the_window_remembered_is_broken(qtbot, home: Places, content: bytes) -> None:
    (home.state / "window-env.json").write_bytes(content)
    with console(qtbot, "env") as opened:
        for name in EVERY_PAGE:
            opened.window.go(name)
            qtbot.waitUntil(lambda name=name: name in opened.window._pages)
    assert isinstance(json.loads((home.state / "window-env.json").read_text()), dict)


def test_a_model_and_samples_that_cannot_be_read_are_named_and_the_shipped_model_works(qtbot, home: Places) -> None:
    models = home.state / "digits" / "models"
    models.mkdir(parents=True)
    (models / "mine.model").write_bytes(b"PK\x03\x04 cut off")
    samples = home.state / "digits" / "samples.sqlite"
    samples.write_bytes(b"no database " * 100)
    with console(qtbot, "env") as opened:
        opened.window.go("digits")
        qtbot.waitUntil(lambda: "digits" in opened.window._pages)
        page = opened.window.page("digits")
        qtbot.waitUntil(lambda: "mine" in words(page))
        assert "Damaged" in words(page)
        assert "Patch features + SVC" in words(page)
        qtbot.waitUntil(lambda: "Your samples could not be read" in words(page))
        assert "kept as samples.sqlite.broken-1" in words(page)
        assert samples.with_name("samples.sqlite.broken-1").read_bytes().startswith(b"no database")


def test_a_full_disk_leaves_the_settings_as_they_were_and_says_so(
    qtbot, home: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    with console(qtbot, "env") as opened:
        opened.settings.set("appearance", theme="dark")
        file = home.config / "settings.toml"
        qtbot.waitUntil(file.exists)
        before = file.read_text()

        def full(_file: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            opened.settings.set("appearance", theme="light")
            qtbot.waitUntil(opened.window.banner.isVisible)
        assert "settings.toml could not be written" in opened.window.banner.title.text()
        assert "No space left" in opened.window.banner.why.text()
        assert file.read_text() == before
        assert sorted(path.name for path in home.config.iterdir()) == [".settings.toml.lock", "settings.toml"]


def test_a_stream_a_bucket_and_a_table_that_are_not_there(qtbot, sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the window remembers may have gone from the account: told on the page, with a way on."""
    monkeypatch.setenv("OPSDESK_HOME", str(sandbox.places.config.parent))
    there = sandbox.name("there")
    sandbox.client("kinesis").create_stream(StreamName=there, ShardCount=1)
    remembered = {
        "streams.stream": "no-such-stream",
        "backups.place": ["no-such-bucket", ""],
        "warehouse.files": [{"text": "SELECT * FROM no_such_table"}],
    }
    file = sandbox.places.state / "window-sandbox.json"
    file.write_text(json.dumps(remembered))
    with console(qtbot, "sandbox") as opened:
        window = opened.window

        def page(name: str) -> QWidget:
            window.go(name)
            qtbot.waitUntil(lambda: name in window._pages)
            return window.page(name)

        def run(command_id: str) -> None:
            def ready() -> list[Command]:
                return [command for command in window.commands.all() if command.id == command_id]

            qtbot.waitUntil(lambda: bool(ready()))
            ready()[0].action.trigger()

        streams = page("streams")
        qtbot.waitUntil(lambda: there in offered(streams))
        assert "no-such-stream" not in offered(streams)
        backups = page("backups")
        run("backups.objects")
        qtbot.waitUntil(lambda: "There is no bucket of that name" in words(backups))
        warehouse = page("warehouse")
        qtbot.waitUntil(lambda: "sandbox" in offered(warehouse))
        editors = warehouse.findChild(EditorPane)
        qtbot.waitUntil(lambda: "no_such_table" in editors.editor.text)
        run("warehouse.run")
        qtbot.waitUntil(lambda: 'relation "no_such_table" does not exist' in words(warehouse))
    file.unlink()


def test_nothing_of_one_account_stands_in_the_foot_under_another(
    qtbot, sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a change of profile the old identity is gone before the new one is known, and so is the old trouble."""
    monkeypatch.setenv("OPSDESK_HOME", str(sandbox.places.config.parent))
    profile_at(sandbox.places, "http://127.0.0.1:9")
    with console(qtbot, "sandbox") as opened:
        window = opened.window
        qtbot.waitUntil(lambda: "arn:aws" in window.status.identity.text())
        window.change_profile("acme")
        assert window.status.identity.text() == "" and window.status.connection.text() == "Connecting…"
        qtbot.waitUntil(lambda: "does not answer" in window.status.connection.text())
        window.status.why.click()
        assert window.banner.isVisible()
        window.change_profile("sandbox")
        assert not window.banner.isVisible()
        qtbot.waitUntil(lambda: "arn:aws" in window.status.identity.text())
    (sandbox.places.config / "profiles.toml").unlink()
