"""Extraction as the service offers it: find the input, preview, run, load the table into the warehouse."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.aws.faults import explained
from core.aws.workplace import Workplace
from core.base.errors import OpsError, WrongUse
from core.jobs.child import run_in_child
from core.jobs.job import Job
from core.settings.profiles import WarehouseConnection
from core.warehouse.extract.definition import Definition, Tally
from core.warehouse.extract.emit import table_ddl
from core.warehouse.extract.sources import Source, local_sources

if TYPE_CHECKING:
    from core.warehouse.extract.preview import Preview

_LINK_SECONDS = 12 * 3600
Run = Callable[[Job[Any], str], None]
"""Runs one SQL statement on the chosen connection."""


class Extracts:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace

    def sources(self, job: Job[Any], place: str) -> list[Source]:
        """A file, a folder, or s3://bucket/prefix: what is there to read, with sizes."""
        job.checkpoint()
        if not place.strip():
            raise WrongUse("There is nothing to read", "No file, folder or S3 prefix is named", "Name one")
        if not place.startswith("s3://"):
            return local_sources(Path(place).expanduser())
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        client = self._workplace.aws.client("s3")
        found = []
        with explained(f"list {place}"):
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                job.checkpoint()
                for item in page.get("Contents", ()):
                    if item["Size"]:
                        found.append((str(item["Key"]), int(item["Size"])))
        if not found:
            raise OpsError(
                f"There is nothing to read at {place}",
                "No object has that prefix",
                "Check bucket and prefix",
                code="not-found",
            )
        ca_file = self._workplace.aws.target().ca_bundle
        sources = []
        for key, size in found:  # a signed link each: the reading process needs no credentials
            link = client.generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=_LINK_SECONDS
            )
            sources.append(Source(f"s3://{bucket}/{key}", link, size, ca_file))
        return sources

    def preview(
        self, job: Job[Any], definition: Definition, sources: Sequence[Source], *, guess: bool = True
    ) -> Preview:
        """Match a sample; columns and types are guessed where the definition leaves them open."""
        arguments = {"definition": definition, "sources": list(sources[:20]), "guess": guess}
        found: Preview = run_in_child(job, "core.warehouse.extract.preview:preview_in_child", arguments)
        return found

    def run(
        self,
        job: Job[Any],
        definition: Definition,
        sources: Sequence[Source],
        output: Path,
        rejects: Path | None = None,
    ) -> Tally:
        """Everything into one Parquet file; see ``extraction.extract``."""
        from core.warehouse.extract.extraction import extract

        return extract(job, definition, sources, output, rejects)

    def load(
        self,
        job: Job[Any],
        run: Run,
        definition: Definition,
        tally: Tally,
        parquet: Path,
        table: str,
        *,
        stage: str = "",
        role: str = "",
    ) -> None:
        """Upload the Parquet file to S3 and COPY it into a new table; the staged object is removed afterwards."""
        client = self._workplace.aws.client("s3")
        bucket, prefix = self._stage(client, stage)
        key = f"{prefix}extract/{uuid.uuid4().hex}/{parquet.name}"
        with explained(f"upload {parquet.name}"):
            size = parquet.stat().st_size
            sent = [0]

            def count(some: int) -> None:
                sent[0] += some
                job.report(sent[0], size, f"{sent[0] / 1e6:,.0f} MB uploaded")

            client.upload_file(str(parquet), bucket, key, Callback=count)
        try:
            run(job, table_ddl(definition, table, tally))
            iam = f"'{role}'" if role else "default"
            run(job, f"COPY {table} FROM 's3://{bucket}/{key}' IAM_ROLE {iam} FORMAT AS PARQUET")
        finally:
            with explained("remove the staged file"):
                client.delete_object(Bucket=bucket, Key=key)

    def _stage(self, client: Any, stage: str) -> tuple[str, str]:
        """Bucket and prefix to stage in; without one, a bucket of this account, made when first needed."""
        if stage:
            if not stage.startswith("s3://"):
                raise WrongUse(f"{stage!r} is no S3 prefix", "It should be s3://bucket/prefix/", "Correct it")
            bucket, _, prefix = stage.removeprefix("s3://").partition("/")
            return bucket, f"{prefix.rstrip('/')}/" if prefix else ""
        with explained("find a bucket to stage in"):
            account = self._workplace.aws.client("sts").get_caller_identity()["Account"]
            bucket = f"opsdesk-staging-{account}"
            region = self._workplace.aws.target().region
            names = {entry["Name"] for entry in client.list_buckets().get("Buckets", ())}
            if bucket not in names:
                place = (
                    {} if region in ("", "us-east-1") else {"CreateBucketConfiguration": {"LocationConstraint": region}}
                )
                client.create_bucket(Bucket=bucket, **place)
        return bucket, ""


def loader(service: Any, connection: WarehouseConnection, database: str) -> Run:
    """How ``load`` runs its statements: through the service, so that they stand in the history."""

    def run(job: Job[Any], sql: str) -> None:
        service.execute(job, service.prepare(connection, sql, database=database))

    return run
