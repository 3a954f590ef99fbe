"""UNLOAD: the result of a query as files in S3."""

from __future__ import annotations

import io
import json
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import IO, Any

from core.sandbox.redshift.engine.casts import cast
from core.sandbox.redshift.engine.compiling import Query
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.copy_options import credential
from core.sandbox.redshift.engine.outcome import NeedsCluster, Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader
from core.sandbox.redshift.engine.storage import compressed
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import TEXT, SqlType
from core.sandbox.redshift.engine.value import Value

_JSON_NUMBERS = ("int2", "int4", "int8", "numeric", "float4", "float8")


@dataclass(slots=True)
class _Options:
    format: str = "text"
    delimiter: str = "|"
    null_as: str = ""
    compression: str = ""
    partition: list[str] = field(default_factory=list)
    include: bool = False
    header: bool = False
    add_quotes: bool = False
    escape: bool = False
    overwrite: bool = False
    clean: bool = False
    parallel: bool = True
    manifest: bool = False
    verbose: bool = False
    extension: str = ""
    largest: int = 6_200_000_000


def unload(session: Context, reader: Reader) -> Outcome:
    """The reader stands after UNLOAD."""
    reader.need("(")
    text = reader.string()
    reader.need(")")
    reader.need("to")
    url = reader.string()
    options = _read(reader)
    if session.parsed(text).args.get("limit") is not None:
        raise SqlError("Limit clause is not supported: UNLOAD takes a LIMIT inside a nested query only")
    query = session.compile(text)
    labels = [label for label, _ in query.columns]
    for name in options.partition:
        if name not in labels:
            raise SqlError(f'UNLOAD: the partition column "{name}" is not in the query')
    if options.format in ("json", "parquet"):
        _check_columns(query, options)
    if options.partition and not url.endswith("/"):
        url += "/"
    if not (options.partition and options.clean):
        _clear(session, url, options)
    writer = _Writer(session, url, options)
    if options.partition:
        _partitioned(session, query, options, writer)
    else:
        writer.write(query.sql, query, list(range(len(labels))), url)
    if options.manifest:
        content = json.dumps(_manifest(writer.files, query, options), indent=1)
        session.storage.put(f"{url}manifest", io.BytesIO(content.encode()))
    session.note_unload(writer.files, options.format)
    rows = sum(count for _, count, _ in writer.files)
    return Outcome(affected=rows, notes=[f"UNLOAD completed, {rows} record(s) unloaded successfully."])


def _manifest(files: list[tuple[str, int, int]], query: Query, options: _Options) -> dict[str, Any]:
    """What MANIFEST writes; VERBOSE adds the rows, the columns and the totals (developer guide, UNLOAD)."""
    if not options.verbose:
        return {"entries": [{"url": url, "meta": {"content_length": size}} for url, _, size in files]}
    kept = [(name, kind) for name, kind in query.columns if options.include or name not in options.partition]
    counted = [(url, rows + options.header, size) for url, rows, size in files]  # the header's line counts as a row
    return {
        "entries": [
            {"url": url, "meta": {"content_length": size, "record_count": rows}} for url, rows, size in counted
        ],
        "schema": {"elements": [{"name": name, "type": _manifest_type(kind)} for name, kind in kept]},
        "meta": {
            "content_length": sum(size for _, _, size in files),
            "record_count": sum(rows for _, rows, _ in counted),
        },
        "author": {"name": "Amazon Redshift", "version": "1.0.0"},
    }


def _manifest_type(kind: SqlType) -> dict[str, Any]:
    if kind.name == "numeric":
        return {"base": "numeric", "precision": kind.precision, "scale": kind.scale}
    base = kind.sql.partition("(")[0]
    return {"base": base, "max_length": kind.metadata_precision} if kind.is_text else {"base": base}


