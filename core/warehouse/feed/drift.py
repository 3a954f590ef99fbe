"""Schema drift: an added column and a widened text are followed; anything else stops with the difference."""

from __future__ import annotations

import re

from core.base.errors import OpsError
from core.warehouse.feed.mapping import Mapped
from core.warehouse.statements import quoted

_NAMES = {
    "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision", "bool": "boolean",
    "decimal": "numeric", "varchar": "character varying", "varbyte": "binary varying", "timestamp": "timestamp without time zone",
}  # fmt: skip


def _normal(kind: str) -> tuple[str, tuple[int, ...]]:
    """A type's name and sizes, whichever of its names was used."""
    text = " ".join(kind.lower().split())
    found = re.fullmatch(r"([a-z0-9 ]+?)\s*(?:\(([\d, ]+)\))?( without time zone| with time zone)?", text)
    if found is None:
        return text, ()
    name = found[1] + (found[3] or "")
    sizes = tuple(int(one) for one in found[2].split(",")) if found[2] else ()
    return _NAMES.get(name, name), sizes


def follow(schema: str, table: str, present: dict[str, str], wanted: tuple[Mapped, ...]) -> list[str]:
    """The ALTER statements that make the target fit the source. Raises OpsError (code ``drift``) where none would."""
    statements: list[str] = []
    problems: list[str] = []
    where = f"{quoted(schema)}.{quoted(table)}"
    for column in wanted:
        name = column.name.lower()
        if name not in present:
            statements.append(f"ALTER TABLE {where} ADD COLUMN {quoted(name)} {column.target}")
            continue
        have, want = _normal(present[name]), _normal(column.target)
        if have == want:
            continue
        if have[0] == want[0] == "character varying" and have[1] and want[1]:
            if want[1][0] > have[1][0]:
                statements.append(f"ALTER TABLE {where} ALTER COLUMN {quoted(name)} TYPE {column.target}")
            continue
        if have[0] == want[0] and not (have[1] and want[1]):
            continue
        problems.append(f"{name}: {present[name]} in the warehouse, {column.target} by the source")
    names = {column.name.lower() for column in wanted}
    problems += [f"{name}: gone from the source" for name in present if name not in names]
    if problems:
        raise OpsError(
            f"The structure of {schema}.{table} no longer fits its source",
            "; ".join(problems),
            "Change the table in the warehouse (or drop it for a full pull) and pull again",
            details={"differences": "\n".join(problems)},
            code="drift",
        )
    return statements
