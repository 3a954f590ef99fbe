"""One row of a result, a line for each column: what a wide table is read by."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QTreeWidgetItem, QWidget

from gui.parts.buttons import Button
from gui.style.theme import font, theme
from gui.tabs.warehouse.lists import ListDialog


class RowDialog(ListDialog):
    """The search looks at names and values. Enter shows a value whole; Alt with the arrows goes to the rows beside it."""

    step_asked = Signal(int)
    """-1: the row before, 1: the next"""
    value_asked = Signal(int)
    """the section of a column"""

    def __init__(self, names: Sequence[str], types: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__("Row", ("Column", "Type", "Value"), (220, 120), parent)
        self.search.setPlaceholderText("Part of a name or a value")
        for section, (name, type_name) in enumerate(zip(names, types, strict=True)):
            self._add((name, type_name, ""), section, name).setFont(2, font("mono"))
        self.before, self.next = Button("Previous row (Alt+Up)"), Button("Next row (Alt+Down)")
        whole = Button("Show the whole value")
        for step, button, key in ((-1, self.before, Qt.Key.Key_Up), (1, self.next, Qt.Key.Key_Down)):
            self.buttons.addWidget(button)
            button.clicked.connect(lambda _checked=False, step=step: self.step_asked.emit(step))
            QShortcut(QKeySequence(Qt.KeyboardModifier.AltModifier | key), self).activated.connect(button.click)
        self._offer(whole).clicked.connect(self._tell)
        self.list.itemActivated.connect(lambda _item, _section: self._tell())
        self.search.textChanged.connect(self._filter)

    def show_row(self, number: int, rows: int, texts: Sequence[str | None]) -> None:
        """number: from 0. texts: of all columns, None for NULL."""
        for item, text in zip(self._items(), texts, strict=True):
            item.setText(2, "NULL" if text is None else text)
            item.setForeground(2, theme().color("text3" if text is None else "text"))
            item.setToolTip(2, (text or "")[:2000])
        title = f"Row {number + 1:,} of {rows:,}"
        self.setWindowTitle(title)
        self.heading.setText(title)
        self.before.setEnabled(number > 0)
        self.next.setEnabled(number < rows - 1)
        self._filter()

    def _items(self) -> list[QTreeWidgetItem]:
        items = [self.list.topLevelItem(number) for number in range(self.list.topLevelItemCount())]
        return [item for item in items if item is not None]

    def _filter(self, *_: object) -> None:
        words = self.search.text().casefold().strip()
        for item in self._items():
            item.setHidden(words not in item.text(0).casefold() and words not in item.text(2).casefold())
        found = [item for item in self._items() if not item.isHidden()]
        current = self.list.currentItem()
        if current is None or current.isHidden():
            self.list.setCurrentItem(found[0] if found else None)  # type: ignore[arg-type]  # None: no item
        self.count.setText(f"{len(found):,} of {self.list.topLevelItemCount():,} columns")

    def _tell(self) -> None:
        if isinstance(section := self.chosen, int):
            self.value_asked.emit(section)
