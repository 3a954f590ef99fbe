"""A result's columns as a picture's points: line, bar, scatter, histogram; few enough to draw, and saying what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.base.errors import OpsError

if TYPE_CHECKING:
    import polars as pl

KINDS = ("line", "bar", "scatter", "histogram")
_POINTS = 4_000  # more than any chart has pixels across
_BARS = 40
_SERIES = 8  # as many as there are chart colours


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    x: list[float]
    y: list[float]


@dataclass(frozen=True, slots=True)
class Picture:
    """labels: words under the bars, where x is 0, 1, 2...; times: x is seconds since 1970 (UTC). note: what is not shown."""

    kind: str
    x_name: str
    y_name: str
    series: tuple[Series, ...] = ()
    labels: tuple[str, ...] = ()
    times: bool = False
    note: str = ""
    summary: str = field(default="")


def offers(frame: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Columns for the horizontal axis (all), and for the vertical one (numbers)."""
    schema = frame.schema  # made anew by every access, over all columns
    return list(schema), [name for name, kind in schema.items() if kind.is_numeric()]


def suggestion(frame: pl.DataFrame) -> tuple[str, str, str]:
    """kind, x and y that fit the result: times make lines, words make bars, numbers a histogram or a scatter."""
    import polars as pl

    _all, numbers = offers(frame)
    numbers.sort(key=lambda name: name.lower() == "id" or name.lower().endswith("_id"))  # a number that measures first
    schema = frame.schema
    times = [name for name, kind in schema.items() if kind.is_temporal()]
    words = [name for name, kind in schema.items() if kind in (pl.String, pl.Boolean)]
    if times and numbers:
        return "line", times[0], numbers[0]
    if words and numbers:
        return "bar", words[0], numbers[0]
    if len(numbers) > 1:
        return "scatter", numbers[0], numbers[1]
    return "histogram", (numbers or list(schema) or [""])[0], ""


def picture(frame: pl.DataFrame, kind: str, x: str, y: str, by: str = "") -> Picture:
    """Points for one chart. Raises OpsError where the columns do not fit the kind."""
    if kind == "histogram":
        return _histogram(frame, x)
    if not y or not frame.schema[y].is_numeric():
        raise OpsError(
            "This chart needs a column of numbers",
            f"{y or 'Nothing'} is chosen",
            "Choose a column of numbers",
            code="chart",
        )
    if kind == "bar":
        return _bars(frame, x, y)
    if frame.schema[x].is_numeric() or frame.schema[x].is_temporal():
        return _points(frame, kind, x, y, by)
    if kind == "line":
        return _bars(frame, x, y)
    raise OpsError(
        f"{x} holds words", "Points need a number or a time across", "Choose another column, or bars", code="chart"
    )


def _histogram(frame: pl.DataFrame, x: str) -> Picture:
    from core.warehouse.views import profile

    if not frame.schema[x].is_numeric():
        found = profile(frame, x)
        bars = Series("rows", [float(n) for n in range(len(found.top))], [float(count) for _value, count in found.top])
        labels = tuple(value[:24] for value, _count in found.top)
        note = (
            f"The {len(found.top)} most frequent of {found.distinct:,} values"
            if found.distinct > len(found.top)
            else ""
        )
        return Picture("bar", x, "rows", (bars,), labels, note=note, summary=f"{x}: {found.distinct:,} values")
    bins = profile(frame, x).histogram
    middles = [(start + end) / 2 for start, end, _rows in bins]
    series = Series("rows", middles, [float(rows) for _start, _end, rows in bins])
    nulls = frame[x].null_count()
    return Picture(
        "histogram",
        x,
        "rows",
        (series,),
        note=f"{nulls:,} NULLs left out" if nulls else "",
        summary=f"{frame.height:,} rows in {len(bins)} bins",
    )


def _bars(frame: pl.DataFrame, x: str, y: str) -> Picture:
    """One bar for each value of x, in the order they come; values that repeat are added up."""
    import polars as pl

    grouped = frame.group_by(pl.col(x).cast(pl.String).alias("x"), maintain_order=True).agg(
        pl.col(y).cast(pl.Float64).sum().alias("y"), pl.len().alias("n")
    )
    notes = []
    if int(grouped["n"].max() or 0) > 1:  # type: ignore[arg-type]
        notes.append(f"{y} is added up for each {x}")
    if grouped.height > _BARS:
        notes.append(f"the {_BARS} largest of {grouped.height:,}")
        grouped = grouped.sort("y", descending=True).head(_BARS)
    heights = [float(value) for value in grouped["y"].to_list()]
    labels = tuple("NULL" if value is None else str(value)[:24] for value in grouped["x"].to_list())
    series = Series(y, [float(n) for n in range(len(heights))], heights)
    return Picture("bar", x, y, (series,), labels, note="; ".join(notes), summary=f"{len(heights)} bars")


def _points(frame: pl.DataFrame, kind: str, x: str, y: str, by: str) -> Picture:
    import polars as pl

    times = frame.schema[x].is_temporal()
    across = (
        pl.col(x).cast(pl.Datetime("us")).to_physical().cast(pl.Float64) / 1e6 if times else pl.col(x).cast(pl.Float64)
    )
    points = frame.select(
        across.alias("x"),
        pl.col(y).cast(pl.Float64).alias("y"),
        (pl.col(by).cast(pl.String) if by else pl.lit(y)).alias("by"),
    ).drop_nulls(["x", "y"])
    notes = []
    dropped = frame.height - points.height
    if dropped:
        notes.append(f"{dropped:,} rows with NULL left out")
    groups = points["by"].value_counts(sort=True)
    names = groups["by"].to_list()
    if len(names) > _SERIES:
        notes.append(f"the {_SERIES} most frequent of {len(names):,} {by}")
        names = names[:_SERIES]
    series = []
    for name in names:
        mine = points.filter(pl.col("by").eq_missing(pl.lit(name)))
        if kind == "line":
            mine = mine.sort("x")
        if mine.height > _POINTS:
            notes.append(f"{'averages of' if kind == 'line' else 'a sample of'} {mine.height:,} points")
            mine = _fewer(mine, kind)
        series.append(Series(str(name), mine["x"].to_list(), mine["y"].to_list()))
    return Picture(kind, x, y, tuple(series), (), times, "; ".join(dict.fromkeys(notes)), f"{points.height:,} points")


def _fewer(points: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Neighbours averaged for a line; an even sample for a cloud of points."""
    import polars as pl

    step = -(-points.height // _POINTS)
    if kind == "scatter":
        return points.gather_every(step)
    numbered = points.with_columns((pl.int_range(pl.len()) // step).alias("bucket"))
    return numbered.group_by("bucket", maintain_order=True).agg(pl.col("x").mean(), pl.col("y").mean())
