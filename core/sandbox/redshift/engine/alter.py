"""ALTER TABLE in its many forms, and ALTER TABLE APPEND."""

from __future__ import annotations

from core.sandbox.redshift.engine import constraints, objects, renaming, tables
from core.sandbox.redshift.engine.column_types import read_type
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.declarations import TableSpec
from core.sandbox.redshift.engine.outcome import NeedsCluster, Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader
from core.sandbox.redshift.engine.text import quoted


def alter_table(session: Context, reader: Reader) -> Outcome:
    """The reader stands after ALTER TABLE."""
    path = reader.path()
    if reader.take("rename", "to"):
        return renaming.rename(session, session.catalog.table(*path, kinds=("table", "view", "late")), reader)
    spec = session.catalog.table(*path)
    duck = session.catalog.duck(spec.schema, spec.name)
    if reader.take("append", "from"):
        return _append(session, reader, spec, duck)
    notes: list[str] = []
    if reader.take("rename"):
        reader.take("column")
        column = spec.column(reader.name())
        reader.need("to")
        new = reader.name()
        _free(spec, new)
        session.connection.execute(f"ALTER TABLE {duck} RENAME COLUMN {quoted(column.name)} TO {quoted(new)}")
        constraints.follow_column(session, spec, column.name, new)
        said = session.catalog.comments(spec.schema, spec.name).get(column.name, "")
        session.catalog.note(spec.schema, spec.name, column.name, "")
        session.catalog.note(spec.schema, spec.name, new, said)
        column.name = new
        session.catalog.save(spec)
        renaming.keep_readers(session, spec)
    elif reader.take("add"):
        _add(session, reader, spec, duck)
    elif reader.take("drop"):
        _drop(session, reader, spec, duck)
    elif reader.take("alter"):
        notes = _alter(session, reader, spec, duck)
    elif reader.take("owner", "to"):
        reader.name()
        notes = ["The owner was not changed: the local engine has one user"]
    elif reader.take("set"):
        raise NeedsCluster("ALTER TABLE SET")
    elif reader.sees("row"):
        raise NeedsCluster("ROW LEVEL SECURITY")
    else:
        raise reader.trouble()
    reader.end()
    return Outcome(notes=notes)


def _free(spec: TableSpec, name: str) -> None:
    if any(one.name == name for one in spec.columns):
        raise SqlError(f'column "{name}" of relation "{spec.name}" already exists')


def _add(session: Context, reader: Reader, spec: TableSpec, duck: str) -> None:
    if constraints.begins(reader):
        constraints.read(session, reader, spec)
        constraints.settle(session, spec)
        session.catalog.save(spec)
        return
    reader.take("column")
    column = tables.column_definition(session, reader, spec)
    _free(spec, column.name)
    if (
        column.identity
        or column.distkey
        or column.sortkey
        or any(column.name in one.columns for one in spec.constraints)
    ):
        raise SqlError("ALTER TABLE ADD COLUMN takes no IDENTITY, DISTKEY, SORTKEY, PRIMARY KEY, UNIQUE or REFERENCES")
    if column.not_null and not column.default:
        raise SqlError("ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression")
    default = f" DEFAULT {session.default_sql(column)}" if column.default else ""
    session.connection.execute(f"ALTER TABLE {duck} ADD COLUMN {quoted(column.name)} {column.type.duck}{default}")
    if column.not_null:
        _set_not_null(session, spec, duck, column.name)
    spec.columns.append(column)
    session.catalog.save(spec)


def _set_not_null(session: Context, spec: TableSpec, duck: str, column: str) -> None:
    """Write the table anew: DuckDB's own SET NOT NULL refuses a table with updates that are not checkpointed yet."""
    place = session.catalog.duck_place(spec.schema)
    parts = [
        f"{quoted(name)} {kind}{f' DEFAULT {default}' if default else ''}{'' if nullable and name != column else ' NOT NULL'}"
        for name, kind, default, nullable in session.catalog.rows(
            "SELECT column_name, data_type, column_default, is_nullable FROM duckdb_columns()"
            " WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index",
            *place,
            spec.name,
        )
    ]
    old = ".".join(quoted(part) for part in (*place, "rs_before_alter"))
    session.execute(f"ALTER TABLE {duck} RENAME TO rs_before_alter")
    session.execute(f"CREATE TABLE {duck} ({', '.join(parts)})")
    session.execute(f"INSERT INTO {duck} SELECT * FROM {old}")
    session.execute(f"DROP TABLE {old}")


