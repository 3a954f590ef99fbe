"""Databases as they are found: odd names and columns, old rows, engines that check nothing, views that are broken, tables that
come and go during the dump. None of it is the backup's fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.backups.dump import Dump
from core.backups.outcomes import Outcome
from core.backups.plan import Proof
from core.backups.server import identifier
from core.base.errors import OpsError
from core.jobs.job import Job
from tests.core.backups.conftest import Station

ODD = (
    "CREATE TABLE measured (id INT PRIMARY KEY, x FLOAT, y DOUBLE)",
    "INSERT INTO measured VALUES (1, 1234567.8, 0.1), (2, 3.14159265, 5e-324)",
    "CREATE TABLE kept (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING",
    "INSERT INTO kept VALUES (1, 1), (2, 2)",
    "UPDATE kept SET x = 5",
    "DELETE FROM kept WHERE id = 2",
    "CREATE TABLE passing (x INT) ENGINE = MEMORY",
    "INSERT INTO passing VALUES (1)",
    "CREATE TABLE `a``b%s'c\"\n1` (`c%d` INT)",
    "INSERT INTO `a``b%s'c\"\n1` VALUES (1), (2)",
    "CREATE TABLE gone (x INT)",
    "CREATE VIEW broken AS SELECT x FROM gone",
    "DROP TABLE gone",
)


@pytest.fixture
def odd(station: Station) -> Iterator[Station]:
    """The station with a database of its own, whose name is as odd as what is in it."""
    name = f"50%_off `{station.database}` %s"
    station.sql(f"CREATE DATABASE {identifier(name)}", f"USE {identifier(name)}", *ODD)
    station.keep(source=replace(station.plan.source, databases=(name,), history=True), proof=Proof())
    yield station
    station.sql(*(f"DROP DATABASE IF EXISTS {identifier(one)}" for one in (name, f"{name}2")))


def test_odd_tables_are_proved_and_come_back(odd: Station) -> None:
    name = odd.plan.source.databases[0]
    assert "preflight-float" in {finding.rule for finding in odd.service.preflight(odd.job(), odd.plan)}
    run = odd.run()
    assert any("broken cannot be selected" in finding.title for finding in run.findings)
    assert "not in this backup" in next(item.title for item in run.findings if "broken" in item.title)
    proved = odd.verify()
    assert proved.outcome is Outcome.DONE, proved.headline
    checks = {check.name.partition(" of ")[0]: check for check in proved.checks if check.level == 6}
    assert "passing" in checks["CHECK TABLE"].actual
    assert "FLOAT" in checks["CHECKSUM TABLE"].detail and "old rows" in checks["CHECKSUM TABLE"].detail

    odd.service.restore(odd.job(), "nightly", to=f"{name}2")
    assert odd.sql(f"SELECT COUNT(*) FROM {identifier(f'{name}2')}.kept FOR SYSTEM_TIME ALL") == [(4,)]
    manifest = odd.service._vault(odd.plan).manifest(odd.job(), odd.service.backups(odd.job(), "nightly")[0].key)[0]
    assert "gone" in manifest.databases[0].left_out["broken"]


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Any, at: int) -> None:
    """Do something once, before the dump's piece number ``at``."""
    whole, acts = Dump.pieces, [act]

    def pieces(self: Dump, job: Job[Any]) -> Iterator[bytes]:
        if not at and acts:
            acts.pop()()
        for number, piece in enumerate(whole(self, job), 1):
            if number == at and acts:
                acts.pop()()
            yield piece

    monkeypatch.setattr(Dump, "pieces", pieces)


def test_what_is_made_altered_and_dropped_before_its_dump_refutes_nothing(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = (
        "CREATE TABLE made (x INT)",
        "INSERT INTO made VALUES (7)",
        "ALTER TABLE orders ADD late INT",
        "DROP TABLE nothing",
    )
    meanwhile(monkeypatch, lambda: station.sql(*changes), 0)
    run = station.run()
    assert any("altered during the dump" in finding.title for finding in run.findings)
    proved = station.verify(level=4)
    assert proved.outcome is Outcome.DONE, proved.headline
    assert any(check.name.endswith(".made") and check.ok for check in proved.checks)


def test_a_table_that_is_dropped_during_the_dump_is_no_reason_to_fail(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    # more than the pipe and the stages behind it hold, so that the program has not come to the last table yet
    station.sql(
        "CREATE TABLE a_large (x LONGBLOB)",
        "INSERT INTO a_large VALUES (REPEAT('x', 3000000))",
        "CREATE TABLE z (x INT)",
    )
    meanwhile(monkeypatch, lambda: station.sql("DROP TABLE z"), 1)
    assert station.run().outcome is Outcome.DONE


def test_a_database_that_is_emptied_during_the_dump_is_no_backup(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    drops = ("DROP VIEW rich", "DROP SEQUENCE numbers", "DROP TABLE orders, customers, nothing")
    meanwhile(monkeypatch, lambda: station.sql(*drops), 0)
    with pytest.raises(OpsError, match="holds no table"):
        station.run()
    assert station.keys() == [] and station.uploads() == []
