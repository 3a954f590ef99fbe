"""Schemas, views and materialized views; DROP of everything."""

from __future__ import annotations

from sqlglot import exp

from core.sandbox.redshift.engine import constraints, tables
from core.sandbox.redshift.engine.catalog import HIDDEN, SYSTEM
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.declarations import ColumnSpec, TableSpec
from core.sandbox.redshift.engine.outcome import NeedsCluster, Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader, spelled
from core.sandbox.redshift.engine.text import quoted


def create_schema(session: Context, reader: Reader) -> Outcome:
    quiet = reader.take("if", "not", "exists")
    name = "" if reader.sees("authorization") else reader.name()
    if reader.take("authorization"):
        name = name or reader.name()
        if not reader.done and not reader.sees("quota"):
            reader.name()
    if reader.take("quota"):
        raise NeedsCluster("A schema QUOTA")
    reader.end()
    if name in HIDDEN or name in SYSTEM or name.startswith("pg_"):
        raise SqlError(f'unacceptable schema name "{name}"')
    if session.catalog.schema_exists(name):
        if quiet:
            return Outcome(notes=[f'Schema "{name}" already exists'])
        raise SqlError(f'Schema "{name}" already exists')
    session.connection.execute(f"CREATE SCHEMA dev.{quoted(name)}")
    return Outcome()


def create_view(session: Context, reader: Reader, replace: bool) -> Outcome:
    """The reader stands after VIEW."""
    schema, name = reader.path()
    names = reader.names() if reader.sees("(") else []
    reader.need("as")
    items = reader.rest()
    late = len(items) > 4 and [token.value for token in items[-4:]] == ["with", "no", "schema", "binding"]
    text = spelled(items[:-4] if late else items)
    spec = TableSpec(session.new_place(schema, False), name, kind="late" if late else "view", definition=text)
    located = session.catalog.locate(spec.schema, name)
    if located is not None and not (replace and located[1] in ("view", "late")):
        raise SqlError(f'Relation "{name}" already exists')
    if late:
        if names:
            raise NeedsCluster("A list of column names WITH NO SCHEMA BINDING")
        _check_qualified(session.parsed(text))
        if located is not None:
            _drop_relation(session, spec.schema, name, located[1])
        session.catalog.save(spec, session.user)
        return Outcome()
    query, touched = session.compile_touching(text)
    labels = [names[n] if n < len(names) else label for n, (label, _) in enumerate(query.columns)]
    for label in labels:
        if labels.count(label) > 1:
            raise SqlError(f'column "{label}" specified more than once')
    if any(place == session.catalog.temporary for place, _ in touched):
        raise NeedsCluster("A view over a temporary table")
    spec.columns = [ColumnSpec(label, kind) for label, (_, kind) in zip(labels, query.columns, strict=True)]
    if located is not None and located[1] == "view":
        _same_columns(session.catalog.table(spec.schema, name, kinds=("view",)), spec)
    make_view(session, spec, query.sql)
    session.catalog.save(spec, session.user)
    session.catalog.depend(spec.schema, name, touched)
    return Outcome()


def make_view(session: Context, spec: TableSpec, text: str) -> None:
    """The view in DuckDB, over the text of its compiled query."""
    listed = ", ".join(f"q.c{n} AS {quoted(one.name)}" for n, one in enumerate(spec.columns, 1))
    session.connection.execute(
        f"CREATE OR REPLACE VIEW {session.catalog.duck(spec.schema, spec.name)} AS SELECT {listed} FROM ({text}) AS q"
    )


def _check_qualified(node: exp.Expression) -> None:
    """A late-binding view names its tables with their schemas (developer guide, CREATE VIEW)."""
    known = {cte.alias.lower() for cte in node.find_all(exp.CTE)}
    for table in node.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and not table.db and table.name.lower() not in known:
            raise SqlError(
                f'All the relation names inside should be qualified when creating views with no schema binding: "{table.name}"'
            )


def _same_columns(old: TableSpec, new: TableSpec) -> None:
    """OR REPLACE keeps names and types of the columns (developer guide, CREATE VIEW)."""
    if len(old.columns) != len(new.columns):
        raise SqlError("cannot change number of columns in view")
    for one, two in zip(old.columns, new.columns, strict=True):
        if one.name != two.name:
            raise SqlError(f'cannot change name of view column "{one.name}"')
        if one.type.name != two.type.name:
            raise SqlError(f'cannot change data type of view column "{one.name}"')


def create_materialized_view(session: Context, reader: Reader) -> Outcome:
    """A stored result and its definition; REFRESH runs it again."""
    schema, name = reader.path()
    if reader.sees("("):
        raise SqlError("CREATE MATERIALIZED VIEW takes no column names")
    keys: list[tuple[str, list[str]]] = []
    spec = TableSpec(session.new_place(schema, False), name, kind="materialized")
    while not reader.take("as"):
        if (
            reader.take("backup", "yes")
            or reader.take("backup", "no")
            or reader.take("auto", "refresh", "yes")
            or reader.take("auto", "refresh", "no")
        ):
            continue
        if reader.take("diststyle"):
            spec.diststyle = reader.name().upper()
        elif reader.take("distkey"):
            keys.append(("dist", reader.names()))
            spec.diststyle = "KEY"
        elif reader.take("compound", "sortkey") or reader.take("sortkey"):
            keys.append(("sort", reader.names()))
            spec.sort_style = "COMPOUND"
        else:
            raise reader.trouble()
    if session.catalog.locate(spec.schema, name):
        raise SqlError(f'Relation "{name}" already exists')
    text = spelled(reader.rest())
    _, touched = session.compile_touching(text)
    outcome = tables.create_from_query(session, spec, text, [], keys)
    spec.definition = text
    session.catalog.save(spec)
    session.catalog.depend(spec.schema, name, touched)
    return Outcome(
        affected=outcome.affected,
        notes=["Refreshed only by REFRESH MATERIALIZED VIEW: the local engine has no auto refresh"],
    )


