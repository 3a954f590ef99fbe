"""The expiry that is set from here deletes backups of the plan by age, and nothing else."""

from __future__ import annotations

import pytest

from core.base.errors import OpsError
from tests.core.backups.conftest import Station


def test_a_rule_that_would_delete_what_is_no_backup_is_refused(folders: Station) -> None:
    folders.run()
    folders.overwrite("db/nightly/photos/summer.jpg", b"irreplaceable")
    with pytest.raises(OpsError, match=r"photos/summer\.jpg"):
        folders.service.set_expiry(folders.job(), "nightly")
    assert not _rules(folders)
    found = folders.service.preflight(folders.job(), folders.plan)
    assert "preflight-shared" in {finding.rule for finding in found}

    folders.s3.delete_object(Bucket=folders.bucket, Key="db/nightly/photos/summer.jpg")
    folders.service.set_expiry(folders.job(), "nightly")
    assert len(_rules(folders)) == 1
    # what comes later is told while there is time, and the rule can still be paused
    folders.overwrite("db/nightly/photos/summer.jpg", b"irreplaceable")
    status = folders.service.status(folders.job(), "nightly")
    assert "expiry-shared" in {finding.rule for finding in status.findings}
    folders.service.pause_expiry(folders.job(), "nightly")
    status = folders.service.status(folders.job(), "nightly")
    assert "expiry-shared" not in {finding.rule for finding in status.findings}


def _rules(station: Station) -> list[object]:
    try:
        return list(station.s3.get_bucket_lifecycle_configuration(Bucket=station.bucket)["Rules"])
    except station.s3.exceptions.ClientError:
        return []