def _read(reader: Reader) -> _Options:
    options = _Options()
    given: set[str] = set()
    while not reader.done:
        word = reader.name()
        given.add(word)
        if word == "format":
            reader.take("as")
            word = reader.name()
            if word not in ("csv", "parquet", "json"):
                raise SqlError(f"UNLOAD format {word.upper()} is not known")
            options.format = word
        elif word in ("csv", "parquet", "json"):
            options.format = word
        elif word == "partition":
            reader.need("by")
            options.partition = reader.names()
            options.include = reader.take("include")
        elif word == "delimiter":
            reader.take("as")
            options.delimiter = reader.string()
        elif word == "null":
            reader.take("as")
            options.null_as = reader.marker()
        elif word in ("gzip", "bzip2", "zstd"):
            options.compression = word
        elif word == "header":
            options.header = True
        elif word == "addquotes":
            options.add_quotes = True
        elif word == "escape":
            options.escape = True
        elif word == "allowoverwrite":
            options.overwrite = True
        elif word == "cleanpath":
            options.clean = True
        elif word == "manifest":
            options.manifest = True
            options.verbose = reader.take("verbose")
        elif word == "extension":
            options.extension = reader.string()
        elif word == "parallel":
            options.parallel = not (reader.take("off") or reader.take("false"))
            _ = reader.take("on") or reader.take("true")
        elif word == "maxfilesize":
            reader.take("as")
            amount = float(reader.next().value)
            options.largest = int(amount * (1 << 30 if reader.take("gb") else 1 << 20))
            reader.take("mb")
        elif word == "rowgroupsize":
            reader.take("as")
            reader.next()
            _ = reader.take("mb") or reader.take("gb")
        elif word in ("iam_role", "credentials", "access_key_id", "secret_access_key", "session_token", "region"):
            credential(reader, word)
        elif word in ("fixedwidth", "encrypted", "kms_key_id", "master_symmetric_key"):
            raise NeedsCluster(f"UNLOAD ... {word.upper()}")
        else:
            raise SqlError(f'syntax error at or near "{word}" in UNLOAD')
    if options.format == "csv" and "delimiter" not in given:
        options.delimiter = ","
    _check(options, given)
    return options


_NOT_WITH = {
    "parquet": ("delimiter", "addquotes", "escape", "null", "header", "gzip", "bzip2", "zstd"),
    "json": ("delimiter", "header", "addquotes", "escape", "null"),
    "csv": ("addquotes",),
}
"""The options that the manual says a format cannot be used with."""


def _check(options: _Options, given: set[str]) -> None:
    for word in _NOT_WITH.get(options.format, ()):
        if word in given:
            raise SqlError(f"{word.upper()} cannot be used with {options.format.upper()} in UNLOAD")
    if options.clean and options.overwrite:
        raise SqlError("CLEANPATH cannot be used with ALLOWOVERWRITE in UNLOAD")
    if "maxfilesize" in given and not 5 << 20 <= options.largest <= 6.2 * (1 << 30):
        raise SqlError("MAXFILESIZE must be between 5 MB and 6.2 GB")


def _check_columns(query: Query, options: _Options) -> None:
    labels = [label for label, _ in query.columns]
    if options.format == "json" and (twice := [one for one in labels if labels.count(one) > 1]):
        raise SqlError(f'UNLOAD to JSON needs unique column names: "{twice[0]}" is there more than once')
    if binary := [label for label, kind in query.columns if kind.name == "varbyte"]:
        raise SqlError(f'UNLOAD writes VARBYTE to text or CSV only: column "{binary[0]}"')


def _clear(session: Context, url: str, options: _Options) -> None:
    present = [one for one, _ in session.storage.objects(url)]
    if options.clean:
        session.storage.delete(present)
    elif present and not options.overwrite:
        raise SqlError(
            "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target"
            " files in S3, or using the ALLOWOVERWRITE option."
        )


