"""The operations on streams themselves: create, delete, list, describe, reshard, retention, mode, tags."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from core.sandbox.kinesis import fields
from core.sandbox.kinesis.errors import ACCOUNT, Refused, in_use, invalid, not_valid
from core.sandbox.kinesis.fields import Body
from core.sandbox.kinesis.records import hash_range, shard_of
from core.sandbox.kinesis.reshard import plan_merge, plan_split
from core.sandbox.kinesis.store import Store
from core.sandbox.kinesis.stream import HASH_KEYS, Shard, Stream, now_ms

SHARD_LIMIT = 1_000
_ON_DEMAND_SHARDS = 4
_METRICS = (
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
    "ALL",
)
_TOKEN_LIFE = 300_000  # ms


class Control:
    def __init__(self, store: Store) -> None:
        self._store = store

    # -- life ---------------------------------------------------------------
    async def create_stream(self, body: Body) -> Any:
        name = fields.stream_name({"StreamName": fields.text(body, "StreamName", longest=128)})
        _refuse(body, "WarmThroughputMiBps")
        if body.get("RecordDistributionStrategy", "USER_PARTITION_KEY") != "USER_PARTITION_KEY":
            _refuse(body, "RecordDistributionStrategy")
        mode = _mode(body) if "StreamModeDetails" in body else "PROVISIONED"
        count = fields.optional_integer(body, "ShardCount", 1, 100_000)
        if mode == "ON_DEMAND":
            if count is not None:
                raise invalid("ShardCount must not be set for an ON_DEMAND stream.")
            count = _ON_DEMAND_SHARDS
        if count is None:
            raise not_valid(None, "shardCount", "Member must not be null")
        if name in self._store.streams:
            raise in_use(f"Stream {name} under account {ACCOUNT} already exists.")
        self._check_limit(count)
        size = fields.optional_integer(body, "MaxRecordSizeInKiB", 1024, 10_240) or 1024
        self._store.create(name, count, mode, fields.tags(body), size)

    async def delete_stream(self, body: Body) -> Any:
        stream = self._store.find(fields.stream_name(body), ready=False)
        if stream.facts.status == "DELETING":
            return
        if stream.facts.consumers and not body.get("EnforceConsumerDeletion"):
            raise in_use(f"Stream {stream.name} under account {ACCOUNT} has registered consumers.")
        self._store.change(stream, "DELETING")

    # -- looking ------------------------------------------------------------
    async def list_streams(self, body: Body) -> Any:
        limit = fields.optional_integer(body, "Limit", 1, 10_000) or 100
        after = fields.optional_text(body, "ExclusiveStartStreamName", longest=128)
        if (token := fields.optional_text(body, "NextToken", longest=1 << 20)) is not None:
            after = str(_unpacked(token)["after"])
        names = sorted(name for name in self._store.streams if after is None or name > after)
        page = names[:limit]
        answer: dict[str, Any] = {
            "StreamNames": page,
            "HasMoreStreams": len(names) > len(page),
            "StreamSummaries": [self._summary(self._store.streams[name]) for name in page],
        }
        if answer["HasMoreStreams"]:
            answer["NextToken"] = _token({"after": page[-1]})
        return answer

    def _summary(self, stream: Stream) -> dict[str, Any]:
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "StreamStatus": stream.facts.status,
            "StreamModeDetails": {"StreamMode": stream.facts.mode},
            "StreamCreationTimestamp": stream.facts.created / 1000,
        }

    def _description(self, stream: Stream) -> dict[str, Any]:
        return {
            **self._summary(stream),
            "RetentionPeriodHours": stream.facts.retention_hours,
            "EnhancedMonitoring": [{"ShardLevelMetrics": stream.facts.metrics}],
            **stream.facts.encrypted,
        }

    async def describe_stream(self, body: Body) -> Any:
        stream = self._store.find(fields.stream_name(body), ready=False)
        limit = fields.optional_integer(body, "Limit", 1, 10_000) or 100
        shards = _after(stream, fields.optional_text(body, "ExclusiveStartShardId", longest=128))
        if stream.facts.status == "CREATING":
            shards = []
        return {
            "StreamDescription": {
                **self._description(stream),
                "Shards": [described(shard) for shard in shards[:limit]],
                "HasMoreShards": len(shards) > limit,
            }
        }

    async def describe_stream_summary(self, body: Body) -> Any:
        stream = self._store.find(fields.stream_name(body), ready=False)
        return {
            "StreamDescriptionSummary": {
                **self._description(stream),
                "OpenShardCount": len(stream.open_shards),
                "ConsumerCount": len(stream.facts.consumers),
                "MaxRecordSizeInKiB": stream.facts.max_record_kib,
            }
        }

    async def describe_limits(self, _body: Body) -> Any:
        on_demand = sum(stream.facts.mode == "ON_DEMAND" for stream in self._store.streams.values())
        return {
            "ShardLimit": SHARD_LIMIT,
            "OpenShardCount": self._open_shards(),
            "OnDemandStreamCount": on_demand,
            "OnDemandStreamCountLimit": 50,
        }

    async def list_shards(self, body: Body) -> Any:
        limit = fields.optional_integer(body, "MaxResults", 1, 10_000) or 1_000
        token = fields.optional_text(body, "NextToken", longest=1 << 20)
        if token is not None:
            for name in ("StreamName", "ExclusiveStartShardId", "StreamCreationTimestamp", "ShardFilter"):
                if body.get(name) is not None:
                    raise invalid(f"NextToken and {name} cannot be provided together.")
            state = _unpacked(token)
            if now_ms() - state["issued"] > _TOKEN_LIFE:
                raise Refused("ExpiredNextTokenException", "The pagination token expired after 300 seconds.")
        else:
            state = {
                "stream": fields.stream_name(body),
                "after": fields.optional_text(body, "ExclusiveStartShardId", longest=128),
                "filter": body.get("ShardFilter") or {},
            }
        stream = self._store.find(state["stream"], ready=False)
        shards = _filtered(stream, _after(stream, state["after"]), state["filter"])
        if stream.facts.status == "CREATING":
            shards = []
        answer: dict[str, Any] = {"Shards": [described(shard) for shard in shards[:limit]]}
        if len(shards) > limit:
            answer["NextToken"] = _token({**state, "after": shards[limit - 1].id, "issued": now_ms()})
        return answer

    # -- resharding ---------------------------------------------------------
    async def split_shard(self, body: Body) -> Any:
        stream = self._changeable(body, provisioned=True)
        shard = shard_of(stream, fields.text(body, "ShardToSplit", longest=128))
        text = fields.text(body, "NewStartingHashKey", longest=39)
        if not (text.isascii() and text.isdigit()) or int(text) >= HASH_KEYS:
            raise not_valid(
                text, "newStartingHashKey", r"Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})"
            )
        self._check_limit(1)
        plan_split(stream, shard, int(text))
        self._store.change(stream, "UPDATING")

    async def merge_shards(self, body: Body) -> Any:
        stream = self._changeable(body, provisioned=True)
        one = shard_of(stream, fields.text(body, "ShardToMerge", longest=128))
        other = shard_of(stream, fields.text(body, "AdjacentShardToMerge", longest=128))
        plan_merge(stream, one, other)
        self._store.change(stream, "UPDATING")

    async def update_shard_count(self, body: Body) -> Any:
        stream = self._changeable(body)
        fields.choice(body, "ScalingType", ("UNIFORM_SCALING",))
        target = fields.integer(body, "TargetShardCount", 1, 100_000)
        current = len(stream.open_shards)
        if stream.facts.mode == "ON_DEMAND":
            raise Refused(
                "ValidationException",
                f"Request is invalid. Stream {stream.name} under account {ACCOUNT} is in On-Demand mode.",
            )
        if target > 2 * current:
            raise Refused(
                "LimitExceededException",
                "UpdateShardCount cannot scale up over double your current open shard count. "
                f"Current open shard count: {current} Target shard count: {target}",
            )
        if 2 * target < current:
            raise Refused(
                "LimitExceededException",
                "UpdateShardCount cannot scale down below half your current open shard count. "
                f"Current open shard count: {current} Target shard count: {target}",
            )
        if target == current:
            raise invalid(f"The target shard count {target} is the current one.")
        self._check_limit(target - current)
        stream.facts.pending = {"scale": target}
        self._store.change(stream, "UPDATING")
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "CurrentShardCount": current,
            "TargetShardCount": target,
        }

    # -- settings -----------------------------------------------------------
    async def increase_stream_retention_period(self, body: Body) -> Any:
        self._retention(body, longer=True)

    async def decrease_stream_retention_period(self, body: Body) -> Any:
        self._retention(body, longer=False)

    def _retention(self, body: Body, *, longer: bool) -> None:
        stream = self._changeable(body)
        hours = fields.integer(body, "RetentionPeriodHours", 24, 8_760)
        current = stream.facts.retention_hours
        if hours < current if longer else hours > current:
            raise invalid(
                f"Requested retention period ({hours} hours) for stream {stream.name} can not be "
                f"{'shorter' if longer else 'longer'} than existing retention period ({current} hours)."
            )
        stream.facts.retention_hours = hours
        self._store.change(stream, "UPDATING")

    async def update_stream_mode(self, body: Body) -> Any:
        stream = self._changeable(body)
        _refuse(body, "WarmThroughputMiBps")
        stream.facts.mode = _mode(body)
        self._store.change(stream, "UPDATING")

    async def update_max_record_size(self, body: Body) -> Any:
        stream = self._changeable(body)
        stream.facts.max_record_kib = fields.integer(body, "MaxRecordSizeInKiB", 1024, 10_240)
        self._store.change(stream, "UPDATING")

    async def enable_enhanced_monitoring(self, body: Body) -> Any:
        return self._monitoring(body, on=True)

    async def disable_enhanced_monitoring(self, body: Body) -> Any:
        return self._monitoring(body, on=False)

    def _monitoring(self, body: Body, *, on: bool) -> Any:
        """Kept and shown, but nothing is measured: there is no CloudWatch here."""
        stream = self._store.find(fields.stream_name(body))
        asked = body.get("ShardLevelMetrics")
        if not isinstance(asked, list) or not asked or not set(asked) <= set(_METRICS):
            raise not_valid(asked, "shardLevelMetrics", f"Member must satisfy enum value set: [{', '.join(_METRICS)}]")
        names = set(_METRICS[:-1]) if "ALL" in asked else set(asked)
        before = list(stream.facts.metrics)
        after = sorted(set(before) | names) if on else sorted(set(before) - names)
        stream.facts.metrics = after
        stream.save()
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "CurrentShardLevelMetrics": before,
            "DesiredShardLevelMetrics": after,
        }

    # -- tags ---------------------------------------------------------------
    async def add_tags_to_stream(self, body: Body) -> Any:
        _tag(self._store.find(fields.stream_name(body)), fields.tags(body))

    async def remove_tags_from_stream(self, body: Body) -> Any:
        _untag(self._store.find(fields.stream_name(body)), body)

    async def list_tags_for_stream(self, body: Body) -> Any:
        stream = self._store.find(fields.stream_name(body))
        limit = fields.optional_integer(body, "Limit", 1, 50) or 50
        after = fields.optional_text(body, "ExclusiveStartTagKey", longest=128)
        keys = sorted(key for key in stream.facts.tags if after is None or key > after)
        shown = [{"Key": key, "Value": stream.facts.tags[key]} for key in keys[:limit]]
        return {"Tags": shown, "HasMoreTags": len(keys) > limit}

    async def tag_resource(self, body: Body) -> Any:
        _tag(self._resource(body), fields.tags(body))

    async def untag_resource(self, body: Body) -> Any:
        _untag(self._resource(body), body)

    async def list_tags_for_resource(self, body: Body) -> Any:
        stored = self._resource(body).facts.tags
        return {"Tags": [{"Key": key, "Value": stored[key]} for key in sorted(stored)]}

    # -- shared -------------------------------------------------------------
    def _resource(self, body: Body) -> Stream:
        return self._store.find(fields.stream_name({"StreamARN": fields.text(body, "ResourceARN")}))

    def _changeable(self, body: Body, *, provisioned: bool = False) -> Stream:
        stream = self._store.find(fields.stream_name(body), ready=False)
        if stream.facts.status != "ACTIVE":
            raise in_use(
                f"Stream {stream.name} under account {ACCOUNT} not ACTIVE, instead in state {stream.facts.status}"
            )
        if provisioned and stream.facts.mode == "ON_DEMAND":
            raise Refused(
                "ValidationException",
                f"Request is invalid. Stream {stream.name} under account {ACCOUNT} is in On-Demand mode.",
            )
        return stream

    def _open_shards(self) -> int:
        return sum(len(stream.open_shards) for stream in self._store.streams.values())

    def _check_limit(self, more: int) -> None:
        if self._open_shards() + more > SHARD_LIMIT:
            raise Refused(
                "LimitExceededException",
                f"This request would exceed the shard limit for the account {ACCOUNT} in the sandbox. "
                f"Current shard count for the account: {self._open_shards()}. Limit: {SHARD_LIMIT}.",
            )


def described(shard: Shard) -> dict[str, Any]:
    numbers = {"StartingSequenceNumber": shard.sequence(0)}
    if shard.end is not None:
        numbers["EndingSequenceNumber"] = shard.sequence(shard.end)
    answer: dict[str, Any] = {
        "ShardId": shard.id,
        "HashKeyRange": hash_range(shard),
        "SequenceNumberRange": numbers,
    }
    for name, parent in zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False):
        answer[name] = f"shardId-{parent:012d}"
    return answer


def _after(stream: Stream, identifier: str | None) -> list[Shard]:
    shards = sorted(stream.shards.values(), key=lambda shard: shard.number)
    return [shard for shard in shards if identifier is None or shard.id > identifier]


def _filtered(stream: Stream, shards: list[Shard], wanted: Body) -> list[Shard]:
    if not wanted:
        return shards
    kinds = ("AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP")
    kind = fields.choice(wanted, "Type", kinds)
    if kind == "AFTER_SHARD_ID":
        after = fields.text(wanted, "ShardId", longest=128)
        return [shard for shard in shards if shard.id > after]
    if kind == "AT_LATEST":
        return [shard for shard in shards if shard.open]
    if kind.endswith("TRIM_HORIZON"):
        at = max(stream.horizon(), stream.facts.created)
    else:
        asked = fields.milliseconds(wanted, "Timestamp")
        if asked is None:
            raise invalid(f"Timestamp must be set for a shard filter of type {kind}.")
        at = max(asked, stream.horizon(), stream.facts.created)
    alive = [shard for shard in shards if shard.open or shard.closed >= at]
    return alive if kind.startswith("FROM") else [shard for shard in alive if shard.epoch <= at]


def _mode(body: Body) -> str:
    details = body.get("StreamModeDetails")
    if not isinstance(details, dict):
        raise not_valid(None, "streamModeDetails", "Member must not be null")
    return fields.choice(details, "StreamMode", ("PROVISIONED", "ON_DEMAND"))


def _tag(stream: Stream, more: dict[str, str]) -> None:
    joined = {**stream.facts.tags, **more}
    if len(joined) > 50:
        raise invalid(f"Failed to add tags to stream {stream.name}: it would exceed the maximum of 50 tags.")
    stream.facts.tags = joined
    stream.save()


def _untag(stream: Stream, body: Body) -> None:
    keys = body.get("TagKeys")
    if not isinstance(keys, list) or not keys:
        raise not_valid(keys, "tagKeys", "Member must not be null")
    stream.facts.tags = {key: value for key, value in stream.facts.tags.items() if key not in keys}
    stream.save()


def _refuse(body: Body, name: str) -> None:
    if body.get(name) is not None:
        raise Refused("ValidationException", f"The sandbox does not honour {name}: it needs a real account.")


def _token(state: dict[str, Any]) -> str:
    return base64.b64encode(orjson.dumps(state)).decode()


def _unpacked(token: str) -> dict[str, Any]:
    try:
        state = orjson.loads(base64.b64decode(token, validate=True))
    except ValueError as error:
        raise invalid("NextToken is invalid.") from error
    if not isinstance(state, dict):
        raise invalid("NextToken is invalid.")
    return state
