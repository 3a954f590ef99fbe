"""Looking: buckets, one level page by page, everything under a prefix, searching, and how much lies in a folder.

Versions are only listed when asked for: on a bucket with 100,000 of them that is an endless wait (seen in other tools).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.objects.values import Amount, Bucket, BucketList, Entry, Page
from core.base.errors import OpsError
from core.jobs.job import Job

PAGE = 1000  # S3 gives no more at once


def lister(aws: AwsSession) -> Any:
    """The client for lists: times stay text until ``moment`` reads them, which halves the CPU time of a page."""
    return aws.client("s3", plain_times=True)


def moment(value: Any) -> datetime | None:
    """A time as S3 lists write it (``2026-11-22T14:05:00.000Z``), aware, UTC; None where it sent none."""
    if not value:
        return None
    when = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def buckets(aws: AwsSession, known: tuple[str, ...] = ()) -> BucketList:
    """All buckets, or, where this identity may not list them, those already ``known`` by name."""
    try:
        with explained("list the buckets"):
            answer = lister(aws).list_buckets()
    except OpsError as error:
        if error.code != "denied":
            raise
        return BucketList(tuple(Bucket(name) for name in known), whole=False, why=error.why)
    found = tuple(Bucket(item["Name"], moment(item.get("CreationDate"))) for item in answer.get("Buckets", ()))
    return BucketList(found)


def page(aws: AwsSession, bucket: str, prefix: str = "", token: str = "", *, size: int = PAGE) -> Page:
    """One page of one level: the first page of a million keys costs one request."""
    more = {"ContinuationToken": token} if token else {}
    with explained(f"list s3://{bucket}/{prefix}"):
        answer = lister(aws).list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", MaxKeys=size, **more)
    folders = [Entry(item["Prefix"], folder=True) for item in answer.get("CommonPrefixes", ())]
    objects = [_object(item) for item in answer.get("Contents", ()) if item["Key"] != prefix]
    return Page((*folders, *objects), answer.get("NextContinuationToken", "") if answer.get("IsTruncated") else "")


def walk(job: Job[Any], aws: AwsSession, bucket: str, prefix: str = "") -> Iterator[list[Entry]]:
    """Every object under ``prefix``, in pages of up to 1000; a checkpoint before each."""
    client, token = lister(aws), ""
    while True:
        job.checkpoint()
        more = {"ContinuationToken": token} if token else {}
        with explained(f"list s3://{bucket}/{prefix}"):
            answer = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=PAGE, **more)
        yield [_object(item) for item in answer.get("Contents", ())]
        if not answer.get("IsTruncated"):
            return
        before, token = token, answer.get("NextContinuationToken", "")
        if token in (
            "",
            before,
        ):  # taken for the end, half a list would be half a backup, or a reason to delete the rest
            raise OpsError(
                f"s3://{bucket}/{prefix} cannot be listed to its end",
                "The endpoint says that there is more, and not how to ask for it",
                "This is a fault of the endpoint: see after it",
                code="order",
            )


def walk_versions(job: Job[Any], aws: AwsSession, bucket: str, prefix: str = "") -> Iterator[list[Entry]]:
    """Every version and delete marker under ``prefix``, newest first within a key, in pages of up to 1000."""
    client, markers = lister(aws), dict[str, str]()
    while True:
        job.checkpoint()
        with explained(f"list the versions of s3://{bucket}/{prefix}"):
            answer = client.list_object_versions(Bucket=bucket, Prefix=prefix, MaxKeys=PAGE, **markers)
        versions = [_version(item, marker=False) for item in answer.get("Versions", ())]
        versions += [_version(item, marker=True) for item in answer.get("DeleteMarkers", ())]
        # Two lists on the wire: by key, then newest first, the current one before the rest of the same second.
        versions.sort(
            key=lambda entry: (entry.latest, entry.modified or datetime.min.replace(tzinfo=UTC)), reverse=True
        )
        versions.sort(key=lambda entry: entry.key)
        yield versions
        if not answer.get("IsTruncated"):
            return
        markers = {"KeyMarker": answer["NextKeyMarker"]}
        if answer.get("NextVersionIdMarker"):
            markers["VersionIdMarker"] = answer["NextVersionIdMarker"]


def versions_of(job: Job[Any], aws: AwsSession, bucket: str, key: str) -> list[Entry]:
    """The versions and delete markers of one object, newest first."""
    found: list[Entry] = []
    for entries in walk_versions(job, aws, bucket, key):
        found += [entry for entry in entries if entry.key == key]
        if entries and entries[-1].key > key:
            break
    return found


def search(
    job: Job[Any],
    aws: AwsSession,
    bucket: str,
    prefix: str,
    words: str,
    *,
    limit: int = 1000,
    found: Callable[[list[Entry]], None] = lambda _: None,
) -> tuple[list[Entry], bool]:
    """Objects below ``prefix`` whose key holds ``words`` (any case; ``*`` and ``?`` make it a pattern on the name).

    Returns them and whether all was looked through; stops at ``limit``. ``found`` hears of hits page by page.
    """
    wanted = words.lower()
    pattern = any(sign in wanted for sign in "*?[")

    def fits(entry: Entry) -> bool:
        if pattern:
            return fnmatch.fnmatchcase(entry.name.lower(), wanted)
        return wanted in entry.key[len(prefix) :].lower()

    pages = walk(job, aws, bucket, prefix)
    return look_through(job, pages, fits, limit, found, "{:,} objects looked at, {:,} found")


def look_through(
    job: Job[Any],
    pages: Iterable[list[Entry]],
    fits: Callable[[Entry], bool],
    limit: int,
    found: Callable[[list[Entry]], None],
    note: str,
) -> tuple[list[Entry], bool]:
    """What fits, and whether all was looked through. note: for the number of those looked at, and of finds."""
    hits: list[Entry] = []
    looked = 0
    for entries in pages:
        looked += len(entries)
        fresh = [entry for entry in entries if fits(entry)][: limit - len(hits)]
        hits += fresh
        if fresh:
            found(fresh)
        job.report(looked, None, note.format(looked, len(hits)))
        if len(hits) >= limit:
            return hits, False
    return hits, True


def amount(
    job: Job[Any], aws: AwsSession, bucket: str, prefix: str = "", *, versions: bool = False, most: int | None = None
) -> Amount:
    """Objects (or versions and markers) under ``prefix`` and their bytes; gives up counting after ``most`` objects."""
    objects = size = 0
    for entries in (walk_versions if versions else walk)(job, aws, bucket, prefix):
        objects += len(entries)
        size += sum(entry.size for entry in entries)
        job.report(objects, None, f"{objects:,} objects counted")
        if most is not None and objects >= most:
            return Amount(objects, size, whole=False)
    return Amount(objects, size)


def _object(item: dict[str, Any]) -> Entry:
    return Entry(
        item["Key"],
        item["Size"],
        moment(item.get("LastModified")),
        item.get("StorageClass", "STANDARD"),
        item.get("ETag", "").strip('"'),
    )


def _version(item: dict[str, Any], *, marker: bool) -> Entry:
    return Entry(
        item["Key"],
        item.get("Size", 0),
        moment(item.get("LastModified")),
        item.get("StorageClass", "" if marker else "STANDARD"),
        item.get("ETag", "").strip('"'),
        version=item.get("VersionId", "") or "null",
        latest=bool(item.get("IsLatest")),
        delete_marker=marker,
    )
