"""ORDER BY items as DuckDB text, for windows and ordered aggregates."""

from __future__ import annotations

from typing import Any

from core.sandbox.redshift.engine.compiling import Compiler
from core.sandbox.redshift.engine.value import Scope


def direction(node: Any) -> str:
    """NULLs come last ascending and first descending unless said otherwise."""
    return (" DESC" if node.args.get("desc") else " ASC") + (
        " NULLS FIRST" if node.args.get("nulls_first") else " NULLS LAST"
    )


def order_items(compiler: Compiler, nodes: list[Any], scope: Scope) -> str:
    return ", ".join(compiler.value(one.this, scope).sql + direction(one) for one in nodes)
