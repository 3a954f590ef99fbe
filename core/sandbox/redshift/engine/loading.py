"""COPY: objects from S3 into a table, row by row checked, bad rows kept in STL_LOAD_ERRORS up to MAXERROR."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from core.sandbox.redshift.engine.casts import assigned, cast
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.copy_dates import copied_moment
from core.sandbox.redshift.engine.copy_fields import csv_records, open_escape, split_fields
from core.sandbox.redshift.engine.copy_files import Whole, documents, fits_parquet, follow, read_json_paths
from core.sandbox.redshift.engine.copy_options import CopyOptions, read_options
from core.sandbox.redshift.engine.declarations import ColumnSpec, TableSpec
from core.sandbox.redshift.engine.outcome import Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader
from core.sandbox.redshift.engine.storage import Storage
from core.sandbox.redshift.engine.text import literal, quoted
from core.sandbox.redshift.engine.types import TEXT, SqlType
from core.sandbox.redshift.engine.value import Value

_BATCH = 20_000
_INVALID = (re.compile("\ufffd"), re.compile("[\udc80-\udcff]"))
"""What an invalid character was read as: in UTF-16, and each byte of it in UTF-8."""


@dataclass(slots=True)
class _Row:
    line: int
    raw: str
    values: list[str | None]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class LoadError:
    file: str
    line: int
    column: str
    raw: str
    value: str
    reason: str


class _TooManyErrors(Exception):
    pass


def copy(session: Context, reader: Reader) -> Outcome:
    """The reader stands after COPY."""
    spec = session.catalog.table(*reader.path())
    names = reader.names() if reader.sees("(") else []
    reader.need("from")
    url = reader.string()
    options = read_options(reader)
    targets = [spec.column(name) for name in names] or [
        one for one in spec.columns if options.explicit_ids or not one.identity
    ]
    return _Load(session, spec, targets, options).run(url)


class _Load:
    def __init__(self, session: Context, spec: TableSpec, targets: list[ColumnSpec], options: CopyOptions) -> None:
        self.session, self.spec, self.targets, self.options = session, spec, targets, options
        self.errors: list[LoadError] = []
        self.rows = 0
        columns = ", ".join(quoted(one.name) for one in targets)
        values = ", ".join(f"{self._checked(one, f's.c{n}')} AS c{n}" for n, one in enumerate(targets))
        self._convert = f"SELECT {values} FROM {{source}} AS s"
        self._insert = (
            f"INSERT INTO {session.catalog.duck(spec.schema, spec.name)} ({columns}) SELECT * FROM {{source}}"
        )

    def run(self, url: str) -> Outcome:
        storage = self.session.storage
        files = self._files(storage, url)
        try:
            for name, size in files:
                before = self.rows
                with storage.open(name, self.options.compression) as content:
                    if self.options.format == "parquet":
                        self._parquet(content, name)
                    else:
                        self._texts(content, name)
                self.session.note_file(name, self.rows - before, size, self.spec.name)
        except _TooManyErrors:
            self.session.note_errors(self.errors, self.spec.name)
            raise SqlError(
                f"Load into table '{self.spec.name}' failed. Check 'stl_load_errors' system table for details: {self.errors[-1].reason}"
                f" ({self.errors[-1].file}, line {self.errors[-1].line}, column {self.errors[-1].column or '?'})"
            ) from None
        self.session.note_errors(self.errors, self.spec.name)
        notes = [f"Load into table '{self.spec.name}' completed, {self.rows} record(s) loaded successfully."]
        if self.errors:
            notes.append(f"{len(self.errors)} record(s) were rejected: see stl_load_errors")
        if self.options.ignored:
            notes.append(f"Accepted, no effect locally: {', '.join(self.options.ignored)}")
        self.session.loaded(self.rows)
        return Outcome(affected=self.rows, notes=notes)

    def _files(self, storage: Storage, url: str) -> list[tuple[str, int]]:
        if self.options.manifest:
            with storage.open(url) as content:
                try:
                    listed = [
                        (
                            entry["url"],
                            int(entry.get("meta", {}).get("content_length", -1)),
                            bool(entry.get("mandatory")),
                        )
                        for entry in json.load(content)["entries"]
                    ]
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise SqlError(f"The manifest {url} is not a manifest: {error}") from None
            present = [
                (name, size)
                for name, size, mandatory in listed
                if mandatory or any(one == name for one, _ in storage.objects(name))
            ]
            if not present:
                raise SqlError(f"None of the files of the manifest {url} exists")
            return present
        found = [one for one in storage.objects(url) if not one[0].endswith("/")]
        if not found:
            raise SqlError(f"The specified S3 prefix '{url.split('/', 3)[-1]}' does not exist")
        return found

    # -- Parquet: columns as they are ---------------------------------------------
    def _parquet(self, content: IO[bytes], name: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(content)
        except pa.ArrowInvalid as error:
            raise SqlError(f"Spectrum Scan Error: {name} is not a Parquet file: {error}") from None
        schema = file.schema_arrow
        if len(schema) != len(self.targets):
            raise SqlError(
                f"Unmatched number of columns between table and file. Table columns: {len(self.targets)}, Data columns: {len(schema)}"
            )
        for field, target in zip(schema, self.targets, strict=True):
            if not fits_parquet(field.type, target.type, self.options.serialize_to_json):
                raise SqlError(
                    f"Spectrum Scan Error: File '{name}' has an incompatible Parquet schema for column '{target.name}'."
                    f" Column type: {target.type.sql.upper()}, Parquet type: {field.type}"
                )
        duck = self.session.catalog.duck(self.spec.schema, self.spec.name)
        columns = ", ".join(quoted(one.name) for one in self.targets)
        values = ", ".join(_from_parquet(one.type, f"s.c{n}", self.options) for n, one in enumerate(self.targets))
        for batch in file.iter_batches(batch_size=100_000):
            table = pa.Table.from_batches([batch]).rename_columns([f"c{n}" for n in range(len(self.targets))])
            select = f"SELECT {values} FROM {{source}} AS s"
            if self.options.no_load:
                self.session.converted_arrow(table, select)
                continue
            self.rows += self.session.insert_arrow(table, f"INSERT INTO {duck} ({columns}) {select}")

    # -- texts --------------------------------------------------------------------
    def _texts(self, content: IO[bytes], name: str) -> None:
        batch: list[_Row] = []
        for row in self._rows(content):
            if row.trouble:
                self._load(name, batch)  # so that errors are met in the file's order
                batch = []
                self._reject(name, row, "", row.trouble)
                continue
            batch.append(row)
            if len(batch) >= _BATCH:
                self._load(name, batch)
                batch = []
        self._load(name, batch)

    def _rows(self, content: IO[bytes]) -> Iterator[_Row]:
        errors = "replace" if self.options.bad_chars is not None else "strict"
        if self.options.encoding == "utf-8" and self.options.format != "json":
            errors = "surrogateescape"  # an invalid byte is one row's trouble, and ACCEPTINVCHARS counts bytes
        text = io.TextIOWrapper(Whole(content), encoding=self.options.encoding, errors=errors, newline="")  # type: ignore[type-var]
        reads = {"csv": self._csv, "json": self._json, "fixedwidth": self._fixed}.get(
            self.options.format, self._delimited
        )
        try:
            for row in reads(text):
                if not row.trouble and self.options.format != "json":
                    self._shape(row)
                row.raw = row.raw.encode("utf-8", "replace").decode()
                yield row
        except UnicodeDecodeError as error:
            raise SqlError(
                f"String contains invalid or unsupported {self.options.encoding} codepoints: {error.reason}; use ACCEPTINVCHARS"
            ) from None

    def _csv(self, text: IO[str]) -> Iterator[_Row]:
        records = csv_records(iter(text), self.options.delimiter, self.options.quote)
        for count, (number, raw, values, trouble) in enumerate(records, 1):
            if count <= self.options.ignore_header or (not raw and self.options.ignore_blank_lines):
                continue
            yield _Row(number, raw, values, trouble)

    def _delimited(self, text: IO[str]) -> Iterator[_Row]:
        options = self.options
        pending = ""
        for number, whole in enumerate(text, 1):
            ending = whole[len(whole.rstrip("\r\n")) :]
            line = pending + whole.removesuffix(ending)
            if options.escape and ending and open_escape(line):
                pending = (
                    line + ending[0]
                )  # the character that is escaped; a line feed behind it ends the line all the same
                if len(ending) == 1:
                    continue
                line = pending
            pending = ""
            if number <= options.ignore_header or (not line and options.ignore_blank_lines):
                continue
            try:
                values = split_fields(
                    line, options.delimiter, escape=options.escape, remove_quotes=options.remove_quotes
                )
            except ValueError as error:
                yield _Row(number, line, [], str(error))
                continue
            yield _Row(number, line, values)

    def _fixed(self, text: IO[str]) -> Iterator[_Row]:
        for number, whole in enumerate(text, 1):
            line = whole.rstrip("\r\n")
            if number <= self.options.ignore_header or (not line and self.options.ignore_blank_lines):
                continue
            values: list[str | None] = []
            at = 0
            for _, width in self.options.widths:
                values.append(line[at : at + width].rstrip(" "))
                at += width
            yield _Row(number, line, values)

    def _json(self, text: IO[str]) -> Iterator[_Row]:
        how = self.options.json_paths.lower()
        paths: list[list[str | int]] = []
        if how.startswith("s3://"):
            with self.session.storage.open(self.options.json_paths) as content:
                paths = read_json_paths(content, self.options.json_paths, len(self.targets))
        if not paths and how not in ("auto", "auto ignorecase", "noshred"):
            raise SqlError(f"JSON option {self.options.json_paths!r} is not known")
        for number, raw, document in documents(text):
            if isinstance(document, str) and document.startswith("\0"):
                yield _Row(number, raw, [], f"Invalid JSON: {document[1:]}")
                continue
            if paths:
                found = [follow(document, steps) for steps in paths]
                yield _Row(
                    number, raw, [_scalar(value, one.type) for value, one in zip(found, self.targets, strict=True)]
                )
                continue
            if how == "noshred":
                yield _Row(number, raw, [raw])
                continue
            if not isinstance(document, dict):
                yield _Row(number, raw, [], "Invalid JSONPath format: an object is expected")
                continue
            keys = {key.lower(): value for key, value in document.items()} if how == "auto ignorecase" else document
            yield _Row(number, raw, [_scalar(keys.get(one.name), one.type) for one in self.targets])

    def _shape(self, row: _Row) -> None:
        """The right number of fields, NULLs where the options say so."""
        options = self.options
        missing = len(self.targets) - len(row.values)
        if missing > 0 and options.fill_record:
            row.values += ["" if one.type.name == "varchar" else None for one in self.targets[-missing:]]
        elif missing > 0:
            row.trouble = (
                "Delimiter not found" if options.format == "text" else "Missing column(s): fewer fields than columns"
            )
            return
        elif missing < 0:
            row.trouble = "Extra column(s) found"
            return
        for n, (value, target) in enumerate(zip(row.values, self.targets, strict=True)):
            if value is None:
                continue
            if options.trim_blanks and target.type.name == "varchar":
                value = row.values[n] = value.rstrip(" ")
            if (invalid := _INVALID[options.encoding == "utf-8"]).search(value):
                if options.bad_chars is not None:
                    value = row.values[n] = invalid.sub(options.bad_chars, value)
                elif options.encoding == "utf-8":
                    row.trouble = "String contains invalid or unsupported UTF8 codepoints; use ACCEPTINVCHARS"
                    return
            if (
                value == options.null_as
                or (not value.strip() and not target.type.is_text)
                or (not value and options.empty_as_null)
                or (options.blanks_as_null and target.type.is_text and not value.strip())
            ):
                row.values[n] = None

    def _expression(self, target: ColumnSpec, source: str) -> str:
        kind, options = target.type, self.options
        if kind.is_text and options.truncate_columns:
            return cast(Value(source, TEXT), kind)
        if kind.name == "super":
            return f"rs_json_parse({source})"
        if kind.name in ("date", "timestamp", "timestamptz"):
            return copied_moment(source, kind, options)
        if kind.name == "varbyte":
            return f"unhex({source})"
        if kind.name == "numeric" and not options.round_decimals:
            return f"CAST(rs_cut_decimal(trim({source}), {kind.scale}) AS {kind.duck})"
        return assigned(Value(source, TEXT), kind)

    def _checked(self, target: ColumnSpec, source: str) -> str:
        text = self._expression(target, source)
        if target.type.name in ("super", "timetz"):
            text = f"CAST({text} AS VARCHAR)"
        if target.not_null:
            text = f"CASE WHEN {source} IS NULL THEN rs_raise('Missing data for not-null field') ELSE {text} END"
        return text

    def _load(self, name: str, batch: list[_Row]) -> None:
        """Convert a batch apart, for an error inside the transaction would end it; halve a bad one until its bad rows stand alone."""
        import pyarrow as pa

        if not batch:
            return
        columns = {f"c{n}": pa.array([row.values[n] for row in batch], pa.string()) for n in range(len(self.targets))}
        try:
            self.session.checkpoint()
            converted = self.session.converted_arrow(pa.table(columns), self._convert)
        except SqlError as error:
            if self.session.interrupted:
                raise
            if len(batch) == 1:
                self._reject(name, batch[0], self._culprit(batch[0]), str(error).removeprefix("ERROR: "))
                return
            middle = len(batch) // 2
            self._load(name, batch[:middle])
            self._load(name, batch[middle:])
            return
        if not self.options.no_load:
            self.rows += self.session.insert_arrow(converted, self._insert)

    def _culprit(self, row: _Row) -> str:
        for n, target in enumerate(self.targets):
            value = row.values[n]
            if value is None and target.not_null:
                return target.name
            if value is not None and not self.session.converts(self._expression(target, literal(value))):
                return target.name
        return ""

    def _reject(self, name: str, row: _Row, column: str, reason: str) -> None:
        place = next((n for n, one in enumerate(self.targets) if one.name == column), -1)
        value = row.values[place] if 0 <= place < len(row.values) else ""
        self.errors.append(LoadError(name, row.line, column, row.raw[:1024], (value or "")[:1024], reason[:200]))
        if len(self.errors) > self.options.max_error or (
            self.options.max_error and len(self.errors) >= self.options.max_error
        ):
            raise _TooManyErrors


def _scalar(value: Any, kind: SqlType) -> str | None:
    if value is None:
        return None
    if kind.name == "super" or isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _from_parquet(kind: SqlType, source: str, options: CopyOptions) -> str:
    if kind.is_text:
        return cast(Value(source, TEXT), kind) if options.truncate_columns else assigned(Value(source, TEXT), kind)
    if kind.name == "super":
        return f"CAST(to_json({source}) AS JSON)"
    if kind.name == "timestamptz":
        return f"CAST({source} AS TIMESTAMPTZ)"
    return f"CAST({source} AS {kind.duck})"
