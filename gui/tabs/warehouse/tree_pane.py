"""The schema tree: schemas, tables, columns with types and keys, filtered as one types; filled once from the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QGuiApplication, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QMenu,
    QStackedWidget,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
    QWidget,
)

from core.warehouse.catalogue import Catalogue, Table, TableColumn
from core.warehouse.statements import quoted
from gui.parts.buttons import Button
from gui.parts.layout import column, row
from gui.parts.notices import Busy, EmptyState
from gui.parts.words import Label, short_count
from gui.style.icons import icon
from gui.style.theme import font, theme
from gui.style.tokens import Space

Path = tuple[str, ...]
"""Names from the schema down to an entry."""

_TABLE = Qt.ItemDataRole.UserRole
_COLUMN = Qt.ItemDataRole.UserRole + 1
_MEMBERS = Qt.ItemDataRole.UserRole + 3  # the tables of a schema that the filter leaves
_ASIDE = Qt.ItemDataRole.UserRole + 2  # the dim words at the right: a type, a count
_BEFORE_NAME = 30  # pixels an icon and the blanks beside it take
_FOUND_AT_ONCE = 200  # tables that a filter shows opened; schemas beyond stay closed, with their count
_OPENED_AT_ONCE = 200  # tables; each brings its columns
_KEYS_TOLD = 8  # in a tooltip; the columns have theirs
_ICONS = {
    "table": "table",
    "view": "eye",
    "materialized view": "layers",
    "late-binding view": "link",
    "external table": "cloud",
}


class _Aside(QStyledItemDelegate):
    """Paints the dim words of an item at its right, and less of them before it would cost the name a letter."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        words = str(index.data(_ASIDE) or "")
        if not words:
            return
        name = QFontMetrics(font("body")).horizontalAdvance(str(index.data() or ""))
        room = option.rect.adjusted(name + _BEFORE_NAME + Space.S, 0, -Space.XS, 0)  # type: ignore[attr-defined]
        painter.save()
        painter.setFont(font("caption"))
        painter.setPen(theme().color("text3"))
        shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room.width())
        if shown == words or (len(shown) > 4 and not words[:1].isdigit()):  # half a number says less than nothing
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()


