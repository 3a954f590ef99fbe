"""Reads a MySQL query into a Parquet file; runs in a child process, for connectorx may panic and holds memory of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.base.errors import OpsError

_BATCH = 50_000


def stage(
    report: Callable[..., None],
    *,
    url: str,
    query: str,
    columns: list[tuple[str, str, str]],
    path: str,
    table: str,
    plain: bool = False,
    cut: bool = False,
) -> tuple[int, str, int]:
    """Write the rows of ``query`` to ``path`` as Parquet (zstd); returns the rows, the reader that served and the texts cut.

    columns: name, shape and warehouse type of each. ``plain``: PyMySQL even where connectorx would do. ``cut``: a text too long for its column is cut
    to whole characters; else it is an error.
    Raises OpsError for a value that its column cannot take; nothing is left at ``path`` then.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name.lower(), _arrow(shape)) for name, shape, _ in columns])
    unfinished = Path(f"{path}.part")
    readers = [("PyMySQL", _slow)] if plain else [("connectorx", _fast), ("PyMySQL", _slow)]
    trouble: BaseException | None = None
    for name, read in readers:
        rows = 0
        shortened = [0]
        try:
            with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
                for batch in read(url, query):
                    writer.write_table(_shaped(batch, columns, schema, table, shortened if cut else None))
                    rows += batch.num_rows
                    report(rows, note=f"{table}: {rows:,} rows read")
        except OpsError:
            unfinished.unlink(missing_ok=True)
            raise
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a Rust panic is a BaseException
            trouble = error
            continue
        unfinished.replace(path)
        return rows, name, shortened[0]
    unfinished.unlink(missing_ok=True)
    reason = str(trouble).replace(url, "the source")[:400]
    raise OpsError(
        f"Reading {table} failed",
        reason or type(trouble).__name__,
        "Check the source server and try again",
        code="source",
    )


def _fast(url: str, query: str) -> Iterator[Any]:
    import connectorx
    import pyarrow as pa

    for batch in connectorx.read_sql(url, query, return_type="arrow_stream", batch_size=_BATCH):
        yield pa.Table.from_batches([batch])


def _slow(url: str, query: str) -> Iterator[Any]:
    import pyarrow as pa
    from pymysql.cursors import SSCursor

    from core.warehouse.feed.source import Server

    connection = Server.from_url(url).connect()
    try:
        with connection.cursor(SSCursor) as cursor:
            cursor.execute(query)
            names = [one[0] for one in cursor.description]
            while rows := cursor.fetchmany(_BATCH):
                yield pa.table([pa.array(column) for column in zip(*rows, strict=True)], names=names)
    finally:
        connection.close()


def _arrow(shape: str) -> Any:
    import pyarrow as pa

    kind, *sizes = shape.split(":")
    if kind == "decimal":
        return pa.decimal128(int(sizes[0]), int(sizes[1]))
    return {
        "int16": pa.int16(), "int32": pa.int32(), "int64": pa.int64(), "float": pa.float32(), "double": pa.float64(), "bool": pa.bool_(),
        "date": pa.date32(), "timestamp": pa.timestamp("us"), "string": pa.string(), "binary": pa.binary(),
    }[kind]  # fmt: skip


def _shaped(
    batch: Any, columns: list[tuple[str, str, str]], schema: Any, table: str, shortened: list[int] | None
) -> Any:
    import pyarrow as pa

    made = []
    for (name, shape, target), column, field in zip(columns, batch.columns, schema, strict=True):
        try:
            made.append(_column(column, shape, field.type, target, shortened))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _Unfit) as error:
            raise OpsError(
                f"{table}.{name} holds a value that {target} cannot take",
                str(error).split("\n")[0][:300],
                "Change the column's type in the warehouse, or leave the column out",
                code="value",
            ) from error
    return pa.Table.from_arrays(made, schema=schema)


class _Unfit(ValueError):
    pass


def _column(column: Any, shape: str, kind: Any, target: str, shortened: list[int] | None) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(column.type):
        return column.cast(kind)
    if shape == "bool":
        odd = pc.sum(pc.cast(pc.and_(pc.not_equal(column, 0), pc.not_equal(column, 1)), pa.int64())).as_py()
        if odd:
            raise _Unfit(f"{odd:,} values are neither 0 nor 1")
        return pc.not_equal(column, 0)
    if shape == "date":
        return column.cast(pa.int32()).cast(kind)
    if shape == "timestamp":
        return column.cast(pa.int64()).cast(kind)
    if shape.startswith("decimal") and pa.types.is_integer(column.type):
        return column.cast(pa.string()).cast(kind)
    if shape == "string":
        text = column.cast(kind)
        longest = pc.max(pc.binary_length(text)).as_py() or 0
        most = int(target.rpartition("(")[2].rstrip(")")) if "(" in target else 65535
        if longest > most and shortened is not None:
            return _cut(text, most, shortened)
        if longest > most:
            raise _Unfit(f"the longest value has {longest:,} bytes, {target} takes {most:,}")
        return text
    return column.cast(kind)


def _cut(column: Any, most: int, shortened: list[int]) -> Any:
    import pyarrow as pa

    made: list[str | None] = []
    for value in column.to_pylist():
        data = value.encode() if value is not None else b""
        if len(data) > most:
            shortened[0] += 1
            value = data[:most].decode(errors="ignore")
        made.append(value)
    return pa.array(made, pa.string())
