"""What every way to a warehouse can do: submit, ask for the state, fetch pages, cancel, list what runs."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import pyarrow

    from core.warehouse.catalogue import Table

Values = Mapping[str, str | None]
"""Parameter values by name; None is NULL."""


class State(enum.Enum):
    """The server's word for where a statement is."""

    SUBMITTED = "submitted"
    PICKED = "picked"
    STARTED = "running"
    FINISHED = "finished"
    ABORTED = "cancelled"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (State.FINISHED, State.ABORTED, State.FAILED)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result; ``type_name`` in the warehouse's own words ("varchar", "numeric(12,2)")."""

    name: str
    type_name: str


@dataclass(frozen=True, slots=True)
class Status:
    """rows: returned or affected, -1 where the server does not say. seconds: on the server, 0 where unknown."""

    state: State
    has_result: bool = False
    rows: int = -1
    seconds: float = 0.0
    error: str = ""
    sql: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a result. total: rows of the whole result, None where the server does not know yet."""

    columns: tuple[Column, ...]
    table: pyarrow.Table
    total: int | None


@dataclass(frozen=True, slots=True)
class RunningStatement:
    id: str
    user: str
    state: str
    started: datetime | None
    seconds: float
    sql: str


class Driver(Protocol):
    """All methods block: call them from jobs. Trouble is raised as OpsError."""

    dialect: str
    """sqlglot's name of the SQL spoken there."""
    escapes: bool
    """Whether a backslash escapes inside '...'."""
    outlives: bool
    """Whether a statement goes on, and its result is kept, when this program has left."""

    def submit(self, sql: str, values: Values, *, session: str = "") -> str:
        """Hand over one statement and return its id. Statements of one ``session`` share temporary tables and SET."""
        ...

    def status(self, statement: str, wait: float = 0.0) -> Status:
        """The state now, or as soon as it is final within ``wait`` seconds."""
        ...

    def pages(self, statement: str) -> Iterator[Page]:
        """The result of a finished statement, from its first row; at least one page, maybe without rows."""
        ...

    def cancel(self, statement: str) -> None:
        """Ask the server to stop it; ``status`` tells whether it did. A statement that has ended is left alone."""
        ...

    def running(self) -> list[RunningStatement]:
        """What runs on the server at the moment, as far as this identity may see it."""
        ...

    def databases(self) -> list[str]: ...

    def close(self) -> None:
        """Let go of connections; statements of a driver that ``outlives`` go on."""
        ...


@runtime_checkable
class HasTables(Protocol):
    """A driver whose service lists tables by itself, without a statement."""

    def tables(self) -> list[Table]: ...