class TreePane(QFrame):
    refresh_asked = Signal()
    insert_asked = Signal(str)
    preview_asked = Signal(object)  # Table
    describe_asked = Signal(object)  # Table
    count_asked = Signal(object)  # Table
    creation_asked = Signal(object)  # Table
    pull_asked = Signal()
    extract_asked = Signal()
    plans_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.search = QLineEdit()
        self.search.setProperty("kind", "search")
        self.search.setPlaceholderText("Filter by name")
        self.search.setAccessibleName("Filter tables and columns")
        self.search.setToolTip("Filter tables and columns")
        self.search.setClearButtonEnabled(True)
        self.refresh = Button("Read the catalogue again (F5)", "icon", icon_name="refresh-cw")
        self.tree = QTreeWidget()
        self.tree.setHeaderHidden(True)
        self.tree.setItemDelegate(_Aside(self.tree))
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(16)
        self.tree.setAccessibleName("Schemas, tables and columns")
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.empty = EmptyState("database", "No tables yet", hint="Load from MySQL, extract text, or run CREATE TABLE")
        self.busy = Busy("Reading the catalogue")
        self.stack = QStackedWidget(self)
        for widget in (self.tree, self.empty, self.busy):
            self.stack.addWidget(widget)
        self.note = Label("", "caption", wrap=True)
        self.note.hide()
        self.pull = Button("Pull from MySQL…", "list", icon_name="arrow-down-to-line")
        self.extract = Button("Extract from text…", "list", icon_name="file-code")
        self.plans = Button("Plans of pulls…", "list", icon_name="calendar-clock")
        self.loads = Label("Loads", "caption")
        layout = column(
            row(self.search, self.refresh, gap=Space.XS),
            self.stack, self.note, self.loads, self.pull, self.plans, self.extract,
            gap=Space.XS, margins=(Space.M, Space.M, Space.M, Space.S),
        )  # fmt: skip
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self._catalogue: Catalogue | None = None
        self.tells_creation: Callable[[Table], bool] = lambda _table: False
        self._later = QTimer(self, singleShot=True, interval=120)
        self._later.timeout.connect(self._filter)
        self.search.textChanged.connect(lambda *_: self._later.start())
        self.search.returnPressed.connect(self.focus_tree)
        self.refresh.clicked.connect(self.refresh_asked)
        self.pull.clicked.connect(self.pull_asked)
        self.extract.clicked.connect(self.extract_asked)
        self.plans.clicked.connect(self.plans_asked)
        self.tree.itemExpanded.connect(self._fill)
        self.tree.itemActivated.connect(lambda item, _column: self._insert(item))
        self.tree.customContextMenuRequested.connect(self._menu)
        self.tree.installEventFilter(self)
        theme().changed.connect(self._show_again)

    def focus_tree(self) -> None:
        """Keys go to the tree, at its first entry where none is chosen."""
        self.tree.setFocus()
        first = self.tree.topLevelItem(0)
        if self.tree.currentItem() is None and first is not None:
            self.tree.setCurrentItem(first)

    def show_busy(self) -> None:
        self.stack.setCurrentWidget(self.busy)

    def show_nothing(self, sentence: str, hint: str = "") -> None:
        """In place of the tree, why there is none."""
        self._catalogue = None
        self.empty.sentence.setText(sentence)
        self.empty.hint.setText(hint)
        self.empty.hint.setVisible(bool(hint))
        self.stack.setCurrentWidget(self.empty)

    def show_catalogue(self, catalogue: Catalogue) -> None:
        """Build the tree; what was open stays open, and the keys and the view stay where they were."""
        before, self._catalogue = self._catalogue, catalogue
        self.note.setText("Not everything could be read (hover)" if catalogue.notes else "")
        self.note.setToolTip("\n".join(catalogue.notes))
        self.note.setVisible(bool(catalogue.notes))
        if not catalogue.tables and not catalogue.schemas:
            self.show_nothing("No tables yet", "Load from MySQL, extract text, or run CREATE TABLE")
            self._catalogue = catalogue
            return
        if before is None:
            self._build(catalogue, None)
        elif (before.schemas, before.tables) != (catalogue.schemas, catalogue.tables):
            self._show_again()
        self.stack.setCurrentWidget(self.tree)

    def _show_again(self) -> None:
        if self._catalogue is None or not self._catalogue.tables:
            return
        at, down = self.tree.currentItem(), self.tree.verticalScrollBar()
        current, above = _path(at) if at is not None else (), down.value()
        self._build(self._catalogue, {_path(item) for item in self._items() if item.isExpanded()})
        self.tree.setCurrentItem(next((item for item in self._items() if _path(item) == current), None))  # type: ignore[arg-type]  # None: no item
        self.tree.doItemsLayout()
        down.setValue(above)

    def _items(self) -> Iterator[QTreeWidgetItem]:
        """All that were made so far."""
        below = QTreeWidgetItemIterator(self.tree)
        while (item := below.value()) is not None:
            yield item
            below += 1

    def _build(self, catalogue: Catalogue, opened: set[Path] | None) -> None:
        self.tree.clear()
        made = 0
        words = self.search.text().strip().lower()
        tables: dict[str, list[Table]] = {schema: [] for schema in catalogue.schemas}
        for table in catalogue.tables:
            if not words or words in f"{table.schema}.{table.name}".lower() or _columns_with(table, words):
                tables.setdefault(table.schema, []).append(table)
        for schema, members in tables.items():
            if words and not members and words not in schema.lower():
                continue
            item = QTreeWidgetItem([schema])
            item.setData(0, _ASIDE, short_count(len(members)) if members else "empty")
            item.setIcon(0, icon("folder", "text3"))
            item.setData(0, _MEMBERS, members)
            if members:
                item.setChildIndicatorPolicy(QTreeWidgetItem.ChildIndicatorPolicy.ShowIndicator)
            self.tree.addTopLevelItem(item)
            first = opened is None and (schema == "public" or len(tables) <= 3)
            found = bool(words) and made < _FOUND_AT_ONCE
            item.setExpanded(found or first or (opened is not None and _path(item) in opened))
            made += item.childCount()
            for number in range(item.childCount()):
                if (child := item.child(number)) is None:
                    continue
                if (found and _columns_with(child.data(0, _TABLE), words)) or (opened and _path(child) in opened):
                    child.setExpanded(True)

    def _table_item(self, table: Table) -> QTreeWidgetItem:
        figure = short_count(table.rows) if table.rows is not None else ("" if table.kind == "table" else table.kind)
        item = QTreeWidgetItem([table.name])
        item.setData(0, _ASIDE, figure)
        item.setData(0, _TABLE, table)
        item.setIcon(0, icon(_ICONS.get(table.kind, "table"), "text2"))
        item.setToolTip(0, _table_words(table))
        item.setChildIndicatorPolicy(QTreeWidgetItem.ChildIndicatorPolicy.ShowIndicator)
        return item

    def _fill(self, item: QTreeWidgetItem) -> None:
        """What stands below an entry is made when that is first opened: a catalogue of 2,000 tables and 50,000 columns is there at once."""
        members = item.data(0, _MEMBERS)
        if isinstance(members, list) and not item.childCount():
            item.addChildren([self._table_item(table) for table in members])
        table = item.data(0, _TABLE)
        if not isinstance(table, Table) or item.childCount():
            return
        words = self.search.text().strip().lower()
        only = _columns_with(table, words) if words and words not in table.name.lower() else table.columns
        for part in only or table.columns:
            item.addChild(self._column_item(table, part))

    def _column_item(self, table: Table, part: TableColumn) -> QTreeWidgetItem:
        marks = []
        if part.primary_key:
            marks.append("pk")
        if part.references:
            marks.append("fk")
        if part.partition:
            marks.append("partition")
        if part.dist_key:
            marks.append("dist")
        if part.sort_position:
            marks.append(f"sort {abs(part.sort_position)}")
        marks.append(part.type_name.lower())  # last: a narrow tree cuts it first
        item = QTreeWidgetItem([part.name])
        item.setData(0, _ASIDE, " · ".join(marks))
        item.setData(0, _TABLE, table)
        item.setData(0, _COLUMN, part)
        keyed = part.primary_key or part.dist_key or part.sort_position or part.partition
        picture = "key" if keyed else "link" if part.references else "dot"
        item.setIcon(0, icon(picture, "accent" if part.primary_key or part.dist_key else "text3"))
        item.setToolTip(0, _column_words(table, part))
        return item

    def _filter(self) -> None:
        if self._catalogue is not None:
            self._build(self._catalogue, None)

    def _insert(self, item: QTreeWidgetItem) -> None:
        table, part = item.data(0, _TABLE), item.data(0, _COLUMN)
        if isinstance(part, TableColumn):
            self.insert_asked.emit(quoted(part.name))
        elif isinstance(table, Table):
            self.insert_asked.emit(full_name(table))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Asked for by a key, the menu is that of the current entry, wherever the pointer is; ``*`` opens all below it."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.text() == "*":
            if (item := self.tree.currentItem()) is not None:
                self._open_below(item)
            return True
        if isinstance(event, QContextMenuEvent) and event.reason() == QContextMenuEvent.Reason.Keyboard:
            if (item := self.tree.currentItem()) is not None:
                self._menu(self.tree.visualItemRect(item).center())
            return True
        return super().eventFilter(watched, event)

    def _open_below(self, item: QTreeWidgetItem) -> None:
        """Not by the tree's own ``*``: while it opens entries, columns that come make it read freed memory, and the program ends."""
        item.setExpanded(True)
        if item.data(0, _TABLE) is None:
            for number in range(min(item.childCount(), _OPENED_AT_ONCE)):
                if (child := item.child(number)) is not None:
                    child.setExpanded(True)

    def _menu(self, place: QPoint) -> None:
        item = self.tree.itemAt(place)
        table = item.data(0, _TABLE) if item is not None else None
        if item is None or not isinstance(table, Table):
            return
        part = item.data(0, _COLUMN)
        menu = QMenu(self)
        if not isinstance(part, TableColumn):
            menu.addAction("Show the first 1,000 rows", lambda: self.preview_asked.emit(table))
            menu.addAction("Count the rows", lambda: self.count_asked.emit(table))
            menu.addAction("Describe: columns, keys, advice", lambda: self.describe_asked.emit(table))
            if self.tells_creation(table):
                menu.addAction("Open its CREATE statement", lambda: self.creation_asked.emit(table))
            menu.addSeparator()
        menu.addAction("Insert the name", lambda: self._insert(item))
        name = quoted(part.name) if isinstance(part, TableColumn) else full_name(table)
        menu.addAction("Copy the name", lambda: QGuiApplication.clipboard().setText(name))
        menu.popup(self.tree.viewport().mapToGlobal(place))


