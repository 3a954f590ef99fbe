"""Pulls by plan: deletes by key, one snapshot, one run at a time, when one is due, and a certificate that is checked."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import botocore
import pytest

from core.base.clock import SystemClock
from core.base.errors import OpsError
from core.jobs import timers
from core.jobs.calendar import Schedule
from core.jobs.child import run_in_child
from core.jobs.job import headless_job
from core.warehouse.feed import pull as pulling
from core.warehouse.feed.kept import forget, kept_plans, stop_timers
from core.warehouse.feed.plan import FeedPlan, PlanSource
from core.warehouse.feed.service import FeedService
from tests.core.warehouse_feed.conftest import Feed
from tests.core.warehouse_feed.test_feed import fill, same


def test_keys_that_are_gone_at_the_source_go_here_too(feed: Feed) -> None:
    fill(feed, 2_000)
    feed.execute("UPDATE items SET updated_at = NOW(6) - INTERVAL 1 + id HOUR")  # the overlap covers none of it
    plan = feed.plan("items", mode="keys")
    first = feed.pull(plan).tables[0]
    assert (first.read, first.deleted) == (2_000, 0)
    feed.execute(
        "DELETE FROM items WHERE id % 100 = 7", "INSERT INTO items (name, price) VALUES ('new', 1.5)", "UPDATE items SET name = 'x' WHERE id = 3"
    )  # fmt: skip
    again = feed.pull(plan, check=True)
    assert again.ok and again.tables[0].deleted == 20
    assert again.tables[0].read < 100  # the keys alone are compared, not the rows
    same(feed)
    feed.execute("DELETE FROM items")
    assert feed.pull(plan).tables[0].deleted == 1_981
    assert feed.rows(f"SELECT COUNT(*) FROM {feed.database}.items") == [(0,)]


def test_one_snapshot_shows_all_tables_as_of_one_moment(feed: Feed) -> None:
    """Between the reading of the two tables a transaction moves an amount from one to the other: the sum must not change."""
    feed.execute(
        "CREATE TABLE a_from (id INT PRIMARY KEY, amount INT)", "CREATE TABLE b_to (id INT PRIMARY KEY, amount INT)",
        "INSERT INTO a_from SELECT seq, 10 FROM seq_1_to_1000", "INSERT INTO b_to SELECT seq, 0 FROM seq_1_to_1000",
    )  # fmt: skip
    moved = []

    def move(step: str) -> None:
        """Once the first table has been read (its rows are being loaded), before a second reader would open."""
        if step == "load" and not moved:
            moved.append(step)
            feed.execute("UPDATE a_from SET amount = 0", "UPDATE b_to SET amount = 10")

    total = f"SELECT (SELECT SUM(amount) FROM {feed.database}.a_from) + (SELECT SUM(amount) FROM {feed.database}.b_to)"
    feed.pull(feed.plan("a_from", "b_to", mode="full", snapshot=True), step=move)
    assert moved and feed.rows(total) == [(10_000,)]
    moved.clear()
    feed.execute("UPDATE a_from SET amount = 10", "UPDATE b_to SET amount = 0")
    feed.pull(feed.plan("a_from", "b_to", mode="full"), step=move)
    assert feed.rows(total) == [(20_000,)], (
        "without a snapshot the same plan sees two moments: the test can tell them apart"
    )


def test_a_snapshot_arrives_whole_or_not_at_all(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in the load of its last table leaves the tables before it as they were; more than a batch takes is told."""
    feed.execute(
        "CREATE TABLE a_one (id INT PRIMARY KEY)", "CREATE TABLE b_two (id INT PRIMARY KEY)",
        "INSERT INTO a_one VALUES (1)", "INSERT INTO b_two VALUES (1)",
    )  # fmt: skip
    plan = feed.plan("a_one", "b_two", mode="full", snapshot=True)
    first = feed.pull(plan, check=True)
    assert first.ok and all(table.notes == [] and table.loaded == 1 for table in first.tables)
    feed.execute("INSERT INTO a_one VALUES (2)", "INSERT INTO b_two VALUES (2)")
    loads = []

    def spoil(step: str) -> None:
        loads.append(step)
        if loads.count("load") == 2 and step == "load":  # before the transaction: what b_two needs is gone
            stage = feed.sandbox.aws.client("s3")
            bucket = next(b["Name"] for b in stage.list_buckets()["Buckets"] if b["Name"].startswith("opsdesk-stage-"))
            for item in stage.list_objects_v2(Bucket=bucket).get("Contents", ()):
                if "b_two" in item["Key"]:
                    stage.delete_object(Bucket=bucket, Key=item["Key"])

    counts = f"SELECT (SELECT COUNT(*) FROM {feed.database}.a_one), (SELECT COUNT(*) FROM {feed.database}.b_two)"
    with pytest.raises(OpsError):
        feed.pull(plan, step=spoil)
    assert feed.rows(counts) == [(1, 1)]
    monkeypatch.setattr(pulling, "_BATCH", 7)
    again = feed.pull(plan)
    assert feed.rows(counts) == [(2, 2)]
    assert all("loaded in 2 transactions" in " ".join(table.notes) for table in again.tables)


def test_a_second_run_of_a_plan_is_refused_with_status_3(feed: Feed) -> None:
    fill(feed, 100)
    plan = feed.plan("items")
    refused: list[OpsError] = []

    def again(step: str) -> None:
        if step == "load" and not refused:
            with pytest.raises(OpsError) as caught:
                feed.pull(plan)
            refused.append(caught.value)

    assert feed.pull(plan, step=again).ok
    assert (refused[0].code, refused[0].exit_status) == ("locked", 3)
    assert feed.pull(plan).ok  # the lock went with its holder


