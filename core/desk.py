"""The desk: one open profile with the services of every room, for the window and for the verbs alike.

Services are built on first use, so that opening the window or running one verb imports only what it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from core.aws.session import AwsSession, Target, environment_target
from core.aws.workplace import Workplace
from core.base.errors import OpsError
from core.base.places import Places
from core.settings.profiles import MysqlSource, Profile, Profiles, mysql_secret
from core.settings.secrets import Secrets
from core.settings.store import SettingsStore

if TYPE_CHECKING:
    from core.aws.second_factor import AskCode
    from core.backups.service import BackupsService
    from core.digits.service import DigitsService
    from core.edge.service import EdgeService
    from core.sandbox.dials import KinesisDials
    from core.sandbox.door import Lease
    from core.sandbox.status import SandboxStatus
    from core.streams.service import StreamsService
    from core.warehouse.service import WarehouseService


class Desk:
    """Opens ``profile`` lazily: nothing touches network, keyring or sandbox before a service needs it."""

    def __init__(
        self,
        places: Places,
        settings: SettingsStore,
        profiles: Profiles,
        profile: Profile,
        ask_code: AskCode | None = None,
    ) -> None:
        """``ask_code`` asks a person for the code of a second factor."""
        self.places, self.settings, self.profiles, self.profile = places, settings, profiles, profile
        self._lease: Lease | None = None
        self._where: tuple[object, object] = ((), ())
        self._watchers: list[Callable[[SandboxStatus], None]] = []
        self.workplace = Workplace(
            AwsSession(profile, self._open, ask_code), places, lambda: settings.current, Secrets()
        )

    @property
    def aws(self) -> AwsSession:
        return self.workplace.aws

    def _open(self) -> Target:
        if self.profile.kind != "sandbox":
            return environment_target(self.profile)
        from core.sandbox.door import join

        if self._lease is None:
            self._lease = join(self.places)
            self._lease.on_change(self._sandbox_changed)
        target = self._lease.target(self.profile)
        self._where = (target.endpoints, target.mysql)
        return target

    def _sandbox_changed(self, status: SandboxStatus) -> None:
        """The clients in use point to where the sandbox was: after a stop or a move they are made anew."""
        if self._lease is None:
            return
        if not status.running or (status.settled and (status.endpoints, status.mysql_sources) != self._where):
            self.aws.reopen()
        for watcher in list(self._watchers):
            watcher(status)

    def watch_sandbox(self, watcher: Callable[[SandboxStatus], None]) -> None:
        """Call ``watcher`` with the sandbox's status after each change, on a thread of its own, once it is in use."""
        self._watchers.append(watcher)

    @property
    def preparing(self) -> bool:
        """Whether the sandbox in use still makes its demo data: what is read now may be part of them."""
        lease = self._lease
        return lease is not None and lease.status().seed.state in ("waiting", "running")

    def keep_mysql(self, source: MysqlSource, password: str = "") -> None:
        """Add a MySQL server to the open profile, or replace it; the password goes into the keyring ("": a variable carries it,
        or it is kept already). What works with the profile knows the server from now on. Call it from a job."""
        self.profile = self.aws.profile = self.profiles.put_mysql(self.profile.name, source)
        self.aws.reopen()
        if password:
            self.workplace.secrets.set(mysql_secret(self.profile.name, source.name), password)

    def forget_mysql(self, server: str) -> str:
        """Remove a MySQL server from the open profile, and its password from the keyring: what is to be known of that, or nothing."""
        self.profile = self.aws.profile = self.profiles.remove_mysql(self.profile.name, server)
        self.aws.reopen()
        try:
            self.workplace.secrets.delete(mysql_secret(self.profile.name, server))
        except OpsError as error:  # without a keyring there was none in it
            return f"Whether the keyring held its password is not known: {error}"
        return ""

    def close(self) -> None:
        """Let go of files, connections, the model's process, and the sandbox, which stops when its last user has left.

        A job that still runs opens anew what it needs."""
        for room in ("digits", "warehouse", "backups", "edge"):
            if room in self.__dict__:  # the others were never opened
                getattr(self, room).close()
        if self._lease is not None:
            self._lease.close()
            self._lease = None

    @cached_property
    def dials(self) -> KinesisDials | None:
        """What makes the sandbox's streams hurt; None under any other profile."""
        if self.profile.kind != "sandbox":
            return None
        from core.sandbox.dials import KinesisDials

        return KinesisDials(lambda: self.aws.target().endpoints["kinesis"])

    # -- the rooms ----------------------------------------------------------
    @cached_property
    def digits(self) -> DigitsService:
        from core.digits.service import DigitsService

        return DigitsService(self.workplace)

    @cached_property
    def streams(self) -> StreamsService:
        from core.streams.service import StreamsService

        return StreamsService(self.workplace)

    @cached_property
    def warehouse(self) -> WarehouseService:
        from core.warehouse.service import WarehouseService

        return WarehouseService(self.workplace)

    @cached_property
    def backups(self) -> BackupsService:
        from core.backups.service import BackupsService

        return BackupsService(self.workplace)

    @cached_property
    def edge(self) -> EdgeService:
        from core.edge.service import EdgeService

        return EdgeService(self.workplace)
