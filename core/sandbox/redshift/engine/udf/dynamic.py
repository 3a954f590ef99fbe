"""Arithmetic on SUPER values by their dynamic types: decimals keep a scale, floats stay floats, anything else is NULL.

The rules are the developer guide's ("Operators and functions" for SUPER). A document is JSON text; None means NULL.
"""

from __future__ import annotations

import json
import math
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext

_MOST = 38


def _number(text: str) -> Decimal | float | None:
    """An integer or decimal exactly, a number with an exponent as a float; None for anything else."""
    if not text or text[0] not in "-0123456789":
        return None
    return float(text) if "e" in text.lower() else Decimal(text)


def _scale(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _digits(value: Decimal) -> int:
    return max(len(value.as_tuple().digits), _scale(value))


def calculate(left: str, operator: str, right: str) -> str | None:
    """``left operator right`` for + - * / %; + joins two strings. Raises ValueError for overflow and division by zero."""
    if operator == "+" and left[:1] == right[:1] == '"':
        return json.dumps(json.loads(left) + json.loads(right), ensure_ascii=False)
    one, two = _number(left), _number(right)
    if one is None or two is None:
        return None
    if operator in "/%" and not two:
        raise ValueError("Divide by zero")
    if isinstance(one, float) or isinstance(two, float):
        return _floats(float(one), operator, float(two))
    with localcontext() as context:
        context.prec = 100
        result = _decimals(one, operator, two)
    if len(result.as_tuple().digits) > _MOST:
        raise ValueError("128 bit numeric data overflow")
    return f"{result:f}"


def _decimals(one: Decimal, operator: str, two: Decimal) -> Decimal:
    if operator == "+":
        return one + two
    if operator == "-":
        return one - two
    if operator == "*":
        return one * two
    whole = not _scale(one) and not _scale(two)
    if operator == "%":
        return one % two
    scale = 0 if whole else max(4, _scale(one) + _digits(two) - _scale(two) + 1)
    return (one / two).quantize(Decimal(1).scaleb(-scale), rounding=ROUND_DOWN)


def _floats(one: float, operator: str, two: float) -> str:
    result = {"+": one + two, "-": one - two, "*": one * two}.get(operator)
    if result is None:
        result = one / two if operator == "/" else math.fmod(one, two)
    if not math.isfinite(result):
        raise ValueError("floating point overflow")
    text = repr(result)
    return text if "e" in text else text + "e0"


_ROUNDING = {"floor": ROUND_FLOOR, "ceil": ROUND_CEILING, "round": ROUND_HALF_UP, "trunc": ROUND_DOWN}


def rounded(document: str, function: str, places: int) -> str | None:
    """ABS keeps the scale, FLOOR, CEIL, ROUND and TRUNC give ``places`` digits after the point."""
    value = _number(document)
    if value is None:
        return None
    if function == "abs":
        return document.lstrip("-")
    exact = Decimal(value) if isinstance(value, float) else value
    with localcontext() as context:
        context.prec = 400
        result = exact.quantize(Decimal(1).scaleb(-places), rounding=_ROUNDING[function])
    return f"{result:f}e0" if isinstance(value, float) else f"{result:f}"
