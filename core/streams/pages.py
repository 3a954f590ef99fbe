"""Calls that read a stream: shards, iterators, and pages of records decoded several times faster than boto3 does it."""

from __future__ import annotations

import threading
import time
from binascii import a2b_base64
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, NamedTuple

import orjson

from core.aws.faults import explained, translated
from core.aws.session import AwsSession
from core.base.errors import OpsError
from core.streams.clocks import clock_refused
from core.streams.positions import Checkpoint, Position

_THROTTLES = {
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "KMSThrottlingException",
    "ThrottlingException",
}
_PASSING = {
    "InternalFailure",
    "InternalFailureException",
    "InternalServerError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
}


DECODING = threading.Lock()
"""Held while a page is decoded: Python decodes one at a time anyway, and eight readers at once would make the window
wait for the interpreter eight times as long."""


class Throttled(Exception):
    """The shard's reads are used up, by this reader or by others."""


class Expired(Exception):
    """The iterator is older than five minutes: open another at the same place."""


class AtEnd(Exception):
    """A closed shard has nothing after the wanted sequence number."""


class Passing(Exception):
    """Trouble that may go away by itself (network, a fault of the service); ``trouble`` says which."""

    def __init__(self, trouble: OpsError) -> None:
        super().__init__(trouble.title)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as ListShards tells it; hash keys are inclusive ends within 0..2**128-1."""

    id: str
    first_hash: int
    last_hash: int
    parents: tuple[str, ...] = ()
    first_sequence: str = ""
    last_sequence: str = ""

    @property
    def closed(self) -> bool:
        """Split or merged away: it takes no more records, but its old ones can be read until they expire."""
        return bool(self.last_sequence)


class RawRecord(NamedTuple):
    """One Kinesis record as it was stored. ``arrived``: epoch seconds, ms precision, by the server's clock."""

    arrived: float
    partition_key: str
    sequence: str
    data: bytes


_raw: Callable[[tuple[float, str, str, bytes]], RawRecord] = partial(tuple.__new__, RawRecord)
"""RawRecord(*fields), without the Python-level constructor that would cost a third of reading a page."""


@dataclass(slots=True)
class Page:
    """What one read of one shard brought; ``records`` may be empty without the shard being at its end.

    behind: milliseconds behind the newest record. size: payload bytes. received: epoch seconds, local clock.
    closed: this was the shard's last page. after: work of the first records that was already done (see Checkpoint).
    """

    shard: Shard
    records: list[RawRecord]
    next_iterator: str | None = None
    behind: float = 0.0
    children: tuple[Shard, ...] = ()
    size: int = 0
    received: float = 0.0
    closed: bool = False
    after: Checkpoint | None = field(default=None)


