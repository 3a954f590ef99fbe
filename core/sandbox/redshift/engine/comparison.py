"""Comparisons and patterns: trailing blanks do not count, a bare string takes the other side's type, LIKE escapes by backslash."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine.casts import cast, common, converted, to_super
from core.sandbox.redshift.engine.compiling import Compiler
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import BOOL, FLOAT8, TEXT
from core.sandbox.redshift.engine.value import Scope, Value

_OPERATORS: dict[type[exp.Expression], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM", exp.NullSafeNEQ: "IS DISTINCT FROM",
}  # fmt: skip


def compare(compiler: Compiler, node: Any, scope: Scope) -> Value:
    operator = _OPERATORS[type(node)]
    left, right = node.this, node.expression
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        return _rows(compiler, operator, left, right, scope)
    if isinstance(right, (exp.Any, exp.All)):
        return _quantified(compiler, operator, left, right, scope)
    return Value(pair(operator, compiler.value(left, scope), compiler.value(right, scope)), BOOL)


def _rows(compiler: Compiler, operator: str, left: Any, right: Any, scope: Scope) -> Value:
    if operator not in ("=", "<>") or len(left.expressions) != len(right.expressions):
        raise NeedsCluster("An ordered comparison of rows")
    parts = [
        pair("=", compiler.value(one, scope), compiler.value(two, scope))
        for one, two in zip(left.expressions, right.expressions, strict=True)
    ]
    joined = "(" + " AND ".join(parts) + ")"
    return Value(joined if operator == "=" else f"(NOT {joined})", BOOL)


def _quantified(compiler: Compiler, operator: str, left: Any, right: Any, scope: Scope) -> Value:
    inner = right.this
    if not isinstance(inner, (exp.Subquery, exp.Select, exp.SetOperation)):
        raise NeedsCluster("ANY or ALL over anything but a sub-query")
    value = compiler.value(left, scope)
    query = compiler.query(inner.this if isinstance(inner, exp.Subquery) else inner, scope)
    if len(query.columns) != 1:
        raise SqlError("subquery has too many columns")
    kind = query.columns[0][1]
    word = "ANY" if isinstance(right, exp.Any) else "ALL"
    if value.type.is_text and kind.is_text:
        return Value(f"({_bare(value)} {operator} {word} (SELECT rtrim(q.c, ' ') FROM ({query.sql}) q(c)))", BOOL)
    target = common([value, Value("q.c", kind)], "ANY")
    return Value(f"({converted(value, target)} {operator} {word} ({query.sql}))", BOOL)


def pair(operator: str, left: Value, right: Value) -> str:
    """One comparison as DuckDB text."""
    if left.sql == "NULL" or right.sql == "NULL":
        return f"({left.sql} {operator} {right.sql})"
    if "super" in (left.type.name, right.type.name):
        return _super(operator, left, right)
    if left.type.is_text and right.type.is_text:
        return f"({_bare(left)} {operator} {_bare(right)})"
    if left.type.is_text or right.type.is_text:
        left, right = _one_type(left, right)
        if left.type.is_text:
            return f"({_bare(left)} {operator} {_bare(right)})"
    elif not _comparable(left, right):
        raise SqlError(f"operator does not exist: {left.type.sql} {operator} {right.type.sql}")
    return f"({left.sql} {operator} {right.sql})"


def _bare(value: Value) -> str:
    """A text without the trailing blanks, which never count in a comparison."""
    if value.constant is not None:
        return literal(value.constant.rstrip(" "))
    return value.sql if value.type.name == "char" else f"rtrim({value.sql}, ' ')"


def _one_type(left: Value, right: Value) -> tuple[Value, Value]:
    text, other = (left, right) if left.type.is_text else (right, left)
    if text.is_untyped:
        kind = other.type
        if kind.is_integer and text.constant is not None and re.fullmatch(r"\s*[+-]?\d+\.\d+\s*", text.constant):
            raise SqlError(f'invalid input syntax for integer: "{text.constant}"')
        if kind.name == "numeric":
            kind = FLOAT8 if text.constant is None else kind
            typed = Value(
                f"CAST(trim({text.sql}) AS DECIMAL(38,{max(kind.scale, 10)}))"
                if kind.name == "numeric"
                else converted(text, kind),
                kind,
            )
        else:
            typed = Value(converted(text, kind), kind)
        return (typed, other) if left is text else (other, typed)
    if (
        other.type.is_number
    ):  # Redshift turns a number beside a VARCHAR into a number comparison only where the text is one
        typed = Value(cast(text, FLOAT8), FLOAT8)
        return (typed, other) if left is text else (other, typed)
    if other.type.is_datetime or other.type.name in ("time", "timetz"):
        typed = Value(cast(text, other.type), other.type)
        return (typed, other) if left is text else (other, typed)
    if other.type.name in ("interval", "varbyte"):
        raise SqlError(f"operator does not exist: {left.type.sql} = {right.type.sql}")
    typed = Value(cast(other, TEXT), TEXT)
    return (typed, right) if left is other else (left, typed)


_FAMILIES = (
    {"int2", "int4", "int8", "numeric", "float4", "float8"},
    {"date", "timestamp", "timestamptz"},
    {"time", "timetz"},
)


def _comparable(left: Value, right: Value) -> bool:
    return left.type.name == right.type.name or any({left.type.name, right.type.name} <= family for family in _FAMILIES)


def _super(operator: str, left: Value, right: Value) -> str:
    if left.type.name != "super":
        flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(operator, operator)
        return _super(flipped, right, left)
    kind = right.type
    if kind.is_text:
        return f"(rs_super_string({left.sql}) {operator} {right.sql})"
    if kind.is_number:
        return f"(rs_super_number({left.sql}) {operator} {cast(right, FLOAT8)})"
    if kind.name == "bool":
        return f"((CASE WHEN json_type({left.sql}) = 'BOOLEAN' THEN CAST({left.sql} AS BOOLEAN) END) {operator} {right.sql})"
    if kind.name == "super" and operator in ("=", "<>"):
        return f"(rs_super_key({left.sql}) {operator} rs_super_key({right.sql}))"
    if kind.name == "super":
        return (
            f"(CASE WHEN json_type({left.sql}) = 'VARCHAR' THEN rs_super_string({left.sql}) {operator} rs_super_string({right.sql})"
            f" ELSE rs_super_number({left.sql}) {operator} rs_super_number({right.sql}) END)"
        )
    return f"(rs_super_string({left.sql}) {operator} rs_super_string({to_super(right)}))"


def contained(compiler: Compiler, node: Any, scope: Scope) -> Value:
    """``value IN (list)`` and ``value IN (query)``."""
    subject, query = node.this, node.args.get("query")
    if query is not None:
        return _in_query(compiler, subject, query, scope)
    if isinstance(subject, exp.Tuple):
        rows = [_rows(compiler, "=", subject, one, scope).sql for one in node.expressions]
        return Value("(" + " OR ".join(rows) + ")", BOOL)
    if not node.expressions:
        raise SqlError('syntax error at or near ")": IN needs at least one value')
    value = compiler.value(subject, scope)
    items = [compiler.value(one, scope) for one in node.expressions]
    if value.type.is_text and all(one.constant is not None for one in items):
        inside = ", ".join(_bare(one) for one in items)
        return Value(f"({_bare(value)} IN ({inside}))", BOOL)
    return Value("(" + " OR ".join(pair("=", value, one) for one in items) + ")", BOOL)


def _in_query(compiler: Compiler, subject: Any, query: Any, scope: Scope) -> Value:
    inner = compiler.query(query.this if isinstance(query, exp.Subquery) else query, scope)
    if isinstance(subject, exp.Tuple):
        values = [compiler.value(one, scope) for one in subject.expressions]
    else:
        values = [compiler.value(subject, scope)]
    if len(values) != len(inner.columns):
        raise SqlError(
            "subquery has too many columns" if len(inner.columns) > len(values) else "subquery has too few columns"
        )
    names = [f"c{n}" for n in range(len(values))]
    left: list[str] = []
    right: list[str] = []
    for value, name, (_, kind) in zip(values, names, inner.columns, strict=True):
        if value.type.is_text and kind.is_text:
            left.append(_bare(value))
            right.append(f"rtrim(q.{name}, ' ')")
            continue
        target = common([value, Value(f"q.{name}", kind)], "IN")
        left.append(converted(value, target))
        right.append(converted(Value(f"q.{name}", kind), target))
    subjects = left[0] if len(left) == 1 else "(" + ", ".join(left) + ")"
    return Value(f"({subjects} IN (SELECT {', '.join(right)} FROM ({inner.sql}) q({', '.join(names)})))", BOOL)


def pattern(compiler: Compiler, node: Any, scope: Scope) -> Value:
    """LIKE, ILIKE, SIMILAR TO, ~, ~*: the pattern's escape is a backslash unless ESCAPE names another."""
    escape = "\\"
    if isinstance(node, exp.Escape):
        value = compiler.value(node.expression, scope)
        if value.constant is None or len(value.constant) > 1:
            raise SqlError("ESCAPE must be a constant of one character")
        escape, node = value.constant, node.this
    negated = bool(node.args.get("negate"))
    if isinstance(node.expression, (exp.Any, exp.All)):
        raise NeedsCluster("LIKE ANY")
    left, right = compiler.value(node.this, scope), compiler.value(node.expression, scope)
    subject, shape = (cast(one, TEXT) if not one.type.is_text else one.sql for one in (left, right))
    if isinstance(node, (exp.Like, exp.ILike)):
        word = "LIKE" if isinstance(node, exp.Like) else "ILIKE"
        if right.constant is not None:
            _check_escape(right.constant, escape)
        text = f"({subject} {word} {shape} ESCAPE {literal(escape)})" if escape else f"({subject} {word} {shape})"
    elif isinstance(node, exp.SimilarTo):
        if right.constant is not None:
            text = f"regexp_matches({subject}, {literal(similar_regex(right.constant, escape))}, 's')"
        else:
            text = f"rs_similar({subject}, {shape}, {literal(escape)})"
    else:
        options = "si" if isinstance(node, exp.RegexpILike) else "s"
        if right.constant is not None:
            text = f"regexp_matches({subject}, {literal(posix_regex(right.constant))}, {literal(options)})"
        else:
            text = f"rs_posix({subject}, {shape}, {literal(options)})"
    return Value(f"(NOT {text})" if negated else text, BOOL)


