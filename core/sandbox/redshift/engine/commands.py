"""The commands that are no queries: settings, maintenance, grants, SHOW, prepared statements, cursors."""

from __future__ import annotations

from typing import Any

from core.sandbox.redshift.engine.column_types import read_type
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.outcome import Column, NeedsCluster, Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader, spelled
from core.sandbox.redshift.engine.settings import FREE, SETTINGS
from core.sandbox.redshift.engine.text import Token, matches
from core.sandbox.redshift.engine.types import SqlType


def set_(session: Context, reader: Reader) -> Outcome:
    """SET name {TO | =} value. A setting whose meaning the engine cannot honour is refused."""
    reader.take("session")
    reader.take("local")
    if reader.take("authorization", "default"):
        return accepted("SET SESSION AUTHORIZATION DEFAULT")
    if reader.sees("authorization") or reader.sees("session", "characteristics") or reader.sees("transaction"):
        raise NeedsCluster("SET " + " ".join(token.text.upper() for token in reader.rest()[:2]))
    if reader.take("time", "zone"):
        name = "timezone"
    else:
        name = reader.name()
        while reader.take("."):
            name += "." + reader.name()
        _ = reader.take("to") or reader.take("=")
    items = reader.rest()
    if not items:
        raise SqlError("syntax error at end of input")
    value = ", ".join(token.value for token in items if not token.is_(","))
    if name not in SETTINGS and "." not in name:
        raise SqlError(f'unrecognized configuration parameter "{name}"')
    if value == "default":
        value = SETTINGS.get(name, "")
    normal = {"true": "on", "false": "off", "1": "on", "0": "off"}.get(value.lower(), value.lower())
    if name == "search_path":
        session.set_search_path([token.value for token in items if not token.is_(",")])
    elif name in ("timezone", "datestyle"):
        if value.upper() not in ("UTC", "GMT", "ISO", "ISO, MDY"):
            raise NeedsCluster(f"SET {name} TO {value}", "the local engine works in UTC with ISO dates")
    elif name not in FREE and "." not in name:
        current = session.settings.get(name, "").lower()
        if value.lower() != current and normal not in (current, {"on": "true", "off": "false"}.get(current, current)):
            raise NeedsCluster(f"SET {name} TO {value}")
    session.settings[name] = value
    noted = name in (
        "statement_timeout",
        "query_group",
        "wlm_query_slot_count",
        "enable_result_cache_for_session",
        "activate_aqua",
    )
    return Outcome(notes=[f"{name} is accepted and has no effect locally"] if noted else [])


def reset(session: Context, reader: Reader) -> Outcome:
    name = reader.name()
    reader.end()
    if name == "all":
        session.settings.update(SETTINGS)
        session.set_search_path(["$user", "public"])
    elif name in SETTINGS:
        session.settings[name] = SETTINGS[name]
        if name == "search_path":
            session.set_search_path(["$user", "public"])
    else:
        raise SqlError(f'unrecognized configuration parameter "{name}"')
    return Outcome()


_NOT_TABLES = (
    "schema", "database", "function", "procedure", "language", "model", "all", "datashare", "assumerole", "external", "copy", "tables",
)  # fmt: skip


def granted(session: Context, reader: Reader, what: str) -> Outcome:
    """GRANT, REVOKE and LOCK have no effect here, but the tables they name must be there."""
    items = reader.rest()
    start = 0 if what == "LOCK" else next((n + 1 for n, token in enumerate(items) if token.is_("on")), len(items))
    named = Reader(items[start:])
    if not named.done and (named.take("table") or not any(named.sees(word) for word in _NOT_TABLES)):
        session.catalog.find(*named.path())
        while named.take(","):
            session.catalog.find(*named.path())
    return accepted(what)


def accepted(what: str) -> Outcome:
    return Outcome(notes=[f"{what} is accepted and has no effect locally"])


def maintenance(session: Context, reader: Reader, word: str) -> Outcome:
    """VACUUM and ANALYZE: the table must exist, nothing else happens."""
    if word == "analyze" and reader.take("compression"):
        raise NeedsCluster("ANALYZE COMPRESSION")
    if word == "vacuum":
        if session.in_transaction:
            raise SqlError("VACUUM cannot run inside a transaction block")
        for form in (("full",), ("sort", "only"), ("delete", "only"), ("reindex",), ("recluster",)):
            if reader.take(*form):
                break
    else:
        reader.take("verbose")
    if not reader.done and not reader.sees("to") and not reader.sees("predicate") and not reader.sees("boost"):
        session.catalog.table(*reader.path(), kinds=("table", "materialized"))
    return accepted(word.upper())


