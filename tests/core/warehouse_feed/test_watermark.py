"""What a pull by a watermark could miss without a word: late, missing, future and repeated times, new columns, restored sources."""

from __future__ import annotations

from typing import Any

import pytest

from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job, headless_job
from core.warehouse.feed.source import Server
from core.warehouse.feed.target import Target
from tests.core.warehouse_feed.conftest import Feed

ITEMS = "CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40), updated_at {kind}, KEY (updated_at))"
OLD = "NOW() - INTERVAL 3 DAY"


def names(feed: Feed, table: str = "items") -> list[str | None]:
    return [name for (name,) in feed.rows(f"SELECT name FROM {feed.database}.{table} ORDER BY id")]


@pytest.mark.parametrize("kind", ["DATETIME NULL", "TIMESTAMP NOT NULL DEFAULT '0000-00-00'"])
def test_rows_without_a_time_and_rows_of_the_future_hide_nothing(feed: Feed, kind: str) -> None:
    none = "'0000-00-00'" if "NOT NULL" in kind else "NULL"
    feed.execute(
        ITEMS.format(kind=kind),
        f"INSERT INTO items (name, updated_at) VALUES ('a', {OLD}), ('b', {none}), ('future', '2037-01-01')",
    )
    plan = feed.plan("items")
    assert feed.pull(plan).tables[0].read == 3
    feed.execute(
        f"INSERT INTO items (name, updated_at) VALUES ('late', {none})",
        "UPDATE items SET name = 'A', updated_at = NOW() WHERE id = 1",
        "UPDATE items SET name = 'B', updated_at = updated_at WHERE id = 2",
    )
    feed.pull(plan)
    assert names(feed) == ["A", "B", "future", "late"]


def test_the_hour_that_clocks_repeat_is_read_again(feed: Feed) -> None:
    feed.execute(
        ITEMS.format(kind="DATETIME"), "INSERT INTO items (name, updated_at) VALUES ('a', '2024-10-27 02:58:00')"
    )
    plan = feed.plan("items")
    feed.pull(plan)
    feed.execute("INSERT INTO items (name, updated_at) VALUES ('an hour later', '2024-10-27 02:01:00')")
    feed.pull(plan)
    assert names(feed) == ["a", "an hour later"]


def test_a_new_column_is_filled_for_rows_that_nobody_touched(feed: Feed) -> None:
    """Also where the pull that added it died before it loaded anything."""
    feed.execute(
        ITEMS.format(kind="DATETIME"), f"INSERT INTO items (name, updated_at) VALUES ('a', {OLD}), ('b', NOW())"
    )
    plan = feed.plan("items")
    feed.pull(plan)
    feed.execute("ALTER TABLE items ADD COLUMN size INT NOT NULL DEFAULT 7")

    def die(step: str) -> None:
        if step == "read":
            raise OpsError("killed", "here", "")

    with pytest.raises(OpsError, match="killed"):
        feed.pull(plan, step=die)
    feed.pull(plan)
    assert feed.rows(f"SELECT size FROM {feed.database}.items") == [(7,), (7,)]


@pytest.mark.parametrize("changed", ["", "updated_at DATETIME, "])
def test_a_source_that_was_emptied_and_filled_anew_is_pulled_whole(feed: Feed, changed: str) -> None:
    create = f"CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, {changed}name VARCHAR(40))"
    when = ("updated_at, ", "'2024-06-01', ", "'2024-05-01', ") if changed else ("", "", "")
    feed.execute(create, *[f"INSERT INTO items ({when[0]}name) VALUES ({when[1]}'old {n}')" for n in range(3)])
    plan = feed.plan("items")
    feed.pull(plan)
    feed.execute("TRUNCATE TABLE items", f"INSERT INTO items ({when[0]}name) VALUES ({when[2]}'restored')")
    report = feed.pull(plan).tables[0]
    assert any("went back" in note for note in report.notes)
    assert names(feed) == ["restored"]


