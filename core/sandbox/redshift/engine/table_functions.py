"""Functions that stand in FROM: GENERATE_SERIES and the columns of late-binding views."""

from __future__ import annotations

from typing import Any

from core.sandbox.redshift.engine.compiling import Compiler
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.parse import parse_query
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import INT4, INT8, TEXT
from core.sandbox.redshift.engine.value import Field, Relation, Scope


def table_function(compiler: Compiler, node: Any, scope: Scope) -> tuple[str, Relation]:
    name = str(node.this.this).lower()
    if name == "pg_get_late_binding_view_cols":
        return _late_columns(compiler, node)
    if name != "generate_series":
        raise NeedsCluster(f"The table function {name.upper()}")
    arguments = [compiler.value(one, scope) for one in node.this.expressions]
    if not 2 <= len(arguments) <= 3 or not all(one.type.is_integer for one in arguments):
        raise SqlError("generate_series takes two or three integers")
    inner = compiler.name()
    given = node.args.get("alias")
    alias = given.name.lower() if given is not None and given.name else "generate_series"
    kind = INT8 if any(one.type.name == "int8" for one in arguments) else INT4
    text = f"(SELECT CAST(unnest(generate_series({', '.join(one.sql for one in arguments)})) AS {kind.duck}) AS c1) AS {inner}"
    relation = Relation(alias, [Field("generate_series", kind, f"{inner}.c1")])
    if given is not None and given.name and not given.args.get("columns"):
        relation.fields = [Field(alias, kind, f"{inner}.c1")]
    return text, aliased(relation, given)


def _late_columns(compiler: Compiler, node: Any) -> tuple[str, Relation]:
    """PG_GET_LATE_BINDING_VIEW_COLS: schema, view, column, type and number of each; a view that cannot be bound now has none."""
    rows: list[str] = []
    for schema, view, definition in compiler.catalog.late_views():
        saved, compiler.ctes = compiler.ctes, []
        try:
            columns = compiler.query(parse_query(definition), None).columns
        except SqlError:
            continue
        finally:
            compiler.ctes = saved
        rows += [
            f"({literal(schema)}, {literal(view)}, {literal(label)}, {literal(kind.sql)}, {number})"
            for number, (label, kind) in enumerate(columns, 1)
        ]
    inner = compiler.name()
    values = f"VALUES {', '.join(rows)}" if rows else "SELECT '', '', '', '', 0 WHERE false"
    text = f"(SELECT * FROM ({values}) AS v(c1, c2, c3, c4, c5)) AS {inner}"
    kinds = [TEXT, TEXT, TEXT, TEXT, INT4]
    names = ["view_schema", "view_name", "col_name", "col_type", "col_num"]
    given = node.args.get("alias")
    if given is not None:
        named = [one.name.lower() for one in given.args.get("columns") or []]
        names = [*named, *names[len(named) :]][:5]
    fields = [Field(name, kind, f"{inner}.c{n}") for n, (name, kind) in enumerate(zip(names, kinds, strict=True), 1)]
    return text, Relation(
        given.name.lower() if given is not None and given.name else "pg_get_late_binding_view_cols", fields
    )


def aliased(relation: Relation, given: Any) -> Relation:
    names = [one.name.lower() for one in (given.args.get("columns") or [])] if given is not None else []
    if len(names) > len(relation.fields):
        raise SqlError(
            f'table "{relation.alias}" has {len(relation.fields)} columns available but {len(names)} columns specified'
        )
    relation.fields = [
        Field(names[n], one.type, one.sql) if n < len(names) else one for n, one in enumerate(relation.fields)
    ]
    return relation
