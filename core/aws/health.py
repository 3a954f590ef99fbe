"""Who am I, and how far away is it: what the status bar shows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from core.aws.faults import explained
from core.aws.session import AwsSession


@dataclass(frozen=True, slots=True)
class Identity:
    """``region`` is the one that clients ask, wherever it was set; ``latency`` in milliseconds; ``expires`` is None for
    credentials that do not expire."""

    account: str
    arn: str
    region: str
    latency: float
    expires: datetime | None = None


def who_am_i(aws: AwsSession) -> Identity:
    """Ask STS; raises OpsError when there are no credentials or no answer within the time-outs."""
    with explained("ask AWS who you are"):
        client = aws.client("sts", retries=1, read_timeout=10)
        started = time.perf_counter()
        answer = client.get_caller_identity()
        latency = (time.perf_counter() - started) * 1000
        return Identity(answer["Account"], answer["Arn"], client.meta.region_name, latency, aws.expires())
