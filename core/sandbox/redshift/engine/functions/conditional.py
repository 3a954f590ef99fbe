"""Conditional functions: NVL, DECODE, COALESCE, NULLIF."""

from __future__ import annotations

from core.sandbox.redshift.engine import comparison
from core.sandbox.redshift.engine.casts import common, converted
from core.sandbox.redshift.engine.compiling import Call
from core.sandbox.redshift.engine.functions.registry import function
from core.sandbox.redshift.engine.types import UNKNOWN, SqlType
from core.sandbox.redshift.engine.value import Value


@function("nvl", "coalesce")
def _coalesce(call: Call) -> Value:
    if not call.nodes:
        raise call.unknown()
    values = call.args()
    kind = common(values, "COALESCE")
    return Value(f"coalesce({', '.join(converted(one, kind) for one in values)})", kind, "coalesce")


@function("nvl2")
def _nvl2(call: Call) -> Value:
    call.count(3)
    test, present, absent = call.args()
    kind = common([present, absent], "NVL2")
    null = f"rs_super_is_null({test.sql})" if test.type.name == "super" else f"{test.sql} IS NULL"
    return Value(f"CASE WHEN {null} THEN {converted(absent, kind)} ELSE {converted(present, kind)} END", kind)


@function("nullif")
def _nullif(call: Call) -> Value:
    call.count(2)
    left, right = call.args()
    kind = SqlType("varchar", left.type.size) if left.is_untyped else left.type
    return Value(f"CASE WHEN {comparison.pair('=', left, right)} THEN NULL ELSE {converted(left, kind)} END", kind)


@function("decode")
def _decode(call: Call) -> Value:
    if len(call.nodes) < 3:
        raise call.unknown()
    subject, *rest = call.args()
    pairs = list(zip(rest[0::2], rest[1::2], strict=False))
    default = rest[-1] if len(rest) % 2 else Value("NULL", UNKNOWN)
    kind = common([*(result for _, result in pairs), default], "DECODE")
    whens: list[str] = []
    for search, result in pairs:  # here, and only here, NULL equals NULL
        if search.sql == "NULL":
            test = f"{subject.sql} IS NULL"
        else:
            test = comparison.pair("IS NOT DISTINCT FROM", subject, search)
        whens.append(f"WHEN {test} THEN {converted(result, kind)}")
    return Value(f"CASE {' '.join(whens)} ELSE {converted(default, kind)} END", kind)
