"""SHOW of settings, databases, schemas, tables, columns, keys and definitions."""

from __future__ import annotations

from typing import Any

from core.sandbox.redshift.engine import constraints
from core.sandbox.redshift.engine.commands import texts
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.outcome import NeedsCluster, Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader
from core.sandbox.redshift.engine.text import matches
from core.sandbox.redshift.engine.types import SqlType


def show(session: Context, reader: Reader) -> Outcome:
    """The reader stands after SHOW."""
    if reader.take("all"):
        return texts(["name", "setting"], [[name, value] for name, value in sorted(session.settings.items())])
    if reader.take("databases"):
        listed: list[list[Any]] = [["dev", "awsuser", "local", None, None, None]]
        return _filtered(
            reader, 0, ["database_name", "database_owner", "database_type", "database_acl", "parameters", "database_isolation_level"], listed
        )  # fmt: skip
    if reader.take("schemas"):
        named = _from(reader, "database")
        if named and named != ["dev"]:
            raise SqlError(f'Database "{named[0]}" does not exist')
        names = session.catalog.rows("SELECT schema_name FROM rs_pg.svv_all_schemas ORDER BY 1")
        listed = [["dev", name, "awsuser", "local", None, None, None] for (name,) in names]
        return _filtered(
            reader, 1, ["database_name", "schema_name", "schema_owner", "schema_type", "schema_acl", "source_database", "schema_option"], listed
        )  # fmt: skip
    if reader.take("tables"):
        parts = _from(reader, "schema")
        if parts and not session.catalog.rows("SELECT 1 FROM rs_pg.svv_all_schemas WHERE schema_name = ?", parts[-1]):
            raise SqlError(f'Schema "{parts[-1]}" does not exist')
        rows = session.catalog.rows(
            "SELECT database_name, schema_name, table_name, table_type, table_acl, remarks FROM rs_pg.svv_all_tables"
            " WHERE schema_name = ? ORDER BY 3",
            parts[-1] if parts else "public",
        )
        labels = ["database_name", "schema_name", "table_name", "table_type", "table_acl", "remarks"]
        return _filtered(reader, 2, labels, [list(row) for row in rows])
    if reader.take("columns"):
        reader.need("from", "table")
        schema, name = reader.path()
        spec = session.catalog.table(schema, name, kinds=("table", "view", "materialized"))
        said = session.catalog.comments(spec.schema, spec.name)
        listed = [
            ["dev", spec.schema, spec.name, one.name, str(n), one.default or None, "NO" if one.not_null else "YES", one.type.sql.partition("(")[0],
             str(one.type.size) if one.type.is_text and one.type.size > 0 else None, *_numeric(one.type), said.get(one.name)]
            for n, one in enumerate(spec.columns, 1)
        ]  # fmt: skip
        labels = [
            "database_name", "schema_name", "table_name", "column_name", "ordinal_position", "column_default", "is_nullable", "data_type",
            "character_maximum_length", "numeric_precision", "numeric_scale", "remarks",
        ]  # fmt: skip
        return _filtered(reader, 3, labels, listed)
    if reader.take("constraints"):
        return _constraints(session, reader)
    for words in _CLUSTERS_OWN:
        if reader.sees(*words):
            raise NeedsCluster(f"SHOW {' '.join(words).upper()}")
    if reader.take("table"):
        spec = session.catalog.table(*reader.path(), kinds=("table",))
        return texts(["Show Table DDL statement"], [[definition(spec)]])
    if reader.take("view"):
        spec = session.catalog.table(*reader.path(), kinds=("view", "late", "materialized"))
        return texts(["Show View DDL statement"], [[spec.definition]])
    name = reader.name()
    reader.end()
    if name not in session.settings:
        raise SqlError(f'unrecognized configuration parameter "{name}"')
    return texts([name], [[session.settings[name]]])


def _from(reader: Reader, word: str) -> list[str]:
    if not reader.take("from"):
        return []
    reader.need(word)
    parts = [reader.name()]
    while reader.take("."):
        parts.append(reader.name())
    return parts


_CLUSTERS_OWN = (
    ("external", "table"), ("model",), ("procedure",), ("procedures",), ("function",), ("functions",), ("parameters",), ("grants",),
    ("column", "grants"), ("datashares",), ("policies",), ("templates",), ("template",),
)  # fmt: skip


