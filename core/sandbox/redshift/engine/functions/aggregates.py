"""Aggregate and window functions, with Redshift's result types: AVG of integers is an integer, SUM of BIGINT a NUMERIC."""

from __future__ import annotations

from sqlglot import exp

from core.sandbox.redshift.engine.casts import cast, converted
from core.sandbox.redshift.engine.compiling import Call
from core.sandbox.redshift.engine.functions.registry import NEEDS_FRAME, aggregate, argument, function, refuse, window
from core.sandbox.redshift.engine.intervals import YEAR_TO_MONTH
from core.sandbox.redshift.engine.ordering import order_items
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.types import BOOL, FLOAT8, INT4, INT8, TEXT, SqlType, numeric
from core.sandbox.redshift.engine.value import Value

refuse(
    "HyperLogLog sketches are the cluster's own",
    "hll_create_sketch",
    "hll_cardinality",
    "hll_combine",
    "hll_combine_sketches",
)


def _plain(call: Call, text: str, kind: SqlType) -> Value:
    """An aggregate over its group or window: ``text`` is the DuckDB call."""
    return Value(text + call.over, kind, call.name, aggregate=not call.over)


def _distinct(call: Call) -> str:
    if call.distinct and call.over:
        raise SqlError("DISTINCT is not supported for window aggregates")
    return "DISTINCT " if call.distinct else ""


@aggregate("count", "approximate_count")
def _count(call: Call) -> Value:
    call.count(1)
    if isinstance(call.nodes[0], exp.Star):
        return _plain(call, "count(*)", INT8)
    value = call.arg(0)
    text = f"rtrim({value.sql}, ' ')" if value.type.name == "varchar" and call.distinct else value.sql
    if value.type.name == "super":
        text = f"rs_super_text({value.sql})"
    return _plain(call, f"count({_distinct(call)}{text})", INT8)


@aggregate("hll")
def _hll(call: Call) -> Value:
    """The number of distinct values, exactly where Redshift estimates it."""
    call.count(1)
    if call.over:
        raise SqlError("hll is not a window function")
    call.distinct = True
    return _count(call)


@aggregate("sum")
def _sum(call: Call) -> Value:
    call.count(1)
    value = _number(call)
    kind = value.type
    inner = f"sum({_distinct(call)}{value.sql}){call.over}"
    if kind.name in ("int2", "int4"):
        return Value(f"CAST({inner} AS BIGINT)", INT8, "sum", aggregate=not call.over)
    if kind.name == "int8":
        return Value(f"CAST({inner} AS DECIMAL(38,0))", numeric(38, 0), "sum", aggregate=not call.over)
    if kind.name == "numeric":
        total = numeric(38, kind.scale)
        return Value(f"CAST({inner} AS {total.duck})", total, "sum", aggregate=not call.over)
    if kind == YEAR_TO_MONTH:
        months = f"sum({_distinct(call)}rs_months({value.sql})){call.over}"
        return Value(f"to_months(CAST({months} AS INTEGER))", kind, "sum", aggregate=not call.over)
    if kind.name == "interval":
        span = f"sum({_distinct(call)}rs_microseconds({value.sql})){call.over}"
        return Value(f"to_microseconds(CAST({span} AS BIGINT))", kind, "sum", aggregate=not call.over)
    return Value(f"CAST({inner} AS DOUBLE)", FLOAT8, "sum", aggregate=not call.over)


def _number(call: Call) -> Value:
    value = call.arg(0)
    if value.type.is_number:
        return value
    if value.type.name == "super":
        return Value(f"rs_super_number({value.sql})", FLOAT8)
    if value.is_untyped or value.type.is_text:
        return Value(cast(value, FLOAT8), FLOAT8)
    if value.type.name == "interval" and call.name == "sum":
        return value
    raise call.unknown()


