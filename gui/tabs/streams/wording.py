"""How records, shards and places to start from are worded on the Streams page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from core.streams.decode import DecodeCounts, Record
from core.streams.filters import json_path, value_at
from core.streams.positions import short_shard
from gui.parts.live_table import Column
from gui.parts.words import byte_size, number

STARTS = (
    ("latest", "From: Latest"),
    ("1m", "From: 1 minute ago"),
    ("10m", "From: 10 minutes ago"),
    ("1h", "From: 1 hour ago"),
    ("trim_horizon", "From: Oldest kept"),
)
ELSEWHERE = "elsewhere"
"""The picker's last entry: a time or a sequence number, typed."""

_PREVIEW = 400  # bytes of a payload that a table cell shows


def shard_word(identifier: str) -> str:
    return f"Shard {short_shard(identifier)}"


def clock(seconds: float, *, utc: bool, fraction: bool = True) -> str:
    """``14:08:20.917``"""
    moment = datetime.fromtimestamp(round(seconds, 3), UTC).astimezone(UTC if utc else None)
    return moment.strftime("%H:%M:%S") + (f".{moment.microsecond // 1000:03d}" if fraction else "")


def full_time(seconds: float, *, utc: bool) -> str:
    moment = datetime.fromtimestamp(round(seconds, 3), UTC).astimezone(UTC if utc else None)
    return moment.isoformat(sep=" ", timespec="milliseconds")


def short_sequence(sequence: str) -> str:
    """``4967…81263``: 56 digits do not fit a cell."""
    return f"{sequence[:4]}…{sequence[-5:]}" if len(sequence) > 12 else sequence


def preview(record: Record) -> str:
    """One line of the data; bytes as hexadecimal."""
    if not record.is_text:
        return record.data[:48].hex(" ") + (" …" if len(record.data) > 48 else "")
    return record.data[:_PREVIEW].decode(errors="replace").replace("\n", " ").replace("\t", " ")


def undecoded_words(counts: DecodeCounts) -> str:
    """What could not be read as text, a line each; "" where there is nothing to say."""
    return "\n".join(
        f"{number(count)} {words}"
        for count, words in (
            (counts.binary, "records are shown as bytes: neither text nor JSON"),
            (counts.too_large, "stay packed: they would unpack to more than 8 MiB, or their page to more than 64"),
            (counts.broken, "begin like packed or aggregated data, but are cut or altered"),
            (counts.astray, "lie outside their shard's hash range; the KCL drops those"),
        )
        if count
    )


def record_columns(*, utc: bool, paths: tuple[str, ...] = ()) -> list[Column]:
    """The table's columns; ``paths`` are JSON paths shown before the data."""
    return [
        Column(
            "Arrived", lambda record: clock(record.arrived, utc=utc), 112, tip=lambda r: full_time(r.arrived, utc=utc)
        ),
        Column("Shard", lambda record: short_shard(record.shard), 58, right=True),
        Column("Partition key", lambda record: record.partition_key, 132, token="text2"),
        Column("Sequence", _sequence, 116, token="text2", tip=lambda record: record.sequence),
        Column("Size", lambda record: byte_size(record.size), 72, right=True),
        *(Column(path.removeprefix("$."), _at(path), 120) for path in paths),
        Column("Data", preview, 400, token="text2"),
    ]


def _sequence(record: Record) -> str:
    return short_sequence(record.sequence) + (f":{record.sub_sequence}" if record.codec.startswith("kpl") else "")


def _at(path: str) -> Callable[[Record], str]:
    steps = json_path(path)

    def read(record: Record) -> str:
        try:
            value = value_at(record.json(), steps)
        except KeyError:
            return ""
        return value if isinstance(value, str) else repr(value)

    return read
