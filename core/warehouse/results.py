"""A result as it arrives: Arrow pages, and an honest account of how much of it is here."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.warehouse.drivers.columns import unified
from core.warehouse.drivers.driver import Column, Page

if TYPE_CHECKING:
    import polars
    import pyarrow


@dataclass(frozen=True, slots=True)
class Count:
    """shown: rows here. total: rows of the whole result, None while unknown. complete: no more will come. stopped: fetching
    ended before the last page, by a cancel or a fault."""

    shown: int
    total: int | None
    complete: bool
    stopped: bool = False

    @property
    def cut(self) -> bool:
        """Ended, and there are more rows than these (or may be)."""
        return self.complete and (self.stopped or self.total is None or self.total > self.shown)

    def words(self) -> str:
        """The count as a sentence's beginning: "1,204 rows", "10,000 of 1,200,000 rows, cut by the limit"."""
        noun = "row" if (self.total if self.total is not None else self.shown) == 1 else "rows"
        of_total = f" of {self.total:,}" if self.total is not None else ""
        if not self.complete and self.shown != self.total:
            return f"{self.shown:,}{of_total} {noun} so far"
        if self.stopped:
            return f"{self.shown:,}{of_total} {noun}, the rest was not fetched"
        if not self.cut:
            return f"{self.shown:,} {noun}"
        if self.total is None:
            return f"the first {self.shown:,} {noun}, cut by the limit; how many there are is not known"
        return f"{self.shown:,} of {self.total:,} {noun}, cut by the limit"


class Result:
    """Filled by a job page by page, read by the window at any time (thread-safe)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._columns: tuple[Column, ...] = ()
        self._pages: list[pyarrow.Table] = []
        self._rows = 0
        self._total: int | None = None
        self._complete = self._stopped = False

    def add(self, page: Page) -> bool:
        """Take a page, up to the limit; False when no more rows are wanted."""
        with self._lock:
            room = self.limit - self._rows
            self._columns = page.columns
            table = page.table.slice(0, room)
            self._pages.append(table)
            self._rows += table.num_rows
            self._total = page.total
            # Go on to the last page even where all rows are here: only then has the driver compared the count. And where
            # the limit is reached at a page's end, only the next one tells whether anything is cut.
            unknown = page.total is None and page.table.num_rows <= room
            return self._rows < self.limit or page.total == self._rows or unknown

    def end(self) -> None:
        """No more pages will come."""
        with self._lock:
            self._complete = True

    def stop(self) -> None:
        """No more pages will come, and it is not known that these were all."""
        with self._lock:
            self._complete, self._stopped = True, self._total is None or self._rows < self._total

    @property
    def columns(self) -> tuple[Column, ...]:
        return self._columns

    @property
    def count(self) -> Count:
        with self._lock:
            return Count(self._rows, self._total, self._complete, self._stopped)

    def table(self) -> pyarrow.Table:
        """The rows here as one Arrow table; pages are put together once."""
        with self._lock:
            if len(self._pages) > 1:
                self._pages = [unified(self._pages)]
            return self._pages[0] if self._pages else unified([])

    def frame(self) -> polars.DataFrame:
        """The rows here as a polars frame (no copy)."""
        import polars as pl

        frame = pl.from_arrow(self.table(), rechunk=False)
        assert isinstance(frame, pl.DataFrame)
        return frame
