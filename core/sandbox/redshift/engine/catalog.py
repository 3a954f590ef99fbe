"""What the warehouse knows of its tables beyond DuckDB's own catalogue: Redshift types, keys, encodings, definitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.text import quoted
from core.sandbox.redshift.engine.types import SqlType, from_duck

SYSTEM = {"pg_catalog": "rs_pg", "information_schema": "rs_info"}
_INFORMATION = frozenset(
    [
        "applicable_roles", "check_constraints", "column_privileges", "constraint_column_usage", "constraint_table_usage", "enabled_roles",
        "key_column_usage", "parameters", "referential_constraints", "role_table_grants", "routines", "sql_features", "table_constraints",
        "table_privileges", "usage_privileges", "view_column_usage", "view_table_usage",
    ]
)  # fmt: skip
"""What else PostgreSQL's information schema has: refused by name rather than denied."""
HIDDEN = ("main", "rs_meta", "rs_pg", "rs_info")


@dataclass(slots=True)
class ColumnSpec:
    """One column of a table as it was declared."""

    name: str
    type: SqlType
    encoding: str = ""
    distkey: bool = False
    sortkey: int = 0
    identity: str = ""
    """``always 1 1`` or ``default 1 1`` (seed, step), or empty."""
    default: str = ""
    not_null: bool = False
    primary_key: bool = False


@dataclass(slots=True)
class TableSpec:
    schema: str
    name: str
    columns: list[ColumnSpec] = field(default_factory=list)
    diststyle: str = "AUTO"
    sort_style: str = ""
    kind: str = "table"
    """table, view, late (binding view), materialized."""
    definition: str = ""

    def column(self, name: str) -> ColumnSpec:
        for one in self.columns:
            if one.name == name:
                return one
        raise SqlError(f'column "{name}" of relation "{self.name}" does not exist')


@dataclass(frozen=True, slots=True)
class Found:
    """A relation as a query reads it; ``definition`` only for a late-binding view, which has no columns yet."""

    schema: str
    name: str
    duck: str
    columns: list[tuple[str, SqlType]]
    kind: str
    definition: str | None = None


@dataclass(slots=True)
class Shared:
    """What the sessions of a warehouse need not find out each for itself."""

    parsed: dict[str, Any] = field(default_factory=dict)
    """The fixed texts that take parameters: half of their time went into parsing."""
    system_columns: dict[tuple[str, str], list[tuple[str, SqlType]]] = field(default_factory=dict)
    """Of the system tables that were read: those never change while the warehouse is open."""


