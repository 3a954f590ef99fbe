"""The objects half of the page: where we are, what lies there, and the panel with the facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QSplitter, QStackedWidget, QWidget

from core.backups.objects.values import Entry
from gui.parts.buttons import Button
from gui.parts.layout import Card, column, row
from gui.parts.notices import Banner, Busy, EmptyState
from gui.parts.words import Label
from gui.style.tokens import Space
from gui.tabs.backups import wording
from gui.tabs.backups.objects_side import ObjectsSide
from gui.tabs.backups.objects_table import Line, ObjectsTable


class ObjectsView(QWidget):
    place_asked = Signal(str, str)  # bucket, prefix; "" "" for the list of buckets
    search_asked = Signal(str)
    more_asked = Signal()
    upload_files_asked = Signal()
    upload_folder_asked = Signal()
    files_dropped = Signal(list)
    """paths of this computer's own files"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._crumbs = QHBoxLayout()
        self._crumbs.setSpacing(2)
        self.search = QLineEdit()
        self.search.setProperty("kind", "search")
        self.search.setPlaceholderText("Search: words or *.gz")
        self.search.setAccessibleName("Search below here")
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(190)
        self.search.returnPressed.connect(lambda: self.search_asked.emit(self.search.text().strip()))
        self.search.textChanged.connect(self._search_cleared)
        self.upload = Button("Upload", "small", icon_name="upload")
        menu = QMenu(self)
        menu.addAction("Files…").triggered.connect(lambda: self.upload_files_asked.emit())
        menu.addAction("A folder…").triggered.connect(lambda: self.upload_folder_asked.emit())
        self.upload.setMenu(menu)
        self.download = Button("Download", "small", icon_name="download")
        self.new_bucket = Button("New bucket", "small", icon_name="plus")
        self.delete = Button("Delete…", "small", icon_name="trash-2", token="danger")
        self.more = Button("More", "small", icon_name="ellipsis")
        self.more_menu = QMenu(self)
        self.more.setMenu(self.more_menu)
        self.table = ObjectsTable()
        self.busy = Busy()
        self.state = Label("", "small")
        self.load_more = Button("Show more", "link")
        self.load_more.clicked.connect(self.more_asked)
        self.running = Busy()
        self.stop = Button("Cancel", "link")
        self.empty = EmptyState("folder-open", "Nothing lies here", hint="Drop files here, or use Upload.")
        self.no_buckets = EmptyState("archive", "There is no bucket yet")
        self.banner = Banner("danger")
        self.banner.hide()
        self.stack = QStackedWidget()
        for widget in (self.table, self.empty, self.no_buckets):
            self.stack.addWidget(widget)
        self.side = ObjectsSide()
        self.side.keys_left.connect(lambda: self.table.setFocus())
        card = Card()
        card.body.addLayout(row(self._crumbs, None, self.search))
        card.body.addLayout(row(self.upload, self.download, self.new_bucket, self.delete, self.more, None))
        card.body.addWidget(self.banner)
        card.body.addWidget(self.stack, 1)
        card.body.addLayout(row(self.state, self.load_more, None, self.busy))
        card.body.addLayout(row(self.running, None, self.stop))  # at the end, where growing words do not push it about
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.addWidget(card)
        self.splitter.addWidget(self.side)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(Space.M)
        self.splitter.setSizes([640, 260])
        self.side.setMinimumWidth(232)
        self.setLayout(column(self.splitter, gap=0))
        self.may_drop = False
        self._note, self._more, self._buckets = "", False, False
        self.table.horizontalHeader().sortIndicatorChanged.connect(self._say)
        self.table.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.setAcceptDrops(True)  # the whole of it: an empty place has no table to drop on
        self.show_running("")
        self.show_place("", "")

    def _scrolled(self, value: int) -> None:
        """At the end of what is shown, more is asked for; not where it would come in anywhere between the sorted rows."""
        bar = self.table.verticalScrollBar()
        if self._more and bar.maximum() and value >= bar.maximum() and not self.table.row_model.is_sorted:
            self.more_asked.emit()

    def _search_cleared(self, text: str) -> None:
        if not text:
            self.search_asked.emit("")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self._weigh_drag(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._weigh_drag(event)

    def _weigh_drag(self, event: QDragEnterEvent | QDragMoveEvent) -> None:
        # hasFormat, not hasUrls: asking for the urls of our own drag would fetch the objects
        if self.may_drop and event.source() is not self.table and event.mimeData().hasFormat("text/uri-list"):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.state.setText(f"Let go to upload into {self._where}")
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._say()

    def dropEvent(self, event: QDropEvent) -> None:
        self._say()
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.files_dropped.emit(paths)

    def show_place(self, bucket: str, prefix: str) -> None:
        while item := self._crumbs.takeAt(0):
            widget = item.widget()
            if widget is not None:
                if widget.hasFocus():  # else the keys would leave the page with it
                    self.table.setFocus()
                widget.hide()
                widget.deleteLater()
        self._where = f"{bucket}/{prefix}"
        steps = [("Buckets", "", "")]
        if bucket:
            steps.append((bucket, bucket, ""))
            path = ""
            for step in prefix.rstrip("/").split("/") if prefix else ():
                path += f"{step}/"
                steps.append((step, bucket, path))
        if len(steps) > 5:  # a deep place: the way up stays one click per level from the middle on
            steps = [*steps[:2], ("…", steps[-4][1], steps[-4][2]), *steps[-3:]]
        for number_, (words, to, path) in enumerate(steps):
            if number_:
                self._crumbs.addWidget(Label("/", "small"))
            if number_ == len(steps) - 1:
                self._crumbs.addWidget(Label(_short(words), "strong"))
            else:
                button = Button(_short(words), "link")
                button.setAccessibleName(f"Go to {words}")
                button.clicked.connect(lambda _checked=False, to=to, path=path: self.place_asked.emit(to, path))
                self._crumbs.addWidget(button)
        inside = bool(bucket)
        for widget in (self.upload, self.download, self.delete, self.search):
            widget.setVisible(inside)
        self.new_bucket.setVisible(not inside)

    def show_busy(self, text: str) -> None:
        self.busy.setVisible(bool(text))
        if text:
            self.busy.show_text(text)

    def show_running(self, words: str, *, several: bool = False) -> None:
        """What is at work now; nothing: it rests."""
        self.running.setVisible(bool(words))
        self.stop.setVisible(bool(words))
        self.stop.setText("Cancel all" if several else "Cancel")
        self.stop.setAccessibleName(f"{self.stop.text()}: {words}")
        if words:
            self.running.show_text(words)

    def forget_lines(self) -> None:
        """Another place: what lay in the one before is nothing that could be chosen here."""
        self.table.show_rows([])
        self._note, self._more, self._buckets = " ", False, False
        self.load_more.hide()
        self.state.setText("")
        self.stack.setCurrentWidget(self.table)

    def show_lines(self, lines: Sequence[Line], *, more: bool, note: str = "", buckets: bool = False) -> None:
        """Fresh content. ``more``: S3 has more at this level."""
        self.table.show_kind(buckets=buckets)
        self.table.show_rows(lines)
        self._settle(more=more, note=note, buckets=buckets)

    def show_more(self, lines: Sequence[Line], *, more: bool, note: str = "") -> None:
        self.table.row_model.grow(lines)
        self._settle(more=more, note=note, buckets=False)

    def _settle(self, *, more: bool, note: str, buckets: bool) -> None:
        count = self.table.row_model.rowCount()
        self.load_more.setVisible(more)
        self._note, self._more, self._buckets = note, more, buckets
        self._say()
        empty = self.no_buckets if buckets else self.empty
        self.stack.setCurrentWidget(self.table if count or note else empty)

    def _say(self, *_: object) -> None:
        """How many are shown; sorted are only those that were listed."""
        if self._buckets:
            words = wording.count_of(self.table.row_model.rowCount(), "bucket")
        else:
            words = wording.contents(self.entries_of(self.table.row_model.rows)) or "0 objects"
        among = " shown and sorted" if self._more and self.table.row_model.is_sorted else " shown"
        self.state.setText(self._note or (f"{words}{among}, there is more" if self._more else words))

    def chosen_entries(self) -> list[Entry]:
        return self.entries_of(self.table.chosen)

    @staticmethod
    def entries_of(lines: Sequence[Line]) -> list[Entry]:
        return [line.entry for line in lines if line.entry is not None]

    def add_action(self, action: QAction) -> None:
        self.more_menu.addAction(action)

    def part_from_here(self, action: QAction) -> None:
        """What cannot be undone stands apart."""
        self.more_menu.insertSeparator(action)


def _short(text: str) -> str:
    return text if len(text) <= 28 else f"{text[:14]}…{text[-12:]}"