def cancel(session: Context, reader: Reader) -> Outcome:
    """CANCEL pid ['message']: stop what another session runs."""
    pid = reader.number()
    token = reader.peek()
    if token is not None and token.kind == "string":
        reader.rest()
    reader.end()
    other = session.peer(pid)
    if other is None or other is session:
        return Outcome(notes=[f"PID {pid} is not a running query"])
    other.interrupt()
    return Outcome()


def comment(session: Context, reader: Reader) -> Outcome:
    reader.need("on")
    kind = reader.name()
    if kind not in ("table", "column", "view", "database", "constraint", "schema"):
        raise reader.trouble()
    if kind in ("table", "view"):
        session.catalog.find(*reader.path())
    elif kind == "column":
        _commented_column(session, reader)
    return accepted("COMMENT")


def _commented_column(session: Context, reader: Reader) -> None:
    parts = [reader.name()]
    while reader.take("."):
        parts.append(reader.name())
    if not 2 <= len(parts) <= 3:
        raise reader.trouble()
    found = session.catalog.find(parts[0] if len(parts) == 3 else "", parts[-2])
    if found.definition is None and parts[-1] not in (name for name, _ in found.columns):
        raise SqlError(f'column "{parts[-1]}" of relation "{parts[-2]}" does not exist')


# -- SHOW -----------------------------------------------------------------------------
def show(session: Context, reader: Reader) -> Outcome:
    """SHOW of settings, databases, schemas, tables, columns and definitions."""
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
            "SELECT 'dev', schema_name, table_name, CASE WHEN kind = 'table' THEN 'TABLE' ELSE 'VIEW' END"
            " FROM rs_meta.tables WHERE schema_name = ? ORDER BY 3",
            parts[-1] if parts else "public",
        )
        labels = ["database_name", "schema_name", "table_name", "table_type", "table_acl", "remarks"]
        return _filtered(reader, 2, labels, [[*row, None, None] for row in rows])
    if reader.take("columns"):
        reader.need("from", "table")
        schema, name = reader.path()
        spec = session.catalog.table(schema, name, kinds=("table", "view", "materialized"))
        listed = [
            ["dev", spec.schema, spec.name, one.name, str(n), one.default or None, "NO" if one.not_null else "YES", one.type.sql.partition("(")[0],
             str(one.type.size) if one.type.is_text and one.type.size > 0 else None, *_numeric(one.type), None]
            for n, one in enumerate(spec.columns, 1)
        ]  # fmt: skip
        labels = [
            "database_name", "schema_name", "table_name", "column_name", "ordinal_position", "column_default", "is_nullable", "data_type",
            "character_maximum_length", "numeric_precision", "numeric_scale", "remarks",
        ]  # fmt: skip
        return _filtered(reader, 3, labels, listed)
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
    ("external", "table"), ("model",), ("procedure",), ("procedures",), ("function",), ("functions",), ("parameters",), ("constraints",), ("grants",),
    ("column", "grants"), ("datashares",), ("policies",), ("templates",), ("template",),
)  # fmt: skip


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
    if keys := [one.name for one in spec.columns if one.primary_key]:
        lines.append(f"    PRIMARY KEY ({', '.join(keys)})")
    tail = f"DISTSTYLE {spec.diststyle}"
    if sort := [one.name for one in sorted(spec.columns, key=lambda one: one.sortkey) if one.sortkey]:
        tail += f"\n{'INTERLEAVED ' if spec.sort_style == 'INTERLEAVED' else ''}SORTKEY ( {', '.join(sort)} )"
    return f"CREATE TABLE {spec.schema}.{spec.name} (\n" + ",\n".join(lines) + f"\n)\n{tail};"


def default_encoding(column: Any) -> str:
    """What Redshift chooses where no encoding is given."""
    if column.sortkey or column.type.name in ("bool", "float4", "float8"):
        return "raw"
    return "lzo" if column.type.is_text or column.type.name in ("super", "varbyte") else "az64"


