"""Records to files and back: JSON lines, CSV and Parquet, written whole or not at all."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from core.base.errors import OpsError, WrongUse
from core.base.files import atomic_file
from core.base.locks import take
from core.streams.decode import Record

COLUMNS = ("arrived", "shard", "partition_key", "sequence", "sub_sequence", "size", "codec", "data", "data_base64")
SUFFIXES = (".jsonl", ".csv", ".parquet")

Write = Callable[[Iterable[Record]], None]


@contextmanager
def record_file(path: Path) -> Iterator[Write]:
    """A file to write records to, in the format its ending says; it takes its name when the block ends.

    A cancelled tap ends the block, too: the file then holds what had come, whole. Raises WrongUse for another
    ending, OpsError (code ``disk``) where it cannot be written.
    """
    if path.suffix not in SUFFIXES:
        raise WrongUse(
            f"{path.name} has no ending that says its format",
            f"Known are {', '.join(SUFFIXES)}",
            "Name the file accordingly",
        )
    with atomic_file(path, mode=0o644) as file, _WRITERS[path.suffix](file) as write:
        take(file)  # type: ignore[arg-type]  # so that nobody takes it for one that a kill has left (``unfinished``)

        def write_out(records: Iterable[Record]) -> None:
            write(records)
            file.flush()  # a page at a time: what a killed tap has written is then all that it had read

        yield write_out


@contextmanager
def _json_lines(file: IO[bytes]) -> Iterator[Write]:
    yield lambda records: file.writelines(orjson.dumps(record.row()) + b"\n" for record in records)


@contextmanager
def _csv(file: IO[bytes]) -> Iterator[Write]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    yield lambda records: writer.writerows(record.row() for record in records)
    text.flush()
    text.detach()


@contextmanager
def _parquet(file: IO[bytes]) -> Iterator[Write]:
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema(
        [
            ("arrived", pyarrow.timestamp("ms", tz="UTC")),
            ("shard", pyarrow.string()),
            ("partition_key", pyarrow.string()),
            ("sequence", pyarrow.string()),
            ("sub_sequence", pyarrow.int32()),
            ("size", pyarrow.int32()),
            ("codec", pyarrow.string()),
            ("data", pyarrow.string()),
            ("data_base64", pyarrow.string()),
        ]
    )
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        waiting: list[dict[str, Any]] = []

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(waiting, schema))
            waiting.clear()

        def write(records: Iterable[Record]) -> None:
            for record in records:
                row = record.row()
                waiting.append({**row, "arrived": round(record.arrived * 1000)})
            if len(waiting) >= 20_000:  # a row group a page would make a slow file
                flush()

        yield write
        flush()


_WRITERS = {".jsonl": _json_lines, ".csv": _csv, ".parquet": _parquet}


def saved_records(path: Path) -> Iterator[tuple[str, bytes]]:
    """(partition key, data) of every record of an exported file, in its order; for sending them again.

    JSON lines of any other shape are sent as they are, under a key of their own. Raises OpsError naming the line.
    """
    readers: dict[str, Callable[[Path], Iterator[dict[str, Any]]]] = {
        ".jsonl": _read_json_lines,
        ".csv": _read_csv,
        ".parquet": _read_parquet,
    }
    if path.suffix not in readers:
        raise WrongUse(
            f"{path.name} cannot be read back", f"Known are {', '.join(SUFFIXES)}", "Choose an exported file"
        )
    try:
        for number, row in enumerate(readers[path.suffix](path), 1):
            yield _sendable(path, number, row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise OpsError(
            f"{path.name} cannot be read",
            f"It is no CSV file in UTF-8 ({error})",
            "Choose an exported file",
            code="file",
        ) from error
    except OSError as error:
        raise OpsError(
            f"{path.name} cannot be read", str(error.strerror or error), "Choose another file", code="file"
        ) from error


def _sendable(path: Path, number: int, row: dict[str, Any]) -> tuple[str, bytes]:
    key, text, packed = row.get("partition_key"), row.get("data"), row.get("data_base64")
    if not isinstance(key, str) or not key:
        return str(number), orjson.dumps(row)
    if isinstance(text, str) and (text or not packed):
        return key, text.encode()
    try:
        return key, base64.b64decode(packed or "", validate=True)
    except (ValueError, TypeError):
        raise OpsError(
            f"Record {number} of {path.name} cannot be read back",
            "Its data_base64 is not base64",
            "Correct it or take it out; nothing behind it was sent",
            code="file",
        ) from None


def _read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise OpsError(
                    f"Line {number} of {path.name} is no JSON object",
                    "Every line should be one",
                    "Correct it or take it out; nothing behind it was sent",
                    code="file",
                )
            yield row


def _read_csv(path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(2**27)  # a record may unpack to 8 MiB
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(10_000):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise OpsError(f"{path.name} is no Parquet file", str(error), "Choose an exported file", code="file") from error
