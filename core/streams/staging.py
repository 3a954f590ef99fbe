"""A place in S3 where rows wait for the warehouse's COPY, and where records are kept that are no rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.base.errors import WrongUse


class Staging:
    """A prefix in S3 where rows wait for COPY."""

    def __init__(self, aws: AwsSession, address: str) -> None:
        """``address``: s3://bucket/prefix/. Raises WrongUse where it is none."""
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        if not address.startswith("s3://") or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
            raise WrongUse(f"{address!r} is no place in S3", "", "For example s3://my-bucket/staging/")
        self.bucket, self.prefix = bucket, prefix.strip("/") + "/" if prefix.strip("/") else ""
        self._aws = aws

    @property
    def _client(self) -> Any:
        return self._aws.client("s3")

    def prepare(self, *, make: bool) -> None:
        """Make sure the bucket is there (``make``: make it), and remove what runs that were killed left in it."""
        from botocore.exceptions import ClientError

        with explained(f"use the staging bucket {self.bucket}"):
            try:
                self._client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if not make or error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                    raise
                self._client.create_bucket(Bucket=self.bucket)
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=f"{self.prefix}batch-"):
                for entry in page.get("Contents", ()):
                    self.remove(entry["Key"])

    def put(self, name: str, content: bytes) -> str:
        """Store and return the key."""
        key = f"{self.prefix}{name}"
        with explained(f"stage rows in {self.bucket}"):
            self._client.put_object(Bucket=self.bucket, Key=key, Body=content)
        return key

    def remove(self, key: str) -> None:
        with explained(f"remove staged rows from {self.bucket}"):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def names(self, folder: str, after: str = "") -> Iterator[str]:
        """What stands in a folder of the prefix, by name; only what comes behind ``after``."""
        prefix = f"{self.prefix}{folder}"
        more = {"StartAfter": f"{prefix}{after}"} if after else {}
        with explained(f"look into {self.address(folder)}"):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, **more
            ):
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(prefix)

    def address(self, name: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{name}"
