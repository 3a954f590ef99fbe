"""The columns of a result: find one among hundreds, go to it, show and hide."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QTreeWidgetItem, QWidget

from gui.parts.buttons import Button
from gui.tabs.warehouse.lists import ListDialog

_SHOWN = Qt.CheckState.Checked


class ColumnsDialog(ListDialog):
    """Ticks act at once. Enter goes to the column chosen, Space ticks it."""

    shown_asked = Signal(list, bool)
    """sections, and whether to show or to hide them"""
    go_asked = Signal(int)

    def __init__(
        self, names: Sequence[str], types: Sequence[str], hidden: Collection[str], parent: QWidget | None = None
    ) -> None:
        super().__init__("Columns", ("Column", "Type"), (300,), parent)
        self.setMinimumWidth(560)
        self.search.setPlaceholderText("Part of a name or a type")
        for section, (name, type_name) in enumerate(zip(names, types, strict=True)):
            item = self._add((name, type_name), section, name)
            item.setCheckState(0, Qt.CheckState.Unchecked if name in hidden else _SHOWN)
        self.hide_button, self.show_button = Button("Hide these"), Button("Show these")
        self.buttons.addWidget(self.hide_button)
        self.buttons.addWidget(self.show_button)
        go = self._offer(Button("Go to the column"))
        go.clicked.connect(self._go)
        self.hide_button.clicked.connect(lambda: self._tick(False))
        self.show_button.clicked.connect(lambda: self._tick(True))
        self.search.textChanged.connect(self._filter)
        self.list.itemActivated.connect(lambda _item, _section: self._go())
        self.list.itemChanged.connect(self._ticked)
        self._count()

    def _items(self) -> list[QTreeWidgetItem]:
        items = [self.list.topLevelItem(number) for number in range(self.list.topLevelItemCount())]
        return [item for item in items if item is not None]

    def _filter(self, text: str) -> None:
        wanted = text.casefold().strip()
        for item in self._items():
            item.setHidden(wanted not in item.text(0).casefold() and wanted not in item.text(1).casefold())
        first = next((item for item in self._items() if not item.isHidden()), None)
        self.list.setCurrentItem(first)  # type: ignore[arg-type]  # None: no item
        self._count()

    def _count(self) -> None:
        items = self._items()
        found = [item for item in items if not item.isHidden()]
        shown = sum(item.checkState(0) is _SHOWN for item in items)
        matching = f" · {len(found):,} match" if len(found) < len(items) else ""
        self.count.setText(f"{shown:,} of {len(items):,} shown{matching}")
        for button in (self.hide_button, self.show_button):
            button.setEnabled(bool(found))

    def _tick(self, shown: bool) -> None:
        """All that the search leaves."""
        items = [item for item in self._items() if not item.isHidden()]
        self.list.blockSignals(True)
        for item in items:
            item.setCheckState(0, _SHOWN if shown else Qt.CheckState.Unchecked)
        self.list.blockSignals(False)
        self.list.viewport().update()
        self.shown_asked.emit([self.list.indexOfTopLevelItem(item) for item in items], shown)
        self._count()

    def _ticked(self, item: QTreeWidgetItem, _section: int) -> None:
        self.shown_asked.emit([self.list.indexOfTopLevelItem(item)], item.checkState(0) is _SHOWN)
        self._count()

    def _go(self) -> None:
        section = self.chosen
        if isinstance(section, int):
            self.accept()
            self.go_asked.emit(section)
