"""Transfers over a network that resets connections, goes away in the middle, and comes back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ConnectionClosedError

from core.aws.session import AwsSession, Target
from core.backups.objects.download import download_file
from core.backups.objects.upload import upload_file
from core.base.errors import OpsError
from core.jobs.job import Job, headless_job
from tests.core.backups.cutter import Cutter
from tests.core.backups.objects.conftest import Store, session_on

MB = 1 << 20


@pytest.fixture
def cutter(store: Store) -> Iterator[Cutter]:
    endpoints = store.aws.target().endpoints
    address = urlsplit(endpoints.get("s3") or endpoints["default"])
    made = Cutter((address.hostname or "", address.port or 0))
    yield made
    made.close()


@pytest.fixture
def through(store: Store, cutter: Cutter) -> AwsSession:
    """The same store, reached through the relay."""
    target: Target = store.aws.target()
    return session_on(cutter.url, target.access_key, target.secret_key)


def test_resets_are_outlived(store: Store, through: AwsSession, cutter: Cutter, tmp_path: Path) -> None:
    bucket, source = store.bucket(), tmp_path / "f"
    source.write_bytes(os.urandom(17 * MB))
    cutter.cut_after, cutter.cuts = 2 * MB, 3
    job = headless_job()
    upload_file(job, through, source, bucket, "k", part_size=5 * MB)
    assert cutter.resets == 3
    assert store.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == source.read_bytes()
    assert job.progress is not None and job.progress.done == 17 * MB  # what was sent twice counts once
    assert store.open_uploads(bucket) == []


@pytest.mark.parametrize(("operation", "size"), [("PutObject", 10), ("CompleteMultipartUpload", 6 * MB)])
def test_a_lost_answer_is_no_failure(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, size: int
) -> None:
    """The object is there, and the second request finds it: ours, whatever it says."""
    monkeypatch.setattr(Job, "sleep", lambda *_: None)
    bucket, source, lost = store.bucket(), tmp_path / "f", list[str]()
    source.write_bytes(os.urandom(size))

    def lose(**_: object) -> None:
        if not lost:
            lost.append(operation)
            raise ConnectionClosedError(endpoint_url="http://there")

    events = store.aws.client("s3", retries=2).meta.events
    events.register(f"after-call.s3.{operation}", lose)
    try:
        upload_file(headless_job(), store.aws, source, bucket, "k", part_size=5 * MB, replace=False)
    finally:
        events.unregister(f"after-call.s3.{operation}", lose)
    assert lost and store.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == source.read_bytes()
    with pytest.raises(OpsError, match="Could not"):
        upload_file(headless_job(), store.aws, source, bucket, "k", part_size=5 * MB, replace=False)
    assert store.open_uploads(bucket) == []


def test_what_arrived_is_kept_and_used_when_the_network_is_back(
    store: Store, through: AwsSession, cutter: Cutter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.backups.objects.upload._PATIENCE", 0.0)
    monkeypatch.setattr("core.backups.objects.download._PATIENCE", 0.0)
    monkeypatch.setattr("core.backups.objects.partial.WORTH_KEEPING", MB)  # a busy reader loses what lay in the sockets
    bucket, source = store.bucket(), tmp_path / "f"
    source.write_bytes(os.urandom(30 * MB))
    cutter.leave_after = 18 * MB
    with pytest.raises(OpsError) as up:
        upload_file(headless_job(), through, source, bucket, "k", part_size=5 * MB, workers=1)
    assert up.value.code == "unreachable" and "kept" in up.value.remedy
    assert store.keys(bucket) == set() and len(store.open_uploads(bucket)) == 1
    cutter.come_back()
    sent = upload_file(headless_job(), through, source, bucket, "k", part_size=5 * MB)
    assert sent.reused == 15 * MB
    assert store.open_uploads(bucket) == []

    target = tmp_path / "back"
    cutter.leave_after = 12 * MB
    with pytest.raises(OpsError) as down:
        download_file(headless_job(), through, bucket, "k", target, part_size=MB, workers=1)
    assert down.value.code == "unreachable" and not target.exists()
    cutter.come_back()
    got = download_file(headless_job(), through, bucket, "k", target)
    assert MB <= got.reused <= 12 * MB
    assert target.read_bytes() == source.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["back", "f", "own"]
