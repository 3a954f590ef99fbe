"""FROM: tables, views, sub-queries, joins, PIVOT and UNPIVOT, SUPER arrays unrolled, CONNECT BY."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine import comparison
from core.sandbox.redshift.engine.casts import common, converted
from core.sandbox.redshift.engine.compiling import Compiler
from core.sandbox.redshift.engine.expression import condition
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.table_functions import aliased, table_function
from core.sandbox.redshift.engine.text import literal, quoted
from core.sandbox.redshift.engine.types import INT4, INT8, SUPER, TEXT, SqlType
from core.sandbox.redshift.engine.value import Field, Relation, Scope, Value


def compile_from(compiler: Compiler, node: exp.Select, scope: Scope) -> str:
    """The FROM clause as DuckDB text (empty if there is none); fills ``scope.relations``."""
    clause = node.args.get("from_")
    if clause is None:
        return ""
    text, relation = _source(compiler, clause.this, scope)
    _add(scope, relation)
    for join in [*(clause.this.args.get("joins") or []), *(node.args.get("joins") or [])]:
        text = _join(compiler, join, scope, text)
    return text


def _add(scope: Scope, relation: Relation) -> None:
    if any(one.alias == relation.alias for one in scope.relations):
        raise SqlError(f'table name "{relation.alias}" specified more than once')
    scope.relations.append(relation)


def _join(compiler: Compiler, join: Any, scope: Scope, text: str) -> str:
    side, kind, method = (str(join.args.get(name) or "").upper() for name in ("side", "kind", "method"))
    if method not in ("", "NATURAL") or kind in ("SEMI", "ANTI", "STRAIGHT"):
        raise NeedsCluster(f"{method} {kind} JOIN".strip())
    path = _path_of(join.this, scope)
    if path is not None:
        return _unroll(compiler, path, scope, text, keep_empty=side == "LEFT")
    if isinstance(join.this, exp.Pivot) and isinstance(join.this.this, (exp.AtIndex, exp.Alias, exp.Column)):
        return _unroll_object(compiler, join.this.this, scope, text)
    right_text, relation = _source(compiler, join.this, scope)
    if relation.alias in {one.alias for one in scope.relations}:
        raise SqlError(f'table name "{relation.alias}" specified more than once')
    using = [one.name.lower() for one in (join.args.get("using") or [])]
    if method == "NATURAL":
        known = {field.name for one in scope.relations for field in one.fields if field.name not in one.merged}
        using = [field.name for field in relation.fields if field.name in known]
    if using:
        on, merged = _using(using, scope, relation, side)
        scope.relations.append(relation)
        scope.relations.insert(0, merged)
        return f"{text} {side} JOIN {right_text} ON {on}"
    scope.relations.append(relation)
    if (condition_node := join.args.get("on")) is not None:
        scope.no_aggregates = "JOIN/ON"
        on = condition(compiler.value(condition_node, scope), "JOIN/ON")
        scope.no_aggregates = ""
        return f"{text} {side} JOIN {right_text} ON {on}"
    if side or kind == "INNER":
        raise SqlError("syntax error: a JOIN needs ON or USING")
    return f"{text} CROSS JOIN {right_text}"


def _using(names: list[str], scope: Scope, right: Relation, side: str) -> tuple[str, Relation]:
    merged = Relation("", [])
    tests: list[str] = []
    for name in names:
        found, field = scope.column(name, aliases=False), right.get(name)
        if found is None or isinstance(found, Value) or field is None:
            raise SqlError(f'column "{name}" specified in USING clause does not exist in both tables')
        own = found[1]
        left_value, right_value = Value(own.sql, own.type), Value(field.sql, field.type)
        tests.append(comparison.pair("=", left_value, right_value))
        kind = common([left_value, right_value], "JOIN/USING")
        sides = [converted(left_value, kind), converted(right_value, kind)]
        merged.fields.append(
            Field(name, kind, {"RIGHT": sides[1], "FULL": f"coalesce({sides[0]}, {sides[1]})"}.get(side, sides[0]))
        )
    for one in scope.relations:
        one.merged |= {name for name in names if one.get(name) is not None}
    right.merged |= set(names)
    return " AND ".join(tests), merged


# -- one source -----------------------------------------------------------------------
def _source(compiler: Compiler, node: Any, scope: Scope) -> tuple[str, Relation]:
    for clause, name in (("sample", "TABLESAMPLE"), ("hints", "A table hint"), ("version", "Time travel")):
        if node.args.get(clause):
            raise NeedsCluster(name)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous):
        text, relation = table_function(compiler, node, scope)
    elif isinstance(node, exp.Table):
        text, relation = table_relation(compiler, node, None)
    elif isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Table):
        text, relation = _derived(compiler, node, scope)
    elif isinstance(node, exp.Lateral):
        raise NeedsCluster("LATERAL")
    elif isinstance(node, exp.Values):
        raise SqlError('syntax error at or near "VALUES"')
    elif isinstance(node, (exp.Subquery, exp.Paren)):
        return _source(compiler, node.this, scope)
    else:
        raise NeedsCluster(f"{type(node).__name__} in FROM")
    for pivot in node.args.get("pivots") or []:
        text, relation = (
            _unpivot(compiler, pivot, text, relation)
            if pivot.args.get("unpivot")
            else _pivot(compiler, pivot, text, relation)
        )
    return text, relation


def table_relation(compiler: Compiler, node: Any, alias: str | None) -> tuple[str, Relation]:
    """A table or view by name, under its alias."""
    schema, name = node.db.lower(), node.name.lower()
    if node.catalog and node.catalog.lower() != "dev":
        raise NeedsCluster(f"A query across databases ({node.catalog})")
    inner = compiler.name()
    given = node.args.get("alias")
    shown = alias or (given.name.lower() if given is not None and given.name else name)
    if not schema:
        for ctes in reversed(compiler.ctes):
            if name in ctes:
                cte, columns = ctes[name]
                fields = [Field(label, kind, f"{inner}.c{n}") for n, (label, kind) in enumerate(columns, 1)]
                return f"{cte} AS {inner}", aliased(Relation(shown, fields), given)
    found = compiler.catalog.find(schema, name)
    compiler.touched.add((found.schema, found.name))
    if found.definition is not None:  # a late-binding view: bound now
        from core.sandbox.redshift.engine.parse import parse_query

        saved, compiler.ctes = compiler.ctes, []
        query = compiler.query(parse_query(found.definition), None)
        compiler.ctes = saved
        fields = [Field(label, kind, f"{inner}.c{n}") for n, (label, kind) in enumerate(query.columns, 1)]
        return f"({query.sql}) AS {inner}", aliased(Relation(shown, fields, found.schema, found.name), given)
    fields = [Field(column, kind, f"{inner}.{quoted(column)}") for column, kind in found.columns]
    return f"{found.duck} AS {inner}", aliased(Relation(shown, fields, found.schema, found.name), given)


def _derived(compiler: Compiler, node: Any, scope: Scope) -> tuple[str, Relation]:
    given = node.args.get("alias")
    query = compiler.query(node.this, scope.parent)
    inner = compiler.name()
    fields = [Field(label, kind, f"{inner}.c{n}") for n, (label, kind) in enumerate(query.columns, 1)]
    alias = given.name.lower() if given is not None and given.name else f" {inner}"
    return f"({query.sql}) AS {inner}", aliased(Relation(alias, fields), given)


# -- SUPER --------------------------------------------------------------------------
def _path_of(node: Any, scope: Scope) -> tuple[Any, str, str] | None:
    """A path into a SUPER in FROM: the expression, its alias and its position's alias; None for anything else."""
    index = ""
    if isinstance(node, exp.AtIndex):
        index = node.expression.name.lower()
        node = node.this
    if isinstance(node, exp.Unnest):
        alias = node.args.get("alias")
        columns = (alias.args.get("columns") or []) if alias is not None else []
        name = columns[0].name if columns else alias.name if alias is not None else ""
        return node.expressions[0], name.lower() or _last(node.expressions[0]), index
    if isinstance(node, exp.Alias) and isinstance(node.this, (exp.Column, exp.Dot, exp.Bracket)):
        return node.this, node.alias.lower(), index
    if isinstance(node, (exp.Dot, exp.Bracket, exp.Column)):
        return node, _last(node), index
    if isinstance(node, exp.Table) and node.args.get("db") and not isinstance(node.this, exp.Anonymous):
        parts = [part.name for part in node.parts]
        if (
            any(one.alias == parts[0].lower() for one in scope.relations)
            or scope.relation(parts[0].lower()) is not None
        ):
            identifiers = [part.copy() for part in node.parts]
            alias = node.args.get("alias")
            return (
                _column_of(identifiers),
                (alias.name if alias is not None and alias.name else parts[-1]).lower(),
                index,
            )
    if isinstance(node, exp.Table) and not isinstance(node.this, exp.Anonymous):  # an unrolled element, unrolled again
        relation = next((one for one in scope.relations if one.alias == node.name.lower()), None)
        field = relation.get(relation.alias) if relation is not None else None
        alias = node.args.get("alias")
        if field is not None and field.type.name == "super" and alias is not None and alias.name:
            return exp.column(node.name), alias.name.lower(), index
    return None


