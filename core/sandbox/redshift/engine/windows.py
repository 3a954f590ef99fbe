"""Aggregates and window functions around a call: WITHIN GROUP, FILTER, IGNORE NULLS and OVER."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine.compiling import Call, Compiler
from core.sandbox.redshift.engine.functions.registry import NEEDS_FRAME, call_function
from core.sandbox.redshift.engine.ordering import order_items
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.text import quoted
from core.sandbox.redshift.engine.value import Scope, Value


def window_value(compiler: Compiler, node: Any, scope: Scope) -> Value:
    """The call inside, compiled with all that stands around it."""
    call = Call("", [], scope, compiler)
    inner = node
    while not isinstance(inner, exp.Anonymous):
        if isinstance(inner, exp.Window):
            call.window = inner
        elif isinstance(inner, exp.WithinGroup):
            call.within = list(inner.expression.expressions)
        elif isinstance(inner, exp.IgnoreNulls):
            call.ignore_nulls = " IGNORE NULLS"
        elif isinstance(inner, exp.Filter):
            raise SqlError('syntax error at or near "FILTER"')
        elif not isinstance(inner, exp.RespectNulls):
            raise SqlError(f"syntax error at or near {inner.sql('redshift')[:60]!r}")
        inner = inner.this
    call.name, call.nodes = str(inner.this).lower(), list(inner.expressions)
    if call.nodes and isinstance(call.nodes[0], exp.Distinct):
        call.nodes = [*call.nodes[0].expressions, *call.nodes[1:]]
        call.distinct = True
    if call.nodes and isinstance(call.nodes[0], exp.IgnoreNulls):
        call.nodes[0], call.ignore_nulls = call.nodes[0].this, " IGNORE NULLS"
    elif call.nodes and isinstance(call.nodes[0], exp.RespectNulls):
        call.nodes[0] = call.nodes[0].this
    if call.window is not None:
        call.over = f" OVER {over(compiler, call.window, scope, call.name)}"
    return call_function(call)


def over(compiler: Compiler, window: Any, scope: Scope, name: str = "") -> str:
    """DuckDB's text of a window. Redshift wants a frame beside ORDER BY for aggregates, and knows ROWS only."""
    if (alias := window.args.get("alias")) is not None:
        if alias.name.lower() not in scope.windows:
            raise SqlError(f'window "{alias.name}" does not exist')
        return quoted(alias.name.lower())
    parts: list[str] = []
    if partition := window.args.get("partition_by"):
        parts.append("PARTITION BY " + ", ".join(compiler.value(one, scope).sql for one in partition))
    if order := window.args.get("order"):
        parts.append("ORDER BY " + order_items(compiler, order.expressions, scope))
    if spec := window.args.get("spec"):
        parts.append(_frame(spec))
    elif order and name in NEEDS_FRAME:
        raise SqlError("Aggregate window functions with an ORDER BY clause require a frame clause")
    return f"({' '.join(parts)})"


def _frame(spec: Any) -> str:
    if str(spec.args.get("kind") or "").upper() != "ROWS":
        raise NeedsCluster("A window frame other than ROWS", "Redshift knows ROWS only")
    if spec.args.get("exclude"):
        raise NeedsCluster("EXCLUDE in a window frame")
    start = _bound(spec.args.get("start"), spec.args.get("start_side"))
    end = spec.args.get("end")
    if end is None:
        return f"ROWS {start}"
    return f"ROWS BETWEEN {start} AND {_bound(end, spec.args.get('end_side'))}"


def _bound(value: Any, side: Any) -> str:
    text = value if isinstance(value, str) else str(value.this)
    if text.upper() == "CURRENT ROW":
        return "CURRENT ROW"
    if text.upper() != "UNBOUNDED" and not text.isdigit():
        raise SqlError("a frame bound must be a constant")
    return f"{text.upper()} {str(side).upper()}"
