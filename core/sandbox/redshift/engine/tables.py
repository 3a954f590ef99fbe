"""CREATE TABLE and its attributes: keys, encodings, identity, defaults; CREATE TABLE AS and LIKE."""

from __future__ import annotations

import uuid
from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine import constraints
from core.sandbox.redshift.engine.casts import assigned
from core.sandbox.redshift.engine.column_types import read_type
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.declarations import ColumnSpec, TableSpec
from core.sandbox.redshift.engine.outcome import NeedsCluster, Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader, spelled
from core.sandbox.redshift.engine.text import Token, literal, quoted
from core.sandbox.redshift.engine.value import Value

_ENCODINGS = frozenset(
    [
        "raw",
        "az64",
        "bytedict",
        "delta",
        "delta32k",
        "lzo",
        "mostly8",
        "mostly16",
        "mostly32",
        "runlength",
        "text255",
        "text32k",
        "zstd",
        "auto",
    ]
)
_ATTRIBUTES = (
    "default",
    "identity",
    "generated",
    "encode",
    "distkey",
    "sortkey",
    "collate",
    "not",
    "null",
    "unique",
    "primary",
    "references",
    ",",
    ")",
)


def create_table(session: Context, reader: Reader, temporary: bool) -> Outcome:
    """The reader stands after CREATE [TEMP] TABLE."""
    quiet = reader.take("if", "not", "exists")
    schema, name = reader.path()
    temporary = temporary or name.startswith("#") or schema.startswith("pg_temp")
    spec = TableSpec(session.new_place(schema, temporary), name)
    if session.catalog.locate(spec.schema, name) is not None:
        if quiet:
            return Outcome(notes=[f'Relation "{name}" already exists and was left alone'])
        raise SqlError(f'Relation "{name}" already exists')
    column_names: list[str] = []
    if reader.sees("("):
        if _only_names(reader):
            column_names = reader.names()
        else:
            _definition(session, reader, spec)
    keys = _table_attributes(reader, spec)
    if reader.take("as"):
        if spec.columns:
            raise reader.trouble()
        return _create_as(session, spec, reader.rest(), column_names, keys)
    if column_names:
        raise SqlError("syntax error: the columns have no types")
    reader.end()
    apply_keys(spec, keys)
    make(session, spec)
    return Outcome()


def _only_names(reader: Reader) -> bool:
    at = 1
    while True:
        token, after = reader.peek(at), reader.peek(at + 1)
        if token is None or after is None or token.kind not in ("word", "quoted"):
            return False
        if after.is_(")"):
            return True
        if not after.is_(","):
            return False
        at += 2


def _definition(session: Context, reader: Reader, spec: TableSpec) -> None:
    reader.need("(")
    while True:
        if reader.take("like"):
            _like(session, reader, spec)
        elif constraints.begins(reader):
            constraints.read(session, reader, spec)
        else:
            spec.columns.append(column_definition(session, reader, spec))
        if reader.take(")"):
            break
        reader.need(",")
    names = [one.name for one in spec.columns]
    for name in names:
        if names.count(name) > 1:
            raise SqlError(f'column "{name}" specified more than once')
    if not spec.columns:
        raise SqlError("a table needs at least one column")
    constraints.settle(session, spec)


def _like(session: Context, reader: Reader, spec: TableSpec) -> None:
    parent = session.catalog.table(*reader.path())
    defaults = False
    if reader.take("including", "defaults"):
        defaults = True
    else:
        reader.take("excluding", "defaults")
    for one in parent.columns:
        spec.columns.append(
            ColumnSpec(
                one.name,
                one.type,
                one.encoding,
                one.distkey,
                one.sortkey,
                "",
                one.default if defaults else "",
                one.not_null,
            )
        )
    spec.diststyle, spec.sort_style = parent.diststyle, parent.sort_style


