"""The type map: how each MySQL column is read, staged and kept in the warehouse, so that no value changes on the way.

Every temporal value travels as an integer (days or microseconds since 1970) and every number that Arrow's reader
cannot hold as text: connectorx panics on zero dates and on TIMEs beyond 24 hours, and knows DECIMAL(38,10) only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.base.errors import OpsError
from core.warehouse.feed.source import SourceColumn, SourceTable
from core.warehouse.statements import quoted

LONGEST = 65535  # bytes of the longest VARCHAR


@dataclass(frozen=True, slots=True)
class Mapped:
    """One column on its way.

    expression: what is selected from MySQL. shape: what the staged Parquet column is (see ``shapes``).
    target, staging: the warehouse's types; they differ only for JSON, staged as text.
    note: what changes of meaning a user should know.
    """

    name: str
    expression: str
    shape: str
    target: str
    nullable: bool
    staging: str = ""
    note: str = ""

    @property
    def staged(self) -> str:
        return self.staging or self.target

    @property
    def loaded(self) -> str:
        """The expression over the staging table that gives the target's value."""
        column = f"s.{quoted(self.name.lower())}"
        return f"JSON_PARSE({column})" if self.target == "SUPER" else column


_Make = Callable[..., Mapped]
_INTEGERS = {"tinyint": "int16", "smallint": "int16", "mediumint": "int32", "int": "int32", "bigint": "int64"}
_WIDER = {"int16": "int32", "int32": "int64"}
_NAMES = {"int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT"}


def mapped(column: SourceColumn, *, is_json: bool = False, boolean: bool = False) -> Mapped:
    """How a column travels. ``boolean``: a TINYINT(1) that holds 0 and 1 only. Raises OpsError for a type without a place."""
    name = _tick(column.name)

    def made(expression: str, shape: str, target: str, staging: str = "", note: str = "") -> Mapped:
        empty = column.nullable or shape in ("date", "timestamp")  # zero dates become NULL
        return Mapped(column.name, expression, shape, target, empty, staging, note)

    kind = column.kind
    if kind in _INTEGERS:
        return _integer(column, name, made, boolean)
    if kind == "decimal":
        return _decimal(column, name, made)
    if kind in ("float", "double"):
        # + 0e0: as text, which PyMySQL reads, MySQL shows a FLOAT with six digits only
        return made(f"({name} + 0e0)", kind, "REAL" if kind == "float" else "DOUBLE PRECISION")
    if kind == "bit":
        return _bits(column, name, made)
    if kind == "date":
        return made(f"DATEDIFF({name}, '1970-01-01')", "date", "DATE", note="zero dates become NULL")
    if kind == "datetime":
        return made(
            f"TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {name})", "timestamp", "TIMESTAMP", note="zero dates become NULL"
        )
    if kind == "timestamp":
        expression = f"CASE WHEN {name} = 0 THEN NULL ELSE CAST(UNIX_TIMESTAMP({name}) * 1000000 AS SIGNED) END"
        return made(expression, "timestamp", "TIMESTAMP", note="kept in UTC")
    if kind == "time":
        return made(f"CAST({name} AS CHAR)", "string", "VARCHAR(17)", note="kept as text: it may pass 24 hours")
    if kind == "year":
        return made(f"CAST({name} AS SIGNED)", "int16", "SMALLINT")
    if kind == "json" or is_json:
        return made(_text(name), "string", "SUPER", f"VARCHAR({LONGEST})")
    if kind in ("char", "varchar"):
        return made(_text(name), "string", f"VARCHAR({_bytes(column.length)})")
    if kind in ("enum", "set"):
        return made(_text(name), "string", f"VARCHAR({_bytes(_longest_label(column))})")
    if kind in ("tinytext", "text", "mediumtext", "longtext"):
        return made(_text(name), "string", f"VARCHAR({LONGEST})")
    if kind in ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"):
        size = column.length if kind.endswith("binary") else 64000
        return made(name, "binary", f"VARBYTE({min(max(size, 1), 64000)})")
    raise OpsError(
        f"The column {column.name} cannot be pulled",
        f"The type {column.full} has no place in the warehouse",
        "Leave it out of the plan",
        code="type",
    )


