"""The table of functions: what each takes and gives. A name that is not in it does not exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.sandbox.redshift.engine.casts import cast, converted
from core.sandbox.redshift.engine.compiling import Call
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.types import (
    BOOL,
    DATE,
    FLOAT4,
    FLOAT8,
    INT2,
    INT4,
    INT8,
    SUPER,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARBYTE,
)
from core.sandbox.redshift.engine.value import Value

Builder = Callable[[Call], Value]
_BUILDERS: dict[str, Builder] = {}
_REFUSED: dict[str, str] = {}
NEEDS_FRAME: set[str] = set()
AGGREGATES: set[str] = set()
WINDOWS: set[str] = set()

_TYPES = {
    "text": TEXT, "int2": INT2, "int4": INT4, "int8": INT8, "float4": FLOAT4, "float8": FLOAT8, "bool": BOOL, "date": DATE,
    "timestamp": TIMESTAMP, "timestamptz": TIMESTAMPTZ, "super": SUPER, "varbyte": VARBYTE, "time": TIME,
}  # fmt: skip


def function(*names: str) -> Callable[[Builder], Builder]:
    def keep(builder: Builder) -> Builder:
        for name in names:
            _BUILDERS[name] = builder
        return builder

    return keep


def aggregate(*names: str, frame: bool = True) -> Callable[[Builder], Builder]:
    """Register aggregates; ``frame``: over an ORDER BY window they want a frame."""
    AGGREGATES.update(names)
    if frame:
        NEEDS_FRAME.update(names)
    return function(*names)


def window(*names: str) -> Callable[[Builder], Builder]:
    WINDOWS.update(names)
    return function(*names)


def refuse(why: str, *names: str) -> None:
    _REFUSED.update(dict.fromkeys(names, why))


def call_function(call: Call) -> Value:
    """Compile a call. Raises SqlError for an unknown function, NeedsCluster for one that only Redshift itself has."""
    if call.name in _REFUSED:
        raise NeedsCluster(f"The function {call.name.upper()}", _REFUSED[call.name])
    builder = _BUILDERS.get(call.name)
    if builder is None:
        if call.name.startswith(("st_", "h3_")):
            raise NeedsCluster(f"The spatial function {call.name.upper()}")
        raise call.unknown()
    aggregates = call.name in AGGREGATES
    if call.over and not aggregates and call.name not in WINDOWS:
        raise SqlError(f"OVER specified, but {call.name} is not a window function nor an aggregate function")
    if call.name in WINDOWS and not aggregates and not call.over:
        raise SqlError(f"window function {call.name} requires an OVER clause")
    if call.distinct and not aggregates:
        raise SqlError(f"DISTINCT specified, but {call.name} is not an aggregate function")
    if aggregates and not call.over and call.scope.no_aggregates:
        raise SqlError(f"aggregates not allowed in {call.scope.no_aggregates} clause")
    value = builder(call)
    return value if value.label != "?column?" else replace(value, label=call.name)


# -- the compact form ---------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Parameter:
    kind: str
    default: str | None


_LINE = re.compile(r"\s*([\w, ]+?)\s*\(([^)]*)\)\s*->\s*(\w+)\s*:\s*(.*)")


def table(lines: str) -> None:
    """Register functions from lines ``name, other(kinds) -> type : DuckDB text with {0} {1}``.

    Kinds: s text, i bigint, f float8, n any number, t timestamp, z timestamptz, d date, b bool, j super, y varbyte, a anything.
    ``i=1`` is optional with a default in DuckDB's words. The type ``same`` is that of the first argument.
    """
    for line in lines.strip().splitlines():
        if not line.strip():
            continue
        found = _LINE.fullmatch(line)
        assert found, line
        names, kinds, result, text = found.groups()
        parameters = []
        for kind in filter(None, (one.strip() for one in kinds.split(","))):
            name, has_default, default = kind.partition("=")
            parameters.append(_Parameter(name, default if has_default else None))
        builder = _from_line(parameters, result, text)
        for name in names.split(","):
            _BUILDERS[name.strip()] = builder


def _from_line(parameters: list[_Parameter], result: str, text: str) -> Builder:
    least = sum(one.default is None for one in parameters)

    def build(call: Call) -> Value:
        call.count(least, len(parameters))
        values = call.args()
        texts = [argument(call, value, one.kind) for value, one in zip(values, parameters, strict=False)]
        texts += [one.default or "" for one in parameters[len(values) :]]
        kind = values[0].type if result == "same" else _TYPES[result]
        if result == "same" and kind.name == "unknown":
            kind = FLOAT8 if parameters[0].kind == "n" else TEXT
        return Value(text.format(*texts), kind)

    return build


def argument(call: Call, value: Value, kind: str) -> str:
    """The argument as the kind of a table line asks. Raises SqlError for a type that does not go."""
    own = value.type
    if value.sql == "NULL":
        return {"s": "CAST(NULL AS VARCHAR)", "i": "CAST(NULL AS BIGINT)", "f": "CAST(NULL AS DOUBLE)", "n": "CAST(NULL AS DOUBLE)",
                "t": "CAST(NULL AS TIMESTAMP)", "z": "CAST(NULL AS TIMESTAMPTZ)", "d": "CAST(NULL AS DATE)", "b": "CAST(NULL AS BOOLEAN)",
                "j": "CAST(NULL AS JSON)", "y": "CAST(NULL AS BLOB)"}.get(kind, "NULL")  # fmt: skip
    if kind == "a":
        return value.sql
    if kind == "s":
        if own.name == "varbyte":
            raise call.unknown()
        return value.sql if own.is_text else cast(value, TEXT)
    if kind == "i":
        if own.is_integer:
            return f"CAST({value.sql} AS BIGINT)"
        if value.is_untyped or own.name in ("numeric", "super"):
            return cast(value, INT8)
        raise call.unknown()
    if kind == "n" and own.is_number:
        return value.sql
    if kind in "fn":
        if own.is_number or own.is_text or own.name == "super":
            return cast(value, FLOAT8)
        raise call.unknown()
    if kind in "tzd":
        target = {"t": TIMESTAMP, "z": TIMESTAMPTZ, "d": DATE}[kind]
        if own.is_datetime or own.is_text or own.name == "super":
            return converted(value, target) if own != target else value.sql
        raise call.unknown()
    target = {"b": BOOL, "j": SUPER, "y": VARBYTE}[kind]
    if own == target or own.name == target.name:
        return value.sql
    if value.is_untyped or (kind == "y" and own.is_text):
        return cast(value, target)
    raise call.unknown()
