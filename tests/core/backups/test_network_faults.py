"""The network breaks off, for a moment or for good: the backup goes on or leaves nothing, a verification takes up its download."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.backups.manifest import SUFFIX
from core.backups.outcomes import Outcome, Status
from core.backups.vault import LIST_SUFFIX
from core.base.errors import OpsError
from core.jobs.job import Job, JobState
from tests.core.backups.conftest import Station, large
from tests.core.backups.cutter import Cutter, later


@pytest.fixture
def cutter(filed: Station) -> Iterator[Cutter]:
    address = urlsplit(filed.target.endpoints.get("s3") or filed.target.endpoints["default"])
    assert address.hostname and address.port
    made = Cutter((address.hostname, address.port))
    filed.service = filed.make(endpoints={**filed.target.endpoints, "s3": made.url})
    yield made
    made.close()


def test_connections_are_reset_and_the_backup_still_succeeds(filed: Station, cutter: Cutter) -> None:
    large(filed, 12)
    cutter.cut_after, cutter.cuts = 1_000_000, 3
    run = filed.run()
    assert cutter.resets == 3
    assert filed.keys() == [run.key, run.key + LIST_SUFFIX, run.key + SUFFIX]
    assert filed.verify(level=2).outcome is Outcome.DONE


@pytest.mark.parametrize("seconds", [3, pytest.param(30, marks=pytest.mark.heavy)])
def test_the_endpoint_is_gone_for_a_while(filed: Station, cutter: Cutter, seconds: float) -> None:
    large(filed, 12)
    job: Job[Any] = Job("backup", lambda job: filed.service.run(job, "nightly"))
    away = threading.Event()

    def listen(changed: Job[Any]) -> None:
        if not away.is_set() and changed.progress and "packed and sent" in changed.progress.note:
            away.set()
            cutter.go_away()
            later(seconds, cutter.come_back)

    job._listeners = (listen,)
    job.run()
    assert away.is_set()
    assert job.state is JobState.SUCCEEDED, job.error
    assert len(filed.keys()) == 3 and filed.uploads() == []


def test_a_download_that_breaks_off_is_taken_up_where_it_was(filed: Station, cutter: Cutter) -> None:
    large(filed, 12)
    filed.run()
    job: Job[Any] = Job("verify", lambda job: filed.service.verify(job, "nightly", level=2))
    away = threading.Event()

    def listen(changed: Job[Any]) -> None:
        if not away.is_set() and changed.progress and changed.progress.note.startswith("Downloading"):
            away.set()
            cutter.go_away()
            later(1, cutter.come_back)

    job._listeners = (listen,)
    job.run()
    assert away.is_set() and job.result is not None
    assert job.result.outcome is Outcome.DONE, job.result.headline


def test_an_endpoint_that_goes_away_during_a_verification_refutes_no_backup(
    filed: Station, cutter: Cutter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of its objects is being read: here the list of files, behind the archive itself."""
    filed.run()
    assert filed.verify().outcome is Outcome.DONE
    monkeypatch.setattr("core.backups.upload.patiently.__kwdefaults__", {"patience": 1.0})
    job: Job[Any] = Job("verify", lambda job: filed.service.verify(job, "nightly"))
    job._listeners = (
        lambda changed: changed.progress and changed.progress.note.startswith("Downloading") and cutter.go_away(),  # type: ignore[assignment]
    )
    monkeypatch.setattr("core.jobs.job._REPORT_INTERVAL", 0.0)
    job.run()
    assert job.result is not None and job.result.outcome is Outcome.FAILED and not job.result.refutes
    cutter.come_back()
    status = filed.service.status(job, "nightly")
    assert status.status is Status.FAILED and status.last_proof is not None  # somebody has to look, the proof stands
    (backup,) = filed.service.backups(filed.job(), "nightly")
    assert backup.proved and not backup.failed


def test_the_endpoint_never_comes_back(filed: Station, cutter: Cutter, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.backups import upload

    monkeypatch.setattr(upload.patiently, "__kwdefaults__", {"patience": 1.0})
    cutter.go_away()
    with pytest.raises(OpsError) as caught:
        filed.run()
    assert caught.value.code == "unreachable"
    assert filed.keys() == []
