"""Results and models to and from S3, through a client that the workplace made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from core.aws.faults import explained
from core.base.errors import WrongUse
from core.digits.batch import result_name
from core.jobs.job import Job


def parts_of(address: str) -> tuple[str, str]:
    """(bucket, key or prefix) of ``s3://bucket/key``. Raises WrongUse for anything else."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not address.startswith("s3://") or not bucket:
        raise WrongUse(f"{address!r} is no place in S3", "It should be s3://bucket/prefix/", "Correct the address")
    return bucket, key


def upload_batch(
    client: Any, job: Job[Any], address: str, data: Path, made: Mapping[str, Path], now: datetime
) -> dict[str, str]:
    """Scores as Amazon laid them out, the submission beside them, the manifest last; returns name -> address."""
    bucket, prefix = parts_of(address)
    prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
    batch = f"bp-{now:%Y%m%dT%H%M%S}"
    result = f"{prefix}batch-prediction/result/{result_name(batch, data)}"
    submission = f"{prefix}batch-prediction/{batch}-submission.csv"
    manifest = f"{prefix}batch-prediction/{batch}.manifest"
    with explained(f"write the predictions to {address}"):
        for place, key in ((made["scores"], result), (made["submission"], submission)):
            job.report(0, None, f"Writing s3://{bucket}/{key}")
            with place.open("rb") as file:
                client.put_object(Bucket=bucket, Key=key, Body=file, ContentType=_kind(key))
        # a manifest announces whole results, so it comes when they are there
        content = json.dumps({str(data): f"s3://{bucket}/{result}"}, indent=1).encode()
        job.checkpoint()
        client.put_object(Bucket=bucket, Key=manifest, Body=content, ContentType="application/json")
    return {
        "scores": f"s3://{bucket}/{result}",
        "submission": f"s3://{bucket}/{submission}",
        "manifest": f"s3://{bucket}/{manifest}",
    }


def _kind(key: str) -> str:
    return "application/gzip" if key.endswith(".gz") else "text/csv"


def upload_file(client: Any, job: Job[Any], place: Path, address: str) -> str:
    """``address`` may end with / : then the file keeps its name."""
    bucket, key = parts_of(address)
    if not key or key.endswith("/"):
        key += place.name
    job.report(0, 1, f"Writing s3://{bucket}/{key}")
    with explained(f"store the model at s3://{bucket}/{key}"), place.open("rb") as file:
        client.put_object(Bucket=bucket, Key=key, Body=file, ContentType="application/zip")
    return f"s3://{bucket}/{key}"


def download_file(client: Any, job: Job[Any], address: str, place: Path) -> None:
    bucket, key = parts_of(address)
    with explained(f"fetch {address}"):
        answer = client.get_object(Bucket=bucket, Key=key)
        total = int(answer["ContentLength"])
        with place.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(1 << 20):
                file.write(chunk)
                job.report(file.tell(), total, address)
