"""JSON and SUPER functions. A SUPER is kept as JSON text; a step that leads nowhere gives NULL."""

from __future__ import annotations

import re

from sqlglot import exp

from core.sandbox.redshift.engine.casts import converted, to_super
from core.sandbox.redshift.engine.compiling import Call
from core.sandbox.redshift.engine.functions.registry import argument, function, table
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import BOOL, SUPER, TEXT
from core.sandbox.redshift.engine.value import Value

table(r"""
json_parse(s) -> super : rs_json_parse({0})
json_serialize(j) -> text : CAST({0} AS VARCHAR)
json_serialize_to_varbyte(j) -> varbyte : encode(CAST({0} AS VARCHAR))
json_size(j) -> int4 : CAST(strlen(CAST({0} AS VARCHAR)) AS INTEGER)
can_json_parse(s) -> bool : rs_json_valid({0})
is_valid_json(s) -> bool : rs_json_valid_document({0})
is_valid_json_array(s) -> bool : rs_json_valid_array({0})
json_array_length(s, b=false) -> int4 : rs_json_array_length({0}, {1})
json_extract_array_element_text(s, i, b=false) -> text : rs_json_array_element({0}, {1}, {2})
json_typeof(j) -> text : rs_super_type({0})
is_array(j) -> bool : coalesce((rs_super_type({0}) = 'array'), false)
is_object(j) -> bool : coalesce((rs_super_type({0}) = 'object'), false)
is_varchar, is_char(j) -> bool : coalesce((rs_super_type({0}) = 'string'), false)
is_boolean(j) -> bool : coalesce((rs_super_type({0}) = 'boolean'), false)
is_scalar(j) -> bool : coalesce((rs_super_type({0}) IN ('string', 'number', 'boolean')), false)
is_integer(j) -> bool : coalesce(rs_super_is_whole({0}, 2147483647), false)
is_bigint(j) -> bool : coalesce(rs_super_is_whole({0}, 9223372036854775807), false)
is_smallint(j) -> bool : coalesce(rs_super_is_whole({0}, 32767), false)
is_decimal(j) -> bool : coalesce((rs_super_type({0}) = 'number' AND NOT contains(lower(CAST({0} AS VARCHAR)), 'e')), false)
is_float(j) -> bool : coalesce((rs_super_type({0}) = 'number' AND (contains(CAST({0} AS VARCHAR), '.') OR contains(lower(CAST({0} AS VARCHAR)), 'e'))), false)
decimal_precision(j) -> int4 : CAST(length(ltrim(replace(rs_super_digits({0}), '.', ''), '0')) AS INTEGER)
decimal_scale(j) -> int4 : CAST(length(split_part(rs_super_digits({0}), '.', 2)) AS INTEGER)
get_array_length(j) -> int4 : CASE WHEN json_type({0}) = 'ARRAY' THEN CAST(json_array_length({0}) AS INTEGER) END
size(j) -> int4 : CAST(strlen(CAST({0} AS VARCHAR)) AS INTEGER)
array_flatten(j) -> super : rs_array_flatten({0})
subarray(j, i, i=2147483647) -> super : rs_subarray({0}, {1}, {2})
lower_attribute_names(j) -> super : rs_attribute_case({0}, false)
upper_attribute_names(j) -> super : rs_attribute_case({0}, true)
array_distinct(j) -> super : rs_array_distinct({0})
array_except(j, j, b=false) -> super : rs_array_set({0}, {1}, 'except', {2})
array_intersection(j, j, b=false) -> super : rs_array_set({0}, {1}, 'intersection', {2})
array_union(j, j) -> super : rs_array_set({0}, {1}, 'union', true)
arrays_overlap(j, j, b=false) -> bool : rs_arrays_overlap({0}, {1}, {2})
""")


@function("split_to_array")
def _split(call: Call) -> Value:
    call.count(1, 2)
    separator = argument(call, call.arg(1), "s") if len(call.nodes) == 2 else "','"
    return Value(f"to_json(string_split({argument(call, call.arg(0), 's')}, {separator}))", SUPER)


@function("array_sort")
def _sort(call: Call) -> Value:
    """NULLs come last in ascending order and first in descending, unless said otherwise."""
    call.count(1, 3)
    values = call.args()
    ascending = argument(call, values[1], "b") if len(values) > 1 else "true"
    nulls_first = argument(call, values[2], "b") if len(values) > 2 else f"(NOT {ascending})"
    return Value(f"rs_array_sort({argument(call, values[0], 'j')}, {ascending}, {nulls_first})", SUPER)


