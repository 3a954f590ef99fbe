"""The visitors of the chain: posts page views to a collector at a steady rate, in a process of its own.

Prints a JSON line of counts every second and at its end (SIGTERM). Every event has a number of its own in its
``event_id``, so that whoever receives them can see what is missing and what came twice.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import signal
import time
from collections import Counter

import orjson

from core.streams.templates import page_views

_DIGITS = 12
_PREFIX = '{"event_id":"chain-'
NUMBER_AT = slice(len(_PREFIX), len(_PREFIX) + _DIGITS)
"""Where an event's number stands in its JSON, from the sender to the stream."""
_BODIES = 5_000


def bodies(seed: int = 7) -> list[bytes]:
    """The rest of page views, made before the clock runs: what comes behind ``event_id``."""
    make = page_views(seed)
    made = []
    for _ in range(_BODIES):
        event = orjson.loads(make()[0])
        del event["event_id"], event["viewed_at"]
        made.append(b'","viewed_at":"%b",' + orjson.dumps(event)[1:].replace(b"%", b"%%"))
    return made


class Senders:
    """``connections`` keep-alive connections that share one schedule: what is due goes out, also after a stall."""

    def __init__(self, port: int, rate: float, together: int, connections: int) -> None:
        self.accepted = self.refused = self.given = 0
        self.statuses: Counter[int] = Counter()
        self.times: list[float] = []
        self._port, self._rate, self._together, self._connections = port, rate, together, connections
        self._bodies = bodies()
        self._chance = random.Random(11)
        self._over = asyncio.Event()
        self._began = 0.0

    async def run(self, seconds: float) -> None:
        self._began = time.perf_counter()
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, self._over.set)
        loop.add_signal_handler(signal.SIGTERM, self._over.set)
        tell = asyncio.create_task(self._tell())
        await asyncio.gather(*(self._send() for _ in range(self._connections)))
        tell.cancel()

    def _body(self) -> bytes:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()).encode()
        first, self.given = self.given, self.given + self._together
        parts = [
            b'{"event_id":"chain-%012d' % number + self._bodies[int(self._chance.random() * _BODIES)] % stamp
            for number in range(first, first + self._together)
        ]
        return b"[" + b",".join(parts) + b"]"

    async def _send(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while not self._over.is_set():
            ahead = self.given / self._rate - (time.perf_counter() - self._began)
            if ahead > 0:
                await asyncio.sleep(ahead)
                continue
            body = self._body()
            asked = time.perf_counter()
            writer.write(b"POST /collect HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            if (at := head.lower().find(b"content-length:")) >= 0:
                await reader.readexactly(int(head[at + 15 :].split(b"\r\n", 1)[0]))
            self.times.append(time.perf_counter() - asked)
            self.statuses[status] += 1
            if status == 204:
                self.accepted += self._together
            else:
                self.refused += self._together
                await asyncio.sleep(0.2)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(1)
            print(json.dumps({"accepted": self.accepted, "refused": self.refused}), flush=True)

    def end(self) -> dict[str, object]:
        times = sorted(self.times) or [0.0]
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "given": self.given,
            "seconds": round(time.perf_counter() - self._began, 3),
            "statuses": dict(self.statuses),
            "requests": len(self.times),
            "p50_ms": round(times[len(times) // 2] * 1e3, 2),
            "p99_ms": round(times[int(len(times) * 0.99)] * 1e3, 2),
            "max_ms": round(times[-1] * 1e3, 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="events a second")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--together", type=int, default=5, help="events a request")
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    senders = Senders(options.port, options.rate, options.together, options.connections)
    asyncio.run(senders.run(options.seconds))
    print(json.dumps(senders.end()), flush=True)


if __name__ == "__main__":
    main()
