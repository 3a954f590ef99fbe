"""The Data API's list operations and DescribeTable, answered from the warehouse's catalogue."""

from __future__ import annotations

import asyncio
from typing import Any

from core.sandbox.redshift.engine.outcome import Column, SqlError
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import from_duck
from core.sandbox.redshift.engine.warehouse import DATABASE, Warehouse
from core.sandbox.redshift.faults import ApiFault, invalid
from core.sandbox.redshift.requests import Document, matches, page_of

_HIDDEN = ("main", "rs_meta")


class Catalogue:
    """Each call opens a session of its own: it sees what is committed."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    async def list_databases(self, request: Document) -> Document:
        return page_of(request, [DATABASE], "Databases", most=1000)

    async def list_schemas(self, request: Document) -> Document:
        rows = await self._rows(
            request,
            "SELECT DISTINCT schema_name FROM duckdb_schemas() WHERE database_name = current_database() ORDER BY 1",
        )
        names = [name for (name,) in rows if name not in _HIDDEN and matches(request.get("SchemaPattern"), name)]
        return page_of(request, names, "Schemas", most=1000)

    async def list_tables(self, request: Document) -> Document:
        rows = await self._rows(
            request,
            "SELECT table_name, CASE table_type WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END, table_schema FROM information_schema.tables"
            " WHERE table_catalog = current_database() ORDER BY 3, 1",
        )
        found = [
            {"name": name, "type": kind, "schema": schema}
            for name, kind, schema in rows
            if schema not in _HIDDEN
            and matches(request.get("SchemaPattern"), schema)
            and matches(request.get("TablePattern"), name)
        ]
        return page_of(request, found, "Tables", most=1000)

    async def describe_table(self, request: Document) -> Document:
        schema, table = request.get("Schema") or "public", request.get("Table")
        if not table:
            raise invalid("Table is required")
        rows = await self._rows(
            request,
            "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_catalog = current_database()"
            f" AND table_schema = {literal(schema.lower())} AND table_name = {literal(table.lower())} ORDER BY ordinal_position",
        )
        if not rows:
            raise ApiFault(
                "ResourceNotFoundException",
                f"The table {schema}.{table} does not exist",
                ResourceId=f"{schema}.{table}",
            )
        columns = [
            {**Column(name, from_duck(kind), table, schema, nullable == "YES").metadata(), "columnDefault": default}
            for name, kind, nullable, default in rows
        ]
        return {"TableName": table, **page_of(request, columns, "ColumnList", most=1000)}

    async def _rows(self, request: Document, sql: str) -> list[tuple[Any, ...]]:
        if not request.get("Database"):
            raise invalid("Database is required")
        return await asyncio.to_thread(self._query, request, sql)

    def _query(self, request: Document, sql: str) -> list[tuple[Any, ...]]:
        try:
            session = self._warehouse.session(request["Database"], request.get("DbUser") or "")
        except SqlError as error:
            raise ApiFault("DatabaseConnectionException", str(error)) from error
        try:
            rows: list[tuple[Any, ...]] = session.connection.execute(sql).fetchall()
            return rows
        finally:
            session.close()
