"""The page-view collector: an HTTP front end that answers at once and puts into the stream in the background.

POST /collect takes a JSON object or an array of them, GET /pixel.gif takes a query string, GET /healthz says how it
stands. A full queue is 503 with Retry-After, never a silent drop.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from core.base.errors import OpsError, WrongUse
from core.streams.doorway import Doorway, most_connections, protocol
from core.streams.origin import Origin, origin_of, trusted
from core.streams.producer import Producer

MOST_BODY = 512 << 10
_MOST_DISCARDED = 8 * MOST_BODY  # read and thrown away, so that a client still sending gets to see the 413
MOST_EVENTS = 500
_MOST_TEXT = 2_048  # characters of one field that is taken from a header or a query
_HEAD_WITHIN = 15.0  # seconds for a request's first line and headers
_MOST_HELD = 64 << 20  # bytes of all bodies that come at the moment
_SILENT_FOR, _BODY_WITHIN = 10.0, 60.0  # seconds a sender may pause, and take in all
_DRAIN_WITHIN = 30.0
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_NO_STORE = (b"cache-control", b"no-store")
_ANY_ORIGIN = (b"access-control-allow-origin", b"*")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _Refused(Exception):
    def __init__(self, status: int, why: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers


@dataclass(frozen=True, slots=True)
class CollectorSnapshot:
    """Counts since the start: requests by status, and the events taken from them."""

    address: str
    draining: bool
    statuses: dict[int, int]
    events: int


class CollectorApp:
    """The plain ASGI application (no framework: two routes are hot, at some thousand requests a second)."""

    def __init__(self, producer: Producer, trust: Sequence[str] = ()) -> None:
        self.producer = producer
        self.statuses: Counter[int] = Counter()
        self.events = 0
        self.draining = False
        self._held = 0  # bytes of bodies that have not come to their end
        self._trust = trusted(trust)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            status, headers, body = await self._route(scope, receive)
        except _Refused as refusal:
            status = refusal.status
            headers = [(b"content-type", b"application/json"), _ANY_ORIGIN, *refusal.headers]
            body = orjson.dumps({"error": refusal.why})
        self.statuses[status] += 1
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _route(self, scope: Scope, receive: Receive) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        path, method = scope["path"], scope["method"]
        if path == "/collect":
            if method == "POST":
                self._take(_posted(await self._body(scope, receive)), scope)
                return 204, [_ANY_ORIGIN], b""
            if method == "OPTIONS":  # a browser on another site asks first
                allowed = [
                    (b"access-control-allow-methods", b"POST"),
                    (b"access-control-allow-headers", b"content-type"),
                ]
                return 204, [_ANY_ORIGIN, *allowed, (b"access-control-max-age", b"86400")], b""
            raise _Refused(405, "Send events by POST", (b"allow", b"POST, OPTIONS"))
        if path == "/pixel.gif":
            if method not in ("GET", "HEAD"):
                raise _Refused(405, "Ask for the pixel by GET", (b"allow", b"GET"))
            self._take([_from_query(scope)], scope)
            return 200, [(b"content-type", b"image/gif"), _NO_STORE], _PIXEL if method == "GET" else b""
        if path == "/healthz":
            return self._health()
        raise _Refused(404, "There are POST /collect, GET /pixel.gif and GET /healthz")

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        size = int(length) if length.isdigit() else 0
        if size > _MOST_DISCARDED:
            raise _Refused(413, f"A request may have {MOST_BODY:,} bytes", (b"connection", b"close"))
        parts, size, held, now = [], 0, 0, asyncio.get_running_loop().time
        until = now() + _BODY_WITHIN
        try:
            while True:
                try:
                    async with asyncio.timeout_at(min(now() + _SILENT_FOR, until)):
                        message = await receive()
                except TimeoutError as error:
                    raise _Refused(408, "The request did not come to its end", (b"connection", b"close")) from error
                if message["type"] == "http.disconnect":
                    raise _Refused(400, "The client left")
                part = message.get("body", b"")
                size += len(part)
                if size <= MOST_BODY:
                    parts.append(part)
                    held += len(part)
                    self._held += len(part)
                    if self._held > _MOST_HELD:
                        closing = (b"retry-after", b"1"), (b"connection", b"close")
                        raise _Refused(503, "Too many requests come at once", *closing)
                elif size > _MOST_DISCARDED or not message.get("more_body"):
                    raise _Refused(413, f"A request may have {MOST_BODY:,} bytes", (b"connection", b"close"))
                if not message.get("more_body"):
                    return b"".join(parts)
        finally:
            self._held -= held

    def _take(self, events: list[dict[str, Any]], scope: Scope) -> None:
        if self.draining:
            raise _Refused(503, "The collector is closing", (b"retry-after", b"5"))
        headers = dict(scope["headers"])
        try:
            origin = origin_of(scope, self._trust)
        except ValueError as error:
            raise _Refused(400, str(error)) from error
        try:
            common = _Common(headers, origin)
            records = [_record(event, common) for event in events]
        except orjson.JSONEncodeError as error:  # reading knows 1,024 levels, writing 254
            raise _Refused(400, "An event is nested too deeply") from error
        try:
            taken = self.producer.offer_all(records, whole=True)
        except WrongUse as error:
            raise _Refused(413, error.why) from error
        except OpsError as error:  # closed while this request was read
            raise _Refused(503, "The collector is closing", (b"retry-after", b"5")) from error
        if taken < len(records):
            raise _Refused(503, "The queue is full: the stream does not keep up", (b"retry-after", b"1"))
        self.events += taken

    def _health(self) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        now = self.producer.snapshot()
        ok = not self.draining and self.producer.room()
        state = "draining" if self.draining else "ok" if ok else "full"
        body = {
            "status": state,
            "events": self.events,
            "acknowledged": now.acknowledged,
            "queued": now.queued,
            "spilled": now.spilled,
            "oldest_seconds": round(now.oldest, 3),
            "dropped": now.dropped,
            "refused": now.refused,
            "trouble": str(now.trouble) if now.trouble else None,
        }
        return 200 if ok else 503, [(b"content-type", b"application/json"), _NO_STORE], orjson.dumps(body)


def _posted(body: bytes) -> list[dict[str, Any]]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _Refused(400, f"The body is not JSON: {error}") from error
    events = value if isinstance(value, list) else [value]
    if not all(isinstance(event, dict) for event in events):
        raise _Refused(400, "The body must be a JSON object or an array of objects")
    if not events:
        raise _Refused(400, "The array is empty")
    if len(events) > MOST_EVENTS:
        raise _Refused(413, f"A request may carry {MOST_EVENTS} events")
    return events


def _from_query(scope: Scope) -> dict[str, Any]:
    query = scope["query_string"].decode("latin-1")
    try:
        return {name: value[:_MOST_TEXT] for name, value in parse_qsl(query, max_num_fields=50)}
    except ValueError as error:
        raise _Refused(400, "The query has more than 50 fields") from error


class _Common:
    """What the events of one request have in common, as far as only the server knows it."""

    def __init__(self, headers: dict[bytes, bytes], origin: Origin) -> None:
        self.now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.agent, self.referer = _header(headers, b"user-agent"), _header(headers, b"referer")
        self.collector = {"client": origin.client, "scheme": origin.scheme, "host": origin.host, "port": origin.port}


def _record(event: dict[str, Any], common: _Common) -> tuple[bytes, str]:
    """The event as it goes into the stream: what the client said, and what only the server knows of it."""
    if "event_id" not in event:
        event["event_id"] = str(uuid.uuid4())
    event.setdefault("viewed_at", common.now)
    event.setdefault("user_agent", common.agent)
    event.setdefault("url", common.referer)  # a pixel's referrer is the page it stands on
    event["received_at"] = common.now
    event["collector"] = common.collector
    key = event.get("session_id")
    if not isinstance(key, str) or not 1 <= len(key) <= 256:
        # Not by its sender: a server that passes on what it is told would have all of it in one shard, and in order,
        # which is one record a put.
        key = str(uuid.uuid4())
    return orjson.dumps(event), key


def _header(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return value.decode("latin-1")[:_MOST_TEXT] if value else None


class Collector:
    """The application served by uvicorn on a thread of its own. ``start`` binds, ``stop`` drains."""

    def __init__(self, producer: Producer, listen: str, trust: Sequence[str] = ()) -> None:
        """``listen``: HOST:PORT, port 0 for any. ``trust``: networks whose forwarded headers are believed."""
        self.app = CollectorApp(producer, trust)
        self._producer = producer
        self._host, self._port = listen_address(listen)
        self._server: Any = None
        self._thread: threading.Thread | None = None
        self.address = ""

    def start(self) -> str:
        """Listen and serve; the address, as http://HOST:PORT. Raises OpsError where the port cannot be had."""
        import uvicorn

        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            bound = socket.create_server((self._host, self._port), family=family, backlog=2048)
        except (OSError, OverflowError) as error:
            raise OpsError(
                f"The collector cannot listen on {self._host}:{self._port}",
                str(error),
                "Choose another port, or end the program that has it",
                code="port",
            ) from error
        port = bound.getsockname()[1]
        self.address = f"http://[{self._host}]:{port}" if family == socket.AF_INET6 else f"http://{self._host}:{port}"
        config = uvicorn.Config(
            self.app,
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,  # resolved by the same code as the Edge tab, which also knows Port and Host
            server_header=False,
            http=protocol(Doorway(most_connections(), _HEAD_WITHIN, self.app.statuses)),
            timeout_keep_alive=15,
            timeout_graceful_shutdown=int(_DRAIN_WITHIN),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([bound],), name="collector", daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        return self.address

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self, seconds: float = _DRAIN_WITHIN) -> int:
        """Take no more, answer what is under way, send what is queued; how many events could neither be sent nor
        kept on disk."""
        self.app.draining = True
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        # What waiting does not heal keeps nobody waiting, where the disk keeps the records.
        hopeless = self._producer.keeps and self._producer.snapshot().lasting
        return self._producer.close(0 if hopeless else seconds)

    def snapshot(self) -> CollectorSnapshot:
        return CollectorSnapshot(self.address, self.app.draining, dict(self.app.statuses), self.app.events)


def listen_address(text: str) -> tuple[str, int]:
    """(host, port) of ``HOST:PORT``, ``[IPv6]:PORT`` or ``:PORT`` (this computer only)."""
    host, colon, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise WrongUse(f"{text!r} is no address to listen on", "It should be HOST:PORT", "For example 127.0.0.1:8080")
    if host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise WrongUse(
                f"{host!r} is no address of this computer", "Name an IP address", "For example 127.0.0.1 or 0.0.0.0"
            ) from None
    return host, int(port)