@aggregate("avg")
def _avg(call: Call) -> Value:
    call.count(1)
    value = _number(call)
    kind = value.type
    distinct = _distinct(call)
    if kind.is_float:
        return _plain(call, f"avg({distinct}{value.sql})", FLOAT8)
    total, count = f"sum({distinct}{value.sql}){call.over}", f"count({distinct}{value.sql}){call.over}"
    aggregated = not call.over
    if kind.is_integer:
        return Value(f"CAST({total} // nullif({count}, 0) AS BIGINT)", INT8, "avg", aggregate=aggregated)
    result = numeric(38, kind.scale)
    if not kind.scale:
        return Value(
            f"CAST(CAST({total} AS HUGEINT) // nullif({count}, 0) AS {result.duck})",
            result,
            "avg",
            aggregate=aggregated,
        )
    digits = f"CAST(replace(CAST({total} AS VARCHAR), '.', '') AS HUGEINT)"
    tenth = f"CAST('0.{'0' * (kind.scale - 1)}1' AS DECIMAL({kind.scale},{kind.scale}))"
    whole = f"CAST({digits} // nullif({count}, 0) AS DECIMAL(38,0))"
    return Value(f"CAST({whole} * {tenth} AS {result.duck})", result, "avg", aggregate=aggregated)


@aggregate("min", "max", "any_value")
def _extreme(call: Call) -> Value:
    call.count(1)
    value = call.arg(0)
    if value.type.name == "bool" and call.name != "any_value":
        raise SqlError(f"function {call.name}(boolean) does not exist")
    kind = TEXT if value.is_untyped else value.type
    if kind.name == "super" and call.name != "any_value":
        raise SqlError(f"function {call.name}(super) does not exist")
    return _plain(call, f"{call.name}({value.sql})", kind)


@aggregate("stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop")
def _spread(call: Call) -> Value:
    call.count(1)
    name = {"stddev": "stddev_samp", "variance": "var_samp"}.get(call.name, call.name)
    return _plain(call, f"{name}({_distinct(call)}{argument(call, call.arg(0), 'f')})", FLOAT8)


@aggregate("bool_and", "bool_or", "every", frame=False)
def _bools(call: Call) -> Value:
    call.count(1)
    return _plain(
        call,
        f"{'bool_and' if call.name == 'every' else call.name}({_distinct(call)}{argument(call, call.arg(0), 'b')})",
        BOOL,
    )


@aggregate("bit_and", "bit_or", frame=False)
def _bits(call: Call) -> Value:
    call.count(1)
    value = call.arg(0)
    if not value.type.is_integer:
        raise call.unknown()
    return _plain(call, f"{call.name}({_distinct(call)}{value.sql})", value.type)


@aggregate("median", frame=False)
def _median(call: Call) -> Value:
    call.count(1)
    value = call.arg(0)
    _same_order(call, value.sql)
    return _percentile(call, value, "0.5")


@aggregate("percentile_cont", frame=False)
def _percentile_cont(call: Call) -> Value:
    call.count(1)
    return _percentile(call, _within(call), _fraction(call))


def _percentile(call: Call, value: Value, fraction: str) -> Value:
    if call.distinct:
        raise SqlError(f"DISTINCT is not supported for {call.name.upper()}")
    kind = value.type
    if kind.name in ("date", "timestamp", "timestamptz"):
        return _plain(call, f"quantile_cont({value.sql}, {fraction})", kind)
    if kind.is_float or kind.is_text:
        return _plain(call, f"quantile_cont({argument(call, value, 'f')}, {fraction})", FLOAT8)
    if not kind.is_number:
        raise call.unknown()
    scale = kind.scale + (1 if fraction == "0.5" else 4)  # half of two neighbours needs one digit more
    result = numeric(38, min(scale, 37))
    return _plain(call, f"quantile_cont(CAST({value.sql} AS {result.duck}), {fraction})", result)


def _within(call: Call) -> Value:
    if len(call.within) != 1:
        raise SqlError(f"{call.name.upper()} needs WITHIN GROUP (ORDER BY one expression)")
    value = call.compiler.value(call.within[0].this, call.scope)
    if call.name == "percentile_cont":
        _same_order(call, value.sql + (" DESC NULLS FIRST" if call.within[0].args.get("desc") else ""))
    return value


def _same_order(call: Call, order: str) -> None:
    """The sort-based aggregates of one SELECT must sort alike (developer guide, LISTAGG and PERCENTILE_CONT)."""
    if not order or call.over:
        return
    call.scope.sorted_by = call.scope.sorted_by or order
    if call.scope.sorted_by != order:
        raise SqlError("within group ORDER BY clauses for aggregate functions must be the same")


def _fraction(call: Call) -> str:
    node = call.nodes[0]
    text = node.sql()
    try:
        number = float(text)
    except ValueError:
        raise SqlError(f"{call.name.upper()}: the percentile must be a constant") from None
    if not 0 <= number <= 1:
        raise SqlError("percentile value must be between 0 and 1")
    if call.within and call.within[0].args.get("desc"):
        return f"(1 - {text})"
    return text


