"""What stands on the Warehouse page, and what is open above it."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QFileDialog


def dialog(kind):
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    assert found, f"no {kind.__name__} is open"
    return found[-1]


def choose_file(path) -> None:
    box = dialog(QFileDialog)
    box.fileSelected.emit(str(path))
    box.close()


def shown(page) -> list[list[str]]:
    model = page.view.results.table.column_model
    return [[model.data(model.index(r, c)) for c in range(model.columnCount())] for r in range(model.rowCount())]
