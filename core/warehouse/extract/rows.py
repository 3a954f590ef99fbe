"""One block of text as typed rows and rejects, whatever the definition's kind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.base.errors import OpsError
from core.warehouse.extract.definition import DOCUMENT, JSON, PATTERN, XML, Definition, Tally
from core.warehouse.extract.documents import matches, read_document
from core.warehouse.extract.matching import Matcher, engine_of, group_names, with_python
from core.warehouse.extract.sources import Damaged, Source, line_blocks
from core.warehouse.extract.typing import applied
from core.warehouse.extract.xml import xml_records, xml_text

if TYPE_CHECKING:
    import polars as pl

Rejects = list[tuple[str, str, str]]
"""(name of the source, reason, the text)"""
_TOO_LONG = "longer than 1 MB"
_BATCH = 20_000
"""Rows of documents that become one frame: a frame a document would cost more than its matching."""
Rows = Iterator[tuple[int, "pl.DataFrame | None", Rejects]]
"""The number of the source that is being read, its typed rows (None: it ended without a full batch), the rejects."""


def typed_rows(definition: Definition, sources: Sequence[Source], tally: Tally) -> Rows:
    """Typed rows of all sources, block by block. A damaged file ends early and is noted in the tally's problems."""
    if definition.kind in (XML, DOCUMENT):
        yield from _document_rows(definition, sources, tally)
        return
    for number, source in enumerate(sources):
        for frame, rejects in _line_rows(definition, source, tally):
            yield number, frame, rejects


def _line_rows(definition: Definition, source: Source, tally: Tally) -> Iterator[tuple[pl.DataFrame, Rejects]]:
    tally.files += 1
    try:
        matcher = _matcher(definition) if definition.kind == PATTERN else None
        for data, heads in line_blocks(source):
            tally.bytes += len(data)
            tally.reject(_TOO_LONG, len(heads))
            long = [(source.name, _TOO_LONG, head.decode("utf-8", "replace")) for head in heads]
            lines, misread = _lines(data)
            tally.misread += misread
            tally.lines += len(lines) + len(heads)
            if definition.skip:
                kept = lines.filter(~lines.str.contains(definition.skip))
                tally.skipped += len(lines) - len(kept)
                lines = kept
            frame, refused = _typed(definition, lines, _raw(definition, lines, matcher), tally, source.name)
            yield frame, long + refused
    except Damaged as error:
        tally.problems.append((source.name, str(error)))


def _matcher(definition: Definition) -> Matcher | None:
    """None where only Python's regex can match. Raises OpsError (code ``pattern``)."""
    engine = engine_of(definition.pattern)
    names, groups = [column.name for column in definition.columns], group_names(definition.pattern)
    if len(names) != len(groups):
        raise OpsError(
            "Pattern and columns do not fit",
            f"The pattern has {len(groups)} groups, the table {len(names)} columns",
            "Preview the pattern again",
            code="pattern",
        )
    return Matcher(definition.pattern, names) if engine == "polars" else None


def _lines(data: bytes) -> tuple[pl.Series, int]:
    """Lines without their ends, and how many hold bytes that are not UTF-8: these become replacement characters."""
    import numpy as np
    import polars as pl
    import pyarrow as pa

    misread = 0
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            misread = sum(line.decode("utf-8", "ignore").encode() != line for line in data.split(b"\n"))
            data = data.decode("utf-8", "replace").encode()
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
    if data and not data.endswith(b"\n"):
        ends = np.append(ends, len(data))
    offsets = np.concatenate(([0], ends)).astype(np.int64)
    stored = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(data))
    lines = pl.Series("line", stored, dtype=pl.String).str.strip_suffix("\n")
    return (lines.str.strip_suffix("\r") if b"\r" in data else lines), misread


def _raw(definition: Definition, lines: pl.Series, matcher: Matcher | None) -> pl.DataFrame:
    """Text columns and ``\\0ok``, before types."""
    import polars as pl

    if definition.kind == JSON:
        return _json(definition, lines)
    if matcher:
        return matcher.groups(lines)
    names = [column.name for column in definition.columns]
    schema = {"\0ok": pl.Boolean, **dict.fromkeys(names, pl.String)}
    return pl.DataFrame(with_python(lines.to_list(), definition.pattern, names), schema=schema)


def _json(definition: Definition, lines: pl.Series) -> pl.DataFrame:
    import polars as pl

    keys = [column.path or column.name for column in definition.columns]
    matched: list[bool] = []
    columns: list[list[str | None]] = [[] for _ in keys]
    for line in lines.to_list():
        try:
            found = json_value(line)
            fits = isinstance(found, dict)
        except ValueError:
            found, fits = {}, False
        matched.append(fits)
        for column, key in zip(columns, keys, strict=True):
            column.append(json_text(found.get(key)) if fits else None)
    data = {"\0ok": matched} | {part.name: column for part, column in zip(definition.columns, columns, strict=True)}
    return pl.DataFrame(data, schema={"\0ok": pl.Boolean, **{part.name: pl.String for part in definition.columns}})


