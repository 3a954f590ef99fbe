"""A MySQL database of the test's own, and the feed on the session's sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from core.aws.workplace import Workplace
from core.base.places import Places
from core.jobs.job import headless_job
from core.settings.model import Settings
from core.settings.profiles import WarehouseConnection
from core.warehouse.feed.plan import FeedPlan, PlanSource
from core.warehouse.feed.pull import Step
from core.warehouse.feed.service import FeedService, PullReport
from core.warehouse.feed.source import Server
from core.warehouse.feed.target import Target
from tests.sandboxed import Sandbox


@dataclass
class Feed:
    """One database and the schema it is pulled into."""

    sandbox: Sandbox
    service: FeedService
    database: str
    connection: WarehouseConnection
    mysql: Any
    server: Server | None = None
    """Another source than the sandbox's."""

    @property
    def address(self) -> str:
        if self.server is not None:
            return self.server.url
        source = self.sandbox.target.mysql[0]
        return Server(source.host, source.port, source.user, source.password or "", self.database).url

    def execute(self, *sqls: str) -> None:
        with self.mysql.cursor() as cursor:
            for sql in sqls:
                cursor.execute(sql)
        self.mysql.commit()

    def plan(self, *tables: str, mode: str = "incremental", **rest: Any) -> FeedPlan:
        return FeedPlan("test", (PlanSource(self.address, self.database, self.database, tables),), mode, **rest)

    def pull(self, plan: FeedPlan, *, check: bool = False, step: Step | None = None) -> PullReport:
        return self.service.pull(headless_job(), plan, self.connection, check=check, step=step)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.target.rows(headless_job(), sql)

    @property
    def target(self) -> Target:
        return Target(self.sandbox.aws, self.connection)


@pytest.fixture
def feed(sandbox: Sandbox, home: Places) -> Iterator[Feed]:
    with open_feed(sandbox, home, sandbox.mysql()) as made:
        yield made


@contextmanager
def open_feed(sandbox: Sandbox, home: Places, connection: Any, server: Server | None = None) -> Iterator[Feed]:
    """With an empty database of its own on the server of ``connection``."""
    database = sandbox.name("feed").replace("-", "_")
    settings = Settings()
    service = FeedService(Workplace(sandbox.aws, home, lambda: settings))
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {database}")
        cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
        cursor.execute(f"USE {database}")
        cursor.execute("SET SESSION sql_mode = ''")
        cursor.execute("SET SESSION time_zone = '+00:00'")
    yield Feed(
        sandbox,
        service,
        database,
        sandbox.target.warehouses[0],
        connection,
        server and replace(server, database=database),
    )
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {database}")
    connection.close()