def refresh(session: Context, reader: Reader) -> Outcome:
    reader.need("materialized", "view")
    spec = session.catalog.table(*reader.path(), kinds=("materialized",))
    _ = reader.take("restrict") or reader.take("cascade")
    reader.end()
    query = session.compile(spec.definition)
    duck = session.catalog.duck(spec.schema, spec.name)
    session.execute(f"DELETE FROM {duck}")
    session.execute(f"INSERT INTO {duck} {query.sql}")
    return Outcome()


_KINDS = {"table": ("table",), "view": ("view", "late"), "materialized": ("materialized",)}


def drop(session: Context, reader: Reader) -> Outcome:
    """The reader stands after DROP."""
    if reader.take("schema"):
        return _drop_schema(session, reader)
    what = "materialized" if reader.take("materialized", "view") else ""
    if not what and (reader.sees("table") or reader.sees("view")):
        what = reader.name()
    if not what:
        raise NeedsCluster(f"DROP {(token.text.upper() if (token := reader.peek()) else '')}".strip())
    quiet = reader.take("if", "exists")
    paths = [reader.path()]
    while reader.take(","):
        paths.append(reader.path())
    cascade = reader.take("cascade")
    if not cascade:
        reader.take("restrict")
    reader.end()
    notes: list[str] = []
    for schema, name in paths:
        located = session.catalog.locate(schema, name)
        if located is None:
            if not quiet:
                raise SqlError(
                    f'{what.capitalize() if what != "materialized" else "Materialized view"} "{name}" does not exist'
                )
            notes.append(f'"{name}" does not exist and was skipped')
            continue
        place, kind = located
        if kind not in _KINDS[what]:
            raise SqlError(f'"{name}" is not a {what if what != "materialized" else "materialized view"}')
        _drop_with_dependants(session, place, name, kind, cascade)
    return Outcome(notes=notes)


def _drop_with_dependants(session: Context, schema: str, name: str, kind: str, cascade: bool) -> None:
    for place, view in session.catalog.dependants(schema, name):
        located = session.catalog.locate(place, view)
        if located is None:
            continue
        if not cascade:
            raise SqlError(
                f"cannot drop {kind} {name} because other objects depend on it ({place}.{view}); use DROP ... CASCADE"
            )
        _drop_with_dependants(session, place, view, located[1], True)
    if kind == "table":
        constraints.drop_of_table(session, session.catalog.table(schema, name), cascade)
    _drop_relation(session, schema, name, kind)


def drop_broken_views(session: Context, spec: TableSpec, column: str, cascade: bool) -> None:
    """After a column went: the bound views that read it go too, or, without CASCADE, forbid it. Raises SqlError."""
    for place, view in session.catalog.dependants(spec.schema, spec.name):
        located = session.catalog.locate(place, view)
        if located is None or not broken(session, place, view):
            continue
        if not cascade:
            raise SqlError(
                f"cannot drop table {spec.name} column {column} because other objects depend on it ({place}.{view});"
                " use DROP COLUMN ... CASCADE"
            )
        _drop_with_dependants(session, place, view, located[1], True)


def broken(session: Context, schema: str, name: str) -> bool:
    """Whether a view's definition no longer gives the columns it was made with."""
    spec = session.catalog.table(schema, name, kinds=("view", "materialized"))
    try:
        return len(session.compile(spec.definition).columns) != len(spec.columns)
    except SqlError:
        return True


def _drop_relation(session: Context, schema: str, name: str, kind: str) -> None:
    duck = session.catalog.duck(schema, name)
    if kind == "view":
        session.connection.execute(f"DROP VIEW {duck}")
    elif kind in ("table", "materialized"):
        _drop_table(session, session.catalog.table(schema, name, kinds=("table", "materialized")))
    session.catalog.forget(schema, name)


def _drop_table(session: Context, spec: TableSpec) -> None:
    """Drop the table in DuckDB, and the sequences of its IDENTITY columns."""
    sequences = (
        []
        if not any(one.identity for one in spec.columns)
        else [
            default.removeprefix("nextval('").removesuffix("')").replace("''", "'")
            for (default,) in session.catalog.rows(
                "SELECT column_default FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ?"
                " AND column_default LIKE 'nextval(%'",
                *session.catalog.duck_place(spec.schema),
                spec.name,
            )
        ]
    )
    session.connection.execute(f"DROP TABLE {session.catalog.duck(spec.schema, spec.name)}")
    for sequence in sequences:
        session.connection.execute(f"DROP SEQUENCE {sequence}")


def _drop_schema(session: Context, reader: Reader) -> Outcome:
    quiet = reader.take("if", "exists")
    names = [reader.name()]
    while reader.take(","):
        names.append(reader.name())
    cascade = reader.take("cascade")
    reader.take("restrict")
    reader.end()
    for name in names:
        if name in HIDDEN or not session.catalog.schema_exists(name):
            if quiet:
                continue
            raise SqlError(f'Schema "{name}" does not exist')
        if name == "public":
            raise NeedsCluster("DROP SCHEMA public")
        relations = session.catalog.rows("SELECT table_name, kind FROM rs_meta.tables WHERE schema_name = ?", name)
        if relations and not cascade:
            raise SqlError(f"cannot drop schema {name} because other objects depend on it; use DROP ... CASCADE")
        for relation, _ in relations:
            located = session.catalog.locate(name, relation)
            if located is not None:
                _drop_with_dependants(session, name, relation, located[1], True)
        session.connection.execute(f"DROP SCHEMA dev.{quoted(name)}")
    return Outcome()
