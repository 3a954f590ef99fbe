"""HTTP/1.1 for the data plane: httptools parses, one request at a time on a connection, answers kept alive."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import cast

import httptools

from core.sandbox.kinesis.api import Answer, Api

_MOST_BODY = 40 << 20  # 10 MiB of data as base64, with keys and quotes, and room to say politely what is too much
_MOST_HEADERS = 64 << 10
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 413: "Payload Too Large", 415: "Unsupported Media Type"}


@dataclass(slots=True)
class _Request:
    method: str = ""
    path: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    keep_alive: bool = True


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, api: Api, live: set[Connection]) -> None:
        self._api, self._live = api, live
        self._parser = httptools.HttpRequestParser(self)
        self._request = _Request()
        self._waiting: deque[_Request] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._headers = 0

    # -- asyncio ------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._live.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._live.discard(self)
        self._transport = None
        self._writable.set()
        # A put under way goes on to the disk; an event stream ends, as nobody listens.

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, b"no upgrades here")
        except httptools.HttpParserError:
            self._refuse(400, b"not HTTP/1.1")

    # -- httptools ----------------------------------------------------------
    def on_message_begin(self) -> None:
        self._request, self._headers = _Request(), 0

    def on_url(self, url: bytes) -> None:
        self._request.path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers += len(name) + len(value)
        if self._headers > _MOST_HEADERS:
            self._refuse(413, b"too many headers")
            return
        self._request.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._request.method = self._parser.get_method().decode()
        if self._request.headers.get(b"expect", b"").lower() == b"100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._request.size += len(body)
        if self._request.size > _MOST_BODY:
            self._refuse(413, b"the request is too large")
            return
        self._request.body.append(body)

    def on_message_complete(self) -> None:
        self._request.keep_alive = self._parser.should_keep_alive()
        self._waiting.append(self._request)
        if self._worker is None and self._transport is not None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    # -- answering ----------------------------------------------------------
    async def _work(self) -> None:
        try:
            while self._waiting and self._transport is not None:
                request = self._waiting.popleft()
                self._transport.pause_reading()  # one at a time: what a client pipelines waits in its socket
                answer = await self._answer(request)
                if self._transport is None:
                    return
                await self._send(answer, request.keep_alive)
                if self._transport is not None:
                    if request.keep_alive and answer.events is None:
                        self._transport.resume_reading()
                    else:
                        self._transport.close()
        finally:
            self._worker = None

    async def _answer(self, request: _Request) -> Answer:
        if request.method == "GET" and request.path == b"/health":
            return Answer(200, b'{"ok":true}', "health", "application/json")
        if request.method != "POST":
            return Answer(404, b'{"__type":"UnknownOperationException"}', "none")
        headers = request.headers
        target = headers.get(b"x-amz-target", b"").decode("latin-1")
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        return await self._api.call(target, content_type, b"".join(request.body))

    async def _send(self, answer: Answer, keep_alive: bool) -> None:
        assert self._transport is not None
        head = (
            f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Error')}\r\n"
            f"x-amzn-RequestId: {answer.request_id}\r\nx-amz-id-2: {answer.request_id}\r\n"
            f"Content-Type: {answer.content_type}\r\n"
        )
        if answer.events is not None:
            self._transport.write(f"{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode())
            await self._send_events(answer)
            return
        connection = "keep-alive" if keep_alive else "close"
        head += f"Content-Length: {len(answer.body)}\r\nConnection: {connection}\r\n\r\n"
        self._transport.write(head.encode() + answer.body)
        await self._writable.wait()

    async def _send_events(self, answer: Answer) -> None:
        assert answer.events is not None
        async for message in answer.events:
            await self._writable.wait()
            if self._transport is None or self._transport.is_closing():
                break
            self._transport.write(b"%x\r\n%b\r\n" % (len(message), message))
        await answer.events.aclose()  # type: ignore[attr-defined]
        if self._transport is not None:
            self._transport.write(b"0\r\n\r\n")

    def _refuse(self, status: int, why: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Length: {len(why)}\r\nConnection: close\r\n\r\n"
            self._transport.write(head.encode() + why)
            self._transport.close()

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def listen(api: Api, port: int) -> tuple[asyncio.Server, int, set[Connection]]:
    """Listen on 127.0.0.1 only; (server, port, live connections)."""
    live: set[Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(api, live), "127.0.0.1", port, backlog=512)
    return server, server.sockets[0].getsockname()[1], live
