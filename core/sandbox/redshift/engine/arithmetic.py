"""Arithmetic by Redshift's rules: integers stay integers, decimals get its precision and scale, days add to dates."""

from __future__ import annotations

from sqlglot import exp

from core.sandbox.redshift.engine.casts import as_numeric, cast, common_number, converted, to_super
from core.sandbox.redshift.engine.intervals import DAY_TO_SECOND, scaled, together
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.types import (
    DATE,
    FLOAT4,
    FLOAT8,
    INT4,
    INT8,
    INTERVAL,
    SUPER,
    TEXT,
    TIMESTAMP,
    SqlType,
    numeric,
)
from core.sandbox.redshift.engine.value import Value


def binary(operator: str, left: Value, right: Value) -> Value:
    """``left operator right`` for + - * / %. Raises SqlError where Redshift has no such operator."""
    if (left.type.is_text and not left.is_untyped) and right.type.is_number:
        left = Value(
            cast(left, right.type if not right.type.is_integer else FLOAT8),
            right.type if not right.type.is_integer else FLOAT8,
        )
    if (right.type.is_text and not right.is_untyped) and left.type.is_number:
        right = Value(
            cast(right, left.type if not left.type.is_integer else FLOAT8),
            left.type if not left.type.is_integer else FLOAT8,
        )
    left, right = _typed(operator, left, right), _typed(operator, right, left)
    if "super" in (left.type.name, right.type.name):
        return _super(operator, left, right)
    if left.type.is_number and right.type.is_number:
        return _numbers(operator, left, right)
    if (dates := _dates(operator, left, right)) is not None:
        return dates
    raise SqlError(f"operator does not exist: {left.type.sql} {operator} {right.type.sql}")


def _typed(operator: str, value: Value, other: Value) -> Value:
    """A bare string or NULL takes the type that makes sense beside ``other``."""
    if not value.is_untyped:
        return value
    kind = other.type
    if other.is_untyped:
        kind = FLOAT8
    elif kind.name == "super":
        kind = TEXT
    elif kind.is_datetime or kind.name in ("time", "timetz"):
        kind = kind if operator == "-" else INTERVAL
    elif kind.name == "numeric" and value.constant is not None:
        digits = value.constant.strip().lstrip("+-")
        scale = len(digits.partition(".")[2])
        kind = numeric(min(38, max(len(digits.replace(".", "")), 1)), min(scale, 37))
    elif kind.is_integer and value.constant is not None and "." in value.constant:
        raise SqlError(f'invalid input syntax for integer: "{value.constant}"')
    elif kind.name == "interval":
        kind = TIMESTAMP
    return Value(converted(value, kind), kind)


def _super(operator: str, left: Value, right: Value) -> Value:
    return Value(f"rs_super_math({to_super(left)}, '{operator}', {to_super(right)})", SUPER)


def _numbers(operator: str, left: Value, right: Value) -> Value:
    if left.type.name == "numeric" or right.type.name == "numeric":
        if left.type.is_float or right.type.is_float:
            return Value(
                f"({cast(left, FLOAT8)} {operator} {cast(right, FLOAT8)})"
                if operator != "/"
                else _divided(cast(left, FLOAT8), cast(right, FLOAT8)),
                FLOAT8,
            )
        return _decimals(operator, left, right)
    kind = common_number(left.type, right.type)
    if kind == FLOAT4 and left.type != right.type:
        kind = FLOAT8  # only REAL with REAL stays REAL
    if operator == "/" and not kind.is_integer:
        return Value(_divided(left.sql, right.sql, kind.duck), kind)
    if operator in "/%" and kind.is_integer:
        word = "//" if operator == "/" else "%"
        return Value(f"CAST({left.sql} {word} rs_not_zero({right.sql}) AS {kind.duck})", kind)
    if operator == "%":
        return Value(f"CAST({left.sql} % {right.sql} AS {kind.duck})", kind)
    if left.type != right.type:
        return Value(f"(CAST({left.sql} AS {kind.duck}) {operator} CAST({right.sql} AS {kind.duck}))", kind)
    return Value(f"({left.sql} {operator} {right.sql})", kind)


def _divided(left: str, right: str, duck: str = "DOUBLE") -> str:
    return f"CAST({left} / rs_not_zero({right}) AS {duck})"


def _decimals(operator: str, left: Value, right: Value) -> Value:
    one, two = as_numeric(left.type), as_numeric(right.type)
    a, b = _as(left, one), _as(right, two)
    if operator in "+-":
        scale = max(one.scale, two.scale)
        precision = min(38, max(one.precision - one.scale, two.precision - two.scale) + scale + 1)
        return Value(f"CAST({a} {operator} {b} AS DECIMAL({precision},{scale}))", numeric(precision, scale))
    if operator == "*":
        scale = one.scale + two.scale
        precision = min(38, one.precision + two.precision + 1)
        if scale > 37:
            raise SqlError("128 bit numeric data overflow (multiplication): the scale of the product exceeds 37")
        return Value(f"CAST({a} * {b} AS DECIMAL({precision},{scale}))", numeric(precision, scale))
    if operator == "%":
        scale = max(one.scale, two.scale)
        precision = min(38, max(one.precision - one.scale, two.precision - two.scale) + scale)
        return Value(f"CAST({a} % rs_not_zero({b}) AS DECIMAL({precision},{scale}))", numeric(precision, scale))
    kind = quotient(one, two)
    shift = kind.scale - one.scale + two.scale
    whole = f"({_unscaled(a, one)} * CAST('1{'0' * shift}' AS HUGEINT)) // rs_not_zero({_unscaled(b, two)})"
    return Value(f"CAST(CAST({whole} AS DECIMAL(38,0)) * {_tenth(kind.scale)} AS {kind.duck})", kind)


