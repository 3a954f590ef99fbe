"""Enhanced fan-out: registered consumers, and SubscribeToShard that pushes records as they arrive."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson

from core.sandbox.kinesis import fields
from core.sandbox.kinesis.errors import ACCOUNT, Refused, in_use, invalid
from core.sandbox.kinesis.eventstream import event, exception
from core.sandbox.kinesis.fields import Body
from core.sandbox.kinesis.limits import BYTES_OUT_A_SECOND, PAGE_RECORDS, Bucket
from core.sandbox.kinesis.records import ITERATOR_TYPES, children, shard_of, start_of
from core.sandbox.kinesis.store import Store
from core.sandbox.kinesis.stream import Shard, Stream, now_ms

_CONSUMERS = 20
_LIFE = 300.0  # s: a subscription ends after 5 minutes and is asked for again
_AGAIN_AFTER = 5.0  # s: earlier, a second call for the same consumer and shard is refused
_EVENT_BYTES = 1 << 20
_QUIET = 5.0  # s between empty events, so that a reader's socket does not time out


class Fanout:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: dict[tuple[str, int], tuple[object, float]] = {}

    async def register_stream_consumer(self, body: Body) -> Any:
        stream = self._stream(body)
        name = fields.text(body, "ConsumerName", longest=128)
        consumers = stream.facts.consumers
        if name in consumers:
            raise in_use(f"Consumer {name} under stream {stream.name} already exists for account {ACCOUNT}.")
        if len(consumers) >= _CONSUMERS:
            raise Refused("LimitExceededException", f"The limit of {_CONSUMERS} consumers of a stream is reached.")
        consumers[name] = now_ms()
        stream.save()
        return {"Consumer": {**self._described(stream, name), "ConsumerStatus": "CREATING"}}

    async def deregister_stream_consumer(self, body: Body) -> Any:
        stream, name = self._consumer(body)
        del stream.facts.consumers[name]
        stream.save()
        for key in [key for key in self._live if key[0] == _arn(stream, name, None)]:
            del self._live[key]

    async def describe_stream_consumer(self, body: Body) -> Any:
        stream, name = self._consumer(body)
        return {"ConsumerDescription": {**self._described(stream, name), "StreamARN": stream.arn}}

    async def list_stream_consumers(self, body: Body) -> Any:
        stream = self._stream(body)
        limit = fields.optional_integer(body, "MaxResults", 1, 10_000) or 100
        after = fields.optional_text(body, "NextToken", longest=256)
        names = sorted(name for name in stream.facts.consumers if after is None or name > after)
        answer: dict[str, Any] = {"Consumers": [self._described(stream, name) for name in names[:limit]]}
        if len(names) > limit:
            answer["NextToken"] = names[limit - 1]
        return answer

    async def subscribe_to_shard(self, body: Body) -> Any:
        stream, name = self._consumer(body)
        shard = shard_of(stream, fields.text(body, "ShardId", longest=128))
        position = body.get("StartingPosition")
        if not isinstance(position, dict):
            raise invalid("StartingPosition must be set.")
        where, not_before = start_of(stream, shard, position, fields.choice(position, "Type", ITERATOR_TYPES))
        key, now = (_arn(stream, name, None), shard.number), time.monotonic()
        if key in self._live and now - self._live[key][1] < _AGAIN_AFTER:
            raise in_use(f"Consumer {name} is already subscribed to shard {shard.id}; try again in 5 seconds.")
        mark = object()
        self._live[key] = (mark, now)  # a later subscription takes the place of this one
        return self._push(stream, shard, where, not_before, key, mark)

    async def _push(
        self, stream: Stream, shard: Shard, where: int, not_before: int, key: tuple[str, int], mark: object
    ) -> AsyncIterator[bytes]:
        yield event("initial-response", b"{}")
        rate, end, told = Bucket(BYTES_OUT_A_SECOND), time.monotonic() + _LIFE, 0.0
        try:
            while (now := time.monotonic()) < end:
                if self._live.get(key, (None,))[0] is not mark:
                    yield exception("ResourceInUseException", b'{"message":"Another subscription took this place."}')
                    return
                if self._store.streams.get(stream.name) is not stream or stream.facts.status == "DELETING":
                    yield exception("ResourceNotFoundException", b'{"message":"The stream is gone."}')
                    return
                arrived = shard.arrived
                scale = self._store.faults.limit_scale
                if scale and not rate.has(1, now, scale):
                    await asyncio.sleep(0.1)
                    continue
                page = shard.index.page(where, max(not_before, stream.horizon()), PAGE_RECORDS, _EVENT_BYTES)
                drained = page.behind_since is None and shard.drained
                if page.count or drained or now - told >= _QUIET:
                    told, where = now, page.next_place
                    not_before = 0 if page.count else not_before
                    rate.take(page.size)
                    yield self._event(stream, shard, page, drained)
                    if drained:
                        return
                if page.behind_since is None:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(arrived.wait(), min(_QUIET, max(0.01, end - now)))
        finally:
            if self._live.get(key, (None,))[0] is mark:
                del self._live[key]

    def _event(self, stream: Stream, shard: Shard, page: Any, drained: bool) -> bytes:
        behind = max(0, now_ms() - page.behind_since) if page.behind_since is not None else 0
        tail: dict[str, Any] = {"MillisBehindLatest": behind}
        if drained:
            tail["ChildShards"] = children(stream, shard)
        else:
            tail["ContinuationSequenceNumber"] = shard.sequence(page.next_place - 1)
        records = b",".join(stream.log.read(page.spans))
        return event("SubscribeToShardEvent", b'{"Records":[' + records + b"]," + orjson.dumps(tail)[1:])

    # -- shared -------------------------------------------------------------
    def _stream(self, body: Body) -> Stream:
        return self._store.find(fields.stream_name({"StreamARN": fields.text(body, "StreamARN")}))

    def _consumer(self, body: Body) -> tuple[Stream, str]:
        """The stream and the consumer's name, by ConsumerARN or by StreamARN and ConsumerName."""
        arn = fields.optional_text(body, "ConsumerARN")
        if arn is None:
            stream, name = self._stream(body), fields.text(body, "ConsumerName", longest=128)
        else:
            stream_arn, _, rest = arn.partition("/consumer/")
            stream, name = self._stream({"StreamARN": stream_arn}), rest.rpartition(":")[0]
        created = stream.facts.consumers.get(name)
        if created is None or (arn is not None and arn != _arn(stream, name, created)):
            raise Refused("ResourceNotFoundException", f"Consumer {arn or name}, account {ACCOUNT} not found.")
        return stream, name

    def _described(self, stream: Stream, name: str) -> dict[str, Any]:
        created = stream.facts.consumers[name]
        return {
            "ConsumerName": name,
            "ConsumerARN": _arn(stream, name, created),
            "ConsumerStatus": "ACTIVE",
            "ConsumerCreationTimestamp": created // 1000,
        }


def _arn(stream: Stream, name: str, created: int | None) -> str:
    """The consumer's ARN; its last part is its birth in whole seconds, as in the service."""
    return f"{stream.arn}/consumer/{name}" + (f":{created // 1000}" if created is not None else "")
