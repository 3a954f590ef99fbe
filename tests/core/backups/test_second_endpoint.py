"""The same work on an S3 of another make: rclone's server, which enforces less; what it does not is said, nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.aws.session import AwsSession, Target
from core.backups.backing import object_key
from core.backups.manifest import SUFFIX
from core.backups.outcomes import Outcome
from core.backups.service import BackupsService
from core.base.errors import OpsError
from core.base.places import Places
from core.settings.profiles import SANDBOX
from tests.core.backups.conftest import Station, open_station
from tests.sandboxed import Sandbox


@pytest.fixture
def other(sandbox: Sandbox, home: Places, database: str, scratch_cache: Path, rclone: Target) -> Station:
    """The station, its bucket on rclone."""
    return open_station(sandbox, home, database, scratch_cache, rclone)


def test_backup_and_proof_and_what_it_does_not_enforce(other: Station) -> None:
    run = other.run()
    assert other.keys() == [run.key, run.key + SUFFIX]
    assert other.uploads() == []
    verification = other.verify()
    assert verification.outcome is Outcome.DONE, verification.headline
    facts = other.service.endpoint_facts(other.job(), other.plan)
    assert facts and not facts.no_overwrite
    status = other.service.status(other.job(), "nightly")
    assert any(
        "does not refuse to overwrite" in finding.title for finding in status.findings if finding.rule == "endpoint"
    )
    preflight = other.service.preflight(other.job(), other.plan)
    assert any(finding.rule == "endpoint" for finding in preflight)


def test_nothing_is_overwritten_even_where_the_endpoint_would(other: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.backups import backing

    taken = object_key(other.plan, "20260101T000000Z")
    other.overwrite(taken, b"theirs")
    monkeypatch.setattr(backing, "object_key", lambda _plan, _run: taken)
    with pytest.raises(OpsError) as caught:
        other.run()
    assert caught.value.code == "exists"
    assert other.body(taken) == b"theirs"


def test_damage_is_found_there_too(other: Station) -> None:
    run = other.run()
    flipped = bytearray(other.body(run.key))
    flipped[len(flipped) // 2] ^= 1
    other.overwrite(run.key, bytes(flipped))
    verification = other.verify(level=2)
    assert verification.outcome is Outcome.FAILED
    assert verification.failed_checks[0].level == 2


def test_a_failed_dump_leaves_nothing_there_either(other: Station) -> None:
    other.target = replace(other.target, mysql=(replace(other.target.mysql[0], password="wrong"),))
    other.service = BackupsService(replace(other.service._workplace, aws=AwsSession(SANDBOX, lambda: other.target)))
    with pytest.raises(OpsError):
        other.run()
    assert other.keys() == [] and other.uploads() == []


def test_a_wrong_key_is_told_in_plain_words(other: Station) -> None:
    target = replace(other.target, secret_key="wrong")
    service = BackupsService(replace(other.service._workplace, aws=AwsSession(SANDBOX, lambda: target)))
    with pytest.raises(OpsError) as caught:
        service.run(other.job(), "nightly")
    assert caught.value.code in ("credentials", "denied")
    assert any(finding.rule == "preflight-bucket" for finding in service.preflight(other.job(), other.plan))
