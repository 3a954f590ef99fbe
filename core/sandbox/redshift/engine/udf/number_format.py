"""TO_CHAR and TO_NUMBER of numbers: PostgreSQL's numeric templates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from core.sandbox.redshift.engine.udf.moment_format import ordinal

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|(?P<name>FM|EEEE|MI|PL|SG|PR|TH|RN|S|L|G|D|V|C|9|0|\.|,|\$|B)|(?P<other>.)',
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Shape:
    tokens: tuple[tuple[str, str], ...]
    fill: bool
    before: int
    after: int
    zero_at: int
    """Index among the digits before the point of the first 0, or -1."""
    sign: str
    """S at the front, S at the end, MI, PL, SG, PR, or empty."""


@lru_cache(maxsize=500)
def _shape(text: str) -> _Shape:
    tokens: list[tuple[str, str]] = []
    fill, before, after, zero_at, sign, point = False, 0, 0, -1, "", False
    for match in _TOKEN.finditer(text):
        if match["name"] is None:
            tokens.append(("text", match["quoted"] if match["quoted"] is not None else match["other"]))
            continue
        name = match["name"].upper()
        if name == "FM":
            fill = True
            continue
        if name in ("EEEE", "V"):
            raise ValueError(f"{name} is not supported in a numeric template")
        if name in ("D", "."):
            point = True
        elif name in ("9", "0"):
            if point:
                after += 1
            else:
                if name == "0" and zero_at < 0:
                    zero_at = before
                before += 1
        elif name in ("MI", "PL", "SG", "PR"):
            sign = name
        elif name == "S":
            sign = "S-" if before + after else "-S"
        tokens.append((name, match["name"]))
    return _Shape(tuple(tokens), fill, before, after, zero_at, sign)


def write(text: str, template: str) -> str:
    """TO_CHAR of a number given as text."""
    shape = _shape(template)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    if any(name == "RN" for name, _ in shape.tokens):
        text = _roman(number, shape.fill)
        return text if "RN" in template else text.lower()
    rounded = number.quantize(Decimal(1).scaleb(-shape.after), ROUND_HALF_UP)
    negative = rounded < 0
    whole, _, fraction = format(abs(rounded), "f").partition(".")
    whole = "" if whole == "0" and shape.before and shape.zero_at != shape.before - 1 and shape.after else whole
    if whole == "0" and shape.before == 0:
        whole = ""
    overflow = len(whole.lstrip("0") or "") > shape.before
    digits = whole.rjust(shape.before)
    if shape.zero_at >= 0:
        digits = digits[: shape.zero_at] + digits[shape.zero_at :].replace(" ", "0")
    if overflow:
        digits, fraction = "#" * shape.before, "#" * shape.after
    body = _body(shape, digits, fraction)
    return _signed(shape, body, negative)


def _body(shape: _Shape, digits: str, fraction: str) -> str:
    """Digits, separators and texts; ``\\0`` marks where a sign may stand."""
    out: list[str] = []
    index = decimals = 0
    started = point = False
    kept = len(fraction.rstrip("0")) if shape.fill else len(fraction)
    zeros = _last_zero(shape)
    kept = max(kept, zeros)
    if shape.fill and shape.after and not kept and not digits.strip() and digits:
        digits = digits[:-1] + "0"  # FM9.9 writes zero as "0.", though 0.5 as ".5"
    for name, written in shape.tokens:
        if name in ("9", "0"):
            if point:
                if decimals < kept:
                    out.append(fraction[decimals])
                decimals += 1
                continue
            char = digits[index]
            index += 1
            if char != " " and not started:
                out.append("\0")
                started = True
            out.append("" if char == " " and shape.fill else char)
        elif name in (",", "G"):
            out.append("," if started else "" if shape.fill else " ")
        elif name in (".", "D"):
            if not started:
                out.append("\0")
                started = True
            out.append(".")
            point = True
        elif name in ("L", "$"):
            out.append("$")
        elif name == "TH":
            suffix = ordinal(int((digits.strip() or "0").replace("#", "0")))
            out.append(suffix.upper() if written == "TH" else suffix)
        elif name == "text":
            out.append(written)
        elif name in ("MI", "PL", "SG", "S", "PR"):
            out.append({"MI": "\1", "PL": "\2", "SG": "\3", "S": "\4", "PR": ""}[name])
    return "".join(out)


def _last_zero(shape: _Shape) -> int:
    """How many decimals FM must keep: up to the last 0 of the template."""
    count = last = 0
    point = False
    for name, _ in shape.tokens:
        point = point or name in (".", "D")
        if point and name in ("9", "0"):
            count += 1
            last = count if name == "0" else last
    return last


def _signed(shape: _Shape, body: str, negative: bool) -> str:
    sign = shape.sign
    if sign == "PR":
        inner = body.replace("\0", "<" if negative else ("" if shape.fill else " "), 1).replace("\0", "")
        return inner + (">" if negative else "" if shape.fill else " ")
    if sign == "-S":
        text = body.replace("\4", "", 1).replace("\0", "-" if negative else "+", 1)
    elif sign == "S-":
        text = body.replace("\0", "").replace("\4", "-" if negative else "+")
    elif sign == "MI":
        text = body.replace("\0", "").replace("\1", "-" if negative else ("" if shape.fill else " "))
    elif sign == "SG":
        text = body.replace("\0", "").replace("\3", "-" if negative else "+")
    elif sign == "PL":
        text = body.replace("\0", "-" if negative else ("" if shape.fill else " "), 1).replace(
            "\2", " " if negative else "+"
        )
    else:
        text = body.replace("\0", "-" if negative else ("" if shape.fill else " "), 1)
        if "\0" not in body:
            text = ("-" if negative else "" if shape.fill else " ") + text
    text = text.replace("\0", "")
    return text.lstrip(" ") if shape.fill else text


_ROMANS = (
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)


def _roman(number: Decimal, fill: bool) -> str:
    value = int(number.quantize(Decimal(1), ROUND_HALF_UP))
    if not 1 <= value <= 3999:
        return "#" * 15
    text = ""
    for amount, letters in _ROMANS:
        while value >= amount:
            text, value = text + letters, value - amount
    return text if fill else text.rjust(15)


def number_shape(template: str) -> tuple[int, int]:
    """Precision and scale of what TO_NUMBER gives for a template."""
    shape = _shape(template)
    return max(1, min(38, shape.before + shape.after)), shape.after


def read(text: str, template: str) -> str:
    """The number a text spells by a template, as plain digits. Raises ValueError."""
    shape = _shape(template)
    negative = "-" in text or ("<" in text and ">" in text)
    digits = re.sub(r"[^0-9.]", "", text)
    if not re.fullmatch(r"\d*(\.\d*)?", digits) or not digits.strip("."):
        raise ValueError(f'invalid input syntax for type numeric: "{text}"')
    whole, _, fraction = digits.partition(".")
    whole = whole[-38:] if len(whole) <= shape.before else whole[: shape.before]
    number = f"{whole or '0'}.{fraction[: shape.after] or '0'}"
    return f"-{number}" if negative else number


def rounded(text: str, places: int) -> str:
    """ROUND of a DECIMAL given as text, half away from zero."""
    return format(Decimal(text).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), "f")


def truncated(text: str, places: int) -> str:
    """TRUNC of a DECIMAL given as text."""
    return format(Decimal(text).quantize(Decimal(1).scaleb(-places), ROUND_DOWN), "f")
