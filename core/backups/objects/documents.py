"""What is set on a bucket as a whole: its policy, CORS, website, access log, who pays for requests.

Each is a document that S3 replaces whole, kept here as the plain dictionary that S3 speaks. What an endpoint lacks it
often takes without a word (rclone makes the bucket once more): each is read again after writing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.objects.facts import Asking, lacks
from core.base.errors import OpsError

_WITH_DASH = (
    "us-east-1", "us-west-1", "us-west-2", "us-gov-west-1", "sa-east-1",
    "eu-west-1", "ap-northeast-1", "ap-southeast-1", "ap-southeast-2",
)  # fmt: skip
"""Regions, S3's oldest, where a website's name has a dash before the region: the others have a dot."""


@dataclass(frozen=True, slots=True)
class Kind:
    """``unset``: S3's code for there being none. ``read`` raises KeyError where the answer is none at all."""

    words: str
    read: Callable[[Any, str], Any]
    write: Callable[[Any, str, Any], Any]
    remove: Callable[[Any, str], Any]
    unset: str = ""


POLICY = Kind(
    "policy",
    lambda s3, bucket: _parsed(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
    lambda s3, bucket, value: s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(value)),
    lambda s3, bucket: s3.delete_bucket_policy(Bucket=bucket),
    "NoSuchBucketPolicy",
)
CORS = Kind(
    "CORS rules",
    lambda s3, bucket: s3.get_bucket_cors(Bucket=bucket)["CORSRules"],
    lambda s3, bucket, value: s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": value}),
    lambda s3, bucket: s3.delete_bucket_cors(Bucket=bucket),
    "NoSuchCORSConfiguration",
)
WEBSITE = Kind(
    "website",
    lambda s3, bucket: _told(s3.get_bucket_website(Bucket=bucket)),
    lambda s3, bucket, value: s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=value),
    lambda s3, bucket: s3.delete_bucket_website(Bucket=bucket),
    "NoSuchWebsiteConfiguration",
)
ACCESS_LOG = Kind(
    "access log",
    lambda s3, bucket: s3.get_bucket_logging(Bucket=bucket).get("LoggingEnabled"),
    lambda s3, bucket, value: s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": value}),
    lambda s3, bucket: s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={}),
)
PAYER = Kind(
    "payer of requests",
    lambda s3, bucket: s3.get_bucket_request_payment(Bucket=bucket)["Payer"],
    lambda s3, bucket, value: s3.put_bucket_request_payment(
        Bucket=bucket, RequestPaymentConfiguration={"Payer": value}
    ),
    lambda s3, bucket: s3.put_bucket_request_payment(
        Bucket=bucket, RequestPaymentConfiguration={"Payer": "BucketOwner"}
    ),
)
KINDS = {"policy": POLICY, "cors": CORS, "website": WEBSITE, "access_log": ACCESS_LOG, "payer": PAYER}


def _parsed(policy: str) -> Any:
    try:
        return json.loads(policy)
    except ValueError as error:
        raise KeyError("policy") from error


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    if not told:
        raise KeyError("website")
    return told


def read(aws: AwsSession, bucket: str, kind: Kind) -> Any:
    """None where none is set. Raises OpsError; ``lacking`` where the endpoint does not know it."""
    try:
        with explained(f"read the {kind.words} of {bucket}"):
            return kind.read(aws.client("s3"), bucket)
    except (KeyError, TypeError) as error:  # rclone answers what it does not know with a list of objects
        raise _lacking(kind) from error
    except OpsError as error:
        if kind.unset and error.details.get("code") == kind.unset:
            return None
        if lacks(error):
            raise _lacking(kind) from error
        raise


def write(aws: AwsSession, bucket: str, kind: Kind, value: Any) -> Any:
    """Replace it; ``value`` None removes it. Returns what was set before, None also where that may not be read."""
    before, _ = _readable(aws, bucket, kind)
    try:
        with explained(f"{'remove' if value is None else 'write'} the {kind.words} of {bucket}"):
            if value is None:
                kind.remove(aws.client("s3"), bucket)
            else:
                kind.write(aws.client("s3"), bucket, value)
    except OpsError as error:
        if lacks(error) or error.code == "exists":  # it took the question for that of making a bucket
            raise _lacking(kind) from error
        tell_of_block(error)
        raise
    after, readable = _readable(aws, bucket, kind)
    if readable and value is not None and after is None:
        raise _lacking(kind)
    return before


def _readable(aws: AwsSession, bucket: str, kind: Kind) -> tuple[Any, bool]:
    """What is set, and whether this identity may know: a policy may forbid it to its own writer."""
    try:
        return read(aws, bucket, kind), True
    except OpsError as error:
        if error.code != "denied":
            raise
        return None, False


def overview(aws: AwsSession, bucket: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """All of them by the names of ``KINDS`` (None: not set), who owns objects, whether the public is kept out; and why
    some are not told."""
    asking, s3 = Asking(), aws.client("s3")
    found = {name: asking.ask(kind.words, partial(kind.read, s3, bucket), None) for name, kind in KINDS.items()}
    found["object_ownership"] = asking.ask("object ownership", lambda: _ownership(s3, bucket), "")
    found["public_access_blocked"] = asking.ask("block of public access", lambda: _kept_out(s3, bucket), False)
    return found, tuple(asking.lacking)


def in_full(value: Any) -> str:
    """As somebody keeps it in a file."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def website_url(aws: AwsSession, bucket: str) -> str:
    """Where AWS serves it; "" at other endpoints, and where the region is not told."""
    if aws.target().endpoints:
        return ""
    s3 = aws.client("s3")  # S3 says nothing for its oldest region
    told = Asking().ask(
        "region", lambda: s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] or "us-east-1", ""
    )
    if not told:
        return ""
    region = "eu-west-1" if told == "EU" else str(told)
    sign, end = "-" if region in _WITH_DASH else ".", ".cn" if region.startswith("cn-") else ""
    return f"http://{bucket}.s3-website{sign}{region}.amazonaws.com{end}"


def _ownership(s3: Any, bucket: str) -> str:
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    return str(rules[0]["ObjectOwnership"])


def _kept_out(s3: Any, bucket: str) -> bool:
    told = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return all(told[name] for name in names)


def tell_of_block(error: OpsError) -> None:
    """A refusal for the sake of S3's block of public access is no question of rights."""
    if error.code == "denied" and "Block Public Access" in error.details.get("message", ""):
        error.remedy = (
            "Share one object by s3 link; or lift the block of public access, of the bucket and of the account"
        )


def _lacking(kind: Kind) -> OpsError:
    return OpsError(
        f"This endpoint does not offer the {kind.words} of a bucket",
        "It says so, or answers another question",
        "Use an endpoint that does, such as AWS",
        code="lacking",
    )
