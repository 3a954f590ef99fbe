"""The statement that makes a table or a view again, as its server tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.warehouse.catalogue import Table
from core.warehouse.statements import quoted


def question(dialect: str, table: Table) -> str:
    """What to ask the server; "" where it cannot tell (PostgreSQL leaves it to pg_dump)."""
    view = "view" in table.kind
    if dialect == "redshift":
        what = "VIEW" if view else "EXTERNAL TABLE" if table.kind == "external table" else "TABLE"
        return f"SHOW {what} {_name(table)}"
    if dialect == "athena" and view:
        return f"SHOW CREATE VIEW {_name(table)}"
    if dialect in ("athena", "hive"):  # Spark tells views by the same words
        return f"SHOW CREATE TABLE `{table.schema}`.`{table.name}`"
    return ""


def statement(table: Table, rows: Sequence[Mapping[str, Any]]) -> str:
    """From the server's answer (Athena gives a row a line; Redshift of a plain view the query alone)."""
    text = "\n".join(str(next(iter(row.values()))) for row in rows).strip().rstrip(";")
    if text and not text.lower().startswith("create"):
        kind = "MATERIALIZED VIEW" if table.kind == "materialized view" else "VIEW"
        text = f"CREATE {kind} {_name(table)} AS\n{text}"
    return f"{text};\n"


def _name(table: Table) -> str:
    return f"{quoted(table.schema)}.{quoted(table.name)}"
