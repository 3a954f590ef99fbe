"""The Data API's list operations and DescribeTable, answered from the warehouse's catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.sandbox.redshift.engine.outcome import Column, SqlError
from core.sandbox.redshift.engine.settings import DATABASE
from core.sandbox.redshift.engine.text import matches
from core.sandbox.redshift.faults import ApiFault, invalid
from core.sandbox.redshift.opening import Opening
from core.sandbox.redshift.requests import Document, page_of

if TYPE_CHECKING:
    from core.sandbox.redshift.engine.session import EngineSession


class Catalogue:
    """Each call opens a session of its own: it sees what is committed."""

    def __init__(self, warehouse: Opening) -> None:
        self._warehouse = warehouse

    async def list_databases(self, request: Document) -> Document:
        return page_of(request, [DATABASE], "Databases", most=1000)

    async def list_schemas(self, request: Document) -> Document:
        rows = await self._rows(request, "SELECT schema_name FROM rs_pg.svv_all_schemas ORDER BY 1")
        names = [name for (name,) in rows if matches(request.get("SchemaPattern"), name)]
        return page_of(request, names, "Schemas", most=1000)

    async def list_tables(self, request: Document) -> Document:
        rows = await self._rows(request, _TABLES)
        found = [
            {"name": name, "type": kind, "schema": schema}
            for schema, name, kind in rows
            if matches(request.get("SchemaPattern"), schema) and matches(request.get("TablePattern"), name)
        ]
        return page_of(request, found, "Tables", most=1000)

    async def describe_table(self, request: Document) -> Document:
        schema, table = (request.get("Schema") or "public").lower(), (request.get("Table") or "").lower()
        if not table:
            raise invalid("Table is required")
        found = await self._with_session(request, lambda session: _columns(session, schema, table))
        if not found:
            raise ApiFault(
                "ResourceNotFoundException",
                f"The table {schema}.{table} does not exist",
                ResourceId=f"{schema}.{table}",
            )
        return {"TableName": table, **page_of(request, found, "ColumnList", most=1000)}

    async def _rows(self, request: Document, sql: str) -> list[tuple[Any, ...]]:
        return await self._with_session(request, lambda session: session.catalog.rows(sql))

    async def _with_session(self, request: Document, work: Callable[[EngineSession], list[Any]]) -> list[Any]:
        if not request.get("Database"):
            raise invalid("Database is required")
        return await asyncio.to_thread(self._query, request, work)

    def _query(self, request: Document, work: Callable[[EngineSession], list[Any]]) -> list[Any]:
        try:
            self._warehouse.session(request["Database"], "").close()
            session = self._warehouse.session(
                request.get("ConnectedDatabase") or request["Database"], request.get("DbUser") or ""
            )
        except SqlError as error:
            raise ApiFault("DatabaseConnectionException", str(error)) from error
        try:
            return work(session)
        finally:
            session.close()


_TABLES = """
SELECT schema_name, table_name, CASE kind WHEN 'view' THEN 'VIEW' WHEN 'late' THEN 'VIEW' ELSE 'TABLE' END FROM rs_meta.tables
WHERE schema_name NOT LIKE 'pg_temp_%'
UNION ALL
SELECT CASE schema_name WHEN 'rs_pg' THEN 'pg_catalog' ELSE 'information_schema' END, view_name, 'SYSTEM VIEW' FROM duckdb_views()
WHERE database_name = 'dev' AND schema_name IN ('rs_pg', 'rs_info') ORDER BY 1, 2
"""


def _columns(session: EngineSession, schema: str, table: str) -> list[Document]:
    """The columns of a table or view in the Data API's words; empty if there is none of the name."""
    try:
        found = session.catalog.find(schema, table)
    except SqlError:
        return []
    if found.definition is not None:
        try:
            fields = session.compile(found.definition).columns
        except SqlError:
            fields = []  # a late-binding view whose tables are gone
        return [Column(name, kind, table, schema).metadata() for name, kind in fields]
    if found.kind == "system":
        return [Column(name, kind, table, schema).metadata() for name, kind in found.columns]
    spec = session.catalog.table(schema, table, kinds=("table", "view", "materialized"))
    return [
        {**Column(one.name, one.type, table, schema, not one.not_null).metadata(), "columnDefault": one.default or None}
        for one in spec.columns
    ]
