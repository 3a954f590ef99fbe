"""Storage class, content type, metadata and tags of many objects: changed in part, the rest stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.objects.change import relabel, set_tags
from core.backups.objects.facts import tags as tags_of
from core.backups.objects.many import each
from core.backups.objects.values import Entry, Moved
from core.base.errors import OpsError
from core.jobs.job import Job

AS_IT_WAS = "It had that storage class already"


def modify(
    job: Job[Any],
    aws: AwsSession,
    bucket: str,
    entries: list[Entry],
    *,
    storage_class: str = "",
    content_type: str = "",
    metadata: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Moved:
    """Objects, and all below folders. metadata, tags: what is put among those that are there; "" takes a name away.

    All but tags is changed by a copy of the object onto itself: a new version where the bucket keeps them.
    """
    client = aws.client("s3")

    def one(entry: Entry) -> Moved:
        job.checkpoint()
        words: tuple[str, ...] = ()
        if content_type or metadata or (storage_class and storage_class != (entry.storage_class or "STANDARD")):
            new = None
            if metadata:
                with explained(f"read the facts of {entry.key}"):
                    new = merged(client.head_object(Bucket=bucket, Key=entry.key).get("Metadata", {}), metadata)
            relabel(job, aws, bucket, entry, storage_class=storage_class, metadata=new, content_type=content_type)
        elif storage_class:
            words = (AS_IT_WAS,)
        if tags:  # last: they belong to the version that the change above has made
            there = tags_of(aws, bucket, entry.key)
            if there is None:
                raise OpsError(
                    f"The tags of {entry.key} cannot be read", "Nobody could say which ones would be lost",
                    "Ask for s3:GetObjectTagging", code="denied",
                )  # fmt: skip
            set_tags(aws, bucket, entry.key, merged(there, tags))
        return Moved(1, words=words)

    return each(job, aws, bucket, entries, one, "changed", alone=len(entries) == 1 and not entries[0].folder)


def merged(there: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """The changes among what is there; those without a value take a name away."""
    return {name: value for name, value in (*there.items(), *changes.items()) if changes.get(name, value)}
