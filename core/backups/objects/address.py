"""Names in S3: addresses as people write them, and keys as files that may safely be written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import OpsError, WrongUse

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|COM\d|LPT\d)(\.|$)", re.IGNORECASE)


NO_ARN = (
    "Buckets and access points are taken by name here",
    "Write the access point's alias (it ends with -s3alias) in the place of a bucket",
)
"""Why, and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """``s3://bucket/key``; ``key`` may be empty, a prefix, or an object's key."""

    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}" if self.key else f"s3://{self.bucket}"


def address(text: str, *, key_needed: bool = False) -> Address:
    """Read ``s3://bucket[/key]``; raises WrongUse for anything else."""
    if not text.startswith("s3://"):
        raise WrongUse(
            f"{text!r} is no S3 address", "It should begin with s3://", "For example s3://bucket/folder/file"
        )
    bucket, _, key = text[5:].partition("/")
    if bucket.startswith("arn:"):
        raise WrongUse(f"{bucket!r} is an ARN", *NO_ARN)
    if not bucket:
        raise WrongUse(f"{text!r} names no bucket", "The bucket stands after s3://", "For example s3://bucket/folder/")
    if key_needed and not key:
        raise WrongUse(f"{text!r} names no object", "The bucket alone is not enough here", "Add /KEY")
    return Address(bucket, key)


def checked_bucket_name(name: str) -> str:
    """``name``, if a bucket may be called so; raises WrongUse with the rule it breaks."""
    if not _BUCKET.match(name):
        why = "3 to 63 small letters, digits, dots and dashes, beginning and ending with a letter or digit"
    elif ".." in name or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
        why = "Two dots in a row, or something that looks like an IP address"
    elif name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or name.endswith(("-s3alias", "--ol-s3")):
        why = "S3 keeps this prefix or suffix for itself"
    else:
        return name
    raise WrongUse(f"{name!r} cannot be a bucket's name", why, "Choose another name")


def local_path(folder: Path, relative: str) -> Path:
    """Where the object ``relative`` (its key below the chosen prefix) is written under ``folder``.

    Keys are anybody's words: raises OpsError (code ``unsafe``) for one that would leave the folder, or that no file
    can be called, instead of guessing another name.
    """
    steps = relative.split("/")
    why = ""
    if not relative or "\0" in relative or any(step in ("", ".", "..") for step in steps):
        why = "It has an empty step, a dot step or a zero byte, and could leave the folder"
    elif any(len(step.encode()) > 255 for step in steps):
        why = "A step is longer than 255 bytes"
    elif any("\\" in step or ":" in step[1:2] or _RESERVED.match(step) for step in steps):
        why = "A step has a backslash, a drive or a device name, which other systems read differently"
    if why:
        raise OpsError(
            f"{relative!r} cannot be a file here", why, "Download it alone, under another name", code="unsafe"
        )
    return folder.joinpath(*steps)