def _column_of(parts: list[Any]) -> Any:
    """table.column.key... as a column and the steps into it."""
    names = list(reversed(parts[:4]))
    node: Any = exp.Column(**dict(zip(("this", "table", "db", "catalog"), names, strict=False)))
    for part in parts[4:]:
        node = exp.Dot(this=node, expression=part)
    return node


def _last(node: Any) -> str:
    return str(node.name).lower() or "value"


def _unroll(compiler: Compiler, path: tuple[Any, str, str], scope: Scope, text: str, keep_empty: bool) -> str:
    """``FROM t, t.items AS e AT i``: one row an element, in the array's order (which a lateral join would lose)."""
    node, alias, index = path
    value = compiler.value(node, scope)
    if value.type.name != "super":
        raise SqlError(f"cannot unnest {alias}: it is {value.type.sql}, not super")
    items = f"rs_super_items({value.sql})"
    numbers = f"range(0, len({items}))"
    if keep_empty:
        items = f"CASE WHEN len({items}) = 0 THEN [CAST(NULL AS JSON)] ELSE {items} END"
        numbers = f"CASE WHEN len({numbers}) = 0 THEN [CAST(NULL AS BIGINT)] ELSE {numbers} END"
    inner = _wrap(compiler, scope, text, f"unnest({items}) AS e, unnest({numbers}) AS i")
    fields = [Field(alias, SUPER, f"{inner[1]}.e")]
    if index:
        fields.append(Field(index, INT8, f"{inner[1]}.i"))
    scope.relations.append(Relation(alias, fields))
    return inner[0]