def _check_escape(text: str, escape: str) -> None:
    if escape and re.sub(re.escape(escape) + ".", "", text, flags=re.DOTALL).endswith(escape):
        raise SqlError("LIKE pattern must not end with escape character")


def posix_regex(text: str) -> str:
    """A POSIX pattern for RE2. Raises SqlError for what RE2 cannot do."""
    if re.search(r"\(\?[=!<]|\\[1-9]", text):
        raise NeedsCluster("A look-around or back-reference in a POSIX pattern")
    return text


def similar_regex(text: str, escape: str) -> str:
    """The regular expression of a SIMILAR TO pattern, anchored."""
    out: list[str] = []
    at = 0
    in_class = False
    while at < len(text):
        char = text[at]
        if escape and char == escape:
            at += 1
            if at >= len(text):
                raise SqlError("SIMILAR TO pattern must not end with escape character")
            out.append(re.escape(text[at]))
        elif in_class:
            out.append("\\" + char if char == "\\" else char)
            in_class = not (char == "]" and out[-2:-1] not in (["["], ["^"]))
        elif char == "[":
            out.append(char)
            in_class = True
        elif char == "%":
            out.append(".*")
        elif char == "_":
            out.append(".")
        elif char in "|*+?{}()":
            out.append(char)
        else:
            out.append(re.escape(char) if char != " " else " ")
        at += 1
    return "^(?:" + "".join(out) + ")$"
