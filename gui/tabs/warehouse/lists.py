"""Lists in dialogs: the history of statements, saved queries, and what runs on the server now."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QLineEdit, QTreeWidget, QTreeWidgetItem, QWidget

from core.warehouse.drafts import CLOSED_KEPT, Draft
from core.warehouse.drivers.driver import RunningStatement
from core.warehouse.history import PastRun, SavedQuery
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.layout import row
from gui.parts.notices import Banner
from gui.parts.words import Label, duration, number, zoned
from gui.style.theme import font, theme
from gui.style.tokens import Space

_ENTRY = Qt.ItemDataRole.UserRole
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ListDialog(Dialog):
    """A search line, a list, and buttons for the chosen entry."""

    def __init__(self, title: str, headings: Sequence[str], widths: Sequence[int], parent: QWidget | None) -> None:
        super().__init__(title, "Close", parent, kind="plain", width=980)
        self.cancel_button.hide()
        self.banner = Banner("danger")
        self.search = QLineEdit()
        self.search.setProperty("kind", "search")
        self.search.setPlaceholderText("Search")
        self.search.setAccessibleName(f"Search {title.lower()}")
        self.search.setClearButtonEnabled(True)
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setHeaderLabels(list(headings))
        self.list.setAccessibleName(title)
        self.list.setMinimumHeight(360)
        for section, width in enumerate(widths):
            self.list.setColumnWidth(section, width)
        self.count = Label("", "small")
        self.body.addWidget(self.banner)
        self.body.addWidget(self.search)
        self.body.addWidget(self.list, 1)
        self.buttons = row(self.count, None, gap=Space.S)
        self.body.addLayout(self.buttons)
        self.asked.connect(self.accept)
        self.search.returnPressed.connect(self.focus_list)
        down = QShortcut(QKeySequence(Qt.Key.Key_Down), self.search, context=Qt.ShortcutContext.WidgetShortcut)
        down.activated.connect(self.focus_list)
        self.list.itemSelectionChanged.connect(self._follow_selection)
        self._needing: list[Button] = []

    def _offer(self, button: Button) -> Button:
        """A button that needs a chosen entry."""
        button.setEnabled(False)
        self._needing.append(button)
        self.buttons.addWidget(button)
        return button

    def _widen(self, *sections: int) -> None:
        """Numbers and states are never cut: as wide as the widest that was shown."""
        for section in sections:
            needed = max(self.list.sizeHintForColumn(section), self.list.columnWidth(section))
            self.list.setColumnWidth(section, needed)

    def _follow_selection(self) -> None:
        for button in self._needing:
            button.setEnabled(self.chosen is not None)

    def showEvent(self, event: QShowEvent) -> None:
        """Keys: type to search, Enter or Down goes to the list, Enter there opens; no button fires by a stray Enter."""
        super().showEvent(event)
        for button in self.findChildren(Button):
            button.setAutoDefault(False)
        (self.list if self.search.isHidden() else self.search).setFocus()

    def focus_list(self) -> None:
        self.list.setFocus()
        first = self.list.topLevelItem(0)
        if not self.list.selectedItems() and first is not None:
            self.list.setCurrentItem(first)

    @property
    def chosen(self) -> object | None:
        items = self.list.selectedItems()
        return items[0].data(0, _ENTRY) if items else None

    def _add(self, cells: Sequence[str], entry: object, tip: str = "") -> QTreeWidgetItem:
        item = QTreeWidgetItem(list(cells))
        item.setData(0, _ENTRY, entry)
        for section in range(len(cells)):
            item.setToolTip(section, tip)
        self.list.addTopLevelItem(item)
        return item

    def show_fault(self, title: str, why: str, remedy: str) -> None:
        self.count.setText("")
        self.banner.show_fault(title, why, remedy)


class HistoryDialog(ListDialog):
    search_asked = Signal(str)
    open_asked = Signal(str)
    insert_asked = Signal(str)
    attach_asked = Signal(object)  # PastRun

    def __init__(self, parent: QWidget | None = None, chosen: int = 0) -> None:
        """chosen: the id of the run to begin at, 0: none."""
        self._begin = chosen
        headings = ["When", "State", "Took", "Rows", "Statement", "Error"]
        super().__init__("History", headings, (148, 76, 72, 76, 360), parent)
        self.search.setPlaceholderText("Search in SQL and errors")
        insert = self._offer(Button("Insert at the cursor"))
        self._attach = self._offer(Button("Take up again"))
        self._attach.setToolTip("Wait for the statement on the server and fetch its result (24 hours)")
        opened = self._offer(Button("Open in a new file", "primary"))
        insert.clicked.connect(lambda: self._tell(self.insert_asked))
        opened.clicked.connect(lambda: self._tell(self.open_asked))
        self._attach.clicked.connect(self._take_up)
        self.list.itemActivated.connect(lambda *_: self._tell(self.open_asked))
        self._later = QTimer(self, singleShot=True, interval=200)
        self._later.timeout.connect(lambda: self.search_asked.emit(self.search.text()))
        self.search.textChanged.connect(lambda *_: self._later.start())

    def show_runs(self, runs: Sequence[PastRun]) -> None:
        self.list.clear()
        tones = {"failed": "danger", "finished": "success", "cancelled": "warning", "left": "info", "running": "info"}
        for run in runs:
            when = f"{zoned(run.started):%d %b %H:%M:%S}"
            rows = number(run.rows) if run.rows >= 0 else ""
            took = duration(run.seconds) if run.seconds else ""
            item = self._add(
                [when, run.state, took, rows, " ".join(run.sql.split())[:300], run.error], run, run.sql[:2000]
            )
            item.setForeground(1, theme().color(tones.get(run.state, "text2")))
            item.setFont(4, font("mono"))
            item.setTextAlignment(2, _RIGHT)
            item.setTextAlignment(3, _RIGHT)
            if run.id == self._begin:
                self.list.setCurrentItem(item)
                self.list.setFocus()
        self._begin = 0
        self._widen(1, 2, 3)
        self.list.setColumnHidden(5, not any(run.error for run in runs))  # then the statements have its place
        self.count.setText(f"{len(runs):,} {'statement' if len(runs) == 1 else 'statements'}")

    def _follow_selection(self) -> None:
        super()._follow_selection()
        run = self.chosen
        self._attach.setEnabled(isinstance(run, PastRun) and bool(run.statement))

    def _tell(self, signal: object) -> None:
        run = self.chosen
        if isinstance(run, PastRun):
            self.accept()
            signal.emit(run.sql)  # type: ignore[attr-defined]

    def _take_up(self) -> None:
        run = self.chosen
        if isinstance(run, PastRun):
            self.accept()
            self.attach_asked.emit(run)


class SavedDialog(ListDialog):
    open_asked = Signal(str, str)
    forget_asked = Signal(str)

    def __init__(self, queries: Sequence[SavedQuery], parent: QWidget | None = None) -> None:
        super().__init__("Saved queries", ["Name", "Changed", "Statement"], (220, 130), parent)
        forget = self._offer(Button("Remove", "danger"))
        opened = self._offer(Button("Open in a new file", "primary"))
        opened.clicked.connect(self._open)
        forget.clicked.connect(self._forget)
        self.list.itemActivated.connect(lambda *_: self._open())
        self._queries = list(queries)
        self.search.textChanged.connect(lambda *_: self._show())
        self._show()

    def _show(self) -> None:
        words = self.search.text().lower().split()
        self.list.clear()
        for query in self._queries:
            if all(word in f"{query.name} {query.sql}".lower() for word in words):
                cells = [query.name, f"{zoned(query.changed):%d %b %H:%M}", " ".join(query.sql.split())[:300]]
                self._add(cells, query, query.sql[:2000]).setFont(2, font("mono"))
        self.count.setText(
            "Nothing saved yet: File, Keep as a saved query" if not self._queries else f"{len(self._queries):,} saved"
        )

    def _open(self) -> None:
        query = self.chosen
        if isinstance(query, SavedQuery):
            self.accept()
            self.open_asked.emit(query.name, query.sql)

    def _forget(self) -> None:
        query = self.chosen
        if isinstance(query, SavedQuery):
            self._queries.remove(query)
            self.forget_asked.emit(query.name)
            self._show()


class ClosedDialog(ListDialog):
    """``place``: the file that keeps them."""

    open_asked = Signal(str)
    forget_asked = Signal(str)

    def __init__(self, drafts: Sequence[Draft], place: str, parent: QWidget | None = None) -> None:
        super().__init__("Closed files", ["Name", "Closed", "Text"], (220, 130), parent)
        forget = self._offer(Button("Remove", "danger"))
        opened = self._offer(Button("Open again", "primary"))
        opened.clicked.connect(self._open)
        forget.clicked.connect(self._forget)
        self.list.itemActivated.connect(lambda *_: self._open())
        self._drafts = list(drafts)
        self.search.textChanged.connect(lambda *_: self._show())
        self.place = Label(
            f"The newest {CLOSED_KEPT} of this profile stay, in {place}. What is open is kept there too, a second after it is typed: "
            "it comes back with the next window, after a crash as well. Two windows at once keep theirs apart.",
            "small",
            wrap=True,
        )
        self.body.addWidget(self.place)
        self._show()

    def _show(self) -> None:
        words = self.search.text().lower().split()
        self.list.clear()
        for draft in self._drafts:
            if all(word in f"{draft.title} {draft.path} {draft.text}".lower() for word in words):
                closed = f"{zoned(draft.closed):%d %b %H:%M}" if draft.closed else ""
                cells = [draft.title, closed, " ".join(draft.text[:1000].split())[:300]]
                self._add(cells, draft, draft.text[:2000]).setFont(2, font("mono"))
        self.count.setText(f"{len(self._drafts):,} kept" if self._drafts else "No file was closed yet")

    def _open(self) -> None:
        draft = self.chosen
        if isinstance(draft, Draft):
            self.accept()
            self.open_asked.emit(draft.id)

    def _forget(self) -> None:
        draft = self.chosen
        if isinstance(draft, Draft):
            self._drafts.remove(draft)
            self.forget_asked.emit(draft.id)
            self._show()


class RunningDialog(ListDialog):
    refresh_asked = Signal()
    cancel_asked = Signal(object)  # RunningStatement

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "Running statements", ["Who", "State", "Running for", "Statement", "Id"], (130, 90, 100, 380), parent
        )
        self.search.hide()
        refresh = Button("Refresh", icon_name="refresh-cw")
        self.buttons.addWidget(refresh)
        self.cancel_statement = self._offer(Button("Cancel statement", "danger"))
        refresh.clicked.connect(self.refresh_asked)
        self.cancel_statement.clicked.connect(self._cancel)
        self._timer = QTimer(self, interval=3000)
        self._timer.timeout.connect(self.refresh_asked)
        self._timer.start()
        self.count.setText("Asking the server…")

    def show_statements(self, statements: Sequence[RunningStatement]) -> None:
        chosen = self.chosen
        kept = chosen.id if isinstance(chosen, RunningStatement) else ""
        self.list.clear()
        for statement in statements:
            cells = [
                statement.user,
                statement.state,
                duration(statement.seconds),
                " ".join(statement.sql.split())[:300],
                statement.id,
            ]
            item = self._add(cells, statement, statement.sql[:2000])
            item.setFont(3, font("mono"))
            item.setTextAlignment(2, _RIGHT)
            item.setSelected(statement.id == kept)
        self._widen(1, 2)
        self.banner.hide()
        self.count.setText(
            f"{len(statements):,} running, as far as this identity may see"
            if statements
            else "Nothing runs at the moment"
        )
        self._follow_selection()

    def _cancel(self) -> None:
        statement = self.chosen
        if isinstance(statement, RunningStatement):
            self.cancel_statement.setEnabled(False)
            self.count.setText("Asking the server to cancel it…")
            self.cancel_asked.emit(statement)
