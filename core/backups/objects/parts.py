"""Where the parts end that an object was uploaded in: sums of parts can be made again by that only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from core.aws.faults import explained
from core.backups.objects.upload import MOST_PARTS
from core.base.errors import OpsError

_NO_ANSWER = ("unreachable", "credentials", "expired", "throttled", "server", "tls", "clock")
"""Codes of trouble that says nothing of the object."""


def layouts(
    client: Any, which: dict[str, str], etag: str, size: int, count: int, checkpoint: Callable[[], None] = lambda: None
) -> Iterator[list[int]]:
    """The sizes of the ``count`` parts of an object of ``size`` bytes: nothing where nobody can tell.

    Nearly every program makes all parts but the last as large as the first: that is yielded first, for one request. Only
    who finds that it was not so, and goes on, has each part asked for, 8 at a time: a small part of what a part's own
    bytes take. (Not by GetObjectAttributes: it knows the parts of few objects, and an endpoint that does not know it sends
    the object, which botocore reads into memory.) Raises OpsError where there was no answer.
    """
    if count > MOST_PARTS:
        return
    first = _size_of(client, which, etag, 1, size)
    if not first or (first == size and count > 1):
        return
    likely: list[int] = []
    if -(-size // first) == count:
        likely = [first] * (count - 1) + [size - first * (count - 1)]
        yield likely
    if count > 2 or not likely:
        told = _asked_for(client, which, etag, size, count, checkpoint)
        if len(told) == count and sum(told) == size and told != likely:
            yield told


def _asked_for(
    client: Any, which: dict[str, str], etag: str, size: int, count: int, checkpoint: Callable[[], None]
) -> list[int]:
    sizes: list[int] = []
    with ThreadPoolExecutor(8, thread_name_prefix="parts") as pool:
        try:
            for told in pool.map(lambda number: _size_of(client, which, etag, number, size), range(1, count + 1)):
                checkpoint()
                if not told:
                    break
                sizes.append(told)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return sizes


def _size_of(client: Any, which: dict[str, str], etag: str, number: int, size: int) -> int:
    """The size of one part; that of the whole object where the endpoint does not know parts; 0 where nothing was told."""
    wanted = {**which, "PartNumber": number, **({"IfMatch": f'"{etag}"'} if etag else {})}
    try:
        with explained(f"look at part {number} of {which['Key']}"):
            told = int(client.head_object(**wanted)["ContentLength"])
            if told == size:  # HEAD does not tell everywhere (the sandbox does not), GET does
                answer = client.get_object(**wanted)
                answer["Body"].close()
                told = int(answer["ContentLength"])
            return told
    except OpsError as error:
        if error.code in _NO_ANSWER:
            raise
        return 0
