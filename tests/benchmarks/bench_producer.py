"""Producing: records a second of one core against stock boto3, what the caller waits at 500 ms added latency, and TLS
kept alive against a new client for every put."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson

from core.aws.session import AwsSession, Target
from core.settings.profiles import Profile
from core.streams.producer import Producer
from core.streams.producing import ProducerLimits
from core.streams.sink import StreamSink
from tests.core.sandbox.kinesis.plane import Plane


def session(url: str, ca_bundle: str = "") -> AwsSession:
    profile = Profile("bench", kind="env", region="us-east-1")
    target = Target(
        profile, "us-east-1", endpoints={"default": url}, access_key="a", secret_key="b", ca_bundle=ca_bundle
    )
    return AwsSession(profile, lambda: target)


def records_per_core(plane: Plane) -> None:
    plane.create("core", 8)
    data = [(b"x" * 200, f"key-{n}") for n in range(5_000)]
    client = plane.new_client()

    def stock() -> int:
        for start in range(0, len(data), 500):
            entries = [{"Data": payload, "PartitionKey": key} for payload, key in data[start : start + 500]]
            client.put_records(StreamName="core", Records=entries)
        return len(data)

    producer = Producer(StreamSink(session(plane.url), "core"), ProducerLimits(queue_records=200_000))
    producer.offer(b"warm", "up")
    producer.flush(10)

    def ours() -> int:
        for payload, key in data:
            producer.offer(payload, key)
        producer.flush(60)
        return len(data)

    stock()
    results = {}
    for name, work in (("stock boto3 put_records(500)", stock), ("background producer", ours)):
        began, count = time.process_time(), 0
        for _ in range(8):
            count += work()
        results[name] = count / (time.process_time() - began)
        print(f"{name:32} {results[name]:>10,.0f} records/s of one core (CPU of this process)")
    ratio = results["background producer"] / results["stock boto3 put_records(500)"]
    print(f"{'':32} x{ratio:.2f}; wanted: at least 50,000/s")
    assert producer.close() == 0 and producer.snapshot().retried == 0


def caller_latency(plane: Plane, rate: int = 1_667, seconds: float = 10) -> None:
    plane.create("slow", 4)
    plane.control("SetFaults", LatencyMs=500)
    client = plane.new_client()
    times = []
    for n in range(8):
        began = time.perf_counter()
        client.put_record(StreamName="slow", Data=b"x" * 200, PartitionKey=str(n))
        times.append(time.perf_counter() - began)
    sync = sorted(times)[len(times) // 2] * 1e3
    producer = Producer(StreamSink(session(plane.url), "slow"))
    waits, queued = [], []
    began, made = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        while made < now * rate:
            start = time.perf_counter()
            producer.offer(b"x" * 200, f"key-{made % 20_000}")
            waits.append(time.perf_counter() - start)
            made += 1
        queued.append(producer.snapshot().queued)
        time.sleep(0.005)
    state = producer.snapshot()
    lost = producer.close()
    plane.control("SetFaults", LatencyMs=0)
    waits.sort()
    half = len(queued) // 2
    print(
        f"500 ms added latency, {rate}/s: a synchronous put takes the caller {sync:.0f} ms; "
        f"ours p50 {waits[len(waits) // 2] * 1e3:.3f} ms, p99 {waits[int(len(waits) * 0.99)] * 1e3:.3f} ms, max {waits[-1] * 1e3:.1f} ms"
    )
    print(
        f"  queue: mean {sum(queued[:half]) / half:.0f} in the first half, {sum(queued[half:]) / len(queued[half:]):.0f} in the second; "
        f"senders needed {state.senders_needed:.1f} of {state.senders_most}; not sent: {lost}"
    )


class _Puts(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # one packet an answer: two would wait 40 ms for each other (Nagle)

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = orjson.dumps(
            {"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1", "ShardId": "s"}] * len(body["Records"])}
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def tls() -> None:
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder) / "ca.pem", Path(folder) / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
            check=True, capture_output=True,
        )  # fmt: skip
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Puts)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://127.0.0.1:{server.server_address[1]}"
        shared = StreamSink(session(url, str(certificate)), "s")
        kept = _median(lambda: shared.put([(b"x" * 200, "k")]), 40)
        fresh = _median(lambda: StreamSink(session(url, str(certificate)), "s").put([(b"x" * 200, "k")]), 8)
        print(
            f"TLS, verified: one shared client kept alive {kept * 1e3:.1f} ms a put; "
            f"a new session and client for each {fresh * 1e3:.0f} ms (x{fresh / kept:.0f})"
        )
        server.shutdown()


def _median(work: Callable[[], object], times: int) -> float:
    work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[times // 2]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        plane = Plane(Path(folder) / "data").start()
        try:
            plane.control("SetFaults", LimitScale=0)
            records_per_core(plane)
            caller_latency(plane)
        finally:
            plane.kill()
    tls()


if __name__ == "__main__":
    main()
