"""The pipeline neither loses nor doubles a row: killed at every stage, under reshards, behind lying endpoints."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.base.errors import OpsError, WrongUse
from core.jobs.job import JobCancelled, headless_job
from core.streams.dispatch import gearman_address
from core.streams.loading import Loader
from core.streams.pages import StreamSource
from core.streams.pipeline import Pipeline, PipelineOptions
from core.streams.staging import Staging
from core.streams.statements import Statements
from tests.core.sandbox.kinesis.plane import Plane
from tests.core.streams.children import begun, ended
from tests.core.streams.conftest import session
from tests.core.streams.pipeline_child import STAGES, FileLoader, InThread, run


def fill(plane: Plane, stream: str, count: int, start: int = 0) -> set[str]:
    """Put events e<start>.. and return their ids."""
    ids = [f"e{n}" for n in range(start, start + count)]
    for first in range(0, count, 100):
        records = [
            {"Data": orjson.dumps({"event_id": one, "url": f"https://shop.example/{one}"}), "PartitionKey": one}
            for one in ids[first : first + 100]
        ]
        assert plane.client.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0
    return set(ids)


def loaded(folder: Path) -> list[str]:
    return sorted(event for event, _, _ in FileLoader(folder).loaded())


def test_it_loads_everything_once(plane: Plane, tmp_path: Path) -> None:
    plane.create("plain", 2)
    sent = fill(plane, "plain", 700)
    end = run(plane.url, "plain", tmp_path)
    assert loaded(tmp_path) == sorted(sent)
    assert end.loaded == end.read == 700 and end.uncommitted == 0 and end.behind == 0.0
    assert end.freshness is not None and end.commits >= 2 and not list(tmp_path.glob("batch-*"))
    more = fill(plane, "plain", 50, 700)
    assert run(plane.url, "plain", tmp_path).read == 50
    assert loaded(tmp_path) == sorted(sent | more)


SLOWER = ("taken", "before staging", "staged", "unstaged")  # much as their neighbours; seconds each


@pytest.mark.parametrize(
    "stage", [pytest.param(stage, marks=pytest.mark.heavy) if stage in SLOWER else stage for stage in STAGES]
)
def test_a_kill_at_any_stage_neither_loses_nor_doubles(plane: Plane, tmp_path: Path, stage: str) -> None:
    stream = "kill-" + stage.replace(" ", "-")
    plane.create(stream, 2)
    sent = fill(plane, stream, 900)
    assert ended(run, plane.url, stream, tmp_path, stage) == (0 if stage == "worker" else -9)
    if stage == "worker":
        assert (tmp_path / "killed-a-worker").exists()
    else:
        assert_left_in_the_middle(plane, stream, tmp_path, stage)
        run(plane.url, stream, tmp_path)
    assert loaded(tmp_path) == sorted(sent)
    assert_files_left(tmp_path, stage)  # the real loader's next start removes them


LEAVES_A_FILE = ("staged", "rows written", "committed")


def assert_files_left(folder: Path, stage: str) -> None:
    """That of the batch under way; on a busy machine the other shard's may be just staged."""
    left = len(list(folder.glob("batch-*")))
    assert left >= 1 if stage in LEAVES_A_FILE else left <= 1


def assert_left_in_the_middle(plane: Plane, stream: str, folder: Path, stage: str) -> None:
    """It died where it should: some rows are in, others are not, and the checkpoints speak of those that are in."""
    kept = FileLoader(folder)
    found, checkpoints = {event for event, _, _ in kept.loaded()}, kept.checkpoints()
    assert 0 < len(found) < 900
    assert_files_left(folder, stage)
    passed = {
        orjson.loads(record["Data"])["event_id"]
        for shard, done in checkpoints.items()
        for record in plane.read_shard(stream, shard)
        if int(record["SequenceNumber"]) <= int(done.sequence)
    }
    assert found == passed


