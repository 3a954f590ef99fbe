"""The same work on an S3 of another make: rclone's server, which enforces less; what it does not is said, nothing is lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.aws.session import AwsSession, Target
from core.aws.workplace import Workplace
from core.backups.backing import object_key
from core.backups.manifest import SUFFIX
from core.backups.outcomes import Outcome
from core.backups.service import BackupsService
from core.base.errors import OpsError
from core.settings.profiles import SANDBOX
from tests.core.backups.conftest import Station


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """``rclone serve s3`` on a folder of its own; each folder in it is a bucket."""
    beside = Path(sys.executable).parent / "rclone"
    program = str(beside) if beside.exists() else shutil.which("rclone")
    if not program:
        pytest.skip("rclone is not installed")
    folder = tmp_path_factory.mktemp("rclone")
    port = free_port()
    process = subprocess.Popen(
        [
            program,
            "serve",
            "s3",
            "--addr",
            f"127.0.0.1:{port}",
            "--auth-key",
            "key,secret12345",
            "--no-cleanup",
            str(folder),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            urllib.request.urlopen(url, timeout=1).close()
            break
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.1)
    yield Target(SANDBOX, region="us-east-1", endpoints={"s3": url}, access_key="key", secret_key="secret12345")
    process.kill()
    process.wait()


@pytest.fixture
def other(station: Station, rclone: Target) -> Station:
    """The station, its bucket on rclone."""
    station.target = replace(rclone, mysql=station.target.mysql)
    aws = AwsSession(SANDBOX, lambda: station.target)
    station.s3 = aws.client("s3")
    station.s3.create_bucket(Bucket=station.bucket)
    station.service = BackupsService(Workplace(aws, station.places, lambda: station.settings))
    return station


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
