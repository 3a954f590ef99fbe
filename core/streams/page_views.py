"""From records of a stream to rows of page views: what a pipeline worker does, in a process or on a machine of its own.

A job is one slice of a page and its result is Arrow: both are plain bytes without code in them, so they may cross a
network. The work is a pure function: a lost job is simply done again.
"""

from __future__ import annotations

import io
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from core.streams.decode import Decoder, Record
from core.streams.pages import Page, RawRecord, Shard
from core.streams.positions import Checkpoint
from core.streams.user_agents import described

SLICE_RECORDS = 2_000

COLUMNS: dict[str, tuple[str, str]] = {
    # name: (Redshift type, Arrow type); COPY from Parquet goes by position and is strict about the types
    "event_id": ("VARCHAR(256) NOT NULL", "string"),
    "viewed_at": ("TIMESTAMP", "timestamp"),
    "day": ("DATE", "date"),
    "session_id": ("VARCHAR(256)", "string"),
    "customer_id": ("BIGINT", "int64"),
    "url": ("VARCHAR(4096)", "string"),
    "scheme": ("VARCHAR(16)", "string"),
    "host": ("VARCHAR(256)", "string"),
    "path": ("VARCHAR(4096)", "string"),
    "query": ("VARCHAR(4096)", "string"),
    "utm_source": ("VARCHAR(256)", "string"),
    "utm_campaign": ("VARCHAR(256)", "string"),
    "referrer": ("VARCHAR(4096)", "string"),
    "referrer_host": ("VARCHAR(256)", "string"),
    "user_agent": ("VARCHAR(2048)", "string"),
    "browser": ("VARCHAR(32)", "string"),
    "os": ("VARCHAR(32)", "string"),
    "device": ("VARCHAR(16)", "string"),
    "country": ("VARCHAR(8)", "string"),
    "status": ("BIGINT", "int64"),
    "duration_ms": ("BIGINT", "int64"),
    "client": ("VARCHAR(64)", "string"),
    "properties": ("VARCHAR(65535)", "string"),
    "arrived_at": ("TIMESTAMP", "timestamp"),
    "stream": ("VARCHAR(128)", "string"),
    "shard": ("VARCHAR(64)", "string"),
    "sequence": ("VARCHAR(64)", "string"),
    "sub_sequence": ("BIGINT", "int64"),
    "partition_key": ("VARCHAR(1024)", "string"),
}
_LONGEST = {name: int(kind[8:].partition(")")[0]) for name, (kind, _) in COLUMNS.items() if kind.startswith("VARCHAR")}
_COLUMNED = {"event_id", "viewed_at", "session_id", "customer_id", "url", "referrer", "user_agent", "country", "status"}
_COLUMNED |= {"duration_ms", "collector"}
_LEFT_OUT = {"long": '{"too_long":true}', "deep": '{"too_deep":true}'}
_LARGEST_INTEGER = 2**63 - 1
_HEAD = struct.Struct("<I")
_in_order = itemgetter(*COLUMNS)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A slice, done. ``table``: Arrow IPC stream of COLUMNS. rejects: records that are no JSON object, as JSON lines
    can keep them. cut: texts that were too long for their column and were shortened, and properties left out."""

    rows: int
    cut: int
    rejects: list[dict[str, Any]]
    table: bytes

    def packed(self) -> bytes:
        head = orjson.dumps({"rows": self.rows, "cut": self.cut, "rejects": self.rejects})
        return _HEAD.pack(len(head)) + head + self.table

    @classmethod
    def unpacked(cls, content: bytes) -> Parsed:
        (size,) = _HEAD.unpack_from(content)
        head = orjson.loads(content[_HEAD.size : _HEAD.size + size])
        return cls(head["rows"], head["cut"], head["rejects"], content[_HEAD.size + size :])


def slices(stream: str, page: Page) -> list[bytes]:
    """The jobs of one page, in order."""
    made = []
    for start in range(0, len(page.records), SLICE_RECORDS):
        after = page.after if start == 0 else None
        job = {
            "stream": stream,
            "shard": [page.shard.id, str(page.shard.first_hash), str(page.shard.last_hash)],
            "after": [after.sequence, after.sub_sequence] if after else None,
            "records": [
                [arrived, key, sequence, b64encode(data).decode()]
                for arrived, key, sequence, data in page.records[start : start + SLICE_RECORDS]
            ],
        }
        made.append(orjson.dumps(job))
    return made


def work(content: bytes) -> bytes:
    """Do one job: decode, parse, enrich; see Parsed."""
    job = orjson.loads(content)
    name, first, last = job["shard"]
    shard = Shard(name, int(first), int(last))
    records = (RawRecord(arrived, key, sequence, b64decode(data)) for arrived, key, sequence, data in job["records"])
    after = Checkpoint(*job["after"]) if job["after"] else None
    return _parsed(job["stream"], _events(shard, records, after)).packed()


def _events(shard: Shard, records: Iterable[RawRecord], after: Checkpoint | None) -> Iterator[tuple[Record, Any]]:
    """Each record with the value in it. One by one: what a whole page may unpack to is bounded for a window, and a table
    must not miss the rest."""
    decoder = Decoder()
    for raw in records:
        arrived, key, sequence, data = raw
        if data[:1] == b"{" and (after is None or after.sequence != sequence):  # nearly all there is: parsed once only
            try:
                event = orjson.loads(data)
            except orjson.JSONDecodeError:
                pass  # something else that begins like it
            else:
                yield Record(arrived, shard.id, key, sequence, 0, len(data), "json", data), event
                continue
        for record in decoder.page(Page(shard, [raw], after=after)):
            yield record, record.json()


def parsed(stream: str, records: Iterable[Record]) -> Parsed:
    return _parsed(stream, ((record, record.json()) for record in records))


def _parsed(stream: str, events: Iterable[tuple[Record, Any]]) -> Parsed:
    rows: list[tuple[Any, ...]] = []
    rejects, cut = [], 0
    for record, event in events:
        if not isinstance(event, dict):
            rejects.append(record.row())
            continue
        row = _row(stream, record, event)
        cut += row["properties"] in _LEFT_OUT.values()
        rows.append(_in_order(row))
    table, shortened = _arrow(rows)
    return Parsed(len(rows), cut + shortened, rejects, table)


def _row(stream: str, record: Record, event: dict[str, Any]) -> dict[str, Any]:
    arrived = datetime.fromtimestamp(record.arrived, UTC).replace(tzinfo=None)
    url, referrer, agent = _text(event.get("url")), _text(event.get("referrer")), _text(event.get("user_agent"))
    scheme, host, path, query = _url_parts(url)
    campaign = parse_qs(query) if query and "utm_" in query else {}
    browser, system, device = described(agent)
    collector = event.get("collector")
    row: dict[str, Any] = {
        "event_id": _identity(_text(event.get("event_id"))),
        "viewed_at": _moment(event.get("viewed_at")),
        "session_id": _text(event.get("session_id")),
        "customer_id": _integer(event.get("customer_id")),
        "url": url,
        "referrer": referrer,
        "user_agent": agent,
        "country": _text(event.get("country")),
        "status": _integer(event.get("status")),
        "duration_ms": _integer(event.get("duration_ms")),
    }
    rest = {name: value for name, value in event.items() if name not in _COLUMNED}
    for name, value in row.items():
        if value is None and event.get(name) is not None:  # no number, no time: kept as it was sent
            rest[name] = event[name]
    if collector is not None and not isinstance(collector, dict):
        rest["collector"] = collector
    viewed = row["viewed_at"] or arrived
    row |= {
        "event_id": row["event_id"] or f"{stream}:{record.shard}:{record.sequence}:{record.sub_sequence}",
        "viewed_at": viewed,
        "day": viewed.date(),
        "scheme": scheme,
        "host": host,
        "path": path,
        "query": query,
        "utm_source": campaign.get("utm_source", [None])[0],
        "utm_campaign": campaign.get("utm_campaign", [None])[0],
        "referrer_host": _url_parts(referrer)[1],
        "browser": browser,
        "os": system,
        "device": device,
        "client": _text(collector.get("client")) if isinstance(collector, dict) else None,
        "properties": _properties(rest),
        "arrived_at": arrived,
        "stream": stream,
        "shard": record.shard,
        "sequence": record.sequence,
        "sub_sequence": record.sub_sequence,
        "partition_key": record.partition_key,
    }
    return row


def _identity(text: str | None) -> str | None:
    """An event's id as its column takes it. Cut short, two long ones would be one event; and to a warehouse ``a`` and
    ``a `` are equal."""
    if text is None or (len(text) <= 64 and text[-1:] != " "):
        return text
    text = text.rstrip(" ")
    raw = text.encode()
    most = _LONGEST["event_id"]
    if len(raw) <= most:
        return text or None
    digest = sha256(raw).hexdigest()
    return f"{raw[: most - len(digest) - 1].decode(errors='ignore')}#{digest}"


def _properties(rest: dict[str, Any]) -> str | None:
    """What has no column of its own, or does not fit into it, as JSON; left out whole where it is too long, for half a
    JSON is none, or nested too deeply to be written."""
    if not rest:
        return None
    try:
        content = orjson.dumps(rest)
    except orjson.JSONEncodeError:  # reading knows 1,024 levels, writing 254
        return _LEFT_OUT["deep"]
    return content.decode() if len(content) <= _LONGEST["properties"] else _LEFT_OUT["long"]


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value.replace("\0", "") or None
    return None if value is None or isinstance(value, (dict, list)) else str(value)


def _integer(value: Any) -> int | None:
    try:
        number = int(value) if isinstance(value, (int, float, str)) else None
    except (ValueError, OverflowError):  # not a number, NaN, infinity
        return None
    return number if number is not None and -_LARGEST_INTEGER <= number <= _LARGEST_INTEGER else None


def _moment(value: Any) -> datetime | None:
    """ISO 8601 text or seconds since 1970, as naive UTC; None where it is neither or out of a warehouse's range."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        elif isinstance(value, str):
            found = datetime.fromisoformat(value)
        else:
            return None
        return (found.astimezone(UTC) if found.tzinfo else found).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None