def _wrap(compiler: Compiler, scope: Scope, text: str, extra: str) -> tuple[str, str]:
    """The FROM so far as a derived table with ``extra`` columns; every field now reads from it."""
    inner = compiler.name()
    listed: list[str] = []
    for relation in scope.relations:
        moved: list[Field] = []
        for field in relation.fields:
            column = f"f{len(listed) + 1}"
            listed.append(f"{field.sql} AS {column}")
            moved.append(Field(field.name, field.type, f"{inner}.{column}"))
        relation.fields = moved
    return f"(SELECT {', '.join([*listed, extra])} FROM {text}) AS {inner}", inner


def _unroll_object(compiler: Compiler, node: Any, scope: Scope, text: str) -> str:
    """``UNPIVOT object AS value AT name``: one row an attribute."""
    name = ""
    if isinstance(node, exp.AtIndex):
        name, node = node.expression.name.lower(), node.this
    alias = node.alias.lower() if isinstance(node, exp.Alias) else "value"
    value = compiler.value(node.this if isinstance(node, exp.Alias) else node, scope)
    if value.type.name != "super":
        raise SqlError(f"cannot unpivot a value of type {value.type.sql}")
    keys = f"CASE WHEN json_type({value.sql}) = 'OBJECT' THEN json_keys({value.sql}) ELSE CAST([] AS VARCHAR[]) END"
    wrapped, inner = _wrap(compiler, scope, text, f"{value.sql} AS o, unnest({keys}) AS k")
    path = f"'$.\"' || replace(replace({inner}.k, '\\', '\\\\'), '\"', '\\\"') || '\"'"
    fields = [Field(alias, SUPER, f"json_extract({inner}.o, {path})")]
    if name:
        fields.append(Field(name, TEXT, f"{inner}.k"))
    scope.relations.append(Relation(alias, fields))
    return wrapped


# -- PIVOT and UNPIVOT ------------------------------------------------------------------
def _pivot(compiler: Compiler, pivot: Any, text: str, relation: Relation) -> tuple[str, Relation]:
    fields = pivot.args.get("fields") or []
    if len(fields) != 1 or not isinstance(fields[0], exp.In):
        raise NeedsCluster("A PIVOT over several columns")
    subject = fields[0].this.name.lower()
    base = Scope(relations=[relation])
    key = compiler.value(fields[0].this if isinstance(fields[0].this, exp.Column) else exp.column(subject), base)
    used = {subject} | {column.name.lower() for one in pivot.expressions for column in one.find_all(exp.Column)}
    kept = [field for field in relation.fields if field.name not in used]
    listed = [(field.name, Value(field.sql, field.type)) for field in kept]
    for entry in fields[0].expressions:
        wanted = entry.this if isinstance(entry, exp.PivotAlias) else entry
        value = compiler.value(wanted, base)
        label = entry.args["alias"].name.lower() if isinstance(entry, exp.PivotAlias) else _pivot_name(wanted)
        test = f"{key.sql} IS NULL" if value.sql == "NULL" else comparison.pair("=", key, value)
        inside = Scope(
            relations=[
                Relation(
                    relation.alias,
                    [Field(f.name, f.type, f"(CASE WHEN {test} THEN {f.sql} END)") for f in relation.fields],
                )
            ]
        )
        for one in pivot.expressions:
            alias = one.alias.lower() if isinstance(one, exp.Alias) else ""
            call = one.this if isinstance(one, exp.Alias) else one
            if isinstance(call, exp.Anonymous) and call.expressions and isinstance(call.expressions[0], exp.Star):
                made = Value(f"count(CASE WHEN {test} THEN 1 END)", INT8)
            else:
                made = compiler.value(call, inside)
            listed.append((f"{label}_{alias}" if alias else label, made))
    inner = compiler.name()
    columns = ", ".join(f"{value.sql} AS c{n}" for n, (_, value) in enumerate(listed, 1))
    group = f" GROUP BY {', '.join(field.sql for field in kept)}" if kept else ""
    made_fields = [Field(label, value.type, f"{inner}.c{n}") for n, (label, value) in enumerate(listed, 1)]
    alias_node = pivot.args.get("alias")
    name = alias_node.name.lower() if alias_node is not None and alias_node.name else relation.alias
    return f"(SELECT {columns} FROM {text}{group}) AS {inner}", Relation(name, made_fields)


