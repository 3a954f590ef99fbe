"""Access lists (ACLs) of buckets and objects: S3's oldest way of sharing, which new buckets have switched off since April 2023."""

from __future__ import annotations

from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.objects.documents import tell_of_block
from core.backups.objects.many import each
from core.backups.objects.values import Entry, Moved
from core.base.errors import OpsError
from core.jobs.job import Job

CANNED = ("private", "public-read", "authenticated-read", "bucket-owner-read", "bucket-owner-full-control")
"""What S3 offers ready-made for objects; not public-read-write, by which anybody fills a bucket at its owner's cost."""


def set_acl(job: Job[Any], aws: AwsSession, bucket: str, entries: list[Entry], acl: str) -> Moved:
    """Give ``acl`` to objects, and to all below folders; to the bucket itself where ``entries`` are none.

    Raises OpsError; ``settings`` where the bucket has access lists switched off.
    """
    s3 = aws.client("s3")

    def one(entry: Entry) -> Moved:
        job.checkpoint()
        _explained(bucket, entry.key, lambda: s3.put_object_acl(Bucket=bucket, Key=entry.key, ACL=acl))
        return Moved(1)

    if entries:
        return each(job, aws, bucket, entries, one, "changed", alone=len(entries) == 1 and not entries[0].folder)
    _explained(bucket, f"the bucket {bucket}", lambda: s3.put_bucket_acl(Bucket=bucket, ACL=acl))
    return Moved()


def _explained(bucket: str, what: str, call: Any) -> None:
    try:
        with explained(f"set the access list of {what}"):
            call()
    except OpsError as error:
        if error.details.get("code") == "AccessControlListNotSupported":
            raise OpsError(
                f"Access lists are switched off in {bucket}",
                "Its object ownership is BucketOwnerEnforced, as of every bucket made since April 2023 unless asked otherwise",
                "Share by a policy (s3 setpolicy), or one object for a while by s3 link",
                details=error.details,
                code="settings",
            ) from error
        tell_of_block(error)
        raise