def _partitioned(session: Context, query: Query, options: _Options, writer: _Writer) -> None:
    labels = [label for label, _ in query.columns]
    places = [labels.index(name) for name in options.partition]
    kept = [n for n in range(len(labels)) if options.include or n not in places]
    if not kept:
        raise SqlError("UNLOAD: all columns are partition columns; use INCLUDE")
    session.execute("DROP TABLE IF EXISTS temp.main.rs_unload")
    session.execute(f"CREATE TEMP TABLE rs_unload AS {query.sql}")
    try:
        keys = ", ".join(f"CAST(c{n + 1} AS VARCHAR)" for n in places)
        for values in session.catalog.rows(f"SELECT DISTINCT {keys} FROM temp.main.rs_unload ORDER BY ALL"):
            tests = [
                f"CAST(c{n + 1} AS VARCHAR) IS NOT DISTINCT FROM {'NULL' if value is None else literal(value)}"
                for n, value in zip(places, values, strict=True)
            ]
            folder = "/".join(
                f"{name}={'__HIVE_DEFAULT_PARTITION__' if value is None else value}"
                for name, value in zip(options.partition, values, strict=True)
            )
            base = f"{writer.url}{folder}/"
            if options.clean:  # of the partitions that receive files only, not of the others
                _clear(session, base, options)
            writer.write(f"SELECT * FROM temp.main.rs_unload WHERE {' AND '.join(tests)}", query, kept, base)
    finally:
        session.execute("DROP TABLE IF EXISTS temp.main.rs_unload")


class _Writer:
    """Writes one query's rows to as many files as MAXFILESIZE asks for. ``files``: URL, rows, bytes."""

    def __init__(self, session: Context, url: str, options: _Options) -> None:
        self.session, self.url, self.options = session, url, options
        self.files: list[tuple[str, int, int]] = []

    def write(self, sql: str, query: Query, kept: list[int], base: str) -> None:
        listed = ", ".join(self._column(n, query) for n in kept)
        reader = self.session.arrow(f"SELECT {listed} FROM ({sql}) AS q")
        part = 0
        sheet = self._sheet(reader.schema, kept, query)
        for batch in reader:
            self.session.checkpoint()
            if sheet.size > self.options.largest:
                self._put(sheet, base, part)
                part, sheet = part + 1, self._sheet(reader.schema, kept, query)
            sheet.add(batch)
        if sheet.rows or not part:
            self._put(sheet, base, part)

    def _column(self, position: int, query: Query) -> str:
        kind = query.columns[position][1]
        source = f"q.c{position + 1}"
        if self.options.format == "parquet":
            if kind.name == "timestamptz":  # "only the timestamp values are unloaded"
                return f"timezone('UTC', {source}) AS k{position}"
            return (
                f"CAST({source} AS VARCHAR) AS k{position}"
                if kind.name in ("super", "timetz", "interval")
                else f"{source} AS k{position}"
            )
        if kind.name == "bool":
            return f"CASE {source} WHEN true THEN 't' WHEN false THEN 'f' END AS k{position}"
        if self.options.format == "json" and kind.name in ("float4", "float8"):
            text = f"CAST({source} AS VARCHAR)"  # JSON knows no infinity
            return f"CASE WHEN isfinite({source}) THEN {text} ELSE '\"' || {text} || '\"' END AS k{position}"
        if self.options.format == "json" and (kind.name == "super" or kind.name in _JSON_NUMBERS):
            return f"CAST({source} AS VARCHAR) AS k{position}"
        if kind.name == "varbyte":
            return f"hex({source}) AS k{position}"
        return f"{source if kind.is_text else cast(Value(source, kind), TEXT)} AS k{position}"

    def _sheet(self, schema: Any, kept: list[int], query: Query) -> _Sheet:
        labels = [query.columns[n][0] for n in kept]
        if self.options.format == "json":
            bare = [query.columns[n][1].name in ("super", *_JSON_NUMBERS) for n in kept]
            return _Json(schema, labels, self.options, bare)
        return (_Parquet if self.options.format == "parquet" else _Text)(schema, labels, self.options)

    def _put(self, sheet: _Sheet, base: str, part: int) -> None:
        content = sheet.finish()
        content.seek(0, io.SEEK_END)
        size = content.tell()
        content.seek(0)
        suffix = (
            ".parquet"
            if self.options.format == "parquet"
            else {"gzip": ".gz", "bzip2": ".bz2", "zstd": ".zst"}.get(self.options.compression, "")
        )
        if self.options.extension:
            suffix = (
                f".{self.options.extension}{suffix}"
                if self.options.format != "parquet"
                else f".{self.options.extension}"
            )
        name = f"0000_part_{part:02d}" if self.options.parallel else f"{part:03d}"
        url = f"{base}{name}{suffix}"
        with content:
            self.session.storage.put(url, content)
        self.files.append((url, sheet.rows, size))


