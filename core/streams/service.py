"""The verbs of the streams room, with typed values in and out; the window and the command line both call these."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.aws.faults import explained
from core.aws.workplace import Workplace
from core.base.errors import OpsError, WrongUse
from core.jobs.job import Job
from core.streams.budget import ReadBudget, read_budget
from core.streams.carrying import Carriage, checkpoints_of, only_one, pipeline
from core.streams.collector import Collector
from core.streams.decode import Record
from core.streams.export import record_file
from core.streams.fanout import FanOutSource
from core.streams.pages import Shard, StreamSource
from core.streams.pipeline import Pipeline, PipelineOptions, PipelineSnapshot
from core.streams.positions import LATEST, Start, shard_id
from core.streams.producer import Producer
from core.streams.producing import ProducerLimits, ProducerSnapshot
from core.streams.query import Answer
from core.streams.reader import Pace
from core.streams.replay import replay
from core.streams.resetting import ResetPlan, set_back, thought_through
from core.streams.shards import ReshardPlan, open_shards, plan_merge, plan_scale, plan_split
from core.streams.sink import StreamSink
from core.streams.tap import Tap

_ACTIVE_WITHIN = 600.0  # seconds; AWS needs some 30 s for most changes, minutes for many shards


@dataclass(frozen=True, slots=True)
class StreamSummary:
    name: str
    status: str
    mode: str
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class StreamDetails:
    """``shards`` holds the closed ones, too; ``consumers`` are the names of those with enhanced fan-out, of which there
    are ``consumer_count`` (the names are unknown where listing them is not allowed). distribution: AUTO where AWS
    spreads the records whatever their keys. warm_mibps: what is ready for a burst of writes, None: not told. channels:
    ways that AWS itself carries the stream to S3 or into Iceberg tables."""

    name: str
    arn: str
    status: str
    mode: str
    retention_hours: int
    encryption: str
    created: datetime | None
    consumers: tuple[str, ...]
    shards: tuple[Shard, ...]
    consumer_count: int = 0
    record_kib: int = 1_024
    distribution: str = "USER_PARTITION_KEY"
    warm_mibps: int | None = None
    channels: int = 0

    @property
    def by_key(self) -> bool:
        """A key's records go to one shard, in order."""
        return self.distribution != "AUTO"

    @property
    def open_shards(self) -> tuple[Shard, ...]:
        return open_shards(self.shards)


