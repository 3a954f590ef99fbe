"""The feed against a real MariaDB and the sandbox's warehouse: nothing lost, nothing doubled, whatever dies."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.base.errors import OpsError
from core.warehouse.feed.plan import FeedPlan, PlanSource
from tests.core.warehouse_feed.conftest import Feed

ROOT = Path(__file__).resolve().parents[3]
ITEMS = """CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40), price DECIMAL(10,2), flag TINYINT(1),
 changed DATETIME(6), updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (updated_at))"""


def fill(feed: Feed, count: int) -> None:
    feed.execute(
        ITEMS,
        f"INSERT INTO items (name, price, flag, changed) SELECT CONCAT('item ', seq), seq / 7, seq % 2, '2024-01-01' + INTERVAL seq SECOND FROM seq_1_to_{count}",
    )


def same(feed: Feed, table: str = "items") -> None:
    """Count and sum agree on both sides."""
    with feed.mysql.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*), SUM(price), MAX(id) FROM {table}")
        theirs = cursor.fetchone()
    feed.mysql.commit()
    ours = feed.rows(f"SELECT COUNT(*), SUM(price), MAX(id) FROM {feed.database}.{table}")[0]
    assert [str(one) for one in ours] == [str(one) for one in theirs]


def test_what_changed_is_pulled_and_nothing_twice(feed: Feed) -> None:
    fill(feed, 5_000)
    first = feed.pull(feed.plan("items"), check=True)
    assert first.ok
    assert (first.tables[0].read, first.tables[0].mode, first.tables[0].reader) == (5_000, "updated", "connectorx")
    same(feed)
    feed.execute(
        "UPDATE items SET updated_at = updated_at - INTERVAL 1 DAY",
        "UPDATE items SET price = 1000, updated_at = NOW(6) WHERE id <= 10",
        "INSERT INTO items (name, price) VALUES ('new', 5)",
    )
    second = feed.pull(feed.plan("items"))
    assert second.tables[0].read == 11
    third = feed.pull(feed.plan("items"), check=True)  # the overlap reads the same rows again, to no effect
    assert third.tables[0].read == 11
    same(feed)


_KILLED = """
import json, os, signal, sys, tempfile
from pathlib import Path
from core.aws.session import AwsSession
from core.aws.workplace import Workplace
from core.base.places import Places
from core.jobs.job import headless_job
from core.sandbox.door import join
from core.settings.model import Settings
from core.settings.profiles import SANDBOX
from core.warehouse.feed.plan import FeedPlan, PlanSource
from core.warehouse.feed.service import FeedService

def pull(places, address, database, step, temporary):
    os.environ["TMPDIR"], tempfile.tempdir = temporary, None
    places = Places(*map(Path, places))
    lease = join(places)
    target = lease.target(SANDBOX)
    settings = Settings()
    service = FeedService(Workplace(AwsSession(SANDBOX, lambda: target), places, lambda: settings))
    plan = FeedPlan("test", (PlanSource(address, database, database, ("items",)),))
    die = lambda one: os.kill(os.getpid(), signal.SIGKILL) if one == step else None
    service.pull(headless_job(), plan, target.warehouses[0], step=die)

for line in sys.stdin:
    process = os.fork()
    if not process:
        try:
            pull(*json.loads(line))
        finally:
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def killed() -> Iterator[Callable[[Feed, str, Path], int]]:
    """Pulls in a process that kills itself at a step, and tells how it ended; forked from one that has all imported."""
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin:/usr/sbin:/usr/local/bin"}
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None

        def pull(feed: Feed, step: str, temporary: Path) -> int:
            assert process.stdin is not None and process.stdout is not None
            places = [str(place) for place in feed.sandbox.places]
            print(
                json.dumps([places, feed.address, feed.database, step, str(temporary)]), file=process.stdin, flush=True
            )
            return int(process.stdout.readline())

        yield pull
        process.stdin.close()


