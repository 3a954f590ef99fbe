"""A result as a file: CSV, JSON, Parquet or XLSX, written page by page and only ever whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from core.base.errors import OpsError, WrongUse
from core.base.files import unwritable
from core.jobs.job import Job
from core.warehouse.scratch import scratch

if TYPE_CHECKING:
    import pyarrow

FORMATS = ("csv", "json", "parquet", "xlsx")
XLSX_ROWS = 1_048_575  # rows of a sheet, less the heading
XLSX_WARN = 100_000  # some 6,000-9,000 rows per CPU-second: above this it takes long, and spreadsheets get slow
XLSX_COLUMNS = 16_384
XLSX_TEXT = 32_767  # UTF-16 units of a cell
_STEP = 50_000
_NOT_FINITE = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
"""JSON and sheets have no such numbers: text, as PostgreSQL writes them, so that none of them looks like NULL."""


def format_of(path: Path) -> str:
    """The format a file's name asks for. Raises WrongUse for an unknown ending."""
    ending = path.suffix.lower().lstrip(".")
    if ending not in FORMATS:
        raise WrongUse(
            f"{path.name} names no format", f"Known endings: {', '.join(FORMATS)}", "Choose a name such as result.csv"
        )
    return ending


def export(job: Job[Any], tables: Iterable[pyarrow.Table], path: Path, form: str, *, total: int | None = None) -> int:
    """Write the pages to ``path`` in one atomic step; return the rows. A cancel or a full disk leaves no file; what a killed
    export left unfinished goes with the next into its folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch("export", beside=path) as folder:
            unfinished = folder / "rows"
            with unfinished.open("wb") as file:
                rows = write_rows(job, tables, file, form, total=total)
                file.flush()
                os.fsync(file.fileno())
            unfinished.chmod(0o644)
            unfinished.replace(path)
            return rows
    except OSError as error:
        raise unwritable(path, error) from error


def write_rows(
    job: Job[Any], tables: Iterable[pyarrow.Table], file: IO[bytes], form: str, *, total: int | None = None
) -> int:
    """The same into an open file or pipe."""
    rows = 0
    writer: _Writer | None = None
    with ExitStack() as stack:
        for table in tables:
            for start in range(0, max(1, table.num_rows), _STEP):
                piece = table.slice(start, _STEP)
                if writer is None and form == "xlsx":
                    writer = stack.enter_context(_sheet(file, piece.schema))
                elif writer is None:
                    writer = _WRITERS[form](file, piece.schema)
                elif piece.schema != writer.schema:
                    piece = _fitted(piece, writer.schema)
                writer.write(piece)
                rows += piece.num_rows
                job.report(rows, total, f"{rows:,} rows written")
        if writer is not None:
            writer.close()
    job.checkpoint()
    return rows


def json_rows(table: pyarrow.Table) -> bytes:
    """Rows as JSON objects joined by commas. Decimals are number literals with every digit, times ISO 8601 text,
    infinities and NaN the words for them."""
    import orjson

    names = table.column_names
    columns = [_json_values(column) for column in table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return orjson.dumps(rows, option=orjson.OPT_NAIVE_UTC)[1:-1]


def _json_values(column: Any) -> list[Any]:
    import orjson
    import pyarrow as pa

    values: list[Any] = column.to_pylist()
    if pa.types.is_decimal(column.type):
        return [None if value is None else orjson.Fragment(format(value, "f").encode()) for value in values]
    if pa.types.is_floating(column.type):
        texts = column.cast(
            pa.string()
        ).to_pylist()  # the shortest form of the type: 0.1 of a float32 is no 0.10000000149
        return [
            _NOT_FINITE.get(text, text) if text is None or text in _NOT_FINITE else orjson.Fragment(text)
            for text in texts
        ]
    if pa.types.is_timestamp(column.type) and column.type.tz is None:
        return [None if value is None else value.isoformat() for value in values]
    return values


def _fitted(table: pyarrow.Table, schema: Any) -> pyarrow.Table:
    """A later page in the types of the first."""
    import pyarrow as pa

    try:
        return table.cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise OpsError(
            "The result changes its types on the way",
            str(error).split("\n")[0],
            "CAST the column to VARCHAR in the statement and export again",
            code="types",
        ) from error


class _Writer(Protocol):
    schema: Any

    def write(self, table: pyarrow.Table) -> None: ...
    def close(self) -> None: ...


class _Csv:
    """RFC 4180; NULL is an empty field, the empty text is ``""``, so the two stay apart."""

    def __init__(self, file: IO[bytes], schema: Any) -> None:
        import pyarrow as pa
        import pyarrow.csv as pa_csv

        self.schema, self._file = schema, file
        heading = pa.table({name: pa.array([], pa.string()) for name in schema.names})
        pa_csv.write_csv(heading, file)
        self._options = pa_csv.WriteOptions(include_header=False, quoting_style="needed")

    def write(self, table: pyarrow.Table) -> None:
        import pyarrow.csv as pa_csv

        pa_csv.write_csv(table, self._file, self._options)

    def close(self) -> None: ...


class _Json:
    """One document: a list of objects, a row a line."""

    def __init__(self, file: IO[bytes], schema: Any) -> None:
        self.schema, self._file, self._begun = schema, file, False
        file.write(b"[")

    def write(self, table: pyarrow.Table) -> None:
        if table.num_rows:
            self._file.write((b",\n" if self._begun else b"\n") + json_rows(table).replace(b'},{"', b'},\n{"'))
            self._begun = True

    def close(self) -> None:
        self._file.write(b"\n]\n")


class _Parquet:
    def __init__(self, file: IO[bytes], schema: Any) -> None:
        import pyarrow.parquet as pq

        self.schema = schema
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")

    def write(self, table: pyarrow.Table) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()


class _Xlsx:
    """Row by row with constant memory. Numbers that a spreadsheet would round (over 15 digits) stay text.

    ``scratch``: a folder for the rows until the book is closed.
    """

    def __init__(self, file: IO[bytes], schema: Any, scratch: str) -> None:
        import xlsxwriter

        self.schema, self._row = schema, 1
        if len(schema.names) > XLSX_COLUMNS:
            raise _no_sheet(f"XLSX holds {XLSX_COLUMNS:,} columns, the result has {len(schema.names):,}")
        options = {
            "constant_memory": True,
            "tmpdir": scratch,
            "strings_to_formulas": False,  # a cell that begins with = is data, not code
            "strings_to_urls": False,
            "default_date_format": "yyyy-mm-dd hh:mm:ss",
            "remove_timezone": True,
        }
        self._book = xlsxwriter.Workbook(file, options)
        self._sheet = self._book.add_worksheet("Result")
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        bold = self._book.add_format({"bold": True})
        for number, name in enumerate(schema.names):
            self._sheet.write_string(0, number, name, bold)
        self._sheet.freeze_panes(1, 0)

    def write(self, table: pyarrow.Table) -> None:
        if self._row - 1 + table.num_rows > XLSX_ROWS:
            raise _no_sheet(f"XLSX holds {XLSX_ROWS:,} rows below the heading")
        for row in zip(*(_sheet_values(column) for column in table.columns), strict=True):
            for number, value in enumerate(row):
                if value is not None:
                    self._cell(number, value)
            self._row += 1

    def _cell(self, number: int, value: Any) -> None:
        from datetime import date, datetime
        from decimal import Decimal

        if isinstance(value, str):
            if len(value) > XLSX_TEXT // 2 and len(value.encode("utf-16-le")) // 2 > XLSX_TEXT:
                raise _no_sheet(
                    f"A cell holds {XLSX_TEXT:,} characters; {self.schema.names[number]} has {len(value):,} in row {self._row:,}"
                )
            self._sheet.write_string(self._row, number, value)
        elif isinstance(value, int | Decimal) and not isinstance(value, bool) and len(str(value).strip("-0.")) > 15:
            self._sheet.write_string(self._row, number, str(value))
        elif isinstance(value, date) and (value.year < 1901 or str(value) > "9999-12-31 23:59:59"):
            # a sheet counts days from 1900, a year with a 29 February that never was, and rounds up into the year 10000
            self._sheet.write_string(self._row, number, str(value))
        elif isinstance(value, date) and not isinstance(value, datetime):
            self._sheet.write_datetime(self._row, number, value, self._day)
        elif isinstance(value, bytes):
            self._sheet.write_string(self._row, number, value.hex())
        else:
            self._sheet.write(self._row, number, value)

    def close(self) -> None:
        self._book.close()

    def abandon(self) -> None:
        """Close the rows' file, if the book was not closed."""
        self._sheet.row_data_fh.close()


@contextmanager
def _sheet(file: IO[bytes], schema: Any) -> Iterator[_Xlsx]:
    """A sheet whose rows wait in a folder of their own, which goes with a cancel as well."""
    with scratch("export") as folder:
        sheet = _Xlsx(file, schema, str(folder))
        try:
            yield sheet
        finally:
            sheet.abandon()


def _sheet_values(column: Any) -> list[Any]:
    import pyarrow as pa

    values: list[Any] = column.to_pylist()
    if not pa.types.is_floating(column.type):
        return values
    texts = column.cast(pa.string()).to_pylist()
    return [None if text is None else _NOT_FINITE.get(text) or float(text) for text in texts]


def _no_sheet(why: str) -> OpsError:
    return OpsError(
        "The result does not fit into a sheet",
        why,
        "Export as Parquet or CSV, or choose less in the statement",
        code="too-large",
    )


_WRITERS: dict[str, type[Any]] = {"csv": _Csv, "json": _Json, "parquet": _Parquet}
