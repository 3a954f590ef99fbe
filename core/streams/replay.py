"""Sends the records of an exported file into a stream again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.base.errors import OpsError
from core.jobs.job import Job
from core.streams.export import saved_records
from core.streams.producer import Producer
from core.streams.producing import ProducerSnapshot


def replay(job: Job[Any], producer: Producer, path: Path) -> ProducerSnapshot:
    """All of them, with their keys and in their order; returns when all are acknowledged, and closes the producer. Raises
    OpsError naming the record of a damaged file (those before it were sent), or where some were refused."""
    producer.sink.learn_size()
    try:
        for number, (key, data) in enumerate(saved_records(path), 1):
            while not producer.wait_for_room(0.2):
                _check(job, producer, number)
            producer.offer(data, key)
            if number % 1_000 == 0:
                _check(job, producer, number)
        while not producer.flush(0.2):
            _check(job, producer, producer.snapshot().acknowledged)
    finally:
        producer.close(5.0 if producer.snapshot().trouble is None else 0.0)
    told = producer.snapshot()
    if told.refusal is not None:
        raise OpsError(
            f"{told.refused:,} of the records of {path.name} were refused",
            f"{told.refusal.title}. {told.refusal.why}",
            f"The other {told.acknowledged:,} are in the stream; correct those and send them alone",
            details=told.refusal.details,
            code="refused",
        )
    return told


def _check(job: Job[Any], producer: Producer, done: int) -> None:
    """Report, and give up on a trouble that waiting does not heal."""
    told = producer.snapshot()
    job.report(done, None, f"{told.acknowledged:,} acknowledged, {told.queued:,} waiting")
    if told.trouble is not None and told.trouble.code in ("not-found", "denied", "credentials", "expired"):
        raise told.trouble
