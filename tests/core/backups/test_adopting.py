"""The computer that backed up is gone: a new one, the bucket and the key are all there is."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from core.backups.adopting import Left, chosen
from core.backups.plan import Proof
from core.base.errors import OpsError, WrongUse
from core.settings.secrets import environment_name
from tests.core.backups.conftest import Station
from tests.core.backups.test_backup_verbs import Shell


@pytest.fixture
def shell(station: Station, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A profile that knows no plan."""
    return Shell(station, monkeypatch, capsys)


def test_databases_come_back_under_their_own_names(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    station, key = shell.station, pyrage.x25519.Identity.generate()
    second = f"{station.database}_b"
    station.sql(
        f"CREATE DATABASE {second}", f"CREATE TABLE {second}.things (id INT)", f"INSERT INTO {second}.things VALUES (7)"
    )
    station.sql(f"CREATE VIEW both_of_them AS SELECT COUNT(*) AS rows_there FROM customers JOIN {second}.things")
    source = replace(station.plan.source, databases=(station.database, second))
    station.keep(source=source, recipients=(str(key.to_public()),), proof=Proof())
    station.run()
    station.sql(
        f"DROP DATABASE {second}",
        f"DROP DATABASE {station.database}",
        "CREATE DATABASE IF NOT EXISTS spare",
        "USE spare",
    )

    with pytest.raises(OpsError, match="no database"):
        station.run()
    found = station.service.status(station.job(), "nightly").findings
    assert [finding.rule for finding in found][:2] == ["run-failed", "source-lost"]

    where = f"s3://{station.bucket}"
    shell("backup", "adopt", where, status=2)
    assert "encrypted" in shell.said and "identity" in shell.said
    monkeypatch.setenv(environment_name("key"), str(key))
    told = shell.json("backup", "adopt", f"{where}/db", "--identity", "key")
    assert told["backups"] == 1 and told["restore"].endswith("backup restore nightly --to shop/")
    shell("backup", "adopt", where, "--identity", "key", status=2)  # it is known by now
    shell("backup", "restore", "nightly", "--to", "shop/")
    try:
        assert station.sql("SELECT rows_there FROM both_of_them") == [(200,)]
        time.sleep(1)  # a second has one run
        run = shell.json("backup", "run", "nightly")["run"]
        assert run["key"].endswith(".age") and run["key"].startswith("db/nightly/")  # as before
    finally:
        station.sql(f"DROP DATABASE {second}", "DROP DATABASE IF EXISTS spare")


def test_files_need_a_folder_and_what_is_there_is_told_apart(folders: Station, tmp_path: Path) -> None:
    service, job = folders.service, folders.job()
    run = folders.run()
    folders.run()
    folders.keep(name="other")
    folders.run()
    folders.overwrite("db/nightly/2026/01/01/nightly-20260101T000000Z.tar.zst", b"its manifest is missing")
    found = sorted(service.left_in(job, folders.bucket, "db/"), key=lambda left: left.plan, reverse=True)
    assert [(left.plan, left.count, left.prefix) for left in found] == [("other", 1, "db"), ("nightly", 2, "db")]
    assert found[1].run > run.id and not found[1].is_database and not found[1].encrypted
    service.remove_plan("nightly")
    with pytest.raises(WrongUse, match="of files"):
        service.adopt(job, found[1])
    service.adopt(job, found[1], folder=str(tmp_path / "later"))
    assert service.due() == []  # it runs by hand alone
    service.restore(job, "nightly", to=str(tmp_path / "back"))
    assert (tmp_path / "back" / "deep").is_dir()


def test_which_plan_is_meant() -> None:
    one, two = (Left(name, "b", "", f"{name}/x", "20260101T000000Z", 1) for name in ("one", "two"))
    assert chosen([one, two], "two", "s3://b") == two
    with pytest.raises(WrongUse, match="several plans"):
        chosen([one, two], "", "s3://b")
    with pytest.raises(OpsError, match="no complete backup"):
        chosen([], "", "s3://b")
