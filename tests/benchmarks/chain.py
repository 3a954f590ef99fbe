"""The whole chain on one machine: collector -> sandbox -> tap and chart in the window, and pipeline -> warehouse.

``python -m tests.benchmarks.chain --minutes 10 --rate 100000`` starts a sandbox of its own, opens the real window, posts
page views over HTTP at ``rate`` a minute, and at the end counts: every event that was answered 204 must have been
tapped once and be one row of the table. ``--put-and-tap --rate 500000 --minutes 1`` drives the producer and a tap
alone. Exit status 1, and a line that says why, where something was lost or doubled, the rate was not held, or
memory went on growing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from core.base.places import Places
from core.desk import Desk
from core.jobs.job import headless_job
from core.sandbox.door import look
from core.settings.profiles import Profiles
from core.settings.store import SettingsStore
from core.streams.statements import Statements
from tests.benchmarks.chain_senders import NUMBER_AT
from tests.benchmarks.chain_window import Window, display
from tests.benchmarks.processes import Watch

STREAM, TABLE = "chain", "chain_views"
_HELD = 0.99  # of the rate that was asked for
_MAY_GROW = (1.2, 48.0)  # from the second quarter of the time to the last: a share, and MiB on top
_STORES = ("kinesis", "redshift-data")  # they keep what they are given: their growth is told by event


class Seen:
    """Which events came, by their numbers: a bit each, so that ten minutes fit in memory."""

    def __init__(self) -> None:
        self.records = self.doubled = self.strange = 0
        self._seen = bytearray(1 << 20)
        self._lock = threading.Lock()

    def add(self, records: list[Any]) -> None:
        with self._lock:
            self.records += len(records)
            for record in records:
                try:
                    number = int(record.data[NUMBER_AT])
                except ValueError:
                    self.strange += 1
                    continue
                while number >= len(self._seen):
                    self._seen.extend(bytes(len(self._seen)))
                self.doubled += self._seen[number]
                self._seen[number] = 1

    @property
    def distinct(self) -> int:
        return sum(self._seen)


def verb(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "main.py", "--json", "streams", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=100_000, help="events a minute")
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--together", type=int, default=5, help="events a request")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--no-window", action="store_true", help="tap without a window")
    parser.add_argument("--put-and-tap", action="store_true", help="only the verb put and a tap (try --rate 500000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opsdesk-chain-") as home:
        os.environ["OPSDESK_HOME"] = home
        places = Places.here().made()
        settings = SettingsStore(places.config / "settings.toml")
        profiles = Profiles(places.config / "profiles.toml")
        desk = Desk(places, settings, profiles, profiles.get("sandbox"))
        try:
            desk.streams.create(headless_job(), STREAM, options.shards)
            troubles = put_and_tap(desk, options) if options.put_and_tap else chain(desk, options)
        finally:
            desk.close()
    for trouble in troubles:
        print(f"FAILED: {trouble}", flush=True)
    if not troubles:
        print("nothing lost, nothing doubled, the rate was held, memory stayed bounded", flush=True)
    return 1 if troubles else 0


def put_and_tap(desk: Desk, options: Any) -> list[str]:
    tapped: set[str] = set()
    counted = 0

    def count(records: list[Any]) -> None:
        nonlocal counted
        counted += len(records)
        tapped.update(f"{record.shard} {record.sequence}" for record in records)

    tap = desk.streams.tap(STREAM, on_records=count)
    rate, seconds = f"{options.rate:.0f}/min", options.minutes * 60
    put = json.loads(verb("put", STREAM, "--rate", rate, "--seconds", f"{seconds:.0f}", "--quiet").communicate()[0])
    _until(lambda: counted >= put["acknowledged"], 60)
    status = tap.status()
    tap.stop()
    print(put)
    print(
        f"tapped {counted:,}, distinct {len(tapped):,}, delay p50 {status.delay_p50 or 0:.0f} ms, "
        f"throttled reads in the last minute {status.throttles_per_minute}"
    )
    troubles = []
    if not put["acknowledged"] == counted == len(tapped) or put["failed"]:
        troubles.append(f"acknowledged {put['acknowledged']:,}, tapped {counted:,}, distinct {len(tapped):,}")
    if put["acknowledged"] < _HELD * options.rate * options.minutes:
        troubles.append(f"only {put['acknowledged'] / options.minutes:,.0f} a minute were put")
    return troubles


def chain(desk: Desk, options: Any) -> list[str]:
    seen = Seen()
    if options.no_window:
        tap = desk.streams.tap(STREAM, on_records=seen.add)
        try:
            return run(desk, options, seen, lambda: tap.status())
        finally:
            tap.stop()
    found: list[str] = ["the run did not come to its end"]
    with display() as where:
        print(f"the window is on {where}", flush=True)
        window = Window(STREAM, seen.add)

        def work(window: Window) -> int:
            presenter = _tapping(window)
            found[:] = run(desk, options, seen, lambda: presenter.tap.status(), window)
            window.ask(presenter.stop_tap)
            return 0

        try:
            window.hold(work)
        finally:
            window.close()
    return found


def _tapping(window: Window) -> Any:
    """Start the page's own tap, as a click on its button would; its presenter."""
    _until(lambda: window.page.furnished, 60)
    from gui.tabs.streams.presenter import StreamsPresenter

    _until(lambda: window.ask(lambda: window.page.findChild(StreamsPresenter)) is not None, 60)
    presenter = window.ask(lambda: window.page.findChild(StreamsPresenter))
    _until(lambda: presenter.state.name == "READY" and presenter.catalogue.details is not None, 60)
    window.ask(lambda: presenter.choose(STREAM))
    _until(lambda: presenter.state.name == "READY" and presenter.catalogue.stream == STREAM, 60)
    window.ask(presenter.start_tap)
    _until(lambda: presenter.state.name == "READING", 60)
    return presenter


