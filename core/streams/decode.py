"""Makes readable records of a page: takes aggregates apart, unpacks gzip, zstd and base64, finds text and JSON."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from core.streams.aggregation import MAGIC, user_records
from core.streams.keys import hash_key
from core.streams.pages import Page, Shard

LARGEST_UNPACKED = 8 * 2**20
"""Bytes one record may unpack to; more is left packed and counted. A record is 1 MiB, seldom up to 10."""
_PAGE_BUDGET = 64 * 2**20  # bytes all packed records of one page may unpack to together

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # never in text, unlike tabs, line ends and ESC
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{6,}={0,2}\s*")
_MOST_MEMBERS = 256  # of one gzip; each further one copies the rest, so a million empty ones would take minutes
_DEEPEST = 3  # wrappings: base64 around gzip around base64 is already more than anyone does


@dataclass(slots=True)
class Record:
    """One user record, ready to show.

    arrived: epoch seconds by the server's clock, ms precision. size: bytes as sent. sub_sequence: its place in an
    aggregated record (0 otherwise). codec: what was unwrapped, ending in what was found: "json", "gzip+json",
    "kpl+text", "utf-16+text", "binary". data: the unwrapped bytes (text as UTF-8).
    """

    arrived: float
    shard: str
    partition_key: str
    sequence: str
    sub_sequence: int
    size: int
    codec: str
    data: bytes

    @property
    def is_text(self) -> bool:
        return not self.codec.endswith("binary")

    @property
    def text(self) -> str | None:
        """None where the bytes are no text."""
        return self.data.decode() if self.is_text else None

    def json(self) -> Any:
        """The value inside, or None where there is none."""
        return orjson.loads(self.data) if self.codec.endswith("json") else None

    def row(self) -> dict[str, Any]:
        """As the verbs print it and the exports keep it: ``data`` is text, or ``data_base64`` stands instead."""
        row: dict[str, Any] = {
            "arrived": stamp(self.arrived),
            "shard": self.shard,
            "partition_key": self.partition_key,
            "sequence": self.sequence,
            "sub_sequence": self.sub_sequence,
            "size": self.size,
            "codec": self.codec,
        }
        if (text := self.text) is not None:
            row["data"] = text
        else:
            row["data_base64"] = base64.b64encode(self.data).decode()
        return row


@dataclass(slots=True)
class DecodeCounts:
    """What decoding met since the start: ``binary`` records show as bytes; ``too_large`` would have unpacked beyond
    the cap; ``broken`` began like a packed or aggregated record but was cut or altered; ``astray`` user records lie
    outside their shard's hash range (the KCL drops those)."""

    records: int = 0
    aggregates: int = 0
    binary: int = 0
    too_large: int = 0
    broken: int = 0
    astray: int = 0

    def __add__(self, other: DecodeCounts) -> DecodeCounts:
        return DecodeCounts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


class Decoder:
    """Decodes the pages of a stream and counts what it met; give each reading thread its own."""

    def __init__(self) -> None:
        self.counts = DecodeCounts()
        self._budget = _PAGE_BUDGET
        self._unzstd: Any = None

    def page(self, page: Page) -> list[Record]:
        """The user records of ``page``, in order, without those that its ``after`` says are done."""
        self._budget = _PAGE_BUDGET
        shard, made = page.shard.id, []
        for arrived, key, sequence, data in page.records:
            if data[:4] == MAGIC and (inner := self._inner(data, page.shard)) is not None:
                for number, user in enumerate(inner):
                    codec, content = self.payload(user.data)
                    made.append(
                        Record(
                            arrived,
                            shard,
                            user.partition_key,
                            sequence,
                            number,
                            len(user.data),
                            f"kpl+{codec}",
                            content,
                        )
                    )
            else:
                codec, content = self.payload(data)
                made.append(Record(arrived, shard, key, sequence, 0, len(data), codec, content))
        if page.after is not None:
            done, sub = page.after.sequence, page.after.sub_sequence
            made = [r for r in made if r.sequence != done or (sub is not None and r.sub_sequence > sub)]
        self.counts.records += len(made)
        return made

    def payload(self, data: bytes) -> tuple[str, bytes]:
        """(codec, unwrapped bytes) of one payload. Never raises: what cannot be unwrapped stays as it is, "binary"."""
        if data[:1] == b"{" and _is_json(data):  # nearly all there is
            return "json", data
        wrappings = ""
        for _ in range(_DEEPEST):
            unpacked = self._unwrapped(data)
            if unpacked is None:
                break
            name, data = unpacked
            wrappings += f"{name}+"
        kind, data = _text_or_bytes(data)
        if kind == "binary":
            self.counts.binary += 1
        return wrappings + kind, data

    def _inner(self, data: bytes, shard: Shard) -> list[Any] | None:
        inner = user_records(data)
        if inner is None:
            self.counts.broken += 1
            return None
        self.counts.aggregates += 1
        for key in {(user.partition_key, user.explicit_hash_key) for user in inner}:
            if not shard.first_hash <= _hash_of(*key) <= shard.last_hash:
                self.counts.astray += sum((user.partition_key, user.explicit_hash_key) == key for user in inner)
        return inner

    def _unwrapped(self, data: bytes) -> tuple[str, bytes] | None:
        head = data[:4]
        if head[:2] == _GZIP and head[2:3] == b"\x08":
            return self._bounded("gzip", data)
        if head == _ZSTD:
            return self._bounded("zstd", data)
        if head[:1] not in b"{[" and len(data) >= 8 and _BASE64.fullmatch(data):
            return _from_base64(data)
        return None

    def _bounded(self, name: str, data: bytes) -> tuple[str, bytes] | None:
        room = min(LARGEST_UNPACKED, self._budget)
        try:
            content = _gunzip(data, room) if name == "gzip" else self._unzstandard(data, room)
        except _TooLarge:
            self.counts.too_large += 1
            self._budget -= room  # it was unpacked that far
            return None
        except ValueError:
            self.counts.broken += 1
            return None
        self._budget -= len(content)
        return name, content

    def _unzstandard(self, data: bytes, room: int) -> bytes:
        import zstandard

        if self._unzstd is None:
            self._unzstd = zstandard.ZstdDecompressor(max_window_size=LARGEST_UNPACKED)
        try:
            declared = zstandard.frame_content_size(data)  # -1: the frame does not say
            if declared > room:
                raise _TooLarge
            if declared >= 0:
                return bytes(self._unzstd.decompress(data, allow_extra_data=False))
            # Read once to learn the size within the cap (a cut frame ends quietly here), and again to learn if it is whole.
            if len(self._unzstd.stream_reader(data).read(room + 1)) > room:
                raise _TooLarge
            frame = self._unzstd.decompressobj()
            content: bytes = frame.decompress(data)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
        if not frame.eof or frame.unused_data:
            raise ValueError("cut short, or followed by something else")
        return content


