"""The demo data: the same for the same seed, consistent with themselves, and made whole however often they are interrupted."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.base.places import Places
from core.sandbox.door import Lease, join, stop
from core.sandbox.layout import Layout
from core.sandbox.mariadb import end_leftover
from core.sandbox.seed.demo import Demo
from core.sandbox.status import SandboxStatus, ServiceStatus
from core.settings.profiles import SANDBOX
from tests.core.sandbox.conftest import eventually

UNTIL = datetime(2026, 3, 1, 12)


def test_the_same_seed_makes_the_same_rows() -> None:
    first, second = Demo(UNTIL, 0.02), Demo(UNTIL, 0.02)
    assert first.customers == second.customers
    assert first.products == second.products
    assert list(first.orders()) == list(second.orders())
    assert list(first.page_views()) == list(second.page_views())
    assert Demo(UNTIL, 0.02, seed=1).customers != first.customers


def test_rows_are_consistent() -> None:
    demo = Demo(UNTIL, 0.05)
    customers = {customer.id: customer for customer in demo.customers}
    prices = {product.id: product.cents for product in demo.products}
    orders, views = list(demo.orders()), list(demo.page_views())
    assert len({customer.email for customer in customers.values()}) == len(customers)
    for order in orders:
        assert order.items and order.customer in customers
        assert len({item.product for item in order.items}) == len(order.items)
        assert all(item.cents == prices[item.product] for item in order.items)
        assert customers[order.customer].created <= order.ordered <= UNTIL
    assert all(view.customer is None or view.customer in customers for view in views)
    assert all(UNTIL - timedelta(days=30) <= view.viewed <= UNTIL for view in views)
    assert [view.viewed for view in views] == sorted(view.viewed for view in views)
    assert json.loads(json.dumps(views[0].event()))["url"].startswith("https://shop.example/")


def test_a_tenth_is_some_20000_rows() -> None:
    demo = Demo(UNTIL, 0.1)
    items = sum(len(order.items) for order in demo.orders())
    total = len(demo.customers) + len(demo.products) + 3_000 + items + sum(1 for _ in demo.page_views())
    assert 19_000 < total < 21_000


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Places, Lease]]:
    """A sandbox with a fiftieth of the demo data, whose supervisor was killed while they were made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPSDESK_HOME", str(tmp_path_factory.mktemp("it's a ho me ü")))
        patch.setenv("OPSDESK_SANDBOX_SEED", "small")
        places = Places.here().made()
        lease = join(places)
        if os.name == "posix":
            lease.wait_for(lambda status: status.seed.state in ("running", "done"), 60)
            os.kill(lease.status().pid, signal.SIGKILL)
            eventually(lambda: not lease.status().running)
        lease.target(SANDBOX)
        status = lease.wait_for(lambda status: status.seed.state in ("done", "failed"), 150)
        assert status.seed.state == "done", status.seed.note
        yield places, lease
        lease.close()
        stop(places)


def test_the_shop_is_whole(seeded: tuple[Places, Lease]) -> None:
    _, lease = seeded
    if not lease.target(SANDBOX).mysql:
        pytest.skip("there is no mariadbd on this computer")
    with _mysql(lease) as connection, connection.cursor() as cursor:

        def one(sql: str) -> object:
            cursor.execute(sql)
            return cursor.fetchone()[0]

        assert [
            one(f"SELECT COUNT(*) FROM {table}") for table in ("customers", "products", "orders", "page_views")
        ] == [
            240,
            24,
            600,
            1720,
        ]
        sums = "SELECT SUM(quantity * unit_price) FROM order_items i WHERE i.order_id = o.id"
        assert one(f"SELECT COUNT(*) FROM orders o WHERE total <> ({sums})") == 0
        assert one("SELECT MAX(id) - COUNT(*) FROM page_views") == 0
        tables = "SELECT GROUP_CONCAT(table_name) FROM information_schema.tables WHERE table_schema = DATABASE()"
        made = str(one(f"{tables} AND table_type = 'BASE TABLE'")).split(",")
        assert sorted(made) == ["customers", "order_items", "orders", "page_views", "products"]
        assert one("SELECT words FROM awkward.every_type WHERE id = 1") == "emoji 😀 𝄞 家族 👨‍👩‍👧"
        assert one("SELECT CAST(exact AS CHAR) FROM awkward.every_type WHERE id = 1") == (
            "12345678901234567890123456789012345.123456789012345678901234567890"
        )
        assert one("SELECT CAST(moment AS CHAR) FROM awkward.every_type WHERE id = 1").startswith("0000-00-00")
        assert one("SELECT note FROM customers WHERE note LIKE '%tab%' LIMIT 1") == "tab\there"
        kinds = {
            "TABLES": "table_type = 'VIEW'",
            "TRIGGERS": "trigger_schema = DATABASE()",
            "EVENTS": "event_schema = DATABASE()",
        }
        kinds["TABLES"] += " AND table_schema = DATABASE()"
        assert {
            name: one(f"SELECT COUNT(*) FROM information_schema.{name} WHERE {condition}")
            for name, condition in kinds.items()
        } == {
            "TABLES": 2,
            "TRIGGERS": 1,
            "EVENTS": 1,
        }
        assert one("SELECT with_tax(100)") == 119
        before = one("SELECT total FROM orders WHERE id = 1")
        cursor.execute("INSERT INTO order_items VALUES (1, 99, 1, 2, 10.00)")
        assert one("SELECT total FROM orders WHERE id = 1") == before + 20
        connection.rollback()


