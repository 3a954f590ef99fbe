"""Conversions between Redshift's types: explicit casts, assignments, and what two types have in common."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine import intervals
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import (
    BOOL,
    DATE,
    FLOAT4,
    FLOAT8,
    INT2,
    INT4,
    INT8,
    INTERVAL,
    SUPER,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    VARBYTE,
    SqlType,
    numeric,
)
from core.sandbox.redshift.engine.value import Value

_NAMES = {
    "smallint": INT2, "int2": INT2, "integer": INT4, "int": INT4, "int4": INT4, "bigint": INT8, "int8": INT8, "real": FLOAT4,
    "float4": FLOAT4, "float": FLOAT8, "float8": FLOAT8, "double": FLOAT8, "double precision": FLOAT8, "boolean": BOOL, "bool": BOOL,
    "date": DATE, "time": TIME, "timetz": TIMETZ, "timestamp": TIMESTAMP, "timestamptz": TIMESTAMPTZ, "super": SUPER, "text": SqlType("varchar", 256),
    "varbyte": VARBYTE, "varbinary": VARBYTE, "binary varying": VARBYTE, "interval": INTERVAL,
    "time without time zone": TIME, "time with time zone": TIMETZ,
    "timestamp without time zone": TIMESTAMP, "timestamp with time zone": TIMESTAMPTZ,
    "json": SUPER, "tinyint": None, "name": SqlType("varchar", 128), "oid": INT8, "regclass": SqlType("varchar", 128),
}  # fmt: skip
_TEXTS = {
    "varchar": "varchar",
    "nvarchar": "varchar",
    "character varying": "varchar",
    "char": "char",
    "character": "char",
    "nchar": "char",
    "bpchar": "char",
    "text": "varchar",
}
MAX = -2
"""The size of VARCHAR(MAX) and CHAR(MAX), until the type is known."""
_NUMERICS = ("numeric", "decimal", "dec")


def type_named(name: str, sizes: list[int], column: bool = False) -> SqlType:
    """The type a name and its sizes mean; ``column`` for table columns, where VARCHAR alone is VARCHAR(256)."""
    name = " ".join(name.lower().split())
    if name in _NUMERICS:
        precision, scale = [*sizes, 0][:2] if sizes else (18, 0)
        if not 1 <= precision <= 38:
            raise SqlError(f"DECIMAL precision {precision} must be between 1 and 38")
        if not 0 <= scale <= min(37, precision):
            raise SqlError(f"DECIMAL scale {scale} must be between 0 and {min(37, precision)}")
        return numeric(precision, scale)
    if name in _TEXTS:
        kind = _TEXTS[name]
        size = (
            sizes[0]
            if sizes
            else {"text": 256, "bpchar": 256}.get(name, 1 if kind == "char" else 256)
            if column or name in ("char", "character", "nchar")
            else -1
        )
        most = 4096 if kind == "char" else 65535
        size = most if size == MAX else size
        if size != -1 and not 1 <= size <= most:
            raise SqlError(f"length for type {kind} must be between 1 and {most}")
        return SqlType(kind, size)
    if name in ("varbyte", "varbinary", "binary varying"):
        return SqlType("varbyte", (1_024_000 if sizes[0] == MAX else sizes[0]) if sizes else 64000)
    if name == "float" and sizes:
        return FLOAT4 if sizes[0] <= 24 else FLOAT8
    if name in ("geometry", "geography", "hllsketch"):
        raise NeedsCluster(f"The type {name.upper()}")
    found = _NAMES.get(name)
    if found is None:
        raise SqlError(f'type "{name}" does not exist')
    return found


_DTYPES = {
    "INT": "int4", "SMALLINT": "int2", "BIGINT": "int8", "DOUBLE": "float8", "FLOAT": "float8", "DECIMAL": "numeric", "TEXT": "text",
    "VARCHAR": "varchar", "CHAR": "char", "NCHAR": "char", "NVARCHAR": "varchar", "BPCHAR": "bpchar", "VARBINARY": "varbyte",
    "BOOLEAN": "bool", "TIMESTAMP": "timestamp", "TIMESTAMPNTZ": "timestamp", "TIMESTAMPTZ": "timestamptz", "TIMETZ": "timetz", "DATETIME": "timestamp",
    "NAME": "name",
}  # fmt: skip


def type_of(node: exp.DataType) -> SqlType:
    """The type a parsed cast names."""
    kind = node.this
    if isinstance(kind, exp.Interval):
        unit = kind.args.get("unit")
        ends = [unit.this, unit.expression] if isinstance(unit, exp.IntervalSpan) else [unit]
        return intervals.named(" to ".join(one.name.lower() for one in ends if one is not None))
    name = kind.value if hasattr(kind, "value") else str(kind)
    if name == "USERDEFINED":
        name = str(node.args.get("kind") or "")
    if node.args.get("nested"):
        raise SqlError(f'type "{node.sql("redshift")}" does not exist')
    sizes: list[int] = []
    for one in node.expressions:
        text = one.name if isinstance(one, exp.DataTypeParam) else one.sql()
        if isinstance(one, exp.DataTypeParam):
            text = one.this.name
        sizes.append(MAX if text.lower() == "max" else int(text))
    if name == "FLOAT":  # real and float4; FLOAT itself is parsed as DOUBLE
        return type_named("float", sizes) if sizes else FLOAT4
    return type_named(_DTYPES.get(name, name), sizes)


def cast(value: Value, target: SqlType) -> str:
    """The DuckDB text of ``CAST(value AS target)`` as Redshift does it: texts are cut, numbers rounded, nonsense refused."""
    source, sql = value.type, value.sql
    if target.name == "super":
        return to_super(value)
    if source.name == "super":
        return _from_super(sql, target)
    if target.is_text:
        return _to_text(sql, source, target)
    if target.name == "varbyte":
        return _to_bytes(sql, source, target)
    if source.name == "varbyte":
        if not target.is_integer:
            raise SqlError(f"cannot cast type binary varying to {target.sql}")
        return f"CAST(rs_bytes_integer({sql}, {_BYTES[target.name]}) AS {target.duck})"
    if target.name == "interval" and value.constant is not None:
        return intervals.literal_value(value.constant, _QUALIFIERS[target.precision]).sql
    if source.is_text:
        return _from_text(sql, target)
    if target.name == "time" and source.name in ("timetz", "timestamptz"):
        return f"CAST(timezone('UTC', {sql}) AS TIME)"
    if (source.name, target.name) in _REFUSED or (source.is_datetime and (target.is_number or target.name == "bool")):
        raise SqlError(f"cannot cast type {source.sql} to {target.sql}")
    if source.is_number and (target.is_datetime or target.name in ("time", "timetz", "interval")):
        raise SqlError(f"cannot cast type {source.sql} to {target.sql}")
    if source.is_float and target.is_integer:
        return f"CAST({sql} AS {target.duck})"
    if source.name == "bool" and target.is_number and not target.is_integer:
        raise SqlError(f"cannot cast type boolean to {target.sql}")
    if source.name == "numeric" and target.name == "bool":
        raise SqlError("cannot cast type numeric to boolean")
    if source == target:
        return sql
    if source.name == target.name == "interval" and source.precision and target.precision:
        raise SqlError(f"cannot cast type {source.sql} to {target.sql}")
    return f"CAST({sql} AS {target.duck})"


_QUALIFIERS = ("", "year to month", "day to second")


def try_cast(value: Value, target: SqlType) -> str:
    """TRY_CAST: NULL where CAST would fail. Dates and times are taken in ISO form only."""
    if not value.type.is_text or target.is_text or target.name in ("super", "varbyte"):
        text = cast(value, target)
        return f"TRY({text})" if text.startswith("CAST(") else text
    if target.is_integer:
        return f"CASE WHEN regexp_full_match(trim({value.sql}), '[+-]?[0-9]+') THEN TRY_CAST({value.sql} AS {target.duck}) END"
    return f"TRY_CAST(trim({value.sql}) AS {target.duck})"


_REFUSED = {
    ("bool", "date"),
    ("bool", "timestamp"),
    ("time", "date"),
    ("time", "timestamp"),
    ("date", "time"),
    ("interval", "date"),
}


def _to_text(sql: str, source: SqlType, target: SqlType) -> str:
    if source.is_float:
        sql = f"rs_float_text({sql})"
    elif source.name == "varbyte":
        sql = f"decode({sql})"
    elif source.name == "timestamptz":
        sql = f"CAST({sql} AS VARCHAR)"
    elif source.name == "interval":
        sql = intervals.text(sql, source)
    elif not source.is_text:
        sql = plain_text(sql, source)
    if target.size > 0:
        cut = "rs_cut" if source.is_text else "rs_fit"
        sql = f"{cut}({sql}, {target.size})"
    if target.name == "char" and source.name != "char":
        sql = f"rtrim({sql}, ' ')"
    return sql


def plain_text(sql: str, kind: SqlType) -> str:
    """The value as DuckDB prints it, but 0.5 for its .5 (a DECIMAL whose digits all stand after the point)."""
    text = f"CAST({sql} AS VARCHAR)"
    if kind.name == "numeric" and kind.precision == kind.scale:
        return rf"regexp_replace({text}, '^(-?)\.', '\10.')"
    return text


_BYTES = {"int2": 2, "int4": 4, "int8": 8}


def _to_bytes(sql: str, source: SqlType, target: SqlType) -> str:
    """Integers keep their width, big end first; a CHAR its padding (developer guide, "VARBYTE type")."""
    if source.is_integer:
        return f"rs_big_endian(CAST({sql} AS BIGINT), {_BYTES[source.name]})"
    if source.name == "varbyte":
        return sql if target.size < 0 else f"rs_cut_bytes({sql}, {target.size})"
    if not source.is_text:
        raise SqlError(f"cannot cast type {source.sql} to binary varying")
    return (
        f"encode(rs_rpad({sql}, {source.size}, ' '))" if source.name == "char" and source.size > 0 else f"encode({sql})"
    )


def _from_super(sql: str, target: SqlType) -> str:
    """A dynamic value as a static type: NULL where it is of another kind (lax, as cast_super_null_on_error is on)."""
    text = f"rs_super_scalar({sql})"
    if target.is_text:
        return _to_text(text, TEXT, target)
    if target.name == "bool":
        return f"rs_super_bool({sql})"
    if target.is_integer:
        return f"TRY_CAST(rs_super_integer({sql}) AS {target.duck})"
    if target.is_number:
        return f"TRY_CAST({text} AS {target.duck})"
    if target.name == "varbyte":
        return f"encode({text})"
    return f"TRY({_from_text(f'rs_super_string({sql})', target)})"


def _from_text(sql: str, target: SqlType) -> str:
    if target.is_integer:
        return f"CAST(rs_integer({sql}, {literal({'int2': 'Short', 'int4': 'Integer', 'int8': 'Long'}[target.name])}) AS {target.duck})"
    if target.name == "numeric":
        return f"CAST(trim({sql}) AS {target.duck})"
    if target.name in ("date", "timestamp", "timestamptz", "time", "timetz"):
        return f"rs_{target.name}({sql})"
    if target.name == "bool":
        return f"rs_bool({sql})"
    if target.name == "interval":
        return f"CAST({sql} AS INTERVAL)"
    return f"CAST(trim({sql}) AS {target.duck})"


def to_super(value: Value) -> str:
    if value.type.name == "super":
        return value.sql
    if value.sql == "NULL":
        return "CAST(NULL AS JSON)"
    if value.type.is_text:
        return f"to_json(CAST({value.sql} AS VARCHAR))"
    if value.type.is_datetime or value.type.name in ("time", "timetz", "interval"):
        raise SqlError(f"cannot cast type {value.type.sql} to super")
    if value.type.name == "numeric":
        return f"CAST({plain_text(value.sql, value.type)} AS JSON)"
    return f"to_json({value.sql})"


def assigned(value: Value, target: SqlType) -> str:
    """The value as it is stored in a column of type ``target``: too long a text is an error, not cut.

    The length is checked on every value, whatever size its type claims: a claim that was wrong would store a text
    that Redshift refuses.
    """
    if value.sql == "NULL":
        return f"CAST(NULL AS {target.duck})"
    if target.is_text and value.type.is_text:
        if target.size < 0:
            return value.sql if target.name != "char" else f"rtrim({value.sql}, ' ')"
        if target.name == "char":
            return f"rtrim(rs_fit(rs_single_bytes({value.sql}), {target.size}), ' ')"
        return f"rs_fit({value.sql}, {target.size})"
    if target.name == "timetz":
        return f"timezone('UTC', {cast(value, target)})"
    if target.name == "char" and value.type.name == "super":
        return f"rs_fit({cast(value, TEXT)}, {target.size})"
    return cast(value, target)


_RANK = ("int2", "int4", "int8", "numeric", "float4", "float8")


def as_numeric(kind: SqlType) -> SqlType:
    """The DECIMAL an integer counts as in mixed arithmetic."""
    if kind.name == "numeric":
        return kind
    return numeric({"int2": 5, "int4": 10, "int8": 19}[kind.name], 0)


def common_number(left: SqlType, right: SqlType) -> SqlType:
    if left.name == right.name == "numeric":
        scale = max(left.scale, right.scale)
        return numeric(min(38, max(left.precision - left.scale, right.precision - right.scale) + scale), scale)
    higher = max(left, right, key=lambda one: _RANK.index(one.name))
    if higher.name == "numeric":
        return common_number(as_numeric(left), as_numeric(right))
    if higher.name == "float4" and "numeric" in (left.name, right.name):
        return FLOAT8
    return higher


def common(values: list[Value], what: str) -> SqlType:
    """The type that CASE, COALESCE, UNION and their kin give these values. Raises SqlError if there is none."""
    typed = [one.type for one in values if not one.is_untyped]
    if not typed:
        return SqlType("varchar", max([1, *(one.type.size for one in values)]))
    result = typed[0]
    for one in typed[1:]:
        result = _common(result, one, what)
    return result


def _common(left: SqlType, right: SqlType, what: str) -> SqlType:
    if left == right:
        return left
    if left.is_number and right.is_number:
        return common_number(left, right)
    if left.is_text and right.is_text:
        size = -1 if min(left.size, right.size) < 0 else max(left.size, right.size)
        return SqlType("varchar" if "varchar" in (left.name, right.name) else "char", size)
    if left.name == "super" or right.name == "super":
        return SUPER
    names = {left.name, right.name}
    if names <= {"date", "timestamp", "timestamptz"}:
        return TIMESTAMPTZ if "timestamptz" in names else TIMESTAMP
    if names <= {"time", "timetz"}:
        return TIMETZ
    if left.is_text or right.is_text:
        raise SqlError(f"{what} types {left.sql} and {right.sql} cannot be matched")
    if left.name == right.name:
        return left
    raise SqlError(f"{what} types {left.sql} and {right.sql} cannot be matched")


def converted(value: Value, target: SqlType) -> str:
    """The value as an implicit conversion to ``target`` gives it (no cutting, no rounding beyond the type)."""
    if value.sql == "NULL":
        return f"CAST(NULL AS {target.duck})"
    if value.type == target or (value.type.is_text and target.is_text):
        return value.sql
    if value.type.name == "numeric" and target.name == "numeric":
        return f"CAST({value.sql} AS {target.duck})"
    if value.constant is not None:
        _check_constant(value.constant.strip(), target)
    return cast(value, target)


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|[+-]?inf(inity)?", re.IGNORECASE)


def _check_constant(text: str, target: SqlType) -> None:
    """A bare string becomes a number while the statement is read, so that even a branch never taken fails."""
    if target.is_integer and not re.fullmatch(r"[+-]?\d+", text):
        raise SqlError(f'invalid input syntax for integer: "{text}"')
    if target.is_number and not _NUMBER.fullmatch(text):
        raise SqlError(f'invalid input syntax for type {target.sql}: "{text}"')


def weakly_named(node: Any) -> bool:
    """Whether a cast around it names the column by its type, as PostgreSQL does for a cast of a cast or of a CASE."""
    if isinstance(node, exp.Paren | exp.Cast | exp.TryCast):
        return weakly_named(node.this)
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        return default is None or weakly_named(default)
    return isinstance(node, exp.Literal | exp.Null)