class _TooLarge(Exception):
    pass


def stamp(arrived: float) -> str:
    """ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(round(arrived, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _gunzip(data: bytes, room: int) -> bytes:
    """All members of a gzip file, at most ``room`` bytes. Raises ValueError where it is cut or altered."""
    parts: list[bytes] = []
    try:
        while data:
            if len(parts) == _MOST_MEMBERS:
                raise _TooLarge
            engine = zlib.decompressobj(wbits=31)
            part = engine.decompress(data, room + 1)
            room -= len(part)
            if room < 0 or engine.unconsumed_tail:
                raise _TooLarge
            if not engine.eof:
                raise ValueError("cut short")
            parts.append(part)
            data = engine.unused_data.lstrip(b"\x00")
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return b"".join(parts)


def _from_base64(data: bytes) -> tuple[str, bytes] | None:
    """Unwrap base64 only where something readable is inside: plain words are often valid base64, too."""
    compact = data.strip()
    try:
        content = base64.b64decode(compact.translate(_URL_SAFE), validate=True)
    except binascii.Error:
        return None
    if content[:3] == _GZIP + b"\x08" or content[:4] == _ZSTD or (content[:1] in (b"{", b"[") and _is_json(content)):
        return "base64", content
    return None


_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _text_or_bytes(data: bytes) -> tuple[str, bytes]:
    if _CONTROL.search(data) is None:
        try:
            data.decode()
        except UnicodeDecodeError:
            return _utf16(data)
        if data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
        return ("json" if data.lstrip()[:1] in (b"{", b"[") and _is_json(data) else "text"), data
    return _utf16(data)


def _utf16(data: bytes) -> tuple[str, bytes]:
    """UTF-16 by its mark, or without one by the zero bytes that its mostly Latin text has on one side."""
    if len(data) < 2 or len(data) % 2:
        return "binary", data
    if data[:2] == b"\xff\xfe":
        encoding, body = "utf-16-le", data[2:]
    elif data[:2] == b"\xfe\xff":
        encoding, body = "utf-16-be", data[2:]
    else:
        even, odd, half = data[::2].count(0), data[1::2].count(0), len(data) // 2
        if odd * 10 >= half * 7 and not even:
            encoding, body = "utf-16-le", data
        elif even * 10 >= half * 7 and not odd:
            encoding, body = "utf-16-be", data
        else:
            return "binary", data
    try:
        content = body.decode(encoding).encode()
    except UnicodeError:
        return "binary", data
    if _CONTROL.search(content):
        return "binary", data
    return ("utf-16+json" if content[:1] in (b"{", b"[") and _is_json(content) else "utf-16+text"), content


def _is_json(data: bytes) -> bool:
    """Valid JSON is valid UTF-8 without control characters, so nothing else needs to be checked."""
    try:
        orjson.loads(data)
    except ValueError:
        return False
    return True


def _hash_of(partition_key: str, explicit: str | None) -> int:
    return int(explicit) if explicit is not None and explicit.isdecimal() else hash_key(partition_key)
