"""A look at a sample: which lines match, where the groups stand in them, what types the columns would have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from core.warehouse.extract.definition import DOCUMENT, JSON, XML, Definition, OutputColumn, Tally
from core.warehouse.extract.documents import compiled as document_pattern
from core.warehouse.extract.documents import matches, read_document
from core.warehouse.extract.matching import engine_of, group_names, python_pattern, with_polars, with_python
from core.warehouse.extract.presets import PRESETS
from core.warehouse.extract.rows import json_text, json_value
from core.warehouse.extract.sources import Damaged, Source, line_blocks
from core.warehouse.extract.typing import guessed
from core.warehouse.extract.xml import xml_records, xml_shape, xml_text

SAMPLE_LINES = 400
_SECONDS = 3.0  # a preview that takes longer is a pattern gone wild
_FILES = 5
_TOLD_BY = 20  # lines that tell what a file is


@dataclass(frozen=True, slots=True)
class SampleLine:
    """spans: (start, end, group number from 0) of the groups in ``text``; none where the line does not match."""

    text: str
    matched: bool
    spans: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """definition: with its columns and types as guessed from the sample. rows: the first ones, as text.

    fits: where no line matches, the preset that the sample looks like, if any.
    """

    definition: Definition
    engine: str
    lines: tuple[SampleLine, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    sampled: int = 0
    rejected: int = 0
    problems: tuple[tuple[str, str], ...] = field(default=())
    fits: str = ""


def preview_in_child(report: Any, definition: Definition, sources: Sequence[Source], guess: bool = True) -> Preview:
    """Run by ``core.jobs.child``: a wild pattern can be stopped, and the window's thread never waits."""
    if definition.kind == XML:
        return _xml(definition, sources)
    if definition.kind == DOCUMENT:
        return _documents(definition, sources, guess)
    lines, problems = sample(sources)
    if definition.kind == JSON:
        return _json(definition, lines, problems)
    return _pattern(definition, lines, problems, guess)


def sample(sources: Sequence[Source]) -> tuple[list[str], list[tuple[str, str]]]:
    """The first lines of the first files, an equal share of each."""
    lines: list[str] = []
    problems = []
    share = max(40, SAMPLE_LINES // min(_FILES, max(1, len(sources))))
    for source in sources[:_FILES]:
        mine: list[str] = []
        try:
            for data, _too_long in line_blocks(source):
                text = data[: 1 << 20].decode("utf-8", "replace").removesuffix("\n")
                mine += [line.removesuffix("\r") for line in text.split("\n")] if data else []
                if len(mine) >= share:
                    break
        except Damaged as error:
            problems.append((source.name, str(error)))
        lines += mine[:share]
    return lines, problems


def _pattern(definition: Definition, lines: list[str], problems: list[tuple[str, str]], guess: bool) -> Preview:
    import polars as pl

    if definition.skip:
        lines = [line for line in lines if not re.search(definition.skip, line)]
    engine, names = engine_of(definition.pattern), group_names(definition.pattern)
    checked = with_python(lines, definition.pattern, names, _SECONDS)
    compiled = re.compile(python_pattern(definition.pattern))
    shown = []
    for line, matched in zip(lines, checked["\0ok"], strict=True):
        found = compiled.fullmatch(line) if matched else None
        spans = (
            tuple((*found.span(n), n - 1) for n in range(1, compiled.groups + 1) if found.span(n)[0] >= 0)
            if found
            else ()
        )
        shown.append(SampleLine(line[:2_000], matched, spans))
    schema = {"\0ok": pl.Boolean, **dict.fromkeys(names, pl.String)}
    raw = (
        pl.DataFrame(checked, schema=schema)
        if engine == "python"
        else with_polars(pl.Series(lines, dtype=pl.String), definition.pattern, names)
    )
    raw = raw.filter(pl.col("\0ok")).drop("\0ok")
    columns = definition.columns
    if guess or len(columns) != len(names):
        known = {column.name: column for column in columns}
        columns = tuple(known.get(name) or guessed(raw[name], name, definition.null) for name in names)
    made = replace(definition, columns=columns)
    rejected, rows = len(lines) - raw.height, tuple(raw.head(50).rows())
    fits = "" if raw.height else looks_like(lines)
    return Preview(made, engine, tuple(shown), rows, len(lines), rejected, tuple(problems), fits)


def looks_like(lines: Sequence[str]) -> str:
    """The preset that most of the first lines fit; empty where none does."""
    told = [line for line in lines if line.strip()][:_TOLD_BY]
    if not told:
        return ""
    if re.match(r"\ufeff?\s*<(\?xml|!|[A-Za-z_])", told[0]):
        return "xml"
    counts = {
        name: sum(re.fullmatch(python_pattern(preset.pattern), line) is not None for line in told)
        for name, preset in PRESETS.items()
        if preset.pattern
    }
    counts["json"] = sum(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in told)
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] > len(told) / 2 else ""


