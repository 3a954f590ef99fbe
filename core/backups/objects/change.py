"""Changing: buckets made and removed, objects deleted, brought back, relabelled; unfinished uploads swept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.objects.address import checked_bucket_name
from core.backups.objects.browse import versions_of, walk, walk_versions
from core.backups.objects.copying import DESCRIBING, copy_object, encryption
from core.backups.objects.upload import parts_of
from core.backups.objects.values import Deleted, Entry, OpenUpload
from core.backups.upload import patiently
from core.backups.words import count_of
from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job, JobCancelled

BATCH = 1000  # DeleteObjects takes no more
_NAMED = 1000  # of those that S3 refuses to delete: it may be a million
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What a key may hold and XML 1.0 may not."""


# -- buckets ------------------------------------------------------------------
def make_bucket(aws: AwsSession, name: str, *, region: str = "", versioning: bool = False, lock: bool = False) -> None:
    """``lock`` (object lock, which brings versions with it) can only be chosen now. Raises WrongUse for a bad name."""
    checked_bucket_name(name)
    client = aws.client("s3")
    where = region or client.meta.region_name or "us-east-1"
    options: dict[str, Any] = {"Bucket": name}
    if where != "us-east-1":
        options["CreateBucketConfiguration"] = {"LocationConstraint": where}
    if lock:
        options["ObjectLockEnabledForBucket"] = True
    with explained(f"make the bucket {name}"):
        client.create_bucket(**options)
    if versioning and not lock:
        set_versioning(aws, name, on=True)


def remove_bucket(aws: AwsSession, name: str) -> None:
    """Only an empty one goes; raises OpsError (``conflict``) otherwise."""
    with explained(f"remove the bucket {name}"):
        aws.client("s3").delete_bucket(Bucket=name)


def set_versioning(aws: AwsSession, name: str, *, on: bool) -> None:
    with explained(f"switch the versioning of {name}"):
        aws.client("s3").put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": "Enabled" if on else "Suspended"}
        )


# -- deleting -----------------------------------------------------------------
def delete(
    job: Job[Any],
    aws: AwsSession,
    bucket: str,
    entries: Iterable[Entry],
    *,
    versions: bool = False,
    total: int | None = None,
) -> Deleted:
    """Delete objects, and folders with all below them; with ``versions`` every version and delete marker, for good.

    An entry with a version deletes just that version. What S3 refuses stays; the first of them are named in ``errors``.
    """
    client = aws.client("s3")
    done = refused = 0
    errors: list[tuple[str, str]] = []
    names = _spelled_out(job, aws, bucket, entries, versions=versions)
    try:
        while batch := list(islice(names, BATCH)):
            job.checkpoint()
            answer = _delete_batch(job, client, bucket, batch)
            failed = [(item.get("Key", ""), _reason(item)) for item in answer.get("Errors", ())]
            errors += failed[: _NAMED - len(errors)]
            refused += len(failed)
            done += len(batch) - len(failed)
            job.report(done, total, f"{done:,} deleted" + (f", {refused:,} refused" if refused else ""))
    except JobCancelled:
        job.conclude(
            f"{done:,}{f' of {total:,}' if total else ''} deleted" + (f", {refused:,} refused" if refused else "")
        )
        raise
    return Deleted(done, tuple(errors), refused)


def _delete_batch(job: Job[Any], client: Any, bucket: str, batch: list[dict[str, str]]) -> dict[str, Any]:
    unsaid = [item for item in batch if _NO_XML.search(item["Key"])]
    said = [item for item in batch if item not in unsaid] if unsaid else batch

    def send() -> dict[str, Any]:
        for item in unsaid:  # one such key in the list, and S3 refuses all thousand
            client.delete_object(Bucket=bucket, **item)
        answer: dict[str, Any] = (
            client.delete_objects(Bucket=bucket, Delete={"Objects": said, "Quiet": True}) if said else {}
        )
        return answer

    return patiently(job, f"delete from {bucket}", send, patience=45)


def _spelled_out(
    job: Job[Any], aws: AwsSession, bucket: str, entries: Iterable[Entry], *, versions: bool
) -> Iterator[dict[str, str]]:
    for entry in entries:
        if entry.version:
            yield {"Key": entry.key, "VersionId": entry.version}
        elif versions and entry.folder:
            for page in walk_versions(job, aws, bucket, entry.key):
                yield from ({"Key": item.key, "VersionId": item.version} for item in page)
        elif versions:
            found = versions_of(job, aws, bucket, entry.key)
            yield from ({"Key": item.key, "VersionId": item.version} for item in found)
        elif entry.folder:
            for page in walk(job, aws, bucket, entry.key):
                yield from ({"Key": item.key} for item in page)
        else:
            yield {"Key": entry.key}


def _reason(item: dict[str, str]) -> str:
    code, message = item.get("Code", ""), item.get("Message", "")
    if code == "AccessDenied":
        return "No permission, or a lock keeps it"
    return f"{code}: {message}" if message else code