_LONG_NUMBER = re.compile(r"\d[\d.]{16}")


def json_value(line: str) -> Any:
    """A JSON document; a number of more digits than a float holds keeps them all. Raises ValueError."""
    import orjson

    if not _LONG_NUMBER.search(line):
        return orjson.loads(line)
    return json.loads(line, parse_float=Decimal, parse_int=Decimal)


def json_text(value: Any) -> str | None:
    """A JSON value as text: strings as they are, objects and lists as JSON."""
    import orjson

    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, default=lambda number: orjson.Fragment(str(number))).decode()


def _typed(
    definition: Definition, lines: pl.Series, raw: pl.DataFrame, tally: Tally, source: str | pl.Series
) -> tuple[pl.DataFrame, Rejects]:
    """Types applied; a row with a value that does not fit its type is rejected with that reason.

    lines: the text of each row. source: where they stand, the name of one file or a name for each row.
    """
    import polars as pl

    rejects: Rejects = []

    def refuse(reason: str, which: pl.Series) -> None:
        texts = lines.filter(which).to_list()
        tally.reject(reason, len(texts))
        names = [source] * len(texts) if isinstance(source, str) else source.filter(which).to_list()
        rejects.extend((name, reason, text) for name, text in zip(names, texts, strict=True))

    ok = raw["\0ok"]
    if not ok.all():
        refuse({JSON: "not a JSON object", DOCUMENT: "no match in the document"}.get(definition.kind, "no match"), ~ok)
        lines, raw = lines.filter(ok), raw.filter(ok)
        source = source if isinstance(source, str) else source.filter(ok)
    good = pl.repeat(True, raw.height, dtype=pl.Boolean, eager=True)
    made = []
    for column in definition.columns:
        series, misfits = applied(raw[column.name], column, definition.null)
        made.append(series)
        misfits &= good  # a row is rejected once, for its first fault
        if misfits.any():
            refuse(f"{column.name} is not {_kind_words(column.kind)}", misfits)
            good &= ~misfits
    frame = pl.DataFrame(made)
    if not good.all():
        frame = frame.filter(good)
    tally.rows += frame.height
    for column in definition.columns:
        if column.kind == "text" and frame.height:
            most = frame[column.name].str.len_bytes().max()
            tally.longest[column.name] = max(tally.longest.get(column.name, 0), int(most or 0))  # type: ignore[arg-type]
    return frame, rejects


def _kind_words(kind: str) -> str:
    return {
        "whole": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "date": "a date",
        "time": "a time",
    }[kind]


# -- documents -------------------------------------------------------------------------
def _document_rows(definition: Definition, sources: Sequence[Source], tally: Tally) -> Rows:
    """Rows of whole documents, by path or by pattern, batched over them."""
    import polars as pl

    schema = {"\0ok": pl.Boolean, **{column.name: pl.String for column in definition.columns}}
    places: list[str] = []
    texts: list[str] = []
    values: list[list[Any]] = []
    find = _found_by_path if definition.kind == XML else _found_by_pattern

    def flushed() -> tuple[pl.DataFrame, Rejects]:
        columns = zip(*values, strict=True)
        raw = pl.DataFrame([pl.Series(name, part, schema[name]) for name, part in zip(schema, columns, strict=True)])
        lines, names = pl.Series(texts, dtype=pl.String), pl.Series(places, dtype=pl.String)
        if definition.kind == XML:
            lines = raw.select(pl.concat_str(pl.col(pl.String).fill_null(""), separator=" | ")).to_series()
        for batch in (places, texts, values):
            batch.clear()
        return _typed(definition, lines, raw, tally, names)

    for number, source in enumerate(sources):
        tally.files += 1
        try:
            for text, row in find(definition, source, tally):
                tally.lines += 1
                places.append(source.name)
                texts.append(text)
                values.append(row)
                if len(values) >= _BATCH:
                    yield number, *flushed()
        except Damaged as error:
            tally.problems.append((source.name, str(error)))
        yield number, None, []
    if values:
        yield len(sources) - 1, *flushed()


def _found_by_path(definition: Definition, source: Source, tally: Tally) -> Iterator[tuple[str, list[Any]]]:
    """A record of the XML each: its values; they are its text too, should it be rejected."""
    paths = [column.path or column.name for column in definition.columns]
    for element in xml_records(source, definition.record, tally):
        yield "", [True, *(xml_text(element, path) for path in paths)]


def _found_by_pattern(definition: Definition, source: Source, tally: Tally) -> Iterator[tuple[str, list[Any]]]:
    """A match of the pattern each; a document without one is a reject."""
    text, size = read_document(source)
    tally.bytes += size
    row: list[Any] = []
    for matched, found in matches(definition, text, source.name):
        row = [True, *found]
        yield matched, row
    if not row:
        yield "", [False, *([None] * len(definition.columns))]
