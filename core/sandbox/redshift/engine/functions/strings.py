"""String functions."""

from __future__ import annotations

from core.sandbox.redshift.engine.casts import cast
from core.sandbox.redshift.engine.compiling import Call
from core.sandbox.redshift.engine.functions.registry import argument, function, refuse, table
from core.sandbox.redshift.engine.outcome import NeedsCluster
from core.sandbox.redshift.engine.text import literal
from core.sandbox.redshift.engine.types import INT4, INT8, TEXT, VARBYTE, SqlType
from core.sandbox.redshift.engine.value import Value

table(r"""
ascii(s) -> int4 : rs_ascii({0})
bpcharcmp(s, s) -> int4 : rs_order(rtrim({0}, ' '), rtrim({1}, ' '))
bttext_pattern_cmp(s, s) -> int4 : rs_order({0}, {1})
btrim(s, s=' ') -> text : trim({0}, {1})
ltrim(s, s=' ') -> text : ltrim({0}, {1})
rtrim(s, s=' ') -> text : rtrim({0}, {1})
charindex(s, s) -> int4 : CAST(strpos({1}, {0}) AS INTEGER)
strpos, position(s, s) -> int4 : CAST(strpos({0}, {1}) AS INTEGER)
chr(i) -> text : chr(CAST({0} AS INTEGER))
concat(s, s) -> text : ({0} || {1})
crc32(s) -> text : rs_crc32({0})
difference(s, s) -> int4 : rs_difference({0}, {1})
initcap(s) -> text : rs_initcap({0})
left(s, i) -> text : rs_left({0}, {1})
right(s, i) -> text : rs_right({0}, {1})
lower(s) -> text : lower({0})
upper(s) -> text : replace(upper({0}), 'ẞ', 'ß')
lpad(s, i, s=' ') -> text : rs_lpad({0}, {1}, {2})
rpad(s, i, s=' ') -> text : rs_rpad({0}, {1}, {2})
octetindex(s, s) -> int4 : CASE WHEN strpos({1}, {0}) = 0 THEN 0 ELSE CAST(strlen(left({1}, strpos({1}, {0}) - 1)) + 1 AS INTEGER) END
quote_ident(s) -> text : rs_quote_ident({0})
quote_literal(s) -> text : rs_quote_literal({0})
regexp_count(s, s, i=1, s='') -> int4 : rs_regexp_count({0}, {1}, {2}, {3})
regexp_instr(s, s, i=1, i=1, i=0, s='') -> int4 : rs_regexp_instr({0}, {1}, {2}, {3}, {4}, {5})
regexp_replace(s, s, s='', i=1, s='') -> text : rs_regexp_replace({0}, {1}, {2}, {3}, {4})
regexp_substr(s, s, i=1, i=1, s='') -> text : rs_regexp_substr({0}, {1}, {2}, {3}, {4})
repeat, replicate(s, i) -> text : repeat({0}, greatest({1}, 0))
replace(s, s, s) -> text : rs_replace({0}, {1}, {2})
reverse(s) -> text : reverse({0})
soundex(s) -> text : rs_soundex({0})
split_part(s, s, i) -> text : rs_split_part({0}, {1}, {2})
strtol(s, i) -> int8 : rs_strtol({0}, {1})
translate(s, s, s) -> text : translate({0}, {1}, {2})
md5(s) -> text : md5({0})
farmfingerprint64, farmhash64(y) -> int8 : rs_farm_fingerprint({0})
sha, sha1, func_sha1(s) -> text : sha1({0})
sha2(s, i) -> text : rs_sha2({0}, {1})
from_hex(s) -> varbyte : unhex({0})
from_varbyte(y, s) -> text : rs_from_varbyte({0}, {1})
to_varbyte(s, s) -> varbyte : rs_to_varbyte({0}, {1})
varbyte_to_text(y) -> text : decode({0})
""")
refuse("it reads numbers as COBOL prints them", "text_to_int_alt", "text_to_numeric_alt")
refuse("the collation is a property of a cluster's database", "collate")
refuse("its algorithm is not published", "checksum", "func_checksum")


@function("len", "length", "char_length", "character_length", "textlen")
def _length(call: Call) -> Value:
    call.count(1)
    value = call.arg(0)
    if value.type.name == "varbyte":
        return Value(f"CAST(octet_length({value.sql}) AS INTEGER)", INT4)
    return Value(f"CAST(length({argument(call, value, 's')}) AS INTEGER)", INT4)