def test_kills_at_any_moment_while_the_stream_is_resharded(plane: Plane, tmp_path: Path) -> None:
    plane.create("moving", 2)
    sent: set[str] = set()
    for round_number, shards in enumerate((4, 3, 2)):
        sent |= fill(plane, "moving", 400, 400 * round_number)
        child = begun(run, plane.url, "moving", tmp_path)
        plane.client.update_shard_count(StreamName="moving", TargetShardCount=shards, ScalingType="UNIFORM_SCALING")
        plane.until_active("moving")
        sent |= fill(plane, "moving", 100, 10_000 + 100 * round_number)
        time.sleep(0.6 + 0.5 * round_number)
        child.kill()
        child.join()
    run(plane.url, "moving", tmp_path)
    assert loaded(tmp_path) == sorted(sent)


def test_an_event_that_was_sent_twice_is_one_row(plane: Plane, tmp_path: Path) -> None:
    plane.create("twice", 1)
    sent = fill(plane, "twice", 60)
    fill(plane, "twice", 60)
    end = run(plane.url, "twice", tmp_path)
    assert end.read == 120 and loaded(tmp_path) == sorted(sent)


def test_what_is_no_page_view_is_kept_aside(plane: Plane, tmp_path: Path) -> None:
    plane.create("mixed", 1)
    sent = fill(plane, "mixed", 5)
    for data in (b"not json", b"[1]", b"\x00\x01"):
        plane.client.put_record(StreamName="mixed", Data=data, PartitionKey="k")
    end = run(plane.url, "mixed", tmp_path)
    assert loaded(tmp_path) == sorted(sent) and end.rejected == 3
    rejects = [orjson.loads(line) for path in tmp_path.glob("rejects-*") for line in path.read_bytes().splitlines()]
    assert {reject.get("data") for reject in rejects} == {"not json", "[1]", None}


def test_expired_iterators_throttles_and_errors_do_not_matter(plane: Plane, tmp_path: Path) -> None:
    plane.create("rough", 2)
    sent = fill(plane, "rough", 600)
    plane.control("SetFaults", IteratorSeconds=0.2, ErrorShare=0.2, ThrottleShare=0.02)
    try:
        try:
            end = run(plane.url, "rough", tmp_path, page_records=150, reads_per_second=4)
        except OpsError as error:  # three errors in a row at the very start are told: once in a hundred runs
            if error.code != "server" or "list the shards" not in error.title:
                raise
            end = run(plane.url, "rough", tmp_path, page_records=150, reads_per_second=4)
    finally:
        plane.control("SetFaults", IteratorSeconds=300, ErrorShare=0, ThrottleShare=0)
    assert loaded(tmp_path) == sorted(sent)
    assert sum(shard.expired + shard.retries + shard.throttles for shard in end.shards) >= 2


