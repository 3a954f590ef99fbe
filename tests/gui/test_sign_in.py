"""Single sign-on from the window: the page is opened, the code shown, and whoever failed for it is asked again."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from core.settings.profiles import SANDBOX, Profile
from gui.shell.profiles import ProfileKeeper
from gui.shell.sign_in import SignInDialog
from tests.core import test_sign_in
from tests.fakes.identity_center import IdentityCenter


class Browser(QObject):
    """Takes the place of the desktop's."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        QDesktopServices.setUrlHandler("https", self, "open")

    @Slot(QUrl)
    def open(self, url: QUrl) -> None:
        self.opened.append(url.toString())


class FakeAws:
    def __init__(self) -> None:
        self.reopened = 0

    def reopen(self) -> None:
        self.reopened += 1


class FakeDesk:
    def __init__(self, profile: Profile) -> None:
        self.profile, self.aws = profile, FakeAws()


center = test_sign_in.center
"""The fixture: an AWS configuration and its Identity Center on loopback."""


@pytest.fixture
def browser():
    made = Browser()
    yield made
    QDesktopServices.unsetUrlHandler("https")


def keeper(qtbot, jobs, desk: FakeDesk) -> tuple[ProfileKeeper, list[str], QWidget]:
    window, asked = QWidget(), list[str]()
    qtbot.addWidget(window)
    window.show()
    made = ProfileKeeper(jobs, lambda: desk, lambda: asked.append("again"), window)  # type: ignore[arg-type, return-value]
    return made, asked, window


def test_signing_in_in_the_browser(qtbot, jobs, browser: Browser, center: IdentityCenter) -> None:
    center.answers = ["AuthorizationPendingException", "token"]
    desk = FakeDesk(Profile("client", aws_profile="acme"))
    made, asked, window = keeper(qtbot, jobs, desk)
    made.sign_in()
    dialog = window.findChild(SignInDialog)
    qtbot.waitUntil(lambda: dialog.code.text() == "ABCD-EFGH")
    assert browser.opened == ["https://device.example/?user_code=ABCD-EFGH"]
    qtbot.waitUntil(lambda: asked == ["again"])
    assert desk.aws.reopened == 1
    assert list((Path.home() / ".aws" / "sso" / "cache").iterdir())


def test_a_profile_without_single_sign_on_says_so_in_the_dialog(
    qtbot, jobs, browser: Browser, center: IdentityCenter
) -> None:
    made, asked, window = keeper(qtbot, jobs, FakeDesk(Profile("client", aws_profile="keys")))
    made.sign_in()
    dialog = window.findChild(SignInDialog)
    qtbot.waitUntil(lambda: dialog.banner.isVisible())
    assert "no single sign-on" in dialog.banner.title.text() and not dialog.accept_button.isEnabled()
    assert (browser.opened, asked) == ([], [])
    dialog.reject()


def test_closing_the_dialog_ends_the_waiting(qtbot, jobs, browser: Browser, center: IdentityCenter) -> None:
    center.answers = ["AuthorizationPendingException"]
    made, asked, window = keeper(qtbot, jobs, FakeDesk(Profile("client", aws_profile="acme")))
    made.sign_in()
    dialog = window.findChild(SignInDialog)
    qtbot.waitUntil(lambda: bool(browser.opened))
    dialog.reject()
    qtbot.waitUntil(lambda: not jobs.running())
    assert asked == []


def test_the_sandbox_needs_none(qtbot, jobs) -> None:
    made, _, window = keeper(qtbot, jobs, FakeDesk(SANDBOX))
    told: list[str] = []
    made.failed.connect(lambda fault: told.append(fault.title))
    made.sign_in()
    assert told == ["The sandbox needs no sign-in"] and window.findChild(SignInDialog) is None
