"""A pipeline whose warehouse is an SQLite file, so that a test can kill it anywhere.

The loader keeps the real one's promises (rows and checkpoints in one transaction, ``event_id`` as the key) on a file
that survives a kill as a warehouse does.
"""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import orjson

from core.base.errors import OpsError
from core.jobs.job import Job, headless_job
from core.streams.checkpoints import Standing
from core.streams.dispatch import LocalProcesses
from core.streams.loading import Loader
from core.streams.page_views import work
from core.streams.pages import StreamSource
from core.streams.pipeline import Pipeline, PipelineOptions, PipelineSnapshot
from core.streams.positions import Checkpoint, Start

STAGES = ("taken", "worker", "before staging", "staged", "rows written", "committed", "unstaged")


class FileLoader(Loader):
    """``die_at``: the stage at which this process kills itself, on the second commit."""

    def __init__(self, folder: Path, die_at: str = "") -> None:
        self.folder, self.die_at, self.stream, self.profile = folder, die_at, "s", "p"
        self.commits = 0
        self.trouble: list[OpsError] = []
        self._base = sqlite3.connect(folder / "warehouse.db", check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()

    def __del__(self) -> None:
        self._base.close()

    def die(self, stage: str) -> None:
        if self.die_at == stage and self.commits >= 1:
            os.kill(os.getpid(), signal.SIGKILL)

    def prepare(self, job: Job[Any], *, make_bucket: bool) -> None:
        self._base.execute(
            "CREATE TABLE IF NOT EXISTS rows (event_id TEXT PRIMARY KEY, shard TEXT, sequence TEXT, url TEXT)"
        )
        self._base.execute("CREATE TABLE IF NOT EXISTS checkpoints (shard TEXT PRIMARY KEY, sequence TEXT)")
        self._base.execute("CREATE TABLE IF NOT EXISTS begun (since REAL)")

    def checkpoints(self) -> dict[str, Checkpoint]:
        return {shard: Checkpoint(sequence) for shard, sequence in self._base.execute("SELECT * FROM checkpoints")}

    def standing(self, job: Job[Any], born: int) -> Standing:
        since = [row[0] for row in self._base.execute("SELECT since FROM begun")]
        return Standing(self.checkpoints(), Start("time", time=since[0]) if since else None)

    def begin(self, job: Job[Any], since: float) -> None:
        self._base.execute("INSERT INTO begun VALUES (?)", (since,))

    def keep_rejects(self, rejects: Sequence[dict[str, Any]]) -> str:
        path = self.folder / f"rejects-{uuid.uuid4().hex}.jsonl"
        path.write_bytes(b"\n".join(orjson.dumps(reject) for reject in rejects))
        return str(path)

    def stage(self, content: bytes) -> str:
        self.die("before staging")
        path = self.folder / f"batch-{uuid.uuid4().hex}"
        path.write_bytes(content)
        self.die("staged")
        return str(path)

    def commit(self, job: Job[Any], key: str | None, checkpoints: Mapping[str, Checkpoint], token: str) -> None:
        import pyarrow.parquet as pq

        if self.trouble:
            raise self.trouble.pop()
        with self._lock:
            self._base.execute("BEGIN IMMEDIATE")
            if key is not None:
                table = pq.read_table(io.BytesIO(Path(key).read_bytes()))
                columns = [table[name].to_pylist() for name in ("event_id", "shard", "sequence", "url")]
                self._base.executemany("INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?)", zip(*columns, strict=True))
            self.die("rows written")
            self._base.executemany(
                "INSERT OR REPLACE INTO checkpoints VALUES (?, ?)",
                [(shard, done.sequence) for shard, done in checkpoints.items()],
            )
            self._base.execute("COMMIT")
        self.commits += 1
        self.die("committed")

    def unstage(self, key: str) -> None:
        Path(key).unlink()
        self.die("unstaged")

    def loaded(self) -> list[tuple[str, str, str]]:
        return list(self._base.execute("SELECT event_id, shard, sequence FROM rows"))


class InThread:
    """Does the work where it is asked for: no process has to be started."""

    name = "this thread"

    def submit(self, content: bytes) -> Future[bytes]:
        future: Future[bytes] = Future()
        future.set_result(work(content))
        return future

    def close(self) -> None:
        pass


class DyingPool(LocalProcesses):
    """Kills its own workers on the third job, and leaves a note in the folder."""

    count = 0
    folder: Path

    def submit(self, content: bytes) -> Any:
        future = super().submit(content)
        self.count += 1
        if self.count == 3:
            for pid in list(self._pool._processes):
                os.kill(pid, signal.SIGKILL)
                (self.folder / "killed-a-worker").touch()
        return future


class DyingPipeline(Pipeline):
    """Where it is to die with pages taken and not committed, reading waits for the first commit before the fourth page."""

    pages = 0

    def _take(self, page: Any) -> None:
        loader = self.loader
        assert isinstance(loader, FileLoader)
        self.pages += bool(page.records)
        if loader.die_at == "taken" and self.pages >= 4:
            while not loader.commits:
                time.sleep(0.01)
        super()._take(page)
        if page.records:
            loader.die("taken")


def run(url: str, stream: str, folder: Path, stage: str = "", **options: Any) -> PipelineSnapshot:
    from tests.core.streams.conftest import session

    loader = FileLoader(folder, stage)
    pool = DyingPool(1) if stage == "worker" else InThread()
    if isinstance(pool, DyingPool):
        pool.folder = folder
    wanted = {"every": 0.05, "batch_records": 120, "reads_per_second": 20, "page_records": 60, **options}
    pipeline = DyingPipeline(StreamSource(session(url), stream), loader, pool, PipelineOptions(**wanted))
    return pipeline.run(headless_job("pipeline"), once=True)
