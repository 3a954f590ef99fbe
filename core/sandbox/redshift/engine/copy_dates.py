"""Dates and timestamps of COPY: the default format, one that is given, 'auto' and the epochs (DATEFORMAT and TIMEFORMAT strings)."""

from __future__ import annotations

import re

from core.sandbox.redshift.engine.casts import assigned
from core.sandbox.redshift.engine.copy_options import CopyOptions
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import TEXT, SqlType
from core.sandbox.redshift.engine.value import Value


def copied_moment(source: str, kind: SqlType, options: CopyOptions) -> str:
    """The DuckDB text of a value of a DATE, TIMESTAMP or TIMESTAMPTZ column."""
    shape = options.date_format if kind.name == "date" else options.time_format
    word = "date" if kind.name == "date" else "time"
    if shape.lower() == "auto":
        text = assigned(Value(source, TEXT), kind)
    elif shape.lower() in ("epochsecs", "epochmillisecs") and word == "time":
        factor = 1_000_000 if shape.lower() == "epochsecs" else 1000
        text = f"make_timestamp(CAST(CAST({source} AS DECIMAL(38,6)) * {factor} AS BIGINT))"
        text = f"timezone('UTC', {text})" if kind.name == "timestamptz" else text
    elif not shape:
        default = "YYYY-MM-DD" if word == "date" else "YYYY-MM-DD HH:MI:SS"
        text = _if_it_looks_so(
            source, "YYYY-MM-DD", assigned(Value(source, TEXT), kind), f"the default is {default}", word
        )
    else:
        read = f"rs_to_date(trim({source}), {literal(shape)}, true)"
        if word == "time":
            read = f"rs_read_moment(trim({source}), {literal(shape)}, true)"
            read = f"timezone('UTC', {read})" if kind.name == "timestamptz" else read
        text = _if_it_looks_so(source, shape, read, f"it is not {shape}", word)
    return f"TRY({text})" if options.any_date else text


def _if_it_looks_so(source: str, shape: str, text: str, why: str, word: str) -> str:
    """Refuse what has no year where the format has it: TO_DATE would take 31.12.2024 for a day of the year 31."""
    before, year, after = shape.upper().partition("YYYY")
    if not year:
        return text
    start = re.sub(
        r"[A-Z0-9]+|[^A-Z0-9]+", lambda part: "[0-9A-Za-z]+" if part[0][0].isalnum() else "[^0-9A-Za-z]+", before
    )
    pattern = f"^{start}[0-9]{{4}}{'' if after[:1].isalnum() else '([^0-9]|$)'}"
    wrong = f"rs_raise({literal(f'Invalid {word.capitalize()} Format - {why}')})"
    return (
        f"CASE WHEN regexp_matches(trim({source}), '{pattern}') THEN {text} WHEN {source} IS NOT NULL THEN {wrong} END"
    )
