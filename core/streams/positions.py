"""Where reading a stream starts, and where a reader of a shard stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from core.base.errors import WrongUse

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AT_SEQUENCE = re.compile(r"(shardId-\d{12}|\d{1,12}):(\d+)")


@dataclass(frozen=True, slots=True)
class Start:
    """From where all shards are read. ``time``: epoch seconds; ``shard`` and ``sequence``: one record, inclusive."""

    kind: Literal["latest", "trim_horizon", "time", "sequence"] = "latest"
    time: float = 0.0
    shard: str = ""
    sequence: str = ""


LATEST = Start("latest")
TRIM_HORIZON = Start("trim_horizon")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything up to here is done: user record ``sub_sequence`` of ``sequence`` (None: all of that record).

    A KPL record carries many user records under one sequence number, so a sequence alone cannot say where work stands.
    """

    sequence: str
    sub_sequence: int | None = None


SHARD_END = Checkpoint("SHARD_END")
"""The checkpoint of a closed shard that was read to its end (the field's usual sentinel)."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next iterator of one shard opens, in the words of GetShardIterator."""

    kind: Literal["TRIM_HORIZON", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]
    sequence: str = ""
    time: float = 0.0

    @classmethod
    def after(cls, checkpoint: Checkpoint) -> Position:
        """A half-done aggregated record is read again: its first user records are dropped by the decoder."""
        if checkpoint.sub_sequence is None:
            return cls("AFTER_SEQUENCE_NUMBER", checkpoint.sequence)
        return cls("AT_SEQUENCE_NUMBER", checkpoint.sequence)

    @classmethod
    def of(cls, start: Start, now: float) -> Position:
        """``now``: the server's clock when the tap was started. LATEST is never used: one LATEST per shard leaves
        a gap per shard, and a shard whose iterator expires before its first record would lose what came since."""
        match start.kind:
            case "trim_horizon":
                return cls("TRIM_HORIZON")
            case "sequence":
                return cls("AT_SEQUENCE_NUMBER", start.sequence)
            case "time":
                return cls("AT_TIMESTAMP", time=start.time)
            case "latest":
                return cls("AT_TIMESTAMP", time=now)

    def request(self) -> dict[str, object]:
        """The arguments of GetShardIterator, and of SubscribeToShard's StartingPosition under another name."""
        arguments: dict[str, object] = {"type": self.kind}
        if self.sequence:
            arguments["sequence"] = self.sequence
        if self.kind == "AT_TIMESTAMP":
            # Timestamps travel in whole seconds, and the service refuses one in its future: a clock that is ahead by
            # less than the Date header can tell would end a tap from now on. The reader drops what is too early.
            arguments["timestamp"] = datetime.fromtimestamp(max(0.0, self.time - 1), UTC)
        return arguments


def shard_id(word: str) -> str:
    """``3`` and ``shardId-000000000003`` name the same shard; other words are taken as they are."""
    return f"shardId-{int(word):012d}" if word.isdecimal() and len(word) <= 12 else word


def short_shard(identifier: str) -> str:
    """``3`` for ``shardId-000000000003``: what fits a table cell and a legend."""
    number = identifier.removeprefix("shardId-")
    return str(int(number)) if number.isdecimal() else identifier


def start_from(text: str, now: datetime) -> Start:
    """Read ``latest | trim_horizon | 10m | ISO time | SHARD:SEQUENCE``; a time without a zone is UTC.

    Raises WrongUse naming the forms that would do.
    """
    word = text.strip()
    if word.lower() in ("latest", "trim_horizon"):
        return LATEST if word.lower() == "latest" else TRIM_HORIZON
    if found := _AGO.fullmatch(word):
        return Start("time", time=now.timestamp() - float(found[1]) * _SECONDS[found[2].lower()])
    if found := _AT_SEQUENCE.fullmatch(word):
        return Start("sequence", shard=shard_id(found[1]), sequence=found[2])
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        raise WrongUse(
            f"{text!r} is no place to start from",
            "It can be latest, trim_horizon, an age like 10m, 2h or 1d, a time like 2026-11-22T14:00:00Z, "
            "or SHARD:SEQUENCE",
            "Choose one of these",
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment > now:
        raise WrongUse(
            f"{text} is in the future", "A stream holds only what has arrived", "Choose an earlier time, or latest"
        )
    return Start("time", time=moment.timestamp())
