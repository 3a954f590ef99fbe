"""A grid for a million rows: sort by header, filter row, hide and pin columns, copy with headers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QMetaMethod, QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QFocusEvent,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
)
from PySide6.QtWidgets import QHeaderView, QMenu, QTableView, QWidget

from gui.parts.column_cells import Cells, as_tsv
from gui.parts.column_model import ColumnModel
from gui.parts.filter_header import FilterHeader
from gui.style.theme import font
from gui.style.tokens import Size, Space

if TYPE_CHECKING:
    import polars as pl

_SAMPLE = 100  # rows that decide the widths: measuring all of 50,000 costs 2.8 s
_WIDEST, _NARROWEST = 360, 64
_COPY_HERE = 400_000  # cells copied on the spot (some 40 ms), if they are
_BYTES_HERE = 4 << 20  # no longer than this; more is handed over as ``copy_asked``


class ColumnTable(QTableView):
    """Tells what the hand did; whoever owns it computes the new order on a worker and calls ``show_order``."""

    order_asked = Signal(dict, list)
    """filters by column name, and (column, descending) pairs, the first sorts first"""
    profile_asked = Signal(str)
    copy_asked = Signal(object, str)
    """a frame to become text on a worker, and the form: one of ``forms``, or tsv or plain (without headers) where the block is
    too large to copy on the spot"""
    cell_opened = Signal(str, object)
    row_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.forms: Sequence[tuple[str, str]] = ()
        """(form, words): what the owner makes of a selection, beside tab-separated text"""
        self._model = ColumnModel(self)
        self._filters: dict[str, str] = {}
        self._sorts: list[tuple[str, bool]] = []
        self._pinned: list[int] = []
        self._header = self._dress(self)
        self.setModel(self._model)
        # A header asks its selection model whether whole columns are selected, row by row: 15 s for a million rows.
        self._header.setSelectionModel(QItemSelectionModel(self._model, self))
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(Size.CONTROL_SMALL + 2)
        self.verticalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName("Result")
        self._later = QTimer(self, singleShot=True, interval=250)  # one pause in typing, one filter run
        self._later.timeout.connect(self._ask)
        self.activated.connect(self.open_cell)  # a double click, or Enter
        self._frozen = QTableView(self)
        self._frozen_header = self._dress(self._frozen)
        self._freeze()

    def _dress(self, view: QTableView) -> FilterHeader:
        header = FilterHeader(view)
        view.setHorizontalHeader(header)
        view.setItemDelegate(Cells(view))
        view.setWordWrap(False)
        view.setShowGrid(False)
        view.setFont(font("body"))
        view.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        view.setSelectionMode(QTableView.SelectionMode.ContiguousSelection)
        view.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        view.setTabKeyNavigation(False)
        header.filter_edited.connect(self._filter_edited)
        header.left.connect(self.setFocus)
        header.sectionClicked.connect(self._header_clicked)
        header.customContextMenuRequested.connect(lambda place, header=header: self._header_menu(header, place))
        return header

    # -- showing --------------------------------------------------------------------
    @property
    def column_model(self) -> ColumnModel:
        return self._model

    def show_frame(self, frame: pl.DataFrame | None, types: list[str] | None = None) -> None:
        """A new result: filters, sorting, hidden and pinned columns of the last one are gone."""
        self._filters, self._sorts, self._pinned = {}, [], []
        for header in (self._header, self._frozen_header):
            header.forget_fields()
        self._model.show_frame(frame, types)
        self._header.waiting = True
        for section in range(self._header.count()):
            self._header.setSectionHidden(section, False)
            visual = self._header.visualIndex(section)
            if visual != section:
                self._header.moveSection(visual, section)
        self._size_columns()
        self._header.waiting = False
        self._lay_out_frozen()
        self._header.place_fields()
        self.scrollToTop()

    def grow(self, frame: pl.DataFrame) -> None:
        self._model.grow(frame)

    def show_order(self, order: pl.Series | None) -> None:
        """The answer to ``order_asked``."""
        across, column = self.horizontalScrollBar().value(), self.currentIndex().column()
        self._model.show_order(order, list(self._sorts))
        if column >= 0 and self._model.rowCount():  # keys go on in the column they were in
            self.selectionModel().setCurrentIndex(
                self._model.index(0, column), QItemSelectionModel.SelectionFlag.NoUpdate
            )
        self._lay_out_frozen()
        self.horizontalScrollBar().setValue(across)
        self.scrollToTop()

    def show_filters(self, shown: bool) -> None:
        """Show or hide the line of filter fields; hiding it clears them."""
        for header in (self._header, self._frozen_header):
            header.show_fields(shown)
        self.updateGeometries()
        self._lay_out_frozen()
        if shown:
            first = self._header.logicalIndex(0)
            QTimer.singleShot(0, self, lambda: self._header.focus_field(first))
        elif self._filters:
            self._filters = {}
            self._header.show_texts({})
            self._frozen_header.show_texts({})
            self._ask()

    @property
    def filtered(self) -> bool:
        return any(text.strip() for text in self._filters.values())

    def hidden_columns(self) -> list[str]:
        names = self._model.names
        return [names[n] for n in range(len(names)) if self._header.isSectionHidden(n)]

    def shown_columns(self) -> list[str]:
        """In the order they are shown."""
        sections = [self._header.logicalIndex(visual) for visual in range(self._header.count())]
        return [self._model.names[n] for n in sections if not self._header.isSectionHidden(n)]

    def show_all_columns(self) -> None:
        self.set_shown(range(self._header.count()), True)

    def set_shown(self, sections: Iterable[int], shown: bool) -> None:
        """Show or hide columns; a pinned one that hides is pinned no longer."""
        self._header.waiting = True
        for section in sections:
            if not shown and section in self._pinned:
                self.pin(section, False)
            self._header.setSectionHidden(section, not shown)
        self._header.waiting = False
        self._header.place_fields()

    def go_to_column(self, section: int) -> None:
        """Keys and view go to a column, in the row where they are."""
        self.set_shown([section], True)
        self.setFocus()
        self.setCurrentIndex(self._model.index(max(0, self.currentIndex().row()), section))

    def _size_columns(self) -> None:
        """Widths from a sample of the first rows, never from all."""
        metrics = QFontMetrics(font("body"))
        heading = QFontMetrics(font("caption"))
        longest_texts = self._model.longest(min(_SAMPLE, self._model.rowCount()))
        for column, (name, longest) in enumerate(zip(self._model.names, longest_texts, strict=True)):
            wide = metrics.horizontalAdvance("0") * min(longest, 60)
            width = max(wide + Space.XXL, heading.horizontalAdvance(name) + 56)
            self.setColumnWidth(column, max(_NARROWEST, min(_WIDEST, width)))
        digits = len(f"{max(1, self._model.rowCount()):,}")
        self.verticalHeader().setFixedWidth(metrics.horizontalAdvance("0") * max(4, digits) + Space.L)

    # -- sorting and filtering ----------------------------------------------------------
    def _header_clicked(self, section: int) -> None:
        """Up, down, as it came; with Ctrl or Shift the column joins those already sorted by."""
        name = self._model.names[section]
        modifiers = QGuiApplication.keyboardModifiers()
        joining = bool(modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier))
        now = dict(self._sorts)
        others = [(column, down) for column, down in self._sorts if column != name] if joining else []
        if name not in now:
            self._sorts = [*others, (name, False)]
        elif not now[name]:
            self._sorts = [*others, (name, True)]
        else:
            self._sorts = others
        self._ask()

    def sort_by(self, column: str, descending: bool) -> None:
        self._sorts = [(column, descending)]
        self._ask()

    def _filter_edited(self, section: int, text: str) -> None:
        self._filters[self._model.names[section]] = text
        texts = {self._model.names.index(name): words for name, words in self._filters.items()}
        for header in (self._header, self._frozen_header):
            header.show_texts(texts)
        self._later.start()

    def _ask(self) -> None:
        filters = {name: text for name, text in self._filters.items() if text.strip()}
        self.order_asked.emit(filters, list(self._sorts))

    # -- menus ------------------------------------------------------------------------------
    def _header_menu(self, header: FilterHeader, place: QPoint) -> None:
        section = header.logicalIndexAt(place)
        if section < 0:
            return
        menu = QMenu(self)
        self._add_column_actions(menu, section)
        menu.popup(header.mapToGlobal(place))

    def _add_column_actions(self, menu: QMenu, section: int) -> None:
        """What can be done to a column: in the menu of its header, and in that of its cells, which keys reach."""
        name = self._model.names[section]
        menu.addAction("Sort ascending", lambda: self.sort_by(name, False))
        menu.addAction("Sort descending", lambda: self.sort_by(name, True))
        menu.addSeparator()
        menu.addAction("Profile this column", lambda: self.profile_asked.emit(name))
        pinned = section in self._pinned
        menu.addAction("Unpin" if pinned else "Pin to the left", lambda: self.pin(section, not pinned))
        menu.addAction("Hide", lambda: self.set_shown([section], False))
        if hidden := self.hidden_columns():
            menu.addAction(f"Show {len(hidden)} hidden", self.show_all_columns)
        menu.addSeparator()
        menu.addAction("Copy the name", lambda: QGuiApplication.clipboard().setText(name))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Asked for by a key, the menu is that of the current cell, wherever the pointer is."""
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        self._cell_menu(self, self.visualRect(self.currentIndex()).center() if by_key else event.pos())

    def _cell_menu(self, view: QTableView, place: QPoint) -> None:
        index = view.indexAt(place)
        if not index.isValid():
            return
        menu = QMenu(self)
        one = self._one_cell() is not None
        copy = QAction("Copy the value" if one else "Copy with headers", menu)
        copy.setShortcut(QKeySequence.StandardKey.Copy)
        copy.triggered.connect(self.copy_selected)
        menu.addAction(copy)
        if one:
            menu.addAction("Copy with headers", lambda: self.copy(headers=True))
        menu.addAction("Copy without headers", lambda: self.copy(headers=False))
        for form, words in self.forms:
            menu.addAction(words, partial(self.copy_as, form))
        menu.addSeparator()
        menu.addAction("Show the whole value", lambda: self.open_cell(index))
        menu.addAction("Show the whole row", lambda: self.row_asked.emit(index.row()))
        self._add_column_actions(menu.addMenu(f"Column {self._model.names[index.column()]}"), index.column())
        menu.popup(view.viewport().mapToGlobal(place))

    def open_cell(self, index: QModelIndex) -> None:
        if index.isValid():
            value = self._model.rows(index.row(), index.row())[self._model.names[index.column()]][0]
            self.cell_opened.emit(self._model.names[index.column()], value)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Keys need a place to begin at."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self._model.rowCount():
            shown = [
                n
                for n in map(self._header.logicalIndex, range(self._header.count()))
                if not self._header.isSectionHidden(n)
            ]
            if shown:
                self.setCurrentIndex(self._model.index(0, shown[0]))

    # -- copying -------------------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_selected()
            return
        super().keyPressEvent(event)

    def selected_frame(self) -> pl.DataFrame | None:
        """The selected block, columns in the order they are shown; hidden ones left out."""
        selection = self.selectionModel().selection()
        if selection.isEmpty():
            return None
        block = selection.at(0)
        sections = [self._header.logicalIndex(visual) for visual in range(self._header.count())]
        names = [
            self._model.names[section]
            for section in sections
            if block.left() <= section <= block.right() and not self._header.isSectionHidden(section)
        ]
        return self._model.rows(block.top(), block.bottom()).select(names)

    def copy_selected(self) -> None:
        """One cell is its value, to be pasted into a condition; a block is a table with its headings."""
        if (at := self._one_cell()) is None:
            self.copy(headers=True)
            return
        value = self._model.rows(at.row(), at.row()).item(0, at.column())
        shown = value if isinstance(value, str) else self._model.text(at.row(), at.column())
        QGuiApplication.clipboard().setText(shown or "")

    def _one_cell(self) -> QModelIndex | None:
        """The selected cell, where it is one alone."""
        selection = self.selectionModel().selection()
        alone = selection.count() == 1 and (selection.at(0).width(), selection.at(0).height()) == (1, 1)
        return self._model.index(selection.at(0).top(), selection.at(0).left()) if alone else None

    def copy(self, *, headers: bool) -> None:
        """The selected block as tab-separated text, made by polars in one go."""
        frame = self.selected_frame()
        if frame is None:
            return
        large = frame.height * frame.width > _COPY_HERE or frame.estimated_size() > _BYTES_HERE
        if large and self.isSignalConnected(QMetaMethod.fromSignal(self.copy_asked)):
            self.copy_asked.emit(frame, "tsv" if headers else "plain")
            return
        QGuiApplication.clipboard().setText(as_tsv(frame, headers=headers))

    def copy_as(self, form: str) -> None:
        """The selected block in one of ``forms``, made by the owner."""
        frame = self.selected_frame()
        if frame is not None:
            self.copy_asked.emit(frame, form)

    # -- pinned columns --------------------------------------------------------------------------
    def _freeze(self) -> None:
        """A second view over the first one's left edge shows the pinned columns; it scrolls down with the first."""
        frozen = self._frozen
        frozen.setModel(self._model)
        frozen.setSelectionModel(self.selectionModel())
        frozen.verticalHeader().hide()
        frozen.verticalHeader().setDefaultSectionSize(self.verticalHeader().defaultSectionSize())
        frozen.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        frozen.setProperty("kind", "frozen")
        frozen.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        frozen.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        frozen.setAccessibleName("Pinned columns")
        self._frozen_header.setSectionsMovable(False)
        frozen.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        frozen.customContextMenuRequested.connect(lambda place: self._cell_menu(frozen, place))
        frozen.verticalScrollBar().valueChanged.connect(self.verticalScrollBar().setValue)
        self.verticalScrollBar().valueChanged.connect(frozen.verticalScrollBar().setValue)
        self.horizontalScrollBar().valueChanged.connect(self._header.place_fields)
        self._header.sectionResized.connect(lambda *_: self._lay_out_frozen())
        frozen.hide()

    def pin(self, section: int, pinned: bool) -> None:
        """Keep a column at the left while the others scroll."""
        if pinned and section not in self._pinned:
            self._header.moveSection(self._header.visualIndex(section), len(self._pinned))
            self._pinned.append(section)
        elif not pinned and section in self._pinned:
            self._pinned.remove(section)
            self._header.moveSection(self._header.visualIndex(section), len(self._pinned))
        self._lay_out_frozen()

    def _lay_out_frozen(self) -> None:
        frozen = self._frozen
        if not self._pinned:
            frozen.hide()
            return
        width = 0
        self._frozen_header.waiting = True
        for section in range(self._header.count()):
            pinned = section in self._pinned
            frozen.setColumnHidden(section, not pinned)
            if pinned:
                frozen.setColumnWidth(section, self.columnWidth(section))
                width += self.columnWidth(section)
        for visual, section in enumerate(self._pinned):
            now = self._frozen_header.visualIndex(section)
            if now != visual:
                self._frozen_header.moveSection(now, visual)
        self._frozen_header.setFixedHeight(self._header.height())
        room = self.viewport().height() + self._header.height()
        frozen.setGeometry(self.verticalHeader().width() + self.frameWidth(), self.frameWidth(), width, room)
        frozen.verticalScrollBar().setValue(self.verticalScrollBar().value())
        self._frozen_header.waiting = False
        self._frozen_header.place_fields()
        frozen.show()
        frozen.raise_()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._header.place_fields()
        self._lay_out_frozen()
