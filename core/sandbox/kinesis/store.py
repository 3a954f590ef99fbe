"""All streams of the sandbox, what is configured, and the chores: retention, states that pass, on-demand scaling."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from core.sandbox.kinesis.errors import no_stream
from core.sandbox.kinesis.faults import Faults
from core.sandbox.kinesis.metrics import Metrics
from core.sandbox.kinesis.reshard import finish, relieve
from core.sandbox.kinesis.stream import Facts, Stream, even_ranges, now_ms

_CHORES_EVERY = 1.0  # s


@dataclass(frozen=True)
class Config:
    """data: folder. retention_bytes: cap on disk for all streams together. passing: seconds CREATING, UPDATING and
    DELETING last (the service takes 10 s and more)."""

    data: Path
    retention_bytes: int = 2 << 30
    segment_bytes: int = 16 << 20
    passing: float = 0.3


class Store:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.faults = Faults()
        self.metrics = Metrics()
        self.streams: dict[str, Stream] = {}
        self.cap_lost = 0  # records dropped before their retention because of the byte cap, since the start
        self._disk = ThreadPoolExecutor(4, thread_name_prefix="disk")
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Find the streams on disk; what was under way goes on."""
        (self.config.data / "streams").mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in sorted((self.config.data / "streams").iterdir()):
            if not (folder / "stream.json").is_file():
                shutil.rmtree(folder, ignore_errors=True)  # a creation that was never acknowledged
                continue
            try:
                stream = Stream.load(folder, self._disk, self.config.segment_bytes)
            except (ValueError, KeyError, TypeError) as error:  # one damaged stream must not keep the others away
                kept = self.config.data / "damaged" / folder.name
                kept.parent.mkdir(exist_ok=True)
                folder.rename(kept)
                print(
                    f"The stream in {folder.name} cannot be read ({error}); it is kept in {kept}",
                    file=sys.stderr,
                    flush=True,
                )
                continue
            self.streams[stream.name] = stream
            if stream.facts.status != "ACTIVE":
                self._pass_later(stream)
        self._start(self._chores())

    def find(self, name: str, *, ready: bool = True) -> Stream:
        """The stream; ``ready``: a stream that is CREATING or DELETING holds no records yet or any more."""
        stream = self.streams.get(name)
        if stream is None or (ready and stream.facts.status in ("CREATING", "DELETING")):
            raise no_stream(name)
        return stream

    def create(self, name: str, shards: int, mode: str, tags: dict[str, str], max_record_kib: int) -> Stream:
        created = now_ms()
        folder = self.config.data / "streams" / f"{name}@{created}"
        folder.mkdir(mode=0o700)
        facts = Facts(name, created, mode=mode, tags=tags, max_record_kib=max_record_kib)
        stream = Stream(folder, facts, self._disk, self.config.segment_bytes)
        for first, last in even_ranges(shards):
            stream.new_shard(first, last)
        stream.save()
        self.streams[name] = stream
        self._pass_later(stream)
        return stream

    def change(self, stream: Stream, status: str, change: Callable[[], None] | None = None) -> None:
        """Put the stream into a state that passes, with the facts that ``change`` sets, and on disk."""
        stream.facts.status = status
        if change is not None:
            change()
        stream.save()
        self._pass_later(stream)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        for stream in self.streams.values():
            await stream.close()
        self._disk.shutdown()

    # -- chores -------------------------------------------------------------
    def _start(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _pass_later(self, stream: Stream) -> None:
        self._start(self._pass(stream))

    async def _pass(self, stream: Stream) -> None:
        await asyncio.sleep(self.config.passing)
        if stream.facts.status == "DELETING":
            await stream.close()
            self.streams.pop(stream.name, None)
            await asyncio.get_running_loop().run_in_executor(None, shutil.rmtree, stream.folder, True)
            return
        finish(stream)
        stream.facts.status = "ACTIVE"
        stream.save()

    async def _chores(self) -> None:
        while True:
            await asyncio.sleep(_CHORES_EVERY)
            share = max(self.config.segment_bytes, self.config.retention_bytes // max(1, len(self.streams)))
            for stream in list(self.streams.values()):
                lost = stream.sweep(share)
                if lost:
                    self.cap_lost += lost
                    print(f"{stream.name}: {lost} records dropped by the byte cap", file=sys.stderr, flush=True)
                if stream.facts.mode == "ON_DEMAND" and stream.facts.status == "ACTIVE" and relieve(stream):
                    self.change(stream, "UPDATING")