def test_the_stream_has_page_views_in_four_shards(seeded: tuple[Places, Lease]) -> None:
    kinesis = _client(seeded, "kinesis")
    shards = kinesis.list_shards(StreamName="pageviews")["Shards"]
    assert len(shards) == 4
    first = kinesis.get_shard_iterator(
        StreamName="pageviews", ShardId=shards[0]["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    records = kinesis.get_records(ShardIterator=first["ShardIterator"])["Records"]
    assert json.loads(records[0]["Data"])["session_id"] == records[0]["PartitionKey"]


def test_the_warehouse_has_a_month(seeded: tuple[Places, Lease]) -> None:
    data = _client(seeded, "redshift-data")
    sql = "SELECT (SELECT COUNT(*) FROM page_views), (SELECT COUNT(*) FROM customers), (SELECT COUNT(*) FROM orders)"
    statement = data.execute_statement(ClusterIdentifier="sandbox", Database="dev", DbUser="admin", Sql=sql)["Id"]
    eventually(lambda: data.describe_statement(Id=statement)["Status"] == "FINISHED")
    views, customers, orders = (
        next(iter(cell.values())) for cell in data.get_statement_result(Id=statement)["Records"][0]
    )
    assert (views, customers) == (1720, 240)
    assert 0 < orders < 600


def test_the_buckets_and_the_plan_are_there(seeded: tuple[Places, Lease]) -> None:
    places, _ = seeded
    s3 = _client(seeded, "s3")
    assert {"opsdesk-demo", "opsdesk-backups"} <= {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="opsdesk-demo")["Contents"]]
    assert {"README.txt", "catalogue/products.jsonl", "logs/access.log.gz"} <= set(keys)
    assert (places.config / "plans" / "sandbox" / "shop-nightly.toml").exists()


def test_a_first_backup_lies_in_its_bucket(seeded: tuple[Places, Lease]) -> None:
    if not seeded[1].target(SANDBOX).mysql or not shutil.which("mariadb-dump"):
        pytest.skip("there is no mariadbd or mariadb-dump on this computer")
    listed = _client(seeded, "s3").list_objects_v2(Bucket="opsdesk-backups", Prefix="mysql/shop-nightly/")["Contents"]
    assert any(entry["Key"].endswith(".zst") and entry["Size"] > 10_000 for entry in listed)
    assert any("manifest" in entry["Key"] for entry in listed)


def test_it_is_made_once(seeded: tuple[Places, Lease]) -> None:
    places, lease = seeded
    marker = Layout.of(places).seed_marker.read_bytes()
    assert json.loads(marker)["complete"]
    stop(places)
    eventually(lambda: not lease.status().running)
    lease.target(SANDBOX)
    assert lease.wait_for(lambda status: status.seed.state != "waiting", 30).seed.state == "done"
    assert Layout.of(places).seed_marker.read_bytes() == marker


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
@pytest.mark.parametrize("kill", ["the server", "its parent"])
def test_a_killed_mysql_comes_back_with_its_rows(seeded: tuple[Places, Lease], kill: str) -> None:
    places, lease = seeded
    before = lease.status().service("mysql")
    if before.state == "missing":
        pytest.skip("there is no mariadbd on this computer")
    folder = Layout.of(places).data / "mysql" / "files"
    os.kill(before.pid if kill == "its parent" else int((folder / "mysql.pid").read_text()), signal.SIGKILL)
    _back(lease, before)
    assert lease.status().service("mysql").port == before.port
    with _mysql(lease) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM orders")
        assert cursor.fetchone() == (600,)


def test_a_server_that_was_left_alone_is_ended(seeded: tuple[Places, Lease], monkeypatch: pytest.MonkeyPatch) -> None:
    """By a timer as well, whose locale does not know the letters of this home."""
    monkeypatch.setenv("LC_ALL", "C")
    places, lease = seeded
    before = lease.status().service("mysql")
    if before.state == "missing":
        pytest.skip("there is no mariadbd on this computer")
    end_leftover(Layout.of(places).data / "mysql" / "files")
    _back(lease, before)


def _back(lease: Lease, before: ServiceStatus) -> None:
    def reached(status: SandboxStatus) -> bool:
        now = status.service("mysql")
        return now is not None and now.restarts > before.restarts and now.state == "running"

    lease.wait_for(reached, 60)


def _mysql(lease: Lease) -> Any:
    import pymysql

    (source,) = lease.target(SANDBOX).mysql
    return pymysql.connect(
        host=source.host,
        port=source.port,
        user=source.user,
        password=source.password,
        database="shop",
        charset="utf8mb4",
    )


def _client(seeded: tuple[Places, Lease], service: str) -> Any:
    from core.aws.session import AwsSession

    return AwsSession(SANDBOX, lambda: seeded[1].target(SANDBOX)).client(service)
