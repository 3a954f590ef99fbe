"""The least an identity must be allowed to tap a stream, as an IAM policy to hand to whoever grants it."""

from __future__ import annotations

from typing import Any

READING = ("kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords")
_FAN_OUT = ("kinesis:RegisterStreamConsumer", "kinesis:ListStreamConsumers")
_AS_CONSUMER = ("kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard", "kinesis:DeregisterStreamConsumer")


def tap_policy(stream_arn: str, *, fan_out: bool = False) -> dict[str, Any]:
    """The policy document. Nothing in it writes; ``fan_out`` adds what registers, uses and removes a consumer. An
    encrypted stream needs ``kms:Decrypt`` on its key besides."""
    statements = [
        _allow("Read", (*READING, *(_FAN_OUT if fan_out else ())), stream_arn),
        _allow("FindStreamsAndFigures", ("kinesis:ListStreams", "cloudwatch:GetMetricData"), "*"),
    ]
    if fan_out:
        statements.append(_allow("ReadAsConsumer", _AS_CONSUMER, stream_arn, f"{stream_arn}/consumer/opsdesk-tap-*"))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(name: str, actions: tuple[str, ...], *resources: str) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
