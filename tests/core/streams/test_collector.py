"""The collector over real HTTP: takes, refuses in time, answers while the stream is away, drains."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.base.errors import OpsError, WrongUse
from core.base.places import Places
from core.streams.collector import MOST_BODY, Collector, listen_address
from core.streams.producer import Producer
from core.streams.producing import ProducerLimits
from core.streams.sink import StreamSink
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.conftest import service_at, session, wait_until
from tests.core.streams.test_producer import ScriptedSink


@contextmanager
def closing_producer(producer: Producer) -> Iterator[Producer]:
    try:
        yield producer
    finally:
        producer.close(0)


class Site:
    """A collector over a sink that keeps what it is given, or refuses while ``away``."""

    def __init__(self, limits: ProducerLimits | None = None, trust: tuple[str, ...] = ()) -> None:
        self.open = threading.Event()
        self.open.set()
        self.sink = ScriptedSink(self._answer)
        self.producer = Producer(self.sink, limits or ProducerLimits(linger=0.001))
        self.collector = Collector(self.producer, "127.0.0.1:0", trust)
        self.port = int(self.collector.start().rpartition(":")[2])

    def _answer(self, records: Any) -> list[str]:
        self.open.wait(20)
        return [""] * len(records)

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content

    def events(self) -> list[dict[str, Any]]:
        assert self.producer.flush(10)
        return [orjson.loads(data) for data, _ in self.sink.stored]


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.open.set()
    assert running.collector.stop() == 0


def test_it_takes_posted_events(site: Site) -> None:
    one = {"session_id": "s1", "url": "https://shop.example/a", "event_id": "e1"}
    assert site.ask("POST", "/collect", orjson.dumps(one), User_Agent="Test/1")[0] == 204
    assert site.ask("POST", "/collect", orjson.dumps([{"url": "/b"}, {"url": "/c"}]))[0] == 204
    events = site.events()
    first = next(event for event in events if event["event_id"] == "e1")
    assert first["url"] == one["url"] and first["user_agent"] == "Test/1"
    assert first["collector"] == {"client": "127.0.0.1", "scheme": "http", "host": "127.0.0.1", "port": site.port}
    assert len({event["event_id"] for event in events}) == 3 and len(site.sink.stored) == 3
    keys = [key for _, key in site.sink.stored]
    assert "s1" in keys and len(set(keys)) == 3, "what has no session is not held to one shard by its sender"


def test_the_pixel(site: Site) -> None:
    status, headers, body = site.ask(
        "GET", "/pixel.gif?session_id=s9&x=1%2B1", Referer="https://shop.example/page", User_Agent="B"
    )
    assert status == 200 and headers["content-type"] == "image/gif" and body.startswith(b"GIF89a")
    assert headers["cache-control"] == "no-store"
    (event,) = site.events()
    assert event["url"] == "https://shop.example/page" and event["x"] == "1+1" and event["session_id"] == "s9"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/collect", b"{oops", 400),
        ("POST", "/collect", b"", 400),
        ("POST", "/collect", b"7", 400),
        ("POST", "/collect", b"[1]", 400),
        ("POST", "/collect", b"[]", 400),
        ("POST", "/collect", b"\xff\xfe", 400),
        ("POST", "/collect", b"[" + b"{}," * 500 + b"{}]", 413),
        ("POST", "/collect", b'"' + b"x" * MOST_BODY + b'"', 413),
        ("POST", "/collect", b'{"a":' + b"[" * 500 + b"]" * 500 + b"}", 400),
        ("GET", "/collect", None, 405),
        ("DELETE", "/pixel.gif", None, 405),
        ("GET", "/pixel.gif?" + "a&" * 60, None, 400),
        ("GET", "/", None, 404),
        ("OPTIONS", "/collect", None, 204),
    ],
)
def test_what_it_answers_to_bad_requests(site: Site, method: str, path: str, body: bytes | None, status: int) -> None:
    if path.endswith("a&" * 60):
        path = "/pixel.gif?" + "&".join(f"f{n}=1" for n in range(60))
    answered, headers, content = site.ask(method, path, body)
    assert answered == status
    if status >= 400:
        assert orjson.loads(content)["error"] and headers["access-control-allow-origin"] == "*"
    assert site.events() == []


def test_a_body_without_length_is_measured_as_it_comes(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as raw:
        raw.sendall(b"POST /collect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = b""
        try:
            for _ in range(80):
                raw.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        except OSError:
            pass
        while not answer.startswith(b"HTTP/1.1 413") and (part := raw.recv(65536)):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_that_trickles_in_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.streams.collector._BODY_WITHIN", 0.5)
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as raw:
        raw.sendall(b"POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        answer, until = b"", time.monotonic() + 5
        raw.settimeout(0.05)
        while not answer and time.monotonic() < until:
            raw.sendall(b" ")
            try:
                answer = raw.recv(65536)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")
    assert site.events() == []


def test_a_head_that_trickles_in_is_given_up_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.streams.collector._HEAD_WITHIN", 0.4)
    site = Site()
    kept = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as raw:
        raw.sendall(b"POST /collect HTTP/1.1\r\n")
        raw.settimeout(0.05)
        gone, until = False, time.monotonic() + 10
        while not gone and time.monotonic() < until:
            kept.request("GET", "/healthz")
            kept.getresponse().read()
            try:
                raw.sendall(b"X-A: b\r\n")
                gone = raw.recv(100) == b""
            except TimeoutError:
                continue
            except OSError:
                gone = True
    time.sleep(0.5)
    kept.request("GET", "/healthz")  # on the connection of before, which was quiet between two requests
    assert gone and kept.getresponse().status == 200
    kept.close()
    assert site.collector.stop() == 0


def test_more_connections_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waits gives its place up; where all are in the middle of a request, the next is turned away."""
    monkeypatch.setattr("core.streams.collector.most_connections", lambda: 2)
    site = Site()
    waiting = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    waiting.request("GET", "/healthz")
    waiting.getresponse().read()
    half = b"POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{"
    busy = [socket.create_connection(("127.0.0.1", site.port), timeout=10) for _ in range(2)]
    for one in busy:
        one.sendall(half)
    assert waiting.sock.recv(10) == b"", "it was asked to give up its place"
    wait_until(lambda: site.collector.app._held == 2, "both have begun")
    status, headers, _ = site.ask("POST", "/collect", b"{}")
    assert (status, headers["retry-after"]) == (503, "1") and site.collector.snapshot().statuses[503] == 1
    for one in busy:
        one.sendall(b"}")
        assert one.recv(100).startswith(b"HTTP/1.1 204")
        one.close()
    assert len(site.events()) == 2 and site.ask("GET", "/healthz")[0] == 200
    waiting.close()
    site.collector.stop()


