"""What the warehouse knows of its tables beyond DuckDB's own catalogue: Redshift types, keys, encodings, definitions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from core.sandbox.redshift.engine.declarations import ColumnSpec, Constraint, Place, Shared, TableSpec
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.text import literal, names_in, quoted
from core.sandbox.redshift.engine.types import SqlType, from_duck

SYSTEM = {"pg_catalog": "rs_pg", "information_schema": "rs_info"}
_INFORMATION = frozenset(
    [
        "applicable_roles", "check_constraints", "column_privileges", "constraint_table_usage", "enabled_roles",
        "parameters", "role_table_grants", "routines", "sql_features",
        "table_privileges", "usage_privileges", "view_column_usage", "view_table_usage",
    ]
)  # fmt: skip
"""What else PostgreSQL's information schema has: refused by name rather than denied."""
_NEW_COLUMNS = "INSERT INTO rs_meta.columns SELECT ?, ?, " + ", ".join(
    f"unnest(?::{kind}[])"
    for kind in (
        "VARCHAR", "INTEGER", "VARCHAR", "INTEGER", "INTEGER", "INTEGER", "VARCHAR", "BOOLEAN", "INTEGER", "VARCHAR", "VARCHAR", "BOOLEAN",
    )
)  # fmt: skip
_CONSTRAINTS = (
    "SELECT name, kind, columns, to_schema, to_table, to_columns FROM rs_meta.constraints"
    " WHERE schema_name = ? AND table_name = ? ORDER BY position"
)
HIDDEN = ("main", "rs_meta", "rs_pg", "rs_info")


@dataclass(frozen=True, slots=True)
class Found:
    """A relation as a query reads it; ``definition`` only for a late-binding view, which has no columns yet."""

    schema: str
    name: str
    duck: str
    columns: list[tuple[str, SqlType]]
    kind: str
    definition: str | None = None


