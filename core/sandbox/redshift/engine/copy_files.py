"""What COPY finds in files: decompressed streams, concatenated JSON, Parquet types."""

from __future__ import annotations

import io
import json
import re
import zlib
from collections.abc import Iterator
from typing import IO, Any

from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.types import SqlType


class Whole(io.RawIOBase):
    """Any readable as a raw stream, so that TextIOWrapper takes it."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read1(self, size: int = -1) -> bytes:
        try:
            return self._inner.read(size if size > 0 else 65536)
        except (OSError, EOFError, zlib.error) as error:
            raise SqlError(f"The compressed file is damaged: {error}") from None


def documents(text: IO[str]) -> Iterator[tuple[int, str, Any]]:
    """Concatenated JSON documents with the line each begins on; a broken one comes as a text beginning with NUL."""
    decoder = json.JSONDecoder()
    buffer, line = "", 1
    while True:
        chunk = text.read(1 << 20)
        buffer += chunk
        at = 0
        while True:
            while at < len(buffer) and buffer[at].isspace():
                line += buffer[at] == "\n"
                at += 1
            if at >= len(buffer):
                break
            try:
                document, end = decoder.raw_decode(buffer, at)
            except ValueError as error:
                if chunk:
                    break  # perhaps the rest of it is still to come
                stop = buffer.find("\n", at)
                stop = len(buffer) if stop < 0 else stop
                yield line, buffer[at:stop], f"\0{error}"
                at = stop
                continue
            raw = buffer[at:end]
            yield line, raw, document
            line += raw.count("\n")
            at = end
        buffer = buffer[at:]
        if not chunk:
            return
        if len(buffer) > 64_000_000:
            raise SqlError("a JSON document is larger than 64 MB")


def fits_parquet(arrow: Any, kind: SqlType, serialize: bool) -> bool:
    """Whether a Parquet column may be loaded into the type; Redshift converts nothing here."""
    import pyarrow as pa

    types = pa.types
    checks: dict[str, tuple[Any, ...]] = {
        "int2": (types.is_int8, types.is_int16, types.is_int32), "int4": (types.is_int32,), "int8": (types.is_int64,),
        "float4": (types.is_float32,), "float8": (types.is_float64,), "bool": (types.is_boolean,), "date": (types.is_date,),
        "timestamp": (types.is_timestamp,), "timestamptz": (types.is_timestamp,), "time": (types.is_time,),
        "varbyte": (types.is_binary, types.is_large_binary), "char": (types.is_string, types.is_large_string, types.is_dictionary),
        "varchar": (types.is_string, types.is_large_string, types.is_dictionary), "super": (lambda _: serialize,),
    }  # fmt: skip
    if kind.name == "numeric":
        return bool(types.is_decimal(arrow) and arrow.precision <= kind.precision and arrow.scale == kind.scale)
    return any(check(arrow) for check in checks.get(kind.name, ()))


_STEP = re.compile(r"""\.(?P<name>[^.\[\]'"\s]+)|\[(?P<at>\d+)\]|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]""")


def json_path_steps(path: str) -> list[str | int]:
    """The steps of ``$.a.b[0]['c']``: names and places from 0. Raises ValueError for wildcards and filters, which COPY does not take."""
    if not path.startswith("$"):
        raise ValueError(f"{path!r} does not begin with $")
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or found["name"] == "*":
            raise ValueError(f"{path!r} is not a path of names and places")
        steps.append(int(found["at"]) if found["at"] is not None else found["name"] or found["key"])
        at = found.end()
    return steps


def follow(document: Any, steps: list[str | int]) -> Any:
    """The value the steps lead to; None where they lead nowhere."""
    for step in steps:
        if isinstance(step, int):
            document = document[step] if isinstance(document, list) and step < len(document) else None
        else:
            document = document.get(step) if isinstance(document, dict) else None
    return document


def read_json_paths(content: IO[bytes], url: str, columns: int) -> list[list[str | int]]:
    """The steps of each path of a JSONPaths file, one for each column. Raises SqlError for another file or count."""
    try:
        paths = [json_path_steps(one) for one in json.load(content)["jsonpaths"]]
    except (ValueError, KeyError, TypeError) as error:
        raise SqlError(f"Invalid JSONPath format: {url} is not a JSONPaths file ({error})") from None
    if len(paths) != columns:
        raise SqlError(
            f"Number of jsonpaths and the number of columns should match. JSONPath size: {len(paths)}, Number of columns: {columns}"
        )
    return paths
