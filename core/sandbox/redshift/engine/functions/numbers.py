"""Mathematical functions."""

from __future__ import annotations

from core.sandbox.redshift.engine.arithmetic import binary
from core.sandbox.redshift.engine.casts import cast, common, converted
from core.sandbox.redshift.engine.compiling import Call
from core.sandbox.redshift.engine.functions.registry import argument, function, table
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.types import DATE, FLOAT8, INT4, SUPER, SqlType, numeric
from core.sandbox.redshift.engine.value import Value

table(r"""
acos(f) -> float8 : acos({0})
asin(f) -> float8 : asin({0})
atan(f) -> float8 : atan({0})
atan2(f, f) -> float8 : atan2({0}, {1})
cbrt, dcbrt(f) -> float8 : cbrt({0})
cos(f) -> float8 : cos({0})
cot(f) -> float8 : cot({0})
degrees(f) -> float8 : degrees({0})
dexp, exp(f) -> float8 : exp({0})
dlog1, ln(f) -> float8 : rs_ln({0})
dlog10(f) -> float8 : rs_log10({0})
pi() -> float8 : pi()
power, pow, dpow(f, f) -> float8 : pow({0}, {1})
radians(f) -> float8 : radians({0})
random() -> float8 : random()
sin(f) -> float8 : sin({0})
sqrt, dsqrt(f) -> float8 : rs_sqrt({0})
tan(f) -> float8 : tan({0})
sinh(f) -> float8 : sinh({0})
cosh(f) -> float8 : cosh({0})
tanh(f) -> float8 : tanh({0})
""")


@function("log")
def _log(call: Call) -> Value:
    call.count(1, 2)
    if len(call.nodes) == 1:
        return Value(f"rs_log10({argument(call, call.arg(0), 'f')})", FLOAT8)
    base, number = (argument(call, call.arg(n), "f") for n in (0, 1))
    return Value(f"(rs_ln({number}) / rs_ln({base}))", FLOAT8)


def _number(call: Call, position: int = 0) -> Value:
    value = call.arg(position)
    if value.type.is_number:
        return value
    if value.is_untyped or value.type.is_text or value.type.name == "super":
        return Value(argument(call, value, "f"), FLOAT8)
    raise call.unknown()


def _of_super(call: Call, function_name: str) -> Value | None:
    """The function of a SUPER, which stays one; None for a value of another type."""
    value = call.arg(0)
    if value.type.name != "super":
        return None
    places = f"CAST({argument(call, call.arg(1), 'i')} AS INTEGER)" if len(call.nodes) == 2 else "0"
    return Value(f"rs_super_round({value.sql}, '{function_name}', {places})", SUPER)


@function("abs")
def _abs(call: Call) -> Value:
    call.count(1)
    if (dynamic := _of_super(call, "abs")) is not None:
        return dynamic
    value = _number(call)
    return Value(f"abs({value.sql})", value.type)


@function("sign")
def _sign(call: Call) -> Value:
    call.count(1)
    value = _number(call)
    return Value(f"CAST(sign({value.sql}) AS {value.type.duck})", value.type)


@function("ceil", "ceiling", "floor")
def _whole(call: Call) -> Value:
    call.count(1)
    if (dynamic := _of_super(call, "floor" if call.name == "floor" else "ceil")) is not None:
        return dynamic
    value = _number(call)
    if value.type.is_integer:
        return value
    name = "floor" if call.name == "floor" else "ceil"
    if value.type.name == "numeric":
        kind = numeric(min(38, value.type.precision - value.type.scale + 1), 0)
        return Value(f"CAST({name}({value.sql}) AS {kind.duck})", kind)
    return Value(f"CAST({name}({value.sql}) AS {value.type.duck})", value.type)


@function("round", "trunc")
def _round(call: Call) -> Value:
    call.count(1, 2)
    if (dynamic := _of_super(call, call.name)) is not None:
        return dynamic
    first = call.arg(0)
    if call.name == "trunc" and (first.type.is_datetime or first.type.name == "date"):
        return Value(cast(first, DATE), DATE)
    value = _number(call)
    places = "0"
    if len(call.nodes) == 2:
        places = f"CAST({argument(call, call.arg(1), 'i')} AS INTEGER)"
    kind = value.type
    if kind.is_integer:
        if len(call.nodes) == 1:
            return value
        function_name = "rs_round_whole" if call.name == "round" else "rs_trunc_whole"
        return Value(f"CAST({function_name}(CAST({value.sql} AS BIGINT), {places}) AS {kind.duck})", kind)
    if kind.name == "numeric":
        constant = _constant(call)
        if constant is not None and 0 <= constant < kind.scale:
            if call.name == "round":  # one digit more: 9.99 rounds to 10.0
                kept = numeric(min(38, kind.precision - kind.scale + constant + 1), constant)
                return Value(f"CAST(round({value.sql}, {constant}) AS {kept.duck})", kept)
            kept = numeric(max(1, kind.precision - kind.scale + constant), constant)
            return Value(f"CAST(trunc({value.sql}, {constant}) AS {kept.duck})", kept)
        if constant is not None and constant >= kind.scale:
            return value
        kind = numeric(min(38, kind.precision + 1), kind.scale)
        function_name = "rs_round_decimal" if call.name == "round" else "rs_trunc_decimal"
        return Value(f"CAST({function_name}(CAST({value.sql} AS VARCHAR), {places}) AS {kind.duck})", kind)
    return Value(f"rs_{call.name}_float({value.sql}, {places})", FLOAT8)


def _constant(call: Call) -> int | None:
    if len(call.nodes) == 1:
        return 0
    text = call.nodes[1].sql()
    return int(text) if text.lstrip("-").isdigit() else None


@function("mod")
def _mod(call: Call) -> Value:
    call.count(2)
    return binary("%", call.arg(0), call.arg(1))


@function("greatest", "least")
def _extreme(call: Call) -> Value:
    if not call.nodes:
        raise call.unknown()
    values = call.args()
    kind = common(values, call.name.upper())
    if all(one.is_untyped for one in values):
        kind = SqlType("varchar", kind.size)
    return Value(f"{call.name}({', '.join(converted(one, kind) for one in values)})", kind)


@function("getbit", "get_bit")
def _bit(call: Call) -> Value:
    call.count(2)
    return Value(f"rs_get_bit({argument(call, call.arg(0), 'y')}, {argument(call, call.arg(1), 'i')})", INT4)


@function("to_number")
def _to_number(call: Call) -> Value:
    call.count(2)
    text, shape = call.arg(0), call.arg(1)
    if shape.constant is None:
        raise SqlError("TO_NUMBER: the format must be a constant")
    from core.sandbox.redshift.engine.udf.number_format import number_shape

    precision, scale = number_shape(shape.constant)
    kind = numeric(precision, scale)
    return Value(f"CAST(rs_to_number({argument(call, text, 's')}, {shape.sql}) AS {kind.duck})", kind)
