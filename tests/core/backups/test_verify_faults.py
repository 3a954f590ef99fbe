"""A verification finds what is wrong, says it in the engine's own words, and blames no backup for what is wrong here."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.backups.guard import over_limit
from core.backups.loader import Loader
from core.backups.manifest import SUFFIX
from core.backups.objects.service import Objects
from core.backups.outcomes import Outcome, Status
from core.backups.plan import Assertion, Proof, Sentinel
from core.base.errors import OpsError
from core.jobs.job import Job, JobState
from tests.core.backups.conftest import Station, broken


def test_a_good_backup_is_proved_to_the_top(station: Station) -> None:
    station.keep(
        proof=Proof(
            sentinels=(Sentinel("customers", "id = 1"),),
            assertions=(
                Assertion("orders", "SELECT COUNT(*) FROM orders", "=", "500"),
                Assertion("name", "SELECT name FROM customers WHERE id = 3", "matches", "^person \\d$"),
                Assertion("fresh", "SELECT MAX(at) FROM orders", "within_hours", "1"),
                Assertion("sum", "SELECT SUM(doubled) FROM orders", ">=", "1"),
            ),
        )
    )
    run = station.run()
    verification = station.verify()
    assert verification.outcome is Outcome.DONE, verification.headline
    assert verification.level == 6
    assert {check.level for check in verification.checks} == {0, 1, 2, 3, 4, 5, 6}
    assert verification.rto_seconds and verification.rto_seconds > 0
    assert verification.rpo_seconds is not None
    assert station.service.status(station.job(), "nightly").status is Status.OK
    (backup,) = station.service.backups(station.job(), "nightly")
    assert backup.id == run.id and backup.proved == verification.started
    station.overwrite(run.key, station.body(run.key)[:-1] + b"?")
    assert station.verify(level=2).outcome is Outcome.FAILED
    (backup,) = station.service.backups(station.job(), "nightly")
    assert backup.proved is None and backup.failed  # what was proved once is not what lies there now
    report, page = station.service.evidence(verification.id)
    assert '"outcome": "done"' in report.read_text() and "CHECK TABLE" in page.read_text()


def test_a_flipped_bit_and_a_cut_are_found_before_the_restore(station: Station) -> None:
    run = station.run()
    good = station.body(run.key)
    flipped = bytearray(good)
    flipped[len(flipped) // 2] ^= 4
    station.overwrite(run.key, bytes(flipped))
    check = broken(station.verify())
    assert (check.level, check.name) == (2, "SHA-256 of the object")
    assert "other bytes than were stored" in check.actual and len(check.detail) > 128
    assert station.service.status(station.job(), "nightly").status is Status.FAILED
    station.overwrite(run.key, good[:-100])
    check = broken(station.verify())
    assert (check.level, check.name) == (1, "stored size")
    assert check.expected == f"{len(good):,} bytes"
    station.s3.delete_object(Bucket=station.bucket, Key=run.key)
    assert station.service.backups(station.job(), "nightly") == []


def test_other_bytes_of_the_same_size_are_found_at_the_store(filed: Station) -> None:
    filed.needs("checksum of what came in parts")
    run = filed.run()
    flipped = bytearray(filed.body(run.key))
    flipped[len(flipped) // 2] ^= 4
    where = {"Bucket": filed.bucket, "Key": run.key}
    upload = filed.s3.create_multipart_upload(**where, ChecksumAlgorithm="SHA256")["UploadId"]
    part = filed.s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=bytes(flipped), ChecksumAlgorithm="SHA256")
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}]
    filed.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    check = broken(filed.verify(level=1))
    assert (check.level, check.name) == (1, "checksum at the store")


def test_an_archived_backup_is_told_as_such_and_brought_back(folders: Station, tmp_path: Path) -> None:
    station = folders
    station.keep(target=replace(station.plan.target, storage_class="GLACIER"))
    run = station.run()
    verification = station.verify()
    assert verification.outcome is Outcome.NOT_RESTORABLE_HERE
    assert "in the archive (GLACIER): bring it back first" in verification.error
    to = str(tmp_path / "back")
    (told,) = station.service.preview_restore(station.job(), "nightly", to=to).findings
    assert told.rule == "restore-archived" and "unarchive" in told.remedy
    with pytest.raises(OpsError, match="in the archive"):
        station.service.restore(station.job(), "nightly", to=to)
    assert not Path(to).exists()
    Objects(station.service._workplace).bring_back(station.bucket, run.key)
    assert "being brought back" in station.verify().error


def test_a_manifest_that_lies(station: Station) -> None:
    run = station.run()

    def lie(values: dict[str, Any]) -> None:
        values["databases"][0]["tables"][0]["rows"] = 199
        values["databases"][0]["schema"].append("column customers.secret: int")

    station.change_manifest(run.key, lie)
    verification = station.verify()
    assert verification.outcome is Outcome.FAILED
    wrong = {check.name.split(".")[-1]: check for check in verification.failed_checks}
    assert (wrong["customers"].expected, wrong["customers"].actual) == ("199", "200")
    schema = next(check for check in verification.failed_checks if check.name.startswith("schema"))
    assert "missing: column customers.secret: int" in schema.detail


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 99}', "\x00\xff"])
def test_a_manifest_that_cannot_be_read(filed: Station, text: str) -> None:
    run = filed.run()
    filed.overwrite(run.key + SUFFIX, text.encode("latin-1"))
    check = broken(filed.verify())
    assert (check.level, check.name) == (1, "manifest")


def test_a_manifest_changed_since_it_was_written(filed: Station) -> None:
    run = filed.run()
    filed.overwrite(run.key + SUFFIX, filed.body(run.key + SUFFIX) + b" ")
    assert broken(filed.verify()).name == "manifest unchanged"


def test_a_run_without_manifest_is_no_backup(filed: Station) -> None:
    run = filed.run()
    filed.s3.delete_object(Bucket=filed.bucket, Key=run.key + SUFFIX)
    assert broken(filed.verify(run=run.id)).level == 0


def test_what_the_data_say_is_asked(station: Station) -> None:
    station.sql(
        "CREATE USER IF NOT EXISTS gone@'%'",
        "CREATE DEFINER = gone@'%' VIEW orphan AS SELECT 1 AS x",
        "DROP USER gone@'%'",
    )
    station.keep(
        proof=Proof(
            sentinels=(Sentinel("customers", "id = 9999"), Sentinel("missing", "1")),
            assertions=(
                Assertion("old", "SELECT '2001-01-01'", "within_hours", "24"),
                Assertion("never old", "SELECT '2999-01-01'", "within_hours", "24"),
                Assertion("elsewhere", "SELECT UTC_TIMESTAMP() + INTERVAL 14 HOUR", "within_hours", "24"),
                Assertion("null", "SELECT NULL"),
            ),
        )
    )
    run = station.run()
    assert any("orphan" in finding.title for finding in run.findings)
    verification = station.verify()
    wrong = {check.name: check for check in verification.failed_checks}
    views = next(check for name, check in wrong.items() if name.startswith("views"))
    assert "1449" in views.actual and "on the source too" in views.actual
    assert wrong["sentinel row in customers"].actual == "0"
    assert "1146" in wrong["sentinel row in missing"].actual
    assert "before the backup" in wrong["old"].actual
    assert "lies after the backup" in wrong["never old"].actual and "elsewhere" not in wrong
    assert "no value" in wrong["null"].actual


def test_an_assertion_is_tried_on_the_source_and_changes_nothing(station: Station) -> None:
    ask = station.service.try_on_source
    assert ask(station.job(), station.plan, Assertion("n", "SELECT COUNT(*) FROM customers", "=", "200")).ok
    assert "1064" in ask(station.job(), station.plan, Assertion("n", "SELEC 1")).actual
    check = ask(station.job(), station.plan, Assertion("n", "DELETE FROM orders"))
    assert not check.ok and "1792" in check.actual
    assert station.sql("SELECT COUNT(*) FROM orders") == [(500,)]


def test_a_dump_of_another_engine_is_not_called_broken(station: Station) -> None:
    run = station.run()
    station.forge(run.key, b"/* x */\nCREATE TABLE a (b INT) COLLATE utf8mb4_0900_xx_ci;\n-- Dump completed on x\n")
    station.change_manifest(run.key, lambda values: values.update(engine="mysql", engine_version="8.4.2"))
    verification = station.verify()
    assert verification.outcome is Outcome.NOT_RESTORABLE_HERE
    assert "1273" in verification.error and "mysql 8.4.2" in verification.error
    assert station.service.status(station.job(), "nightly").status is Status.NOT_RESTORABLE_HERE


def test_without_a_server_it_is_readable_and_not_proved(station: Station, tmp_path: Path) -> None:
    station.run()
    settings = replace(station.settings, backups=replace(station.settings.backups, mariadb_folder=str(tmp_path)))
    station.under(settings=lambda: settings)
    verification = station.verify()
    assert verification.outcome is Outcome.NOT_RESTORABLE_HERE
    assert verification.level == 2
    assert "mariadb-server-core" in verification.error


def test_cancelled_while_restoring_nothing_stays(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = Path("/tmp") / f"ops-{os.getpid()}"
    scratch.mkdir(mode=0o755)
    try:
        monkeypatch.setattr("tempfile.tempdir", str(scratch))
        station.run()
        for note in ("Starting a scratch server", "Downloading and restoring", "Counting the rows"):
            job: Job[Any] = Job("verify", lambda job: station.service.verify(job, "nightly"))

            def listen(changed: Job[Any], note: str = note) -> None:
                if changed.progress and changed.progress.note.startswith(note):
                    changed.cancel()

            job._listeners = (listen,)
            monkeypatch.setattr("core.jobs.job._REPORT_INTERVAL", 0.0)
            job.run()
            assert job.state is JobState.CANCELLED, note
            assert list(scratch.iterdir()) == []
            assert station.service.verifications("nightly")[0].outcome is Outcome.CANCELLED
    finally:
        scratch.rmdir()
    assert station.service.status(station.job(), "nightly").status is Status.NEVER


def test_the_scratch_server_is_killed(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    station.run()
    finish = Loader.finish

    def killing(self: Loader) -> None:
        assert self._folder
        os.kill(int((self._folder / "pid").read_text()), signal.SIGKILL)
        finish(self)

    monkeypatch.setattr(Loader, "finish", killing)
    verification = station.verify()
    assert verification.outcome is Outcome.NOT_RESTORABLE_HERE
    assert "status -9" in verification.error


def test_the_guard_ends_what_grows_too_large_or_lives_too_long(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(100_000))
    import time

    later = time.monotonic() + 60
    assert over_limit(tmp_path, 1 << 30, later) == ""
    assert "more than" in over_limit(tmp_path, 10_000, later)
    assert "time" in over_limit(tmp_path, 1 << 30, later - 61)


def rehearse_in(station: Station, folder: Path) -> None:
    settings = replace(station.settings, backups=replace(station.settings.backups, scratch_folder=str(folder)))
    station.under(settings=lambda: settings)


def test_no_room_is_no_broken_backup(station: Station, small_disk: Path) -> None:
    station.run()
    rehearse_in(station, small_disk)
    verification = station.verify()
    assert verification.outcome is Outcome.NOT_RESTORABLE_HERE
    assert "not enough room" in verification.error
    assert list(small_disk.iterdir()) == []


def test_a_disk_that_fills_up_is_no_broken_backup(
    folders: Station, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(folders.plan.source.paths[0]) / "large").write_bytes(os.urandom(4_000_000))
    folders.run()
    rehearse_in(folders, small_disk)
    monkeypatch.setattr("core.backups.scratch_folder.need_room", lambda *_: None)
    verification = folders.verify()
    assert verification.outcome is Outcome.NOT_RESTORABLE_HERE, verification.headline
    assert "No space left" in verification.checks[-1].actual
    assert list(small_disk.iterdir()) == []


def test_every_kth_verification_takes_an_older_one(filed: Station) -> None:
    filed.keep(proof=replace(filed.plan.proof, older_every=2))
    old, new = filed.run(), filed.run()
    assert [filed.verify(level=2).run for _ in range(4)] == [new.id, old.id, new.id, old.id]


def test_a_named_server_may_serve_as_scratch_but_never_the_source(station: Station) -> None:
    source = station.target.mysql[0]
    station.service = station.make(mysql=(source, replace(source, name="other")))
    station.keep(proof=replace(station.plan.proof, scratch="other"))
    station.run()
    verification = station.verify()
    assert verification.outcome is Outcome.NOT_RESTORABLE_HERE
    assert "the source itself" in verification.error


# -- folders --------------------------------------------------------------------
def test_a_folder_is_proved_file_by_file(folders: Station) -> None:
    run = folders.run()
    verification = folders.verify()
    assert verification.outcome is Outcome.DONE, verification.headline
    assert any(check.name == "hash of every file" and check.actual == "30 files" for check in verification.checks)
    flipped = bytearray(folders.body(run.key))
    flipped[40] ^= 1
    folders.overwrite(run.key, bytes(flipped))
    assert broken(folders.verify()).level == 2


def test_age_counts_in_the_rules(filed: Station) -> None:
    filed.run()
    filed.verify(level=3)

    class Later:
        def now(self) -> datetime:
            return datetime.now(UTC) + timedelta(days=40)

    filed.under(clock=Later())
    status = filed.service.status(filed.job(), "nightly")
    assert status.status is Status.STALE
    rules = {finding.rule for finding in status.findings}
    assert {"half-retention", "stale", "missed"} <= rules
