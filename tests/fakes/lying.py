"""A Kinesis endpoint that answers 200 with whatever it is told first, and honestly afterwards."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence

from tests.fakes.loopback import Answer, Asked, loopback


@contextlib.contextmanager
def lying(answers: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """(address, bodies of the requests so far). ``answers`` are given one after the other; then every PutRecords is
    acknowledged record by record, and every other question answered with an empty page."""
    waiting, asked, lock = list(answers), [], threading.Lock()

    def answer(question: Asked) -> Answer:
        with lock:
            asked.append(question.body)
            told = waiting.pop(0) if waiting else _honest(question.body)
        return Answer(200, told, {"Content-Type": "application/x-amz-json-1.1"})

    with loopback(answer) as url:
        yield url, asked


def _honest(body: bytes) -> bytes:
    records = json.loads(body).get("Records")
    if records is None:
        return b'{"Records":[],"NextShardIterator":"next","MillisBehindLatest":0}'
    stored = [{"SequenceNumber": str(n), "ShardId": "shardId-000000000000"} for n, _ in enumerate(records, 1)]
    return json.dumps({"FailedRecordCount": 0, "Records": stored}).encode()
