"""AWS event-stream framing: length, headers, payload, two checksums (application/vnd.amazon.eventstream)."""

from __future__ import annotations

import struct
import zlib


def message(headers: dict[str, str], payload: bytes = b"") -> bytes:
    """One framed message; every header is of type 7, a text."""
    packed = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    checked = prelude + struct.pack(">I", zlib.crc32(prelude)) + packed + payload
    return checked + struct.pack(">I", zlib.crc32(checked))


def event(kind: str, payload: bytes) -> bytes:
    content_type = "application/x-amz-json-1.1" if kind == "initial-response" else "application/json"
    return message({":message-type": "event", ":event-type": kind, ":content-type": content_type}, payload)


def exception(kind: str, payload: bytes) -> bytes:
    return message(
        {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}, payload
    )