class Catalog:
    """Reads and writes the catalogue through one session's connection, in its transaction."""

    def __init__(self, connection: Any, temporary: str, search_path: list[str]) -> None:
        self.connection, self.temporary, self.search_path = connection, temporary, search_path
        self.made_temporary = False
        self.before_system: Callable[[], None] = lambda: None
        """Called when a query may read a system table, for what those say must be written by then."""
        self.shared = Shared()

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of DuckDB text. With parameters the text must be one of a few: it is kept."""
        statement: Any = sql
        if parameters:
            if sql not in self.shared.parsed:
                (self.shared.parsed[sql],) = self.connection.extract_statements(sql)
            statement = self.shared.parsed[sql]
        found: list[tuple[Any, ...]] = self.connection.execute(statement, list(parameters)).fetchall()
        return found

    def _columns(self, what: str, schema: str, name: str) -> list[tuple[Any, ...]]:
        """What is known of each column, in the table's order (sorted here: DuckDB takes longer to plan it than to read)."""
        rows = self.rows(
            f"SELECT position, {what} FROM rs_meta.columns WHERE schema_name = ? AND table_name = ?", schema, name
        )
        return [row[1:] for row in sorted(rows, key=itemgetter(0))]

    # -- finding ---------------------------------------------------------------
    def places(self, schema: str) -> list[str]:
        """The schemas a name is looked for in."""
        if schema.startswith("pg_temp"):
            return [self.temporary]
        if schema:
            return [schema]
        return [self.temporary, *self.search_path] if self.made_temporary else self.search_path

    def locate(self, schema: str, name: str) -> tuple[str, str] | None:
        """Schema and kind of a user's relation, or None."""
        for place in self.places(schema):
            rows = self.rows("SELECT kind FROM rs_meta.tables WHERE schema_name = ? AND table_name = ?", place, name)
            if rows:
                return place, rows[0][0]
        return None

    def find(self, schema: str, name: str) -> Found:
        """A relation to read. Raises SqlError if there is none of the name."""
        located = self.locate(schema, name)
        if located is None:
            return self._system(schema, name)
        place, kind = located
        if kind in ("view", "late"):
            self.before_system()
        if kind == "late":
            ((definition,),) = self.rows(
                "SELECT definition FROM rs_meta.tables WHERE schema_name = ? AND table_name = ?", place, name
            )
            return Found(place, name, "", [], kind, definition)
        columns = [
            (column, SqlType(type_name, size, precision, scale))
            for column, type_name, size, precision, scale in self._columns(
                "column_name, type_name, size, precision, scale", place, name
            )
        ]
        return Found(place, name, self.duck(place, name), columns, kind)

    def _system(self, schema: str, name: str) -> Found:
        self.before_system()
        inner = SYSTEM.get(schema or "pg_catalog", "")
        columns = self.shared.system_columns.get((inner, name)) or [
            (column, from_duck(kind))
            for column, kind in self.rows(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'dev' AND schema_name = ? AND table_name = ? ORDER BY column_index",
                inner,
                name,
            )
        ]
        if not columns:
            shown = f"{schema}.{name}" if schema else name
            if schema == "information_schema" and name in _INFORMATION:
                raise NeedsCluster(f"The system table {shown.upper()}")
            if inner and name.startswith(("stl_", "stv_", "svl_", "svv_", "svcs_", "sys_", "pg_")):
                raise NeedsCluster(f"The system table {name.upper()}")
            raise SqlError(f'relation "{shown}" does not exist')
        self.shared.system_columns[inner, name] = columns
        return Found(schema or "pg_catalog", name, f"dev.{inner}.{quoted(name)}", columns, "system")

    def duck(self, schema: str, name: str) -> str:
        """The name DuckDB knows a user's relation by."""
        return f"temp.main.{quoted(name)}" if schema == self.temporary else f"dev.{quoted(schema)}.{quoted(name)}"

    def table(self, schema: str, name: str, kinds: tuple[str, ...] = ("table",)) -> TableSpec:
        """The whole declaration. Raises SqlError if it is absent or of another kind."""
        located = self.locate(schema, name)
        if located is None:
            system = self._system(schema, name)
            raise SqlError(f'permission denied: "{system.name}" is a system catalog')
        place, kind = located
        if kind not in kinds:
            raise SqlError(f'"{name}" is not a {"table" if "table" in kinds else kinds[0]}')
        ((diststyle, sort_style, definition),) = self.rows(
            "SELECT diststyle, sort_style, definition FROM rs_meta.tables WHERE schema_name = ? AND table_name = ?",
            place,
            name,
        )
        columns = [
            ColumnSpec(column, SqlType(type_name, size, precision, scale), *rest)
            for column, type_name, size, precision, scale, *rest in self._columns(
                "column_name, type_name, size, precision, scale, encoding, distkey, sortkey, identity, default_text, not_null, primary_key",
                place,
                name,
            )
        ]
        return TableSpec(place, name, columns, diststyle, sort_style, kind, definition)

    def schema_exists(self, schema: str) -> bool:
        if schema in HIDDEN or schema in SYSTEM:
            return False
        return schema == self.temporary or bool(
            self.rows("SELECT 1 FROM duckdb_schemas() WHERE database_name = 'dev' AND schema_name = ?", schema)
        )

    # -- writing ---------------------------------------------------------------
    def save(self, spec: TableSpec, owner: str = "") -> None:
        """Record a new or changed declaration, replacing what was known of the name."""
        self.made_temporary = self.made_temporary or spec.schema == self.temporary
        known = self.rows(
            "SELECT owner, created, id FROM rs_meta.tables WHERE schema_name = ? AND table_name = ?",
            spec.schema,
            spec.name,
        )
        if known:
            for table in ("tables", "columns"):
                self._delete(table, spec.schema, spec.name)
        who, created, number = known[0] if known else (owner, None, None)
        self.connection.execute(
            "INSERT INTO rs_meta.tables VALUES (?, ?, ?, ?, ?, ?, ?,"
            " coalesce(?, CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)), coalesce(?, nextval('rs_meta.object_ids')))",
            [spec.schema, spec.name, spec.kind, spec.diststyle, spec.sort_style, spec.definition, who, created, number],
        )
        values = [
            [spec.schema, spec.name, one.name, n, one.type.name, one.type.size, one.type.precision, one.type.scale, one.encoding, one.distkey,
             one.sortkey, one.identity, one.default, one.not_null, one.primary_key]
            for n, one in enumerate(spec.columns, 1)
        ]  # fmt: skip
        if values:
            marks = ", ".join(f"({', '.join('?' * len(row))})" for row in values)
            self.connection.execute(
                f"INSERT INTO rs_meta.columns VALUES {marks}", [value for row in values for value in row]
            )

    def _delete(self, table: str, schema: str, name: str) -> None:
        self.connection.execute(f"DELETE FROM rs_meta.{table} WHERE schema_name = ? AND table_name = ?", [schema, name])

    def forget(self, schema: str, name: str) -> None:
        for table in ("tables", "columns"):
            self._delete(table, schema, name)
        self.connection.execute("DELETE FROM rs_meta.depends WHERE view_schema = ? AND view_name = ?", [schema, name])

    def depend(self, schema: str, name: str, touched: set[tuple[str, str]]) -> None:
        self.connection.execute("DELETE FROM rs_meta.depends WHERE view_schema = ? AND view_name = ?", [schema, name])
        for place, table in sorted(touched):
            self.connection.execute("INSERT INTO rs_meta.depends VALUES (?, ?, ?, ?)", [schema, name, place, table])

    def dependants(self, schema: str, name: str) -> list[tuple[str, str]]:
        """Bound views over the relation."""
        return [
            (place, view)
            for place, view in self.rows(
                "SELECT view_schema, view_name FROM rs_meta.depends WHERE schema_name = ? AND table_name = ?",
                schema,
                name,
            )
        ]
