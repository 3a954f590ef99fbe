"""Expressions: from the tree of a Redshift expression to DuckDB text with its Redshift type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine import arithmetic, comparison, intervals, navigation
from core.sandbox.redshift.engine.casts import cast, common, converted, try_cast, type_of, weakly_named
from core.sandbox.redshift.engine.compiling import Call, Compiler
from core.sandbox.redshift.engine.functions.registry import call_function
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import (
    BOOL,
    DATE,
    FLOAT8,
    INT4,
    INT8,
    SUPER,
    TIMESTAMPTZ,
    TIMETZ,
    UNKNOWN,
    SqlType,
    numeric,
)
from core.sandbox.redshift.engine.value import Scope, Value
from core.sandbox.redshift.engine.windows import window_value

Node = Any
_HANDLERS: dict[type[exp.Expression], Callable[[Compiler, Node, Scope], Value]] = {}


def handles(
    *kinds: type[exp.Expression],
) -> Callable[[Callable[[Compiler, Node, Scope], Value]], Callable[[Compiler, Node, Scope], Value]]:
    def keep(handler: Callable[[Compiler, Node, Scope], Value]) -> Callable[[Compiler, Node, Scope], Value]:
        for kind in kinds:
            _HANDLERS[kind] = handler
        return handler

    return keep


def compile_value(compiler: Compiler, node: exp.Expression, scope: Scope) -> Value:
    """Compile one expression. A construct without a handler is refused by name."""
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise NeedsCluster(f"The construct {node.sql('redshift')[:80]!r} ({type(node).__name__})")
    return handler(compiler, node, scope)


# -- literals ---------------------------------------------------------------------
@handles(exp.Literal)
def _literal(compiler: Compiler, node: Node, scope: Scope) -> Value:
    text = str(node.this)
    if node.is_string:
        return Value(literal(text), SqlType("unknown", max(1, len(text.encode()))), constant=text)
    return number(text)


def number(text: str) -> Value:
    if "e" in text.lower():
        if math.isinf(float(text)):
            raise SqlError(f'"{text}" is out of range for type double precision')
        return Value(f"CAST({text} AS DOUBLE)", FLOAT8)
    if "." in text:
        whole, _, fraction = text.partition(".")
        whole = whole.lstrip("0")
        precision = max(1, len(whole) + len(fraction))
        if precision > 38:
            raise SqlError(f"the number {text} has more than 38 digits")
        return Value(
            f"CAST({text if text[0] != '.' else '0' + text} AS DECIMAL({precision},{len(fraction)}))",
            numeric(precision, len(fraction)),
        )
    value = int(text)
    if value <= 2147483647:
        return Value(f"CAST({value} AS INTEGER)" if value > 2147483647 else str(value), INT4)
    if value <= 9223372036854775807:
        return Value(f"CAST({value} AS BIGINT)", INT8)
    if len(text) > 38:
        raise SqlError(f"the number {text} has more than 38 digits")
    return Value(f"CAST({value} AS DECIMAL({len(str(value))},0))", numeric(len(str(value)), 0))


@handles(exp.Null)
def _null(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return Value("NULL", UNKNOWN)


@handles(exp.National)
def _national(compiler: Compiler, node: Node, scope: Scope) -> Value:
    text = str(node.this)
    return Value(literal(text), SqlType("unknown", max(1, len(text.encode()))), constant=text)


@handles(exp.CurrentSchema)
def _current_schema(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return call_function(Call("current_schema", [], scope, compiler))


@handles(exp.Boolean)
def _boolean(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return Value("true" if node.this else "false", BOOL, "bool")


@handles(exp.Paren)
def _paren(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return compiler.value(node.this, scope)


@handles(exp.Interval)
def _interval(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return intervals.literal_value(str(node.this.this), node.text("unit").lower())


@handles(exp.Parameter)
def _parameter(compiler: Compiler, node: Node, scope: Scope) -> Value:
    raise SqlError(f"there is no parameter ${node.name or node.this.name}")


@handles(exp.CurrentDate)
def _current_date(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return Value("CAST(now() AT TIME ZONE 'UTC' AS DATE)", DATE, "date")


@handles(exp.CurrentTimestamp)
def _current_timestamp(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return Value("now()", TIMESTAMPTZ, "timestamptz")


@handles(exp.CurrentTime)
def _current_time(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return Value("CAST(CAST(now() AT TIME ZONE 'UTC' AS TIME) AS TIMETZ)", TIMETZ, "timetz")


@handles(exp.CurrentUser, exp.SessionUser)
def _current_user(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return Value(literal(compiler.session.user), SqlType("varchar", 128), "current_user")


@handles(exp.CurrentUserId)
def _current_user_id(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return call_function(Call("current_user_id", [], scope, compiler))


# -- names ------------------------------------------------------------------------
@handles(exp.Column)
def _column(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return navigation.column(compiler, node, scope)


@handles(exp.Dot)
def _dot(compiler: Compiler, node: Node, scope: Scope) -> Value:
    if isinstance(node.expression, exp.Anonymous):  # pg_catalog.version()
        schema = node.this.name.lower()
        if schema not in ("pg_catalog", "public"):
            raise SqlError(f'schema "{schema}" does not exist')
        return compiler.value(node.expression, scope)
    return navigation.member(compiler, node, scope)


@handles(exp.Bracket)
def _bracket(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return navigation.element(compiler, node, scope)


# -- operators --------------------------------------------------------------------
@handles(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
def _arithmetic(compiler: Compiler, node: Node, scope: Scope) -> Value:
    operator = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}[type(node)]
    return arithmetic.binary(operator, compiler.value(node.this, scope), compiler.value(node.expression, scope))


@handles(exp.Pow)
def _power(compiler: Compiler, node: Node, scope: Scope) -> Value:
    left, right = compiler.value(node.this, scope), compiler.value(node.expression, scope)
    return Value(f"pow({converted(left, FLOAT8)}, {converted(right, FLOAT8)})", FLOAT8)


@handles(exp.Neg)
def _negative(compiler: Compiler, node: Node, scope: Scope) -> Value:
    value = compiler.value(node.this, scope)
    if value.is_untyped:
        value = Value(converted(value, FLOAT8), FLOAT8)
    if value.type.name not in ("interval", "super") and not value.type.is_number:
        raise SqlError(f"operator does not exist: - {value.type.sql}")
    if value.type.name == "super":
        return Value(f"rs_super_math('0', '-', {value.sql})", SUPER)
    if value.type == numeric(19, 0) and value.sql.startswith("CAST(9223372036854775808"):
        return Value("CAST(-9223372036854775808 AS BIGINT)", INT8)
    if isinstance(node.this, exp.Literal) and value.sql == "CAST(2147483648 AS BIGINT)":
        return Value("CAST(-2147483648 AS INTEGER)", INT4)
    return Value(f"(-{value.sql})", value.type)


@handles(exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseLeftShift, exp.BitwiseRightShift)
def _bits(compiler: Compiler, node: Node, scope: Scope) -> Value:
    left, right = compiler.value(node.this, scope), compiler.value(node.expression, scope)
    return arithmetic.bitwise(type(node), left, right)


@handles(exp.BitwiseNot)
def _bit_not(compiler: Compiler, node: Node, scope: Scope) -> Value:
    value = compiler.value(node.this, scope)
    if not value.type.is_integer:
        raise SqlError(f"operator does not exist: ~ {value.type.sql}")
    return Value(f"(~{value.sql})", value.type)


@handles(exp.Sqrt, exp.Cbrt, exp.Abs)
def _prefix(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return call_function(Call(type(node).__name__.lower(), [node.this], scope, compiler))


@handles(exp.DPipe)
def _concatenation(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return arithmetic.concatenation(compiler.value(node.this, scope), compiler.value(node.expression, scope))


@handles(exp.And, exp.Or)
def _logical(compiler: Compiler, node: Node, scope: Scope) -> Value:
    left, right = compiler.value(node.this, scope), compiler.value(node.expression, scope)
    word = "AND" if isinstance(node, exp.And) else "OR"
    return Value(f"({condition(left, word)} {word} {condition(right, word)})", BOOL)


@handles(exp.Not)
def _not(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return Value(f"(NOT {condition(compiler.value(node.this, scope), 'NOT')})", BOOL)


def condition(value: Value, where: str) -> str:
    """The value as a truth value. Raises SqlError as Redshift does for others."""
    if value.type.name == "bool" or value.sql == "NULL":
        return value.sql
    if value.is_untyped:
        return cast(value, BOOL)
    if value.type.name == "super":
        return f"(CASE WHEN json_type({value.sql}) = 'BOOLEAN' THEN CAST({value.sql} AS BOOLEAN) END)"
    raise SqlError(f"argument of {where} must be type boolean, not type {value.type.sql}")


@handles(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
def _compare(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return comparison.compare(compiler, node, scope)


@handles(exp.Between)
def _between(compiler: Compiler, node: Node, scope: Scope) -> Value:
    if node.args.get("symmetric") is not None:
        raise SqlError('syntax error at or near "SYMMETRIC"')
    value, low, high = (compiler.value(part, scope) for part in (node.this, node.args["low"], node.args["high"]))
    return Value(f"({comparison.pair('>=', value, low)} AND {comparison.pair('<=', value, high)})", BOOL)


@handles(exp.In)
def _in(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return comparison.contained(compiler, node, scope)


@handles(exp.Exists)
def _exists(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return Value(f"EXISTS ({compiler.query(node.this, scope).sql})", BOOL, "exists")


@handles(exp.Is)
def _is(compiler: Compiler, node: Node, scope: Scope) -> Value:
    value = compiler.value(node.this, scope)
    if isinstance(node.expression, exp.Null):
        if value.type.name == "super":
            return Value(f"rs_super_is_null({value.sql})", BOOL)
        return Value(f"({value.sql} IS NULL)", BOOL)
    if isinstance(node.expression, exp.Boolean):
        word = "TRUE" if node.expression.this else "FALSE"
        return Value(f"({condition(value, 'IS ' + word)} IS {word})", BOOL)
    raise SqlError(f"syntax error at or near {node.sql('redshift')!r}")


@handles(exp.Like, exp.ILike, exp.SimilarTo, exp.RegexpLike, exp.RegexpILike, exp.Escape)
def _pattern(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return comparison.pattern(compiler, node, scope)


# -- conditional, casts, sub-queries ------------------------------------------------
@handles(exp.Case)
def _case(compiler: Compiler, node: Node, scope: Scope) -> Value:
    subject = compiler.value(node.this, scope) if node.this is not None else None
    branches: list[tuple[str, Value]] = []
    for one in node.args["ifs"]:
        test = compiler.value(one.this, scope)
        when = comparison.pair("=", subject, test) if subject is not None else condition(test, "CASE/WHEN")
        branches.append((when, compiler.value(one.args["true"], scope)))
    default = (
        compiler.value(node.args["default"], scope) if node.args.get("default") is not None else Value("NULL", UNKNOWN)
    )
    kind = common([*(value for _, value in branches), default], "CASE")
    whens = " ".join(f"WHEN {when} THEN {converted(value, kind)}" for when, value in branches)
    return Value(f"CASE {whens} ELSE {converted(default, kind)} END", kind, "case")


@handles(exp.Cast)
def _cast(compiler: Compiler, node: Node, scope: Scope) -> Value:
    value, kind = compiler.value(node.this, scope), type_of(node.args["to"])
    label = kind.api_name if weakly_named(node.this) or value.label == "?column?" else value.label
    if kind.is_text and kind.size < 0:
        kind = SqlType(kind.name, value.type.size if value.type.is_text else -1)
    if value.sql == "NULL":
        return Value(f"CAST(NULL AS {kind.duck})", kind, label)
    return Value(cast(value, kind), kind, label)


@handles(exp.TryCast)
def _try_cast(compiler: Compiler, node: Node, scope: Scope) -> Value:
    value, kind = compiler.value(node.this, scope), type_of(node.args["to"])
    label = kind.api_name if weakly_named(node.this) or value.label == "?column?" else value.label
    return Value(try_cast(value, kind), kind, label)


@handles(exp.Subquery)
def _subquery(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return _scalar(compiler, node.this, scope)


@handles(exp.Select, exp.Union, exp.Except, exp.Intersect)
def _scalar(compiler: Compiler, node: Node, scope: Scope) -> Value:
    query = compiler.query(node, scope)
    if len(query.columns) != 1:
        raise SqlError("subquery must return only one column")
    name, kind = query.columns[0]
    return Value(f"({query.sql})", kind, name)


@handles(exp.AtTimeZone)
def _at_time_zone(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return call_function(Call("timezone", [node.args["zone"], node.this], scope, compiler))


# -- functions --------------------------------------------------------------------
@handles(exp.Anonymous)
def _function(compiler: Compiler, node: Node, scope: Scope) -> Value:
    name = str(node.this).lower()
    return call_function(_call(compiler, name, list(node.expressions), scope))


def _call(compiler: Compiler, name: str, nodes: list[exp.Expression], scope: Scope) -> Call:
    if nodes and isinstance(nodes[0], exp.Distinct):
        return Call(name, [*nodes[0].expressions, *nodes[1:]], scope, compiler, distinct=True)
    return Call(name, nodes, scope, compiler)


@handles(exp.WithinGroup, exp.Filter, exp.Window, exp.IgnoreNulls, exp.RespectNulls)
def _window(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return window_value(compiler, node, scope)


@handles(exp.Extract)
def _extract(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return call_function(Call("extract", [node.this, node.expression], scope, compiler))


@handles(exp.Substring)
def _substring(compiler: Compiler, node: Node, scope: Scope) -> Value:
    start, length = node.args.get("start"), node.args.get("length")
    nodes = [node.this, start or (exp.Literal.number(1) if length is not None else None), length]
    return call_function(Call("substring", [one for one in nodes if one is not None], scope, compiler))


@handles(exp.StrPosition)
def _position(compiler: Compiler, node: Node, scope: Scope) -> Value:
    return call_function(Call("position", [node.this, node.args["substr"]], scope, compiler))


@handles(exp.Trim)
def _trim(compiler: Compiler, node: Node, scope: Scope) -> Value:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "btrim")
    nodes = [node.this] + ([node.expression] if node.expression is not None else [])
    return call_function(Call(name, nodes, scope, compiler))


@handles(exp.If)
def _if(compiler: Compiler, node: Node, scope: Scope) -> Value:
    raise SqlError("function if(boolean, ...) does not exist; use CASE")


@handles(exp.Tuple)
def _tuple(compiler: Compiler, node: Node, scope: Scope) -> Value:
    raise NeedsCluster("A row as a value")


@handles(exp.Prior)
def _prior(compiler: Compiler, node: Node, scope: Scope) -> Value:
    if scope.prior is None:
        raise SqlError("PRIOR is only allowed in CONNECT BY")
    inner = Scope(relations=[scope.prior])
    return compiler.value(node.this, inner)
