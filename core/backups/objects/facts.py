"""Asking: everything about one object or bucket. What an endpoint lacks or a role may not see becomes a sentence, not a failure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.objects.sums import told
from core.backups.objects.values import BucketFacts, Link, ObjectFacts
from core.base.clock import Clock
from core.base.errors import OpsError, WrongUse

T = TypeVar("T")

_NOT_SET = (
    "NoSuchLifecycleConfiguration",
    "NoSuchTagSet",
    "NoSuchTagSetError",
    "ServerSideEncryptionConfigurationNotFoundError",
    "ObjectLockConfigurationNotFoundError",
    "NoSuchObjectLockConfiguration",
    "NoSuchBucketPolicy",
    "NoSuchCORSConfiguration",
    "NoSuchWebsiteConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "OwnershipControlsNotFoundError",
)
_LACKING = ("NotImplemented", "MethodNotAllowed", "501", "405", "XNotImplemented", "NotSupported")
_OLDEST = "us-east-1"  # S3 says nothing for its oldest region
LONGEST_LINK = timedelta(days=7)


def lacks(error: OpsError) -> bool:
    """Whether the endpoint does not know the operation at all."""
    return error.details.get("code", "") in _LACKING or error.details.get("status") in ("501", "405")


def exists(aws: AwsSession, bucket: str, key: str) -> bool:
    try:
        with explained(f"look at {key}"):
            aws.client("s3").head_object(Bucket=bucket, Key=key)
    except OpsError as error:
        if error.code in ("not-found", "denied"):
            return error.code == "denied"
        raise
    return True


class Asking:
    """Asks one optional question after another and collects why some got no answer."""

    def __init__(self) -> None:
        self.lacking: list[str] = []

    def ask(self, what: str, call: Callable[[], T], absent: T) -> T | None:
        """The answer; ``absent`` where S3 says that none is set; None where nobody could tell (``lacking`` says why)."""
        try:
            with explained(f"read the {what}"):
                return call()
        except (KeyError, TypeError):  # rclone answers questions it does not know with a list of objects
            self.lacking.append(f"This endpoint does not offer the {what}")
            return None
        except OpsError as error:
            if error.details.get("code") in _NOT_SET:
                return absent
            if error.code == "denied":
                self.lacking.append(f"This identity may not read the {what}")
            elif lacks(error):
                self.lacking.append(f"This endpoint does not offer the {what}")
            elif error.code in ("unreachable", "credentials", "expired", "tls", "clock", "not-found"):
                raise
            else:
                self.lacking.append(f"The {what} could not be read: {error.why}")
            return None


def unseen(error: OpsError, key: str) -> OpsError:
    """In better words, where an object's head was refused without a reason (a HEAD has no body that could hold one)."""
    if error.details.get("status") != "400":
        return error
    return OpsError(
        f"{key} cannot be looked at",
        "S3 refuses without a reason, as it does for what was encrypted with a customer's own key (SSE-C)",
        "Read it by a tool that is given that key, such as `aws s3 cp --sse-c`",
        details=error.details,
        code="aws",
    )


