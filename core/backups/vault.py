"""Where a plan's backups lie: their names in the bucket, what is there, manifests, and what the endpoint enforces."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.catching_up import FROM_THE_FUTURE
from core.backups.manifest import SUFFIX, Manifest, read_manifest
from core.backups.objects import archived
from core.backups.objects.pieces import without_checksum_of_ranges
from core.backups.objects.values import Archive, archive_of
from core.backups.outcomes import Backup, EndpointFacts
from core.backups.plan import Plan, Target
from core.backups.upload import MultipartUpload, abort_upload, patiently
from core.base.errors import OpsError
from core.jobs.job import Job

LIST_SUFFIX = ".files.jsonl.zst"
Contents = dict[str, tuple[int, datetime]]
"""{key: (bytes, when it was written)}"""
_STAMP = "%Y%m%dT%H%M%SZ"
_ID = r"\d{8}T\d{6}Z"


def stamp(moment: datetime) -> str:
    """The id of a run that starts at ``moment``: UTC, to the second."""
    return moment.astimezone(UTC).strftime(_STAMP)


def moment_of(run: str) -> datetime:
    return datetime.strptime(run, _STAMP).replace(tzinfo=UTC)


def object_key(plan: Plan, run: str) -> str:
    """prefix/plan/YYYY/MM/DD/plan-20261122T140500Z.sql.zst[.age]"""
    content = "sql" if plan.is_database else "tar"
    packed = "zst" if plan.compression == "zstd" else "gz"
    sealed = ".age" if plan.recipients else ""
    return f"{plan.prefix}{day_folder(run)}{plan.name}-{run}.{content}.{packed}{sealed}"


def day_folder(run: str) -> str:
    return f"{run[:4]}/{run[4:6]}/{run[6:8]}/"


def newest_complete(backups: list[Backup], now: datetime) -> Backup | None:
    """Of ``backups`` (newest first). One that is dated in the future was named by a clock that was wrong: it would be
    taken for the newest until its day has come, so it counts only where there is no other."""
    complete = [backup for backup in backups if backup.complete]
    return next(
        (backup for backup in complete if backup.taken <= now + FROM_THE_FUTURE), complete[-1] if complete else None
    )


@dataclass(frozen=True, slots=True)
class Stored:
    """What the endpoint says of an object. ``composite`` is its SHA-256 checksum where the endpoint keeps one."""

    size: int
    modified: datetime
    composite: str = ""
    storage_class: str = "STANDARD"
    expires: str = ""
    locked_until: datetime | None = None
    version: str = ""
    archive: Archive = Archive.NONE


class Vault:
    """One plan's corner of a bucket. Every method talks to the network: call it from jobs."""

    def __init__(self, aws: AwsSession, plan: Plan) -> None:
        self.aws, self.plan = aws, plan
        self.bucket = plan.target.bucket

    @property
    def client(self) -> Any:
        return self.aws.client("s3")

    # -- writing --------------------------------------------------------------
    def upload(
        self, job: Job[Any], key: str, run: str, *, part_size: int, workers: int, opened: Any
    ) -> MultipartUpload:
        return MultipartUpload(
            job,
            # Two hidden attempts only: the upload is patient itself, and tells so.
            self.aws.client("s3", retries=2),
            self.bucket,
            key,
            part_size=part_size,
            workers=workers,
            extra=self._extra(run) | self._class(),
            opened=opened,
        )

    def put(self, job: Job[Any], key: str, body: bytes, run: str, content_type: str) -> None:
        """A small object that must be new; what is there already is fine if it is the same (our own retried request)."""
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        try:
            patiently(
                job,
                f"write {key.rsplit('/', 1)[-1]}",
                lambda: self.client.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=body,
                    IfNoneMatch="*",
                    ChecksumSHA256=checksum,
                    ContentType=content_type,
                    **self._extra(run),
                ),
            )
        except OpsError as error:
            if error.code != "exists" or self.look(job, key) is None or self._same(job, key, body) is False:
                raise

    def _same(self, job: Job[Any], key: str, body: bytes) -> bool | None:
        try:
            return self.read(job, key) == body
        except OpsError as error:
            if error.code == "denied":  # the backup role may not read; the size has to do
                found = self.look(job, key)
                return found is not None and found.size == len(body)
            raise

    def _extra(self, run: str) -> dict[str, Any]:
        return {"Metadata": {"opsdesk-plan": self.plan.name, "opsdesk-run": run}} | encryption(self.plan.target)

    def _class(self) -> dict[str, str]:
        """Of the backup itself: manifest and list of files stay where they can be read at once, and cost nothing."""
        kind = self.plan.target.storage_class
        return {"StorageClass": kind} if kind != "STANDARD" else {}

    def abort(self, key: str, upload_id: str, bucket: str = "") -> OpsError | None:
        return abort_upload(self.client, bucket or self.bucket, key, upload_id)

    def open_uploads(self, prefix: str = "") -> list[tuple[str, str]]:
        """(key, upload id) of every unfinished upload under ``prefix``, the plan's own by default."""
        with explained(f"list the unfinished uploads of {self.bucket}"):
            pages = self.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.bucket, Prefix=prefix or self.plan.prefix
            )
            return [(item["Key"], item["UploadId"]) for page in pages for item in page.get("Uploads", ())]

    # -- reading --------------------------------------------------------------
    def look(self, job: Job[Any], key: str) -> Stored | None:
        """What is stored under ``key``, None where nothing is; by listing where the role may not read."""
        try:
            answer = patiently(
                job,
                f"look at {key}",
                lambda: self.client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED"),
            )
        except OpsError as error:
            if error.code == "not-found":
                return None
            if error.code != "denied":
                raise
            return self._look_by_list(job, key)
        return Stored(
            int(answer["ContentLength"]),
            answer["LastModified"],
            answer.get("ChecksumSHA256", ""),
            answer.get("StorageClass", "STANDARD"),
            answer.get("Expiration", ""),
            answer.get("ObjectLockRetainUntilDate"),
            answer.get("VersionId", ""),
            archive_of(answer.get("StorageClass", ""), answer.get("Restore", ""), answer.get("ArchiveStatus", "")),
        )

    def _look_by_list(self, job: Job[Any], key: str) -> Stored | None:
        answer = patiently(
            job, f"look at {key}", lambda: self.client.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=2)
        )
        for item in answer.get("Contents", ()):
            if item["Key"] == key:
                return Stored(
                    int(item["Size"]),
                    item["LastModified"],
                    storage_class=item.get("StorageClass", "STANDARD"),
                    archive=archive_of(item.get("StorageClass", ""), ""),
                )
        return None

    def read(self, job: Job[Any], key: str, largest: int = 64 << 20) -> bytes:
        """A small object whole; raises OpsError (code ``damaged``) where it is larger than makes sense."""

        def get() -> bytes:
            body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
            content: bytes = body.read(largest + 1)
            body.close()
            return content

        content = patiently(job, f"read {key}", get)
        if len(content) > largest:
            raise OpsError(f"{key} is too large", f"More than {largest:,} bytes", "It is none of ours", code="damaged")
        return content

    def stream(self, job: Job[Any], key: str) -> Iterator[bytes]:
        """The object's bytes in pieces of 1 MiB; taken up where it broke off, at most five times."""
        client = without_checksum_of_ranges(self.aws.client("s3", retries=2))
        done, breaks = 0, 0
        etag = ""
        while True:
            wanted: dict[str, Any] = {"Range": f"bytes={done}-", "IfMatch": etag} if done else {}
            try:
                answer = patiently(
                    job, f"download {key}", partial(client.get_object, Bucket=self.bucket, Key=key, **wanted)
                )
            except OpsError as error:
                raise archived.told(error, key) from error
            etag = answer.get("ETag", "")
            body = answer["Body"]
            size = done + int(answer["ContentLength"])
            try:
                with job.interruptible(body.close), explained(f"download {key}"):
                    while piece := body.read(1 << 20):
                        done += len(piece)
                        yield piece
                if done >= size:
                    return
                raise OpsError(
                    f"Could not download {key}",
                    f"The connection closed after {done:,} of {size:,} bytes",
                    code="unreachable",
                )
            except OpsError as error:
                job.checkpoint()
                breaks += 1
                if breaks > 5 or error.code not in ("unreachable", "aws"):
                    raise
                job.sleep(min(2.0**breaks, 15.0))
            except ValueError:  # urllib3 on a body that the cancel has closed
                job.checkpoint()
                raise
            finally:
                body.close()

    def manifest(self, job: Job[Any], key: str) -> tuple[Manifest, bytes]:
        """The manifest of the object ``key``, and its bytes; OpsError (``not-found``) where the backup is incomplete."""
        content = self.read(job, key + SUFFIX)
        return read_manifest(content, key + SUFFIX), content

    def contents(self) -> Contents:
        """Every object under the plan's prefix."""
        objects: Contents = {}
        with explained(f"list the backups of {self.plan.name}"):
            for page in self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.plan.prefix
            ):
                for item in page.get("Contents", ()):
                    objects[item["Key"]] = (int(item["Size"]), item["LastModified"])
        return objects

    def strangers(self, keys: Iterable[str]) -> list[str]:
        """Those of ``keys``, from under the plan's prefix, that no run of this plan has written (names of folders apart)."""
        return [
            key
            for key in keys
            if not key.endswith("/") and not self._run_of(key.removesuffix(SUFFIX).removesuffix(LIST_SUFFIX))
        ]

    def backups(
        self,
        proofs: dict[str, datetime],
        expires: Callable[[str, int, datetime], datetime | None] = lambda *_: None,
        failures: dict[str, datetime] | None = None,
        contents: Contents | None = None,
    ) -> list[Backup]:
        """Everything of this plan, newest first: complete ones and those whose manifest is missing. ``expires`` tells when
        an object (key, size, modified) goes. Only what is named as this plan names its own: another's prefix may lie below."""
        objects = self.contents() if contents is None else contents
        found = []
        for key, (size, modified) in objects.items():
            run = self._run_of(key)
            if not run:
                continue
            complete = key + SUFFIX in objects
            end = expires(key, size, modified)
            failed = (failures or {}).get(run)
            found.append(Backup(run, self.plan.name, key, moment_of(run), size, complete, end, proofs.get(run), failed))
        return sorted(found, key=lambda backup: (backup.taken, backup.key), reverse=True)

    def _run_of(self, key: str) -> str:
        """The id of the run that wrote ``key``; nothing where it is no backup of this plan."""
        found = re.fullmatch(f".*-({_ID})\\.(?:sql|tar)\\.(?:zst|gz)(?:\\.age)?", key, re.DOTALL)
        if found is None or not key.startswith(
            self.plan.prefix + day_folder(found[1]) + f"{self.plan.name}-{found[1]}."
        ):
            return ""
        try:
            moment_of(found[1])
        except ValueError:  # the 99th of a 13th month
            return ""
        return found[1]

    def find(self, backups: list[Backup], run: str, now: datetime) -> Backup:
        """The backup ``run``, or the newest complete one where ``run`` is empty."""
        if not run:
            newest = newest_complete(backups, now)
            if newest is not None:
                return newest
        else:
            for backup in backups:
                if backup.id == run:
                    return backup
            raise OpsError(
                f"There is no backup {run} of {self.plan.name}",
                "It was never made, has expired or was deleted",
                "See `backup list` for what there is",
                code="not-found",
            )
        raise OpsError(
            f"{self.plan.name} has no complete backup",
            f"Nothing lies under s3://{self.bucket}/{self.plan.prefix}",
            "Back up now",
            code="not-found",
        )

    # -- what the endpoint enforces ---------------------------------------------
    def probe(self, job: Job[Any], manifest_key: str, body: bytes, run: str) -> EndpointFacts:
        """Measured on what is there already: writing the same manifest again must be refused, a part with a wrong
        checksum too. Leaves nothing behind."""
        no_overwrite = False
        try:
            with explained("probe the endpoint"):
                self.client.put_object(
                    Bucket=self.bucket,
                    Key=manifest_key,
                    Body=body,
                    IfNoneMatch="*",
                    ContentType="application/json",
                    **self._extra(run),
                )
        except OpsError as error:
            if error.code != "exists":
                raise
            no_overwrite = True
        job.checkpoint()
        return endpoint_facts(no_overwrite, self._refuses_wrong_sum(manifest_key + ".probe"))

    def _refuses_wrong_sum(self, key: str) -> bool:
        wrong = base64.b64encode(hashlib.sha256(b"something else").digest()).decode()
        with explained("probe the endpoint"):
            upload = self.client.create_multipart_upload(
                Bucket=self.bucket, Key=key, ChecksumAlgorithm="SHA256", **encryption(self.plan.target)
            )["UploadId"]
        try:
            with explained("probe the endpoint"):
                self.client.upload_part(
                    Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"opsdesk", ChecksumSHA256=wrong
                )
        except OpsError as error:
            if not error.details.get("status", "").startswith("4"):
                raise
            return True
        finally:
            abort_upload(self.client, self.bucket, key, upload)
        return False


def encryption(target: Target) -> dict[str, str]:
    """Arguments of every request that begins an object of a plan, also of one that only tries: a bucket may refuse others."""
    wanted = {"ServerSideEncryption": target.sse, "SSEKMSKeyId": target.kms_key}
    return {name: value for name, value in wanted.items() if value}


def endpoint_facts(no_overwrite: bool, checks_sums: bool) -> EndpointFacts:
    words = []
    if not no_overwrite:
        words.append(
            "This endpoint does not refuse to overwrite an object: Opsdesk looks before it writes and compares afterwards"
        )
    if not checks_sums:
        words.append(
            "This endpoint does not check SHA-256 sums of what it receives: only a verification tells whether the bytes are right"
        )
    return EndpointFacts(no_overwrite, checks_sums, tuple(words))


def expiry_of(modified: datetime, days: int) -> datetime:
    """When S3 expires an object: ``days`` after its creation, rounded up to the next midnight UTC."""
    due = modified.astimezone(UTC) + timedelta(days=days)
    midnight = due.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == due else midnight + timedelta(days=1)