@lru_cache(maxsize=4096)  # pages are seen many times
def _url_parts(url: str | None) -> tuple[str | None, str | None, str | None, str | None]:
    if not url:
        return None, None, None, None
    try:
        parts = urlsplit(url)
        return parts.scheme or None, parts.hostname, parts.path or "/", parts.query or None
    except ValueError:  # for example a broken IPv6 address
        return None, None, None, None


def _fitted(value: str, most: int) -> tuple[str, bool]:
    raw = value.encode(errors="replace")
    if len(raw) <= most:
        return value, False
    return raw[:most].decode(errors="ignore"), True


def schema() -> Any:
    import pyarrow as pa

    kinds = {"string": pa.string(), "int64": pa.int64(), "timestamp": pa.timestamp("us"), "date": pa.date32()}
    return pa.schema([pa.field(name, kinds[kind]) for name, (_, kind) in COLUMNS.items()])


def _arrow(rows: list[tuple[Any, ...]]) -> tuple[bytes, int]:
    """(IPC stream, how many texts were too long for their column and were shortened)."""
    import pyarrow as pa

    shape = schema()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(shape)
    arrays, cut = [], 0
    for field, values in zip(shape, columns, strict=True):
        array = pa.array(values, field.type)
        if pa.types.is_string(field.type) and not _fits(array, _LONGEST[field.name]):
            fitted = [
                None if value is None else _fitted(value.replace("\0", ""), _LONGEST[field.name]) for value in values
            ]
            array = pa.array([entry and entry[0] for entry in fitted], field.type)
            cut += sum(entry[1] for entry in fitted if entry is not None)
        arrays.append(array)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, shape) as writer:
        writer.write_table(pa.table(arrays, schema=shape))
    content: bytes = sink.getvalue().to_pybytes()
    return content, cut


def _fits(texts: Any, most: int) -> bool:
    """Whether none has more bytes than its column, nor the zero character, which no warehouse takes (``%00`` in a query)."""
    import pyarrow.compute as pc

    longest = pc.max(pc.binary_length(texts)).as_py()
    return (longest is None or longest <= most) and not pc.any(pc.match_substring(texts, "\0")).as_py()


def parquet(parts: list[Parsed]) -> tuple[bytes, int, int]:
    """(file, rows, doubles): the parts as one Parquet file, each event once; MERGE refuses a source with doubles."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pa.ipc.open_stream(part.table).read_all() for part in parts if part.rows]
    if not tables:
        return b"", 0, 0
    table = pa.concat_tables(tables)
    seen: set[str] = set()
    first = [not (name in seen or seen.add(name)) for name in table["event_id"].to_pylist()]  # type: ignore[func-returns-value]
    doubles = len(first) - len(seen)
    if doubles:
        table = table.filter(pa.array(first))
    file = io.BytesIO()
    pq.write_table(table.cast(schema()), file, compression="snappy")  # what every Redshift reads
    return file.getvalue(), table.num_rows, doubles