@aggregate("percentile_disc", "approximate_percentile_disc", frame=False)
def _percentile_disc(call: Call) -> Value:
    call.count(1)
    value = _within(call)
    return _plain(call, f"quantile_disc({value.sql}, {_fraction(call)})", value.type)


@aggregate("listagg", frame=False)
def _listagg(call: Call) -> Value:
    call.count(1, 2)
    value = call.arg(0)
    text = value.sql if value.type.is_text else cast(value, TEXT)
    separator = call.arg(1).sql if len(call.nodes) == 2 else "''"
    separator = "''" if separator == "NULL" else separator
    order = order_items(call.compiler, call.within, call.scope)
    _same_order(call, order.removesuffix(" ASC NULLS LAST"))
    if call.distinct and order:
        own = [converted(call.compiler.value(one.this, call.scope), TEXT) for one in call.within]
        if len(own) != 1 or own[0] != text:
            raise SqlError("for LISTAGG DISTINCT, ORDER BY expressions must appear in the argument list")
        order = (
            text + order[len(call.compiler.value(call.within[0].this, call.scope).sql) :]
            if value.type.is_text
            else order
        )
        if not value.type.is_text:
            inner = f"list_distinct(list({value.sql} ORDER BY {order}){call.over})"
            direction = "reverse_" if call.within[0].args.get("desc") else ""
            joined = f"array_to_string(list_{direction}sort({inner}), {separator})"
            return Value(f"rs_listagg({joined})", SqlType("varchar", 65535), "listagg", aggregate=not call.over)
    ordering = f" ORDER BY {order}" if order else ""
    distinct = "DISTINCT " if call.distinct else ""
    return Value(
        f"rs_listagg(string_agg({distinct}{text}, {separator}{ordering}){call.over})",
        SqlType("varchar", 65535),
        "listagg",
        aggregate=not call.over,
    )


# -- window functions -----------------------------------------------------------------
@window("row_number", "rank", "dense_rank")
def _rank(call: Call) -> Value:
    call.count(0)
    return _plain(call, f"{call.name}()", INT8)


@window("percent_rank", "cume_dist")
def _share(call: Call) -> Value:
    call.count(0)
    return _plain(call, f"{call.name}()", FLOAT8)


@window("ntile")
def _ntile(call: Call) -> Value:
    call.count(1)
    return _plain(call, f"ntile({argument(call, call.arg(0), 'i')})", INT8)


@window("lag", "lead")
def _offset(call: Call) -> Value:
    if len(call.nodes) == 3:
        raise SqlError(f"Default parameter not be supported for window function {call.name}")
    call.count(1, 2)
    value = call.arg(0)
    rest = f", {argument(call, call.arg(1), 'i')}" if len(call.nodes) > 1 else ""
    return _plain(call, f"{call.name}({value.sql}{rest}{call.ignore_nulls})", TEXT if value.is_untyped else value.type)


NEEDS_FRAME.update(("first_value", "last_value", "nth_value"))


@window("first_value", "last_value")
def _edge(call: Call) -> Value:
    call.count(1)
    value = call.arg(0)
    return _plain(call, f"{call.name}({value.sql}{call.ignore_nulls})", TEXT if value.is_untyped else value.type)


@window("nth_value")
def _nth(call: Call) -> Value:
    call.count(2)
    value = call.arg(0)
    return _plain(
        call,
        f"nth_value({value.sql}, {argument(call, call.arg(1), 'i')}{call.ignore_nulls})",
        TEXT if value.is_untyped else value.type,
    )


@window("ratio_to_report")
def _ratio(call: Call) -> Value:
    call.count(1)
    value = _number(call)
    if value.type.is_float:
        return Value(f"({value.sql} / nullif(sum({value.sql}){call.over}, 0))", FLOAT8, call.name)
    return Value(
        f"(CAST({value.sql} AS DOUBLE) / nullif(CAST(sum({value.sql}){call.over} AS DOUBLE), 0))", FLOAT8, call.name
    )


@function("grouping", "grouping_id")
def _grouping(call: Call) -> Value:
    if not call.nodes:
        raise call.unknown()
    return Value(f"CAST(grouping({', '.join(one.sql for one in call.args())}) AS INTEGER)", INT4, call.name)
