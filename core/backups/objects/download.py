"""Downloading one object: in ranges, resumable, compared with its checksum, and under its name only when whole."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import IO, Any

from core.aws.session import AwsSession
from core.backups.objects import archived
from core.backups.objects.facts import unseen
from core.backups.objects.fingerprint import Fingerprint
from core.backups.objects.partial import KEPT_DAYS, Partial
from core.backups.objects.pieces import Gauge, without_checksum_of_ranges
from core.backups.objects.upload import Slice, slices
from core.backups.objects.values import Moved
from core.backups.upload import patiently
from core.base.errors import OpsError
from core.jobs.job import Job, JobCancelled

_PATIENCE = 45.0
_BLOCK = 512 << 10
_SYNCED_EVERY = 32 << 20  # 256 MB synced at the end alone took half as long again as the download


def download_file(
    job: Job[Any],
    aws: AwsSession,
    bucket: str,
    key: str,
    path: Path,
    *,
    version: str = "",
    part_size: int = 8 << 20,
    workers: int = 3,
    replace: bool = True,
    gauge: Gauge | None = None,
) -> Moved:
    """Write the object to ``path``, which shows its old content or all of the new, never a part.

    What arrives is gathered in a hidden neighbour of ``path`` (see ``Partial``). A cancel, a broken connection or a kill
    leaves it there, and the next download of the same object to the same place goes on where it ended. The whole is
    compared with the sum that S3 keeps of it. Memory: (workers + 1) ranges.
    Raises OpsError: ``exists`` (replace False), ``locked``, ``changed``, ``damaged``, ``disk``, ``archived``.
    """
    started, alone = time.monotonic(), gauge is None
    if path.exists() and not replace:
        raise OpsError(f"{path.name} is already there", f"In {path.parent}", "Choose another name", code="exists")
    client, which, head = _head(job, aws, bucket, key, version)
    size, etag = int(head["ContentLength"]), head.get("ETag", "")
    gauge = gauge or Gauge(job, size, path.name)
    partial = Partial(path, bucket, key, head)
    _make_room(path, size, partial)
    prints = patiently(
        job, f"look at {key}", lambda: Fingerprint(client, which, head, job.checkpoint), patience=_PATIENCE
    )
    fetch = _Ranges(job, client, which, etag, gauge)
    try:
        with partial.opened() as file:
            trusted = bool(etag) and (partial.settled or bool(prints.words))
            reused = _taken_up(job, file, size if trusted else 0, prints, gauge)
            with _Syncing(file) as syncing:
                for content in fetch.run(size, reused, part_size, workers):
                    file.write(content)
                    syncing.wrote(len(content))
                    prints.update(content)
                syncing.finish()
            words = [prints.compare(key, lambda: _blocks(job, file))]
        partial.finish(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    except JobCancelled:
        if alone and (kept := partial.size):
            job.conclude(
                f"{kept:,} of {size:,} bytes arrived; they are kept for {KEPT_DAYS} days, and used when it is downloaded "
                "again to the same place"
            )
        raise
    except OpsError as error:
        if error.code != "locked" and partial.size:
            first = "" if error.remedy in ("", "Try again") else f"{error.remedy.rstrip('.')}. "
            error.remedy = f"{first}Download it again to the same place: what has arrived is kept and used"
        raise
    if partial.dropped:
        words.append(f"{partial.dropped:,} bytes of unfinished older downloads were removed beside it")
    return Moved(1, size, reused, time.monotonic() - started, words=tuple(words))


def stream_object(
    job: Job[Any],
    aws: AwsSession,
    bucket: str,
    key: str,
    out: IO[bytes],
    *,
    version: str = "",
    part_size: int = 8 << 20,
    workers: int = 3,
) -> Moved:
    """The object's bytes into a pipe, in their order. Whether they were right is known at the end only: raises OpsError
    (``damaged``, ``changed``) after they are out."""
    started = time.monotonic()
    client, which, head = _head(job, aws, bucket, key, version)
    size = int(head["ContentLength"])
    prints = patiently(
        job, f"look at {key}", lambda: Fingerprint(client, which, head, job.checkpoint), patience=_PATIENCE
    )
    fetch = _Ranges(job, client, which, head.get("ETag", ""), Gauge(job, size, key.rsplit("/", 1)[-1]))
    for content in fetch.run(size, 0, part_size, workers):
        out.write(content)
        prints.update(content)
    out.flush()
    return Moved(1, size, seconds=time.monotonic() - started, words=(prints.compare(key),))


def _head(
    job: Job[Any], aws: AwsSession, bucket: str, key: str, version: str
) -> tuple[Any, dict[str, str], dict[str, Any]]:
    """The client for ranges, which object is meant, and what S3 says of it."""
    client = without_checksum_of_ranges(aws.client("s3", retries=2))
    which = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    try:
        head = patiently(
            job, f"look at {key}", lambda: client.head_object(**which, ChecksumMode="ENABLED"), patience=_PATIENCE
        )
    except OpsError as error:
        raise unseen(error, key) from error
    return client, which, head


def _unwritable(path: Path, error: OSError) -> OpsError:
    if isinstance(error, IsADirectoryError | NotADirectoryError | FileExistsError):
        return OpsError(
            f"{path.name} cannot be written",
            f"A folder and a file would have the same name ({error.filename2 or error.filename})",
            "Download it alone, under another name",
            code="name",
        )
    return OpsError(
        f"{path.name} could not be written",
        f"{error.strerror or error} ({path.parent})",
        "Free some space or choose another folder, then try again",
        code="disk",
    )


def _make_room(path: Path, size: int, partial: Partial) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        have = partial.size
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise _unwritable(path, error) from error
    if path.is_dir():
        raise OpsError(f"{path.name} is a folder here", f"In {path.parent}", "Choose another name", code="name")
    if path.exists() and not path.is_file():  # /dev/null, say, for somebody who only wants to know whether it downloads
        raise OpsError(
            f"{path} is no regular file",
            "A device or a pipe would be replaced by a file",
            "Choose another name",
            code="name",
        )
    if free < size - have:
        raise OpsError(
            f"There is no room for {path.name}",
            f"It needs {size - have:,} bytes, {path.parent} has {free:,} free",
            "Free some space or choose another folder",
            code="disk",
        )


class _Syncing:
    """Brings what was written to the disk while more of it arrives; ``finish`` returns once all of it is there.

    The first trouble of the disk is raised by ``finish``: the system tells each of it only once.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._waiting = 0
        self._more, self._over = threading.Event(), False
        self._error: OSError | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> _Syncing:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def wrote(self, count: int) -> None:
        self._waiting += count
        if self._waiting < _SYNCED_EVERY:
            return
        self._waiting = 0
        if self._thread is None:  # small files need no thread
            self._thread = threading.Thread(target=self._work, name="sync", daemon=True)
            self._thread.start()
        self._more.set()

    def finish(self) -> None:
        self._end()
        if self._error is not None:
            raise self._error
        self._file.flush()
        os.fsync(self._file.fileno())

    def _end(self) -> None:
        self._over = True
        self._more.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while self._more.wait():
            self._more.clear()
            if self._over:  # set before the event is: asked after clearing, it is never overlooked
                return
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                self._error = error
                return


