"""What the presenter knows of each open SQL file: the statements waiting and running, the results kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.jobs.job import Job
from core.warehouse.run import Run

if TYPE_CHECKING:
    import polars as pl

    from core.warehouse.explain import Step


Waiting = list[tuple[str, int | None]]
"""Statements to run, and where in the file each begins: None for one of the page's own."""


@dataclass(slots=True)
class KeptResult:
    """One result of a file. frame: the rows as the grid shows them, None until they are here or where there are none.
    order: the row numbers after sorting and filtering."""

    key: int
    title: str
    run: Run
    pinned: bool = False
    frame: pl.DataFrame | None = None
    order: pl.Series | None = None
    shown_rows: int = 0

    @property
    def types(self) -> list[str]:
        return [column.type_name for column in self.run.result.columns]


@dataclass(slots=True)
class Document:
    """waiting: statements of a script still to run. offset: where the running statement's text begins in the file."""

    key: int
    results: list[KeptResult] = field(default_factory=list)
    current: int = 0
    waiting: Waiting = field(default_factory=list)
    job: Job[Any] | None = None
    run: Run | None = None
    offset: int | None = None
    parameters: dict[str, str | None] = field(default_factory=dict)
    plan: tuple[list[Step], str] | None = None
    words: str = ""
    tone: str = ""

    @property
    def running(self) -> bool:
        return self.job is not None

    @property
    def result(self) -> KeptResult | None:
        """The result shown."""
        return next((result for result in self.results if result.key == self.current), None)

    def make_room(self) -> None:
        """Before a run: results that were not pinned go."""
        self.results = [result for result in self.results if result.pinned]

    def keep(self, result: KeptResult) -> None:
        self.results.append(result)
        self.current = result.key

    def drop(self, key: int) -> None:
        self.results = [result for result in self.results if result.key != key]
        if self.current == key:
            self.current = self.results[-1].key if self.results else 0