# -- prepared statements and cursors -------------------------------------------------------
def prepare(session: Context, reader: Reader) -> Outcome:
    name = reader.name()
    types: list[SqlType] = []
    if reader.take("("):
        while True:
            types.append(read_type(reader))
            if reader.take(")"):
                break
            reader.need(",")
    reader.need("as")
    items = reader.rest()
    if name in session.prepared:
        raise SqlError(f'prepared statement "{name}" already exists')
    if not items or not items[0].is_("select", "insert", "update", "delete"):
        raise SqlError("PREPARE takes SELECT, INSERT, UPDATE or DELETE")
    session.prepared[name] = (types, items)
    return Outcome()


def prepared_tokens(session: Context, reader: Reader) -> list[Token]:
    """The statement of EXECUTE, its $1, $2, ... replaced. The reader stands after EXECUTE."""
    name = reader.name()
    if name not in session.prepared:
        raise SqlError(f'prepared statement "{name}" does not exist')
    types, items = session.prepared[name]
    values: list[list[Token]] = []
    if reader.take("("):
        while not reader.take(")"):
            values.append(reader.until(lambda token: token.is_(",", ")")))
            reader.take(",")
    reader.end()
    wanted = max([len(types), *(int(token.text[1:]) for token in items if token.kind == "placeholder")], default=0)
    if len(values) != wanted:
        raise SqlError(
            f'wrong number of parameters for prepared statement "{name}": expected {wanted}, got {len(values)}'
        )
    made: list[Token] = []
    for token in items:
        if token.kind != "placeholder":
            made.append(token)
            continue
        place = int(token.text[1:]) - 1
        inside = spelled(values[place])
        text = f"CAST(({inside}) AS {types[place].sql})" if place < len(types) else f"({inside})"
        made.append(Token("raw", text, text, token.start, token.end))
    return made


def deallocate(session: Context, reader: Reader) -> Outcome:
    reader.take("prepare")
    name = reader.name()
    if session.prepared.pop(name, None) is None:
        raise SqlError(f'prepared statement "{name}" does not exist')
    return Outcome()


def declare(session: Context, reader: Reader) -> Outcome:
    name = reader.name()
    reader.need("cursor")
    if reader.take("with", "hold"):
        raise NeedsCluster("A cursor WITH HOLD")
    reader.need("for")
    if name in session.cursors:
        raise SqlError(f'cursor "{name}" already exists')
    query = session.compile(spelled(reader.rest()))
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {cursor_table(name)} AS SELECT row_number() OVER () AS rs_row, q.* FROM ({query.sql}) AS q"
    )
    session.cursors[name] = (query, 0)
    return Outcome()


def cursor_table(name: str) -> str:
    return '"rs_cursor_' + name.replace('"', '""') + '"'


def fetch(session: Context, reader: Reader) -> Outcome:
    count: int | None = 1
    if reader.take("next"):
        pass
    elif reader.take("all"):
        count = None
    elif reader.take("forward"):
        if reader.take("all"):
            count = None
        else:
            token = reader.peek()
            count = reader.number() if token is not None and token.kind == "number" else 1
    elif (token := reader.peek()) is not None and token.kind == "number":
        count = reader.number()
    _ = reader.take("from") or reader.take("in")
    name = reader.name()
    reader.end()
    if name not in session.cursors:
        raise SqlError(f'cursor "{name}" does not exist')
    query, at = session.cursors[name]
    limit = "" if count is None else f" AND rs_row <= {at + count}"
    columns = ", ".join(f"c{n}" for n in range(1, len(query.columns) + 1))
    text = f"SELECT {columns} FROM {cursor_table(name)} WHERE rs_row > {at}{limit} ORDER BY rs_row"
    total = session.catalog.rows(f"SELECT count(*) FROM {cursor_table(name)}")[0][0]
    session.cursors[name] = (query, total if count is None else min(total, at + count))
    return session.result(text, query)


def close(session: Context, reader: Reader) -> Outcome:
    name = reader.name()
    reader.end()
    if session.cursors.pop(name, None) is None:
        raise SqlError(f'cursor "{name}" does not exist')
    session.execute(f"DROP TABLE IF EXISTS temp.main.{cursor_table(name)}")
    return Outcome()


def texts(labels: list[str], rows: list[list[Any]]) -> Outcome:
    """A result of text columns, made here."""
    import pyarrow as pa

    arrays = [pa.array([row[n] for row in rows], pa.string()) for n in range(len(labels))]
    batch = pa.record_batch(arrays, names=[f"c{n}" for n in range(len(labels))])
    return Outcome([Column(label, SqlType("varchar", 256)) for label in labels], batch.schema, lambda: iter([batch]))
