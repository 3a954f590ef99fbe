"""Gives the Python functions to DuckDB."""

from __future__ import annotations

import functools
from typing import Any

from core.sandbox.redshift.engine.udf import (
    documents,
    dynamic,
    farmhash,
    moment_format,
    moment_parse,
    number_format,
    regex,
    texts,
    zones,
)

_FUNCTIONS: tuple[tuple[str, Any, list[str], str], ...] = (
    ("rs_crc32", texts.crc32, ["VARCHAR"], "VARCHAR"),
    ("rs_initcap", texts.initcap, ["VARCHAR"], "VARCHAR"),
    ("rs_soundex", texts.soundex, ["VARCHAR"], "VARCHAR"),
    ("rs_difference", texts.difference, ["VARCHAR", "VARCHAR"], "INTEGER"),
    ("rs_strtol", texts.strtol, ["VARCHAR", "BIGINT"], "BIGINT"),
    ("rs_sha2", texts.sha2, ["VARCHAR", "BIGINT"], "VARCHAR"),
    ("rs_cut_bytes_of_text", texts.cut, ["VARCHAR", "BIGINT"], "VARCHAR"),
    ("rs_quote_ident", texts.quote_ident, ["VARCHAR"], "VARCHAR"),
    ("rs_quote_literal", texts.quote_literal, ["VARCHAR"], "VARCHAR"),
    ("rs_hex_number", texts.hex_number, ["BIGINT"], "VARCHAR"),
    ("rs_from_varbyte", texts.from_varbyte, ["BLOB", "VARCHAR"], "VARCHAR"),
    ("rs_to_varbyte", texts.to_varbyte, ["VARCHAR", "VARCHAR"], "BLOB"),
    ("rs_bytes_part", texts.bytes_part, ["BLOB", "BIGINT", "BIGINT"], "BLOB"),
    ("rs_murmur3", texts.murmur3, ["BLOB", "BIGINT"], "INTEGER"),
    ("rs_farm_fingerprint", farmhash.fingerprint, ["BLOB"], "BIGINT"),
    ("rs_big_endian", texts.big_endian, ["BIGINT", "BIGINT"], "BLOB"),
    ("rs_bytes_integer", texts.bytes_integer, ["BLOB", "BIGINT"], "BIGINT"),
    ("rs_zone_seconds", zones.offset, ["VARCHAR"], "BIGINT"),
    ("rs_little_endian", texts.little_endian, ["HUGEINT", "BIGINT"], "BLOB"),
    ("rs_get_bit", texts.get_bit, ["BLOB", "BIGINT"], "INTEGER"),
    ("rs_regexp_count", regex.count, ["VARCHAR", "VARCHAR", "BIGINT", "VARCHAR"], "INTEGER"),
    ("rs_regexp_instr", regex.instr, ["VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "BIGINT", "VARCHAR"], "INTEGER"),
    ("rs_regexp_replace", regex.replace, ["VARCHAR", "VARCHAR", "VARCHAR", "BIGINT", "VARCHAR"], "VARCHAR"),
    ("rs_regexp_substr", regex.substr, ["VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "VARCHAR"], "VARCHAR"),
    ("rs_similar", regex.similar, ["VARCHAR", "VARCHAR", "VARCHAR"], "BOOLEAN"),
    ("rs_posix", regex.posix, ["VARCHAR", "VARCHAR", "VARCHAR"], "BOOLEAN"),
    ("rs_to_char_moment", moment_format.write, ["TIMESTAMP", "VARCHAR", "VARCHAR"], "VARCHAR"),
    ("rs_to_date", moment_format.read_date, ["VARCHAR", "VARCHAR", "BOOLEAN"], "DATE"),
    ("rs_read_moment", moment_format.read_moment, ["VARCHAR", "VARCHAR", "BOOLEAN"], "TIMESTAMP"),
    ("rs_parse_date", moment_parse.parse_date, ["VARCHAR"], "DATE"),
    ("rs_parse_timestamp", moment_parse.parse_timestamp, ["VARCHAR"], "TIMESTAMP"),
    ("rs_parse_timestamptz", moment_parse.parse_timestamptz, ["VARCHAR"], "TIMESTAMP"),
    ("rs_parse_timetz", moment_parse.parse_timetz, ["VARCHAR"], "VARCHAR"),
    ("rs_parse_time", moment_parse.parse_time, ["VARCHAR"], "TIME"),
    ("rs_to_char_number", number_format.write, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    ("rs_to_number", number_format.read, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    ("rs_round_decimal", number_format.rounded, ["VARCHAR", "INTEGER"], "VARCHAR"),
    ("rs_trunc_decimal", number_format.truncated, ["VARCHAR", "INTEGER"], "VARCHAR"),
    ("rs_json_valid", documents.valid, ["VARCHAR"], "BOOLEAN"),
    ("rs_json_valid_document", documents.valid_document, ["VARCHAR"], "BOOLEAN"),
    ("rs_json_valid_array", documents.valid_array, ["VARCHAR"], "BOOLEAN"),
    ("rs_json_parse", documents.parse, ["VARCHAR"], "JSON"),
    ("rs_json_path", documents.path_text, ["VARCHAR", "VARCHAR[]", "BOOLEAN"], "VARCHAR"),
    ("rs_json_array_length", documents.array_length, ["VARCHAR", "BOOLEAN"], "INTEGER"),
    ("rs_json_array_element", documents.array_element, ["VARCHAR", "BIGINT", "BOOLEAN"], "VARCHAR"),
    ("rs_super_math", dynamic.calculate, ["JSON", "VARCHAR", "JSON"], "JSON"),
    ("rs_super_round", dynamic.rounded, ["JSON", "VARCHAR", "INTEGER"], "JSON"),
    ("rs_array_sort", documents.array_sort, ["JSON", "BOOLEAN", "BOOLEAN"], "JSON"),
    ("rs_object_transform", documents.transform, ["JSON", "VARCHAR[]", "VARCHAR[]", "JSON[]"], "JSON"),
    ("rs_array_concat", documents.array_concat, ["JSON", "JSON"], "JSON"),
    ("rs_array_flatten", documents.array_flatten, ["JSON"], "JSON"),
    ("rs_subarray", documents.subarray, ["JSON", "BIGINT", "BIGINT"], "JSON"),
    ("rs_array_contains", documents.array_contains, ["JSON", "JSON"], "BOOLEAN"),
    ("rs_array_position", documents.array_position, ["JSON", "JSON"], "INTEGER"),
    ("rs_array_positions", documents.array_positions, ["JSON", "JSON"], "JSON"),
    ("rs_array_to_string", documents.array_to_string, ["JSON", "VARCHAR"], "VARCHAR"),
    ("rs_array_distinct", documents.array_distinct, ["JSON"], "JSON"),
    ("rs_array_set", documents.array_set, ["JSON", "JSON", "VARCHAR", "BOOLEAN"], "JSON"),
    ("rs_arrays_overlap", documents.arrays_overlap, ["JSON", "JSON", "BOOLEAN"], "BOOLEAN"),
    ("rs_attribute_case", documents.attribute_case, ["JSON", "BOOLEAN"], "JSON"),
    ("rs_object", documents.make_object, ["JSON[][]"], "JSON"),
)


_MAY_GIVE_NULL = frozenset(
    [
        "rs_sha2",
        "rs_super_math",
        "rs_super_round",
        "rs_array_sort",
        "rs_zone_seconds",
        "rs_json_path",
        "rs_json_array_length",
        "rs_json_array_element",
        "rs_array_concat",
        "rs_array_flatten",
        "rs_subarray",
        "rs_array_contains",
        "rs_array_position",
        "rs_array_positions",
        "rs_array_to_string",
        "rs_array_distinct",
        "rs_array_set",
        "rs_arrays_overlap",
    ]
)


def _strict(function: Any) -> Any:
    """The function with NULL for NULL; DuckDB's own handling forbids a NULL for anything else."""

    @functools.wraps(function)  # DuckDB counts the parameters by the signature
    def call(*values: Any) -> Any:
        return None if None in values else function(*values)

    return call


def _raise(message: str) -> None:
    """DuckDB's own error() counts as volatile, and a window's ORDER BY takes nothing volatile."""
    raise ValueError(message)


def register_functions(connection: Any) -> None:
    """Visible to every cursor of the connection's database. NULL in gives NULL out, except to the hash."""
    for name, function, parameters, result in _FUNCTIONS:
        if name in _MAY_GIVE_NULL:
            connection.create_function(name, _strict(function), parameters, result, null_handling="special")
        else:
            connection.create_function(name, function, parameters, result)
    connection.create_function("rs_raise", _raise, ["VARCHAR"], "NULL")
    connection.create_function("rs_fnv_bytes", texts.fnv, ["BLOB", "BIGINT"], "BIGINT", null_handling="special")
