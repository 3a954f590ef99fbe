"""Aggregates records as the Kinesis Producer Library does, for the decoder to take apart."""

from __future__ import annotations

from hashlib import md5

from core.streams.aggregation import MAGIC, UserRecord

_BYTES = 2


def aggregated(records: list[UserRecord]) -> bytes:
    """One Kinesis record's data."""
    keys = list(dict.fromkeys(record.partition_key for record in records))
    hashes = list(dict.fromkeys(record.explicit_hash_key for record in records if record.explicit_hash_key is not None))
    message = b"".join(
        [_field(1, key.encode()) for key in keys]
        + [_field(2, value.encode()) for value in hashes]
        + [_field(3, _body(record, keys, hashes)) for record in records]
    )
    return MAGIC + message + md5(message, usedforsecurity=False).digest()


def _body(record: UserRecord, keys: list[str], hashes: list[str]) -> bytes:
    body = b"\x08" + _number(keys.index(record.partition_key))
    if record.explicit_hash_key is not None:
        body += b"\x10" + _number(hashes.index(record.explicit_hash_key))
    return body + _field(3, record.data)


def _field(number: int, content: bytes) -> bytes:
    return _number(number << 3 | _BYTES) + _number(len(content)) + content


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
