"""Copying and moving on the server: the bytes never pass this computer."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.objects import archived
from core.backups.objects.address import Address
from core.backups.objects.many import each
from core.backups.objects.values import Entry, Moved
from core.backups.upload import abort_upload
from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job

LARGEST_COPY = 5 << 30  # CopyObject's limit; beyond it by parts
_COPY_PART = 512 << 20
DESCRIBING = (
    "ContentEncoding",
    "ContentDisposition",
    "ContentLanguage",
    "CacheControl",
    "Expires",
    "WebsiteRedirectLocation",
)


def copy(
    job: Job[Any],
    aws: AwsSession,
    source: Address,
    entries: list[Entry],
    target: Address,
    *,
    move: bool = False,
    replace: bool = False,
) -> Moved:
    """Copy ``entries`` of ``source.bucket`` below ``target``, keeping their names; the bytes never pass this computer.

    ``source.key`` is the prefix they are shown in. A single object may get a new name: ``target.key`` then does not end
    with a slash. ``move`` deletes an original only after its copy was seen there with the same size.
    """
    client = aws.client("s3")
    renamed = len(entries) == 1 and not entries[0].folder and bool(target.key) and not target.key.endswith("/")
    folder = target.key if not target.key or target.key.endswith("/") else f"{target.key}/"
    if source.bucket == target.bucket:
        # A copy would find its own copies for ever; a move would delete what it has just written.
        if any(entry.folder and folder.startswith(entry.key) for entry in entries):
            raise WrongUse("A folder cannot go into itself", f"{target} lies inside it", "Choose another place")
        if folder == source.key or (renamed and target.key == entries[0].key):
            raise WrongUse(
                "Source and target are the same", f"{target} is where it lies", "Choose another place or name"
            )

    def one(entry: Entry) -> Moved:
        job.checkpoint()
        key = target.key if renamed else folder + entry.key[len(source.key) :]
        # A move is of the bytes that were copied: what somebody writes meanwhile is neither taken for them nor deleted.
        etag = _etag(client, source.bucket, entry) if move else ""
        changes = {"CopySourceIfMatch": etag} if etag else {}
        copy_object(job, client, source.bucket, entry, target.bucket, key, replace=replace, **changes)
        if move:
            _delete_original(client, source.bucket, entry, target.bucket, key, etag)
        return Moved(1, entry.size)

    return each(job, aws, source.bucket, entries, one, "moved" if move else "copied")


def _etag(client: Any, bucket: str, entry: Entry) -> str:
    if entry.etag:
        return entry.etag
    with explained(f"look at {entry.key}"):
        return str(client.head_object(Bucket=bucket, Key=entry.key).get("ETag", "")).strip('"')


def _delete_original(client: Any, bucket: str, entry: Entry, to_bucket: str, key: str, etag: str) -> None:
    """Only once the copy was seen with the same size, and only if the original is still what was copied."""
    with explained(f"look at the copy of {entry.key}"):
        there = int(client.head_object(Bucket=to_bucket, Key=key)["ContentLength"])
    if there != entry.size:
        raise OpsError(f"The copy of {entry.key} is incomplete", f"{there:,} of {entry.size:,} bytes", "Try again")
    changed = OpsError(
        f"{entry.key} was written anew while it was being moved",
        "It stays where it is, beside the copy of what it was",
        "Move it again",
        code="changed",
    )
    with explained(f"look at {entry.key}"):  # an endpoint may not know the condition, and delete whatever is there
        now = client.head_object(Bucket=bucket, Key=entry.key).get("ETag", "").strip('"')
    if now != etag:
        raise changed
    condition = {"IfMatch": etag} if etag else {}
    try:
        with explained(f"delete {entry.key} after copying it"):
            try:
                client.delete_object(Bucket=bucket, Key=entry.key, **condition)
            except client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in ("NotImplemented", "501"):
                    raise
                client.delete_object(Bucket=bucket, Key=entry.key)
    except OpsError as error:
        if error.details.get("code") == "PreconditionFailed":
            raise changed from error
        raise


def copy_object(
    job: Job[Any],
    client: Any,
    bucket: str,
    entry: Entry,
    to_bucket: str,
    key: str,
    *,
    replace: bool,
    **changes: Any,
) -> None:
    """One object, on the server. ``changes``: more arguments of CopyObject (StorageClass, MetadataDirective, ...).

    CopyObject has no If-None-Match: without ``replace`` it looks first, which leaves a small gap.
    """
    origin = {"Bucket": bucket, "Key": entry.key, **({"VersionId": entry.version} if entry.version else {})}
    if not replace and _exists(client, to_bucket, key):
        raise OpsError(
            f"Could not copy to {key}", "An object of that name is already there", "Choose another name", code="exists"
        )
    if entry.size <= LARGEST_COPY:
        if entry.storage_class and "StorageClass" not in changes:
            changes["StorageClass"] = entry.storage_class
        work = partial(client.copy_object, Bucket=to_bucket, Key=key, CopySource=origin, **changes)
    else:
        work = partial(_copy_by_parts, job, client, origin, entry, to_bucket, key, changes)
    try:
        with explained(f"copy {entry.key}"):
            work()
    except OpsError as error:
        if error.details.get("code") == "PreconditionFailed":
            raise OpsError(
                f"{entry.key} was written anew meanwhile", "Nothing was copied", "Try again", code="changed"
            ) from error
        raise archived.told(error, entry.key) from error


def _copy_by_parts(
    job: Job[Any], client: Any, origin: dict[str, str], entry: Entry, bucket: str, key: str, changes: dict[str, Any]
) -> None:
    with explained(f"copy {entry.key}"):
        head = client.head_object(**origin)
        kept = (*DESCRIBING, "ContentType", "Metadata", "StorageClass")
        arguments = {name: head[name] for name in kept if head.get(name)}
        arguments |= encryption(head) | _tagging(client, origin, head)
        arguments |= {
            name: value
            for name, value in changes.items()
            if not name.endswith("Directive") and not name.startswith("CopySource")
        }
        upload = client.create_multipart_upload(Bucket=bucket, Key=key, **arguments)["UploadId"]
    try:
        parts = []
        for number, start in enumerate(range(0, entry.size, _COPY_PART), 1):
            job.checkpoint()
            end = min(start + _COPY_PART, entry.size) - 1
            with explained(f"copy part {number} of {entry.key}"):
                answer = client.upload_part_copy(
                    Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, CopySource=origin,
                    CopySourceRange=f"bytes={start}-{end}", CopySourceIfMatch=head["ETag"],
                )["CopyPartResult"]  # fmt: skip
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        with explained(f"complete the copy of {entry.key}"):
            client.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
    except BaseException:
        abort_upload(client, bucket, key, upload)
        raise


def _tagging(client: Any, origin: dict[str, str], head: dict[str, Any]) -> dict[str, str]:
    """CopyObject takes the tags along by itself; an upload in parts begins without any."""
    try:
        with explained(f"read the tags of {origin['Key']}"):
            tags = client.get_object_tagging(**origin).get("TagSet")
    except OpsError as error:  # an endpoint without tags, or a role that may not read them
        if head.get("TagCount") or error.code == "unreachable":
            raise
        tags = None
    return {"Tagging": urlencode({tag["Key"]: tag["Value"] for tag in tags})} if tags else {}


def _exists(client: Any, bucket: str, key: str) -> bool:
    try:
        with explained(f"look at {key}"):
            client.head_object(Bucket=bucket, Key=key)
    except OpsError as error:
        if error.code == "not-found":
            return False
        raise
    return True


def encryption(head: dict[str, Any]) -> dict[str, Any]:
    """The arguments that keep an object encrypted as it is: a copy is otherwise encrypted as its bucket does by default."""
    if head.get("ServerSideEncryption", "") in ("", "AES256"):
        return {}
    kept = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")
    return {name: head[name] for name in kept if head.get(name)}
