"""What the compiler passes around: an expression as DuckDB text with its Redshift type, and where names are looked up."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.types import UNKNOWN, SqlType


@dataclass(frozen=True, slots=True)
class Value:
    """``sql`` stands in parentheses where it must; ``label`` is the column name Redshift would give it.

    constant: the text of a string literal that has no type yet (it takes the type of what it meets).
    """

    sql: str
    type: SqlType
    label: str = "?column?"
    constant: str | None = None
    aggregate: bool = False
    table: str = ""

    @property
    def is_untyped(self) -> bool:
        return self.type is UNKNOWN or self.type.name == "unknown"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a relation: its name, its type, and the DuckDB text that reads it."""

    name: str
    type: SqlType
    sql: str


@dataclass(slots=True)
class Relation:
    """Something in FROM, under its alias. ``merged`` names columns that a USING join shows only once."""

    alias: str
    fields: list[Field]
    schema: str = ""
    table: str = ""
    merged: set[str] = field(default_factory=set)

    def get(self, name: str) -> Field | None:
        return next((one for one in self.fields if one.name == name), None)


@dataclass(slots=True)
class Scope:
    """The names one SELECT sees: its relations, its own aliases so far, and the SELECT around it."""

    parent: Scope | None = None
    relations: list[Relation] = field(default_factory=list)
    aliases: dict[str, Value] = field(default_factory=dict)
    windows: set[str] = field(default_factory=set)
    level: Value | None = None
    prior: Relation | None = None
    sorted_by: str = ""
    """What the sort-based aggregates (LISTAGG, MEDIAN, PERCENTILE_CONT) of this SELECT sort by."""
    no_aggregates: str = ""
    """The clause in which an aggregate is an error, or empty."""

    def relation(self, name: str) -> Relation | None:
        found = next((one for one in self.relations if one.alias == name), None)
        return found or (self.parent.relation(name) if self.parent else None)

    def column(self, name: str, aliases: bool = True) -> tuple[Relation | None, Field] | Value | None:
        """A column by its bare name: the relations here, then an earlier alias of this SELECT, then outside."""
        found: list[tuple[Relation, Field]] = []
        for relation in self.relations:
            if name in relation.merged:
                continue
            if (one := relation.get(name)) is not None:
                found.append((relation, one))
        if len(found) > 1:
            raise SqlError(f'column reference "{name}" is ambiguous')
        if found:
            return found[0]
        if aliases and name in self.aliases:
            return self.aliases[name]
        return self.parent.column(name, aliases=False) if self.parent else None
