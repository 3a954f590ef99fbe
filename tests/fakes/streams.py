"""A streams service in memory, for the page's presenter: shards that can be filled, throttled, cut off and deleted."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from core.base.errors import OpsError
from core.jobs.job import Job
from core.streams.budget import ReadBudget
from core.streams.decode import Record
from core.streams.export import record_file, saved_records
from core.streams.pages import Page, Passing, RawRecord, Shard, StreamSource, Throttled
from core.streams.positions import LATEST, Position, Start
from core.streams.reader import Pace
from core.streams.service import StreamDetails, StreamSummary
from core.streams.shards import HASH_SPACE, ReshardPlan, plan_scale
from core.streams.tap import Tap

GONE = OpsError("Could not read the stream orders", "It does not exist", "Check the name", code="not-found")
DEAD = OpsError("Could not read the stream orders", "The endpoint does not answer", "Check it", code="unreachable")


class MemorySource(StreamSource):
    """One stream; ``raising`` is what the next reads meet."""

    def __init__(self, name: str, shards: int) -> None:
        self.stream = name
        edges = [HASH_SPACE * number // shards for number in range(shards + 1)]
        self.made = [Shard(f"shardId-{n:012d}", edges[n], edges[n + 1] - 1) for n in range(shards)]
        self.stored: dict[str, list[RawRecord]] = {shard.id: [] for shard in self.made}
        self.raising: Exception | None = None
        self.answering = threading.Event()
        self.answering.set()

    def put(self, shard: int, *data: bytes, arrived: float | None = None) -> None:
        stored = self.stored[self.made[shard].id]
        for body in data:
            stored.append(RawRecord(arrived or time.time(), f"key-{len(stored)}", f"{len(stored) + 1:056d}", body))

    def shards(self) -> tuple[list[Shard], float]:
        return self.made, 0.0

    def iterator(self, shard: str, position: Position) -> str:
        return str(int(position.sequence)) if position.sequence else "0"

    def page(self, shard: Shard, iterator: str, limit: int) -> Page:
        self.answering.wait(30)
        if self.raising is not None:
            raise self.raising
        records = self.stored[shard.id][int(iterator) : int(iterator) + limit]
        size = sum(len(record.data) for record in records)
        return Page(shard, records, str(int(iterator) + len(records)), size=size)


class MemoryStreams:
    """What the page calls of ``StreamsService``."""

    def __init__(self, *sources: MemorySource) -> None:
        self.sources = {source.stream: source for source in sources}
        self.fault: OpsError | None = None
        self.mode = "PROVISIONED"
        self.scaled: list[int] = []
        self.known_budget: ReadBudget | None = None
        self.distribution = "USER_PARTITION_KEY"
        self.pushed: list[str] = []
        self.replayed: list[tuple[str, str, list[tuple[str, bytes]]]] = []

    def streams(self) -> list[StreamSummary]:
        if self.fault:
            raise self.fault
        return [StreamSummary(name, "ACTIVE", self.mode) for name in sorted(self.sources)]

    def describe(self, name: str) -> StreamDetails:
        shards = tuple(self.sources[name].made)
        arn = f"arn:aws:kinesis:eu-west-1:123456789012:stream/{name}"
        return StreamDetails(
            name, arn, "ACTIVE", self.mode, 24, "NONE", None, (), shards, 2, distribution=self.distribution
        )

    reads_per_second = 1.0

    def budget(self, name: str, open_shards: int) -> ReadBudget:
        return self.known_budget or ReadBudget(name)

    def tap(self, name: str, start: Start = LATEST, shards: Collection[str] = (), *, unseen_stop: bool = False) -> Tap:
        if self.fault:
            raise self.fault
        tap = Tap(self.sources[name], start=start, pace=Pace(reads_per_second=50, slow_interval=0.05))
        tap.open()
        return tap

    def tap_by_fan_out(self, job: Job[Tap], name: str, start: Start = LATEST, *, unseen_stop: bool = False) -> Tap:
        self.pushed.append(name)
        return self.tap(name, start, unseen_stop=unseen_stop)

    def replay(self, job: Job[Any], name: str, path: Path) -> Any:
        records = list(saved_records(path))
        self.replayed.append((name, path.name, records))
        return SimpleNamespace(acknowledged=len(records))

    def export(self, job: Job[int], records: list[Record], path: object) -> int:
        with record_file(path) as write:  # type: ignore[arg-type]
            write(records)
        return len(records)

    def plan_scale(self, name: str, count: int) -> ReshardPlan:
        return plan_scale(name, self.mode, "ACTIVE", self.sources[name].made, count)

    def scale(self, job: Job[ReshardPlan], name: str, count: int) -> ReshardPlan:
        self.scaled.append(count)
        return self.plan_scale(name, count)


__all__ = ["DEAD", "GONE", "MemorySource", "MemoryStreams", "Passing", "Throttled"]