def column_definition(session: Context, reader: Reader, spec: TableSpec) -> ColumnSpec:
    column = ColumnSpec(reader.name(), read_type(reader))
    while not reader.done and not reader.sees(",") and not reader.sees(")"):
        if reader.take("default"):
            items = reader.until(lambda token: token.is_(*_ATTRIBUTES) and not token.is_("null"))
            if not items and reader.take("null"):
                continue
            column.default = spelled(items)
            session.checked_default(column)
        elif reader.take("identity"):
            column.identity = "always " + _identity(reader)
        elif reader.take("generated", "by", "default", "as", "identity"):
            column.identity = "default " + _identity(reader)
        elif reader.take("encode"):
            column.encoding = _encoding(reader)
        elif reader.take("distkey"):
            if any(one.distkey for one in spec.columns):
                raise SqlError("a table takes one DISTKEY column")
            column.distkey = True
            spec.diststyle = "KEY"
        elif reader.take("sortkey"):
            if any(one.sortkey for one in spec.columns):
                raise SqlError("SORTKEY stands at one column; name several in the table's SORTKEY (a, b)")
            column.sortkey = 1
            spec.sort_style = "COMPOUND"
        elif reader.take("not", "null"):
            column.not_null = True
        elif reader.take("null") or constraints.read_of_column(session, reader, spec, column.name):
            pass
        elif reader.take("collate"):
            if not reader.take("case_sensitive"):
                raise NeedsCluster("COLLATE CASE_INSENSITIVE")
        else:
            raise reader.trouble()
    if column.identity and not column.type.is_integer:
        raise SqlError("IDENTITY is only for INT and BIGINT columns")
    if column.identity:
        column.not_null = True
    return column


def _identity(reader: Reader) -> str:
    reader.need("(")
    seed = reader.number()
    reader.need(",")
    step = reader.number()
    reader.need(")")
    return f"{seed} {step}"


def _encoding(reader: Reader) -> str:
    name = reader.name()
    if name not in _ENCODINGS:
        raise SqlError(f'encoding "{name}" is not known')
    return name


def _table_attributes(reader: Reader, spec: TableSpec) -> list[tuple[str, list[str]]]:
    """Distribution, sort order, backup; the named keys are given back, for the columns may come from a query."""
    pending: list[tuple[str, list[str]]] = []
    said = ""
    while not reader.done and not reader.sees("as"):
        if reader.take("diststyle"):
            style = reader.name().upper()
            if style not in ("AUTO", "EVEN", "KEY", "ALL"):
                raise SqlError(f"DISTSTYLE {style} is not known")
            spec.diststyle = said = style
        elif reader.take("distkey"):
            names = reader.names()
            if len(names) != 1:
                raise SqlError("DISTKEY takes one column")
            pending.append(("dist", names))
            spec.diststyle = "KEY"
        elif reader.sees("compound") or reader.sees("interleaved") or reader.sees("sortkey"):
            style = "INTERLEAVED" if reader.take("interleaved") else "COMPOUND"
            reader.take("compound")
            reader.need("sortkey")
            if reader.take("auto"):
                spec.sort_style = "AUTO"
                continue
            pending.append(("sort", reader.names() if reader.sees("(") else [reader.name()]))
            spec.sort_style = style
        elif reader.take("encode", "auto") or reader.take("backup", "yes") or reader.take("backup", "no"):
            pass
        else:
            raise reader.trouble()
    if said not in ("", "KEY") and (
        any(kind == "dist" for kind, _ in pending) or any(one.distkey for one in spec.columns)
    ):
        raise SqlError(f"DISTSTYLE {said} cannot be combined with DISTKEY")
    return pending


def apply_keys(spec: TableSpec, pending: list[tuple[str, list[str]]]) -> None:
    for kind, names in pending:
        if kind == "dist":
            for one in spec.columns:
                one.distkey = False
            spec.column(names[0]).distkey = True
        else:
            for one in spec.columns:
                one.sortkey = 0
            for place, name in enumerate(names, 1):
                spec.column(name).sortkey = place
    for one in spec.columns:
        if one.type.name in ("super", "varbyte") and (one.distkey or one.sortkey):
            raise SqlError(f'column "{one.name}" of type {one.type.name} cannot be a distribution key or a sort key')
    if spec.diststyle == "KEY" and not any(one.distkey for one in spec.columns):
        raise SqlError("DISTSTYLE KEY needs a DISTKEY column")