def run(desk: Desk, options: Any, seen: Seen, tap_status: Callable[[], Any], window: Window | None = None) -> list[str]:
    collect = verb("collect", STREAM, "--listen", "127.0.0.1:0")
    assert collect.stderr is not None
    port = int(collect.stderr.readline().split("http://127.0.0.1:")[1].split()[0])
    threading.Thread(target=collect.stderr.read, daemon=True).start()  # its messages must not block it
    pipeline = verb("pipeline", STREAM, "--table", TABLE, "--quiet")
    warehouse = Statements(desk.aws, desk.aws.target().warehouses[0])
    _until(lambda: _rows(warehouse) == [0, 0], 120)  # the pipeline has started when its table is there
    seconds = options.minutes * 60
    words = {"port": port, "rate": options.rate / 60, "seconds": seconds}
    words |= {"together": options.together, "connections": options.connections}
    command = [sys.executable, "-m", "tests.benchmarks.chain_senders"]
    command += [part for name, value in words.items() for part in (f"--{name}", str(value))]
    senders = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    watch = Watch()
    watch.add("this (tap, window)", os.getpid(), alone=True)
    for name, process in (("senders", senders.pid), ("collector", collect.pid), ("pipeline", pipeline.pid)):
        watch.add(name, process)
    for service in look(desk.places).services:
        watch.add(service.name, service.pid)
    assert senders.stdout is not None
    told = json.loads(senders.stdout.readline())
    watch.restart()
    if window is not None:
        window.heartbeat.gaps.clear()
    began = shown = time.monotonic()
    for line in senders.stdout:
        told = json.loads(line)
        if time.monotonic() - shown >= 10:
            shown = time.monotonic()
            status = tap_status()
            sizes = ", ".join(f"{name} {size:.0f}" for name, size in watch.now().items())
            print(
                f"{shown - began:5.0f} s: accepted {told['accepted']:,}, tapped {seen.records:,} "
                f"(delay p50 {status.delay_p50 or 0:.0f} ms), MiB: {sizes}",
                flush=True,
            )
    heartbeat = window.ask(window.heartbeat.stop) if window is not None else "no window"
    cores = watch.cpu()
    print(f"senders: {json.dumps(told)}")
    print(heartbeat)
    print(
        f"cores used: {', '.join(f'{name} {used:.2f}' for name, used in cores.items())}: {sum(cores.values()):.2f} in all"
    )
    troubles = _growth(watch, told["accepted"])
    watch.stop()
    print("draining", flush=True)
    collect.send_signal(signal.SIGTERM)
    assert collect.stdout is not None
    collected = json.loads(collect.stdout.read())
    collect.wait()
    _until(lambda: seen.records >= collected["events"], 120)
    pipeline.send_signal(signal.SIGINT)
    carried = json.loads(pipeline.communicate(timeout=120)[0])
    last = verb("pipeline", STREAM, "--table", TABLE, "--once", "--quiet")
    rest = json.loads(last.communicate(timeout=600)[0])
    print(json.dumps({"collector": collected, "pipeline": carried, "last run": rest}))
    return [*troubles, *_judged(options, told, collected, seen, _rows(warehouse))]


def _judged(options: Any, told: dict[str, Any], collected: dict[str, Any], seen: Seen, rows: list[int]) -> list[str]:
    troubles = []
    accepted, distinct = told["accepted"], seen.distinct
    print(
        f"accepted {accepted:,}, tapped {seen.records:,} ({distinct:,} distinct), rows {rows[0]:,} ({rows[1]:,} distinct)"
    )
    if rows != [accepted, accepted]:
        troubles.append(f"the table has {rows[0]:,} rows, {rows[1]:,} distinct, of {accepted:,} accepted events")
    if not seen.records == distinct == accepted or seen.strange:
        troubles.append(f"the tap saw {seen.records:,} records, {distinct:,} distinct, of {accepted:,} accepted events")
    if collected["lost"] or told["refused"]:
        troubles.append(f"the collector lost {collected['lost']:,} and refused {told['refused']:,} events")
    rate = accepted / told["seconds"] * 60
    print(f"rate: {rate:,.0f} events a minute over {told['seconds']:.0f} s")
    if rate < _HELD * options.rate:
        troubles.append(f"the rate was {rate:,.0f} a minute instead of {options.rate:,.0f}")
    return troubles


def _growth(watch: Watch, events: int) -> list[str]:
    """Memory must level off; what the stores keep of each event is told."""
    troubles, (share, more) = [], _MAY_GROW
    for name in watch.memory:
        early, late = watch.growth(name)
        peak = max(size for _, size in watch.memory[name])
        word = f"{name}: peak {peak:.0f} MiB, second quarter {early:.0f}, last quarter {late:.0f}"
        if name in _STORES:
            print(f"memory of {word} ({(late - early) * 2 * (1 << 20) / max(1, events):.0f} bytes an event)")
            continue
        print(f"memory of {word}")
        if late > early * share + more:
            troubles.append(f"memory of {name} grew from {early:.0f} to {late:.0f} MiB")
    return troubles


def _rows(warehouse: Statements) -> list[int]:
    from core.base.errors import OpsError

    try:
        found = warehouse.rows(
            headless_job(), f"SELECT COUNT(*), COUNT(DISTINCT event_id) FROM {TABLE}", "count the rows"
        )
    except OpsError:
        return []  # the table is not there yet
    return [int(value) for value in found[0]]


def _until(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


if __name__ == "__main__":
    sys.exit(main())
