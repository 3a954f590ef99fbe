"""ORDER BY items as DuckDB text, for queries, windows and ordered aggregates."""

from __future__ import annotations

from typing import Any

from core.sandbox.redshift.engine.compiling import Compiler
from core.sandbox.redshift.engine.value import Scope, Value


def direction(node: Any) -> str:
    """NULLs come last ascending and first descending unless said otherwise."""
    return (" DESC" if node.args.get("desc") else " ASC") + (
        " NULLS FIRST" if node.args.get("nulls_first") else " NULLS LAST"
    )


def ordered(value: Value, node: Any) -> str:
    """One item; SUPER values sort by kind first: booleans, numbers, strings, arrays, objects."""
    how = direction(node)
    if value.type.name != "super":
        return value.sql + how
    keys = (f"rs_super_rank({value.sql})", f"rs_super_number({value.sql})", f"rs_super_key({value.sql})")
    return ", ".join(key + how for key in keys)


def order_items(compiler: Compiler, nodes: list[Any], scope: Scope) -> str:
    return ", ".join(ordered(compiler.value(one.this, scope), one) for one in nodes)
