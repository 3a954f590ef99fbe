"""Enhanced fan-out: a consumer of its own is pushed 2 MB/s a shard and takes none of the shard's five reads a second.

It costs money and one of the stream's consumer places, so it is asked for, and it is always deregistered: when the
tap stops, and, after a crash, by the next one on the same computer.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.base.errors import OpsError
from core.jobs.job import Job
from core.streams.pages import Expired, Page, Passing, RawRecord, Shard, StreamSource, shard_of
from core.streams.positions import Position

_PREFIX = "opsdesk-tap-"
_numbers = itertools.count(1)
_ACTIVE_WITHIN = 60.0  # seconds


class FanOutSource(StreamSource):
    """A stream whose pages are pushed; read with a pace of no delay and a thread a shard."""

    def __init__(self, aws: AwsSession, stream: str) -> None:
        super().__init__(aws, stream)
        self.consumer = f"{_PREFIX}{_host()}-{os.getpid()}-{next(_numbers)}"
        self._arn = ""
        self._stream_arn = ""
        self._closed = False
        self._lock, self._closing = threading.Lock(), threading.Lock()
        self._pushed: dict[str, tuple[Any, Iterator[dict[str, Any]]]] = {}

    def register(self, job: Job[Any]) -> None:
        """Register the consumer and wait until it is ACTIVE. Raises OpsError (no permission, no free place)."""
        with explained(f"register a consumer of {self.stream}"):
            summary = self.client.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]
            self._stream_arn = summary["StreamARN"]
            self._sweep()
            answer = self.client.register_stream_consumer(StreamARN=self._stream_arn, ConsumerName=self.consumer)
            self._arn = answer["Consumer"]["ConsumerARN"]
            status, began = answer["Consumer"]["ConsumerStatus"], time.monotonic()
            try:
                while status != "ACTIVE":
                    if time.monotonic() - began > _ACTIVE_WITHIN:
                        raise OpsError(
                            f"The consumer of {self.stream} did not become active",
                            f"It is {status} after {_ACTIVE_WITHIN:.0f} s",
                            "Try again later; the tap goes on by polling",
                            code="slow",
                        )
                    job.sleep(0.3)
                    described = self.client.describe_stream_consumer(ConsumerARN=self._arn)
                    status = described["ConsumerDescription"]["ConsumerStatus"]
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Deregister; a call over the network, made once however often this is called (others wait for the first).

        Raises OpsError where it fails, some attempts later; the next registration on this computer sweeps it up.
        """
        try:
            with self._closing:
                if self._arn:
                    self._deregister(self._arn)
                    self._arn = ""
        finally:
            with self._lock:
                self._closed = True
                pushed, self._pushed = self._pushed, {}
            for stream, _ in pushed.values():
                stream.close()

    def _deregister(self, arn: str) -> None:
        for pause in (0.3, 1.0, 3.0, None):
            try:
                with explained(f"deregister the consumer {self.consumer} of {self.stream}"):
                    self.client.deregister_stream_consumer(ConsumerARN=arn)
                return
            except OpsError as error:
                if error.code == "not-found":
                    return  # gone with its stream
                if pause is None or error.code not in ("throttled", "limit", "unreachable", "server", "conflict"):
                    raise
                time.sleep(pause)

    def iterator(self, shard: str, position: Position) -> str:
        """Subscribe (it lasts five minutes); the "iterator" is the shard's id."""
        wanted = position.request()
        starting = {"Type": wanted["type"]}
        if "sequence" in wanted:
            starting["SequenceNumber"] = wanted["sequence"]
        if "timestamp" in wanted:
            starting["Timestamp"] = wanted["timestamp"]
        try:
            answer = self.client.subscribe_to_shard(ConsumerARN=self._arn, ShardId=shard, StartingPosition=starting)
        except Exception as error:
            raise self._told(error, position) from error
        stream = answer["EventStream"]
        with self._lock:
            if not self._closed:
                self._pushed[shard] = (stream, iter(stream))
                return shard
        stream.close()  # it was closed while the service answered
        raise Expired

    def page(self, shard: Shard, iterator: str, limit: int) -> Page:
        """The next event. Raises Expired at the end of the subscription."""
        with self._lock:
            pushed = self._pushed.get(iterator)
        if pushed is None:
            raise Expired
        try:
            event = next(pushed[1], None)
        except Exception as error:
            self._drop(iterator)
            raise self._told(error) from error
        if event is None:
            self._drop(iterator)
            raise Expired
        return _page(shard, event["SubscribeToShardEvent"])

    def _told(self, error: Exception, position: Position | None = None) -> Exception:
        if "initial-response" in str(error):  # as botocore words it; kinesis-local is one that leaves it out
            return OpsError(
                f"{self.stream} cannot be read by enhanced fan-out here",
                "The endpoint's answer to SubscribeToShard is not the event stream that AWS sends",
                "Tap it without fan-out: by polling",
                details={"error": str(error)},
                code="unsupported",
            )
        told = self._sorted(error, position)
        # A subscription that was just cut lives on at the service for some seconds.
        return Passing(told) if isinstance(told, OpsError) and told.code == "conflict" else told

    def _drop(self, shard: str) -> None:
        with self._lock:
            pushed = self._pushed.pop(shard, None)
        if pushed is not None:
            pushed[0].close()

    def _sweep(self) -> None:
        """Deregister consumers that a crashed tap of this computer left."""
        mine = f"{_PREFIX}{_host()}-"
        for entry in self.client.list_stream_consumers(StreamARN=self._stream_arn)["Consumers"]:
            name = entry["ConsumerName"]
            process = name.removeprefix(mine).split("-")[0]
            if name.startswith(mine) and process.isdecimal() and not _lives(int(process)):
                self.client.deregister_stream_consumer(ConsumerARN=entry["ConsumerARN"])


def _page(shard: Shard, event: dict[str, Any]) -> Page:
    records = [
        RawRecord(
            entry["ApproximateArrivalTimestamp"], entry["PartitionKey"], entry["SequenceNumber"], bytes(entry["Data"])
        )
        for entry in event["Records"]
    ]
    children = tuple(shard_of(entry) for entry in event.get("ChildShards") or ())
    closed = bool(children) or not event.get("ContinuationSequenceNumber")
    size = sum(len(record.data) for record in records)
    behind = float(event.get("MillisBehindLatest") or 0)
    return Page(shard, records, None if closed else shard.id, behind, children, size, closed=closed)


def _host() -> str:
    """As consumer names may have it."""
    return "".join(letter if letter.isalnum() else "_" for letter in socket.gethostname())[:40]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
