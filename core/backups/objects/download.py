"""Downloading one object: in ranges, resumable, compared with its checksum, and under its name only when whole."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import shutil
import threading
import time
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import IO, Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.objects import archived
from core.backups.objects.facts import unseen
from core.backups.objects.pieces import Gauge, without_checksum_of_ranges
from core.backups.objects.upload import PASSING, Slice, slices
from core.backups.objects.values import Moved
from core.backups.upload import patiently
from core.base.errors import OpsError
from core.jobs.job import Job

_PATIENCE = 45.0
_BLOCK = 512 << 10
_SYNCED_EVERY = 32 << 20  # 256 MB synced at the end alone took half as long again as the download
_MD5 = re.compile(r"[0-9a-f]{32}$")


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

    Bytes are gathered in a hidden neighbour of ``path``. A cancel removes it; after a broken connection it stays, and
    the next try goes on where it ended if the object is still the same (If-Match). Memory: (workers + 1) ranges.
    Raises OpsError: ``exists`` (replace False), ``changed``, ``damaged``, ``disk``, ``archived``.
    """
    started = time.monotonic()
    client = without_checksum_of_ranges(aws.client("s3", retries=2))
    which = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    if path.exists() and not replace:
        raise OpsError(f"{path.name} is already there", f"In {path.parent}", "Choose another name", code="exists")
    try:
        head = patiently(
            job, f"look at {key}", lambda: client.head_object(**which, ChecksumMode="ENABLED"), patience=_PATIENCE
        )
    except OpsError as error:
        raise unseen(error, key) from error
    size = int(head["ContentLength"])
    gauge = gauge or Gauge(job, size, path.name)
    partial = _partial(path, bucket, key, head.get("ETag", ""))
    _make_room(path, size, partial)
    fetch = _Ranges(job, client, which, head.get("ETag", ""), gauge)
    prints = _Fingerprint(client, which, head)
    keep = False
    try:
        with _opened(partial) as file, _Syncing(file) as syncing:
            reused = _taken_up(job, file, size, prints)
            gauge.add(reused, reused=True)
            for content in fetch.run(size, reused, part_size, workers):
                file.write(content)
                syncing.wrote(len(content))
                prints.update(content)
            syncing.finish()
        words = prints.compare(key)
        when = head["LastModified"].timestamp()
        os.utime(partial, (when, when))  # lets the next run of a folder see what it has already
        partial.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    except OpsError as error:
        keep = error.code in PASSING
        if keep:
            error.remedy = "Download it again to the same place: what has arrived is kept and used"
        raise
    finally:
        if not keep:
            partial.unlink(missing_ok=True)
    return Moved(1, size, reused, time.monotonic() - started, words=(words,))


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


def _partial(path: Path, bucket: str, key: str, etag: str) -> Path:
    """The hidden neighbour: its name stands for this object with these bytes and this target."""
    digest = hashlib.sha256("\0".join((bucket, key, etag, path.name)).encode("utf-8", "surrogatepass")).hexdigest()
    return path.with_name(f".opsdesk-{digest[:24]}.part")


def is_partial(name: str) -> bool:
    """Whether a file of that name holds what has arrived of an interrupted download."""
    return name.startswith(".opsdesk-") and name.endswith(".part")


def _make_room(path: Path, size: int, partial: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        have = partial.stat().st_size if partial.exists() else 0
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


@contextlib.contextmanager
def _opened(partial: Path) -> Any:
    # With the mode that any new file gets: to ask for the process's mask means to change it for all threads.
    handle = os.open(partial, os.O_RDWR | os.O_CREAT, 0o666)
    with os.fdopen(handle, "r+b") as file:
        yield file


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


def _taken_up(job: Job[Any], file: IO[bytes], size: int, prints: _Fingerprint) -> int:
    """What an earlier try left, read into the fingerprint; too much is no use at all."""
    have = os.fstat(file.fileno()).st_size
    if have > size:
        file.truncate(0)
        return 0
    while piece := file.read(1 << 20):
        job.checkpoint()
        prints.update(piece)
    return have


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


class _Fingerprint:
    """The strongest sum that S3 keeps of this object, made again from the bytes as they arrive."""

    def __init__(self, client: Any, which: dict[str, str], head: dict[str, Any]) -> None:
        self._etag = head.get("ETag", "").strip('"')
        self._sha256, self._crc32 = head.get("ChecksumSHA256", ""), head.get("ChecksumCRC32", "")
        self._kind = "none"
        self._part = 0
        if self._sha256 and "-" not in self._sha256:
            self._kind, self._hash = "SHA-256", hashlib.sha256()
        elif self._sha256:
            self._part = _part_size(client, which, int(head["ContentLength"]), int(self._sha256.rpartition("-")[2]))
            if self._part:
                self._kind, self._hash, self._room = "SHA-256 by parts", hashlib.sha256(), self._part
                self._sums: list[bytes] = []
        elif self._crc32 and "-" not in self._crc32:
            self._kind, self._crc = "CRC-32", 0
        elif _MD5.match(self._etag) and "KMS" not in head.get("ServerSideEncryption", "").upper():
            self._kind, self._hash = "MD5", hashlib.md5()

    def update(self, content: bytes | bytearray) -> None:
        if self._kind == "CRC-32":
            self._crc = zlib.crc32(content, self._crc)
        elif self._kind == "SHA-256 by parts":
            view = memoryview(content)
            while view:
                piece = view[: self._room]
                self._hash.update(piece)
                self._room -= len(piece)
                view = view[len(piece) :]
                if not self._room:
                    self._close_part()
        elif self._kind != "none":
            self._hash.update(content)

    def compare(self, key: str) -> str:
        """What was compared, in words; raises OpsError (``damaged``) where it differs."""
        if self._kind == "none":
            return "This endpoint keeps no sum of the object that could be compared; its size is right"
        if self._kind == "CRC-32":
            ours, theirs = base64.b64encode(self._crc.to_bytes(4, "big")).decode(), self._crc32
        elif self._kind == "MD5":
            ours, theirs = self._hash.hexdigest(), self._etag
        elif self._kind == "SHA-256":
            ours, theirs = base64.b64encode(self._hash.digest()).decode(), self._sha256
        else:
            if self._room != self._part:
                self._close_part()
            total = hashlib.sha256(b"".join(self._sums)).digest()
            ours, theirs = f"{base64.b64encode(total).decode()}-{len(self._sums)}", self._sha256
        if ours != theirs:
            raise OpsError(
                f"{key} arrived damaged",
                f"Its {self._kind} is {theirs} there, {ours} here",
                "Download it again; if it stays so, the object itself is damaged",
                code="damaged",
            )
        return f"Its {self._kind} was compared"

    def _close_part(self) -> None:
        self._sums.append(self._hash.digest())
        self._hash, self._room = hashlib.sha256(), self._part


def _part_size(client: Any, which: dict[str, str], size: int, count: int) -> int:
    """The size of an object's parts, if all but the last are alike; 0 where nobody can tell."""
    try:  # needs the right to read attributes
        with explained("ask for the parts"):
            answer = client.get_object_attributes(**which, ObjectAttributes=["ObjectParts"], MaxParts=1)
        first = int(answer["ObjectParts"]["Parts"][0]["Size"])
    except (OpsError, KeyError, IndexError):
        try:
            with explained("look at the first part"):
                first = int(client.head_object(**which, PartNumber=1)["ContentLength"])
        except OpsError:
            return 0
    return first if first and -(-size // first) == count else 0
