"""A restore goes to a new place, shows first what it would do, and leaves nothing half done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

from core.backups.loader import Loader
from core.backups.manifest import SUFFIX
from core.backups.outcomes import Outcome
from core.backups.plan import Proof, Sentinel, Source
from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job, JobState
from tests.core.backups.conftest import Station


def test_into_a_new_database(station: Station) -> None:
    run = station.run()
    to = f"{station.database}_back"
    preview = station.service.preview_restore(station.job(), "nightly", to=to)
    assert preview.run == run.id and preview.findings == () and not preview.overwrites_source
    assert (f"{station.database}.customers", 200) in preview.items
    assert station.sql("SHOW DATABASES LIKE %s", values=(to,)) == []
    try:
        restored = station.service.restore(station.job(), "nightly", to=to)
        assert restored.to.endswith(to)
        same = f"SELECT COUNT(*) FROM (SELECT * FROM customers EXCEPT SELECT * FROM {to}.customers) d"
        assert station.sql(same) == [(0,)]
        assert station.sql(f"SELECT COUNT(*) FROM {to}.customers") == [(200,)]
        assert station.sql(
            "SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = %s", values=(to,)
        ) == [("utf8mb4_unicode_ci",)]
        with pytest.raises(OpsError, match=r"holds .* tables"):
            station.service.restore(station.job(), "nightly", to=to)
    finally:
        station.sql(f"DROP DATABASE IF EXISTS {to}")


def test_by_hand_without_this_program(station: Station) -> None:
    """The line in the manifest, with the real zstd and client; only the download is another."""
    run = station.run()
    line = json.loads(station.body(run.key + SUFFIX))["by_hand"]
    assert line == f"aws s3 cp s3://{station.bucket}/{run.key} - | zstd -d | mariadb --binary-mode {station.database}"
    if not shutil.which("zstd"):
        pytest.skip("zstd is not installed")
    source = station.target.mysql[0]
    login = f"--host=127.0.0.1 --port={source.port} --user={source.user} --default-character-set=utf8mb4"
    station.sql("DELETE FROM orders")
    work = line.partition(" | ")[2].replace("mariadb ", f"mariadb {login} ")
    environment = {**os.environ, "MYSQL_PWD": source.password or ""}
    subprocess.run(["bash", "-o", "pipefail", "-c", work], input=station.body(run.key), env=environment, check=True)
    assert station.sql("SELECT COUNT(*) FROM orders") == [(500,)]


def test_never_over_the_source_unless_its_name_is_given(station: Station) -> None:
    station.run()
    station.sql("DELETE FROM orders")
    preview = station.service.preview_restore(station.job(), "nightly", to=station.database)
    assert preview.overwrites_source
    for confirm in ("", "yes", "nightly"):
        with pytest.raises(OpsError, match="source itself"):
            station.service.restore(station.job(), "nightly", to=station.database, confirm=confirm)
    assert station.sql("SELECT COUNT(*) FROM orders") == [(0,)]
    station.service.restore(station.job(), "nightly", to=station.database, confirm=station.database)
    assert station.sql("SELECT COUNT(*) FROM orders") == [(500,)]


def test_what_a_killed_restore_left_under_the_sources_name_is_not_removed_unasked(station: Station) -> None:
    station.run()
    station.sql("DELETE FROM orders")
    station.sql("CREATE TABLE _opsdesk_unfinished_restore (id INT PRIMARY KEY)")
    with pytest.raises(OpsError, match="source itself"):
        station.service.restore(station.job(), "nightly", to=station.database)
    assert station.sql("SELECT COUNT(*) FROM orders") == [(0,)]
    station.service.restore(station.job(), "nightly", to=station.database, confirm=station.database)
    assert station.sql("SELECT COUNT(*) FROM orders") == [(500,)]
    assert not station.sql("SHOW TABLES LIKE '%unfinished%'")


def test_a_failed_or_cancelled_restore_leaves_no_database(station: Station) -> None:
    run = station.run()
    to = f"{station.database}_gone"
    job: Job[Any] = Job("restore", lambda job: station.service.restore(job, "nightly", to=to))
    job._listeners = (lambda changed: changed.progress and changed.progress.note == "Restoring" and changed.cancel(),)  # type: ignore[assignment]
    job.run()
    assert job.state is JobState.CANCELLED
    assert station.sql("SHOW DATABASES LIKE %s", values=(to,)) == []
    station.forge(run.key, b"/* x */\nCREATE TABLE a (b INT);\nnonsense;\n-- Dump completed on x\n")
    with pytest.raises(OpsError, match="1064"):
        station.service.restore(station.job(), "nightly", to=to)
    assert station.sql("SHOW DATABASES LIKE %s", values=(to,)) == []


def test_two_restores_into_one_database_do_not_meet(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second would take the unfinished one of the first for what a killed one left."""
    station.run()
    to = f"{station.database}_twice"
    finish, second = Loader.finish, list[OpsError]()

    def meeting(self: Loader) -> None:
        with pytest.raises(OpsError) as caught:
            station.make().restore(station.job(), "nightly", to=to)
        second.append(caught.value)
        finish(self)

    monkeypatch.setattr(Loader, "finish", meeting)
    station.service.restore(station.job(), "nightly", to=to)
    assert [error.exit_status for error in second] == [3] and "being restored already" in second[0].title
    assert station.sql(f"SELECT COUNT(*) FROM {to}.orders") == [(500,)]
    station.sql(f"DROP DATABASE {to}")


