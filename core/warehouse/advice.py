"""What the keys and figures of a table suggest."""

from __future__ import annotations

from collections.abc import Iterable

from core.warehouse.catalogue import Table

_SMALL, _LARGE = 2_000_000, 10_000_000  # rows; below the first a copy on every node is cheap


def advice(table: Table, others: Iterable[Table] = ()) -> list[str]:
    """What the keys and figures of a table suggest, each with its reason. Suggestions, not orders: AUTO is a good default."""
    if table.kind != "table" or table.rows is None:
        return []
    found = []
    if table.skew is not None and table.skew > 4:
        key = ", ".join(table.dist_keys) or "its distribution"
        found.append(
            f"Rows are uneven: the fullest slice holds {table.skew:.1f} times the emptiest, so it decides how long a "
            f"query takes. {key} has too few or too unequal values; choose another DISTKEY or DISTSTYLE EVEN."
        )
    if table.stats_off is not None and table.stats_off > 10:
        found.append(
            f"Statistics are {table.stats_off:.0f} % off: the planner guesses. Run ANALYZE {table.schema}.{table.name}."
        )
    if table.unsorted is not None and table.unsorted > 20:
        found.append(
            f"{table.unsorted:.0f} % is unsorted, so range filters read more blocks. Run VACUUM {table.schema}.{table.name}."
        )
    style = table.dist_style.upper()
    if 0 < table.rows < _SMALL and style.startswith(("EVEN", "KEY")) and "AUTO" not in style:
        found.append(f"With {table.rows:,} rows a copy on every node (DISTSTYLE ALL) makes every join with it local.")
    shared = _join_column(table, others)
    if table.rows >= _LARGE and style.startswith("EVEN") and shared:
        found.append(f"{shared} is in other large tables too: as DISTKEY of all of them, joins on it move no rows.")
    times = [c.name for c in table.columns if c.type_name.lower().startswith(("timestamp", "date"))]
    if table.rows >= _SMALL and not table.sort_keys and times:
        found.append(f"No sort key: with SORTKEY ({times[0]}), queries over a time range skip the other blocks.")
    return found


def _join_column(table: Table, others: Iterable[Table]) -> str:
    """The id column that most other large tables have as well."""
    counts: dict[str, int] = {}
    for other in others:
        if (other.schema, other.name) != (table.schema, table.name) and (other.rows or 0) >= _SMALL:
            for column in other.columns:
                if column.name.endswith("_id"):
                    counts[column.name] = counts.get(column.name, 0) + 1
    mine = [(counts[c.name], c.name) for c in table.columns if c.name in counts]
    return max(mine)[1] if mine else ""
