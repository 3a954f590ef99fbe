"""Sort, filter and profile the rows of a result in polars; always from a job, never cell by cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.base.errors import OpsError

if TYPE_CHECKING:
    import polars as pl

_COMPARED = re.compile(r"(<=|>=|<>|!=|=|<|>)\s*(.*)$", re.S)


@dataclass(frozen=True, slots=True)
class Sort:
    column: str
    descending: bool = False


def order(frame: pl.DataFrame, filters: dict[str, str], sorts: Sequence[Sort]) -> pl.Series | None:
    """The row numbers (UInt32) to show, in their order; None means all rows as they came.

    A filter is what a user types over a column: part of the text (case does not matter), ``> 10``, ``= x``,
    ``!= x``, ``/regex/``, ``null`` or ``!null``. NULLs come last, rows that compare equal keep their order.
    """
    import polars as pl

    wanted = {column: text.strip() for column, text in filters.items() if text.strip()}
    if not wanted and not sorts:
        return None
    keys = list(dict.fromkeys([*wanted, *(sort.column for sort in sorts)]))
    numbered = frame.select(keys).with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("\0row"))
    for column, text in wanted.items():
        try:
            numbered = numbered.filter(condition(column, frame.schema[column], text))
        except (pl.exceptions.PolarsError, ValueError, ArithmeticError) as error:
            raise OpsError(
                f"The filter {text!r} cannot be used on {column}",
                str(error).split("\n")[0],
                "Correct it: part of the text, > 10, = x, /regex/, null or !null",
                code="filter",
            ) from error
    if sorts:
        numbered = numbered.sort(
            [sort.column for sort in sorts],
            descending=[sort.descending for sort in sorts],
            nulls_last=True,
            maintain_order=True,
        )
    return numbered["\0row"]


def condition(column: str, kind: Any, text: str) -> pl.Expr:
    """One filter as a polars expression. Raises ValueError for a value the column's type cannot hold."""
    import polars as pl

    cell = pl.col(column)
    if text.lower() in ("null", "is null"):
        return cell.is_null()
    if text.lower() in ("!null", "not null", "is not null"):
        return cell.is_not_null()
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        return cell.cast(pl.String).str.contains(f"(?i){text[1:-1]}")
    match = _COMPARED.match(text)
    if match is None:
        return cell.cast(pl.String).str.to_lowercase().str.contains(text.lower(), literal=True)
    sign, operand = match.groups()
    value: Any = _operand(kind, operand.strip())
    compare = {"=": cell.eq, "!=": cell.ne, "<>": cell.ne, "<": cell.lt, "<=": cell.le, ">": cell.gt, ">=": cell.ge}
    return compare[sign](value)


def _operand(kind: Any, text: str) -> Any:
    import polars as pl

    if kind == pl.Boolean:
        if text.lower() not in ("true", "false", "t", "f"):
            raise ValueError(f"{text!r} is neither true nor false")
        return text.lower().startswith("t")
    if kind.is_integer() or kind.is_float():
        return float(text) if not re.fullmatch(r"[+-]?\d+", text) else int(text)
    if kind.is_decimal():
        from decimal import Decimal

        value = Decimal(text)
        if not value.is_finite():  # polars aborts on it
            raise ValueError(f"{text} is no value of a decimal column")
        return pl.lit(value)
    if kind.is_temporal():
        parsed = pl.Series([text]).str.to_datetime(strict=False, time_unit="us")
        if parsed[0] is None:
            parsed = pl.Series([text]).str.to_date(strict=True).cast(pl.Datetime("us"))
        return pl.lit(parsed.cast(kind)[0], dtype=kind)
    return text.strip("'\"")


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What one column holds. top: the most frequent values with their counts. histogram: (from, to, rows) bins
    for numbers and times, empty for text. All counts are of the rows here, ``rows`` of them."""

    column: str
    type_name: str
    rows: int
    nulls: int
    distinct: int
    facts: tuple[tuple[str, str], ...]
    top: tuple[tuple[str, int], ...]
    histogram: tuple[tuple[float, float, int], ...]


def profile(frame: pl.DataFrame, column: str) -> ColumnProfile:
    """Count, distinct, extremes, mean and quartiles, the ten most frequent values, a histogram of 24 bins."""
    import polars as pl

    series = frame[column]
    present = series.drop_nulls()
    facts: list[tuple[str, str]] = []
    bins: list[tuple[float, float, int]] = []
    kind = series.dtype
    if len(present) and (kind.is_numeric() or kind.is_temporal()):
        least, greatest = present.cast(pl.String).gather([present.arg_min() or 0, present.arg_max() or 0])
        facts += [("least", str(least)), ("greatest", str(greatest))]
        numbers = present.cast(pl.Float64) if kind.is_numeric() else present.to_physical().cast(pl.Float64)
        numbers = numbers.filter(numbers.is_finite())
        if kind.is_numeric() and len(numbers):
            quartiles = [numbers.quantile(share, "linear") or 0.0 for share in (0.25, 0.5, 0.75)]
            facts += [("mean", f"{numbers.mean() or 0.0!s:.12}"), ("standard deviation", f"{numbers.std() or 0.0:.6g}")]
            facts += [("quartiles", ", ".join(f"{value:.6g}" for value in quartiles))]
        bins = _bins(numbers)
    elif len(present) and kind == pl.String:
        lengths = present.str.len_chars()
        facts += [("shortest", f"{lengths.min()!s} characters"), ("longest", f"{lengths.max()!s} characters")]
        facts.append(("empty texts", f"{int((lengths == 0).sum()):,}"))
    counted = present.cast(pl.String).value_counts(sort=True, name="count").head(10)
    return ColumnProfile(
        column,
        str(kind),
        len(series),
        series.null_count(),
        present.n_unique(),
        tuple(facts),
        tuple((str(value), int(count)) for value, count in counted.iter_rows()),
        tuple(bins),
    )


def _bins(numbers: pl.Series, count: int = 24) -> list[tuple[float, float, int]]:
    import numpy as np

    if not len(numbers):
        return []
    heights, edges = np.histogram(numbers.to_numpy(), bins=count)
    return [(float(edges[n]), float(edges[n + 1]), int(heights[n])) for n in range(len(heights))]
