"""Which of the objects in a bucket are a plan's backups, and which of them is the newest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.backups.manifest import SUFFIX
from core.backups.outcomes import Outcome, Status
from core.backups.plan import Target
from core.base.clock import SystemClock
from tests.core.backups.conftest import Station


class Ahead(SystemClock):
    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=400)


def test_a_plan_whose_prefix_holds_another_plan(folders: Station) -> None:
    """``mysql/`` is the plan mysql's own folder and the other's prefix: what lies deeper proves nothing of mysql."""
    other = replace(folders.plan, name="shop", target=Target(folders.bucket, "mysql"))
    folders.service.save_plan(other)
    folders.service.save_plan(replace(folders.plan, name="mysql", target=Target(folders.bucket)))
    run = folders.service.run(folders.job(), "shop")
    assert run is not None and run.key.startswith("mysql/shop/")
    status = folders.service.status(folders.job(), "mysql")
    assert (status.backups, status.last_backup, status.status) == (0, None, Status.NEVER)
    assert folders.service.backups(folders.job(), "mysql") == []
    assert [backup.id for backup in folders.service.backups(folders.job(), "shop")] == [run.id]


def test_what_only_looks_like_a_backup(folders: Station) -> None:
    run = folders.run()
    day = run.key.rpartition("/")[0]
    for key in (
        f"{run.key}.old",  # put aside by hand
        run.key.replace(run.id, "20269999T000000Z"),
        "db/nightly/2026/99/99/nightly-20269999T000000Z.tar.zst",
        f"{day}/weekly-{run.id}.tar.zst",
    ):
        folders.overwrite(key, b"x")
    assert [(backup.key, backup.complete) for backup in folders.service.backups(folders.job(), "nightly")] == [
        (run.key, True)
    ]


def test_a_backup_dated_in_the_future_is_not_taken_for_the_newest(folders: Station, tmp_path: Path) -> None:
    """The clock was a year ahead once: until then every restore and every proof would be of that old state."""
    clock = folders.service._workplace.clock
    folders.under(clock=Ahead())
    wrong = folders.run()
    folders.under(clock=clock)
    papers = Path(folders.plan.source.paths[0])
    (papers / "new.txt").write_text("newer")
    right = folders.run()
    assert wrong.id > right.id
    assert folders.verify().run == right.id
    preview = folders.service.preview_restore(folders.job(), "nightly", to=str(tmp_path / "back"))
    assert preview.run == right.id
    folders.service.restore(folders.job(), "nightly", to=str(tmp_path / "back"))
    assert (tmp_path / "back" / "new.txt").read_text() == "newer"
    assert folders.verify(run=wrong.id).run == wrong.id
    for key in (right.key, right.key + SUFFIX):
        folders.s3.delete_object(Bucket=folders.bucket, Key=key)
    assert folders.verify().run == wrong.id  # better than none


def test_a_restore_of_what_failed_its_proof_says_so(folders: Station, tmp_path: Path) -> None:
    run = folders.run()
    folders.overwrite(run.key, folders.body(run.key)[:-9] + b"123456789")
    assert folders.verify().outcome is Outcome.FAILED
    found = folders.service.preview_restore(folders.job(), "nightly", to=str(tmp_path / "back")).findings
    assert [finding.rule for finding in found] == ["restore-refuted"]


def test_a_folder_of_the_plans_own_name_below_it(folders: Station) -> None:
    folders.keep(name="db", target=Target(folders.bucket, "db"))
    run = folders.run()
    folders.keep(target=Target(folders.bucket))
    assert run.key.startswith("db/db/") and folders.service.backups(folders.job(), "db") == []


def test_two_profiles_with_a_plan_of_one_name_keep_their_own_rules(folders: Station) -> None:
    def rules() -> dict[str, str]:
        found = folders.s3.get_bucket_lifecycle_configuration(Bucket=folders.bucket)["Rules"]
        return {rule["Filter"]["Prefix"]: rule["Status"] for rule in found}

    folders.service.set_expiry(folders.job(), "nightly")
    folders.keep(target=Target(folders.bucket, "other"))
    for _ in range(2):
        folders.service.set_expiry(folders.job(), "nightly")
        assert rules() == {"db/nightly/": "Enabled", "other/nightly/": "Enabled"}
    folders.service.pause_expiry(folders.job(), "nightly")
    assert rules() == {"db/nightly/": "Enabled", "other/nightly/": "Disabled"}
    found = folders.s3.get_bucket_lifecycle_configuration(Bucket=folders.bucket)["Rules"]
    kept = [rule for rule in found if rule["Filter"]["Prefix"] == "other/nightly/"]
    folders.s3.put_bucket_lifecycle_configuration(
        Bucket=folders.bucket, LifecycleConfiguration={"Rules": kept}
    )  # the other profile's is gone: ours is still found
    folders.service.set_expiry(folders.job(), "nightly")
    assert rules() == {"other/nightly/": "Enabled"}
