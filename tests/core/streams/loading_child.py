"""A pipeline with the real loader that kills itself while the warehouse works on its second batch."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

from core.aws.session import AwsSession, Target
from core.jobs.job import Job, headless_job
from core.settings.profiles import Profile, WarehouseConnection
from core.streams.loading import Loader
from core.streams.pages import StreamSource
from core.streams.pipeline import Pipeline, PipelineOptions
from core.streams.staging import Staging
from core.streams.statements import Statements
from tests.core.streams.pipeline_child import InThread

CONNECTION = WarehouseConnection("local", database="dev", workgroup="local")


def session(kinesis: str, data_api: str, s3: str, access_key: str, secret_key: str) -> AwsSession:
    profile = Profile("test", kind="env", environment="sandbox", region="us-east-1")
    endpoints = {"kinesis": kinesis, "redshift-data": data_api, "s3": s3}
    target = Target(
        profile,
        "us-east-1",
        endpoints=endpoints,
        access_key=access_key,
        secret_key=secret_key,
        warehouses=(CONNECTION,),
    )
    return AwsSession(profile, lambda: target)


class DyingStatements(Statements):
    """The service has taken the batch and goes on with it; nobody is left to hear how it ended."""

    loads = 0

    def run(self, job: Job[Any], statements: Sequence[str], doing: str, token: str | None = None) -> str:
        self.loads += doing.startswith("load rows")
        return super().run(job, statements, doing, token)

    def _wait(self, job: Job[Any], identifier: str, doing: str) -> str:
        if self.loads == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._wait(job, identifier, doing)


def load_and_die(place: tuple[str, str, str, str, str], stream: str, table: str) -> None:
    aws = session(*place)
    loader = Loader(DyingStatements(aws, CONNECTION), Staging(aws, "s3://staging/killed/"), stream, table, "default")
    options = PipelineOptions(every=0.05, batch_records=100, reads_per_second=50, page_records=50)
    Pipeline(StreamSource(aws, stream), loader, InThread(), options).run(headless_job(), once=True, make_bucket=True)
