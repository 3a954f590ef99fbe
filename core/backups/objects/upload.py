"""Uploading one file: whole or in parts, resumable, and nothing of it visible before all of it is there."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.objects.pieces import Body, Gauge, md5_alone, reporting
from core.backups.objects.sums import SUMS, sum_of
from core.backups.objects.values import Moved
from core.backups.upload import abort_upload, patiently
from core.base.errors import OpsError
from core.jobs.job import Job, JobCancelled

MOST_PARTS = 10_000
WORTH_KEEPING = 64 << 20
"""Bytes of parts that stay after a cancel, where that was asked; fewer are soon sent again."""
PASSING = ("unreachable", "throttled", "server", "expired")
"""Codes of trouble that may be over soon: what has arrived is kept for the next try."""
_PATIENCE = 45.0  # somebody is watching: shorter than a nightly backup's


@dataclass(frozen=True, slots=True)
class Slice:
    number: int
    start: int
    size: int


def slices(size: int, part_size: int) -> list[Slice]:
    """The parts of a file of ``size`` bytes; the part size doubles until 10,000 are enough."""
    while part_size * MOST_PARTS < size:
        part_size *= 2
    return [
        Slice(number + 1, start, min(part_size, size - start)) for number, start in enumerate(range(0, size, part_size))
    ]


def upload_file(
    job: Job[Any],
    aws: AwsSession,
    path: Path,
    bucket: str,
    key: str,
    *,
    part_size: int = 16 << 20,
    workers: int = 3,
    replace: bool = True,
    extra: dict[str, Any] | None = None,
    gauge: Gauge | None = None,
    going_on: str = "",
    keep: bool = False,
) -> Moved:
    """Put ``path`` at ``key``.

    replace False: raises OpsError (``exists``) where something is there, also if it came meanwhile (If-None-Match).
    extra: more arguments of PutObject/CreateMultipartUpload (StorageClass, Metadata, ...).
    going_on: the unfinished upload to end; raises OpsError (``other-file``) where this is not its file, and leaves it
        as it is whatever happens.
    keep: what stays after a cancel if it is much: the parts that arrived (``gauge.kept`` says so).
    Otherwise a cancel leaves nothing behind. After a broken connection or a kill the parts that arrived stay: uploading the
    same file to the same key again compares them (MD5 or SHA-256) and sends only the others, also where another program began it.
    """
    started = time.monotonic()
    before = _state(path)
    size = before[0]
    alone, gauge = gauge is None, gauge or Gauge(job, size, path.name)
    arguments = {"ContentType": mimetypes.guess_type(path.name)[0] or "application/octet-stream", **(extra or {})}
    client = md5_alone(reporting(aws.client("s3", retries=2)))
    if size <= part_size and not going_on:
        _put_whole(job, client, path, bucket, key, arguments, gauge, replace=replace)
        reused = 0
    else:
        sending = _Parts(job, client, path, bucket, key, size, gauge, going_on, keep=keep)
        try:
            reused = sending.run(part_size, workers, arguments, before, replace=replace)
        except JobCancelled:
            if alone and gauge.kept:
                job.conclude(gauge.kept)
            raise
    return Moved(1, size, reused, time.monotonic() - started)


def _state(path: Path) -> tuple[int, int]:
    try:
        facts = path.stat()
    except OSError as error:
        raise OpsError(
            f"{path.name} cannot be read", error.strerror or str(error), "Check the file", code="file"
        ) from error
    return facts.st_size, facts.st_mtime_ns


def _read(path: Path, start: int, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read(size)
    except OSError as error:
        raise OpsError(
            f"{path.name} cannot be read", error.strerror or str(error), "Check the file", code="file"
        ) from error
    if len(content) != size:
        raise _changed(path)
    return content


def _changed(path: Path) -> OpsError:
    return OpsError(
        f"{path.name} changed while it was being uploaded",
        "Another program writes to it",
        "Nothing was published; upload it again when it is at rest",
        code="changed",
    )


def _put_whole(
    job: Job[Any],
    client: Any,
    path: Path,
    bucket: str,
    key: str,
    arguments: dict[str, Any],
    gauge: Gauge,
    *,
    replace: bool,
) -> None:
    content = _read(path, 0, _state(path)[0])
    checksum = sum_of("SHA256", content)
    arguments = {**arguments, "ChecksumSHA256": checksum, **({} if replace else {"IfNoneMatch": "*"})}
    put = _Counted(lambda: client.put_object(Bucket=bucket, Key=key, Body=Body(content, gauge), **arguments))
    try:
        patiently(job, f"upload {path.name}", put, patience=_PATIENCE)
    except OpsError as error:
        if error.code != "exists" or not put.again or not is_ours(client, bucket, key, len(content), (checksum,)):
            raise


class _Counted:
    """A call, and whether it was made more than once: then what it finds there may be its own work, whose answer was lost."""

    def __init__(self, call: Callable[[], dict[str, Any]]) -> None:
        self._call, self._times = call, 0

    def __call__(self) -> dict[str, Any]:
        self._times += 1
        return self._call()

    @property
    def again(self) -> bool:
        return self._times > 1


def is_ours(client: Any, bucket: str, key: str, size: int, sums: tuple[str, ...]) -> bool:
    """Whether the object there has our bytes, as far as the endpoint tells."""
    try:
        with explained(f"look at {key}"):
            head = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except OpsError:
        return False
    return int(head["ContentLength"]) == size and head.get("ChecksumSHA256", "") in sums


class _Parts:
    """One multipart upload from a file."""

    def __init__(
        self,
        job: Job[Any],
        client: Any,
        path: Path,
        bucket: str,
        key: str,
        size: int,
        gauge: Gauge,
        going_on: str,
        *,
        keep: bool,
    ) -> None:
        self._job, self._client, self._path, self._gauge = job, client, path, gauge
        self._bucket, self._key, self._size = bucket, key, size
        self._where = {"Bucket": bucket, "Key": key}
        self._going_on, self._keep = going_on, keep
        self._sum = "SHA256"  # what the upload was begun with: parts with another one are refused when put together

    def run(
        self, part_size: int, workers: int, arguments: dict[str, Any], before: tuple[int, int], *, replace: bool
    ) -> int:
        """Send, complete, compare; returns how many bytes were there already."""
        upload_id, plan, done = self._found(arguments) or self._begun(part_size, arguments)
        reused = sum(item.size for item in plan if item.number in done)
        self._gauge.add(reused, reused=True)
        try:
            self._send([item for item in plan if item.number not in done], upload_id, workers, done)
            if _state(self._path) != before:
                raise _changed(self._path)
            self._complete(upload_id, [done[item.number] for item in plan], replace=replace)
        except BaseException as error:
            if isinstance(error, OpsError) and error.code in PASSING:
                error.remedy = "Upload it again to the same place: the parts that arrived are kept and used"
            elif isinstance(error, JobCancelled):
                self._leave(upload_id, sum(item.size for item in plan if item.number in done))
            elif not self._going_on:
                abort_upload(self._client, self._bucket, self._key, upload_id)
            raise
        return reused

    def _leave(self, upload_id: str, arrived: int) -> None:
        """After a cancel: what arrived stays or goes, and the gauge says which."""
        name = self._path.name
        if self._going_on or (self._keep and arrived >= WORTH_KEEPING):
            self._gauge.kept = (
                f"at least {arrived:,} of {self._size:,} bytes of {name} stay in the bucket, where they cost: upload it again to go "
                "on with them, or abort it under Unfinished uploads"
            )
        elif abort_upload(self._client, self._bucket, self._key, upload_id) is None:
            self._gauge.kept = f"what had arrived of {name} was removed"
        else:
            self._gauge.kept = f"what had arrived of {name} could not be removed: abort it under Unfinished uploads"

    def _begun(self, part_size: int, arguments: dict[str, Any]) -> tuple[str, list[Slice], dict[int, dict[str, Any]]]:
        answer = patiently(
            self._job,
            f"begin to upload {self._path.name}",
            lambda: self._client.create_multipart_upload(**self._where, ChecksumAlgorithm="SHA256", **arguments),
            patience=_PATIENCE,
        )
        return answer["UploadId"], slices(self._size, part_size), {}

    def _found(self, arguments: dict[str, Any]) -> tuple[str, list[Slice], dict[int, dict[str, Any]]] | None:
        """An unfinished upload of this very file: every part that arrived has this file's bytes (some endpoints cannot
        replace a part)."""
        try:
            with explained(f"look for an unfinished upload of {self._key}"):
                answer = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=self._key)
        except OpsError as error:
            if self._going_on or error.code in ("unreachable", "credentials", "expired", "not-found"):
                raise
            return None  # this role or endpoint does not tell: begin anew
        candidates = [item for item in answer.get("Uploads", ()) if item["Key"] == self._key]
        for item in sorted(candidates, key=lambda item: item["Initiated"], reverse=True):
            if self._going_on and item["UploadId"] != self._going_on:
                continue
            if not self._going_on and item.get("StorageClass", "STANDARD") != arguments.get("StorageClass", "STANDARD"):
                continue  # it would end in the class that it was begun in
            parts = {
                part["PartNumber"]: part for part in parts_of(self._client, self._bucket, self._key, item["UploadId"])
            }
            told = next((name for name in parts.get(1, ()) if name.startswith("Checksum")), "").removeprefix("Checksum")
            begun_with = item.get("ChecksumAlgorithm", told)
            plan, done = self._compared(parts, begun_with) if begun_with in ("", *SUMS) else ([], {})
            if done:
                self._sum = begun_with
                return item["UploadId"], plan, done
        if self._going_on:
            raise OpsError(
                f"{self._path.name} does not go on with this upload of {self._key}",
                "The parts that arrived have other bytes, or a checksum that cannot be gone on with; or it is not there any more",
                "Choose the file that it was begun with, or abort it and upload the file anew",
                code="other-file",
            )
        return None

    def _compared(
        self, parts: dict[int, dict[str, Any]], begun_with: str
    ) -> tuple[list[Slice], dict[int, dict[str, Any]]]:
        if 1 not in parts:
            return [], {}
        size = int(parts[1]["Size"])
        if size <= 0 or -(-self._size // size) > MOST_PARTS:
            return [], {}
        plan = [
            Slice(number + 1, start, min(size, self._size - start))
            for number, start in enumerate(range(0, self._size, size))
        ]
        done = {}
        for item in plan:
            part = parts.get(item.number)
            self._job.checkpoint()
            if part is None:
                continue
            if int(part["Size"]) != item.size:
                return [], {}
            content = _read(self._path, item.start, item.size)
            ours = {f"Checksum{begun_with}": sum_of(begun_with, content)} if begun_with else {}
            if (ours and ours == _sums(part)) or hashlib.md5(content).hexdigest() == part["ETag"].strip('"'):
                sums = ours if begun_with == "SHA256" else _sums(part)
                done[item.number] = {"PartNumber": item.number, "ETag": part["ETag"], **sums}
            else:
                return [], {}
        return plan, done

    def _send(self, plan: list[Slice], upload_id: str, workers: int, done: dict[int, dict[str, Any]]) -> None:
        """Adds to ``done`` what arrives. Memory: one part per worker; the first failure stops the rest."""
        pool = ThreadPoolExecutor(workers, thread_name_prefix="part")
        try:
            waiting: set[Future[dict[str, Any]]] = {pool.submit(self._put, item, upload_id) for item in plan}
            while waiting:
                self._job.checkpoint()
                ended, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in ended:
                    part = future.result()
                    done[part["PartNumber"]] = part
        finally:
            # Threads in flight stop at their next block; the upload is aborted after that.
            pool.shutdown(wait=True, cancel_futures=True)

    def _put(self, item: Slice, upload_id: str) -> dict[str, Any]:
        self._job.checkpoint()
        content = _read(self._path, item.start, item.size)
        guard = (
            {f"Checksum{self._sum}": sum_of(self._sum, content)}
            if self._sum
            else {"ContentMD5": sum_of("MD5", content)}
        )
        answer = patiently(
            self._job,
            f"upload part {item.number} of {self._path.name}",
            lambda: self._client.upload_part(
                **self._where,
                UploadId=upload_id,
                PartNumber=item.number,
                Body=Body(content, self._gauge),
                **guard,
            ),
            patience=_PATIENCE,
        )
        return {"PartNumber": item.number, "ETag": answer["ETag"], **(guard if self._sum else _sums(answer))}

    def _complete(self, upload_id: str, parts: list[dict[str, Any]], *, replace: bool) -> None:
        guard = {} if replace else {"IfNoneMatch": "*"}
        ours = ""  # known of an upload that was begun with SHA-256
        if self._sum == "SHA256":
            digest = hashlib.sha256(b"".join(base64.b64decode(part["ChecksumSHA256"]) for part in parts)).digest()
            ours = f"{base64.b64encode(digest).decode()}-{len(parts)}"
        complete = _Counted(
            lambda: self._client.complete_multipart_upload(
                **self._where, UploadId=upload_id, MultipartUpload={"Parts": parts}, **guard
            )
        )
        try:
            answer = patiently(self._job, f"complete the upload of {self._path.name}", complete, patience=_PATIENCE)
        except OpsError as error:
            if not complete.again or error.details.get("code") not in ("NoSuchUpload", "PreconditionFailed"):
                raise
            if not ours or not is_ours(
                self._client, self._bucket, self._key, self._size, (ours, ours.partition("-")[0])
            ):
                if error.code == "exists":
                    raise
                raise OpsError(
                    f"The endpoint gave up {self._key} when its parts were put together",
                    "It answered with a fault of its own, and then knew the upload no more: its disk may be full",
                    "Nothing was published; see after the endpoint, then upload it again",
                    details=error.details,
                    code="aws",
                ) from error
            return
        theirs = answer.get("ChecksumSHA256", ours)
        if ours and theirs not in (ours, ours.partition("-")[0]):
            raise OpsError(
                f"{self._key} arrived damaged",
                f"Its checksum there is {theirs}, here {ours}",
                "Upload it again, and distrust the endpoint",
                code="damaged",
            )


def _sums(answer: dict[str, Any]) -> dict[str, str]:
    """The checksums of a part that its endpoint tells; putting the parts together asks for them again."""
    return {name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"}


def parts_of(client: Any, bucket: str, key: str, upload_id: str) -> Iterator[dict[str, Any]]:
    """The parts that have arrived; raises OpsError."""
    with explained(f"list the parts of {key}"):
        for page in client.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload_id):
            yield from page.get("Parts", ())
