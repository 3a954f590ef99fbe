"""Makes the stream ``pageviews`` and puts the last page views into it."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from typing import Any

from core.base.errors import OpsError
from core.sandbox.seed.demo import Demo

STREAM, SHARDS, RECORDS = "pageviews", 4, 2_000


def fill(kinesis: Any, demo: Demo) -> None:
    """Create the stream unless it is there; an interrupted run may leave some records twice, as any producer may."""
    import orjson

    with contextlib.suppress(kinesis.exceptions.ResourceInUseException):
        kinesis.create_stream(StreamName=STREAM, ShardCount=SHARDS)
    until = time.monotonic() + 60
    while kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE":
        if time.monotonic() > until:
            raise OpsError(f"The stream {STREAM} does not get active", "", "Look at `sandbox status`")
        time.sleep(0.1)
    waiting = [
        {"Data": orjson.dumps(view.event()), "PartitionKey": view.session}
        for view in deque(demo.page_views(), maxlen=RECORDS)
    ]
    while waiting:
        batch, waiting = waiting[:500], waiting[500:]
        answer = kinesis.put_records(StreamName=STREAM, Records=batch)
        refused = [record for record, result in zip(batch, answer["Records"], strict=True) if result.get("ErrorCode")]
        if refused:
            time.sleep(0.2)  # the shards' own limit of 1,000 records a second
            waiting = refused + waiting
