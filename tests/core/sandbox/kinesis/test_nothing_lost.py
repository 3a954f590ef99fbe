"""Nothing acknowledged is lost, doubled or reordered within a key, under concurrent writers, reshards and kills."""

from __future__ import annotations

import asyncio
import base64
import resource
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.sandbox.kinesis.api import Api
from core.sandbox.kinesis.faults import changed
from core.sandbox.kinesis.store import Config, Store
from core.sandbox.kinesis.stream import now_ms
from tests.core.sandbox.kinesis.plane import Plane

Acknowledged = dict[str, list[tuple[str, bytes]]]  # key -> (sequence number, data) in the order of acknowledgement

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 6), st.integers(1, 40)),  # writers, records each
        st.tuples(st.just("split"), st.integers(0, 50), st.floats(0.01, 0.99)),
        st.tuples(st.just("merge"), st.integers(0, 50), st.just(0)),
        st.tuples(st.just("scale"), st.integers(1, 6), st.just(0)),
        st.tuples(st.just("kill"), st.just(0), st.just(0)),
    ),
    min_size=3,
    max_size=12,
)


class World:
    """The operations in this process, on a real log; a kill forgets everything that is not on disk."""

    def __init__(self, data: Path) -> None:
        self.config = Config(data, segment_bytes=3_000, passing=0.003)
        self.acknowledged: Acknowledged = defaultdict(list)
        self.counter = 0

    def open(self) -> None:
        self.store = Store(self.config)
        self.store.open()
        self.store.faults = changed(self.store.faults, {"LimitScale": 0})
        self.api = Api(self.store)

    async def call(self, operation: str, **body: Any) -> tuple[int, Any]:
        answer = await self.api.call(f"Kinesis_20131202.{operation}", "", orjson.dumps(body))
        return answer.status, orjson.loads(answer.body or b"{}")

    async def shards(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.call("ListShards", StreamName="s"))[1]["Shards"]
        return found

    async def writer(self, key: str, count: int) -> None:
        """One producer: its next request waits for the answer to the last, as order per key needs."""
        while count:
            size = min(count, 7)
            data = [f"{key}/{self.counter + n}".encode() for n in range(size)]
            self.counter, count = self.counter + size, count - size
            records = [{"Data": base64.b64encode(one).decode(), "PartitionKey": key} for one in data]
            status, answer = await self.call("PutRecords", StreamName="s", Records=records)
            assert status == 200, answer
            for one, stored in zip(data, answer["Records"], strict=True):
                self.acknowledged[key].append((stored["SequenceNumber"], one))

    async def act(self, kind: str, number: int, more: float, keys: str = "key") -> None:
        """``keys``: what the keys of its writers begin with; a key has one writer at a time, or its order means nothing."""
        live = [shard for shard in await self.shards() if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
        live.sort(key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
        if kind == "put":
            writers = [self.writer(f"{keys}-{n}", int(more)) for n in range(number)]
            await asyncio.gather(*writers)
        elif kind == "split":
            shard = live[number % len(live)]
            low, high = (int(shard["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
            at = low + int((high - low) * more)
            await self.call("SplitShard", StreamName="s", ShardToSplit=shard["ShardId"], NewStartingHashKey=str(at))
        elif kind == "merge" and len(live) > 1:
            left = number % (len(live) - 1)
            pair = {"ShardToMerge": live[left]["ShardId"], "AdjacentShardToMerge": live[left + 1]["ShardId"]}
            await self.call("MergeShards", StreamName="s", **pair)
        elif kind == "scale":
            await self.call("UpdateShardCount", StreamName="s", TargetShardCount=number, ScalingType="UNIFORM_SCALING")

    async def read_all(self) -> list[dict[str, Any]]:
        """Every record, parents before children (a child's number is always the higher)."""
        records: list[dict[str, Any]] = []
        for shard in await self.shards():
            _, answer = await self.call(
                "GetShardIterator", StreamName="s", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )
            iterator = answer["ShardIterator"]
            while iterator:
                _, page = await self.call("GetRecords", ShardIterator=iterator, Limit=13)
                records += page["Records"]
                iterator = page.get("NextShardIterator")
                if not page["Records"]:
                    break
        return records

    def forget(self) -> None:
        """As kill -9 does: no flush, no close; what the disk has is all that is left."""
        for task in list(self.store._tasks):
            task.cancel()


def check(records: list[dict[str, Any]], acknowledged: Acknowledged) -> None:
    found: Acknowledged = defaultdict(list)
    for record in records:
        found[record["PartitionKey"]].append((record["SequenceNumber"], record["Data"]))
    for key, stored in acknowledged.items():
        numbers = [int(number) for number, _ in found[key]]
        assert numbers == sorted(set(numbers)), f"{key}: reordered or doubled"
        known = dict(found[key])
        assert all(known.get(number) == data for number, data in stored), f"{key}: an acknowledged record is missing"
        acknowledged_numbers = [int(number) for number, _ in stored]
        assert acknowledged_numbers == sorted(acknowledged_numbers), f"{key}: acknowledged out of order"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 3), ACTIONS, st.booleans())
def test_any_schedule_of_writers_reshards_and_kills(shards: int, actions: list[Any], together: bool) -> None:
    async def play() -> None:
        world = World(Path(folder))
        world.open()
        await world.call("CreateStream", StreamName="s", ShardCount=shards)
        await asyncio.sleep(0.01)
        running: list[asyncio.Task[None]] = []
        for place, (kind, number, more) in enumerate(actions):
            if kind == "kill":
                await asyncio.gather(*running)
                running.clear()
                world.forget()
                world.open()
                await asyncio.sleep(0.008)
            elif together:
                running.append(asyncio.create_task(world.act(kind, number, more, f"key-{place}")))
                await asyncio.sleep(0.001)
            else:
                await world.act(kind, number, more)
        await asyncio.gather(*running)
        await asyncio.sleep(0.01)
        records = await world.read_all()
        for record in records:
            record["Data"] = base64.b64decode(record["Data"])
        check(records, world.acknowledged)
        numbers = [record["SequenceNumber"] for record in records]
        assert len(set(numbers)) == len(numbers), "doubled"
        stored = {(number, data) for entries in world.acknowledged.values() for number, data in entries}
        assert stored == {(record["SequenceNumber"], record["Data"]) for record in records}
        await world.store.close()

    folder = tempfile.mkdtemp(prefix="kinesis-")
    try:
        asyncio.run(play())
    finally:
        shutil.rmtree(folder)


def test_records_past_their_retention_are_gone_and_closed_shards_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 0
    for module in ("records", "stream"):
        monkeypatch.setattr(f"core.sandbox.kinesis.{module}.now_ms", lambda: now_ms() + passed)

    async def play() -> None:
        nonlocal passed
        world = World(tmp_path)
        world.open()
        await world.call("CreateStream", StreamName="s", ShardCount=1)
        await asyncio.sleep(0.01)
        await world.act("put", 2, 40)
        await world.act("split", 0, 0.5)
        await asyncio.sleep(0.01)
        await world.act("put", 1, 20)
        parent, *children = await world.shards()
        assert len(await world.read_all()) == 100
        passed = 25 * 3_600_000  # a day is kept
        await world.act("put", 1, 5)
        stream = world.store.streams["s"]
        kept = await world.read_all()
        assert len(kept) == 5, "what is past its retention cannot be read, on disk or not"
        size, segments = stream.log.size, len(stream.log.segments)
        assert stream.sweep(1 << 30) == 0
        assert stream.log.size < size and len(stream.log.segments) < segments
        assert [shard["ShardId"] for shard in await world.shards()] == [child["ShardId"] for child in children]
        status, _ = await world.call(
            "GetShardIterator", StreamName="s", ShardId=parent["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        assert status == 400
        numbers = [record["SequenceNumber"] for record in kept]
        await world.act("put", 1, 5)
        later = [record["SequenceNumber"] for record in await world.read_all()]
        assert set(numbers) < set(later) and len(later) == 10
        await world.store.close()

    asyncio.run(play())


def test_kill_9_under_concurrent_writers_and_reshards(tmp_path: Path) -> None:
    """Real processes: writers keep writing through kills and reshards; a put that got no answer is sent again."""
    plane = Plane(tmp_path / "data", "--segment-bytes", "100000").start()
    plane.control("SetFaults", LimitScale=0)
    plane.create("s", 2)
    acknowledged: Acknowledged = defaultdict(list)
    stop = threading.Event()
    failures: list[BaseException] = []

    def write(key: str) -> None:
        client, number = plane.new_client(), 0
        try:
            while not stop.wait(0.02):
                entries = [{"Data": f"{key}/{number + n}".encode(), "PartitionKey": key} for n in range(20)]
                try:
                    answer = client.put_records(StreamName="s", Records=entries)
                except (ClientError, BotoCoreError):
                    time.sleep(0.05)  # down, or the answer was lost: the same records again (a duplicate, never a loss)
                    continue
                number += 20
                for entry, stored in zip(entries, answer["Records"], strict=True):
                    if "SequenceNumber" in stored:
                        acknowledged[key].append((stored["SequenceNumber"], entry["Data"]))
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(f"key-{n}",)) for n in range(5)]
    for writer in writers:
        writer.start()
    for count in (4, 3, 6):
        time.sleep(0.4)
        plane.client.update_shard_count(StreamName="s", TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        time.sleep(0.1)
        plane.kill()
        plane.start()
        plane.control("SetFaults", LimitScale=0)
        plane.until_active("s")
    stop.set()
    for writer in writers:
        writer.join()
    assert not failures
    check(plane.read_all("s"), acknowledged)
    assert sum(map(len, acknowledged.values())) > 500
    assert plane.stop() == 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux's prlimit")
def test_a_full_disk_fails_the_put_and_spoils_nothing(tmp_path: Path) -> None:
    plane = Plane(tmp_path / "data").start()
    plane.create("s", 1)
    assert plane.process is not None
    # A file size limit makes the write stop in the middle of a frame, as a full disk does.
    resource.prlimit(plane.process.pid, resource.RLIMIT_FSIZE, (40_000, 40_000))
    stored, refusals = [], set()
    for n in range(30):
        try:
            plane.client.put_record(StreamName="s", Data=b"%02d" % n + b"x" * 3000, PartitionKey="k")
            stored.append(n)
        except ClientError as error:
            refusals.add(error.response["Error"]["Code"])
    plane.client.put_record(StreamName="s", Data=b"99", PartitionKey="k")
    assert 0 < len(stored) < 30 and refusals == {"InternalFailure"}
    assert [int(record["Data"][:2]) for record in plane.read_all("s")] == [*stored, 99]
    plane.kill()
    plane.start()
    assert [int(record["Data"][:2]) for record in plane.read_all("s")] == [*stored, 99]
    assert plane.stop() == 0