def test_heads_and_bodies_that_would_fill_the_memory_are_turned_away(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 70_000)
        assert raw.recv(100).startswith(b"HTTP/1.1 431")
    monkeypatch.setattr("core.streams.collector._MOST_HELD", 100_000)
    status, headers, _ = site.ask("POST", "/collect", b'{"a":"' + b"x" * 200_000 + b'"}')
    assert (status, headers["retry-after"]) == (503, "1")
    assert site.ask("POST", "/collect", b"{}")[0] == 204 and len(site.events()) == 1


def test_a_stream_that_is_not_there_is_refused_at_once_and_one_that_goes_keeps_its_events(
    plane: Plane, home: Places
) -> None:
    service = service_at(plane.url, home)
    with pytest.raises(OpsError, match="does not exist"):
        service.collector("nowhere", "127.0.0.1:0")
    plane.create("goes", 1)
    collector = service.collector("goes", "127.0.0.1:0")
    port = int(collector.start().rpartition(":")[2])
    plane.client.delete_stream(StreamName="goes")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/collect", b'{"late": 1}')
    assert connection.getresponse().status == 204
    connection.close()
    producer = collector.app.producer
    wait_until(lambda: producer.snapshot().lasting, "it is told")
    began = time.monotonic()
    assert collector.stop(300) == 0 and time.monotonic() - began < 60
    with closing_producer(service.producer("goes", spill=True)) as again:
        assert again.snapshot().spilled + again.snapshot().queued + again.snapshot().in_flight == 1


def test_a_full_queue_is_503_and_no_event_of_the_request_is_taken() -> None:
    site = Site(ProducerLimits(linger=0.001, queue_records=10, batch_records=5, senders=1))
    site.open.clear()
    statuses = [site.ask("POST", "/collect", orjson.dumps([{"n": n}, {"n": n}, {"n": n}]))[0] for n in range(10)]
    assert statuses[0] == 204 and statuses[-1] == 503
    status, headers, _ = site.ask("POST", "/collect", b"[{}, {}, {}, {}]")
    assert status == 503 and headers["retry-after"] == "1"
    site.open.set()
    events = site.events()
    assert len(events) == 3 * statuses.count(204)
    assert site.ask("GET", "/healthz")[0] == 200
    assert site.collector.stop() == 0


