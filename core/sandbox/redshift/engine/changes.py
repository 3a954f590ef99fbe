"""INSERT, UPDATE, DELETE, TRUNCATE and MERGE."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine import sources
from core.sandbox.redshift.engine.casts import assigned
from core.sandbox.redshift.engine.compiling import Compiler
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.declarations import ColumnSpec, TableSpec
from core.sandbox.redshift.engine.expression import condition
from core.sandbox.redshift.engine.outcome import NeedsCluster, Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader, spelled
from core.sandbox.redshift.engine.text import Token, quoted
from core.sandbox.redshift.engine.value import Relation, Scope, Value


def insert(session: Context, reader: Reader) -> Outcome:
    """The reader stands after INSERT INTO."""
    spec = session.catalog.table(*reader.path())
    duck = session.catalog.duck(spec.schema, spec.name)
    if reader.take("default", "values"):
        reader.end()
        return Outcome(affected=session.execute(f"INSERT INTO {duck} DEFAULT VALUES"))
    names: list[str] = []
    after = reader.peek(1)
    if reader.sees("(") and after is not None and not after.is_("select", "with", "("):
        names = reader.names()
    targets = [spec.column(name) for name in names] or list(spec.columns)
    if len(set(names)) != len(names):
        raise SqlError("a column is specified more than once")
    if reader.sees("values"):
        text, targets = _values(session, reader, targets, explicit=bool(names))
    else:
        query = session.compile(spelled(reader.rest()))
        targets = _fitting(targets, len(query.columns), explicit=bool(names))
        _no_identity(targets)
        values = [
            assigned(Value(f"q.c{n}", kind), target.type)
            for n, ((_, kind), target) in enumerate(zip(query.columns, targets, strict=True), 1)
        ]
        text = f"SELECT {', '.join(values)} FROM ({query.sql}) AS q"
    columns = ", ".join(quoted(one.name) for one in targets)
    return Outcome(affected=session.execute(f"INSERT INTO {duck} ({columns}) {text}"))


def _fitting(targets: list[ColumnSpec], count: int, explicit: bool) -> list[ColumnSpec]:
    if not explicit and count == sum(not one.identity for one in targets):  # identity columns fill themselves
        return [one for one in targets if not one.identity]
    if count > len(targets):
        raise SqlError("INSERT has more expressions than target columns")
    if count < len(targets) and explicit:
        raise SqlError("INSERT has more target columns than expressions")
    return targets[:count]


def _no_identity(targets: list[ColumnSpec]) -> None:
    for one in targets:
        if one.identity.startswith("always"):
            raise SqlError("cannot set an identity column to a value")


def _values(
    session: Context, reader: Reader, targets: list[ColumnSpec], explicit: bool
) -> tuple[str, list[ColumnSpec]]:
    reader.need("values")
    compiler = session.compiler()
    rows: list[list[list[Token]]] = []
    while True:
        reader.need("(")
        row: list[list[Token]] = []
        while True:
            row.append(reader.until(lambda token: token.is_(",", ")")))
            if reader.take(")"):
                break
            reader.need(",")
        rows.append(row)
        if not reader.take(","):
            break
    reader.end()
    if len({len(row) for row in rows}) > 1:
        raise SqlError("VALUES lists must all be the same length")
    targets = _fitting(targets, len(rows[0]), explicit)
    for target, items in zip(targets, rows[0], strict=True):
        if not (len(items) == 1 and items[0].is_("default")):
            _no_identity([target])
    scope = Scope(no_aggregates="VALUES")
    texts: list[str] = []
    for row in rows:
        texts.append(
            "("
            + ", ".join(
                _cell(session, compiler, items, target, scope) for items, target in zip(row, targets, strict=True)
            )
            + ")"
        )
    return "VALUES " + ", ".join(texts), targets


def _cell(session: Context, compiler: Compiler, items: list[Token], target: ColumnSpec, scope: Scope) -> str:
    if len(items) == 1:
        token = items[0]
        if token.is_("default"):
            return "DEFAULT"
        if token.is_("null"):
            return "NULL"
    if not items:
        raise SqlError("syntax error: a value is missing in VALUES")
    return assigned(compiler.value(session.parsed_value(items), scope), target.type)


def update(session: Context, node: Any) -> Outcome:
    compiler = session.compiler()
    with compiler.common_tables(node.args.get("with_"), None) as head:
        return _update(session, compiler, node, head)


def _update(session: Context, compiler: Compiler, node: Any, with_: str) -> Outcome:
    spec, scope, text = _target(session, compiler, node.this, node.args.get("from_"))
    sets: list[str] = []
    for one in node.expressions:
        if not isinstance(one, exp.EQ) or not isinstance(one.this, exp.Column):
            raise NeedsCluster("A SET of several columns at once")
        target = spec.column(one.this.name.lower())
        _no_identity([target])
        if (
            isinstance(one.expression, exp.Column)
            and one.expression.name.lower() == "default"
            and not one.expression.table
        ):
            value = f"({session.default_sql(target)})" if target.default else "NULL"
        else:
            value = assigned(compiler.value(one.expression, scope), target.type)
        sets.append(f"{quoted(target.name)} = {value}")
    where = node.args.get("where")
    text_where = f" WHERE {condition(compiler.value(where.this, scope), 'WHERE')}" if where is not None else ""
    head, tail = text
    return Outcome(
        affected=session.execute(
            f"{with_} UPDATE {head} SET {', '.join(sets)}{' FROM ' + tail if tail else ''}{text_where}"
        )
    )


def _target(session: Context, compiler: Compiler, table: Any, from_: Any) -> tuple[TableSpec, Scope, tuple[str, str]]:
    spec = session.catalog.table(table.db.lower(), table.name.lower())
    head, relation = compiler.relation(table)
    scope = Scope()
    tail = ""
    if from_ is not None:
        select = exp.Select(expressions=[exp.Star()], from_=from_)
        tail = sources.compile_from(compiler, select, scope)
    scope.relations.insert(0, relation)
    return spec, scope, (head, tail)


def delete(session: Context, node: Any) -> Outcome:
    compiler = session.compiler()
    with compiler.common_tables(node.args.get("with_"), None) as head:
        return _delete(session, compiler, node, head)


def _delete(session: Context, compiler: Compiler, node: Any, with_: str) -> Outcome:
    session.catalog.table(node.this.db.lower(), node.this.name.lower())  # refuses views and system tables
    head, relation = compiler.relation(node.this)
    scope = Scope(relations=[relation])
    tails: list[str] = []
    for one in node.args.get("using") or []:
        inner = Scope()
        tails.append(
            sources.compile_from(compiler, exp.Select(expressions=[exp.Star()], from_=exp.From(this=one)), inner)
        )
        scope.relations += inner.relations
    where = node.args.get("where")
    text = f" WHERE {condition(compiler.value(where.this, scope), 'WHERE')}" if where is not None else ""
    using = f" USING {', '.join(tails)}" if tails else ""
    return Outcome(affected=session.execute(f"{with_} DELETE FROM {head}{using}{text}"))


def truncate(session: Context, reader: Reader) -> Outcome:
    """TRUNCATE commits, as on Redshift."""
    reader.take("table")
    spec = session.catalog.table(*reader.path())
    reader.end()
    session.execute(f"DELETE FROM {session.catalog.duck(spec.schema, spec.name)}")
    session.commit_and_go_on()
    return Outcome()


def merge(session: Context, items: list[Token]) -> Outcome:
    """MERGE, with WHEN clauses or REMOVE DUPLICATES."""
    simple = [token.value for token in items[-2:]] == ["remove", "duplicates"]
    if simple:
        items = items[:-2]
    text = spelled(items) + (" WHEN MATCHED THEN DELETE" if simple else "")
    node = session.parsed(text)
    if not isinstance(node, exp.Merge):
        raise SqlError("syntax error in MERGE")
    compiler = session.compiler()
    spec = session.catalog.table(node.this.db.lower(), node.this.name.lower())
    head, relation = compiler.relation(node.this)
    inner = Scope()
    source = sources.compile_from(
        compiler, exp.Select(expressions=[exp.Star()], from_=exp.From(this=node.args["using"])), inner
    )
    scope = Scope(relations=[relation, *inner.relations])
    on = condition(compiler.value(node.args["on"], scope), "ON")
    if simple:
        return _merge_simple(session, spec, head, source, inner.relations[0], on)
    alias = head.rpartition(" AS ")[2]
    kinds = {bool(one.args.get("matched")) for one in node.args["whens"].expressions}
    if len(kinds) == 1:
        raise SqlError("syntax error: MERGE takes both WHEN MATCHED THEN and WHEN NOT MATCHED THEN")
    again = f"SELECT 1 FROM {head} JOIN {source} ON {on} GROUP BY {alias}.rowid HAVING count(*) > 1 LIMIT 1"
    if session.catalog.rows(again):
        raise SqlError("Found multiple matches to update the same tuple.")
    whole = _replacing(compiler, node.args["whens"].expressions, spec, scope)
    if whole is not None:
        return _merge_replacing(session, spec, head, source, on, whole)
    clauses = [_when(compiler, one, spec, scope) for one in node.args["whens"].expressions]
    return Outcome(affected=session.execute(f"MERGE INTO {head} USING {source} ON {on} {' '.join(clauses)}"))


def _replacing(compiler: Compiler, whens: list[Any], spec: TableSpec, scope: Scope) -> list[str] | None:
    """The row a MERGE writes, where it updates every column to just what it would insert; else None.

    Redshift then deletes what matched and inserts each source row once, so that several matched rows become one
    (developer guide, MERGE, usage notes).
    """
    sets: dict[str, str] = {}
    added: dict[str, str] = {}
    for one in whens:
        action = one.args["then"]
        if one.args.get("matched") and isinstance(action, exp.Update):
            for pair in action.expressions:
                target = spec.column(pair.this.name.lower())
                sets[target.name] = assigned(compiler.value(pair.expression, scope), target.type)
        elif not one.args.get("matched") and isinstance(action, exp.Insert):
            targets, values = _inserted(action, spec)
            for target, value in zip(targets, values, strict=True):
                added[target.name] = assigned(compiler.value(value, scope), target.type)
    names = [one.name for one in spec.columns]
    if sorted(sets) != sorted(names) or sets != added:
        return None
    return [added[name] for name in names]


def _merge_replacing(session: Context, spec: TableSpec, head: str, source: str, on: str, values: list[str]) -> Outcome:
    alias = head.rpartition(" AS ")[2]
    if any(f"{alias}." in value for value in values):  # what is written depends on the row it replaces
        raise NeedsCluster("MERGE with the target's own columns in every SET and in INSERT")
    duck = session.catalog.duck(spec.schema, spec.name)
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE rs_merge_source AS SELECT {', '.join(f'{v} AS v{n}' for n, v in enumerate(values))} FROM {source}"
    )
    session.execute(f"DELETE FROM {head} USING {source} WHERE {on}")
    added = session.execute(f"INSERT INTO {duck} SELECT * FROM temp.main.rs_merge_source")
    session.execute("DROP TABLE temp.main.rs_merge_source")
    return Outcome(affected=added)


def _when(compiler: Compiler, when: Any, spec: TableSpec, scope: Scope) -> str:
    if when.args.get("condition") is not None or when.args.get("source"):
        raise SqlError("syntax error: MERGE takes WHEN MATCHED THEN and WHEN NOT MATCHED THEN only")
    action = when.args["then"]
    if when.args.get("matched"):
        if isinstance(action, exp.Var) and action.name.upper() == "DELETE":
            return "WHEN MATCHED THEN DELETE"
        if not isinstance(action, exp.Update):
            raise SqlError("syntax error in MERGE: UPDATE or DELETE is expected")
        sets: list[str] = []
        for one in action.expressions:
            target = spec.column(one.this.name.lower())
            sets.append(f"{quoted(target.name)} = {assigned(compiler.value(one.expression, scope), target.type)}")
        return f"WHEN MATCHED THEN UPDATE SET {', '.join(sets)}"
    if not isinstance(action, exp.Insert):
        raise SqlError("syntax error in MERGE: INSERT is expected")
    targets, values = _inserted(action, spec)
    texts = [assigned(compiler.value(one, scope), target.type) for one, target in zip(values, targets, strict=True)]
    columns = ", ".join(quoted(one.name) for one in targets)
    return f"WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({', '.join(texts)})"


def _inserted(action: Any, spec: TableSpec) -> tuple[list[ColumnSpec], list[Any]]:
    """The columns and expressions of WHEN NOT MATCHED THEN INSERT."""
    listed = list(action.this.expressions) if action.this is not None else []
    if (
        not action.expression and len(listed) == 1 and isinstance(listed[0], exp.Anonymous)
    ):  # no column list: VALUES is read as a call
        values, listed = listed[0].expressions, []
    else:
        values = action.expression.expressions
    names = [one.name.lower() for one in listed]
    targets = [spec.column(name) for name in names] or list(spec.columns)
    return _fitting(targets, len(values), explicit=bool(names)), values


def _merge_simple(session: Context, spec: TableSpec, head: str, source: str, other: Relation, on: str) -> Outcome:
    if len(other.fields) != len(spec.columns):
        raise SqlError("MERGE REMOVE DUPLICATES: source and target must have the same number of columns")
    values = ", ".join(
        assigned(Value(field.sql, field.type), column.type)
        for field, column in zip(other.fields, spec.columns, strict=True)
    )
    duck = session.catalog.duck(spec.schema, spec.name)
    session.execute("DROP TABLE IF EXISTS temp.main.rs_merge_source")
    session.execute(f"CREATE TEMP TABLE rs_merge_source AS SELECT DISTINCT {values} FROM {source}")
    removed = session.execute(f"DELETE FROM {head} USING {source} WHERE {on}")
    added = session.execute(f"INSERT INTO {duck} SELECT * FROM temp.main.rs_merge_source")
    session.execute("DROP TABLE temp.main.rs_merge_source")
    return Outcome(affected=removed + added)
