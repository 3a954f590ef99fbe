"""Sequence numbers (56 digits, growing within a shard and from parent to child) and shard iterators.

A sequence number is ``49``, 14 digits of the shard's birth in milliseconds, 20 digits of the record's place in the
shard and 20 digits of the shard's number: children are born after their parents, so a key's numbers keep growing
across a split or a merge, as they do in the service.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from core.sandbox.kinesis.errors import Refused, invalid

_LENGTH = 56


def shard_id(number: int) -> str:
    return f"shardId-{number:012d}"


def shard_number(identifier: str) -> int | None:
    """The number in a shard id; a bare number is understood too, as the service does."""
    digits = identifier.removeprefix("shardId-")
    return int(digits) if digits.isascii() and digits.isdigit() else None


def around(epoch: int, number: int) -> tuple[str, str]:
    """What stands before and after the record's place in every sequence number of a shard."""
    return f"49{epoch:014d}", f"{number:020d}"


def place(sequence: str, epoch: int, number: int) -> int | None:
    """The record's place within the shard, or None when the number is not one of that shard's."""
    prefix, suffix = around(epoch, number)
    if len(sequence) != _LENGTH or not sequence.isascii() or not sequence.isdigit():
        return None
    if not sequence.startswith(prefix) or not sequence.endswith(suffix):
        return None
    return int(sequence[16:36])


@dataclass(frozen=True, slots=True)
class Iterator:
    """Where a reader stands: the next place wanted, and the earliest arrival (ms) if it asked for a time."""

    stream: str
    created: int  # ms: tells a stream from a later one of the same name
    shard: int
    place: int
    not_before: int
    issued: int  # ms

    def token(self) -> str:
        plain = f"{self.stream}|{self.created}|{self.shard}|{self.place}|{self.not_before}|{self.issued}".encode()
        return base64.b64encode(b"\0\0\0\0\0\0\0\1" + binascii.crc32(plain).to_bytes(4, "big") + plain).decode()


def opened(token: str) -> Iterator:
    """The iterator behind a token; refused when it was not made here."""
    try:
        raw = base64.b64decode(token, validate=True)
        plain = raw[12:]
        if raw[:8] != b"\0\0\0\0\0\0\0\1" or binascii.crc32(plain).to_bytes(4, "big") != raw[8:12]:
            raise ValueError
        stream, *numbers = plain.decode().split("|")
        created, shard, where, not_before, issued = map(int, numbers)
    except (ValueError, UnicodeDecodeError) as error:
        raise invalid("Invalid ShardIterator.") from error
    return Iterator(stream, created, shard, where, not_before, issued)


def expired_iterator(iterator: Iterator, now: int, life: int) -> Refused:
    return Refused(
        "ExpiredIteratorException",
        f"Iterator expired. The iterator was created at time {iterator.issued} while right now it is {now} "
        f"which is further in the future than the tolerated delay of {life} milliseconds.",
    )