def test_it_answers_at_once_while_the_stream_is_slow(site: Site) -> None:
    site.open.clear()
    for n in range(20):
        assert site.ask("POST", "/collect", orjson.dumps({"n": n}))[0] == 204
    health = orjson.loads(site.ask("GET", "/healthz")[2])
    assert health["status"] == "ok" and health["events"] == 20 and health["acknowledged"] == 0
    site.open.set()
    assert len(site.events()) == 20


def test_closing_sends_what_is_queued() -> None:
    site = Site(ProducerLimits(linger=5))
    assert site.ask("POST", "/collect", b'{"last": true}')[0] == 204
    assert site.sink.stored == []
    assert site.collector.stop() == 0
    assert len(site.sink.stored) == 1


def test_addresses() -> None:
    assert listen_address(":8080") == ("127.0.0.1", 8080)
    assert listen_address("[::1]:1") == ("::1", 1)
    for wrong in ("8080", "host:1", "1.2.3.4:99999", "1.2.3.4:x"):
        with pytest.raises(WrongUse):
            listen_address(wrong)
    site = Site()
    with pytest.raises(OpsError, match="cannot listen"):
        Collector(site.producer, f"127.0.0.1:{site.port}").start()
    site.collector.stop()


def test_the_verb_drains_on_sigterm(plane: Plane, tmp_path: Path) -> None:
    plane.create("collected", 1)
    environment = {
        **os.environ,
        "OPSDESK_HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": plane.url,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    process = subprocess.Popen(
        [
            sys.executable,
            "main.py",
            "--profile",
            "env",
            "--json",
            "streams",
            "collect",
            "collected",
            "--listen",
            "127.0.0.1:0",
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    port = int(line.split("http://127.0.0.1:")[1].split()[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for n in range(30):
        connection.request("POST", "/collect", orjson.dumps({"n": n}))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 204
    connection.close()
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert orjson.loads(output) == {"events": 30, "requests": {"204": 30}, "lost": 0, "on_disk": 0, "refused": 0}
    assert sorted(orjson.loads(record["Data"])["n"] for record in plane.read_all("collected")) == list(range(30))


def test_events_reach_a_stream_that_comes_late(plane: Plane) -> None:
    producer = Producer(StreamSink(session(plane.url), "late"), ProducerLimits(linger=0.001))
    collector = Collector(producer, "127.0.0.1:0")
    port = int(collector.start().rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/collect", b'{"early": 1}')
    assert connection.getresponse().status == 204
    connection.close()
    plane.create("late", 1)
    time.sleep(0.01)
    assert collector.stop() == 0
    assert [orjson.loads(record["Data"])["early"] for record in plane.read_all("late")] == [1]


PROXY = {"X_Forwarded_For": "6.6.6.6, 203.0.113.9", "X_Forwarded_Proto": "https", "X_Forwarded_Port": "443"}


def test_forwarded_headers_count_only_from_trusted_proxies() -> None:
    for trust, expected in (
        ((), {"client": "127.0.0.1", "scheme": "http", "host": "shop.example", "port": 80}),
        (("10.0.0.0/8",), {"client": "127.0.0.1", "scheme": "http", "host": "shop.example", "port": 80}),
        (("127.0.0.0/8",), {"client": "203.0.113.9", "scheme": "https", "host": "shop.example", "port": 443}),
    ):
        site = Site(trust=trust)
        assert site.ask("POST", "/collect", b"{}", Host="shop.example", **PROXY)[0] == 204
        assert site.events()[0]["collector"] == expected, trust
        site.collector.stop()
    with pytest.raises(WrongUse):
        Site(trust=("not-a-network",))


def test_contradicting_forwarded_headers_are_refused() -> None:
    site = Site(trust=("127.0.0.1",))
    status, _, body = site.ask("POST", "/collect", b"{}", Host="h", Forwarded="for=198.51.100.1;proto=http", **PROXY)
    assert status == 400 and orjson.loads(body)["error"]
    assert site.events() == []
    site.collector.stop()
