"""One block of text as typed rows and rejects, whatever the definition's kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from core.base.errors import OpsError
from core.warehouse.extract.definition import DOCUMENT, JSON, PATTERN, XML, Definition, Tally
from core.warehouse.extract.documents import matches
from core.warehouse.extract.matching import engine_of, group_names, with_polars, with_python
from core.warehouse.extract.sources import Damaged, Source, line_blocks, raw_blocks
from core.warehouse.extract.typing import applied

if TYPE_CHECKING:
    import polars as pl

Rejects = list[tuple[str, str]]
"""(reason, the text)"""
_XML_BATCH = 20_000


def blocks_of_rows(definition: Definition, source: Source, tally: Tally) -> Iterator[tuple[pl.DataFrame, Rejects]]:
    """Typed rows of one source, block by block. A damaged file ends early and is noted in the tally's problems."""
    if definition.kind == XML:
        for _, frame, rejects in xml_blocks(definition, [source], tally):
            if frame is not None:
                yield frame, rejects
        return
    tally.files += 1
    try:
        if definition.kind == DOCUMENT:
            yield from _document_blocks(definition, source, tally)
            return
        engine = engine_of(definition.pattern) if definition.kind == PATTERN else ""
        for data, too_long in line_blocks(source):
            tally.bytes += len(data)
            tally.lines += too_long
            tally.reject("longer than 1 MB", too_long)
            lines = _lines(data)
            tally.lines += len(lines)
            if definition.skip:
                kept = lines.filter(~lines.str.contains(definition.skip))
                tally.skipped += len(lines) - len(kept)
                lines = kept
            yield _typed(definition, lines, _raw(definition, lines, engine), tally)
    except Damaged as error:
        tally.problems.append((source.name, str(error)))


def _lines(data: bytes) -> pl.Series:
    """Lines without their ends; what is not UTF-8 keeps its bytes as replacement characters."""
    import polars as pl

    text = data.decode("utf-8", "replace")
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    series = pl.Series("line", lines, dtype=pl.String)
    return series.str.strip_suffix("\r") if "\r" in text else series


def _raw(definition: Definition, lines: pl.Series, engine: str) -> pl.DataFrame:
    """Text columns and ``\\0ok``, before types."""
    import polars as pl

    names = [column.name for column in definition.columns]
    if definition.kind == JSON:
        return _json(definition, lines)
    if len(names) != len(group_names(definition.pattern)):
        raise OpsError(
            "Pattern and columns do not fit",
            f"The pattern has {len(group_names(definition.pattern))} groups, the table {len(names)} columns",
            "Preview the pattern again",
            code="pattern",
        )
    if engine == "polars":
        return with_polars(lines, definition.pattern, names)
    schema = {"\0ok": pl.Boolean, **dict.fromkeys(names, pl.String)}
    return pl.DataFrame(with_python(lines.to_list(), definition.pattern, names), schema=schema)


def _json(definition: Definition, lines: pl.Series) -> pl.DataFrame:
    import orjson
    import polars as pl

    keys = [column.path or column.name for column in definition.columns]
    matched: list[bool] = []
    columns: list[list[str | None]] = [[] for _ in keys]
    for line in lines.to_list():
        try:
            found = orjson.loads(line)
            fits = isinstance(found, dict)
        except orjson.JSONDecodeError:
            found, fits = {}, False
        matched.append(fits)
        for column, key in zip(columns, keys, strict=True):
            column.append(json_text(found.get(key)) if fits else None)
    data = {"\0ok": matched} | {part.name: column for part, column in zip(definition.columns, columns, strict=True)}
    return pl.DataFrame(data, schema={"\0ok": pl.Boolean, **{part.name: pl.String for part in definition.columns}})


def json_text(value: Any) -> str | None:
    """A JSON value as text: strings as they are, objects and lists as JSON."""
    import orjson

    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _typed(
    definition: Definition, lines: pl.Series | None, raw: pl.DataFrame, tally: Tally
) -> tuple[pl.DataFrame, Rejects]:
    """Types applied; a row with a value that does not fit its type is rejected with that reason."""
    import polars as pl

    ok = raw["\0ok"]
    rejects: Rejects = []
    unmatched = int((~ok).sum())
    if unmatched:
        reason = {JSON: "not a JSON object"}.get(definition.kind, "no match")
        tally.reject(reason, unmatched)
        if lines is not None:
            rejects += [(reason, text) for text in lines.filter(~ok).to_list()]
            lines = lines.filter(ok)
        raw = raw.filter(ok)
    good = pl.repeat(True, raw.height, dtype=pl.Boolean, eager=True)
    made = []
    for column in definition.columns:
        series, misfits = applied(raw[column.name], column, definition.null)
        made.append(series)
        misfits &= good  # a row is rejected once, for its first fault
        count = int(misfits.sum())
        if count:
            reason = f"{column.name} is not {_kind_words(column.kind)}"
            tally.reject(reason, count)
            if lines is not None:
                rejects += [(reason, text) for text in lines.filter(misfits).to_list()]
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


