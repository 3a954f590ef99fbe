"""Which profile is open: the menu behind the profile card, new ones, changed ones, and their removal."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QWidget

from core.base.errors import WrongUse
from core.settings.profiles import SANDBOX, Profile, Profiles
from gui.bridge.job_bridge import JobBridge


class ProfileKeeper(QObject):
    """``chosen`` names the profile to open; ``renewed`` one that is open already and was changed."""

    chosen = Signal(str)
    renewed = Signal(str)
    failed = Signal(object)  # OpsError

    def __init__(self, jobs: JobBridge, window: QWidget) -> None:
        super().__init__(window)
        self._jobs, self._window = jobs, window
        self._profiles: Profiles | None = None
        self._current = ""

    def follow(self, profiles: Profiles, current: str) -> None:
        """The profiles there are, and the name of the open one."""
        self._profiles, self._current = profiles, current

    def offer(self, place: QPoint) -> None:
        """Pop the menu up at ``place`` (of the screen)."""
        from gui.shell.profile_menu import profile_menu

        profiles = self._profiles
        assert profiles is not None
        known = [profiles.get(name) for name in profiles.names()]
        menu = profile_menu(known, self._current, self.chosen.emit, self.edit, self.ask_remove, self._window)
        menu.popup(place)

    def edit(self, before: Profile | None = None) -> None:
        """Open the dialog for a new profile, or for one of one's own."""
        from gui.shell.profile_dialog import ProfileDialog

        dialog = ProfileDialog(before, self._window)
        dialog.saved.connect(lambda profile: self._save(dialog, before, profile))
        dialog.finished.connect(dialog.deleteLater)
        self._jobs.start(
            dialog,
            "Read the names of the AWS configuration",
            lambda _job: _aws_profiles(),
            quiet=True,
            on_success=dialog.show_aws_profiles,
            on_failure=dialog.show_fault,
        )
        dialog.open()

    def _save(self, dialog: object, before: Profile | None, profile: Profile) -> None:
        profiles = self._profiles
        assert profiles is not None

        def work(_job: object) -> None:
            if before is None and profile.name in profiles.names():
                raise WrongUse(f"There is a profile {profile.name} already", "Names are unique", "Choose another name")
            profiles.add(profile)

        def done(_: object) -> None:
            dialog.accept()  # type: ignore[attr-defined]
            (self.renewed if profile.name == self._current else self.chosen).emit(profile.name)

        self._jobs.start(
            dialog,  # type: ignore[arg-type]
            f"Store the profile {profile.name}",
            work,
            quiet=True,
            on_success=done,
            on_failure=dialog.show_fault,  # type: ignore[attr-defined]
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
        profiles = self._profiles
        assert profiles is not None
        self.chosen.emit(SANDBOX.name)  # it cannot stay open
        if self._current == profile.name:
            return  # a running write was kept instead
        self._jobs.start(
            self,
            f"Remove the profile {profile.name}",
            lambda _job: profiles.remove(profile.name),
            quiet=True,
            on_failure=self.failed.emit,
        )


def _aws_profiles() -> list[str]:
    from core.aws.session import configured_profiles

    return configured_profiles()
