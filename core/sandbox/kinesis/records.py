"""The data operations: PutRecord, PutRecords, GetShardIterator, GetRecords."""

from __future__ import annotations

import time
from binascii import Error as NotBase64
from binascii import a2b_base64
from hashlib import md5
from typing import Any

import orjson

from core.sandbox.kinesis import fields
from core.sandbox.kinesis.errors import ACCOUNT, Refused, invalid, no_shard, no_stream, not_valid
from core.sandbox.kinesis.faults import hit
from core.sandbox.kinesis.fields import Body
from core.sandbox.kinesis.limits import PAGE_RECORDS, REQUEST_BYTES, REQUEST_RECORDS
from core.sandbox.kinesis.metrics import INCOMING_BYTES, INCOMING_RECORDS, READS, READS_REFUSED, WRITES_REFUSED
from core.sandbox.kinesis.sequence import Iterator, expired_iterator, opened, place, shard_number
from core.sandbox.kinesis.store import Store
from core.sandbox.kinesis.stream import HASH_KEYS, Shard, Stream, now_ms

ITERATOR_TYPES = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
_THROTTLED = "ProvisionedThroughputExceededException"


class Records:
    def __init__(self, store: Store) -> None:
        self._store = store

    # -- putting ------------------------------------------------------------
    async def put_record(self, body: Body) -> Any:
        stream = self._store.find(fields.stream_name(body))
        entry = _checked(body, stream)
        ordering = fields.optional_text(body, "SequenceNumberForOrdering")
        if ordering is not None and not _of_stream(ordering, stream):
            raise invalid(f"SequenceNumberForOrdering {ordering} did not come from this stream.")
        _dry_run(body)
        stream.check_room()
        shard, sequence = self._admit(stream, entry, now_ms(), time.monotonic())
        self._count(stream, [entry] if sequence else [], 0 if sequence else 1)
        if sequence is None:
            raise Refused(_THROTTLED, _rate_exceeded(shard, stream))
        await stream.written()
        return {"ShardId": shard.id, "SequenceNumber": sequence}

    async def put_records(self, body: Body) -> Any:
        stream = self._store.find(fields.stream_name(body))
        records = body.get("Records")
        if not isinstance(records, list):
            raise not_valid(None, "records", "Member must not be null")
        if not 1 <= len(records) <= REQUEST_RECORDS:
            raise not_valid(
                f"{len(records)} records",
                "records",
                f"Member must have length between 1 and {REQUEST_RECORDS}",
            )
        entries = [_checked(record, stream, n) for n, record in enumerate(records, 1)]
        if sum(entry[3] for entry in entries) > REQUEST_BYTES:
            raise invalid("Records size exceeds 10 MB limit")
        _dry_run(body)
        stream.check_room()
        answers: list[dict[str, str]] = []
        failed, arrival, now = 0, now_ms(), time.monotonic()
        taken = []
        for entry in entries:
            shard, sequence = self._admit(stream, entry, arrival, now)
            if sequence is None:
                failed += 1
                answers.append({"ErrorCode": _THROTTLED, "ErrorMessage": _rate_exceeded(shard, stream)})
            else:
                taken.append(entry)
                answers.append({"SequenceNumber": sequence, "ShardId": shard.id})
        self._count(stream, taken, failed)
        if failed < len(entries):
            await stream.written()
        return {"FailedRecordCount": failed, "Records": answers}

    def _admit(
        self, stream: Stream, entry: tuple[str, bytes, int, int], arrival: int, now: float
    ) -> tuple[Shard, str | None]:
        data, key_json, hash_key, size = entry
        shard = stream.shard_for(hash_key)
        faults = self._store.faults
        if not shard.limits.may_write(size, now, faults.limit_scale) or hit(faults.throttle_share):
            return shard, None
        return shard, stream.admit(shard, data, key_json, size, arrival)

    def _count(self, stream: Stream, taken: list[tuple[str, bytes, int, int]], refused: int) -> None:
        count = self._store.metrics.count
        count(stream.name, WRITES_REFUSED, refused, refused + len(taken))
        count(stream.name, INCOMING_RECORDS, len(taken))
        count(stream.name, INCOMING_BYTES, sum([entry[3] for entry in taken]))

    # -- reading ------------------------------------------------------------
    async def get_shard_iterator(self, body: Body) -> Any:
        stream = self._store.find(fields.stream_name(body))
        shard = shard_of(stream, fields.text(body, "ShardId"))
        start = start_of(stream, shard, body, fields.choice(body, "ShardIteratorType", ITERATOR_TYPES))
        _dry_run(body)
        return {"ShardIterator": self._iterator(stream, shard, *start)}

    def _iterator(self, stream: Stream, shard: Shard, where: int, not_before: int) -> str:
        return Iterator(stream.name, stream.facts.created, shard.number, where, not_before, now_ms()).token()

    async def get_records(self, body: Body) -> bytes:
        iterator = opened(fields.text(body, "ShardIterator", longest=1024))
        limit = fields.optional_integer(body, "Limit", 1, PAGE_RECORDS) or PAGE_RECORDS
        now, faults = now_ms(), self._store.faults
        life = int(faults.iterator_seconds * 1000)
        if now - iterator.issued > life:
            raise expired_iterator(iterator, now, life)
        stream = self._store.find(iterator.stream)
        if stream.facts.created != iterator.created:
            raise no_stream(iterator.stream)
        shard = stream.shards.get(iterator.shard)
        if shard is None:
            raise no_shard(str(iterator.shard), stream.name)
        _dry_run(body)
        refused = not shard.limits.may_read(time.monotonic(), faults.limit_scale) or hit(faults.throttle_share)
        self._store.metrics.count(stream.name, READS, not refused)
        self._store.metrics.count(stream.name, READS_REFUSED, refused)
        if refused:
            raise Refused(_THROTTLED, _rate_exceeded(shard, stream))
        page = shard.index.page(iterator.place, max(iterator.not_before, stream.horizon()), limit)
        shard.limits.was_read(page.size, faults.limit_scale)
        behind = max(0, now - page.behind_since) if page.behind_since is not None else 0
        tail: dict[str, Any] = {"MillisBehindLatest": behind}
        if page.behind_since is None and shard.drained:
            tail["ChildShards"] = children(stream, shard)
        else:
            not_before = 0 if page.count else iterator.not_before
            tail["NextShardIterator"] = self._iterator(stream, shard, page.next_place, not_before)
        return b'{"Records":[' + b",".join(stream.log.read(page.spans)) + b"]," + orjson.dumps(tail)[1:]


