"""A warehouse that answers at once, or when the test says so, or not at all: a Driver for presenter tests and faults."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from core.base.errors import OpsError
from core.warehouse.drivers.driver import Column, Page, RunningStatement, State, Status, Values

CATALOGUE_ROWS = [
    ("public", "orders", "BASE TABLE", "id", 1, "bigint"),
    ("public", "orders", "BASE TABLE", "total", 2, "numeric(12,2)"),
    ("crm", "people", "VIEW", "name", 1, "varchar(80)"),
]


@dataclass
class Answer:
    """pages: Arrow tables of the result, None for a statement without one. gate: nothing happens before it is set."""

    pages: list[pa.Table] | None = None
    error: str = ""
    affected: int = -1
    gate: threading.Event | None = None
    between: threading.Event | None = None
    """set before the second page is handed out"""


@dataclass
class FakeDriver:
    """``answers`` by statement text; what is not in it returns one row. ``fault`` is raised by every call."""

    answers: dict[str, Answer] = field(default_factory=dict)
    fault: OpsError | None = None
    dialect: str = "postgres"
    escapes: bool = True
    outlives: bool = True
    fault_between: OpsError | None = None
    """raised in place of the second page"""

    def __post_init__(self) -> None:
        self.sent: list[str] = []
        self.values: list[Values] = []
        self._known: dict[str, tuple[str, Answer]] = {}
        self.cancelled: set[str] = set()
        self._numbers = itertools.count(1)

    def _check(self) -> None:
        if self.fault is not None:
            raise self.fault

    def submit(self, sql: str, values: Values, *, session: str = "") -> str:
        self._check()
        statement = f"id-{next(self._numbers)}"
        if "pg_constraint" in sql:
            answer = Answer([pa.table({name: [] for name in ("table_schema", "table_name", "definition")})])
        elif "pg_class" in sql:
            answer = Answer([_catalogue()])
        elif "nspname" in sql:
            answer = Answer([pa.table({"nspname": ["public", "crm", "empty"]})])
        else:
            self.sent.append(sql)
            self.values.append(values)
            answer = self.answers.get(sql, Answer([pa.table({"one": [1]})]))
        self._known[statement] = (sql, answer)
        return statement

    def status(self, statement: str, wait: float = 0.0) -> Status:
        self._check()
        if statement not in self._known:
            raise OpsError(
                f"{statement} is no statement here", "The server keeps them for 24 hours", "", code="not-found"
            )
        sql, answer = self._known[statement]
        if statement in self.cancelled:
            return Status(State.ABORTED, sql=sql)
        if answer.gate is not None and not answer.gate.wait(min(wait, 0.05)):
            return Status(State.STARTED, sql=sql)
        if answer.error:
            return Status(State.FAILED, error=answer.error, sql=sql)
        return Status(State.FINISHED, answer.pages is not None, answer.affected, 0.1, sql=sql)

    def pages(self, statement: str) -> Iterator[Page]:
        _, answer = self._known[statement]
        assert answer.pages is not None
        total = sum(table.num_rows for table in answer.pages)
        for number, table in enumerate(answer.pages):
            if number and answer.between is not None:
                answer.between.wait(10)
            if number and self.fault_between is not None:
                raise self.fault_between
            yield Page(tuple(Column(name, "x") for name in table.column_names), table, total)

    def cancel(self, statement: str) -> None:
        self.cancelled.add(statement)

    def running(self) -> list[RunningStatement]:
        self._check()
        return []

    def databases(self) -> list[str]:
        self._check()
        return ["dev", "other"]

    def close(self) -> None: ...


def _catalogue() -> pa.Table:
    names = ("table_schema", "table_name", "table_type", "column_name", "ordinal_position", "data_type")
    columns = list(zip(*CATALOGUE_ROWS, strict=True))
    return pa.table({name: list(column) for name, column in zip(names, columns, strict=True)})
