"""What comes through a pipe: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ConnectionClosedError

from core.backups.objects.piped import upload_stream
from core.base.errors import OpsError
from core.jobs.job import Job, JobState, headless_job

PART = 50_000
GONE = {"Error": {"Code": "NoSuchUpload", "Message": "gone"}, "ResponseMetadata": {"HTTPStatusCode": 404}}


@contextlib.contextmanager
def pipe(content: bytes, *, ends: bool = True) -> Iterator[int]:
    """A descriptor that ``content`` comes through; whoever writes it stays silent afterwards if ``ends`` is False."""
    source, target = os.pipe()

    def write() -> None:
        with contextlib.suppress(BrokenPipeError):
            left = content
            while left:
                left = left[os.write(target, left) :]
        if ends:
            os.close(target)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield source
    finally:
        writer.join()
        if not ends:
            os.close(target)
        os.close(source)


def up(store, source: int, bucket: str, *, replace: bool = True, job: Job | None = None):
    return upload_stream(
        job or headless_job(),
        store.aws,
        source,
        bucket,
        "dump.sql",
        part_size=PART,
        workers=2,
        replace=replace,
        extra={},
    )


@pytest.mark.parametrize("size", [1, PART, 3 * PART + 7])
def test_what_comes_through_a_pipe_becomes_an_object(either, size: int) -> None:
    bucket, content = either.bucket(), os.urandom(size)
    with pipe(content) as source:
        assert up(either, source, bucket).size == size
    assert either.s3.get_object(Bucket=bucket, Key="dump.sql")["Body"].read() == content
    assert either.open_uploads(bucket) == []


def test_nothing_stays_of_a_pipe_that_nothing_came_through_or_that_broke(either, tmp_path: Path) -> None:
    bucket = either.bucket()
    with pipe(b"") as source, pytest.raises(OpsError, match="Nothing came through"):
        up(either, source, bucket)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(OpsError, match="cannot be read"):
            up(either, folder, bucket)
    finally:
        os.close(folder)
    assert either.keys(bucket) == set() and either.open_uploads(bucket) == []


def test_what_is_there_is_replaced_only_where_that_was_asked(store) -> None:
    bucket = store.bucket()
    store.fill(bucket, {"dump.sql": b"first"})
    with pipe(b"second") as source, pytest.raises(OpsError) as caught:
        up(store, source, bucket, replace=False)
    assert caught.value.code == "exists" and store.open_uploads(bucket) == []
    assert store.s3.get_object(Bucket=bucket, Key="dump.sql")["Body"].read() == b"first"
    with pipe(b"second") as source:
        up(store, source, bucket)
    assert store.s3.get_object(Bucket=bucket, Key="dump.sql")["Body"].read() == b"second"


@pytest.mark.usefixtures("every_report")
def test_a_silent_pipe_can_be_cancelled_and_leaves_nothing(either) -> None:
    bucket = either.bucket()

    def stop(job: Job) -> None:
        if job.progress and job.progress.done >= 2 * PART:
            job.cancel()

    with pipe(os.urandom(2 * PART), ends=False) as source:
        job = Job("up", lambda j: up(either, source, bucket, job=j), (stop,))
        job.run()
        assert job.state is JobState.CANCELLED
    assert either.keys(bucket) == set() and either.open_uploads(bucket) == []


def test_a_lost_answer_to_the_last_request_is_no_failure(store, monkeypatch) -> None:
    """A pipe cannot be read again: the second request finds the upload gone (AWS's way; the sandbox knows it still), and
    the object is ours."""
    monkeypatch.setattr(Job, "sleep", lambda *_: None)
    bucket, content, lost = store.bucket(), os.urandom(2 * PART), list[int]()

    def lose(**_: object) -> None:
        if not lost:
            lost.append(1)
            raise ConnectionClosedError(endpoint_url="http://there")

    def gone(**_: object) -> object:
        return (SimpleNamespace(status_code=404), GONE) if lost else None

    events = store.aws.client("s3", retries=2).meta.events
    events.register("after-call.s3.CompleteMultipartUpload", lose)
    events.register("before-call.s3.CompleteMultipartUpload", gone)
    try:
        with pipe(content) as source:
            assert up(store, source, bucket).size == 2 * PART
        with pipe(b"other") as source, pytest.raises(OpsError, match="complete the upload"):
            up(store, source, bucket)
    finally:
        events.unregister("after-call.s3.CompleteMultipartUpload", lose)
        events.unregister("before-call.s3.CompleteMultipartUpload", gone)
    assert lost and store.s3.get_object(Bucket=bucket, Key="dump.sql")["Body"].read() == content