# -- one object ---------------------------------------------------------------
def relabel(
    job: Job[Any],
    aws: AwsSession,
    bucket: str,
    entry: Entry,
    *,
    storage_class: str = "",
    metadata: dict[str, str] | None = None,
    content_type: str = "",
) -> None:
    """Another storage class, metadata or content type: S3 copies the object onto itself (a new version where it keeps them)."""
    changes: dict[str, Any] = {"StorageClass": storage_class} if storage_class else {}
    client = aws.client("s3")
    with explained(f"read the facts of {entry.key}"):
        head = client.head_object(Bucket=bucket, Key=entry.key)
    changes |= encryption(head)
    if head.get("ETag"):  # what somebody writes meanwhile does not get the labels of what it replaces
        changes["CopySourceIfMatch"] = head["ETag"]
    if metadata is not None or content_type:
        changes |= {name: head[name] for name in DESCRIBING if head.get(name)}
        changes["MetadataDirective"] = "REPLACE"
        changes["Metadata"] = head.get("Metadata", {}) if metadata is None else metadata
        changes["ContentType"] = content_type or head.get("ContentType", "")
    copy_object(job, client, bucket, entry, bucket, entry.key, replace=True, **changes)


def set_tags(aws: AwsSession, bucket: str, key: str, tags: dict[str, str], version: str = "") -> None:
    """Replace all tags (at most 10)."""
    if len(tags) > 10:
        raise WrongUse(f"{len(tags)} tags are too many", "S3 keeps at most 10 an object", "Remove some")
    which = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    with explained(f"write the tags of {key}"):
        aws.client("s3").put_object_tagging(
            **which, Tagging={"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}
        )


def restore_version(job: Job[Any], aws: AwsSession, bucket: str, version: Entry) -> None:
    """Make an old version the current one: a copy of it on top; nothing is lost."""
    if version.delete_marker:
        raise WrongUse("A delete marker cannot be restored", "It holds no bytes", "Choose a version, or undelete")
    client = aws.client("s3")
    with explained(f"read the facts of {version.key}"):
        head = client.head_object(Bucket=bucket, Key=version.key, VersionId=version.version)
    copy_object(job, client, bucket, version, bucket, version.key, replace=True, **encryption(head))


def undelete(job: Job[Any], aws: AwsSession, bucket: str, key: str) -> int:
    """Remove the delete markers on top of ``key`` so that its newest version shows again; how many went."""
    top = []
    for entry in versions_of(job, aws, bucket, key):
        if not entry.delete_marker:
            break
        top.append(entry)
    else:
        raise OpsError(f"{key} cannot be undeleted", "There is no version below", "", code="not-found")
    return delete(job, aws, bucket, top).objects


# -- unfinished uploads -------------------------------------------------------
def open_uploads(job: Job[Any], aws: AwsSession, bucket: str, prefix: str = "") -> list[OpenUpload]:
    """All unfinished multipart uploads below ``prefix``, oldest first."""
    found = []
    try:
        with explained(f"list the unfinished uploads of {bucket}"):
            for page in aws.client("s3").get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
                job.checkpoint()
                found += [
                    OpenUpload(item["Key"], item["UploadId"], item.get("Initiated"), item.get("StorageClass", ""))
                    for item in page.get("Uploads", ())
                ]
    except OpsError as error:
        if error.details.get("code") != "NoSuchUpload":  # rclone's way of saying that there is none
            raise
    return sorted(found, key=lambda item: (item.started.timestamp() if item.started else 0.0, item.key))


def counted(job: Job[Any], aws: AwsSession, bucket: str, uploads: list[OpenUpload]) -> list[OpenUpload]:
    """The same with their parts and bytes counted, a request each; one that ended meanwhile is left out."""
    client, known = aws.client("s3"), []
    for number, item in enumerate(uploads):
        job.report(number, len(uploads), f"{number} of {len(uploads)} counted")
        try:
            parts = list(parts_of(client, bucket, item.key, item.upload_id))
        except OpsError as error:
            if error.details.get("code") == "NoSuchUpload":
                continue
            if error.code in ("unreachable", "credentials", "expired"):
                raise
            known.append(item)  # this login may list uploads and not their parts
            continue
        size = sum(int(part["Size"]) for part in parts)
        known.append(OpenUpload(item.key, item.upload_id, item.started, item.storage_class, len(parts), size))
    job.conclude(f"{count_of(len(known), 'unfinished upload')} found")
    return known


def abort_uploads(job: Job[Any], aws: AwsSession, bucket: str, uploads: list[OpenUpload]) -> Deleted:
    """Give up on them: their parts are freed. Those that ended meanwhile count as gone."""
    client, done = aws.client("s3"), 0
    errors: list[tuple[str, str]] = []
    for item in uploads:
        job.report(done, len(uploads), f"{done} aborted")
        try:
            with explained(f"abort the upload of {item.key}"):
                client.abort_multipart_upload(Bucket=bucket, Key=item.key, UploadId=item.upload_id)
            done += 1
        except OpsError as error:
            if error.details.get("code") == "NoSuchUpload":
                done += 1
            elif error.code in ("unreachable", "credentials", "expired"):
                raise
            else:
                errors.append((item.key, error.why))
    return Deleted(done, tuple(errors), len(errors))