class StreamsService:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace

    @property
    def _client(self) -> Any:
        return self._workplace.aws.client("kinesis")

    # -- looking --------------------------------------------------------------
    def streams(self) -> list[StreamSummary]:
        """All streams of the account and region, by name."""
        with explained("list the streams"):
            found: dict[str, StreamSummary] = {}
            wanted: dict[str, Any] = {}
            while True:
                answer = self._client.list_streams(**wanted)
                known = {entry["StreamName"]: entry for entry in answer.get("StreamSummaries") or ()}
                for name in answer["StreamNames"]:
                    entry = known.get(name, {})
                    found[name] = StreamSummary(
                        name,
                        entry.get("StreamStatus", ""),
                        entry.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED"),
                        _moment(entry.get("StreamCreationTimestamp")),
                    )
                if not answer.get("HasMoreStreams") or not answer["StreamNames"]:
                    return sorted(found.values(), key=lambda stream: stream.name)
                wanted = {"ExclusiveStartStreamName": answer["StreamNames"][-1]}

    def describe(self, name: str) -> StreamDetails:
        with explained(f"describe the stream {name}"):
            summary = self._client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        consumers = self._consumers(summary)
        shards, _ = self.source(name).shards()
        return StreamDetails(
            name,
            summary["StreamARN"],
            summary["StreamStatus"],
            summary.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED"),
            int(summary["RetentionPeriodHours"]),
            summary.get("EncryptionType", "NONE"),
            _moment(summary.get("StreamCreationTimestamp")),
            consumers,
            tuple(shards),
            max(len(consumers), summary.get("ConsumerCount") or 0),
            summary.get("MaxRecordSizeInKiB") or 1_024,
            summary.get("RecordDistributionStrategy") or "USER_PARTITION_KEY",
            (summary.get("WarmThroughput") or {}).get("CurrentMiBps"),
            summary.get("ChannelCount") or 0,
        )

    def _consumers(self, summary: dict[str, Any]) -> tuple[str, ...]:
        if not summary.get("ConsumerCount"):
            return ()
        try:
            with explained(f"list the consumers of {summary['StreamName']}"):
                answer = self._client.list_stream_consumers(StreamARN=summary["StreamARN"])
        except OpsError as trouble:
            if trouble.code != "denied":  # a tap does not need to know who they are
                raise
            return ()
        return tuple(entry["ConsumerName"] for entry in answer["Consumers"])

    # -- reading ----------------------------------------------------------------
    def source(self, name: str) -> StreamSource:
        """For readers of their own: see ``StreamReader``."""
        return StreamSource(self._workplace.aws, name)

    def budget(self, name: str, open_shards: int) -> ReadBudget:
        """What other readers leave of the shards' five reads a second, as far as CloudWatch tells."""
        return read_budget(self._workplace.aws, name, open_shards)

    @property
    def reads_per_second(self) -> float:
        """What a tap takes at most of a shard's five reads a second."""
        return self._workplace.settings().streams.reads_per_second

    def tap(
        self,
        name: str,
        start: Start = LATEST,
        shards: Collection[str] = (),
        *,
        unseen_stop: bool = False,
        on_records: Callable[[list[Record]], None] | None = None,
        source: StreamSource | None = None,
    ) -> Tap:
        """A tap that reads already, as gently as the settings say. ``unseen_stop``: it pauses when nobody looked for
        as long as the settings allow. ``source``: how it reads, instead of by polling. Raises OpsError where the
        stream cannot be read."""
        settings = self._workplace.settings().streams
        tap = Tap(
            source or self.source(name),
            start=start,
            shards=[shard_id(word) for word in shards],
            pace=Pace(settings.reads_per_second),
            kept=settings.kept_records,
            unseen_seconds=settings.unseen_minutes * 60 if unseen_stop else None,
            on_records=on_records,
        )
        tap.open()
        return tap

    def consumer(self, job: Job[Any], name: str) -> FanOutSource:
        """A consumer with enhanced fan-out, registered (which costs money) and active, for ``tap``. Whoever asked for
        it must ``close`` it; a tap made with it does so when it stops. Raises OpsError where none can be had."""
        source = FanOutSource(self._workplace.aws, name)
        source.register(job)
        return source

    def tap_by_fan_out(self, job: Job[Any], name: str, start: Start = LATEST, *, unseen_stop: bool = False) -> Tap:
        """A tap that is pushed from its first record on: registers a consumer (which costs money) and reads already."""
        source = self.consumer(job, name)
        try:
            return self.tap(name, start, unseen_stop=unseen_stop, source=source)
        except BaseException:
            source.close()
            raise

    def fan_out(self, job: Job[Any], tap: Tap) -> Tap:
        """Go on with a tap by enhanced fan-out, without a gap: registers a consumer (which costs money), stops the
        tap, and starts another in the same window. Where it cannot be registered the old tap goes on untouched."""
        source = self.consumer(job, tap.stream)
        try:
            tap.stop()
            while not tap.wait(0.5):
                job.report(0, None, "waiting for the last reads")
            pushed = Tap(source, after=tap, unseen_seconds=self._workplace.settings().streams.unseen_minutes * 60)
            pushed.open()
        except BaseException:
            source.close()
            raise
        return pushed

    def query(self, job: Job[Any], records: Sequence[Record], sql: str) -> Answer:
        """One SELECT over ``records`` as the table of that name; a cancel interrupts it. Raises WrongUse."""
        from core.streams.query import query

        return query(job, records, sql)

    def export(self, job: Job[Any], records: Iterable[Record], path: Path) -> int:
        """Write records to a .jsonl, .csv or .parquet file; returns how many."""
        kept = list(records)
        with record_file(path) as write:
            for start in range(0, len(kept), 1_000):
                job.report(start, len(kept), f"{start:,} of {len(kept):,} records")
                write(kept[start : start + 1_000])
            job.commit()
        return len(kept)

    # -- sending ----------------------------------------------------------------
    def producer(self, name: str, limits: ProducerLimits | None = None, *, spill: bool = False) -> Producer:
        """A background producer into the stream. ``spill``: what does not fit into memory, or cannot be sent before
        it is closed, is kept in the state folder and sent by the next producer of this profile and stream."""
        folder = self._workplace.places.state / "spill" / self._workplace.profile.name / name if spill else None
        return Producer(StreamSink(self._workplace.aws, name), limits, folder)

    def collector(self, name: str, listen: str, trust: Collection[str] = ()) -> Collector:
        """An HTTP collector for the stream, not started yet; what cannot be sent waits on disk. Raises OpsError where
        there is no such stream: what was taken for it would wait for ever."""
        producer = self.producer(name, spill=True)
        try:
            producer.sink.learn_size()
            return Collector(producer, listen, list(trust))
        except BaseException:
            producer.close(0)
            raise

    def carry(
        self,
        job: Job[Any],
        wanted: Carriage,
        options: PipelineOptions | None = None,
        *,
        once: bool = False,
        seconds: float | None = None,
        started: Callable[[Pipeline], None] | None = None,
    ) -> PipelineSnapshot:
        """Carry a stream into a warehouse table until cancelled, for ``seconds``, or until all is there (``once``).

        ``started`` hears of the pipeline before it runs, to look at its snapshots. Raises OpsError (exit status 3)
        where another run of it is at work on this computer.
        """
        with only_one(self._workplace, wanted):
            running = pipeline(self._workplace, wanted, options)
            try:
                if started is not None:
                    started(running)
                return running.run(job, once=once, seconds=seconds, make_bucket=not wanted.staging)
            finally:
                running.dispatch.close()

    def plan_reset(self, job: Job[Any], wanted: Carriage, start: Start) -> ResetPlan:
        """What beginning a pipeline anew at ``start`` means; nothing is changed."""
        return thought_through(job, self.source(wanted.stream), checkpoints_of(self._workplace, wanted), start)

    def reset(self, job: Job[Any], wanted: Carriage, start: Start) -> ResetPlan:
        """Have the pipeline's next run begin at ``start``; returns what was thought through. Raises OpsError (exit
        status 3) where a run of it is at work on this computer."""
        with only_one(self._workplace, wanted):
            checkpoints = checkpoints_of(self._workplace, wanted)
            plan = thought_through(job, self.source(wanted.stream), checkpoints, start)
            set_back(job, checkpoints, plan)
        return plan

    def replay(self, job: Job[Any], name: str, path: Path) -> ProducerSnapshot:
        """Send the records of an exported file into the stream, with their keys and in their order, and wait until all
        are acknowledged. Raises OpsError naming the record of a damaged file; those before it were sent."""
        return replay(job, self.producer(name), path)

    # -- changing ---------------------------------------------------------------
    def create(self, job: Job[Any], name: str, shards: int | None = None) -> None:
        """Make a stream and wait until it is ACTIVE; ``shards`` None: on-demand."""
        mode = {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}} if shards is None else {"ShardCount": shards}
        if shards is not None and shards < 1:
            raise WrongUse("A stream needs at least one shard", f"{shards} was asked for", "Ask for one or more")
        with explained(f"create the stream {name}"):
            self._client.create_stream(StreamName=name, **mode)
        self.wait_active(job, name)

    def delete(self, job: Job[Any], name: str, *, with_consumers: bool = False) -> None:
        """Delete a stream with all its records, and wait until it is gone. Raises WrongUse where consumers with enhanced
        fan-out are registered, unless they are to go ``with`` it."""
        try:
            with explained(f"delete the stream {name}"):
                more = {"EnforceConsumerDeletion": True} if with_consumers else {}
                self._client.delete_stream(StreamName=name, **more)
        except OpsError as error:
            if error.code != "conflict" or with_consumers or not (consumers := self.describe(name).consumers):
                raise
            raise WrongUse(
                f"The stream {name} was not deleted",
                f"Consumers with enhanced fan-out are registered: {', '.join(consumers)}",
                "Stop them first, or say --with-consumers to deregister them with it",
            ) from error
        try:
            self.wait_active(job, name)
        except OpsError as error:
            if error.code != "not-found":
                raise

    def plan_scale(self, name: str, count: int) -> ReshardPlan:
        stream = self.describe(name)
        return plan_scale(name, stream.mode, stream.status, stream.shards, count)

    def plan_split(self, name: str, shard: str, at: int | None = None) -> ReshardPlan:
        stream = self.describe(name)
        return plan_split(name, stream.mode, stream.status, stream.shards, shard, at)

    def plan_merge(self, name: str, one: str, other: str) -> ReshardPlan:
        stream = self.describe(name)
        return plan_merge(name, stream.mode, stream.status, stream.shards, one, other)

    def scale(self, job: Job[Any], name: str, count: int) -> ReshardPlan:
        """Change the number of shards and wait until the stream is ACTIVE; returns the plan that was carried out."""
        plan = self.plan_scale(name, count)
        plan.check()
        with explained(f"scale {name} to {count} shards"):
            self._client.update_shard_count(StreamName=name, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        self.wait_active(job, name)
        return plan

    def split(self, job: Job[Any], name: str, shard: str, at: int | None = None) -> ReshardPlan:
        plan = self.plan_split(name, shard, at)
        plan.check()
        upper = next(after for after in reversed(plan.after) if after.parents)
        with explained(f"split the shard {shard} of {name}"):
            self._client.split_shard(
                StreamName=name, ShardToSplit=plan.closing[0], NewStartingHashKey=str(upper.first_hash)
            )
        self.wait_active(job, name)
        return plan

    def merge(self, job: Job[Any], name: str, one: str, other: str) -> ReshardPlan:
        plan = self.plan_merge(name, one, other)
        plan.check()
        with explained(f"merge the shards {one} and {other} of {name}"):
            self._client.merge_shards(
                StreamName=name, ShardToMerge=plan.closing[0], AdjacentShardToMerge=plan.closing[1]
            )
        self.wait_active(job, name)
        return plan

    def wait_active(self, job: Job[Any], name: str) -> None:
        """Wait until a change of the stream is done. Raises OpsError ``not-found`` when it is deleted meanwhile."""
        started, pause = time.monotonic(), 0.1
        while True:
            with explained(f"ask how the stream {name} is"):
                status = self._client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            if status["StreamStatus"] == "ACTIVE":
                return
            waited = time.monotonic() - started
            if waited > _ACTIVE_WITHIN:
                raise OpsError(
                    f"The stream {name} is still {status['StreamStatus']}",
                    f"It has been for {waited:.0f} s",
                    "The change goes on at the service: look again later",
                    code="slow",
                )
            job.report(waited, None, f"{name} is {status['StreamStatus']}")
            job.sleep(pause)
            pause = min(2.0, pause * 1.5)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None
