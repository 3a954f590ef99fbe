"""From a request's target to the operation, and from its answer or refusal to bytes."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from core.sandbox.kinesis.control import Control
from core.sandbox.kinesis.encryption import Encryption
from core.sandbox.kinesis.errors import Refused
from core.sandbox.kinesis.fanout import Fanout
from core.sandbox.kinesis.faults import changed, hit, spelled
from core.sandbox.kinesis.fields import Body
from core.sandbox.kinesis.records import Records
from core.sandbox.kinesis.store import Store

_PREFIX = "Kinesis_20131202."
_CLOUDWATCH = "GraniteServiceVersion20100801."
_CONTROL = "OpsdeskSandbox."


@dataclass(frozen=True, slots=True)
class Answer:
    """``events`` instead of ``body`` where the answer is an event stream."""

    status: int
    body: bytes
    request_id: str
    content_type: str = "application/x-amz-json-1.1"
    events: AsyncIterator[bytes] | None = None


class Api:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._fanout = Fanout(store)
        self._operations: dict[str, Callable[[Body], Awaitable[Any]]] = {}
        for part in (Records(store), Control(store), Encryption(store), self._fanout):
            for name in dir(part):
                if not name.startswith("_"):
                    self._operations[_camel(name)] = getattr(part, name)

    async def call(self, target: str, content_type: str, content: bytes) -> Answer:
        """Never raises: whatever goes wrong is an AWS-shaped answer."""
        request_id = str(uuid.uuid4())
        try:
            return await self._call(target, content_type, content, request_id)
        except Refused as error:
            answer = orjson.dumps({"__type": error.kind, "message": error.message})
            return Answer(error.status, answer, request_id)
        except Exception as error:  # the client gets an answer, and the supervisor's log the cause
            import traceback

            traceback.print_exc()
            answer = orjson.dumps({"__type": "InternalFailure", "message": f"{type(error).__name__}: {error}"})
            return Answer(500, answer, request_id)

    async def _call(self, target: str, content_type: str, content: bytes, request_id: str) -> Answer:
        if "cbor" in content_type:
            raise Refused(
                "UnsupportedMediaType",
                "The sandbox speaks JSON only; switch CBOR off in the SDK (AWS_CBOR_DISABLE=1, or aws.cborEnabled=false).",
                415,
            )
        body = _parsed(content)
        if target.startswith(_CONTROL):
            return Answer(200, orjson.dumps(self._control(target.removeprefix(_CONTROL), body)), request_id)
        if target == f"{_CLOUDWATCH}GetMetricData":  # what CloudWatch would say of the streams
            return Answer(200, orjson.dumps(self._store.metrics.answer(body)), request_id, "application/x-amz-json-1.0")
        name = target.removeprefix(_PREFIX)
        operation = self._operations.get(name)
        if not target.startswith(_PREFIX) or operation is None:
            raise Refused("UnknownOperationException", f"The sandbox has no operation {target or '(none named)'}.")
        faults = self._store.faults
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        if hit(faults.error_share):
            raise Refused("InternalFailure", "An error asked for by the sandbox's dials.", 500)
        result = await operation(body)
        if name.startswith("Put") and hit(faults.lost_answer_share):
            raise Refused("InternalFailure", "An answer lost as asked for by the sandbox's dials.", 500)
        if isinstance(result, bytes):
            return Answer(200, result, request_id)
        if isinstance(result, AsyncIterator):
            return Answer(200, b"", request_id, "application/vnd.amazon.eventstream", result)
        return Answer(200, b"" if result is None else orjson.dumps(result), request_id)

    def _control(self, name: str, body: Body) -> Any:
        """The sandbox's own operations, which AWS does not have: turn the dials, and say how it stands."""
        store = self._store
        if name == "SetFaults":
            store.faults = changed(store.faults, body)
            return spelled(store.faults)
        if name == "GetFaults":
            return spelled(store.faults)
        if name == "Status":
            return {
                "Streams": {
                    stream.name: {
                        "Records": sum(len(shard.index) for shard in stream.shards.values()),
                        "BytesOnDisk": stream.log.size,
                    }
                    for stream in store.streams.values()
                },
                "RetentionBytes": store.config.retention_bytes,
                "DroppedByByteCap": store.cap_lost,
            }
        raise Refused("UnknownOperationException", f"The sandbox has no control operation {name}.")


def _parsed(content: bytes) -> Body:
    try:
        body = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError as error:
        raise Refused("SerializationException", f"The request is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Refused("SerializationException", "The request must be a JSON object.")
    return body


def _camel(name: str) -> str:
    return re.sub(r"(?:^|_)([a-z])", lambda match: match.group(1).upper(), name)
