"""What the sessions of a warehouse need not find out each for itself: declarations, system tables, parsed texts."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.text import names_in
from core.sandbox.redshift.engine.types import SqlType

Place = tuple[str, str]
"""A schema and a name in it."""
_OF_THE_PAST = ("stl_", "stv_", "svl_", "svcs_", "sys_")
"""How the system tables are called that the journal fills."""
_MOST = 10_000
"""Declarations that are kept at a time; beyond that all are read anew."""


@dataclass(slots=True)
class ColumnSpec:
    """One column of a table as it was declared."""

    name: str
    type: SqlType
    encoding: str = ""
    distkey: bool = False
    sortkey: int = 0
    identity: str = ""
    """``always 1 1`` or ``default 1 1`` (seed, step), or empty."""
    default: str = ""
    not_null: bool = False


@dataclass(slots=True)
class Constraint:
    """A key as it was declared. ``schema``, ``table`` and ``others`` are what a foreign key refers to."""

    name: str
    kind: str
    """p(rimary), u(nique) or f(oreign), as PG_CONSTRAINT has it."""
    columns: list[str]
    schema: str = ""
    table: str = ""
    others: list[str] = field(default_factory=list)


@dataclass(slots=True)
class TableSpec:
    schema: str
    name: str
    columns: list[ColumnSpec] = field(default_factory=list)
    diststyle: str = "AUTO"
    sort_style: str = ""
    kind: str = "table"
    """table, view, late (binding view), materialized."""
    definition: str = ""
    constraints: list[Constraint] = field(default_factory=list)

    @property
    def primary_key(self) -> list[str]:
        return next((one.columns for one in self.constraints if one.kind == "p"), [])

    def column(self, name: str) -> ColumnSpec:
        for one in self.columns:
            if one.name == name:
                return one
        raise SqlError(f'column "{name}" of relation "{self.name}" does not exist')

    def copy(self) -> TableSpec:
        """One that may be changed."""
        return replace(
            self,
            columns=[replace(one) for one in self.columns],
            constraints=[replace(one) for one in self.constraints],
        )


@dataclass(slots=True)
class Declarations:
    """Relations as they were between two committed changes; None stands for a name that nothing has."""

    relations: dict[Place, TableSpec | None] = field(default_factory=dict)


class Shared:
    """One for a warehouse.

    Reading two small tables for every name in a statement took a third of the engine's time. A session believes what
    is kept as long as no other has committed a change of the catalogue since its transaction began.
    """

    def __init__(self) -> None:
        self.parsed: dict[str, Any] = {}
        """The fixed texts that take parameters: half of their time went into parsing."""
        self.system: dict[Place, list[tuple[str, SqlType]]] = {}
        """Columns of the system tables: those never change while the warehouse is open."""
        self.now = Declarations()
        self._past: set[str] = set()
        """Views that may read the past; one that was dropped stays: writing the journal down too often harms nothing."""
        self._lock = threading.Lock()

    def reads_past(self, names: Iterable[str]) -> bool:
        """Whether one of these is a system table that the journal fills, or a view that may read such a table."""
        return any(name.startswith(_OF_THE_PAST) or name in self._past for name in names)

    def note_view(self, name: str, kind: str, names: Iterable[str]) -> None:
        """A view and the names in its definition; a late-binding one may be given anything to read afterwards."""
        if kind == "late" or self.reads_past(names):
            self._past.add(name)

    def note_views(self, views: list[tuple[str, str, str]]) -> None:
        """On opening: name, kind and definition of every view; one may read the past through others."""
        named = [(name, kind, names_in(definition)) for name, kind, definition in views]
        known = -1
        while known != len(self._past):
            known = len(self._past)
            for name, kind, names in named:
                self.note_view(name, kind, names)

    def keep(self, seen: Declarations, place: Place, spec: TableSpec | None) -> None:
        """Note what was read of a name, unless something was committed meanwhile."""
        with self._lock:
            if seen is self.now:
                if len(seen.relations) >= _MOST:
                    seen.relations.clear()
                seen.relations[place] = spec

    @contextmanager
    def changing(self, changed: dict[Place, TableSpec | None]) -> Iterator[None]:
        """Around the COMMIT of these declarations: nobody believes the old between it and here."""
        if not changed:
            yield
            return
        with self._lock:
            known = {place: spec for place, spec in self.now.relations.items() if place not in changed}
            try:
                yield
                known |= changed
            finally:
                self.now = Declarations(known)

    def forget_schema(self, schema: str) -> None:
        with self._lock:
            self.now = Declarations({place: spec for place, spec in self.now.relations.items() if place[0] != schema})