class StreamSource:
    """One stream seen through a client whose retries are off, so that every throttle is counted, not hidden."""

    def __init__(self, aws: AwsSession, stream: str, *, read_timeout: float = 30) -> None:
        self.stream = stream
        self._aws, self._read_timeout = aws, read_timeout
        self._client: Any = None

    @property
    def client(self) -> Any:
        if self._client is None:
            client = self._aws.client(
                "kinesis", plain_times=True, retries=1, read_timeout=self._read_timeout, pool=64, validate=False
            )
            client.meta.events.register("before-parse.kinesis.GetRecords", _keep_raw, unique_id="opsdesk-raw-page")
            self._client = client
        return self._client

    def shards(self) -> tuple[list[Shard], float]:
        """All shards, closed ones too, and how far the server's clock is ahead of ours (seconds; 0 when it may agree)."""
        # It costs no shard a read, and everything begins with it: boto3 may try again.
        client = self._aws.client("kinesis", retries=4, read_timeout=self._read_timeout)
        with explained(f"list the shards of {self.stream}"):
            found: list[Shard] = []
            wanted: dict[str, Any] = {"StreamName": self.stream}
            while True:
                asked = time.time()
                answer = client.list_shards(**wanted)
                skew = _skew(answer, asked, time.time())
                found += [shard_of(entry) for entry in answer["Shards"]]
                if not answer.get("NextToken"):
                    return found, skew
                wanted = {"NextToken": answer["NextToken"]}

    def birth(self) -> tuple[int, float]:
        """(when the stream was made, ms since 1970; how many seconds it keeps its records). The first tells a stream from
        a later one of the same name, whose shards have the same ids; 0 where the endpoint does not say."""
        client = self._aws.client("kinesis", retries=4, read_timeout=self._read_timeout)
        with explained(f"describe the stream {self.stream}"):
            summary = client.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]
            made = summary.get("StreamCreationTimestamp")
            return round(made.timestamp() * 1000) if made else 0, int(summary["RetentionPeriodHours"]) * 3600.0

    def iterator(self, shard: str, position: Position) -> str:
        """Raises Throttled, AtEnd, Passing or OpsError."""
        wanted = position.request()
        arguments = {"ShardIteratorType": wanted["type"]}
        if "sequence" in wanted:
            arguments["StartingSequenceNumber"] = wanted["sequence"]
        if "timestamp" in wanted:
            arguments["Timestamp"] = wanted["timestamp"]
        try:
            answer = self.client.get_shard_iterator(StreamName=self.stream, ShardId=shard, **arguments)
        except Exception as error:
            raise self._sorted(error, position) from error
        return str(answer["ShardIterator"])

    def page(self, shard: Shard, iterator: str, limit: int) -> Page:
        """One GetRecords. Raises Throttled, Expired, Passing or OpsError."""
        try:
            answer = self.client.get_records(ShardIterator=iterator, Limit=limit)
        except Exception as error:
            raise self._sorted(error) from error
        with DECODING:
            return parsed_page(shard, answer["RawPage"])

    def _sorted(self, error: Exception, position: Position | None = None) -> Exception:
        answer = getattr(error, "response", None) or {}  # a cut connection has the attribute, but no answer
        code = answer.get("Error", {}).get("Code", "")
        if code in _THROTTLES:
            return Throttled(code)
        if code == "ExpiredIteratorException":
            return Expired()
        if code == "InvalidArgumentException" and position is not None and position.kind == "AFTER_SEQUENCE_NUMBER":
            return AtEnd()
        trouble = translated(error, f"read the stream {self.stream}")
        if clock_refused(code, answer.get("Error", {}).get("Message", "")):
            return Passing(trouble)
        status = str(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
        if trouble.code == "unreachable" or code in _PASSING or status.startswith("5"):
            return Passing(trouble)
        return trouble


def _keep_raw(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Hand the page's JSON past botocore's parser, which costs 6-25 us a record for time zones and copies."""
    if response_dict["status_code"] == 200:
        customized_response_dict["RawPage"] = response_dict["body"]
        response_dict["body"] = b""


def parsed_page(shard: Shard, body: bytes) -> Page:
    """Read the JSON 1.1 answer of GetRecords. Raises Passing where it is not one (a proxy's error page, a cut answer)."""
    try:
        answer = orjson.loads(body)
        records = [
            _raw(
                (
                    entry["ApproximateArrivalTimestamp"],
                    entry["PartitionKey"],
                    entry["SequenceNumber"],
                    a2b_base64(entry["Data"]),
                )
            )
            for entry in answer["Records"]
        ]
        following = answer.get("NextShardIterator")
        children = tuple(shard_of(entry) for entry in answer.get("ChildShards") or ())
        behind = float(answer.get("MillisBehindLatest") or 0)
    except (ValueError, KeyError, TypeError) as error:
        raise Passing(
            OpsError(
                "A page of records could not be read",
                f"The endpoint's answer is not what GetRecords promises ({type(error).__name__}: {error})",
                "It is asked for again",
                code="unreadable",
            )
        ) from error
    size = sum([len(record.data) for record in records])
    return Page(shard, records, following, behind, children, size, closed=following is None)


def shard_of(entry: dict[str, Any]) -> Shard:
    """From the shapes Shard and ChildShard of the API."""
    hashes, sequences = entry["HashKeyRange"], entry.get("SequenceNumberRange") or {}
    parents = entry.get("ParentShards") or [entry.get("ParentShardId"), entry.get("AdjacentParentShardId")]
    return Shard(
        entry["ShardId"],
        int(hashes["StartingHashKey"]),
        int(hashes["EndingHashKey"]),
        tuple(parent for parent in parents if parent),
        sequences.get("StartingSequenceNumber", ""),
        sequences.get("EndingSequenceNumber") or "",
    )


def _skew(answer: dict[str, Any], asked: float, answered: float) -> float:
    """The smallest difference of the clocks that fits the Date header, which has whole seconds."""
    stamp = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        second = parsedate_to_datetime(stamp).timestamp() if stamp else asked
    except ValueError:
        return 0.0
    if answered < second:
        return second - answered
    return min(0.0, second + 1 - asked)
