"""S3 for COPY and UNLOAD, by boto3: DuckDB's own reader is an extension that would have to be downloaded."""

from __future__ import annotations

import bz2
import gzip
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import IO, Any, cast

from core.sandbox.redshift.engine.outcome import SqlError


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

    def objects(self, url: str) -> list[tuple[str, int]]:
        """URLs and sizes of the objects under a prefix. Raises SqlError where the bucket is not there."""
        bucket, key = split_url(url)
        found: list[tuple[str, int]] = []
        try:
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key):
                found += [(f"s3://{bucket}/{one['Key']}", one["Size"]) for one in page.get("Contents", [])]
        except Exception as error:
            raise SqlError(f"S3ServiceException:{error}") from error
        return found

    @contextmanager
    def open(self, url: str, compression: str = "") -> Iterator[IO[bytes]]:
        """An object as a local file (spooled to disk above 16 MB), decompressed as it is read."""
        bucket, key = split_url(url)
        with tempfile.SpooledTemporaryFile(max_size=16_000_000) as spool:
            try:
                self.client.download_fileobj(bucket, key, spool)
            except Exception as error:
                raise SqlError(f"S3ServiceException:{error} ({url})") from error
            spool.seek(0)
            yield _decompressed(spool, compression)  # type: ignore[arg-type]

    def put(self, url: str, content: IO[bytes]) -> None:
        bucket, key = split_url(url)
        try:
            self.client.upload_fileobj(content, bucket, key)
        except Exception as error:
            raise SqlError(f"S3ServiceException:{error} ({url})") from error

    def delete(self, urls: list[str]) -> None:
        for url in urls:
            bucket, key = split_url(url)
            self.client.delete_object(Bucket=bucket, Key=key)


def split_url(url: str) -> tuple[str, str]:
    if not url.startswith("s3://"):
        raise SqlError(f"{url!r} is not an S3 path: only s3://bucket/key is supported by the local engine")
    bucket, _, key = url[5:].partition("/")
    if not bucket:
        raise SqlError(f"Invalid S3 path {url!r}")
    return bucket, key


def _decompressed(content: IO[bytes], compression: str) -> IO[bytes]:
    if compression == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=content, mode="rb"))
    if compression == "bzip2":
        return bz2.BZ2File(content)
    if compression == "zstd":
        import zstandard

        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True))
    return content


def compressed(content: IO[bytes], compression: str) -> IO[bytes]:
    """A writer that compresses into ``content``."""
    if compression == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=content, mode="wb", mtime=0))
    if compression == "bzip2":
        return bz2.BZ2File(content, "wb")
    if compression == "zstd":
        import zstandard

        return zstandard.ZstdCompressor().stream_writer(content, closefd=False)  # type: ignore[return-value]
    return content
