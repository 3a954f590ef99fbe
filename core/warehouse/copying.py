"""Rows of a result as text for the clipboard: CSV, Markdown, INSERT statements, an IN list; quoted so that each reader gets the
values back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.base.errors import OpsError
from core.jobs.job import Job
from core.warehouse.statements import literal, masked, quoted

if TYPE_CHECKING:
    import polars as pl

FORMS = (
    ("csv", "Copy as CSV"),
    ("markdown", "Copy as a Markdown table"),
    ("insert", "Copy as INSERT statements"),
    ("in", "Copy as an IN list"),
)
LONGEST = 64_000_000
"""Characters: more is for a file. A clipboard is held twice, by this program and by whoever takes it."""
_STEP = 2_000  # rows between two looks at the job
_INSERT_ROWS, _INSERT_BYTES = 500, 90_000  # a statement: the Data API takes 100 KB
_CALLS = {"super": "JSON_PARSE({})", "varbyte": "FROM_HEX({})", "geometry": "ST_GeomFromEWKB({})"}
"""Types that arrive as text: stored as they are, they would become strings (SUPER) or be refused."""
_TABLE = re.compile(r'\bfrom\s+((?:"[^"]+"|[\w$#]+)(?:\.(?:"[^"]+"|[\w$#]+)){0,2})(?=\s|;|$)', re.I)
_SEVERAL = re.compile(r"\b(join|union|intersect|except|minus|group\s+by|pivot|unpivot)\b", re.I)
_MARKED = re.compile(r"[\\`*_<>&|\[\]~]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows came from. types: the warehouse's words by column. dialect: sqlglot's name."""

    sql: str
    dialect: str
    escapes: bool
    types: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Copied:
    """note: what the text does not hold, "" where it holds all."""

    text: str
    note: str = ""


def copied(job: Job[Any], frame: pl.DataFrame, form: str, origin: Origin) -> Copied:
    """``frame`` in one of FORMS, or parted by tabs (tsv; plain: without a heading). Raises OpsError (code ``too-large``) for more
    than a clipboard should hold."""
    if form in ("csv", "tsv", "plain"):
        return Copied(_csv(frame, "," if form == "csv" else "\t", heading=form != "plain"))
    if form == "in":
        return _in_list(frame, origin)
    pieces, size = [], 0
    for piece in (_markdown if form == "markdown" else _inserts)(job, frame, origin):
        pieces.append(piece)
        size += len(piece)
        check_length(size)
    return Copied("".join(pieces))


def check_length(size: int) -> None:
    """Raises OpsError (code ``too-large``) for more characters than a clipboard should hold."""
    if size > LONGEST:
        raise OpsError(
            "This is too much for the clipboard",
            f"It holds {LONGEST // 1_000_000} million characters here, and this is more",
            "Choose less, or export the result to a file",
            code="too-large",
        )


def _csv(frame: pl.DataFrame, separator: str, *, heading: bool) -> str:
    """As RFC 4180: NULL is nothing, the empty string is ``""``."""
    import polars as pl

    check_length(int(frame.estimated_size()))
    plain = frame.with_columns(pl.selectors.binary().bin.encode("hex"))
    text: str = plain.write_csv(separator=separator, include_header=heading)
    check_length(len(text))
    return text


# -- Markdown ----------------------------------------------------------------------------
def _markdown(job: Job[Any], frame: pl.DataFrame, _origin: Origin) -> Iterator[str]:
    yield _row(_cell(name) for name in frame.columns)
    yield _row("---:" if kind.is_numeric() else "---" for kind in frame.dtypes)
    for row in _rows(job, frame):
        yield _row("NULL" if value is None else _cell(_plain(value)) for value in row)


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cell(text: str) -> str:
    """What Markdown would take for its own is escaped; a line end becomes a break within the cell."""
    shown = _MARKED.sub(lambda found: f"\\{found[0]}", text)
    return shown.replace("\r\n", "<br>").replace("\n", "<br>").replace("\r", "<br>")


