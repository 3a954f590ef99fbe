"""Advice on distribution and sort keys, from the structure the source already has, each with its reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from core.warehouse.feed.source import SourceTable
from core.warehouse.statements import quoted

SMALL = 2_000_000  # rows; below it a copy on every node costs less than moving rows in joins
_CHANGED = ("updated_at", "modified_at", "last_updated", "last_update", "changed_at", "updated", "modified")
_TIMES = ("datetime", "timestamp")


@dataclass(frozen=True, slots=True)
class KeyAdvice:
    """What to declare, and why; ``clauses`` is the DDL's tail."""

    diststyle: str
    distkey: str
    sortkey: str
    reasons: tuple[str, ...]

    @property
    def clauses(self) -> str:
        parts = [f"DISTSTYLE {self.diststyle}"]
        if self.distkey:
            parts.append(f"DISTKEY ({quoted(self.distkey.lower())})")
        parts.append(f"SORTKEY ({quoted(self.sortkey.lower())})" if self.sortkey else "SORTKEY AUTO")
        return " ".join(parts)


def change_column(table: SourceTable) -> str:
    """The column that says when a row last changed, or empty."""
    for name in _CHANGED:
        column = next((one for one in table.columns if one.name.lower() == name), None)
        if column is not None and column.kind in _TIMES:
            return column.name
    return ""


def increment_column(table: SourceTable) -> str:
    """The auto_increment column, or empty."""
    return next((one.name for one in table.columns if one.auto_increment), "")


def advise(tables: list[SourceTable]) -> dict[str, KeyAdvice]:
    """Keys for tables that are asked together, by table name.

    The column that most tables join on becomes the DISTKEY of the big ones, so that joined rows lie together.
    """
    joined = Counter(column.lower() for table in tables for column, _ in table.references)
    return {table.name: _advise(table, joined) for table in tables}


def _advise(table: SourceTable, joined: Counter[str]) -> KeyAdvice:
    reasons: list[str] = []
    diststyle, distkey = "AUTO", ""
    candidates = sorted((column for column, _ in table.references), key=lambda one: (-joined[one.lower()], one))
    if table.rows < SMALL and not candidates:
        diststyle = "ALL"
        reasons.append(f"ALL: about {table.rows:,} rows, so a whole copy on every node makes each join local")
    elif candidates:
        distkey, diststyle = candidates[0], "KEY"
        other = next(to for column, to in table.references if column == distkey)
        reasons.append(
            f"DISTKEY {distkey}: it refers to {other}, and {joined[distkey.lower()]} of the tables join on it"
        )
    elif len(table.primary_key) == 1:
        distkey, diststyle = table.primary_key[0], "KEY"
        reasons.append(f"DISTKEY {distkey}: the primary key, spread evenly; no foreign key offers a better one")
    else:
        reasons.append("AUTO: no single column joins this table to others; Redshift chooses by use")
    sortkey = _sort_key(table, reasons)
    return KeyAdvice(diststyle, distkey, sortkey, tuple(reasons))


def _sort_key(table: SourceTable, reasons: list[str]) -> str:
    times = [one.name for one in table.columns if one.kind in (*_TIMES, "date") and one.name in table.indexed]
    changed = change_column(table)
    if times:
        best = changed if changed in times else times[0]
        reasons.append(f"SORTKEY {best}: a time with an index at the source, so it is what people ask by")
        return best
    if changed:
        reasons.append(f"SORTKEY {changed}: the next pull reads by it")
        return changed
    increment = increment_column(table)
    if increment:
        reasons.append(f"SORTKEY {increment}: rows arrive in its order")
        return increment
    reasons.append("SORTKEY AUTO: no time and no counter to sort by")
    return ""