def _drop(session: Context, reader: Reader, spec: TableSpec, duck: str) -> None:
    if reader.take("constraint"):
        name = reader.name()
        cascade = reader.take("cascade")
        _ = cascade or reader.take("restrict")
        constraints.drop(session, spec, name, cascade)
        return
    reader.take("column")
    column = spec.column(reader.name())
    cascade = reader.take("cascade")
    _ = cascade or reader.take("restrict")
    if column.distkey or column.sortkey:
        raise SqlError(f"cannot drop column {column.name}: it is a {'distribution' if column.distkey else 'sort'} key")
    if len(spec.columns) == 1:
        raise SqlError("cannot drop the only column of a table")
    constraints.drop_of_column(session, spec, column.name, cascade)
    session.connection.execute(f"ALTER TABLE {duck} DROP COLUMN {quoted(column.name)}")
    session.catalog.note(spec.schema, spec.name, column.name, "")
    spec.columns.remove(column)
    session.catalog.save(spec)
    objects.drop_broken_views(session, spec, column.name, cascade)


def _alter(session: Context, reader: Reader, spec: TableSpec, duck: str) -> list[str]:
    note = ["Recorded; keys and encodings have no effect on the local engine"]
    if reader.take("distkey"):
        spec.diststyle = "KEY"
        tables.apply_keys(spec, [("dist", [reader.name()])])
    elif reader.take("diststyle"):
        style = reader.name().upper()
        if style not in ("ALL", "EVEN", "KEY", "AUTO"):
            raise SqlError(f"DISTSTYLE {style} is not known")
        for one in spec.columns:
            one.distkey = False
        spec.diststyle = style
        if style == "KEY":
            reader.need("distkey")
            tables.apply_keys(spec, [("dist", [reader.name()])])
    elif reader.sees("compound") or reader.sees("sortkey"):
        reader.take("compound")
        reader.need("sortkey")
        for one in spec.columns:
            one.sortkey = 0
        if reader.sees("("):
            spec.sort_style = "COMPOUND"
            tables.apply_keys(spec, [("sort", reader.names())])
        else:
            word = reader.name().upper()
            if word not in ("AUTO", "NONE"):
                raise reader.trouble()
            spec.sort_style = "AUTO" if word == "AUTO" else ""
    elif reader.take("encode", "auto"):
        pass
    else:
        note = _alter_columns(session, reader, spec, duck)
    session.catalog.save(spec)
    return note


def _alter_columns(session: Context, reader: Reader, spec: TableSpec, duck: str) -> list[str]:
    while True:
        reader.take("column")
        column = spec.column(reader.name())
        if reader.take("encode"):
            column.encoding = reader.name()
        elif reader.take("type"):
            kind = read_type(reader)
            if not (column.type.name == kind.name == "varchar"):
                raise SqlError(
                    f"cannot alter type of column {column.name!r}: only the size of VARCHAR columns can be changed"
                )
            if kind.size < column.type.size:
                longest = session.catalog.rows(f"SELECT max(strlen({quoted(column.name)})) FROM {duck}")[0][0] or 0
                if longest > kind.size:
                    raise SqlError(
                        f"target column size should be different from and at least the longest value ({longest} bytes)"
                    )
            column.type = kind
        else:
            raise SqlError("ALTER COLUMN takes TYPE or ENCODE")
        if not reader.take(","):
            return []
        reader.take("alter")


def _append(session: Context, reader: Reader, spec: TableSpec, duck: str) -> Outcome:
    source = session.catalog.table(*reader.path())
    extra, fill = reader.take("ignoreextra"), reader.take("filltarget")
    reader.end()
    own = {one.name: one for one in spec.columns}
    theirs = {one.name: one for one in source.columns}
    if set(theirs) - set(own) and not extra:
        raise SqlError(
            f"ALTER TABLE APPEND: the target has no column {', '.join(sorted(set(theirs) - set(own)))}; use IGNOREEXTRA"
        )
    if set(own) - set(theirs) and not fill:
        raise SqlError(
            f"ALTER TABLE APPEND: the source has no column {', '.join(sorted(set(own) - set(theirs)))}; use FILLTARGET"
        )
    if (source.schema, source.name) == (spec.schema, spec.name):
        raise SqlError("ALTER TABLE APPEND: source and target are the same table")
    shared = [name for name in own if name in theirs]
    if different := [name for name in shared if own[name].type != theirs[name].type]:
        raise SqlError(f"ALTER TABLE APPEND: the types of column {', '.join(different)} differ")
    columns = ", ".join(quoted(name) for name in shared)
    other = session.catalog.duck(source.schema, source.name)
    rows = session.execute(f"INSERT INTO {duck} ({columns}) SELECT {columns} FROM {other}")
    session.execute(f"DELETE FROM {other}")
    return Outcome(affected=rows)