# -- SQL ---------------------------------------------------------------------------------
def _inserts(job: Job[Any], frame: pl.DataFrame, origin: Origin) -> Iterator[str]:
    """Statements of several rows each, none longer than the Data API takes (but for a single row that is)."""
    names = ", ".join(_name(name, origin) for name in frame.columns)
    head = f"INSERT INTO {source_of(origin)} ({names}) VALUES\n"
    writers = [_writer(name, origin) for name in frame.columns]
    open_rows, size = 0, 0
    for row in _rows(job, frame):
        line = f"({', '.join(write(value) for write, value in zip(writers, row, strict=True))})"
        length = len(line.encode()) + 2
        if open_rows and (open_rows >= _INSERT_ROWS or size + length > _INSERT_BYTES):
            yield ";\n"
            open_rows = 0
        if open_rows:
            yield ",\n"
        else:
            yield head
            size = len(head.encode())
        yield line
        open_rows, size = open_rows + 1, size + length
    if open_rows:
        yield ";\n"


def _in_list(frame: pl.DataFrame, origin: Origin) -> Copied:
    """The first column's values, each once; NULL left out, for IN never finds it."""
    column = frame.to_series(0)
    write = _writer(column.name, origin)
    values = column.drop_nulls().unique(maintain_order=True)
    check_length(int(values.estimated_size()))
    text = f"({', '.join(write(value) for value in values)})"
    check_length(len(text))
    notes = []
    if nulls := column.null_count():
        notes.append(f"{nulls:,} {'NULL' if nulls == 1 else 'NULLs'} left out: IN never finds it")
    if frame.width > 1:
        notes.append(f"only of the column {column.name}")
    return Copied(text, "; ".join(notes))


def source_of(origin: Origin) -> str:
    """The one table a plain SELECT reads, as it is written there; ``table_name`` where it is not one."""
    code = masked(origin.sql, escapes=origin.escapes, names=False)
    words = masked(origin.sql, escapes=origin.escapes)
    found = _TABLE.search(code)
    if found is None or _SEVERAL.search(words) or len(re.findall(r"\bfrom\b", words, re.I)) != 1:
        return "table_name"
    behind = re.split(r"\b(?:where|order|limit|qualify|having|offset|fetch)\b", words[found.end() :], flags=re.I)[0]
    if not re.match(r"\s*select\b", words, re.I) or "," in behind or "(" in behind:
        return "table_name"
    return found[1]


def _name(name: str, origin: Origin) -> str:
    return f"`{name.replace('`', '``')}`" if origin.dialect == "hive" else quoted(name)


def _writer(name: str, origin: Origin) -> Callable[[Any], str]:
    kind = origin.types.get(name, "").lower().partition("(")[0]
    call = _CALLS.get(kind) if origin.dialect == "redshift" else None
    return lambda value: call.format(_text(str(value), origin)) if call and value is not None else _value(value, origin)


def _value(value: Any, origin: Origin) -> str:
    """A value as SQL text that gives the same value again."""
    from decimal import Decimal

    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and not math.isfinite(value):
        word = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return f"CAST('{word}' AS DOUBLE{'' if origin.dialect in ('hive', 'athena') else ' PRECISION'})"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, bytes):
        return _bytes(value, origin.dialect)
    return _text(_plain(value), origin)


def _text(text: str, origin: Origin) -> str:
    if origin.dialect == "hive":  # two quotes would be two strings there
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return literal(text, escapes=origin.escapes)


def _bytes(value: bytes, dialect: str) -> str:
    if dialect == "postgres":
        return f"DECODE('{value.hex()}', 'hex')"
    return f"UNHEX('{value.hex()}')" if dialect == "hive" else f"FROM_HEX('{value.hex()}')"


# -- cells -------------------------------------------------------------------------------
def _plain(value: Any) -> str:
    from datetime import datetime
    from decimal import Decimal

    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _rows(job: Job[Any], frame: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    for start in range(0, frame.height, _STEP):
        job.report(start, frame.height)
        yield from frame.slice(start, _STEP).iter_rows()
