"""Types of extracted columns: guessed from a sample, applied to all, with the values that do not fit found out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.warehouse.extract.definition import OutputColumn
from core.warehouse.extract.timestamps import plain_times

if TYPE_CHECKING:
    import polars as pl

TIME_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y/%m/%d %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",
)
DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%Y/%m/%d", "%d %b %Y")


def guessed(series: pl.Series, name: str, null: Sequence[str], path: str = "") -> OutputColumn:
    """The narrowest type that holds every value of the sample."""

    values = series.filter(~series.is_in(list(null))).drop_nulls()
    if not len(values):
        return OutputColumn(name, path=path)
    # 007 is a name for something, not the number 7.
    padded = bool(values.str.contains(r"^-?0\d").any())
    if not padded and values.str.contains(r"^[+-]?\d{1,18}$").all():
        return OutputColumn(name, "whole", path=path)
    digits = values.str.replace_all(r"[eE].*$|\D", "").str.strip_chars_start("0").str.len_chars()
    exact = not padded and int(digits.max() or 0) <= 17  # type: ignore[arg-type]  # what a double holds
    if exact and values.str.contains(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$").all():
        return OutputColumn(name, "number", path=path)
    if values.str.to_lowercase().is_in(["true", "false"]).all():
        return OutputColumn(name, "boolean", path=path)
    for form in DATE_FORMATS:
        if not values.str.to_date(form, strict=False).has_nulls():
            return OutputColumn(name, "date", form, path)
    for form in TIME_FORMATS:
        if not as_time(values, form).has_nulls():
            return OutputColumn(name, "time", form, path)
    return OutputColumn(name, "text", path=path)


def as_time(series: pl.Series, form: str) -> pl.Series:
    """Timestamps in UTC without a zone; null where the text does not fit. Those that are plainly times are taken by their
    places, which is some ten times cheaper; the rest by the general parser."""
    made = plain_times(series, form)
    if made is None:
        return parsed_time(series, form)
    left = series.is_not_null() & made.is_null()
    if left.any():
        places = left.arg_true()
        made = made.scatter(places, parsed_time(series.gather(places), form))
    return made


def parsed_time(series: pl.Series, form: str) -> pl.Series:
    """The same by polars alone."""
    import polars as pl

    if form.endswith("%z"):
        return series.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC").dt.replace_time_zone(None)
    return series.str.to_datetime(form, strict=False, time_unit="us").cast(pl.Datetime("us"))


def applied(series: pl.Series, column: OutputColumn, null: Sequence[str]) -> tuple[pl.Series, pl.Series]:
    """The typed column, and a mask of the values that did not fit (null where they were something)."""
    import polars as pl

    present = series.is_not_null()
    for word in null:
        present &= series.ne_missing(word)
    if column.kind == "text":
        text = pl.select(pl.when(pl.lit(present)).then(pl.lit(series))).to_series() if not present.all() else series
        return text.alias(column.name), pl.repeat(False, len(series), dtype=pl.Boolean, eager=True)
    if column.kind == "whole":
        made = series.cast(pl.Int64, strict=False)
    elif column.kind == "number":
        made = series.cast(pl.Float64, strict=False)
    elif column.kind == "boolean":
        low = series.str.to_lowercase()
        made = pl.select(pl.when(pl.lit(low) == "true").then(True).when(pl.lit(low) == "false").then(False)).to_series()
    elif column.kind == "date":
        made = series.str.to_date(column.time_format or "%Y-%m-%d", strict=False)
    else:
        made = as_time(series, column.time_format or TIME_FORMATS[0])
    return made.alias(column.name), present & made.is_null()
