"""Which profile is open: the menu behind the profile card, new ones, changed ones, and their removal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QWidget

from core.base.errors import WrongUse
from core.desk import Desk
from core.settings.profiles import SANDBOX, Profile, faults_of
from gui.bridge.commands import Commands
from gui.bridge.job_bridge import JobBridge

if TYPE_CHECKING:
    from gui.shell.profile_dialog import ProfileDialog


class ProfileKeeper(QObject):
    """``chosen`` names the profile to work under; it may be the open one, changed."""

    chosen = Signal(str)
    failed = Signal(object)  # OpsError

    def __init__(
        self, jobs: JobBridge, desk: Callable[[], Desk], ask_again: Callable[[], None], window: QWidget
    ) -> None:
        """``ask_again``: somebody signed in, whoever failed for that may try."""
        super().__init__(window)
        self._jobs, self._desk, self._ask_again, self._window = jobs, desk, ask_again, window

    def add_commands(self, commands: Commands) -> None:
        commands.add("profile.new", "New profile…", self.edit, icon="plus")
        commands.add("profile.sign-in", "Sign in to the profile (SSO)…", self.sign_in, icon="key")

    def sign_in(self) -> None:
        """To the open profile, by single sign-on."""
        from gui.shell.sign_in import SignInDialog

        desk = self._desk()
        if desk.profile.kind == "sandbox":
            self.failed.emit(WrongUse("The sandbox needs no sign-in", "It uses no account", "Choose another profile"))
            return

        def confirmed() -> None:
            desk.aws.reopen()
            self._ask_again()

        dialog = SignInDialog(desk.profile, self._jobs, self._window)
        dialog.confirmed.connect(confirmed)
        dialog.open()
        dialog.begin()

    def offer(self, place: QPoint) -> None:
        """Pop the menu up at ``place`` (of the screen)."""
        from gui.shell.profile_menu import profile_menu

        desk = self._desk()
        known = [desk.profiles.get(name) for name in desk.profiles.names()]
        menu = profile_menu(
            known, desk.profile.name, self.chosen.emit, self.edit, self.ask_remove, self.sign_in, self._window
        )
        menu.popup(place)

    def edit(self, before: Profile | None = None) -> None:
        """Open the dialog for a new profile, or for one of one's own."""
        from gui.shell.profile_dialog import ProfileDialog

        dialog = ProfileDialog(before, self._window)
        dialog.saved.connect(lambda profile: self._save(dialog, before, profile))
        self._jobs.start(
            dialog,
            "Read the names of the AWS configuration",
            lambda _job: _aws_profiles(),
            quiet=True,
            on_success=dialog.show_aws_profiles,
            on_failure=dialog.show_fault,
        )
        dialog.open()

    def _save(self, dialog: ProfileDialog, before: Profile | None, profile: Profile) -> None:
        profiles = self._desk().profiles

        def work(_job: object) -> dict[str, str]:
            found = faults_of(profile)
            if before is None and profile.name in profiles.names():
                raise WrongUse(f"There is a profile {profile.name} already", "Names are unique", "Choose another name")
            if not found:
                profiles.add(profile)
            return found

        def done(found: dict[str, str]) -> None:
            dialog.show_faults(found)
            if not found:
                dialog.accept()
                self.chosen.emit(profile.name)

        self._jobs.start(
            dialog,
            f"Store the profile {profile.name}",
            work,
            quiet=True,
            on_success=done,
            on_failure=dialog.show_fault,
        )

    def ask_remove(self, profile: Profile) -> None:
        from gui.parts.dialogs import ConfirmDialog

        dialog = ConfirmDialog(
            f"Remove the profile {profile.name}?",
            "Opsdesk forgets how this account is reached. Nothing in the account changes.",
            f"Remove {profile.name}",
            self._window,
            environment=profile.environment,
            hint="Its backup plans and saved queries stay in the configuration folder.",
        )
        dialog.confirmed.connect(lambda: self._remove(profile))
        dialog.open()

    def _remove(self, profile: Profile) -> None:
        profiles = self._desk().profiles
        self._jobs.start(
            self,
            f"Remove the profile {profile.name}",
            lambda _job: profiles.remove(profile.name),
            quiet=True,
            on_success=lambda _: self.chosen.emit(SANDBOX.name),  # if a write keeps it open, it goes with the window
            on_failure=self.failed.emit,
        )


def _aws_profiles() -> list[str]:
    from core.aws.session import configured_profiles

    return configured_profiles()