def _path(item: QTreeWidgetItem) -> Path:
    above = item.parent()
    return (*(_path(above) if above is not None else ()), item.text(0))


def full_name(table: Table) -> str:
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def _columns_with(table: Table, words: str) -> tuple[TableColumn, ...]:
    return tuple(part for part in table.columns if words in part.name.lower()) if words else ()


def _table_words(table: Table) -> str:
    lines = [f"{table.schema}.{table.name}: {table.kind}"]
    if table.comment:
        lines.append(table.comment)
    if table.rows is not None:
        lines.append(f"{table.rows:,} rows" + (f", {table.size_mb:,.0f} MB" if table.size_mb is not None else ""))
    if table.dist_style:
        lines.append(f"Distribution: {table.dist_style}")
    if table.sort_keys:
        lines.append(f"Sort key: {', '.join(table.sort_keys)}")
    if table.skew is not None:
        lines.append(f"Skew: {table.skew:.1f}")
    lines += table.keys[:_KEYS_TOLD]
    if len(table.keys) > _KEYS_TOLD:
        lines.append(f"and {len(table.keys) - _KEYS_TOLD} more keys")
    return _plain(lines)


def _column_words(table: Table, part: TableColumn) -> str:
    words = [f"{part.name}: {part.type_name}{'' if part.nullable else ', NOT NULL'}"]
    if part.comment:
        words.append(part.comment)
    held = "" if table.keys_hold else " (declared, not enforced)"
    if part.primary_key:
        words.append(f"pk: in the primary key{held}")
    if part.references:
        words.append(f"fk: refers to {part.references}{held}")
    if part.partition:
        words.append("Partition key: a filter on it reads less")
    if part.dist_key:
        words.append("dist: the distribution key, by which rows are placed on slices")
    if part.sort_position:
        kind = "the interleaved sort key" if part.sort_position < 0 else "the sort key"
        words.append(f"sort: column {abs(part.sort_position)} of {kind}")
    if part.default:
        words.append(f"Default: {part.default}")
    if part.encoding:
        words.append(f"Encoding: {part.encoding}")
    return _plain(words)


def _plain(lines: list[str]) -> str:
    """A tooltip: what others wrote into a comment is no markup, and a long one wraps."""
    return "".join(f"<div>{escape(line)}</div>" for line in lines)
