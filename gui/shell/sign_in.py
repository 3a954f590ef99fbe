"""Signing in to single sign-on from the window: a code to confirm in the browser, and the work goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from core.aws.sign_in import Invitation, Portal, begin, portal_of, wait
from core.base.errors import OpsError
from core.jobs.job import Job
from core.settings.profiles import Profile
from gui.bridge.job_bridge import JobBridge
from gui.parts.dialogs import Dialog
from gui.parts.form import line
from gui.parts.notices import Banner, Busy
from gui.parts.words import Label, zoned


class SignInDialog(Dialog):
    """``begin`` asks for the code; then it waits for the browser. ``confirmed`` when that was done there."""

    confirmed = Signal()

    def __init__(self, profile: Profile, jobs: JobBridge, parent: QWidget | None = None) -> None:
        super().__init__(f"Sign in to {profile.name}", "Open the page", parent, width=460)
        self._profile, self._jobs, self._url = profile, jobs, ""
        self.words = Label("AWS is asked for a code, which you then confirm in the browser.", wrap=True)
        self.code = Label("", "stat")
        self.code.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.code.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.link = line(mono=True)  # to be copied into a browser elsewhere
        self.link.setReadOnly(True)
        self.link.setAccessibleName("Address of the page")
        self.code.hide()
        self.link.hide()
        self.busy, self.banner = Busy(), Banner("danger")
        self.banner.hide()
        for widget in (self.words, self.code, self.link, self.busy, self.banner):
            self.body.addWidget(widget)
        self.accept_button.setEnabled(False)
        self.asked.connect(self._open_page)
        self.busy.show_text("Asking for a code")

    def begin(self) -> None:
        name = self._profile.aws_profile

        def work(_job: Job[Any]) -> tuple[Portal, Invitation]:
            portal = portal_of(name)
            return portal, begin(portal)

        self._start("Ask for a code", work, self._invited)

    def _invited(self, found: tuple[Portal, Invitation]) -> None:
        portal, invited = found
        self.show_invitation(invited)
        self._open_page()
        self._start("Wait for the browser", lambda job: wait(job, portal, invited), self._done)

    def show_invitation(self, invited: Invitation) -> None:
        self._url = invited.url
        self.words.setText("Compare this code in the browser, and confirm it there.")
        self.code.setText(invited.code)
        self.code.setAccessibleName(f"Code {invited.code}")
        self.link.setText(invited.url)
        self.link.setCursorPosition(0)
        self.code.show()
        self.link.show()
        self.accept_button.setEnabled(True)
        self.accept_button.setFocus()
        self.busy.show_text(f"Waiting until {zoned(invited.expires):%H:%M}")

    def show_fault(self, fault: OpsError) -> None:
        self.busy.hide()
        self.accept_button.setEnabled(False)
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def _start(self, title: str, work: Callable[[Job[Any]], Any], done: Callable[[Any], None]) -> None:
        self._jobs.start(self, title, work, quiet=True, on_success=done, on_failure=self.show_fault)

    def _open_page(self) -> None:
        if not QDesktopServices.openUrl(QUrl(self._url)):
            self.words.setText("No browser could be opened: open this address in one, and confirm the code there.")

    def _done(self, _: None) -> None:
        self.accept()
        self.confirmed.emit()
