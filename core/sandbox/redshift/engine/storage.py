"""S3 for COPY and UNLOAD, by boto3: DuckDB's own reader is an extension that would have to be downloaded."""

from __future__ import annotations

from functools import cached_property
from typing import Any


class Storage:
    """The sandbox's S3. ``endpoint`` is its URL."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    @cached_property
    def client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self._endpoint,
            region_name="us-east-1",
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3}),
        )