@function("object_transform")
def _transform(call: Call) -> Value:
    """OBJECT_TRANSFORM(input KEEP path, ... SET path, value, ...); the reader makes plain arguments of the two words."""
    nodes = call.nodes
    words = [one.name if isinstance(one, exp.Literal) and one.is_string else "" for one in nodes]
    kept = words[2:] if words[1:2] == ["keep"] else []
    changed = words.index("set") if "set" in words else len(words)
    document = argument(call, call.arg(0), "j")
    if len(nodes) == 1:
        return Value(document, SUPER)
    if not kept:
        raise NeedsCluster("OBJECT_TRANSFORM with SET alone", "what stays without KEEP is not documented")
    paths, rest = words[2:changed], list(range(changed + 1, len(nodes)))
    if len(rest) % 2:
        raise SqlError("OBJECT_TRANSFORM: SET takes pairs of a path and a value")
    targets = [words[n] for n in rest[0::2]]
    for path in [*paths, *targets]:
        if not re.fullmatch(r'"[^"]+"(\."[^"]+")*', path):
            raise SqlError(f"OBJECT_TRANSFORM: {path!r} is not a path of double-quoted parts")
    values = [_json(call.arg(n)) for n in rest[1::2]]
    lists = [f"CAST([{', '.join(literal(one) for one in some)}] AS VARCHAR[])" for some in (paths, targets)]
    return Value(
        f"rs_object_transform({document}, {lists[0]}, {lists[1]}, CAST([{', '.join(values)}] AS JSON[]))", SUPER
    )


@function("json_extract_path_text")
def _path(call: Call) -> Value:
    if len(call.nodes) < 2:
        raise call.unknown()
    values = call.args()
    quiet = "false"
    if values[-1].type.name == "bool":
        quiet = values.pop().sql
    if not 2 <= len(values) <= 6:
        raise SqlError("JSON_EXTRACT_PATH_TEXT takes one to five path elements")
    document, *path = (argument(call, one, "s") for one in values)
    return Value(f"rs_json_path({document}, [{', '.join(path)}], {quiet})", TEXT)


@function("array")
def _array(call: Call) -> Value:
    items = " || ',' || ".join(f"coalesce(CAST({to_super(one)} AS VARCHAR), 'null')" for one in call.args())
    return Value(f"CAST('[' || {items} || ']' AS JSON)" if items else "CAST('[]' AS JSON)", SUPER)


@function("array_concat")
def _concat(call: Call) -> Value:
    if len(call.nodes) < 2:
        raise call.unknown()
    values = [argument(call, one, "j") for one in call.args()]
    text = values[0]
    for one in values[1:]:
        text = f"rs_array_concat({text}, {one})"
    return Value(text, SUPER)


@function("array_contains")
def _contains(call: Call) -> Value:
    call.count(2, 3)
    values = call.args()
    return Value(f"rs_array_contains({argument(call, values[0], 'j')}, {_json(values[1])})", BOOL)


@function("array_position", "array_positions")
def _position(call: Call) -> Value:
    call.count(2)
    values = call.args()
    kind = call.name
    text = f"rs_{kind}({argument(call, values[0], 'j')}, {_json(values[1])})"
    if kind == "array_positions":
        return Value(text, SUPER)
    from core.sandbox.redshift.engine.types import INT4

    return Value(text, INT4)


@function("array_to_string")
def _to_string(call: Call) -> Value:
    call.count(2)
    values = call.args()
    return Value(f"rs_array_to_string({argument(call, values[0], 'j')}, {argument(call, values[1], 's')})", TEXT)


@function("object")
def _object(call: Call) -> Value:
    if len(call.nodes) % 2:
        raise SqlError("OBJECT takes an even number of arguments")
    values = call.args()
    pairs: list[str] = []
    for key, value in zip(values[0::2], values[1::2], strict=True):
        pairs.append(f"[to_json({converted(key, TEXT)}), {_json(value)}]")
    return Value(f"rs_object([{', '.join(pairs)}])" if pairs else "CAST('{}' AS JSON)", SUPER)


def _json(value: Value) -> str:
    return "CAST('null' AS JSON)" if value.sql == "NULL" else to_super(value)
