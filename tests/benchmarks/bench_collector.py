"""The collector's requests a second and p99 against the standard library's threaded server that does nothing with them."""

from __future__ import annotations

import asyncio
import http.server
import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from core.streams.collector import Collector
from core.streams.producer import Producer
from core.streams.sink import StreamSink
from tests.benchmarks.bench_sandbox_kinesis import cpu_seconds

BODY = b'{"session_id":"0123456789abcdef","url":"https://shop.example/products/17","referrer":"https://search.example/","country":"DE","status":200,"duration_ms":120,"viewed_at":"2026-11-22T10:00:00.000Z"}'
POST = (
    b"POST /collect HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    + BODY
)
PIXEL = b"GET /pixel.gif?session_id=0123456789abcdef&url=https%3A%2F%2Fshop.example%2F HTTP/1.1\r\nHost: h\r\n\r\n"


class Nowhere(StreamSink):
    """A stream that takes everything at once: the collector is measured, not what lies behind it."""

    def __init__(self) -> None:
        self.stream = "nowhere"

    def open(self) -> None:
        pass

    def put(self, records: Sequence[tuple[bytes, str]]) -> list[str]:
        return [""] * len(records)


def _collector(channel: Connection) -> None:
    collector = Collector(Producer(Nowhere()), "127.0.0.1:0")
    channel.send(int(collector.start().rpartition(":")[2]))
    channel.recv()
    collector.stop()


class _Plain(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.wfile.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _plain(channel: Connection) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Plain)
    channel.send(server.server_address[1])
    server.serve_forever()


async def _load(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    times: list[float] = []
    until = time.monotonic() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < until:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith((b"HTTP/1.1 204", b"HTTP/1.1 200")), head
            length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
            await reader.readexactly(int(length.partition(b":")[2]))
            times.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return times


def measure(name: str, serve: Callable[[Connection], None], request: bytes, seconds: float = 5) -> float:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    process.start()
    port = here.recv()
    asyncio.run(_load(port, request, 8, 1))
    assert process.pid is not None
    used = cpu_seconds(process.pid)
    times = sorted(asyncio.run(_load(port, request, 64, seconds)))
    per_core = len(times) / (cpu_seconds(process.pid) - used)
    process.kill()
    process.join()
    print(
        f"{name:28} {len(times) / seconds:>7,.0f} requests/s (client on the same cores), "
        f"{per_core:>7,.0f}/s of one server core, p50 {times[len(times) // 2] * 1e3:.1f} ms, p99 {times[int(len(times) * 0.99)] * 1e3:.1f} ms"
    )
    return per_core


def main() -> None:
    print("64 kept-alive connections")
    plain = measure("stdlib server, POST ignored", _plain, POST)
    post = measure("collector, POST taken", _collector, POST)
    pixel = measure("collector, pixel taken", _collector, PIXEL)
    print(f"POST x{post / plain:.2f}, pixel x{pixel / plain:.2f} of the rival per core; 100,000 a minute is 1,667/s")


if __name__ == "__main__":
    main()
