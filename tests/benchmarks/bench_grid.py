"""The result grid on 1,000,000 x 20: show, scroll, sort, filter, copy; against Qt's own proxy model over the same rows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

ROWS, RIVAL_ROWS = 1_000_000, 20_000


def frame(rows: int) -> Any:
    import numpy as np
    import polars as pl

    chance = np.random.default_rng(7)
    columns: dict[str, Any] = {}
    for number in range(7):
        columns[f"whole_{number}"] = chance.integers(0, rows, rows)
        columns[f"number_{number}"] = chance.random(rows)
        columns[f"text_{number}"] = pl.Series(chance.integers(0, 50_000, rows)).cast(pl.String) + " some words"
    return pl.DataFrame(columns).select(pl.all().exclude("text_6"))


def cost(work: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    from PySide6.QtCore import QAbstractTableModel, QItemSelection, QItemSelectionModel, QSortFilterProxyModel, Qt
    from PySide6.QtWidgets import QApplication, QTableView

    from core.warehouse.views import Sort, order
    from gui.app import application
    from gui.parts.column_cells import as_tsv
    from gui.parts.column_table import ColumnTable

    application()
    values = frame(ROWS)
    table = ColumnTable()
    table.resize(1400, 800)
    table.show()
    print(f"{values.height:,} x {values.width}")

    def show(name: str, work: Callable[[], Any], per: int = 1) -> float:
        wall, cpu = cost(work)
        print(f"  {name:34} {wall / per * 1000:9.1f} ms wall {cpu / per * 1000:9.1f} ms CPU")
        return cpu / per

    def scroll() -> None:
        bar = table.verticalScrollBar()
        for step in range(200):
            bar.setValue(bar.maximum() * step // 200)
            table.viewport().repaint()

    show("show", lambda: (table.show_frame(values), QApplication.processEvents()))
    show("scroll, one viewport of 200", scroll, 200)
    ours = show("sort by a number (worker)", lambda: order(values, {}, [Sort("number_0")]))
    show("sort by text (worker)", lambda: order(values, {}, [Sort("text_0")]))
    filtered = show("filter by part of a text (worker)", lambda: order(values, {"text_1": "77 some"}, []))
    found = order(values, {"whole_1": "> 500000"}, [Sort("whole_0", True)])
    show("swap in the new order", lambda: (table.show_order(found), QApplication.processEvents()))
    show("scroll the sorted rows, one viewport", scroll, 200)
    model = table.column_model
    block = QItemSelection(model.index(0, 0), model.index(4_999, values.width - 1))
    table.selectionModel().select(block, QItemSelectionModel.SelectionFlag.ClearAndSelect)
    copied = show("copy 100,000 cells of these", lambda: as_tsv(table.selected_frame(), headers=True))

    class Naive(QAbstractTableModel):
        """A model over the same values, cell by cell."""

        rows = values.head(RIVAL_ROWS).rows()

        def rowCount(self, parent: Any = None) -> int:
            return len(self.rows)

        def columnCount(self, parent: Any = None) -> int:
            return values.width

        def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
            return self.rows[index.row()][index.column()] if role == Qt.ItemDataRole.DisplayRole else None

    naive, proxy, view = Naive(), QSortFilterProxyModel(), QTableView()
    proxy.setSourceModel(naive)
    view.setModel(proxy)
    print(f"QSortFilterProxyModel, {RIVAL_ROWS:,} x {values.width}")
    theirs = show("sort by a number", lambda: proxy.sort(1))

    def by_cell() -> str:
        return "\n".join(
            "\t".join(str(proxy.data(proxy.index(row, column))) for column in range(values.width))
            for row in range(5_000)
        )

    cells = show("copy 100,000 cells", by_cell)
    proxy.setFilterKeyColumn(values.columns.index("text_1"))
    sieved = show("filter by part of a text", lambda: proxy.setFilterFixedString("77 some"))
    print(
        f"CPU per row, sort: {theirs / RIVAL_ROWS / (ours / ROWS):,.0f} times ours; "
        f"filter: {sieved / RIVAL_ROWS / (filtered / ROWS):,.0f} times ours; copy: {cells / copied:,.0f} times ours"
    )


if __name__ == "__main__":
    main()
