"""Uploading what comes through a pipe: of unknown length, kept nowhere, and no object before its end was seen."""

from __future__ import annotations

import mimetypes
import os
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

from core.aws.session import AwsSession
from core.backups.objects.pieces import Gauge
from core.backups.objects.upload import is_ours
from core.backups.objects.values import Moved
from core.backups.upload import MultipartUpload
from core.base.errors import OpsError
from core.jobs.job import Job

_BLOCK = 1 << 20


def upload_stream(
    job: Job[Any],
    aws: AwsSession,
    source: int,
    bucket: str,
    key: str,
    *,
    part_size: int,
    workers: int,
    replace: bool,
    extra: dict[str, Any],
) -> Moved:
    """All that comes from the descriptor ``source`` until its end, put at ``key``. Memory: ``workers + 2`` parts.

    A cancel or any trouble leaves nothing behind: what was read cannot be read again. Whether the program that wrote it
    was content nobody can see from here; that it wrote nothing at all is refused. Raises OpsError: ``empty``, ``exists``.
    """
    started, client = time.monotonic(), aws.client("s3", retries=2)
    arguments = {"ContentType": mimetypes.guess_type(key)[0] or "application/octet-stream", **extra}
    gauge = Gauge(job, 0, "read")
    with MultipartUpload(
        job, client, bucket, key, part_size=part_size, workers=workers, extra=arguments, replace=replace
    ) as upload:
        for block in _blocks(job, source):
            upload.write(block)
            gauge.add(len(block))
        if not upload.size:
            raise OpsError(
                "Nothing came through the pipe",
                f"The program before it wrote nothing; no object was made at {key}",
                "See what that program says",
                code="empty",
            )
        upload.seal()
        sums = (upload.composite_sha256, upload.composite_sha256.partition("-")[0])
        try:
            upload.complete()
        except OpsError as error:  # its first answer may have been lost, and then it knows the upload no more
            if error.details.get("code") != "NoSuchUpload" or not is_ours(client, bucket, key, upload.size, sums):
                raise
    return Moved(1, upload.size, seconds=time.monotonic() - started)


def _blocks(job: Job[Any], source: int) -> Iterator[bytes]:
    """Read by a thread: a program that writes nothing for an hour must not keep anybody from cancelling."""
    read: queue.Queue[bytes | OSError] = queue.Queue(2)
    threading.Thread(target=_read, args=(source, read), name="pipe", daemon=True).start()
    while True:
        job.checkpoint()
        try:
            block = read.get(timeout=0.2)
        except queue.Empty:
            continue
        if isinstance(block, OSError):
            raise OpsError("The pipe cannot be read", block.strerror or str(block), "Nothing was uploaded", code="file")
        if not block:
            return
        yield block


def _read(source: int, blocks: queue.Queue[bytes | OSError]) -> None:
    try:
        while block := os.read(source, _BLOCK):
            blocks.put(block)
        blocks.put(b"")
    except OSError as error:
        blocks.put(error)
