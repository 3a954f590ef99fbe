"""One request for each of many objects, several at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from core.aws.session import AwsSession
from core.backups.objects.browse import walk
from core.backups.objects.tally import Tally
from core.backups.objects.values import Entry, Moved
from core.jobs.job import Job

_THREADS = 8  # 2-4 ms of CPU a request: more threads gain nothing


def each(
    job: Job[Any],
    aws: AwsSession,
    bucket: str,
    entries: list[Entry],
    one: Callable[[Entry], Moved],
    verb: str,
    *,
    alone: bool = False,
) -> Moved:
    """``one`` of every object, and of all below folders; ``verb``: what it did ("copied"). Trouble with one is noted;
    where it is ``alone``, it is raised."""
    started, total = time.monotonic(), Tally([])
    with total.told(job, verb), ThreadPoolExecutor(_THREADS, thread_name_prefix="many") as pool:
        for group in _objects(job, aws, bucket, entries):
            total.take_all((entry.key, pool.submit(one, entry)) for entry in group)
            job.report(total.objects, None, f"{total.objects:,} {verb}")
    return total.moved(started, alone=alone)


def _objects(job: Job[Any], aws: AwsSession, bucket: str, entries: list[Entry]) -> Iterator[list[Entry]]:
    yield [entry for entry in entries if not entry.folder]
    for entry in entries:
        if entry.folder:
            yield from walk(job, aws, bucket, entry.key)