def _json(definition: Definition, lines: list[str], problems: list[tuple[str, str]]) -> Preview:
    import polars as pl

    keys: dict[str, None] = {}
    found: list[dict[str, Any] | None] = []
    for line in lines:
        try:
            value = json_value(line)
        except ValueError:
            value = None
        found.append(value if isinstance(value, dict) else None)
        if isinstance(value, dict):
            keys.update(dict.fromkeys(map(str, value)))
    columns = definition.columns
    if not columns:
        columns = tuple(
            guessed(
                pl.Series([json_text(row.get(key)) for row in found if row is not None], dtype=pl.String),
                key,
                ("",),
                key,
            )
            for key in keys
        )
    shown = tuple(SampleLine(line[:2_000], row is not None) for line, row in zip(lines, found, strict=True))
    rows = tuple(tuple(json_text(row.get(c.path or c.name)) for c in columns) for row in found[:50] if row is not None)
    bad = sum(row is None for row in found)
    return Preview(
        replace(definition, columns=columns, null=("",)), "orjson", shown, rows, len(lines), bad, tuple(problems)
    )


def _xml(definition: Definition, sources: Sequence[Source]) -> Preview:
    import polars as pl

    columns = definition.columns
    if columns and definition.record:
        record = definition.record
    else:
        record, paths = xml_shape(sources, definition.record)
        names = [path.lstrip("@").replace("/", "_") if path != "." else record for path in paths]
        columns = tuple(OutputColumn(name, path=path) for name, path in zip(names, paths, strict=True))
    problems, rows = [], []
    for source in sources[:_FILES]:
        try:
            for element in xml_records(source, record, Tally()):
                rows.append([xml_text(element, column.path) for column in columns])
                if len(rows) >= SAMPLE_LINES:
                    break
        except Damaged as error:
            problems.append((source.name, str(error)))
    texts = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    columns = tuple(
        guessed(pl.Series(list(values), dtype=pl.String), column.name, ("",), column.path)
        for column, values in zip(columns, texts, strict=True)
    )
    made = replace(definition, record=record, columns=columns, null=("",))
    return Preview(made, "xml", (), tuple(map(tuple, rows[:50])), len(rows), 0, tuple(problems))


def _documents(definition: Definition, sources: Sequence[Source], guess: bool) -> Preview:
    import polars as pl

    pattern, names = document_pattern(definition.pattern), group_names(definition.pattern)
    shown: list[SampleLine] = []
    rows: list[list[str | None]] = []
    problems, empty = [], 0
    for source in sources[:_FILES]:
        try:
            text, _size = read_document(source)
        except Damaged as error:
            problems.append((source.name, str(error)))
            continue
        found = list(islice(matches(definition, text, source.name, _SECONDS), SAMPLE_LINES // _FILES))
        empty += not found
        rows += [values for _, values in found]
        for text, _ in found:
            match = pattern.fullmatch(text)
            groups = range(1, pattern.groups + 1) if match else ()
            spans = tuple((*match.span(n), n - 1) for n in groups if match and match.span(n)[0] >= 0)
            shown.append(SampleLine(text[:2_000], True, spans))
        if not found:
            shown.append(SampleLine(f"{source.name}: no match", False))
    columns = definition.columns
    if guess or len(columns) != len(names):
        known = {column.name: column for column in columns}
        texts_of = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        columns = tuple(
            known.get(name) or guessed(pl.Series(list(column), dtype=pl.String), name, ("",))
            for name, column in zip(names, texts_of, strict=True)
        )
    made = replace(definition, columns=columns, null=("",))
    return Preview(
        made, "document", tuple(shown), tuple(map(tuple, rows[:50])), len(rows) + empty, empty, tuple(problems)
    )
