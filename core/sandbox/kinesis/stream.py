"""One stream: its shard map, its life (CREATING, ACTIVE, UPDATING, DELETING), its records, and what is kept of it on disk."""

from __future__ import annotations

import asyncio
import time
from array import array
from bisect import bisect_right
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from core.base.files import write_atomic
from core.sandbox.kinesis.errors import ACCOUNT, REGION, Refused
from core.sandbox.kinesis.index import Block, Index
from core.sandbox.kinesis.limits import ShardLimits
from core.sandbox.kinesis.log import Log, sync_folder
from core.sandbox.kinesis.sequence import around, shard_id

HASH_KEYS = 1 << 128
_WAITING_BYTES = 64 << 20  # what may wait for the disk before writers are told to come back


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True, eq=False)
class Shard:
    """One shard: the hash keys first..last, its parents and children, and where its records end if it is closed."""

    number: int
    first: int
    last: int
    epoch: int  # birth in ms, later than its parents'
    parents: tuple[int, ...] = ()
    children: tuple[int, ...] = ()
    end: int | None = None  # place of the ending sequence number; None: open
    closed: int = 0  # ms
    index: Index = field(default_factory=Index)
    limits: ShardLimits = field(default_factory=ShardLimits)
    next_place: int = 1  # the next to be given; ahead of the index by what waits for the disk
    waiting: int = 0
    taken: int = 0  # bytes and records taken in since the last look, for on-demand scaling
    taken_records: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    id: str = ""
    _around: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        self.id, self._around = shard_id(self.number), around(self.epoch, self.number)

    @property
    def open(self) -> bool:
        return self.end is None

    @property
    def drained(self) -> bool:
        """Closed, and every record that was let in is readable."""
        return not self.open and not self.waiting

    def wake(self) -> None:
        """Wake everyone who took ``arrived`` before; whoever takes it now waits for the next time."""
        arrived, self.arrived = self.arrived, asyncio.Event()
        arrived.set()

    def sequence(self, place: int) -> str:
        prefix, suffix = self._around
        return f"{prefix}{place:020d}{suffix}"

    def stored(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "first": str(self.first),
            "last": str(self.last),
            "epoch": self.epoch,
            "parents": list(self.parents),
            "children": list(self.children),
            "end": self.end,
            "closed": self.closed,
            "next": self.next_place,
        }


@dataclass(slots=True)
class _Part:
    first: int
    bodies: list[bytes] = field(default_factory=list)
    sizes: array[int] = field(default_factory=lambda: array("I"))
    arrivals: array[int] = field(default_factory=lambda: array("Q"))


class _Batch:
    """What one group commit will write."""

    def __init__(self) -> None:
        self.parts: dict[Shard, _Part] = {}
        self.written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.size = 0


@dataclass(slots=True)
class Facts:
    """What is kept of a stream besides its records."""

    name: str
    created: int
    status: str = "CREATING"
    mode: str = "PROVISIONED"
    retention_hours: int = 24
    max_record_kib: int = 1024
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[str] = field(default_factory=list)
    consumers: dict[str, int] = field(default_factory=dict)  # name -> created, ms
    pending: dict[str, Any] | None = None  # the reshard under way
    encryption: str = "NONE"
    key_id: str = ""

    @property
    def encrypted(self) -> dict[str, str]:
        """As descriptions tell it."""
        return {"EncryptionType": self.encryption} | ({"KeyId": self.key_id} if self.key_id else {})


