"""The HTTP side: AWS's JSON 1.1 protocol as a small ASGI application."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from core.sandbox.redshift.account import fault_xml
from core.sandbox.redshift.faults import ApiFault, invalid

Operation = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | bytes]]
_LARGEST_REQUEST = 8_000_000

log = logging.getLogger("redshift")


class Application:
    """Dispatches ``X-Amz-Target: <Service>.<Operation>`` to coroutines; every answer carries a request id.

    ``operations`` maps "RedshiftData.ExecuteStatement" to a coroutine from the request's document to the
    answer's (a dict, or bytes that are JSON already). ``query`` answers requests without a target
    (the provisioned clusters' query protocol) with XML.
    """

    def __init__(self, operations: dict[str, Operation], query: Callable[[bytes], bytes] | None = None) -> None:
        self._operations, self._query = operations, query

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        request_id = str(uuid.uuid4())
        kind = b"application/x-amz-json-1.1"
        extra: list[tuple[bytes, bytes]] = []
        try:
            body = await _body(receive)
            target = headers.get(b"x-amz-target", b"").decode("latin-1")
            if scope["method"] == "GET" and not target:
                status, content, kind = 200, b'{"status":"ok"}', b"application/json"
            elif not target and self._query is not None:
                kind = b"text/xml"
                status, content = 200, self._query(body)
            else:
                operation = self._operations.get(target)
                if operation is None:
                    raise ApiFault("UnknownOperationException", f"The operation {target!r} is not known here")
                answer = await operation(_document(body))
                status, content = 200, answer if isinstance(answer, bytes) else orjson.dumps(answer)
        except ApiFault as fault:
            status = fault.status
            if kind == b"text/xml":
                content = fault_xml(fault, request_id)
            else:
                content = orjson.dumps({"__type": fault.kind, "Message": fault.message, **fault.members})
                extra.append((b"x-amzn-errortype", fault.kind.encode()))
        except Exception as error:
            log.exception("request %s failed", request_id)
            status = 500
            content = orjson.dumps({"__type": "InternalServerException", "Message": f"{type(error).__name__}: {error}"})
            extra.append((b"x-amzn-errortype", b"InternalServerException"))
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", kind),
                    (b"content-length", str(len(content)).encode()),
                    (b"x-amzn-requestid", request_id.encode()),
                    *extra,
                ],
            }
        )
        await send({"type": "http.response.body", "body": content})


async def _body(receive: Any) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > _LARGEST_REQUEST:
            raise invalid(f"The request is larger than {_LARGEST_REQUEST} bytes")
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiFault("SerializationException", f"The request is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiFault("SerializationException", "The request is not a JSON object")
    return document
