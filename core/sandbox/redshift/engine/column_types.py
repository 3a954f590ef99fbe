"""A column's type as DDL spells it, read token by token."""

from __future__ import annotations

from core.sandbox.redshift.engine import intervals
from core.sandbox.redshift.engine.casts import MAX, type_named
from core.sandbox.redshift.engine.intervals import QUALIFIERS
from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.reader import Reader
from core.sandbox.redshift.engine.types import SqlType

_LONG_TYPES = ("double precision", "character varying", "binary varying", "timestamp without time zone", "timestamp with time zone",
               "time without time zone", "time with time zone")  # fmt: skip


def read_type(reader: Reader) -> SqlType:
    """A column's type. Raises SqlError for one that Redshift does not have."""
    for long in _LONG_TYPES:
        if reader.take(*long.split()):
            return type_named(long, _sizes(reader), column=True)
    name = reader.name()
    if name == "interval":
        words: list[str] = []
        while (token := reader.peek()) is not None and token.is_(*QUALIFIERS, "to"):
            words.append(reader.name())
        if not words:
            raise SqlError("an interval column needs YEAR TO MONTH or DAY TO SECOND")
        _sizes(reader)
        return intervals.named(" ".join(words))
    sizes = _sizes(reader)
    for suffix in ("without time zone", "with time zone"):
        if reader.take(*suffix.split()):
            name = f"{name} {suffix}"
    return type_named(name, sizes, column=True)


def _sizes(reader: Reader) -> list[int]:
    if not reader.take("("):
        return []
    sizes = []
    while True:
        sizes.append(MAX if reader.take("max") else reader.number())
        if reader.take(")"):
            return sizes
        reader.need(",")
