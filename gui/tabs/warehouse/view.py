"""The Warehouse page: connection bar, schema tree, SQL files, results. It shows; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QComboBox, QSplitter, QWidget

from core.settings.profiles import WarehouseConnection
from gui.parts.buttons import Button
from gui.parts.focus import begin_at
from gui.parts.layout import column, row
from gui.parts.notices import Banner
from gui.style.tokens import Space
from gui.tabs.warehouse.editor_pane import EditorPane
from gui.tabs.warehouse.result_pane import ResultPane
from gui.tabs.warehouse.tree_pane import TreePane


class WarehouseView(QWidget):
    connection_chosen = Signal(str)
    database_chosen = Signal(str)
    differences_asked = Signal()
    retry_asked = Signal()
    running_asked = Signal()
    window_closed = Signal()
    hidden = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.connection, self.database = QComboBox(), QComboBox()
        self.connection.setMinimumWidth(140)
        self.database.setMinimumWidth(90)
        self.connection.setAccessibleName("Connection")
        self.connection.setToolTip("Where statements are sent")
        self.database.setAccessibleName("Database")
        self.database.setToolTip("Database")
        self.badge = Button("", "chip")
        self.badge.setProperty("tone", "info")
        self.badge.setToolTip("What may differ here from a real cluster")
        self.badge.hide()
        self.running = Button("Running statements", "icon", icon_name="list")
        self.explain = Button("Explain", icon_name="git-branch")
        self.cancel = Button("Cancel", "danger", icon_name="square", token="danger")
        self.run = Button("Run", "primary", icon_name="play")
        bar = row(self.connection, self.database, self.badge, None, self.running, self.explain, self.cancel, self.run)
        self.banner, self.left = Banner("danger"), Banner("info")
        self.across = QSplitter(Qt.Orientation.Horizontal, self)
        self.tree = TreePane(self.across)
        self.right = QSplitter(Qt.Orientation.Vertical, self.across)
        self.editors, self.results = EditorPane(self.right), ResultPane(self.right)
        self.right.setSizes([300, 420])
        self.across.setStretchFactor(1, 1)
        self.across.setSizes([248, 900])
        for splitter in (self.right, self.across):
            splitter.setHandleWidth(Space.M)
            splitter.setChildrenCollapsible(False)
        self.tree.setMinimumWidth(204)
        self.editors.setMinimumHeight(120)
        self.results.setMinimumHeight(160)
        layout = column(
            bar, self.banner, self.left, self.across, gap=Space.M, margins=(Space.XL, Space.L, Space.XL, Space.L)
        )
        layout.setStretch(3, 1)
        self.setLayout(layout)
        begin_at(self, self.editors)
        self.connection.activated.connect(lambda _index: self.connection_chosen.emit(self.connection.currentText()))
        self.database.activated.connect(lambda _index: self.database_chosen.emit(self.database.currentText()))
        self.badge.clicked.connect(self.differences_asked)
        self.banner.action_asked.connect(self.retry_asked)
        self.running.clicked.connect(self.running_asked)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.hidden.emit()
        if not event.spontaneous() and not self.window().isVisible():  # the window went, not only the page
            self.window_closed.emit()

    def panes(self) -> list[tuple[QWidget, Callable[[], None]]]:
        """What F6 visits in turn, and how: the SQL, the result, the catalogue."""
        return [
            (self.editors, lambda: self.editors.editor.setFocus()),
            (self.results, self.results.take_focus),
            (self.tree, self.tree.focus_tree),
        ]

    def show_connections(self, connections: list[WarehouseConnection], current: str) -> None:
        self.connection.clear()
        self.connection.addItems([connection.name for connection in connections])
        self.connection.setCurrentText(current)
        self.connection.setEnabled(bool(connections))

    def show_databases(self, names: list[str], current: str) -> None:
        self.database.clear()
        self.database.addItems(names or [current])
        self.database.setCurrentText(current)
        self.database.setEnabled(len(names) > 1)

    def show_badge(self, words: str) -> None:
        self.badge.setText(words)
        self.badge.setAccessibleName(f"{words}: show what may differ")
        self.badge.setVisible(bool(words))
        self.badge.setMinimumWidth(self.badge.sizeHint().width())

    def show_fault(self, title: str, why: str, remedy: str, details: dict[str, str]) -> None:
        """The warehouse cannot be reached; "Try again" is at hand."""
        self.banner.show_fault(title, why, remedy, action="Try again", details=details)

    def show_buttons(self, *, can_run: bool, running: bool) -> None:
        self.run.setEnabled(can_run and not running)
        self.explain.setEnabled(can_run and not running)
        self.cancel.setEnabled(running)
        self.running.setEnabled(can_run)
