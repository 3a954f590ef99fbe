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
    ca_file: str = "",
    plain: bool = False,
    cut: bool = False,
) -> tuple[int, str, int]:
    """Write the rows of ``query`` to ``path`` as Parquet (zstd); returns the rows, the reader that served and the texts cut.

    columns: name, shape and warehouse type of each. ``ca_file``: TLS, checked by it (PyMySQL; connectorx takes no CA).
    ``plain``: PyMySQL even where connectorx would do. ``cut``: a text too long for its column is cut
    to whole characters; else it is an error.
    Raises OpsError for a value that its column cannot take; nothing is left at ``path`` then.
    """

    def slow() -> Iterator[Any]:
        connection = _connect(url, ca_file)
        try:
            yield from _slow(connection, query)
        finally:
            connection.close()

    readers = (
        [("PyMySQL", slow)] if plain or ca_file else [("connectorx", lambda: _fast(url, query)), ("PyMySQL", slow)]
    )
    trouble: BaseException | None = None
    for name, read in readers:
        try:
            rows, shortened = _written(report, read(), columns, path, table, cut)
        except (OpsError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a Rust panic is a BaseException
            trouble = error
            continue
        return rows, name, shortened
    reason = str(trouble).replace(url, "the source")[:400]
    raise _failed(table, reason or type(trouble).__name__)


def stage_all(
    report: Callable[..., None], *, url: str, reads: list[dict[str, Any]], ca_file: str = "", cut: bool = False
) -> list[tuple[int, str, int]]:
    """Several tables as of one moment: over one connection, in one snapshot. ``reads``: query, columns, path, table of each.

    Answers like ``stage``, one a read. Read by PyMySQL: connectorx opens connections of its own, which would see later moments.
    """
    import pymysql

    connection = _connect(url, ca_file)
    answers: list[tuple[int, str, int]] = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        for one in reads:
            batches = _slow(connection, one["query"])
            try:
                rows, shortened = _written(report, batches, one["columns"], one["path"], one["table"], cut)
            except pymysql.MySQLError as error:
                raise _failed(one["table"], str(error.args[-1]) if error.args else type(error).__name__) from error
            answers.append((rows, "PyMySQL, one snapshot", shortened))
    finally:
        connection.close()
    return answers


def _failed(table: str, reason: str) -> OpsError:
    return OpsError(f"Reading {table} failed", reason, "Check the source server and try again", code="source")


def _connect(url: str, ca_file: str) -> Any:
    from dataclasses import replace

    from core.warehouse.feed.source import Server

    return replace(Server.from_url(url), ca_file=ca_file).connect()


def _written(
    report: Callable[..., None],
    batches: Iterator[Any],
    columns: list[tuple[str, str, str]],
    path: str,
    table: str,
    cut: bool,
) -> tuple[int, int]:
    """Write batches to ``path``; the rows, and the texts cut. Nothing is left there where it fails."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name.lower(), _arrow(shape)) for name, shape, _ in columns])
    unfinished = Path(f"{path}.part")
    rows, shortened = 0, [0]
    try:
        with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_table(_shaped(batch, columns, schema, table, shortened if cut else None))
                rows += batch.num_rows
                report(rows, note=f"{table}: {rows:,} rows read")
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.replace(path)
    return rows, shortened[0]


def _fast(url: str, query: str) -> Iterator[Any]:
    import connectorx
    import pyarrow as pa

    for batch in connectorx.read_sql(url, query, return_type="arrow_stream", batch_size=_BATCH):
        yield pa.Table.from_batches([batch])


def _slow(connection: Any, query: str) -> Iterator[Any]:
    import pyarrow as pa
    from pymysql.cursors import SSCursor

    with connection.cursor(SSCursor) as cursor:
        cursor.execute(query)
        names = [one[0] for one in cursor.description]
        while rows := cursor.fetchmany(_BATCH):
            yield pa.table([pa.array(column) for column in zip(*rows, strict=True)], names=names)


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
                "Let long texts be cut, or leave the column out"
                if "bytes" in str(error)
                else "Change the column's type in the warehouse, or leave it out",
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
