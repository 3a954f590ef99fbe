"""A multipart upload from a stream: bounded memory, patient with a broken network, and nothing visible until it is complete."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from core.aws.faults import explained, translated
from core.base.errors import OpsError
from core.jobs.job import Job

T = TypeVar("T")

_PARTS_PER_SIZE = 1000  # S3 allows 10,000 parts: the size doubles every 1,000 (8 MiB parts would end at 78 GiB)
_PATIENCE = 180.0  # seconds of failing before giving up: outlives a router's restart
_PASSING = ("unreachable", "throttled", "server")


def patiently(job: Job[Any], doing: str, call: Callable[[], T], *, patience: float = _PATIENCE) -> T:
    """Call until it works: again after 1, 2, 4, 8, 15, 15... seconds while the endpoint does not answer or is too busy.

    Raises OpsError for anything else, and for passing trouble once ``patience`` seconds were spent waiting.
    """
    waited, pause = 0.0, 1.0
    while True:
        job.checkpoint()
        try:
            with explained(doing):
                return call()
        except OpsError as error:
            if error.code not in _PASSING or waited >= patience:
                raise
        job.sleep(pause)
        waited += pause
        pause = min(pause * 2, 15.0)


class MultipartUpload:
    """One object on its way up: ``write``, ``seal``, ``complete``. Use as ``with``: leaving it before it is complete aborts,
    and nothing stays behind.

    client: an S3 client with few hidden retries (this class is patient itself). extra: more arguments of
    CreateMultipartUpload (storage class, encryption, metadata). Memory: ``workers + 1`` parts.
    """

    def __init__(
        self,
        job: Job[Any],
        client: Any,
        bucket: str,
        key: str,
        *,
        part_size: int = 8 << 20,
        workers: int = 3,
        extra: dict[str, Any] | None = None,
        replace: bool = False,
        opened: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._job, self._client = job, client
        self._where = {"Bucket": bucket, "Key": key}
        self._part_size, self._extra, self._opened = part_size, extra or {}, opened
        self._guard = {} if replace else {"IfNoneMatch": "*"}
        self._room = threading.Semaphore(workers)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="part")
        self._sending: list[Future[dict[str, Any]]] = []
        self._buffer = bytearray()
        self._parts: list[dict[str, Any]] = []
        self._done = False
        self.upload_id = ""
        self.size = 0
        self.completing = False
        self.composite_sha256 = ""
        """What S3 calls the composite checksum: base64 of the SHA-256 of the parts' SHA-256, "-", number of parts."""

    def __enter__(self) -> MultipartUpload:
        answer = patiently(
            self._job,
            "begin the upload",
            lambda: self._client.create_multipart_upload(**self._where, ChecksumAlgorithm="SHA256", **self._extra),
        )
        self.upload_id = answer["UploadId"]
        try:
            self._opened(self.upload_id)
        except BaseException:  # nobody would know of it, and nobody could abort it later
            self._abort()
            raise
        return self

    def write(self, data: bytes) -> None:
        """Take more of the stream; waits while all workers are busy. Raises what a part failed with."""
        self._buffer += data
        self.size += len(data)
        while len(self._buffer) >= self._size_of_next():
            size = self._size_of_next()
            part = self._buffer[:size]
            del self._buffer[:size]
            self._send(part)

    def seal(self) -> None:
        """Send the rest and wait until every part has arrived: from here on ``composite_sha256`` is known."""
        if self._buffer or not self._sending:
            self._send(self._buffer)
            self._buffer = bytearray()
        self._parts = [future.result() for future in self._sending]
        digest = hashlib.sha256(b"".join(base64.b64decode(part["ChecksumSHA256"]) for part in self._parts))
        self.composite_sha256 = f"{base64.b64encode(digest.digest()).decode()}-{len(self._parts)}"

    def complete(self) -> None:
        """Make the sealed object appear; raises OpsError (code ``exists``) where the key is taken, unless it may be replaced."""
        self.completing = True
        patiently(
            self._job,
            "complete the upload",
            lambda: self._client.complete_multipart_upload(
                **self._where, UploadId=self.upload_id, MultipartUpload={"Parts": self._parts}, **self._guard
            ),
        )
        self._done = True

    def __exit__(self, *_: object) -> None:
        for future in self._sending:
            future.cancel()
        if not self._done:
            self._abort()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if not self._done:
            self._abort()  # a part that was in flight at the first abort may have landed after it

    def _size_of_next(self) -> int:
        return self._part_size << (len(self._sending) // _PARTS_PER_SIZE)

    def _send(self, part: bytearray) -> None:
        number = len(self._sending) + 1
        while not self._room.acquire(timeout=0.2):
            self._job.checkpoint()
        failed = next((future for future in self._sending if future.done() and future.exception()), None)
        if failed:
            self._room.release()
            failed.result()
        self._sending.append(self._pool.submit(self._put, number, part))

    def _put(self, number: int, part: bytearray) -> dict[str, Any]:
        # A bytearray on purpose: botocore glues headers and ``bytes`` into one, which doubles each part in flight.
        try:
            checksum = base64.b64encode(hashlib.sha256(part).digest()).decode()
            answer = patiently(
                self._job,
                f"upload part {number}",
                lambda: self._client.upload_part(
                    **self._where, UploadId=self.upload_id, PartNumber=number, Body=part, ChecksumSHA256=checksum
                ),
            )
            return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}
        finally:
            self._room.release()

    def _abort(self) -> None:
        abort_upload(self._client, self._where["Bucket"], self._where["Key"], self.upload_id)


def abort_upload(client: Any, bucket: str, key: str, upload_id: str) -> OpsError | None:
    """Abort; None where it is gone now, else why it may still be there (the ledger remembers it for the next run)."""
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except Exception as error:
        trouble = translated(error, "abort the upload")
        return None if trouble.details.get("code") == "NoSuchUpload" else trouble
    return None