class Stream:
    """All changes happen on the event loop; only the disk's confirmation of a group commit is waited for elsewhere."""

    def __init__(self, folder: Path, facts: Facts, disk: Executor, segment_bytes: int) -> None:
        self.folder, self.facts, self._disk = folder, facts, disk
        self.log = Log(folder, segment_bytes)
        self.shards: dict[int, Shard] = {}
        self._starts: list[int] = []
        self._open: list[Shard] = []
        self._batch: _Batch | None = None
        self._committing: asyncio.Task[None] | None = None
        self._waiting_bytes = 0

    # -- what it is ---------------------------------------------------------
    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def arn(self) -> str:
        return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{self.name}"

    @property
    def open_shards(self) -> list[Shard]:
        """In order of their hash keys."""
        return self._open

    def shard_for(self, hash_key: int) -> Shard:
        return self._open[bisect_right(self._starts, hash_key) - 1]

    # -- its shard map ------------------------------------------------------
    def new_shard(self, first: int, last: int, parents: tuple[Shard, ...] = ()) -> Shard:
        """Add a shard to the map; it counts once ``save`` was called."""
        number = max(self.shards, default=-1) + 1
        epoch = max(now_ms(), *(parent.epoch + 1 for parent in parents)) if parents else self.facts.created
        shard = Shard(number, first, last, epoch, tuple(parent.number for parent in parents))
        for parent in parents:
            parent.children = (*parent.children, number)
            if parent.open:
                parent.end, parent.closed = parent.next_place, now_ms()
                parent.wake()  # who waits at its tip: there is an end to tell of
        self.shards[number] = shard
        self._route()
        return shard

    def _route(self) -> None:
        self._open = sorted((shard for shard in self.shards.values() if shard.open), key=lambda shard: shard.first)
        self._starts = [shard.first for shard in self._open]

    # -- on disk ------------------------------------------------------------
    def save(self) -> None:
        """Write facts and shard map; when this returns they survive a kill."""
        facts = {name: getattr(self.facts, name) for name in Facts.__slots__}
        content = orjson.dumps({**facts, "shards": [shard.stored() for shard in self.shards.values()]})
        write_atomic(self.folder / "stream.json", content)
        sync_folder(self.folder)

    @classmethod
    def load(cls, folder: Path, disk: Executor, segment_bytes: int) -> Stream:
        stored = orjson.loads((folder / "stream.json").read_bytes())
        shards = stored.pop("shards")
        stream = cls(folder, Facts(**stored), disk, segment_bytes)
        given = {entry["number"]: entry["next"] for entry in shards}
        for entry in shards:
            stream.shards[entry["number"]] = Shard(
                entry["number"],
                int(entry["first"]),
                int(entry["last"]),
                entry["epoch"],
                tuple(entry["parents"]),
                tuple(entry["children"]),
                entry["end"],
                entry["closed"],
            )
        stream.log.open(stream._found)
        for shard in stream.shards.values():
            # What was given and then dropped by retention must not be given again.
            shard.next_place = shard.index.next_place = max(shard.index.next_place, given[shard.number])
        stream._route()
        return stream

    def _found(self, block: Block, segment: int, offset: int) -> None:
        if (shard := self.shards.get(block.shard)) is not None:  # a shard past its retention is forgotten
            shard.index.add(block, segment, offset)

    # -- taking records in --------------------------------------------------
    def check_room(self) -> None:
        if self._waiting_bytes > _WAITING_BYTES:
            raise Refused("ServiceUnavailable", "The disk does not keep up; try again.", 503)

    def admit(self, shard: Shard, data: str, key_json: bytes, size: int, arrival: int) -> str:
        """Give the record its sequence number and let it wait for the next group commit (see ``written``)."""
        if self._batch is None:
            self._batch = _Batch()
        part = self._batch.parts.get(shard)
        if part is None:
            part = self._batch.parts[shard] = _Part(shard.next_place)
            arrival = max(arrival, shard.index.last_arrival)
        else:
            arrival = max(arrival, part.arrivals[-1])  # a clock set back must not unsort the index
        sequence = shard.sequence(shard.next_place)
        shard.next_place += 1
        shard.waiting += 1
        shard.taken += size
        shard.taken_records += 1
        part.bodies.append(
            b'{"SequenceNumber":"%b","ApproximateArrivalTimestamp":%d.%03d,"Data":"%b","PartitionKey":%b}'
            % (sequence.encode(), arrival // 1000, arrival % 1000, data.encode(), key_json)
        )
        part.sizes.append(size)
        part.arrivals.append(arrival)
        self._batch.size += size
        self._waiting_bytes += size
        return sequence

    async def written(self) -> None:
        """Wait until all that was admitted so far is confirmed by the disk. Group commit: one confirmation serves all
        writers who came while the one before was under way (fdatasync: 1.6 ms p50 on the machine this was made on)."""
        if (batch := self._batch) is None:
            return
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit())
        await asyncio.shield(batch.written)

    async def _commit(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while (batch := self._batch) is not None:
                self._batch = None
                blocks = []
                for shard, part in batch.parts.items():
                    lengths = array("I", map(len, part.bodies))
                    blocks.append(Block(shard.number, part.first, lengths, part.sizes, part.arrivals))
                joined = [b",".join(part.bodies) for part in batch.parts.values()]
                try:
                    segment, offset = await loop.run_in_executor(self._disk, self.log.append, blocks, b"".join(joined))
                except OSError as error:
                    batch.written.set_exception(
                        Refused("InternalFailure", f"The sandbox's disk refused the write: {error}", 500)
                    )
                    batch.written.exception()  # a writer that hung up must not leave it "never retrieved"
                else:
                    for shard, block, bodies in zip(batch.parts, blocks, joined, strict=True):
                        shard.index.add(block, segment, offset)
                        offset += len(bodies)
                    batch.written.set_result(None)
                for shard, part in batch.parts.items():
                    shard.waiting -= len(part.bodies)
                    shard.wake()
                self._waiting_bytes -= batch.size
        finally:
            self._committing = None

    # -- letting records go -------------------------------------------------
    def horizon(self) -> int:
        """Arrivals before this (ms) are past retention."""
        return now_ms() - self.facts.retention_hours * 3_600_000

    def sweep(self, most_bytes: int) -> int:
        """Drop segments past retention or over the byte cap, and closed shards past both; records the cap cost."""
        horizon, lost = self.horizon(), 0
        gone = [shard for shard in self.shards.values() if shard.drained and shard.closed < horizon]
        for shard in gone:
            del self.shards[shard.number]
        segments = self.log.segments
        due = len(segments) > 1 and (segments[0].newest < horizon or self.log.size > most_bytes)
        if gone or due:
            self.save()  # first: the numbers already given must outlive the records that prove them
        while len(segments) > 1 and (segments[0].newest < horizon or self.log.size > most_bytes):
            over = segments[0].newest >= horizon
            before = self._count() if over else 0
            number = self.log.drop_oldest()
            for shard in self.shards.values():
                shard.index.drop(number)
            lost += before - self._count() if over else 0
        return lost

    def _count(self) -> int:
        return sum(len(shard.index) for shard in self.shards.values())

    async def close(self) -> None:
        """Write what waits and let go of the files."""
        while self._committing is not None:
            await asyncio.shield(self._committing)
        self.log.close()


def even_ranges(count: int) -> list[tuple[int, int]]:
    """The hash key ranges of ``count`` shards of equal width."""
    edges = [HASH_KEYS * number // count for number in range(count + 1)]
    return [(low, high - 1) for low, high in pairwise(edges)]