class LyingProxy:
    """Passes connections on to the plane; the first ones are cut within an answer, and every third one stalls."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._carry, args=(client, self.count), daemon=True).start()

    def _carry(self, client: socket.socket, number: int) -> None:
        with closing(client), closing(socket.create_connection(("127.0.0.1", self._target))) as server:
            threading.Thread(target=_copy, args=(client, server), daemon=True).start()
            left = 1_500 * number if number < 4 else 1 << 40
            if number % 3 == 0:
                time.sleep(0.3)
            try:
                while left > 0 and (data := server.recv(min(left, 65536))):
                    client.sendall(data)
                    left -= len(data)
                client.shutdown(socket.SHUT_RDWR)  # close alone would wait for the other thread's recv
            except OSError:
                pass

    def close(self) -> None:
        self._server.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass


def test_an_endpoint_that_cuts_and_stalls(plane: Plane, tmp_path: Path) -> None:
    plane.create("piped_cut", 2)
    sent = fill(plane, "piped_cut", 400)
    proxy = LyingProxy(plane.port)
    try:
        run(proxy.url, "piped_cut", tmp_path)
    finally:
        proxy.close()
    assert loaded(tmp_path) == sorted(sent) and proxy.count >= 4


def test_passing_trouble_is_waited_out_and_lasting_trouble_is_told(plane: Plane, tmp_path: Path) -> None:
    plane.create("trouble", 1)
    sent = fill(plane, "trouble", 20)
    loader = FileLoader(tmp_path)
    loader.trouble = [OpsError("warehouse away", code="unreachable"), OpsError("conflict", code="sql")]
    options = PipelineOptions(every=0.05, reads_per_second=5)
    source = StreamSource(session(plane.url), "trouble")
    assert Pipeline(source, loader, InThread(), options).run(headless_job(), once=True).retries == 2
    assert loaded(tmp_path) == sorted(sent)
    fill(plane, "trouble", 1, 20)
    loader.trouble = [OpsError("no such table", code="sql")] * 20
    with pytest.raises(OpsError, match="no such table"):
        Pipeline(source, loader, InThread(), options).run(headless_job(), once=True)
    loader.trouble = []
    assert Pipeline(source, loader, InThread(), options).run(headless_job(), once=True).loaded == 1


def test_reading_waits_for_a_slow_warehouse_and_a_cancel_ends_it(plane: Plane, tmp_path: Path) -> None:
    plane.create("piped_slow", 1)
    fill(plane, "piped_slow", 2_000)
    gate = threading.Event()

    class SlowLoader(FileLoader):
        def stage(self, content: bytes) -> str:
            gate.wait(20)
            return super().stage(content)

    options = PipelineOptions(every=0.01, batch_records=50, most_records=300, reads_per_second=5)
    pipeline = Pipeline(StreamSource(session(plane.url), "piped_slow"), SlowLoader(tmp_path), InThread(), options)
    job: Any = headless_job()
    ended: list[BaseException] = []

    def carry() -> None:
        try:
            pipeline.run(job, once=True)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=carry)
    thread.start()
    deadline = time.monotonic() + 20
    while pipeline.snapshot().read < 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    # One page is 10,000 records at most: reading stops behind the first that passes the limit.
    assert pipeline.snapshot().uncommitted <= 2_000 + 300
    job.cancel()
    gate.set()
    thread.join(30)
    assert len(ended) == 1 and isinstance(ended[0], JobCancelled) and pipeline.snapshot().state == "ended"


def test_iterators_expire_while_the_warehouse_is_slow(plane: Plane, tmp_path: Path) -> None:
    plane.create("waits", 2)
    sent = fill(plane, "waits", 600)
    slow = [0.5, 0.4]  # seconds: longer than an iterator lives, with reading at its limit

    class SlowLoader(FileLoader):
        def stage(self, content: bytes) -> str:
            time.sleep(slow.pop() if slow else 0)
            return super().stage(content)

    options = PipelineOptions(every=0.01, batch_records=50, most_records=100, reads_per_second=50, page_records=40)
    plane.control("SetFaults", IteratorSeconds=0.2)
    try:
        pipeline = Pipeline(StreamSource(session(plane.url), "waits"), SlowLoader(tmp_path), InThread(), options)
        end = pipeline.run(headless_job(), once=True)
    finally:
        plane.control("SetFaults", IteratorSeconds=300)
    assert loaded(tmp_path) == sorted(sent) and end.loaded == end.read == 600
    assert sum(shard.expired for shard in end.shards) >= 1


def test_a_staged_file_that_cannot_be_removed_does_not_end_the_run(plane: Plane, tmp_path: Path) -> None:
    plane.create("piped_left", 1)
    sent = fill(plane, "piped_left", 30)
    plane.client.put_record(StreamName="piped_left", Data=b"no json", PartitionKey="k")
    away = [OpsError("S3 away", code="unreachable")]

    class UntidyLoader(FileLoader):
        def unstage(self, key: str) -> None:
            raise OpsError("Could not remove it", code="unreachable")

        def keep_rejects(self, rejects: Any) -> str:
            if away:
                raise away.pop()
            return super().keep_rejects(rejects)

    options = PipelineOptions(every=0.05, reads_per_second=50)
    source = StreamSource(session(plane.url), "piped_left")
    end = Pipeline(source, UntidyLoader(tmp_path), InThread(), options).run(headless_job(), once=True)
    assert loaded(tmp_path) == sorted(sent) and (end.rejected, end.retries) == (1, 1)


def test_the_lag_is_told_in_records_and_seconds(plane: Plane, tmp_path: Path) -> None:
    plane.create("lagging", 1)
    for first in range(0, 400, 100):
        fill(plane, "lagging", 100, first)
        time.sleep(0.1)
    gate = threading.Event()

    class Waiting(FileLoader):
        def stage(self, content: bytes) -> str:
            gate.wait(20)
            return super().stage(content)

    options = PipelineOptions(every=0.01, batch_records=10, most_records=150, reads_per_second=50, page_records=150)
    pipeline = Pipeline(StreamSource(session(plane.url), "lagging"), Waiting(tmp_path), InThread(), options)
    thread = threading.Thread(target=lambda: pipeline.run(headless_job(), once=True))
    thread.start()
    deadline = time.monotonic() + 20
    while not (now := pipeline.snapshot()).committing and time.monotonic() < deadline:
        time.sleep(0.02)
    assert now.uncommitted >= now.committing >= 150 and now.loaded == 0
    assert now.behind and now.unread > 0 and now.lag > now.uncommitted
    gate.set()
    thread.join(30)
    end = pipeline.snapshot()
    assert (end.loaded, end.committing, end.lag, end.behind) == (400, 0, 0, 0.0)


def test_an_outage_of_hours_is_waited_out(plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses stay below ten seconds, however many there were; a warehouse's own faults pass as well."""
    plane.create("away", 1)
    sent = fill(plane, "away", 5)
    loader = FileLoader(tmp_path)
    loader.trouble = [OpsError("away", code="unreachable")] * 1_100
    loader.trouble += [OpsError("restarting", details={"status": "500"}, code="aws")] * 6
    job: Any = headless_job()
    pauses: list[float] = []
    monkeypatch.setattr(job, "sleep", pauses.append)
    source = StreamSource(session(plane.url), "away")
    end = Pipeline(source, loader, InThread(), PipelineOptions(every=0.05, reads_per_second=5)).run(job, once=True)
    assert end.retries == 1_106 and 5 <= max(pauses) <= 10 and loaded(tmp_path) == sorted(sent)


def test_one_commit_speaks_of_no_more_shards_than_a_statement_holds(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.streams.pipeline._MOST_SHARDS", 3)
    plane.create("wide", 8)
    sent = fill(plane, "wide", 80)
    told = []

    class Counting(FileLoader):
        def commit(self, job: Any, key: str | None, checkpoints: Any, token: str) -> None:
            told.append(len(checkpoints))
            super().commit(job, key, checkpoints, token)

    source = StreamSource(session(plane.url), "wide")
    Pipeline(source, Counting(tmp_path), InThread(), PipelineOptions(every=1)).run(headless_job(), once=True)
    assert loaded(tmp_path) == sorted(sent) and max(told) <= 3 and sum(told) >= 8


@pytest.mark.parametrize("table", ["", "a.b.c", "a;drop", 'x"y', "1a"])
def test_bad_names_are_refused(table: str) -> None:
    with pytest.raises(WrongUse):
        Loader(Statements.__new__(Statements), Staging.__new__(Staging), "s", table, "default")


def test_addresses() -> None:
    assert gearman_address("gearman://h:99") == ("h", 99) and gearman_address("gearman://h") == ("h", 4730)
    with pytest.raises(WrongUse):
        gearman_address("http://h")
