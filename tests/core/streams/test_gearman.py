"""Dispatch through a real gearmand: slices go out, results come back, what a stopped server held is done again."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from core.base.errors import OpsError
from core.jobs.job import headless_job
from core.streams.dispatch import GearmanServer, dispatch_to, serve
from core.streams.page_views import Parsed, slices
from core.streams.pages import Page, RawRecord, Shard, StreamSource
from core.streams.pipeline import Pipeline, PipelineOptions
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.conftest import put, session
from tests.core.streams.pipeline_child import FileLoader

GEARMAND = shutil.which("gearmand", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/sbin")
pytest.importorskip("gear", reason="the extra `gearman` is not installed")
pytestmark = [
    pytest.mark.skipif(GEARMAND is None, reason="gearmand is not installed (Debian: gearman-job-server)"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # gear 0.16 calls notifyAll
]


class Gearmand:
    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._log = folder / "gearmand.log"
        self.start()

    def start(self) -> None:
        assert GEARMAND is not None
        self.process = subprocess.Popen(
            [GEARMAND, "--listen=127.0.0.1", f"--port={self.port}", f"--log-file={self._log}"]
        )
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("gearmand does not listen")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)

    @property
    def address(self) -> str:
        return f"gearman://127.0.0.1:{self.port}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Gearmand]:
    running = Gearmand(tmp_path)
    yield running
    running.stop()


def job(count: int) -> bytes:
    raw = [RawRecord(1.0, "k", str(n), orjson.dumps({"event_id": f"e{n}"})) for n in range(1, count + 1)]
    return slices("s", Page(Shard("shardId-000000000000", 0, 2**128 - 1), raw))[0]


def test_slices_are_worked_on_elsewhere_and_survive_a_restart_of_the_server(server: Gearmand) -> None:
    dispatch = GearmanServer("127.0.0.1", server.port)
    waiting = [dispatch.submit(job(n)) for n in (1, 2)]  # no worker yet
    server.stop()
    server.start()
    stopped = threading.Event()
    done: list[int] = []
    worker = threading.Thread(target=serve, args=(server.address, stopped, done.append), daemon=True)
    worker.start()
    waiting += [dispatch.submit(job(n)) for n in (3, 1_000)]
    assert [Parsed.unpacked(future.result(40)).rows for future in waiting] == [1, 2, 3, 1_000]
    with pytest.raises(OpsError, match="worker failed"):
        dispatch.submit(b"not a job").result(20)
    stopped.set()
    worker.join(20)
    assert not worker.is_alive() and len(done) >= 4
    dispatch.close()


def test_every_job_gets_its_own_result_however_many_submit_at_once(server: Gearmand) -> None:
    """A reading thread a shard submits: were two results exchanged, a checkpoint would pass rows that are not in."""
    dispatch = GearmanServer("127.0.0.1", server.port)
    stopped = threading.Event()
    worker = threading.Thread(target=serve, args=(server.address, stopped, lambda _count: None), daemon=True)
    worker.start()

    def submit(first: int) -> list[bool]:
        jobs = [(n, dispatch.submit(job(n))) for n in range(first, first + 12)]
        return [Parsed.unpacked(future.result(40)).rows == n for n, future in jobs]

    with ThreadPoolExecutor(8) as threads:
        assert all(all(right) for right in threads.map(submit, range(1, 97, 12)))
    stopped.set()
    worker.join(20)
    dispatch.close()


def test_a_pipeline_through_a_server_that_is_killed_on_the_way(server: Gearmand, plane: Plane, tmp_path: Path) -> None:
    plane.create("geared", 2)
    put(plane, "geared", [(f"k{n}", orjson.dumps({"event_id": f"e{n}"})) for n in range(600)])
    stopped, first = threading.Event(), threading.Event()

    def done(_count: int) -> None:
        if not first.is_set():
            first.set()

    def restart() -> None:
        first.wait(30)
        server.stop()
        server.start()

    helpers = [
        threading.Thread(target=serve, args=(server.address, stopped, done), daemon=True),
        threading.Thread(target=restart, daemon=True),
    ]
    for helper in helpers:
        helper.start()
    loader = FileLoader(tmp_path)
    options = PipelineOptions(every=0.05, reads_per_second=20, page_records=30)
    source = StreamSource(session(plane.url), "geared")
    pipeline = Pipeline(source, loader, dispatch_to(server.address, 1), options)
    end = pipeline.run(headless_job(), once=True)
    stopped.set()
    for helper in helpers:
        helper.join(30)
    assert end.loaded == end.read == 600
    assert sorted(event for event, _, _ in loader.loaded()) == sorted(f"e{n}" for n in range(600))


def test_a_server_that_goes_while_a_job_is_worked_on(server: Gearmand, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.streams import dispatch as module

    counted: list[int] = []

    def work(content: bytes, real: Callable[[bytes], bytes] = module.work) -> bytes:
        monkeypatch.setattr(module, "work", real)
        server.stop()
        time.sleep(0.5)  # long enough for the worker's connection to be taken away
        server.start()
        return real(content)

    monkeypatch.setattr(module, "work", work)
    stopped = threading.Event()
    worker = threading.Thread(target=serve, args=(server.address, stopped, counted.append), daemon=True)
    worker.start()
    dispatch = GearmanServer("127.0.0.1", server.port)
    assert Parsed.unpacked(dispatch.submit(job(5)).result(40)).rows == 5
    stopped.set()
    worker.join(20)
    assert not worker.is_alive()
    assert counted == [1]  # the answer that nobody heard is none
    dispatch.close()


def test_a_server_lost_between_the_wait_and_the_submission(server: Gearmand, monkeypatch: pytest.MonkeyPatch) -> None:
    import gear

    dispatch = GearmanServer("127.0.0.1", server.port)
    submit, lost = dispatch._client.submitJob, []

    def lose_it_once(job: object, timeout: float) -> None:
        if not lost:
            lost.append(job)
            raise gear.NoConnectedServersError("No connected Gearman servers")
        submit(job, timeout=timeout)

    monkeypatch.setattr(dispatch._client, "submitJob", lose_it_once)
    stopped = threading.Event()
    worker = threading.Thread(target=serve, args=(server.address, stopped, lambda _count: None), daemon=True)
    worker.start()
    assert Parsed.unpacked(dispatch.submit(job(5)).result(40)).rows == 5
    assert lost
    stopped.set()
    worker.join(20)
    dispatch.close()


def test_a_server_that_is_not_there(server: Gearmand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.streams.dispatch._CONNECT_WITHIN", 0.5)
    server.stop()
    with pytest.raises(OpsError, match="does not answer"):
        dispatch_to(server.address, 1)


def test_the_worker_verb(server: Gearmand, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    process = subprocess.Popen(
        [sys.executable, "main.py", "--json", "streams", "worker", server.address],
        cwd=root,
        env={"OPSDESK_HOME": str(tmp_path), "PATH": ""},
        stdout=subprocess.PIPE,
        text=True,
    )
    dispatch = GearmanServer("127.0.0.1", server.port)
    assert Parsed.unpacked(dispatch.submit(job(7)).result(40)).rows == 7
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0 and orjson.loads(output) == {"jobs": 1}
    dispatch.close()


def test_a_worker_outlives_a_server_that_goes_while_it_asks(server: Gearmand, monkeypatch: pytest.MonkeyPatch) -> None:
    import gear

    asked = gear.Worker._sendGrabJobUniq
    resets = iter(range(3))

    def reset(self: gear.Worker, connection: gear.Connection) -> None:
        if next(resets, None) is not None:
            raise ConnectionResetError(104, "Connection reset by peer")  # as gear passes it on
        asked(self, connection)

    monkeypatch.setattr(gear.Worker, "_sendGrabJobUniq", reset)
    stopped = threading.Event()
    worker = threading.Thread(target=serve, args=(server.address, stopped, lambda _count: None), daemon=True)
    worker.start()
    dispatch = dispatch_to(server.address, 1)
    try:
        assert Parsed.unpacked(dispatch.submit(job(3)).result(30)).rows == 3
    finally:
        stopped.set()
        worker.join(20)
        dispatch.close()
    assert next(resets, None) is None, "the connection was reset"