def _integer(column: SourceColumn, name: str, made: _Make, boolean: bool) -> Mapped:
    if boolean and column.kind == "tinyint":
        return made(f"CAST({name} AS SIGNED)", "bool", "BOOLEAN")
    shape = _INTEGERS[column.kind]
    if column.unsigned and column.kind == "bigint":
        return made(f"CAST({name} AS CHAR)", "decimal:20:0", "DECIMAL(20,0)")
    if column.unsigned and column.kind in ("smallint", "int"):
        shape = _WIDER[shape]
    return made(f"CAST({name} AS SIGNED)", shape, _NAMES[shape])


def _decimal(column: SourceColumn, name: str, made: _Make) -> Mapped:
    precision, scale = column.precision, column.scale
    if precision > 38 or scale > 37:
        return made(
            f"CAST({name} AS CHAR)", "string", "VARCHAR(70)", note=f"kept as text: {column.full} passes 38 digits"
        )
    native = precision - scale <= 27 and scale <= 10  # what connectorx's DECIMAL(38,10) holds exactly
    return made(
        name if native else f"CAST({name} AS CHAR)", f"decimal:{precision}:{scale}", f"DECIMAL({precision},{scale})"
    )


def _bits(column: SourceColumn, name: str, made: _Make) -> Mapped:
    width = column.precision or 1
    if width == 1:
        return made(f"CAST({name} + 0 AS SIGNED)", "bool", "BOOLEAN")
    if width <= 63:
        return made(f"CAST({name} + 0 AS SIGNED)", "int64", "BIGINT")
    return made(f"CAST({name} + 0 AS CHAR)", "decimal:20:0", "DECIMAL(20,0)")


def _text(name: str) -> str:
    return f"CONVERT({name} USING utf8mb4)"


def _bytes(characters: int) -> int:
    """Redshift counts bytes, MySQL characters: four bytes each at most."""
    return min(max(4 * characters, 1), LONGEST)


def _longest_label(column: SourceColumn) -> int:
    labels = re.findall(r"'((?:[^']|'')*)'", column.full)
    sizes = [len(label.replace("''", "'")) for label in labels] or [1]
    return sum(sizes) + len(sizes) - 1 if column.kind == "set" else max(sizes)


def _tick(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def mapped_table(table: SourceTable, booleans: frozenset[str] = frozenset()) -> tuple[Mapped, ...]:
    """All columns of a table."""
    return tuple(
        mapped(one, is_json=one.name in table.json_columns, boolean=one.name in booleans) for one in table.columns
    )


def projection(table: SourceTable, columns: tuple[Mapped, ...], where: str = "") -> str:
    """The SELECT that reads a table; never ``*``."""
    listed = ", ".join(f"{one.expression} AS {_tick(one.name)}" for one in columns)
    return f"SELECT {listed} FROM {_tick(table.database)}.{_tick(table.name)}{' WHERE ' + where if where else ''}"


def ticked(name: str) -> str:
    """A MySQL name."""
    return _tick(name)


def create_statement(schema: str, table: str, columns: tuple[Mapped, ...], keys: tuple[str, ...], clauses: str) -> str:
    """The DDL of the target, with the keys declared (not enforced; the planner uses them)."""
    lines = [f"  {quoted(one.name.lower())} {one.target}{'' if one.nullable else ' NOT NULL'}" for one in columns]
    if keys:
        lines.append(f"  PRIMARY KEY ({', '.join(quoted(key.lower()) for key in keys)})")
    return (
        f"CREATE TABLE IF NOT EXISTS {quoted(schema)}.{quoted(table)} (\n"
        + ",\n".join(lines)
        + f"\n) {clauses}".rstrip()
    )


def booleans_of(connection: Any, table: SourceTable) -> frozenset[str]:
    """The TINYINT(1) columns that hold nothing but 0 and 1 now."""
    names = [one.name for one in table.columns if one.kind == "tinyint" and one.full.lower().startswith("tinyint(1)")]
    if not names:
        return frozenset()
    tests = ", ".join(f"COALESCE(MAX({ticked(name)} NOT IN (0, 1)), 0)" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {tests} FROM {ticked(table.database)}.{ticked(table.name)}")
        row = cursor.fetchone()
    return frozenset(name for name, odd in zip(names, row, strict=True) if not odd)