_REFERENCES = [
    "pk_database_name", "pk_schema_name", "pk_table_name", "pk_column_name", "fk_database_name", "fk_schema_name", "fk_table_name",
    "fk_column_name", "key_seq", "fk_name", "pk_name", "update_rule", "delete_rule", "deferrability",
]  # fmt: skip


def _constraints(session: Context, reader: Reader) -> Outcome:
    """SHOW CONSTRAINTS {PRIMARY KEYS | FOREIGN KEYS [EXPORTED]} FROM TABLE name [LIMIT n]: a row for each column of a key."""
    primary = reader.take("primary", "keys")
    if not primary:
        reader.need("foreign", "keys")
    exported = not primary and reader.take("exported")
    reader.need("from", "table")
    spec = session.catalog.table(*reader.path())
    if primary:
        name = next((one.name for one in spec.constraints if one.kind == "p"), "")
        keys = [["dev", spec.schema, spec.name, name, column, str(n)] for n, column in enumerate(spec.primary_key, 1)]
        return _filtered(
            reader, 2, ["database_name", "schema_name", "table_name", "pk_name", "column_name", "key_seq"], keys
        )
    rows: list[list[Any]] = []
    for child in constraints.referring(session, spec) if exported else [spec]:
        for key in child.constraints:
            if key.kind != "f" or (exported and (key.schema, key.table) != (spec.schema, spec.name)):
                continue
            parent = (
                child
                if (key.schema, key.table) == (child.schema, child.name)
                else session.catalog.table(key.schema, key.table)
            )
            needed = constraints.needed(key, parent)
            for n, (column, other) in enumerate(zip(key.columns, key.others, strict=True), 1):
                ends = ["dev", parent.schema, parent.name, other, "dev", child.schema, child.name, column]
                rows.append([*ends, str(n), key.name, needed and needed.name, None, None, None])
    return _filtered(reader, 6, _REFERENCES, rows)


def _numeric(kind: SqlType) -> list[str | None]:
    """Precision and scale as SVV_ALL_COLUMNS says them."""
    return [str(kind.precision), str(kind.scale)] if kind.name == "numeric" else [None, None]


def _filtered(reader: Reader, named: int, labels: list[str], rows: list[list[Any]]) -> Outcome:
    """The rows of a SHOW after its LIKE (of the column ``named``) and LIMIT."""
    if reader.take("like"):
        pattern = reader.string()
        rows = [row for row in rows if matches(pattern, row[named])]
    if reader.take("limit"):
        rows = rows[: reader.number()]
    reader.end()
    return texts(labels, rows)


def definition(spec: Any) -> str:
    """The CREATE TABLE text of a table, as SHOW TABLE prints it."""
    lines: list[str] = []
    for one in spec.columns:
        text = f"    {one.name} {one.type.sql}"
        if one.identity:
            how, seed, step = one.identity.split()
            text += (
                f" identity({seed},{step})" if how == "always" else f" generated by default as identity({seed},{step})"
            )
        if one.default:
            text += f" DEFAULT {one.default}"
        if one.not_null:
            text += " NOT NULL"
        text += f" ENCODE {one.encoding or default_encoding(one)}"
        if one.distkey:
            text += " distkey"
        lines.append(text)
    lines += [f"    {line}" for line in constraints.lines(spec)]
    tail = f"DISTSTYLE {spec.diststyle}"
    if sort := [one.name for one in sorted(spec.columns, key=lambda one: one.sortkey) if one.sortkey]:
        tail += f"\n{'INTERLEAVED ' if spec.sort_style == 'INTERLEAVED' else ''}SORTKEY ( {', '.join(sort)} )"
    return f"CREATE TABLE {spec.schema}.{spec.name} (\n" + ",\n".join(lines) + f"\n)\n{tail};"


def default_encoding(column: Any) -> str:
    """What Redshift chooses where no encoding is given."""
    if column.sortkey or column.type.name in ("bool", "float4", "float8"):
        return "raw"
    return "lzo" if column.type.is_text or column.type.name in ("super", "varbyte") else "az64"
