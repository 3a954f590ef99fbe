"""Pulls from a real MySQL: every type, whole logins by caching_sha2_password without TLS and with it, and columns of its own kinds."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from core.base.errors import OpsError
from core.base.places import Places
from core.jobs.job import headless_job
from core.warehouse.feed.source import Server
from tests.core.mysql_server import PASSWORD, MySql, mysql_servers
from tests.core.warehouse_feed.conftest import Feed, open_feed
from tests.core.warehouse_feed.test_types import test_any_value_arrives_as_it_was as any_value
from tests.sandboxed import Sandbox

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def servers() -> Iterator[list[MySql]]:
    """One without TLS, one with it, one that takes nothing else."""
    folder = Path(tempfile.mkdtemp(prefix="opsdesk-my-", dir="/tmp"))
    try:
        with mysql_servers(folder, ("--tls-version=",), (), ("--require-secure-transport=ON",)) as made:
            yield made
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=[0, 1, 2], ids=["without TLS", "with TLS", "TLS only"])
def server(request: pytest.FixtureRequest, servers: list[MySql]) -> MySql:
    return servers[request.param]


@pytest.fixture
def feed(sandbox: Sandbox, home: Places, server: MySql) -> Iterator[Feed]:
    source = Server("127.0.0.1", server.port, "shopper", PASSWORD)
    with open_feed(sandbox, home, source.connect(), source) as made:
        server.forget_logins()
        yield made


test_any_value_arrives_as_it_was = any_value


def test_columns_of_mysqls_own_kinds(feed: Feed, server: MySql) -> None:
    """Defaults that are expressions are no computed columns; those and hidden ones are told apart by ``extra`` alone."""
    feed.execute(
        "CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40), doc JSON, twice INT AS (CHAR_LENGTH(name)) STORED,"
        " once INT AS (CHAR_LENGTH(name)) VIRTUAL, hidden INT INVISIBLE DEFAULT 7, word VARCHAR(9) DEFAULT (LOWER('ABC')),"
        " made DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6), updated_at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),"
        " KEY (updated_at))",
        """INSERT INTO items (name, doc) VALUES ('first 😀', '{"a": [1, null]}'), (NULL, NULL)""",
    )
    server.forget_logins()
    report = feed.pull(feed.plan("items"), check=True)
    assert report.ok and report.tables[0].read == 2
    assert report.tables[0].reader == (
        "PyMySQL" if server.execute("SELECT @@require_secure_transport") == [(1,)] else "connectorx"
    )
    rows = feed.rows(f"SELECT id, name, hidden, word, made, updated_at FROM {feed.database}.items ORDER BY id")
    assert [row[:4] for row in rows] == [(1, "first 😀", 7, "abc"), (2, None, 7, "abc")]
    assert all(isinstance(row[4], datetime) and isinstance(row[5], datetime) for row in rows)
    feed.execute("UPDATE items SET name = 'changed' WHERE id = 2")
    assert feed.pull(feed.plan("items"), check=True).ok
    assert feed.rows(f"SELECT name FROM {feed.database}.items WHERE id = 2") == [("changed",)]


@pytest.mark.parametrize("mode", ["full", "keys"])
def test_one_snapshot_and_deletes(feed: Feed, mode: str) -> None:
    feed.execute("CREATE TABLE a (id INT PRIMARY KEY, n INT)", "INSERT INTO a VALUES (1, 1), (2, 2)")
    plan = feed.plan("a", mode=mode, snapshot=mode == "full")
    assert feed.pull(plan, check=True).ok
    feed.execute("DELETE FROM a WHERE id = 1")
    assert feed.pull(plan, check=True).ok
    assert feed.rows(f"SELECT id FROM {feed.database}.a") == [(2,)]


def test_a_wrong_password_is_told(feed: Feed) -> None:
    assert feed.server is not None
    feed.execute("CREATE TABLE a (id INT PRIMARY KEY)")
    feed.server = Server(feed.server.host, feed.server.port, "shopper", "wrong", feed.database)
    with pytest.raises(OpsError, match="Access denied") as caught:
        feed.service.pull(headless_job(), feed.plan("a"), feed.connection)
    assert caught.value.remedy == "Check address, user and password"
