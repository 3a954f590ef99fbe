"""The session's sandbox as the tests see it."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.aws.session import AwsSession, Target
from core.base.places import Places
from core.desk import Desk
from core.sandbox.door import join
from core.settings.profiles import SANDBOX, Profiles
from core.settings.store import SettingsStore


class Sandbox:
    """Joined on construction; see the fixture ``sandbox``."""

    def __init__(self, home: Path) -> None:
        self.places = Places(home / "config", home / "state", home / "cache", home / "sandbox").made()
        self.lease = join(self.places)
        self.aws = AwsSession(SANDBOX, lambda: self.target)
        self._numbers = itertools.count(1)

    @property
    def target(self) -> Target:
        return self.lease.target(SANDBOX)

    def client(self, service: str, **tuning: Any) -> Any:
        return self.aws.client(service, **tuning)

    def name(self, word: str) -> str:
        """A name that no other test of this session uses, good for buckets, streams, tables (with ``-`` replaced)."""
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        return f"{word}-{worker}-{next(self._numbers)}"

    @contextlib.contextmanager
    def desk(self, places: Places | None = None) -> Iterator[Desk]:
        """A desk on the sandbox's profile; with ``places`` its settings and state are kept there."""
        own = places or self.places
        desk = Desk(
            Places(own.config, own.state, own.cache, self.places.sandbox),
            SettingsStore(own.config / "settings.toml"),
            Profiles(own.config / "profiles.toml"),
            SANDBOX,
        )
        try:
            yield desk
        finally:
            desk.close()

    def mysql(self, **options: Any) -> Any:
        """A new pymysql connection to the private MariaDB (skips the test where there is none)."""
        import pytest

        from core.base.mysql import Line

        if not self.target.mysql:
            pytest.skip("there is no mariadbd on this computer")
        source = self.target.mysql[0]
        return Line(
            host=source.host,
            port=source.port,
            user=source.user,
            password=source.password,
            **{"charset": "utf8mb4", **options},
        )

    def close(self) -> None:
        self.lease.close(at_once=True)