def object_facts(aws: AwsSession, bucket: str, key: str, version: str = "") -> ObjectFacts:
    """Raises OpsError (``not-found``) where the object is not there; the tags are optional."""
    client = aws.client("s3")
    which = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    try:
        with explained(f"read the facts of {key}"):
            head = client.head_object(**which, ChecksumMode="ENABLED")
    except OpsError as error:
        raise unseen(error, key) from error
    asking = Asking()
    tags: list[dict[str, str]] | None = asking.ask("tags", lambda: client.get_object_tagging(**which)["TagSet"], [])
    return ObjectFacts(
        bucket,
        key,
        int(head["ContentLength"]),
        head.get("LastModified"),
        head.get("ETag", "").strip('"'),
        content_type=head.get("ContentType", ""),
        storage_class=head.get("StorageClass", "STANDARD"),
        version=head.get("VersionId", ""),
        encryption=" ".join(filter(None, (head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")))),
        expires=head.get("Expiration", ""),
        locked_until=head.get("ObjectLockRetainUntilDate"),
        restore=head.get("Restore", ""),
        archive_tier=head.get("ArchiveStatus", ""),
        metadata=dict(head.get("Metadata", {})),
        tags={item["Key"]: item["Value"] for item in tags or ()},
        checksums=told(head),
        checksum_type=head.get("ChecksumType", ""),
        lacking=tuple(asking.lacking),
    )


def bucket_facts(aws: AwsSession, bucket: str) -> BucketFacts:
    """Raises OpsError where there is no such bucket; every single fact is optional."""
    client = aws.client("s3")
    asking = Asking()
    asking.ask("bucket itself", lambda: client.head_bucket(Bucket=bucket), {})
    versioning = asking.ask(
        "versioning", lambda: client.get_bucket_versioning(Bucket=bucket).get("Status", "Off"), "Off"
    )
    region = asking.ask(
        "region", lambda: client.get_bucket_location(Bucket=bucket)["LocationConstraint"] or _OLDEST, ""
    )
    rules = asking.ask("lifecycle", lambda: len(client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]), 0)
    encryption = asking.ask("encryption", lambda: _encryption(client, bucket), "")
    lock = asking.ask("object lock", lambda: _locked(client, bucket), "")
    return BucketFacts(
        bucket,
        versioning or "",
        region or "",
        encryption,
        lock,
        rules,
        tuple(asking.lacking),
    )


def keeps_versions(aws: AwsSession, bucket: str) -> bool | None:
    """Whether a delete can be undone there; None where nobody can tell."""
    answer = versioning(aws, bucket)
    return None if answer is None else answer == "Enabled"


def versioning(aws: AwsSession, bucket: str) -> str | None:
    """ "Enabled", "Suspended" or "Off"; None where nobody can tell."""
    client = aws.client("s3")
    return Asking().ask("versioning", lambda: client.get_bucket_versioning(Bucket=bucket).get("Status", "Off"), "Off")


def tags(aws: AwsSession, bucket: str, key: str, version: str = "") -> dict[str, str] | None:
    """The tags of an object or version; None where this identity may not read them or the endpoint has none."""
    client = aws.client("s3")
    which = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    found: list[dict[str, str]] | None = Asking().ask("tags", lambda: client.get_object_tagging(**which)["TagSet"], [])
    return None if found is None else {item["Key"]: item["Value"] for item in found}


def link(aws: AwsSession, clock: Clock, bucket: str, key: str, seconds: int, version: str = "") -> Link:
    """A link that lets anybody download the object until it expires (SigV4, at most 7 days).

    Links made with passing credentials die with them, however long they were asked for: then that moment is told.
    """
    if not 1 <= seconds <= LONGEST_LINK.total_seconds():
        raise WrongUse("The link's life makes no sense", "S3 allows 1 second to 7 days", "Choose a time within")
    client = aws.client("s3")
    which = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    with explained(f"make a link to {key}"):
        url = client.generate_presigned_url("get_object", Params=which, ExpiresIn=seconds)
        session_end = aws.expires()
    expires = clock.now() + timedelta(seconds=seconds)
    if session_end is not None and session_end < expires:
        return Link(url, session_end, "The link ends with your login, earlier than asked for")
    return Link(url, expires)


def _encryption(client: Any, bucket: str) -> str:
    answer = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    kinds = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "") for rule in answer]
    return ", ".join(filter(None, kinds))


def _locked(client: Any, bucket: str) -> str:
    """For how long what is written is locked, where nothing else is asked for: "on" without such a default."""
    answer = client.get_object_lock_configuration(Bucket=bucket).get("ObjectLockConfiguration", {})
    if answer.get("ObjectLockEnabled") != "Enabled":
        return ""
    default = answer.get("Rule", {}).get("DefaultRetention", {})
    span = f"{default['Days']} days" if "Days" in default else f"{default['Years']} years" if "Years" in default else ""
    return f"on, {default.get('Mode', '').lower()} for {span}" if span else "on"