def make(session: Context, spec: TableSpec) -> None:
    """Create the table in DuckDB and record it."""
    parts: list[str] = []
    temporary = spec.schema == session.catalog.temporary
    for one in spec.columns:
        text = f"{quoted(one.name)} {one.type.duck}"
        if one.identity:
            _, seed, step = one.identity.split()
            sequence = _new_sequence(session, spec, one.name)
            low = "MINVALUE -9223372036854775808 MAXVALUE 9223372036854775807"
            session.connection.execute(
                f"CREATE OR REPLACE {'TEMP ' if temporary else ''}SEQUENCE {sequence} INCREMENT BY {step} {low} START WITH {seed}"
            )
            text += f" DEFAULT nextval({literal(sequence)})"
        elif one.default:
            text += f" DEFAULT {session.default_sql(one)}"
        if one.not_null:
            text += " NOT NULL"
        parts.append(text)
    where = f"TEMP TABLE {quoted(spec.name)}" if temporary else f"TABLE {session.catalog.duck(spec.schema, spec.name)}"
    session.connection.execute(f"CREATE {where} ({', '.join(parts)})")
    session.catalog.save(spec, session.user)


def _new_sequence(session: Context, spec: TableSpec, column: str) -> str:
    """A name that no other has: the table may be renamed, and another made under its old name."""
    plain = quoted(f"identity.{spec.schema}.{spec.name}.{column}.{uuid.uuid4().hex[:12]}")
    return plain if spec.schema == session.catalog.temporary else f"dev.rs_meta.{plain}"


def _create_as(
    session: Context, spec: TableSpec, items: list[Token], names: list[str], pending: list[tuple[str, list[str]]]
) -> Outcome:
    if items and items[0].is_("(") and items[-1].is_(")"):
        inner = Reader(items[1:-1])
        if inner.sees("select") or inner.sees("with"):
            items = items[1:-1]
    return create_from_query(session, spec, spelled(items), names, pending)


def create_from_query(
    session: Context, spec: TableSpec, text: str, names: list[str], pending: list[tuple[str, list[str]]]
) -> Outcome:
    """CREATE TABLE AS and SELECT INTO."""
    query = session.compile(text)
    labels = [names[n] if n < len(names) else label for n, (label, _) in enumerate(query.columns)]
    if len(names) > len(query.columns):
        raise SqlError("CREATE TABLE AS specifies too many column names")
    for label in labels:
        if labels.count(label) > 1:
            raise SqlError(f'column "{label}" specified more than once')
    spec.columns = [ColumnSpec(label, kind) for label, (_, kind) in zip(labels, query.columns, strict=True)]
    if not pending and spec.diststyle == "AUTO" and not spec.sort_style:
        _inherit_keys(session, spec, session.parsed(text))
    apply_keys(spec, pending)
    make(session, spec)
    values = ", ".join(assigned(Value(f"q.c{n}", kind), kind) for n, (_, kind) in enumerate(query.columns, 1))
    rows = session.execute(
        f"INSERT INTO {session.catalog.duck(spec.schema, spec.name)} SELECT {values} FROM ({query.sql}) AS q"
    )
    return Outcome(affected=rows)


def _inherit_keys(session: Context, spec: TableSpec, node: Any) -> None:
    """A plain SELECT of one table hands its distribution and sort keys down (developer guide, CTAS usage notes)."""
    clauses = ("group", "order", "limit", "distinct", "joins", "having", "qualify", "with_", "connect")
    table = node.args["from_"].this if isinstance(node, exp.Select) and node.args.get("from_") else None
    if (
        not isinstance(table, exp.Table)
        or any(node.args.get(one) for one in clauses)
        or table.args.get("joins")
        or table.args.get("pivots")
    ):
        return
    if session.catalog.locate(table.db.lower(), table.name.lower()) is None:
        return
    try:
        parent = session.catalog.table(table.db.lower(), table.name.lower())
    except SqlError:
        return  # a view has no keys
    names: dict[str, str] = {}
    for item in node.expressions:
        inner = item.this if isinstance(item, exp.Alias) else item
        if isinstance(inner, exp.Star) or (isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star)):
            names |= {one.name: one.name for one in parent.columns}
        elif isinstance(inner, exp.Column):
            names[inner.name.lower()] = item.alias_or_name.lower()
    sort = sorted((one for one in parent.columns if one.sortkey), key=lambda one: one.sortkey)
    if sort and all(one.name in names for one in sort):
        spec.sort_style = parent.sort_style
        for one in sort:
            spec.column(names[one.name]).sortkey = one.sortkey
    for one in parent.columns:
        if one.distkey and one.name in names:
            spec.column(names[one.name]).distkey = True
            spec.diststyle = "KEY"
    if parent.diststyle in ("ALL", "EVEN"):
        spec.diststyle = parent.diststyle