def _taken_up(job: Job[Any], file: IO[bytes], most: int, prints: Fingerprint, gauge: Gauge) -> int:
    """What an earlier try left, read into the fingerprint; more than ``most`` is no use at all."""
    have = os.fstat(file.fileno()).st_size
    if have > most:
        file.truncate(0)
        return 0
    for piece in _blocks(job, file):
        prints.update(piece)
        gauge.add(len(piece), reused=True)
    return have


def _blocks(job: Job[Any], file: IO[bytes]) -> Iterator[bytes]:
    """All that the file holds."""
    file.seek(0)
    while piece := file.read(1 << 20):
        job.checkpoint()
        yield piece


class _Ranges:
    """Fetches ranges in parallel and hands them out in order."""

    def __init__(self, job: Job[Any], client: Any, which: dict[str, str], etag: str, gauge: Gauge) -> None:
        self._job, self._client, self._which, self._gauge = job, client, which, gauge
        self._same = {"IfMatch": etag} if etag else {}
        self._key = which["Key"]

    def run(self, size: int, done: int, part_size: int, workers: int) -> Any:
        if done >= size:
            return
        if done == 0 and size <= part_size:
            yield self._get(Slice(1, 0, size), whole=True)
            return
        todo = deque(Slice(item.number, done + item.start, item.size) for item in slices(size - done, part_size))
        pool = ThreadPoolExecutor(workers, thread_name_prefix="range")
        coming: deque[Future[bytearray]] = deque()
        try:
            while todo or coming:
                while todo and len(coming) <= workers:
                    coming.append(pool.submit(self._get, todo.popleft()))
                yield self._wait(coming.popleft())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _wait(self, future: Future[bytearray]) -> bytearray:
        while True:
            try:
                return future.result(timeout=0.2)
            except NotYet:
                self._job.checkpoint()

    def _get(self, item: Slice, *, whole: bool = False) -> bytearray:
        try:
            return patiently(
                self._job, f"download {self._key}", lambda: self._read(item, whole=whole), patience=_PATIENCE
            )
        except OpsError as error:
            code = error.details.get("code", "")
            if code == "PreconditionFailed" or (code == "InvalidRange" and not whole):
                raise OpsError(
                    f"{self._key} changed while it was being downloaded",
                    "Somebody wrote another object under this key",
                    "Download it again",
                    code="changed",
                ) from error
            raise archived.told(error, self._key) from error

    def _read(self, item: Slice, *, whole: bool) -> bytearray:
        from botocore.exceptions import IncompleteReadError

        self._job.checkpoint()
        span = {} if whole else {"Range": f"bytes={item.start}-{item.start + item.size - 1}"}
        body = self._client.get_object(**self._which, **self._same, **span)["Body"]
        content = bytearray()
        arrived = False
        try:
            while piece := body.read(_BLOCK):
                content += piece
                self._gauge.add(len(piece))
            arrived = len(content) == item.size
        except IncompleteReadError as error:
            raise self._cut(len(content), item.size) from error
        finally:
            body.close()
            if not arrived:  # it is read again, or not at all: it counts no longer
                self._gauge.add(-len(content))
        if not arrived:
            raise self._cut(len(content), item.size)
        return content

    def _cut(self, got: int, wanted: int) -> OpsError:
        return OpsError(
            f"Could not download {self._key}",
            f"The connection closed after {got:,} of {wanted:,} bytes",
            "Try again",
            code="unreachable",
        )
