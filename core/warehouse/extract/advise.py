"""Which tool: Redshift, Hive or this computer, judged from what the data are, how much, and how often they are asked."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from core.warehouse.extract.definition import DOCUMENT, JSON, PATTERN, XML

LOCAL, HIVE, REDSHIFT = "this computer", "Hive or Athena", "Redshift"
_RATES = {PATTERN: 48e6, JSON: 16e6, XML: 2.5e6, DOCUMENT: 9e6}
"""Bytes of text that one core turns into typed Parquet in a second, by kind (measured with the nginx preset; XML by path costs Python per element)."""
_PATIENCE = 3600.0  # seconds one waits for a conversion


@dataclass(frozen=True, slots=True)
class Advice:
    tool: str
    why: str


def already_columns(lines: Sequence[str]) -> bool:
    """Whether a sample is columns already: fields set apart by the same sign, as many in every line."""
    lines = [line for line in lines[:200] if line]
    if len(lines) < 2 or any(line[0] in "{[<" for line in lines):
        return False
    for sign in ("\t", ",", ";", "|"):
        try:
            rows = list(csv.reader(lines, delimiter=sign))
        except csv.Error:
            continue
        # A quote in the middle of a field is none of a table's: the commas stand in the text of a log.
        if (
            len({len(row) for row in rows}) == 1
            and len(rows[0]) > 2
            and not any('"' in cell for row in rows for cell in row)
        ):
            return True
    return False


def which_tool(
    size: int, *, relational: bool = False, often: bool = False, kind: str = PATTERN, cores: int = 2
) -> Advice:
    """size: bytes of the input. kind: the definition's. relational: it is columns already (CSV, a database). often: asked again and again."""
    seconds = size / _RATES[kind] / cores
    if seconds < 1.5:
        took = "a second"
    elif seconds < 120:
        took = f"{seconds:.0f} s"
    else:
        took = f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
    amount = (
        f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.0f} KB"
    )
    if relational:
        return Advice(
            REDSHIFT, f"{amount} that are columns already: COPY loads them, keys and joins make them fast to ask"
        )
    if seconds > _PATIENCE:
        return Advice(
            HIVE,
            f"{amount} of raw text take about {took} on this computer; there the text stays in S3 and many machines read it",
        )
    if often:
        return Advice(
            REDSHIFT,
            f"{amount} become a table in about {took} here, and asked often they belong where columns are sorted",
        )
    return Advice(LOCAL, f"{amount} become a Parquet table in about {took} here, without a cluster")