def start_of(stream: Stream, shard: Shard, body: Body, kind: str) -> tuple[int, int]:
    """Where a reader that asks so starts: the place, and the earliest arrival (ms)."""
    if kind == "TRIM_HORIZON":
        return 1, 0
    if kind == "LATEST":
        return shard.index.next_place, 0
    if kind == "AT_TIMESTAMP":
        at = fields.milliseconds(body, "Timestamp")
        if at is None:
            raise invalid("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.")
        if at > (now := now_ms()) + 1000:  # a second's grace: two clocks are never quite the same
            raise invalid(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                f"timestampInMillis: {at}, currentTimestampInMillis: {now}"
            )
        return 1, at
    name = "StartingSequenceNumber" if "StartingSequenceNumber" in body else "SequenceNumber"
    sequence = fields.optional_text(body, name)
    if sequence is None:
        raise invalid(f"Must either specify (1) {kind} and StartingSequenceNumber or (2) another type and none.")
    where = place(sequence, shard.epoch, shard.number)
    if where is None or where > shard.next_place:
        raise invalid(
            f"StartingSequenceNumber {sequence} used in GetShardIterator on shard {shard.id} in stream {stream.name} "
            f"under account {ACCOUNT} is invalid because it did not come from this stream."
        )
    return where + (kind == "AFTER_SEQUENCE_NUMBER"), 0


def shard_of(stream: Stream, identifier: str) -> Shard:
    number = shard_number(identifier)
    if number is None or (shard := stream.shards.get(number)) is None:
        raise no_shard(identifier, stream.name)
    return shard


def hash_range(shard: Shard) -> dict[str, str]:
    return {"StartingHashKey": str(shard.first), "EndingHashKey": str(shard.last)}


def children(stream: Stream, shard: Shard) -> list[dict[str, Any]]:
    return [
        {
            "ShardId": child.id,
            "ParentShards": [stream.shards[number].id for number in child.parents if number in stream.shards],
            "HashKeyRange": hash_range(child),
        }
        for child in (stream.shards[number] for number in shard.children if number in stream.shards)
    ]


def _checked(record: Any, stream: Stream, number: int = 0) -> tuple[str, bytes, int, int]:
    """(data as base64, key as JSON, hash key, bytes as the limits count them) of one record to put."""
    if not isinstance(record, dict):
        raise Refused("SerializationException", "A record must be a structure")
    data, key = record.get("Data"), record.get("PartitionKey")
    if not isinstance(data, str):
        raise not_valid(None, _path("data", number), "Member must not be null")
    if not isinstance(key, str):
        raise not_valid(None, _path("partitionKey", number), "Member must not be null")
    if not 1 <= len(key) <= 256:
        raise not_valid(key[:64], _path("partitionKey", number), "Member must have length between 1 and 256")
    try:
        size = len(a2b_base64(data, strict_mode=True))
    except (NotBase64, ValueError) as error:  # ValueError: not even ASCII
        raise Refused("SerializationException", f"{_path('data', number)} is not base64") from error
    raw_key = key.encode()
    most = stream.facts.max_record_kib << 10
    if size + len(raw_key) > most:
        constraint = f"Member must have length less than or equal to {most}"
        raise not_valid(f"{size} bytes", _path("data", number), constraint)
    explicit = record.get("ExplicitHashKey")
    if explicit is None:
        hash_key = int.from_bytes(md5(raw_key, usedforsecurity=False).digest(), "big")
    else:
        hash_key = _hash_key(explicit, number)
    return data, orjson.dumps(key), hash_key, size + len(raw_key)


def _hash_key(explicit: Any, number: int) -> int:
    if not isinstance(explicit, str) or not (explicit.isascii() and explicit.isdigit() and len(explicit) <= 39):
        constraint = r"Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})"
        raise not_valid(explicit, _path("explicitHashKey", number), constraint)
    if int(explicit) >= HASH_KEYS:
        raise invalid(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
            f"Specified value was {explicit}"
        )
    return int(explicit)


def _path(member: str, number: int) -> str:
    """How the service names a member of the n-th record, or of a single one (0)."""
    return f"records.{number}.member.{member}" if number else member


def _of_stream(sequence: str, stream: Stream) -> bool:
    return any(place(sequence, shard.epoch, shard.number) is not None for shard in stream.shards.values())


def _rate_exceeded(shard: Shard, stream: Stream) -> str:
    return f"Rate exceeded for shard {shard.id} in stream {stream.name} under account {ACCOUNT}."


def _dry_run(body: Body) -> None:
    if body.get("DryRun"):
        raise Refused("DryRunOperationException", "The request would have succeeded, but the DryRun flag is set.")
