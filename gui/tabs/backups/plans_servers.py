"""The MySQL servers of the open profile: added, changed and removed from the wizard."""

from __future__ import annotations

import shlex
from typing import Any

from PySide6.QtCore import QObject

from core.base.errors import OpsError
from core.jobs.job import Job
from core.settings.profiles import MysqlSource
from gui.parts.dialogs import ConfirmDialog
from gui.parts.words import command
from gui.tabs.backups.adopt_dialog import AdoptDialog
from gui.tabs.backups.place import ROOM
from gui.tabs.backups.plans_place import PlansPlace
from gui.tabs.backups.restore_dialog import RestoreDialog
from gui.tabs.backups.server_dialog import ServerDialog
from gui.tabs.backups.wizard import PlanWizard


class PlansServers(QObject):
    """For one wizard (or another dialog, which only adds some), whose list of servers follows."""

    def __init__(self, page: PlansPlace, wizard: PlanWizard | RestoreDialog | AdoptDialog) -> None:
        super().__init__(wizard)
        self.page, self.wizard = page, wizard
        wizard.server_wanted.connect(lambda: self.open(None))
        if isinstance(wizard, PlanWizard):
            wizard.server_edit_wanted.connect(lambda name: self.open(self._own(name)))
            wizard.server_removal_wanted.connect(self.ask_remove)

    @property
    def names(self) -> list[str]:
        """Of those that are the profile's own: the sandbox's, and those of the variables, are not."""
        return [source.name for source in self.page.context.desk.profile.mysql]

    def _own(self, name: str) -> MysqlSource | None:
        return next((source for source in self.page.context.desk.profile.mysql if source.name == name), None)

    def open(self, old: MysqlSource | None) -> None:
        """Log in to a server, keep it in the profile, and let the wizard take it."""
        desk = self.page.context.desk
        dialog = ServerDialog(desk.profile.name, self.wizard, old)

        def save(source: MysqlSource, password: str) -> None:
            def work(job: Job[Any]) -> list[str]:
                self.page.service.try_server(job, source, password)  # first: what does not work replaces nothing
                desk.keep_mysql(source, password)
                return self.page.service.servers(job)

            def kept(names: list[str]) -> None:
                dialog.accept()
                self.wizard.show_servers(names, source.name, own=self.names)

            self._start(dialog, f"Log in to {source.name}", work, kept, dialog.show_fault)

        dialog.save_asked.connect(save)
        dialog.open()

    def ask_remove(self, name: str) -> None:
        desk = self.page.context.desk
        users = [plan.name for plan in self.page.shown.plans if name in (plan.source.server, plan.proof.scratch)]
        dialog = ConfirmDialog(
            f"Remove the server {name}?",
            f"The profile {desk.profile.name} forgets it, and the keyring its password. The server itself is not touched.",
            "Remove the server", self.wizard, environment=desk.profile.environment,
            hint=f"Without it these plans cannot run: {', '.join(users)}." if users else "No backup plan names it.",
            command=command(desk.profile.name, shlex.join(["profiles", "remove-mysql", desk.profile.name, name])),
        )  # fmt: skip

        def remove() -> None:
            def work(job: Job[Any]) -> tuple[list[str], str]:
                told = desk.forget_mysql(name)
                return self.page.service.servers(job), told

            def removed(found: tuple[list[str], str]) -> None:
                names, told = found
                self.wizard.show_servers(names, names[0] if names else "", own=self.names)
                if told:
                    self.wizard.show_fault(OpsError(f"The server {name} is removed", told))

            self._start(self.wizard, f"Remove the server {name}", work, removed, self.wizard.show_fault)

        dialog.confirmed.connect(remove)
        dialog.open()

    def _start(self, owner: QObject, title: str, work: Any, done: Any, failed: Any) -> None:
        self.page.context.jobs.start(
            owner, title, work, room=ROOM, quiet=True, outlives_owner=True, on_success=done, on_failure=failed
        )