@pytest.mark.parametrize("step", ["read", "upload", "load", "done"])
def test_a_pull_killed_at_any_step_is_made_good_by_the_next(
    feed: Feed, step: str, killed: Callable[[Feed, str, Path], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(feed, 1_000)
    feed.pull(feed.plan("items"))
    feed.execute(
        "UPDATE items SET price = price + 1 WHERE id % 3 = 0", "INSERT INTO items (name, price) VALUES ('late', 9.99)"
    )
    assert killed(feed, step, tmp_path) == -signal.SIGKILL
    assert len(list(tmp_path.glob("opsdesk-feed-*"))) == 1  # what it had staged
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert feed.pull(feed.plan("items"), check=True).ok
    assert not list(tmp_path.glob("opsdesk-feed-*"))
    same(feed)


def test_a_hole_and_a_forgotten_delete_are_found_and_pulled_again(feed: Feed) -> None:
    fill(feed, 25_000)
    feed.execute("UPDATE items SET updated_at = NOW(6) - INTERVAL 1 + id HOUR")  # so that the overlap covers none of it
    feed.pull(feed.plan("items"))
    table = f"{feed.database}.items"
    feed.target.run(_job(), f"DELETE FROM {table} WHERE id BETWEEN 12000 AND 12100")
    feed.target.run(_job(), f"UPDATE {table} SET name = 'spoilt' WHERE id = 5")
    feed.execute("DELETE FROM items WHERE id = 24000")
    report = feed.pull(feed.plan("items"), check=True)
    assert report.ok
    assert any("3 key ranges differed" in note for note in report.tables[0].notes)
    same(feed)
    assert feed.rows(f"SELECT COUNT(*) FROM {table} WHERE name = 'spoilt' OR id = 24000") == [(0,)]


def _job() -> object:
    from core.jobs.job import headless_job

    return headless_job()


def test_drift_is_followed_where_it_can_be_and_named_where_not(feed: Feed) -> None:
    fill(feed, 100)
    feed.pull(feed.plan("items"))
    feed.execute(
        "ALTER TABLE items ADD COLUMN colour VARCHAR(10) DEFAULT 'red'",
        "ALTER TABLE items MODIFY name VARCHAR(80)",
        "UPDATE items SET price = price + 1",
    )
    report = feed.pull(feed.plan("items"), check=True)
    assert report.ok and len(report.tables[0].altered) == 2
    assert feed.rows(f"SELECT DISTINCT colour FROM {feed.database}.items") == [("red",)]
    feed.execute("ALTER TABLE items MODIFY price VARCHAR(20)", "ALTER TABLE items DROP COLUMN colour")
    with pytest.raises(OpsError, match="no longer fits") as caught:
        feed.pull(feed.plan("items"))
    assert caught.value.code == "drift"
    assert (
        "price: numeric(10,2) in the warehouse" in caught.value.why
        and "colour: gone from the source" in caught.value.why
    )
    feed.execute("ALTER TABLE items MODIFY price DECIMAL(10,2)", "ALTER TABLE items ADD COLUMN colour VARCHAR(10)")
    feed.execute("UPDATE items SET flag = 2 WHERE id = 1")
    with pytest.raises(OpsError, match="no longer fits") as caught:
        feed.pull(feed.plan("items"))
    assert "flag: boolean in the warehouse, SMALLINT by the source" in caught.value.why


def test_three_databases_are_asked_as_one(feed: Feed) -> None:
    """The same table in each, and one whose rows refer to it: a view over all, and a join across them."""
    names = [feed.database, f"{feed.database}_b", f"{feed.database}_c"]
    for number, name in enumerate(names, 1):
        rows = ", ".join(f"('{name}-{row}', {number})" for row in range(number))
        feed.execute(f"CREATE DATABASE IF NOT EXISTS {name}", f"USE {name}", ITEMS)
        feed.execute(f"INSERT INTO items (name, price) VALUES {rows}")
    feed.execute("CREATE TABLE sold (item INT, pieces INT)", "INSERT INTO sold VALUES (1, 10), (3, 5)")
    try:
        sources = [PlanSource(feed.address, name, name, ("items",)) for name in names[:2]]
        sources.append(PlanSource(feed.address, names[2], names[2], ("items", "sold")))
        feed.pull(FeedPlan("all", tuple(sources), "full", union=f"{feed.database}_all"))
        counted = f"SELECT source_db, COUNT(*) FROM {feed.database}_all.items GROUP BY 1 ORDER BY 1"
        assert feed.rows(counted) == [(name, number) for number, name in enumerate(names, 1)]
        joined = (
            f"SELECT SUM(s.pieces * i.price) FROM {names[2]}.sold s JOIN {feed.database}_all.items i"
            f" ON i.id = s.item AND i.source_db = '{names[2]}'"
        )
        assert feed.rows(joined) == [(45,)]
    finally:
        feed.execute(*(f"DROP DATABASE {name}" for name in names[1:]), f"USE {feed.database}")


def test_a_text_too_long_stops_the_pull_unless_it_may_be_cut(feed: Feed) -> None:
    feed.execute(
        "CREATE TABLE texts (id INT PRIMARY KEY, body LONGTEXT)",
        "INSERT INTO texts VALUES (1, REPEAT('é', 50000)), (2, 'short')",
    )
    with pytest.raises(OpsError, match=r"texts.body holds a value that VARCHAR\(65535\) cannot take"):
        feed.pull(feed.plan("texts"))
    assert feed.rows(f"SELECT COUNT(*) FROM {feed.database}.texts") == [(0,)]
    report = feed.pull(feed.plan("texts", cut=True), check=True)
    assert report.ok and "1 texts were cut to what their column takes" in report.tables[0].notes
    assert feed.rows(f"SELECT LEN(body) FROM {feed.database}.texts ORDER BY id") == [(32767,), (5,)]


def test_a_plan_survives_its_file_and_holds_no_password(feed: Feed) -> None:
    plan = FeedPlan("nightly", (PlanSource("shop", "", "mirror", ("a", "b")),), stage="s3://x/y/", union="all")
    feed.service.save(plan)
    assert feed.service.plan("nightly") == plan and feed.service.plans() == ["nightly"]
    with pytest.raises(OpsError, match="There is no feed plan other"):
        feed.service.plan("other")


def test_a_source_that_does_not_answer_is_named(feed: Feed) -> None:
    plan = FeedPlan("gone", (PlanSource("mysql://root:x@127.0.0.1:1/shop", "shop", "s"),))
    with pytest.raises(OpsError, match=r"The MySQL server 127.0.0.1:1/shop cannot be reached"):
        feed.pull(plan)
