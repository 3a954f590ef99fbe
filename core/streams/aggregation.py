"""Takes apart the records of the Kinesis Producer Library: many user records in one, guarded by an MD5.

Format: four magic bytes, a protobuf message AggregatedRecord, the MD5 of that message
(amazon-kinesis-producer, aggregation-format.md).
"""

from __future__ import annotations

from hashlib import md5
from typing import NamedTuple

MAGIC = b"\xf3\x89\x9a\xc2"
_DIGEST = 16
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class UserRecord(NamedTuple):
    partition_key: str
    explicit_hash_key: str | None
    data: bytes


def user_records(data: bytes) -> list[UserRecord] | None:
    """The records inside, in order; None where ``data`` is not aggregated, or is cut or altered (then it is plain data)."""
    if not data.startswith(MAGIC) or len(data) < len(MAGIC) + _DIGEST:
        return None
    message = data[len(MAGIC) : -_DIGEST]
    if md5(message, usedforsecurity=False).digest() != data[-_DIGEST:]:
        return None
    keys: list[str] = []
    hashes: list[str] = []
    bodies: list[bytes] = []
    try:
        for field, value in _fields(message):
            if field == 1:
                keys.append(_bytes(value).decode())
            elif field == 2:
                hashes.append(_bytes(value).decode())
            elif field == 3:
                bodies.append(_bytes(value))
        return [_record(body, keys, hashes) for body in bodies]
    except (ValueError, IndexError):  # a right MD5 around a wrong message: not ours to read
        return None


def _record(body: bytes, keys: list[str], hashes: list[str]) -> UserRecord:
    key: str | None = None
    explicit: str | None = None
    data: bytes | None = None
    for field, value in _fields(body):
        if field == 1:
            key = keys[_integer(value)]
        elif field == 2:
            explicit = hashes[_integer(value)]
        elif field == 3:
            data = _bytes(value)
    if key is None or data is None:
        raise ValueError("a user record lacks its key or its data")
    return UserRecord(key, explicit, data)


def _fields(message: bytes) -> list[tuple[int, int | bytes]]:
    """The fields of one protobuf message; raises ValueError where it is cut short."""
    found: list[tuple[int, int | bytes]] = []
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            number, at = _varint(message, at)
            found.append((tag >> 3, number))
            continue
        if kind == _BYTES:
            length, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + length > end:
            raise ValueError("cut short")
        found.append((tag >> 3, message[at : at + length]))
        at += length
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    byte = message[at]
    if byte < 0x80:
        return byte, at + 1
    number, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = message[at]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at + 1
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where bytes belong")
    return value


def _integer(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes where a number belongs")
    return value
