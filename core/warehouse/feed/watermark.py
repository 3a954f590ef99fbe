"""How far a table was read: the newest value of the column it goes by, and the condition of what is newer."""

from __future__ import annotations

from typing import Any

from core.base.errors import OpsError
from core.warehouse.feed.mapping import ticked
from core.warehouse.feed.source import SourceTable

_NOT_AHEAD = {"timestamp": "NOW(6)", "datetime": "UTC_TIMESTAMP(6) + INTERVAL 14 HOUR"}
"""The latest that a time of change may be. A DATETIME has the zone of whoever wrote it, at most 14 hours ahead of UTC."""


def newest(connection: Any, table: SourceTable, way: str, column: str) -> str:
    """The newest value now; empty where there is none. Ask before reading: what commits meanwhile is read again next time.

    A time that is still to come does not count: one row of the year 2099 would hide all that changes until then.
    """
    if way == "full":
        return ""
    name, kind = ticked(column), _kind(table, column)
    value = f"UNIX_TIMESTAMP(MAX({name}))" if kind == "timestamp" else f"MAX({name})"
    where = f"{name} <= {_NOT_AHEAD[kind]}" if kind in _NOT_AHEAD else "TRUE"
    found = _asked(connection, table, f"CAST({value} AS CHAR)", where)
    return "" if found is None else str(found)


def went_back(connection: Any, table: SourceTable, column: str, known: str, overlap: int) -> bool:
    """Whether the source holds nothing as new as what was read before: it was emptied, or restored from a backup."""
    times = _kind(table, column) in _NOT_AHEAD
    where = _since(table, column, known, overlap) if times else f"{ticked(column)} >= {int(known)}"
    return not _asked(connection, table, "COUNT(*) > 0", where)


def newer(table: SourceTable, column: str, known: str, overlap: int) -> str:
    """The condition that reads what changed since ``known``, a little before it, and what has no time of change."""
    since, name = _since(table, column, known, overlap), ticked(column)
    return f"({since} OR {name} IS NULL OR {name} = 0)" if _kind(table, column) in _NOT_AHEAD else since


def _since(table: SourceTable, column: str, known: str, overlap: int) -> str:
    name, kind = ticked(column), _kind(table, column)
    if kind == "timestamp":
        return f"{name} >= FROM_UNIXTIME({float(known):.6f} - {int(overlap)})"
    if kind == "datetime":
        return f"{name} >= TIMESTAMP('{_moment(known)}') - INTERVAL {int(overlap)} SECOND"
    return f"{name} > {int(known)} - {int(overlap)}"


def _kind(table: SourceTable, column: str) -> str:
    found = table.column(column)
    assert found is not None
    return found.kind


def _asked(connection: Any, table: SourceTable, value: str, where: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {value} FROM {ticked(table.database)}.{ticked(table.name)} WHERE {where}")
        row = cursor.fetchone()
    return row[0] if row else None


def _moment(text: str) -> str:
    if not all(char.isdigit() or char in "-: ." for char in text):
        raise OpsError(
            "The watermark of the last pull cannot be read", repr(text), "Pull with --mode full once", code="state"
        )
    return text
