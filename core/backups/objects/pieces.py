"""Bytes on their way: bodies that report and can be stopped, and counters that many threads may feed.

Facts of boto3 that decided the shape of this room's transfers (1.43):
- ``upload_file`` cannot take IfNoneMatch (boto3#4366), and the CRT client ignores ``endpoint_url`` (boto3#4839): own code,
  classic client. Tuning boto3's own transfer settings gained nothing (0.97-1.11 of the default, 256 MB).
- With a ``ChecksumSHA256`` of our own boto3 adds no second checksum, and reads the body only to sign and to send.
- A ranged GET from some endpoints (rclone) carries the whole object's checksum, and boto3 then refuses good bytes:
  see ``without_checksum_of_ranges``. The whole file is compared at the end instead.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from typing import Any

from core.jobs.job import Job


class Gauge:
    """Bytes done of a total, reported to the job with a rate; any thread may add."""

    def __init__(self, job: Job[Any], total: int, note: str = "") -> None:
        self._job, self._total, self.note = job, total, note
        self._lock = threading.Lock()
        self._done = 0
        self.kept = ""
        """What stays of it after a cancel, in words."""
        self._fresh = 0  # without what was there before: the rate must not boast with it
        self._started = time.monotonic()

    def add(self, count: int, *, reused: bool = False) -> None:
        """Count bytes (negative: they have to be sent again). Raises JobCancelled."""
        with self._lock:
            self._done += count
            if not reused:
                self._fresh += count
            done, fresh = self._done, self._fresh
        seconds = time.monotonic() - self._started
        rate = f"{fresh / seconds / 1e6:,.1f} MB/s" if seconds > 0.5 else ""
        self._job.report(max(done, 0), self._total or None, " · ".join(filter(None, (self.note, rate))))


class Body(io.BytesIO):
    """The body of one request: while it is sent it feeds the gauge, and a cancel stops it within one block.

    botocore reads a body to sign it, too; ``signal_...`` (s3transfer's convention) tells the two apart.
    """

    def __init__(self, content: bytes, gauge: Gauge) -> None:
        super().__init__(content)
        self._gauge, self._sending, self._told = gauge, False, 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if self._sending:
            self._told += len(piece)
            self._gauge.add(len(piece))
        return piece

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if self._sending and self._told and offset == 0 and whence == 0:  # boto3 sends it once more
            self._gauge.add(-self._told)
            self._told = 0
        return super().seek(offset, whence)

    def signal_transferring(self) -> None:
        self._sending = True

    def signal_not_transferring(self) -> None:
        self._sending = False


def reporting(client: Any) -> Any:
    """Let this client tell ``Body`` when it really sends; asking twice is harmless."""
    events = client.meta.events
    events.register_first("request-created.s3", _signing, unique_id="opsdesk-signing")
    events.register_last("request-created.s3", _sending, unique_id="opsdesk-sending")
    return client


def without_checksum_of_ranges(client: Any) -> Any:
    """Do not let boto3 compare the checksum of a whole object with the bytes of a range."""
    client.meta.events.register("before-call.s3.GetObject", _unchecked_range, unique_id="opsdesk-ranges")
    return client


def md5_alone(client: Any) -> Any:
    """Do not let boto3 add a checksum of its own to a part that goes with its MD5: an upload begun without one refuses it."""
    client.meta.events.register("before-call.s3.UploadPart", _only_md5, unique_id="opsdesk-md5")
    return client


def _only_md5(params: dict[str, Any], **_: object) -> None:
    if "Content-MD5" in params["headers"]:
        params["context"].pop("checksum", None)


def _signing(request: Any, **_: object) -> None:
    _signal(request, "signal_not_transferring")


def _sending(request: Any, **_: object) -> None:
    _signal(request, "signal_transferring")


def _signal(request: Any, name: str) -> None:
    signal: Callable[[], None] | None = getattr(request.body, name, None)
    if signal is not None:
        signal()


def _unchecked_range(params: dict[str, Any], **_: object) -> None:
    if "Range" in params["headers"]:
        params["headers"].pop("x-amz-checksum-mode", None)
        params["context"].pop("checksum", None)
