"""From a warehouse's type names to Arrow types, and from text to Arrow columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_WHOLE = {"int2": 16, "smallint": 16, "int4": 32, "integer": 32, "int": 32, "serial": 32, "tinyint": 16}
_WHOLE |= {"int8": 64, "bigint": 64, "oid": 64, "bigserial": 64}
_NUMERIC = re.compile(r"(?:numeric|decimal)(?:\((\d+),\s*(-?\d+)\))?$")
TRUE, FALSE = ["true", "t", "TRUE", "True", "1"], ["false", "f", "FALSE", "False", "0"]


def arrow_type(type_name: str, precision: int = 0, scale: int = 0) -> Any:
    """The Arrow type that holds the values exactly; text for whatever has none (SUPER, TIME, GEOMETRY, VARBYTE...)."""
    import pyarrow as pa

    name = type_name.lower().strip()
    if name in _WHOLE:
        return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[_WHOLE[name]]
    if name in ("float4", "real"):
        return pa.float32()
    if name in ("float8", "float", "double precision", "double"):
        return pa.float64()
    if name in ("bool", "boolean"):
        return pa.bool_()
    if name == "date":
        return pa.date32()
    if name in ("timestamp", "timestamp without time zone", "datetime"):
        return pa.timestamp("us")
    if name in ("timestamptz", "timestamp with time zone"):
        return pa.timestamp("us", tz="UTC")
    if match := _NUMERIC.match(name):
        if match[1]:
            precision, scale = int(match[1]), int(match[2])
        if 0 < precision <= 38 and 0 <= scale <= precision:
            return pa.decimal128(precision, scale)
    return pa.string()


def shown_type(type_name: str, precision: int = 0, scale: int = 0) -> str:
    """The type as a reader expects it: numeric with its precision."""
    name = type_name.lower()
    if name in ("numeric", "decimal") and precision:
        return f"{name}({precision},{scale})"
    return name


def unique_names(names: Sequence[str]) -> list[str]:
    """Names that can head the columns of a frame: blank ones numbered, repeated ones suffixed."""
    seen: set[str] = set()
    unique = []
    for number, name in enumerate(names, 1):
        wanted = candidate = name or f"column {number}"
        again = 2
        while candidate in seen:
            candidate, again = f"{wanted} ({again})", again + 1
        seen.add(candidate)
        unique.append(candidate)
    return unique


def typed(values: Sequence[Any], kind: Any) -> Any:
    """A list of Python values as an Arrow array of ``kind``; as text where a value does not fit (NaN in a numeric)."""
    import pyarrow as pa

    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, ValueError):
        pass
    try:
        return pa.array([None if value is None else str(value) for value in values], pa.string()).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def unified(tables: Sequence[Any]) -> Any:
    """Pages as one table. Where pages disagree on a column's type (a numeric that got wider, a value that needed
    text) the column takes the wider one."""
    import pyarrow as pa

    if not tables:
        return pa.table({})
    try:
        return pa.concat_tables(tables)
    except pa.ArrowInvalid:
        pass
    schema = tables[0].schema
    for number, field in enumerate(schema):
        kinds = {table.schema.field(number).type for table in tables}
        if len(kinds) > 1:
            decimals = all(pa.types.is_decimal(kind) for kind in kinds)
            scale = max((kind.scale for kind in kinds if decimals), default=0)
            whole = max((kind.precision - kind.scale for kind in kinds if decimals), default=39)
            kind = pa.decimal128(whole + scale, scale) if whole + scale <= 38 else pa.string()
            schema = schema.set(number, pa.field(field.name, kind))
    return pa.concat_tables([table.cast(schema) for table in tables])