class Catalog:
    """Reads and writes the catalogue through one session's connection, in its transaction."""

    def __init__(self, connection: Any, temporary: str, search_path: list[str]) -> None:
        self.connection, self.temporary, self.search_path = connection, temporary, search_path
        self.made_temporary = False
        self.before_system: Callable[[], None] = lambda: None
        """Called when a query may read what the journal holds, which must be written by then."""
        self.shared = Shared()
        self._seen = self.shared.now
        self._changed: dict[Place, TableSpec | None] = {}
        """What this transaction declared or, None, dropped: nobody else knows of it before the COMMIT."""

    # -- what is kept between statements ------------------------------------------
    def begin(self) -> None:
        """A transaction begins, or a statement outside of one: what is known now holds for it."""
        self._seen = self.shared.now
        self._changed.clear()

    def committing(self) -> AbstractContextManager[None]:
        """To be held around the COMMIT of the transaction."""
        return self.shared.changing(self._changed)

    def _declared(self, schema: str, name: str) -> TableSpec | None:
        """A relation's declaration, not to be changed; None if nothing has the name."""
        place, seen = (schema, name), self._seen
        if place in self._changed:
            return self._changed[place]
        if seen is not self.shared.now:
            return self._read(schema, name)
        try:
            return seen.relations[place]
        except KeyError:
            spec = self._read(schema, name)
            self.shared.keep(seen, place, spec)
            return spec

    def _read(self, schema: str, name: str) -> TableSpec | None:
        known = self.rows(
            "SELECT diststyle, sort_style, kind, definition FROM rs_meta.tables WHERE schema_name = ? AND table_name = ?",
            schema,
            name,
        )
        if not known:
            return None
        # sorted here: DuckDB takes longer to plan it than to read
        rows = sorted(
            self.rows(
                "SELECT position, column_name, type_name, size, precision, scale, encoding, distkey, sortkey, identity, default_text, not_null"
                " FROM rs_meta.columns WHERE schema_name = ? AND table_name = ?",
                schema,
                name,
            ),
            key=itemgetter(0),
        )
        columns = [
            ColumnSpec(column, SqlType(type_name, size, precision, scale), *rest)
            for _, column, type_name, size, precision, scale, *rest in rows
        ]
        spec = TableSpec(schema, name, columns, *known[0])
        if spec.kind == "table":
            spec.constraints = [Constraint(*row) for row in self.rows(_CONSTRAINTS, schema, name)]
        return spec

    def forget_temporary(self) -> None:
        """The session ends, and its temporary tables with it."""
        self.shared.forget_schema(self.temporary)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of DuckDB text. With parameters the text must be one of a few: it is kept."""
        statement: Any = sql
        if parameters:
            if sql not in self.shared.parsed:
                (self.shared.parsed[sql],) = self.connection.extract_statements(sql)
            statement = self.shared.parsed[sql]
        found: list[tuple[Any, ...]] = self.connection.execute(statement, list(parameters)).fetchall()
        return found

    # -- finding ---------------------------------------------------------------
    def places(self, schema: str) -> list[str]:
        """The schemas a name is looked for in."""
        if schema.startswith("pg_temp"):
            return [self.temporary]
        if schema:
            return [schema]
        return [self.temporary, *self.search_path] if self.made_temporary else self.search_path

    def tell_path(self) -> None:
        """PG_TABLE_DEF shows what is on the search path, and this session's own temporary tables.

        A session that has neither another path nor such tables need not tell: it took most of the time of opening one.
        """
        places = ", ".join(literal(name) for name in (self.temporary, *self.search_path, "pg_catalog"))
        self.connection.execute(f"SET VARIABLE rs_visible = [{places}]")

    def _located(self, schema: str, name: str) -> TableSpec | None:
        """The declaration of a user's relation, not to be changed, or None."""
        return next((spec for place in self.places(schema) if (spec := self._declared(place, name))), None)

    def locate(self, schema: str, name: str) -> tuple[str, str] | None:
        """Schema and kind of a user's relation, or None."""
        spec = self._located(schema, name)
        return (spec.schema, spec.kind) if spec else None

    def find(self, schema: str, name: str) -> Found:
        """A relation to read. Raises SqlError if there is none of the name."""
        spec = self._located(schema, name)
        if spec is None:
            return self._system(schema, name)
        if spec.kind in ("view", "late") and self.shared.reads_past([name]):
            self.before_system()
        if spec.kind == "late":
            return Found(spec.schema, name, "", [], spec.kind, spec.definition)
        columns = [(one.name, one.type) for one in spec.columns]
        return Found(spec.schema, name, self.duck(spec.schema, name), columns, spec.kind)

    def _system(self, schema: str, name: str) -> Found:
        if self.shared.reads_past([name]):
            self.before_system()
        inner = SYSTEM.get(schema or "pg_catalog", "")
        if not self.shared.system:
            self.shared.system = self._system_tables()
        columns = self.shared.system.get((inner, name))
        if not columns:
            shown = f"{schema}.{name}" if schema else name
            if schema == "information_schema" and name in _INFORMATION:
                raise NeedsCluster(f"The system table {shown.upper()}")
            if inner and name.startswith(("stl_", "stv_", "svl_", "svv_", "svcs_", "sys_", "pg_")):
                raise NeedsCluster(f"The system table {name.upper()}")
            raise SqlError(f'relation "{shown}" does not exist')
        return Found(schema or "pg_catalog", name, f"dev.{inner}.{quoted(name)}", columns, "system")

    def _system_tables(self) -> dict[Place, list[tuple[str, SqlType]]]:
        """The columns of every system table: one look at DuckDB's catalogue costs as much as one for each name."""
        found: dict[Place, list[tuple[str, SqlType]]] = {}
        for schema, table, column, kind in self.rows(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE database_name = 'dev' AND schema_name IN ('rs_pg', 'rs_info') ORDER BY schema_name, table_name, column_index"
        ):
            found.setdefault((schema, table), []).append((column, from_duck(kind)))
        return found

    def duck(self, schema: str, name: str) -> str:
        """The name DuckDB knows a user's relation by."""
        return f"temp.main.{quoted(name)}" if schema == self.temporary else f"dev.{quoted(schema)}.{quoted(name)}"

    def duck_place(self, schema: str) -> tuple[str, str]:
        """The database and the schema in which DuckDB has a user's relation."""
        return ("temp", "main") if schema == self.temporary else ("dev", schema)

    def table(self, schema: str, name: str, kinds: tuple[str, ...] = ("table",)) -> TableSpec:
        """The whole declaration, to be changed and saved or not. Raises SqlError if it is absent or of another kind."""
        spec = self._located(schema, name)
        if spec is None:
            system = self._system(schema, name)
            raise SqlError(f'permission denied: "{system.name}" is a system catalog')
        if spec.kind not in kinds:
            raise SqlError(f'"{name}" is not a {"table" if "table" in kinds else kinds[0]}')
        return spec.copy()

    def schema_exists(self, schema: str) -> bool:
        if schema in HIDDEN or schema in SYSTEM:
            return False
        return schema == self.temporary or bool(
            self.rows("SELECT 1 FROM duckdb_schemas() WHERE database_name = 'dev' AND schema_name = ?", schema)
        )

    # -- writing ---------------------------------------------------------------
    def save(self, spec: TableSpec, owner: str = "") -> None:
        """Record a new or changed declaration, replacing what was known of the name."""
        self._changed[spec.schema, spec.name] = spec.copy()
        if spec.kind in ("view", "late"):
            self.shared.note_view(spec.name, spec.kind, names_in(spec.definition))
        if spec.schema == self.temporary and not self.made_temporary:
            self.made_temporary = True
            self.tell_path()
        known = self.rows(
            "SELECT owner, created, id FROM rs_meta.tables WHERE schema_name = ? AND table_name = ?",
            spec.schema,
            spec.name,
        )
        if known:
            for table in ("tables", "columns", "constraints"):
                self._delete(table, spec.schema, spec.name)
        who, created, number = known[0] if known else (owner, None, None)
        self.rows(
            "INSERT INTO rs_meta.tables VALUES (?, ?, ?, ?, ?, ?, ?,"
            " coalesce(?, CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)), coalesce(?, nextval('rs_meta.object_ids')))",
            *(
                spec.schema,
                spec.name,
                spec.kind,
                spec.diststyle,
                spec.sort_style,
                spec.definition,
                who,
                created,
                number,
            ),
        )
        values = [
            [one.name, n, one.type.name, one.type.size, one.type.precision, one.type.scale, one.encoding, one.distkey, one.sortkey, one.identity,
             one.default, one.not_null]
            for n, one in enumerate(spec.columns, 1)
        ]  # fmt: skip
        if values:
            self.rows(_NEW_COLUMNS, spec.schema, spec.name, *(list(column) for column in zip(*values, strict=True)))
        for n, key in enumerate(spec.constraints, 1):
            self.rows(
                "INSERT INTO rs_meta.constraints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(spec.schema, spec.name, n, key.name, key.kind, key.columns, key.schema, key.table, key.others),
            )

    def referring(self, schema: str, name: str) -> list[tuple[str, str]]:
        """Tables with a foreign key to this one."""
        return [
            (place, table)
            for place, table in self.rows(
                "SELECT DISTINCT schema_name, table_name FROM rs_meta.constraints WHERE to_schema = ? AND to_table = ?",
                schema,
                name,
            )
        ]

    def _delete(self, table: str, schema: str, name: str) -> None:
        self.rows(f"DELETE FROM rs_meta.{table} WHERE schema_name = ? AND table_name = ?", schema, name)

    def rename(self, schema: str, name: str, new: str) -> None:
        spec = self._declared(schema, name)
        self._changed[schema, name] = None
        self._changed[schema, new] = replace(spec.copy(), name=new) if spec else None
        for table in ("tables", "columns", "constraints", "comments", "depends"):
            self.connection.execute(
                f"UPDATE rs_meta.{table} SET table_name = ? WHERE schema_name = ? AND table_name = ?",
                [new, schema, name],
            )
        self.rows("UPDATE rs_meta.depends SET view_name = ? WHERE view_schema = ? AND view_name = ?", new, schema, name)

    def forget(self, schema: str, name: str) -> None:
        self._changed[schema, name] = None
        for table in ("tables", "columns", "constraints", "comments"):
            self._delete(table, schema, name)
        self.rows("DELETE FROM rs_meta.depends WHERE view_schema = ? AND view_name = ?", schema, name)

    def note(self, schema: str, name: str, column: str, text: str) -> None:
        """A comment on a relation, or on its column; an empty one is none."""
        self.rows(
            "DELETE FROM rs_meta.comments WHERE schema_name = ? AND table_name = ? AND column_name = ?",
            *(schema, name, column),
        )
        if text:
            self.rows("INSERT INTO rs_meta.comments VALUES (?, ?, ?, ?)", schema, name, column, text)

    def comments(self, schema: str, name: str) -> dict[str, str]:
        """What is said of a relation (under an empty name) and of its columns."""
        return dict(
            self.rows(
                "SELECT column_name, comment FROM rs_meta.comments WHERE schema_name = ? AND table_name = ?",
                schema,
                name,
            )
        )

    def depend(self, schema: str, name: str, touched: set[tuple[str, str]]) -> None:
        self.rows("DELETE FROM rs_meta.depends WHERE view_schema = ? AND view_name = ?", schema, name)
        for place, table in sorted(touched):
            self.rows("INSERT INTO rs_meta.depends VALUES (?, ?, ?, ?)", schema, name, place, table)

    def late_views(self) -> list[tuple[Any, ...]]:
        """Schema, name and definition of each late-binding view."""
        return self.rows(
            "SELECT schema_name, table_name, definition FROM rs_meta.tables WHERE kind = 'late' ORDER BY schema_name, table_name"
        )

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