def _pivot_name(node: Any) -> str:
    return str(node.this).lower() if isinstance(node, exp.Literal) else node.sql("redshift").lower()


def _unpivot(compiler: Compiler, pivot: Any, text: str, relation: Relation) -> tuple[str, Relation]:
    fields = pivot.args.get("fields") or []
    if len(fields) != 1 or len(pivot.expressions) != 1:
        raise NeedsCluster("An UNPIVOT of several columns")
    value_name, key_name = pivot.expressions[0].name.lower(), fields[0].this.name.lower()
    columns: list[tuple[Field, str]] = []
    for entry in fields[0].expressions:
        node = entry.this if isinstance(entry, (exp.PivotAlias, exp.Alias)) else entry
        field = relation.get(node.name.lower())
        if field is None:
            raise SqlError(f'column "{node.name.lower()}" does not exist')
        label = entry.args["alias"].name if isinstance(entry, (exp.PivotAlias, exp.Alias)) else field.name
        columns.append((field, label))
    kind = common([Value(field.sql, field.type) for field, _ in columns], "UNPIVOT")
    used = {field.name for field, _ in columns}
    kept = [field for field in relation.fields if field.name not in used]
    middle, inner = compiler.name(), compiler.name()
    parts = [f"{field.sql} AS c{n}" for n, field in enumerate(kept, 1)]
    names = ", ".join(literal(label) for _, label in columns)
    values = ", ".join(converted(Value(field.sql, field.type), kind) for field, _ in columns)
    parts += [f"unnest([{names}]) AS k", f"unnest([{values}]) AS v"]
    keep_nulls = "" if pivot.args.get("include_nulls") else f" WHERE {middle}.v IS NOT NULL"
    made = [Field(field.name, field.type, f"{inner}.c{n}") for n, field in enumerate(kept, 1)]
    made += [Field(key_name, SqlType("varchar", 128), f"{inner}.k"), Field(value_name, kind, f"{inner}.v")]
    alias_node = pivot.args.get("alias")
    name = alias_node.name.lower() if alias_node is not None and alias_node.name else relation.alias
    return f"(SELECT * FROM (SELECT {', '.join(parts)} FROM {text}) AS {middle}{keep_nulls}) AS {inner}", Relation(
        name, made
    )


# -- CONNECT BY -----------------------------------------------------------------------------
def compile_connect(compiler: Compiler, connect: Any, scope: Scope, text: str) -> str:
    """START WITH ... CONNECT BY as a recursive query over the one source of FROM."""
    if len(scope.relations) != 1 or connect.args.get("nocycle"):
        raise NeedsCluster("CONNECT BY over a join, or with NOCYCLE")
    relation = scope.relations[0]
    inner, above, level = compiler.name("h"), compiler.name(), compiler.name()
    prior = Relation(
        relation.alias, [Field(field.name, field.type, f"{above}.c{n}") for n, field in enumerate(relation.fields, 1)]
    )
    listed = ", ".join(f"{field.sql} AS c{n}" for n, field in enumerate(relation.fields, 1))
    names = ", ".join([*(f"c{n}" for n in range(1, len(relation.fields) + 1)), "l"])
    scope.level = Value("1", INT4, "level")
    start = connect.args.get("start")
    where = f" WHERE {condition(compiler.value(start, scope), 'START WITH')}" if start is not None else ""
    scope.prior, scope.level = prior, Value(f"({above}.l + 1)", INT4, "level")
    step = condition(compiler.value(connect.args["connect"], scope), "CONNECT BY")
    scope.prior = None
    recursive = f"SELECT {listed}, 1 AS l FROM {text}{where} UNION ALL SELECT {listed}, {above}.l + 1 FROM {text} JOIN {inner} AS {above} ON {step}"
    relation.fields = [Field(field.name, field.type, f"{level}.c{n}") for n, field in enumerate(relation.fields, 1)]
    scope.level = Value(f"{level}.l", INT4, "level")
    return f"(WITH RECURSIVE {inner}({names}) AS ({recursive}) SELECT * FROM {inner}) AS {level}"
