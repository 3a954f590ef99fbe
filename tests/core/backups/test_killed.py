"""A backup, a verification or a restore killed with -9 in each of its phases: the next one cleans up, finishes, or tells."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.backups.ledger import Ledger
from core.backups.manifest import SUFFIX
from core.backups.outcomes import Outcome
from core.backups.plan import Source
from core.backups.vault import LIST_SUFFIX, Vault
from core.base.errors import OpsError
from tests.core.backups.conftest import Station
from tests.core.backups.dying import context, dying


def dies(station: Station, phase: str, *verb: str) -> None:
    """Run a verb in a process that is killed with -9 in ``phase``."""
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": station.target.access_key,
        "AWS_SECRET_ACCESS_KEY": station.target.secret_key,
        "AWS_REGION": station.target.region,
        "OPSDESK_SECRET_MYSQL_STAND_SHOP": station.target.mysql[0].password or "",
    }
    said = station.places.state / "said"
    process = context().Process(target=dying, args=(phase, environment, said, ["--profile", "stand", *verb]))
    process.start()
    process.join(120)
    assert process.exitcode == -9, said.read_text()


@pytest.mark.parametrize("phase", ["dumping", "uploading"])  # "beginning" is below
def test_killed_before_it_was_published_the_next_run_cleans_up(stand: Station, phase: str) -> None:
    dies(stand, phase, "backup", "run", "nightly")
    assert stand.keys() == []
    assert len(stand.uploads()) == 1
    run = stand.run()
    assert stand.uploads() == []
    assert stand.keys() == [run.key, run.key + SUFFIX]
    assert [past.outcome for past in stand.service.runs("nightly")] == [Outcome.DONE, Outcome.FAILED]


def test_an_upload_that_cannot_be_looked_for_now_is_looked_for_again(
    stand: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies(stand, "beginning", "backup", "run", "nightly")

    def refused(*_: object) -> list[tuple[str, str]]:
        raise OpsError("Could not list the unfinished uploads", "The endpoint was away", code="unreachable")

    with monkeypatch.context() as away:
        away.setattr(Vault, "open_uploads", refused)
        stand.run()
    assert len(stand.uploads()) == 1
    stand.run()
    assert stand.uploads() == []
    assert [past.outcome for past in stand.service.runs("nightly")] == [Outcome.DONE, Outcome.DONE, Outcome.FAILED]


def test_killed_between_object_and_manifest_the_next_run_finishes_it(stand: Station) -> None:
    dies(stand, "published", "backup", "run", "nightly")
    (orphan,) = stand.keys()
    (backup,) = stand.service.backups(stand.job(), "nightly")
    assert not backup.complete
    stand.run()
    assert {orphan, orphan + SUFFIX} <= set(stand.keys())
    assert stand.verify(run=backup.id, level=2).outcome is Outcome.DONE
    assert [past.outcome for past in stand.service.runs("nightly")] == [Outcome.DONE, Outcome.DONE]


def test_killed_between_an_archive_and_its_list_the_next_run_publishes_both(stand: Station, tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "one").write_text("one" * 100)
    stand.keep(source=Source("folder", paths=(str(tmp_path / "papers"),)))
    dies(stand, "published", "backup", "run", "nightly")
    (orphan,) = stand.keys()
    stand.run()
    assert {orphan, orphan + LIST_SUFFIX, orphan + SUFFIX} <= set(stand.keys())
    (_, killed) = stand.service.backups(stand.job(), "nightly")
    assert stand.verify(run=killed.id).outcome is Outcome.DONE
    assert not list((stand.places.state / "backups").rglob("unpublished/*"))


def test_killed_when_all_was_published_it_counts(stand: Station) -> None:
    dies(stand, "ended", "backup", "run", "nightly")
    assert len(stand.keys()) == 2
    stand.run()
    assert [past.outcome for past in stand.service.runs("nightly")] == [Outcome.DONE, Outcome.DONE]


def test_killed_while_restoring_what_is_left_says_that_it_is_not_whole(stand: Station) -> None:
    stand.run()
    to = f"{stand.database}_again"
    try:
        dies(stand, "restoring", "backup", "restore", "nightly", "--to", to)
        assert stand.sql(f"SHOW TABLES FROM {to} LIKE '%unfinished%'")
        findings = stand.service.preview_restore(stand.job(), "nightly", to=to).findings
        assert "restore-unfinished" in [finding.rule for finding in findings]
        stand.service.restore(stand.job(), "nightly", to=to)
        assert stand.sql(f"SELECT COUNT(*) FROM {to}.orders") == [(500,)]
        assert not stand.sql(f"SHOW TABLES FROM {to} LIKE '%unfinished%'")
    finally:
        stand.sql(f"DROP DATABASE IF EXISTS {to}")


def test_killed_while_restoring_the_scratch_server_goes_too(stand: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = Path(tempfile.mkdtemp(prefix="ops-", dir="/tmp"))  # pytest's own folders are closed to other accounts
    scratch.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(scratch))
    stand.run()
    dies(stand, "restoring", "backup", "verify", "nightly")
    for _ in range(600):
        if not list(scratch.iterdir()):
            break
        threading.Event().wait(0.1)
    assert list(scratch.iterdir()) == []
    scratch.rmdir()
    assert stand.service.verifications("nightly")[0].outcome is Outcome.RUNNING
    assert stand.verify(level=2).outcome is Outcome.DONE
    assert [item.outcome for item in stand.service.verifications("nightly")] == [Outcome.DONE, Outcome.CANCELLED]
    servers = subprocess.run(
        ["pgrep", "-f", f"mariadbd.*{scratch}"], capture_output=True, text=True, check=False
    ).stdout
    assert servers == ""


def test_an_object_that_waits_for_its_manifest_is_found_where_the_plan_no_longer_points(
    folders: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Vault, "put", raising(SystemExit()))
        killed.setattr(Ledger, "end_run", lambda *_, **__: None)
        with pytest.raises(SystemExit):
            folders.run()
    before = folders.plan.target
    elsewhere = folders.sandbox.name("elsewhere")
    folders.s3.create_bucket(Bucket=elsewhere)
    folders.keep(target=replace(before, bucket=elsewhere))
    folders.run()
    folders.keep(target=before)
    (old,) = folders.service.backups(folders.job(), "nightly")
    assert old.complete and folders.verify().outcome is Outcome.DONE


def test_a_manifest_that_could_not_be_written_is_written_by_the_next_run(
    folders: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(Vault, "put", raising(OpsError("Could not write", "The endpoint was away", code="unreachable")))
        with pytest.raises(OpsError):
            folders.run()
    assert [past.outcome for past in folders.service.runs("nightly")] == [Outcome.FAILED]
    folders.run()
    assert all(backup.complete for backup in folders.service.backups(folders.job(), "nightly"))
    assert [(past.outcome, past.error) for past in folders.service.runs("nightly")] == [(Outcome.DONE, "")] * 2


def raising(error: BaseException) -> Any:
    def refuse(*_: object) -> None:
        raise error

    return refuse