@function("octet_length")
def _octets(call: Call) -> Value:
    call.count(1)
    value = call.arg(0)
    if value.type.name == "varbyte":
        return Value(f"CAST(octet_length({value.sql}) AS INTEGER)", INT4)
    text = argument(call, value, "s")
    if value.type.name == "char" and value.type.size > 0:  # a CHAR occupies its whole width
        return Value(
            f"CAST(CASE WHEN {text} IS NOT NULL THEN greatest(strlen({text}), {value.type.size}) END AS INTEGER)", INT4
        )
    return Value(f"CAST(strlen({text}) AS INTEGER)", INT4)


@function("substring", "substr")
def _substring(call: Call) -> Value:
    call.count(2, 3)
    value = call.arg(0)
    start = argument(call, call.arg(1), "i")
    length = argument(call, call.arg(2), "i") if len(call.nodes) == 3 else None
    if value.type.name == "varbyte":
        rest = f"{length}" if length else "2147483647"
        return Value(f"rs_bytes_part({value.sql}, {start}, {rest})", VARBYTE)
    text = argument(call, value, "s")
    if length is None:
        return Value(f"substring({text}, greatest({start}, 1))", TEXT)
    return Value(f"rs_substring({text}, {start}, {length})", TEXT)


@function("to_hex")
def _hex(call: Call) -> Value:
    call.count(1)
    value = call.arg(0)
    if value.type.is_integer:
        return Value(f"rs_hex_number(CAST({value.sql} AS BIGINT))", TEXT)
    return Value(f"lower(hex({cast(value, VARBYTE)}))", TEXT)


@function("pg_typeof")
def _type_name(call: Call) -> Value:
    call.count(1)
    value = call.arg(0)
    name = "unknown" if value.is_untyped else value.type.sql.partition("(")[0]
    return Value(literal(name), SqlType("varchar", 128))


@function("fnv_hash")
def _fnv(call: Call) -> Value:
    """FNV-1a of the value's bytes: integers little-endian in their own width, texts in UTF-8; NULL hashes as nothing."""
    call.count(1, 2)
    value = call.arg(0)
    seed = argument(call, call.arg(1), "i") if len(call.nodes) == 2 else "CAST(NULL AS BIGINT)"
    widths = {"int2": 2, "int4": 4, "int8": 8}
    if value.type.name in widths:
        digits = 2 * widths[value.type.name]
        mask = 256 ** widths[value.type.name]
        number = f"((CAST({value.sql} AS HUGEINT) + {mask}) % {mask})"
        data = f"rs_little_endian({number}, {digits})"
    elif value.type.name == "varbyte":
        data = value.sql
    elif value.type.is_text or value.sql == "NULL":
        data = f"encode({argument(call, value, 's')})"
    else:
        raise NeedsCluster(f"FNV_HASH of {value.type.sql}", "how its bytes are laid out is not documented")
    return Value(
        f"CASE WHEN {value.sql} IS NULL THEN coalesce({seed}, CAST(-3750763034362895579 AS BIGINT)) ELSE rs_fnv_bytes({data}, {seed}) END",
        INT8,
    )


@function("murmur3_32_hash")
def _murmur(call: Call) -> Value:
    """As Apache Iceberg lays it down: integers and dates as 8 bytes, little end first, texts in UTF-8."""
    call.count(1, 2)
    value = call.arg(0)
    seed = argument(call, call.arg(1), "i") if len(call.nodes) == 2 else "CAST(0 AS BIGINT)"
    if value.type.is_integer:
        data = f"rs_little_endian(((CAST({value.sql} AS HUGEINT) + {2**64}) % {2**64}), 16)"
    elif value.type.name == "date":
        data = f"rs_little_endian(((CAST({value.sql} - DATE '1970-01-01' AS HUGEINT) + {2**64}) % {2**64}), 16)"
    elif value.type.name == "varbyte":
        data = value.sql
    elif value.type.is_text or value.sql == "NULL":
        data = f"encode({argument(call, value, 's')})"
    else:
        raise NeedsCluster(f"MURMUR3_32_HASH of {value.type.sql}")
    return Value(f"rs_murmur3({data}, {seed})", INT4)