def test_a_plan_is_due_when_a_moment_of_its_schedule_has_passed(feed: Feed) -> None:
    fill(feed, 10)
    clock = _Clock(datetime(2026, 3, 4, 12, 0, tzinfo=UTC))
    service = feed.service = FeedService(replace(feed.service._workplace, clock=clock))
    at = datetime(2026, 3, 4, 11, 0, tzinfo=UTC).astimezone().strftime("%H:%M")
    plan = replace(feed.plan("items"), name="due", schedule=Schedule((at,)))
    service.save(plan)
    assert service.plan("due") == plan
    assert service.due(plan)  # it never ran
    feed.pull(plan)
    assert service.last_success("due") == clock.moment and not service.due(plan)
    clock.moment += timedelta(hours=22)
    assert not service.due(plan)
    clock.moment += timedelta(hours=2)
    assert service.due(plan)
    assert service.timer(plan).words == ("warehouse", "pull", "due", "--if-due")


def test_a_plan_is_grown_by_a_source_asked_as_one_and_forgotten(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two databases with related data, pulled into a plan one after the other, are one queryable whole."""
    table, program = tmp_path / "table", tmp_path / "bin" / "crontab"
    table.write_text("5 5 * * * mine\n")
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then cat "{table}"; else cat > "{table}"; fi\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    other = f"{feed.database}_x"
    feed.execute("CREATE TABLE items (id INT PRIMARY KEY)", "INSERT INTO items VALUES (1)", f"CREATE DATABASE {other}",
                 f"CREATE TABLE {other}.items (id INT PRIMARY KEY, more INT)", f"INSERT INTO {other}.items VALUES (1, 2), (2, 3)")  # fmt: skip
    try:
        first = FeedPlan("grown", (PlanSource(feed.address, feed.database, feed.database, ("items",)),), "full",
                         union=f"{feed.database}_all", schedule=Schedule(("02:00",)))  # fmt: skip
        feed.service.save(feed.service.joined(first))
        timers.install(feed.service.timer(first), "cron")
        second = replace(first, sources=(PlanSource(feed.address, other, other, ("items",)),), union="", schedule=None)
        whole = feed.service.joined(second)
        assert [one.database for one in whole.sources] == [feed.database, other]
        assert (whole.union, whole.schedule) == (first.union, first.schedule)
        assert feed.service.joined(first) == first  # the same source again is no second one
        feed.service.save(whole)
        feed.pull(feed.service.plan("grown"))
        rows = feed.rows(f"SELECT source_db, COUNT(*) FROM {whole.union}.items GROUP BY 1 ORDER BY 1")
        assert rows == [(feed.database, 1), (other, 2)]

        (kept,) = kept_plans(feed.service)
        assert (kept.timers, kept.last is not None, kept.fault) == (("cron",), True, "")
        clash = replace(whole, sources=(whole.sources[0], replace(whole.sources[1], schema=feed.database)))
        with pytest.raises(OpsError, match="Two sources of the plan land in"):
            feed.pull(clash)
        assert stop_timers(feed.service, whole) == ["cron"]
        assert table.read_text() == "5 5 * * * mine\n" and kept_plans(feed.service)[0].timers == ()
        timers.install(feed.service.timer(whole), "cron")
        assert forget(feed.service, "grown") == ["cron"]
        assert (feed.service.plans(), table.read_text()) == ([], "5 5 * * * mine\n")
        assert feed.rows(f"SELECT COUNT(*) FROM {other}.items") == [(2,)]
    finally:
        feed.execute(f"DROP DATABASE {other}")


class _Clock(SystemClock):
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


def test_the_certificate_of_the_source_reaches_the_reader(feed: Feed, tmp_path: Path) -> None:
    """The test's server speaks no TLS: a reader that was told to check a certificate must refuse it, not read in the clear."""
    fill(feed, 10)
    authority = Path(botocore.__file__).parent / "cacert.pem"
    asked = {"url": feed.address, "query": f"SELECT id FROM {feed.database}.items", "columns": [("id", "int32", "INTEGER")],
             "path": str(tmp_path / "x.parquet"), "table": "items"}  # fmt: skip
    assert run_in_child(headless_job(), "core.warehouse.feed.reader:stage", asked)[0] == 10
    for target, arguments in (
        ("stage", {**asked}),
        ("stage_all", {"url": feed.address, "reads": [{k: v for k, v in asked.items() if k != "url"}]}),
    ):
        with pytest.raises(OpsError, match=r"(?i)ssl|tls"):
            run_in_child(
                headless_job(), f"core.warehouse.feed.reader:{target}", {**arguments, "ca_file": str(authority)}
            )


def test_one_table_that_does_not_fit_does_not_hold_up_the_others(feed: Feed) -> None:
    feed.execute(
        "CREATE TABLE a_long (id INT PRIMARY KEY, t MEDIUMTEXT)",
        "INSERT INTO a_long VALUES (1, REPEAT('x', 100000))",
        "CREATE TABLE b_fine (id INT PRIMARY KEY)",
        "INSERT INTO b_fine VALUES (1), (2)",
    )
    with pytest.raises(OpsError, match="1 of 2 tables") as caught:
        feed.pull(feed.plan("a_long", "b_fine", mode="full"))
    assert "a_long" in str(caught.value.details) and "cut" in caught.value.remedy
    assert feed.rows(f"SELECT COUNT(*) FROM {feed.database}.b_fine") == [(2,)]
