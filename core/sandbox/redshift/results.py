"""Results on disk: one Arrow file a statement part, read back page by page as the Data API's JSON or CSV."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from core.sandbox.redshift.faults import ApiFault, invalid
from core.sandbox.redshift.limits import Limits


class ResultTooLarge(Exception):
    """A result passed a limit of the Data API."""


class Results:
    """The folder of results. A file is complete or absent: it is written beside and renamed."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder, self._limits = folder, limits
        folder.mkdir(parents=True, exist_ok=True)
        for stray in folder.glob("*.part"):
            stray.unlink()

    def _path(self, part_id: str) -> Path:
        return self._folder / f"{part_id.replace(':', '-')}.arrow"

    def write(self, part_id: str, schema: Any, batches: Iterator[Any]) -> tuple[int, int]:
        """Store record batches as they come; returns rows and bytes. Raises ResultTooLarge past the limits."""
        import pyarrow as pa

        path = self._path(part_id)
        unfinished = path.with_suffix(".part")
        rows = size = 0
        try:
            with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
                for batch in batches:
                    rows, size = rows + batch.num_rows, size + batch.nbytes
                    if size > self._limits.result_bytes:
                        raise ResultTooLarge(
                            f"The query result exceeded the maximum of {self._limits.result_bytes:,} bytes; use UNLOAD"
                        )
                    writer.write_batch(batch)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        unfinished.replace(path)
        return rows, size

    def page(self, part_id: str, token: str | None, total: int, size: int, as_csv: bool) -> tuple[bytes, str | None]:
        """The page at ``token`` as JSON text of ``Records``, and the next token (None: the last page)."""
        import pyarrow as pa

        path = self._path(part_id)
        start = _read_token(part_id, token)
        if start > total:
            raise invalid("The NextToken is not of this statement")
        if total == 0:
            return b"[]", None
        if not path.exists():
            raise ApiFault("ResourceNotFoundException", "The result is no longer kept", ResourceId=part_id)
        rows = max(1, int(self._limits.page_bytes / max(1, size / max(total, 1))))
        if not as_csv:
            rows = max(1, rows // 3)  # {"stringValue": ...} triples the text
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all().slice(start, rows)
            content = _csv(table) if as_csv else _json(table)
        end = start + table.num_rows
        return content, None if end >= total else _token(part_id, end)

    def remove(self, part_id: str) -> None:
        self._path(part_id).unlink(missing_ok=True)


def _csv(table: Any) -> bytes:
    """NULL is an empty field, an empty text is ``""``: every text is quoted, so the two stay apart."""
    import pyarrow as pa
    import pyarrow.csv

    columns = [_hex(column) if pa.types.is_binary(column.type) else column for column in table.columns]
    sink = io.BytesIO()
    pa.csv.write_csv(
        pa.table(columns, names=[str(n) for n in range(len(columns))]),
        sink,
        pa.csv.WriteOptions(include_header=False, quoting_style="needed"),
    )
    return orjson.dumps([{"CSVRecords": sink.getvalue().decode()}])


def _hex(column: Any) -> Any:
    import pyarrow as pa

    return pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())


def _json(table: Any) -> bytes:
    import pyarrow as pa

    null = {"isNull": True}
    columns: list[list[dict[str, Any]]] = []
    for column in table.columns:
        values = column.to_pylist()
        if pa.types.is_boolean(column.type):
            name = "booleanValue"
        elif pa.types.is_integer(column.type):
            name = "longValue"
        elif pa.types.is_floating(column.type):
            columns.append([null if value is None else _double(value) for value in values])
            continue
        elif pa.types.is_binary(column.type):
            name = "blobValue"
            values = [None if value is None else base64.b64encode(value).decode() for value in values]
        else:
            name = "stringValue"
        columns.append([null if value is None else {name: value} for value in values])
    return orjson.dumps(list(zip(*columns, strict=True)))


def _double(value: float) -> dict[str, Any]:
    if value != value or value in (
        float("inf"),
        float("-inf"),
    ):  # JSON has no such numbers; the service model takes text
        return {"doubleValue": {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, "NaN")}
    return {"doubleValue": value}


def _token(part_id: str, start: int) -> str:
    return base64.urlsafe_b64encode(f"{part_id}/{start}".encode()).decode()


def _read_token(part_id: str, token: str | None) -> int:
    if not token:
        return 0
    try:
        owner, _, start = base64.urlsafe_b64decode(token.encode()).decode().partition("/")
        if owner != part_id:
            raise ValueError
        return int(start)
    except ValueError:
        raise invalid("The NextToken is not of this statement") from None
