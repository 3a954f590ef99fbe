"""The whole chain on one machine: collector -> sandbox -> tap, and pipeline -> warehouse, for some minutes.

``python -m tests.benchmarks.chain --minutes 10 --rate 100000`` starts a sandbox of its own, sends page views over HTTP at
``rate`` a minute, and at the end counts rows: every event that was answered 204 must be in the table exactly once.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import orjson

from core.base.places import Places
from core.desk import Desk
from core.jobs.job import headless_job
from core.settings.profiles import Profiles
from core.settings.store import SettingsStore
from core.streams.loading import Statements
from core.streams.templates import page_views

STREAM, TABLE = "chain", "chain_views"


class Senders:
    """Threads that post page views at a common rate; ``accepted`` counts the events answered 204."""

    def __init__(self, port: int, rate: float, threads: int, together: int) -> None:
        self.accepted = self.refused = 0
        self.slowest = 0.0
        self.times: list[float] = []
        self._port, self._pause, self._together = port, threads * together / rate, together
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n, threads)) for n in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, number: int, threads: int) -> None:
        make = page_views()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        due = time.monotonic() + self._pause * number / threads
        while not self._stop.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + self._pause, time.monotonic() - 1)
            body = b"[" + b",".join(make()[0] for _ in range(self._together)) + b"]"
            began = time.perf_counter()
            connection.request("POST", "/collect", body)
            answer = connection.getresponse()
            answer.read()
            with self._lock:
                self.times.append(time.perf_counter() - began)
                if answer.status == 204:
                    self.accepted += self._together
                else:
                    self.refused += self._together
        connection.close()


def memory(process: int) -> float:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    return 0.0


def verb(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "main.py", "--json", "streams", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=100_000, help="events a minute")
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--together", type=int, default=5, help="events a request")
    parser.add_argument("--put-and-tap", action="store_true", help="only the verb put and a tap (try --rate 500000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opsdesk-chain-") as home:
        os.environ["OPSDESK_HOME"] = home
        places = Places.here().made()
        settings = SettingsStore(places.config / "settings.toml")
        profiles = Profiles(places.config / "profiles.toml")
        desk = Desk(places, settings, profiles, profiles.get("sandbox"))
        try:
            (put_and_tap if options.put_and_tap else run)(desk, options)
        finally:
            desk.close()


def put_and_tap(desk: Desk, options: Any) -> None:
    desk.streams.create(headless_job(), STREAM, options.shards)
    seen: set[str] = set()
    tapped = 0

    def count(records: list[Any]) -> None:
        nonlocal tapped
        tapped += len(records)
        seen.update(f"{record.shard} {record.sequence}" for record in records)

    tap = desk.streams.tap(STREAM, on_records=count)
    rate, seconds = f"{options.rate:.0f}/min", f"{options.minutes * 60:.0f}"
    put = json.loads(verb("put", STREAM, "--rate", rate, "--seconds", seconds, "--quiet").communicate()[0])
    until = time.monotonic() + 60
    while tapped < put["acknowledged"] and time.monotonic() < until:
        time.sleep(0.5)
    status = tap.status()
    tap.stop()
    print(put)
    print(
        f"tapped {tapped:,}, distinct {len(seen):,}, delay p50 {status.delay_p50 or 0:.0f} ms, "
        f"throttled reads in the last minute {status.throttles_per_minute}, memory of this {memory(os.getpid()):.0f} MiB"
    )
    print("nothing lost, nothing doubled" if put["acknowledged"] == tapped == len(seen) else "LOST OR DOUBLED")


def run(desk: Desk, options: Any) -> None:
    desk.streams.create(headless_job(), STREAM, options.shards)
    collect = verb("collect", STREAM, "--listen", "127.0.0.1:0")
    assert collect.stderr is not None
    port = int(collect.stderr.readline().split("http://127.0.0.1:")[1].split()[0])
    pipeline = verb("pipeline", STREAM, "--table", TABLE, "--quiet")
    tapped = 0
    lock = threading.Lock()

    def count(records: list[Any]) -> None:
        nonlocal tapped
        with lock:
            tapped += len(records)

    tap = desk.streams.tap(STREAM, on_records=count)
    senders = Senders(port, options.rate / 60, options.senders, options.together)
    senders.start()
    began = time.monotonic()
    while (now := time.monotonic() - began) < options.minutes * 60:
        time.sleep(min(10, options.minutes * 60 - now))
        status = tap.status()
        print(
            f"{time.monotonic() - began:5.0f} s: accepted {senders.accepted:,}, tapped {tapped:,} "
            f"(delay p50 {status.delay_p50 or 0:.0f} ms), memory: collector {memory(collect.pid):.0f} MiB, "
            f"pipeline {memory(pipeline.pid):.0f} MiB, this {memory(os.getpid()):.0f} MiB",
            flush=True,
        )
    senders.stop()
    print(f"sent for {time.monotonic() - began:.0f} s; draining", flush=True)
    collect.send_signal(signal.SIGTERM)
    collected = json.loads(collect.communicate(timeout=120)[0])
    time.sleep(3)
    pipeline.send_signal(signal.SIGINT)
    carried = json.loads(pipeline.communicate(timeout=120)[0])
    last = verb("pipeline", STREAM, "--table", TABLE, "--once", "--quiet")
    rest = json.loads(last.communicate(timeout=600)[0])
    until = time.monotonic() + 60
    while tapped < collected["events"] and time.monotonic() < until:
        time.sleep(0.5)
    tap.stop()
    rows = Statements(desk.aws, desk.aws.target().warehouses[0]).rows(
        f"SELECT COUNT(*), COUNT(DISTINCT event_id) FROM {TABLE}", "count the rows"
    )
    times = sorted(senders.times)
    print(orjson.dumps({"collector": collected, "pipeline": carried, "last run": rest}).decode())
    print(
        f"answers: p50 {times[len(times) // 2] * 1e3:.1f} ms, p99 {times[int(len(times) * 0.99)] * 1e3:.1f} ms, "
        f"max {times[-1] * 1e3:.0f} ms over {len(times):,} requests; refused events {senders.refused}"
    )
    accepted = senders.accepted
    print(f"accepted {accepted:,}, tapped {tapped:,}, rows {rows[0][0]:,}, distinct {rows[0][1]:,}")
    print("nothing lost, nothing doubled" if rows[0] == [accepted, accepted] else "LOST OR DOUBLED")


if __name__ == "__main__":
    main()