def _tenth(scale: int) -> str:
    return f"CAST('0.{'0' * (scale - 1)}1' AS DECIMAL({scale},{scale}))"


def quotient(one: SqlType, two: SqlType) -> SqlType:
    """The DECIMAL of a division (Redshift developer guide, "Computations with numeric values")."""
    scale = max(4, one.scale + two.precision - two.scale + 1)
    precision = one.precision - one.scale + two.scale + scale
    if precision > 38:
        scale = max(38 + scale - precision, 4)
        precision = 38
    return numeric(precision, min(scale, 37))


def _as(value: Value, kind: SqlType) -> str:
    return value.sql if value.type == kind else f"CAST({value.sql} AS {kind.duck})"


def _unscaled(sql: str, kind: SqlType) -> str:
    """The digits of a DECIMAL as a 128-bit integer, exactly."""
    return f"CAST(replace(CAST({sql} AS VARCHAR), '.', '') AS HUGEINT)" if kind.scale else f"CAST({sql} AS HUGEINT)"


def _dates(operator: str, left: Value, right: Value) -> Value | None:
    one, two = left.type.name, right.type.name
    if (
        operator == "+"
        and two in ("date", "timestamp", "timestamptz", "time", "timetz")
        and one in ("int2", "int4", "int8", "interval")
    ):
        left, right, one, two = right, left, two, one
    if operator == "+" and {one, two} == {"date", "time"}:
        return Value(f"({left.sql} + {right.sql})", TIMESTAMP)
    if operator == "+" and one == "interval" and two == "interval":
        return Value(f"({left.sql} + {right.sql})", together(left.type, right.type))
    if operator in "+-":
        if one == "date" and right.type.is_integer:
            return Value(f"({left.sql} {operator} CAST({right.sql} AS INTEGER))", DATE)
        if one in ("timestamp", "timestamptz") and right.type.is_integer:
            return Value(f"({left.sql} {operator} to_days(CAST({right.sql} AS INTEGER)))", left.type)
        if one == "date" and two == "interval":
            return Value(f"(CAST({left.sql} AS TIMESTAMP) {operator} {right.sql})", TIMESTAMP)
        if one == two == "interval":
            return Value(f"({left.sql} {operator} {right.sql})", together(left.type, right.type))
        if one in ("timestamp", "timestamptz", "time") and two == "interval":
            return Value(f"({left.sql} {operator} {right.sql})", left.type)
    if operator == "-":
        if one == two == "date":
            return Value(f"CAST({left.sql} - {right.sql} AS BIGINT)", INT8)
        if {one, two} <= {"date", "timestamp", "timestamptz"}:
            zone = "TIMESTAMPTZ" if "timestamptz" in (one, two) else "TIMESTAMP"
            return Value(f"(CAST({left.sql} AS {zone}) - CAST({right.sql} AS {zone}))", INTERVAL)
        if one == two == "time":
            return Value(f"to_microseconds(epoch_us({left.sql}) - epoch_us({right.sql}))", DAY_TO_SECOND)
    if operator == "*" and two == "interval":
        left, right, one, two = right, left, two, one
    if operator in "*/" and one == "interval" and right.type.is_number:
        if operator == "*" and right.type.is_integer:
            return Value(f"({left.sql} * {right.sql})", left.type)
        return scaled(operator, left, cast(right, FLOAT8))
    return None


def concatenation(left: Value, right: Value) -> Value:
    """``left || right``; NULL swallows everything."""
    if "varbyte" in (left.type.name, right.type.name):
        return Value(
            f"({converted(left, SqlType('varbyte'))} || {converted(right, SqlType('varbyte'))})", SqlType("varbyte")
        )
    if not (left.type.is_text or right.type.is_text or "super" in (left.type.name, right.type.name)):
        raise SqlError(f"operator does not exist: {left.type.sql} || {right.type.sql}")
    sides = [
        "CAST(NULL AS VARCHAR)" if one.sql == "NULL" else one.sql if one.type.is_text else cast(one, TEXT)
        for one in (left, right)
    ]
    sizes = [one.type.size if one.type.is_text else -1 for one in (left, right)]
    return Value(
        f"({sides[0]} || {sides[1]})", SqlType("varchar", sum(sizes) if min(sizes) > 0 and sum(sizes) <= 65535 else -1)
    )


_BITS: dict[type[exp.Expression], str] = {
    exp.BitwiseAnd: "&",
    exp.BitwiseOr: "|",
    exp.BitwiseLeftShift: "<<",
    exp.BitwiseRightShift: ">>",
}


def bitwise(kind: type[exp.Expression], left: Value, right: Value) -> Value:
    if left.is_untyped:
        left = Value(converted(left, INT4), INT4)
    if right.is_untyped:
        right = Value(converted(right, INT4), INT4)
    if not (left.type.is_integer and right.type.is_integer):
        raise SqlError(f"operator does not exist: {left.type.sql} {_BITS.get(kind, '#')} {right.type.sql}")
    result = common_number(left.type, right.type)
    if kind is exp.BitwiseXor:
        return Value(f"CAST(xor({left.sql}, {right.sql}) AS {result.duck})", result)
    if kind in (exp.BitwiseLeftShift, exp.BitwiseRightShift):
        function = "rs_shift_left" if kind is exp.BitwiseLeftShift else "rs_shift_right"
        return Value(
            f"CAST({function}(CAST({left.sql} AS BIGINT), CAST({right.sql} AS BIGINT)) AS {left.type.duck})", left.type
        )
    return Value(f"CAST({left.sql} {_BITS[kind]} {right.sql} AS {result.duck})", result)
