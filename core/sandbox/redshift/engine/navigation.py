"""Names and paths: columns, and the steps into a SUPER value, which give NULL where there is nothing (lax)."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine.compiling import Compiler
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import DATE, SUPER, TIMESTAMP, SqlType
from core.sandbox.redshift.engine.value import Field, Relation, Scope, Value

_BARE = {
    "sysdate": Value("CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)", TIMESTAMP, "timestamp"),
    "current_date": Value("CAST(now() AT TIME ZONE 'UTC' AS DATE)", DATE, "date"),
}


def column(compiler: Compiler, node: Any, scope: Scope) -> Value:
    """A column reference, with whatever SUPER path the dots spell: s.p.a.b may be table.column.key.key."""
    parts = [part.name for part in node.parts]
    quoted = [bool(part.args.get("quoted")) for part in node.parts if isinstance(part, exp.Identifier)]
    return _resolve(compiler, parts, quoted, scope)


def _resolve(compiler: Compiler, parts: list[str], quoted: list[bool], scope: Scope) -> Value:
    names = [part.lower() for part in parts]
    for taken in (3, 2, 1):  # schema.table.column, table.column, column
        if taken > len(names):
            continue
        found = _look_up(names[:taken], scope)
        if found is not None:
            rest = [
                part if quote else part.lower()
                for part, quote in zip(parts[taken:], quoted[taken:] or [], strict=False)
            ]
            return _into(found, rest)
    if len(names) == 1:
        name = names[0]
        if name in _BARE:
            return _BARE[name]
        if name in ("user", "session_user", "current_user"):
            return Value(literal(compiler.session.user), SqlType("varchar", 128), "current_user")
        if name == "level" and scope.level is not None:
            return scope.level
        raise SqlError(f'column "{name}" does not exist')
    if scope.relation(names[0]) is None and (len(names) < 3 or scope.relation(names[1]) is None):
        if (owner := _column(names[:1], scope)) is not None and owner.type.name != "super":
            raise SqlError(f"cannot navigate into {names[0]}: it is {owner.type.sql}, not super")
        raise SqlError(f'relation "{names[0] if len(names) == 2 else names[-2]}" does not exist')
    raise SqlError(f"column {'.'.join(names)} does not exist")


def _look_up(names: list[str], scope: Scope) -> Value | None:
    if len(names) == 3:
        relation = scope.relation(names[1])
        if relation is None or relation.schema != names[0]:
            return None
        field = relation.get(names[2])
        return None if field is None else _read(relation, field)
    return _column(names, scope)


def _column(names: list[str], scope: Scope) -> Value | None:
    if len(names) == 2:
        relation = scope.relation(names[0])
        field = relation.get(names[1]) if relation is not None else None
        return None if relation is None or field is None else _read(relation, field)
    found = scope.column(names[0])
    if isinstance(found, Value) or found is None:
        return found
    owner, field = found
    return _read(owner, field)


def _read(relation: Relation | None, field: Field) -> Value:
    table = f"{relation.schema}.{relation.table}" if relation is not None and relation.table else ""
    return Value(field.sql, field.type, field.name, table=table)


def _into(value: Value, keys: list[str]) -> Value:
    for key in keys:
        if value.type.name != "super":
            raise SqlError(f"cannot navigate into {value.label}: it is {value.type.sql}, not super")
        value = Value(f"json_extract({value.sql}, {literal(_step(key))})", SUPER, key)
    return value


def _step(key: str) -> str:
    return '$."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def member(compiler: Compiler, node: Any, scope: Scope) -> Value:
    """``value.key``."""
    value = compiler.value(node.this, scope)
    key = node.expression
    if not isinstance(key, exp.Identifier):
        raise SqlError(f"syntax error at or near {node.sql('redshift')!r}")
    return _into(value, [key.name if key.args.get("quoted") else key.name.lower()])


def element(compiler: Compiler, node: Any, scope: Scope) -> Value:
    """``value[0]`` or ``value['key']``; SUPER arrays count from 0."""
    value = compiler.value(node.this, scope)
    if value.type.name != "super":
        raise SqlError(f"cannot subscript type {value.type.sql} because it is not an array")
    if len(node.expressions) != 1:
        raise SqlError("one subscript is expected")
    index = compiler.value(node.expressions[0], scope)
    if index.constant is not None:
        return _into(value, [index.constant])
    if not index.type.is_integer:
        raise SqlError("array subscript must have type integer")
    return Value(f"rs_super_element({value.sql}, {index.sql})", SUPER, value.label)