def _document_blocks(definition: Definition, source: Source, tally: Tally) -> Iterator[tuple[pl.DataFrame, Rejects]]:
    import polars as pl

    names = [column.name for column in definition.columns]
    schema = {"\0ok": pl.Boolean, **dict.fromkeys(names, pl.String)}
    found = 0
    for (texts, rows), size in matches(definition, source):
        tally.bytes += size
        tally.lines += len(rows)
        found += len(rows)
        if rows:
            columns = zip(*rows, strict=True)
            data = {"\0ok": [True] * len(rows), **{n: list(c) for n, c in zip(names, columns, strict=True)}}
            yield _typed(definition, pl.Series(texts, dtype=pl.String), pl.DataFrame(data, schema=schema), tally)
    if not found:
        tally.lines += 1
        tally.reject("no match in the document")


# -- XML -------------------------------------------------------------------------------
def xml_blocks(
    definition: Definition, sources: Sequence[Source], tally: Tally
) -> Iterator[tuple[int, pl.DataFrame | None, Rejects]]:
    """Typed rows of many documents, batched over them (a frame a document would cost more than its parsing), each with the
    number of the source that is being read; None after a document without a full batch."""
    import polars as pl

    names = [column.name for column in definition.columns]
    schema = {"\0ok": pl.Boolean, **dict.fromkeys(names, pl.String)}
    batch: list[list[str | None]] = []

    def flushed() -> tuple[pl.DataFrame, Rejects]:
        columns = list(zip(*batch, strict=True)) if batch else [()] * len(names)
        data = {"\0ok": [True] * len(batch), **{n: list(c) for n, c in zip(names, columns, strict=True)}}
        return _typed(definition, None, pl.DataFrame(data, schema=schema), tally)

    for number, source in enumerate(sources):
        tally.files += 1
        try:
            for element in xml_records(source, definition.record, tally):
                tally.lines += 1
                batch.append([xml_text(element, column.path or column.name) for column in definition.columns])
                if len(batch) >= _XML_BATCH:
                    yield number, *flushed()
                    batch.clear()
        except Damaged as error:
            tally.problems.append((source.name, str(error)))
        yield number, None, []
    if batch:
        yield len(sources) - 1, *flushed()


class _Stream:
    """The blocks of a source as a file for the parser."""

    def __init__(self, source: Source, tally: Tally) -> None:
        self._blocks, self._tally, self._rest = raw_blocks(source), tally, b""

    def read(self, size: int = -1) -> bytes:
        piece = self._rest or next(self._blocks, b"")
        taken, self._rest = (piece[:size], piece[size:]) if size >= 0 else (piece, b"")
        self._tally.bytes += len(taken)
        return taken


def xml_records(source: Source, record: str, tally: Tally) -> Iterator[Any]:
    """Each ``record`` element once it is closed; memory stays flat. Entities and DTD tricks are refused (defusedxml)."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    try:
        path: list[Any] = []
        for event, element in iterparse(_Stream(source, tally), events=("start", "end"), forbid_dtd=False):
            if event == "start":
                path.append(element)
                continue
            path.pop()
            if local_name(element.tag) == record:
                yield element
                element.clear()
                if path:  # the parent would keep a husk of every record
                    path[-1].remove(element)
    except DefusedXmlException as error:
        raise Damaged(f"it declares entities, which are refused ({type(error).__name__})") from error
    except ParseError as error:
        raise Damaged(f"it is not well-formed XML ({error})") from error


def local_name(tag: str) -> str:
    return str(tag).rpartition("}")[2]


def xml_text(element: Any, path: str) -> str | None:
    """The value at a path inside a record; namespaces are ignored; None where there is none."""
    if path == ".":
        return (element.text or "").strip() or None
    here = element
    for step in path.split("/"):
        if step.startswith("@"):
            found = next((value for key, value in here.attrib.items() if local_name(key) == step[1:]), None)
            return None if found is None else str(found)
        here = next((child for child in here if local_name(child.tag) == step), None)
        if here is None:
            return None
    text = "".join(here.itertext()).strip()
    return text or None


def xml_shape(sources: Sequence[Source], most: int = 2_000_000) -> tuple[str, list[str]]:
    """The record element and its fields, guessed: the element that repeats most and holds something."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    seen: dict[str, int] = {}
    fields: dict[str, dict[str, None]] = {}
    for source in sources[:20]:
        tally = Tally()
        try:
            for _event, element in iterparse(_Stream(source, tally), events=("end",)):
                name = local_name(element.tag)
                inside = fields.setdefault(name, {})
                if not len(element) and not element.attrib:
                    continue
                seen[name] = seen.get(name, 0) + 1
                inside.update(dict.fromkeys(f"@{local_name(key)}" for key in element.attrib))
                inside.update(dict.fromkeys(local_name(child.tag) for child in element if not len(child)))
                if not len(element) and (element.text or "").strip():
                    inside["."] = None
                if tally.bytes > most:
                    break
        except (DefusedXmlException, ParseError, Damaged):
            continue  # reading it in earnest says why
    if not seen:
        raise OpsError(
            "No record was found in the XML",
            "No element holds children or attributes",
            "Name the record element",
            code="xml",
        )
    record = max(seen, key=lambda name: (seen[name], len(fields[name])))
    return record, list(fields[record])