@pytest.mark.parametrize("to", ["", "server/", "nowhere/x", "x" * 80])
def test_a_target_that_makes_no_sense(station: Station, to: str) -> None:
    station.run()
    with pytest.raises(WrongUse):
        station.service.restore(station.job(), "nightly", to=to)


def test_several_databases_encrypted_are_one_consistent_backup(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = f"{station.database}_b"
    station.sql(
        f"CREATE DATABASE {second} CHARACTER SET latin1",
        f"CREATE TABLE {second}.things (id INT PRIMARY KEY)",
        f"INSERT INTO {second}.things VALUES (1), (2)",
    )
    try:
        key = pyrage.x25519.Identity.generate()
        source = replace(station.plan.source, databases=(station.database, second))
        proof = Proof(sentinels=(Sentinel("things", "id = 2", second),), identity="vault/identity")
        station.keep(source=source, recipients=(str(key.to_public()),), proof=proof)
        run = station.run()
        assert run.key.endswith(".sql.zst.age") and b"person" not in station.body(run.key)
        assert "OPSDESK_SECRET_VAULT_IDENTITY" in station.verify(level=2).error
        monkeypatch.setenv("OPSDESK_SECRET_VAULT_IDENTITY", str(key))
        verification = station.verify()
        assert verification.outcome is Outcome.DONE, verification.headline
        assert {f"rows of {second}.things", f"rows of {station.database}.orders"} <= {
            check.name for check in verification.checks
        }
        restored = station.service.restore(station.job(), "nightly", to="back_")
        assert station.sql(f"SELECT COUNT(*) FROM back_{second}.things") == [(2,)]
        assert restored.items == 4
    finally:
        station.sql(
            f"DROP DATABASE {second}",
            f"DROP DATABASE IF EXISTS back_{second}",
            f"DROP DATABASE IF EXISTS back_{station.database}",
        )


def test_a_folder_comes_back_whole(folders: Station, tmp_path: Path) -> None:
    source = Path(folders.plan.source.paths[0])
    folders.run()
    to = tmp_path / "back"
    preview = folders.service.preview_restore(folders.job(), "nightly", to=str(to))
    assert preview.item_count == 30 and not to.exists()
    folders.service.restore(folders.job(), "nightly", to=str(to))
    for path in source.rglob("*"):
        twin = to / path.relative_to(source)
        assert path.is_symlink() == twin.is_symlink()
        assert path.is_dir() or path.read_bytes() == twin.read_bytes()
    with pytest.raises(OpsError, match="not empty"):
        folders.service.restore(folders.job(), "nightly", to=str(to))
    for inside in (source, source / "deep", source.parent):
        with pytest.raises(OpsError, match=r"what the plan saves|not empty"):
            folders.service.restore(folders.job(), "nightly", to=str(inside))


def test_a_damaged_folder_leaves_nothing(folders: Station, tmp_path: Path) -> None:
    run = folders.run()
    folders.overwrite(run.key, folders.body(run.key)[:-50])
    to = tmp_path / "back"
    with pytest.raises(OpsError, match="damaged"):
        folders.service.restore(folders.job(), "nightly", to=str(to))
    assert not to.exists()
    assert [entry for entry in tmp_path.iterdir() if "restoring" in entry.name] == []


def test_odd_files(folders: Station, tmp_path: Path) -> None:
    root = Path(folders.plan.source.paths[0])
    (root / ("long" * 50)).write_text("x")
    os.mkfifo(root / "pipe")
    (root / "away").symlink_to("/etc/passwd")
    (root / "skip.tmp").write_text("x")
    os.link(root / "deep" / "file 2 é.txt", root / "hard")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe")).write_text("not utf-8")
    folders.keep(source=replace(folders.plan.source, exclude=("*.tmp",)))
    run = folders.run()
    assert any("pipe" in finding.title for finding in run.findings)
    verification = folders.verify()
    assert verification.outcome is Outcome.DONE, verification.headline
    to = tmp_path / "back"
    folders.service.restore(folders.job(), "nightly", to=str(to))
    assert not (to / "skip.tmp").exists() and not (to / "away").is_symlink()
    assert (to / "hard").read_bytes() == (root / "hard").read_bytes()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs file modes")
def test_a_hole_is_no_backup(folders: Station) -> None:
    missing = Path(folders.plan.source.paths[0]) / "not there"
    folders.keep(source=Source("files", paths=(str(missing),)))
    with pytest.raises(OpsError, match="does not exist"):
        folders.run()
    assert folders.keys() == [] and folders.uploads() == []


def test_a_folder_that_is_gone_is_not_overwritten(folders: Station) -> None:
    """Nobody has to confirm that nothing is replaced."""
    folders.run()
    root = Path(folders.plan.source.paths[0])
    root.rename(root.with_name("lost"))
    assert not folders.service.preview_restore(folders.job(), "nightly", to=str(root)).overwrites_source
    folders.service.restore(folders.job(), "nightly", to=str(root))
    assert (root / "deep" / "file 1 é.txt").exists()
    assert folders.service.preview_restore(folders.job(), "nightly", to=str(root)).overwrites_source


def test_a_database_that_is_gone_is_not_overwritten(station: Station) -> None:
    station.run()
    assert station.service.preview_restore(station.job(), "nightly", to=station.database).overwrites_source
    with station.sandbox.mysql(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {station.database}")
    assert not station.service.preview_restore(station.job(), "nightly", to=station.database).overwrites_source
    station.service.restore(station.job(), "nightly", to=station.database)
    assert station.sql("SELECT COUNT(*) FROM orders") == [(500,)]


def test_a_file_is_no_folder_to_restore_into(folders: Station, tmp_path: Path) -> None:
    folders.run()
    (tmp_path / "file").write_text("mine")
    for act in (folders.service.preview_restore, folders.service.restore):
        with pytest.raises(OpsError, match="no folder"):
            act(folders.job(), "nightly", to=str(tmp_path / "file"))
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "empty").mkdir()
    folders.service.restore(folders.job(), "nightly", to=str(tmp_path / "link"))
    assert (tmp_path / "link" / "deep").is_dir() and (tmp_path / "link").is_symlink()