def test_tables_that_differ_in_capitals_alone_do_not_replace_each_other(feed: Feed) -> None:
    feed.execute("CREATE TABLE Things (id INT PRIMARY KEY)", "CREATE TABLE things (id INT PRIMARY KEY)")
    with pytest.raises(WrongUse, match="but for capitals"):
        feed.pull(feed.plan())


def test_computed_columns_and_every_digit_of_a_float_arrive_by_either_reader(feed: Feed) -> None:
    feed.execute(
        "CREATE TABLE items (id INT PRIMARY KEY, f FLOAT, d DOUBLE, twice INT AS (id * 2) STORED, thrice INT AS (id * 3) VIRTUAL)",
        "INSERT INTO items (id, f, d) VALUES (1, 16777215, 0.1), (2, 1.1, 1e300), (3, NULL, NULL)",
    )
    for snapshot in (False, True):  # connectorx, PyMySQL
        feed.pull(feed.plan("items", mode="full", snapshot=snapshot))
        assert feed.rows(
            f"SELECT f = 16777215::float4 OR f = 1.1::float4, d, twice, thrice FROM {feed.database}.items ORDER BY id"
        ) == [(True, 0.1, 2, 3), (True, 1e300, 4, 6), (None, None, 6, 9)]


def test_a_check_compares_rows_without_a_whole_number_as_key_and_says_what_it_leaves_out(feed: Feed) -> None:
    feed.execute(
        "CREATE TABLE items (code VARCHAR(9), place INT, name VARCHAR(40), weight DOUBLE, PRIMARY KEY (code, place))",
        "INSERT INTO items VALUES ('a', 1, 'one', 1.5), ('b', 2, NULL, NULL)",
    )
    plan = feed.plan("items", mode="full")
    first = feed.pull(plan, check=True).tables[0]
    assert {
        "name": "checksum of all rows",
        "ok": True,
        "expected": "is the same",
        "actual": "is the same",
    } in first.checks
    assert "Not compared by value: weight" in first.notes

    def tamper(step: str) -> None:
        if step == "done":
            feed.target.run(headless_job(), f"UPDATE {feed.database}.items SET name = 'two' WHERE code = 'a'")

    report = feed.pull(plan, check=True, step=tamper)
    assert not report.ok
    assert [one["ok"] for one in report.tables[0].checks if one["name"] == "checksum of all rows"] == [False]


@pytest.mark.parametrize("name", ["my db", "a/b", "50%", "o'shop", "größe"])
def test_an_address_keeps_odd_names(name: str) -> None:
    for host in ("db.example", "::1"):
        server = Server(host, 3306, "a@b", "p:/@%", name)
        assert Server.from_url(server.url) == server


def test_odd_names_of_tables_and_columns_arrive(feed: Feed) -> None:
    table = "we/ird ta'ble"
    feed.execute(
        f'CREATE TABLE `{table}` (`i d` INT PRIMARY KEY, `select` INT, `o\'hara "x"` VARCHAR(9), `größe` INT)',
        f"INSERT INTO `{table}` VALUES (1, 2, 'a', 3)",
    )
    for snapshot in (False, True):
        report = feed.pull(feed.plan(table, mode="full", snapshot=snapshot), check=True)
        assert report.ok, report.tables[0].checks
        assert feed.rows(f'SELECT * FROM {feed.database}."{table}"') == [(1, 2, "a", 3)]


def test_a_load_that_redshift_turns_away_comes_again(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two plans at once both write the table of what was pulled; an answer is kept by its token, so each attempt has its own."""
    feed.execute("CREATE TABLE items (id INT PRIMARY KEY)", "INSERT INTO items VALUES (1)")
    tokens: list[str] = []
    real = Target._transaction

    def busy(target: Target, job: Job[Any], sqls: list[str], token: str) -> list[int]:
        tokens.append(token)
        if len(tokens) == 1:
            raise OpsError(
                "The statement failed", "1023 Serializable isolation violation: the rows changed meanwhile", ""
            )
        return real(target, job, sqls, token)

    monkeypatch.setattr(Target, "_transaction", busy)
    assert feed.pull(feed.plan("items", mode="full"), check=True).ok
    assert len(set(tokens)) == 2
