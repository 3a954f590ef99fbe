"""A JSON value as a tree: keys, values in the colour of their kind, and the path of the chosen one."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QBrush
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from gui.style.theme import font, theme

_MOST_CHILDREN = 500  # of one list or object; the text view shows all
_PATH = Qt.ItemDataRole.UserRole
_LEAF = Qt.ItemDataRole.UserRole + 1


class JsonTree(QTreeWidget):
    """``value_chosen`` carries the JSON path and the value, as JSON text, of a chosen leaf ("" for none)."""

    value_chosen = Signal(str, str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setIndentation(16)
        self.setFont(font("mono"))
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.header().setStretchLastSection(True)
        self.currentItemChanged.connect(self._chosen)
        self._value: Any = None
        theme().changed.connect(self._repaint)

    def _repaint(self) -> None:
        self.show_value(self._value)

    def show_value(self, value: Any) -> None:
        self._value = value
        self.clear()
        if isinstance(value, dict | list):
            self._fill(self.invisibleRootItem(), value, "$")
            self.expandToDepth(1)

    def _fill(self, parent: QTreeWidgetItem, value: Any, path: str) -> None:
        entries = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        for key, inner in entries[:_MOST_CHILDREN]:
            if isinstance(key, int):
                where, word = f"{path}[{key}]", f"{key}"
            else:
                plain = key.isidentifier() and key.isascii()
                where, word = (f"{path}.{key}" if plain else f'{path}["{key}"]'), key
            item = QTreeWidgetItem(parent, [word, _shown(inner)])
            item.setForeground(0, QBrush(theme().color("text2")))
            item.setForeground(1, QBrush(theme().color(_token(inner))))
            item.setData(0, _PATH, where)
            item.setToolTip(0, where)
            if isinstance(inner, dict | list):
                self._fill(item, inner, where)
            else:
                item.setData(0, _LEAF, json.dumps(inner, ensure_ascii=False))
                item.setToolTip(1, str(inner)[:2_000])
        if len(entries) > _MOST_CHILDREN:
            QTreeWidgetItem(parent, ["…", f"{len(entries) - _MOST_CHILDREN} more"])

    def _chosen(self, item: QTreeWidgetItem | None, _previous: QTreeWidgetItem | None) -> None:
        leaf = item.data(0, _LEAF) if item is not None else None
        self.value_chosen.emit(item.data(0, _PATH) if item is not None and leaf is not None else "", leaf or "")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{len(value)}}}"
    if isinstance(value, list):
        return f"[{len(value)}]"
    return json.dumps(value, ensure_ascii=False)[:500]


def _token(value: Any) -> str:
    if isinstance(value, dict | list):
        return "text3"
    if isinstance(value, bool) or value is None:
        return "warning"
    if isinstance(value, int | float):
        return "info"
    return "success"