class _Sheet(ABC):
    """One file in the making, on disk above 16 MB."""

    def __init__(self, schema: Any, labels: list[str], options: _Options) -> None:
        self.labels, self.options = labels, options
        self.rows = self.size = 0
        self.spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=16_000_000)  # type: ignore[assignment]  # noqa: SIM115

    def add(self, batch: Any) -> None:
        self.rows += batch.num_rows
        self.size += batch.nbytes

    @abstractmethod
    def finish(self) -> IO[bytes]:
        """Close what was being written; the spool holds the whole file."""


class _Parquet(_Sheet):
    def __init__(self, schema: Any, labels: list[str], options: _Options) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        super().__init__(schema, labels, options)
        self._schema = pa.schema([field.with_name(label) for field, label in zip(schema, labels, strict=True)])
        self._writer = pq.ParquetWriter(self.spool, self._schema, compression="snappy")

    def add(self, batch: Any) -> None:
        super().add(batch)
        self._writer.write_batch(batch.rename_columns(self.labels))

    def finish(self) -> IO[bytes]:
        self._writer.close()
        return self.spool


class _Lines(_Sheet):
    def __init__(self, schema: Any, labels: list[str], options: _Options) -> None:
        super().__init__(schema, labels, options)
        self._sink = compressed(self.spool, options.compression)

    def _line(self, text: str) -> None:
        self._sink.write(text.encode())

    def finish(self) -> IO[bytes]:
        if self._sink is not self.spool:
            self._sink.close()
        return self.spool


class _Json(_Lines):
    """An object a line: NULL as null, truth values as t and f, SUPER as the JSON it is. ``bare``: texts that are JSON already."""

    def __init__(self, schema: Any, labels: list[str], options: _Options, bare: list[bool]) -> None:
        super().__init__(schema, labels, options)
        self._bare = bare

    def add(self, batch: Any) -> None:
        super().add(batch)
        names = [json.dumps(label, ensure_ascii=False) for label in self.labels]
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            fields = [
                f"{name}:{'null' if value is None else value if bare else json.dumps(str(value), ensure_ascii=False)}"
                for name, value, bare in zip(names, values, self._bare, strict=True)
            ]
            self._line("{" + ",".join(fields) + "}\n")


class _Text(_Lines):
    def __init__(self, schema: Any, labels: list[str], options: _Options) -> None:
        super().__init__(schema, labels, options)
        if options.header:
            self._line(self._joined(list(labels)))

    def add(self, batch: Any) -> None:
        super().add(batch)
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            self._line(self._joined(list(values)))

    def _joined(self, values: list[str | None]) -> str:
        return self.options.delimiter.join(map(self._field, values)) + "\n"

    def _field(self, value: str | None) -> str:
        options = self.options
        text = options.null_as if value is None else value
        if options.format == "csv":
            quoted = any(char in text for char in f'"\n\r{options.delimiter}')
            return '"' + text.replace('"', '""') + '"' if quoted else text
        if options.escape and value is not None:
            marks = "\"'" if options.add_quotes else ""
            text = "".join(f"\\{char}" if char in f"\\\n\r{options.delimiter}{marks}" else char for char in text)
        return f'"{text}"' if options.add_quotes else text
