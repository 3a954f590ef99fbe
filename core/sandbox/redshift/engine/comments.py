"""COMMENT ON: tables, views and their columns keep what is said of them."""

from __future__ import annotations

from core.sandbox.redshift.engine.commands import accepted
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.outcome import Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader

_RELATIONS = ("table", "view", "late", "materialized")


def comment(session: Context, reader: Reader) -> Outcome:
    """The reader stands after COMMENT. IS NULL, or an empty text, takes the comment away."""
    reader.need("on")
    kind = reader.name()
    if kind not in ("table", "column", "view", "database", "constraint", "schema"):
        raise reader.trouble()
    parts = [reader.name()]
    while reader.take("."):
        parts.append(reader.name())
    if kind in ("database", "schema", "constraint"):
        return accepted(f"COMMENT ON {kind.upper()}")
    column = parts.pop() if kind == "column" else ""
    if not 1 <= len(parts) <= 3:
        raise reader.trouble()
    spec = session.catalog.table(parts[-2] if len(parts) > 1 else "", parts[-1], kinds=_RELATIONS)
    if column and spec.kind != "late":
        spec.column(column)
    reader.need("is")
    text = "" if reader.take("null") else reader.string()
    reader.end()
    if column and spec.kind == "late":
        raise SqlError(
            f'column "{column}" of relation "{spec.name}" belongs to a late-binding view, which keeps no columns'
        )
    session.catalog.note(spec.schema, spec.name, column, text)
    return Outcome()
