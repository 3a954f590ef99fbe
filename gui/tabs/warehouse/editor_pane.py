"""SQL files as inner tabs over one editor each; which are open, and what stands in them, is told for keeping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QPoint, QSize, Signal
from PySide6.QtWidgets import QFrame, QMenu, QStackedWidget, QTabBar, QWidget

from gui.parts.buttons import Button
from gui.parts.dialogs import LineDialog
from gui.parts.find_bar import FindBar
from gui.parts.focus import begin_at
from gui.parts.layout import column, row
from gui.parts.sql_editor import SqlEditor
from gui.style.tokens import Space


@dataclass(frozen=True, slots=True)
class OpenFile:
    """key: stays the same while the file is open. path: on disk, "" for one that was never saved."""

    key: int
    title: str
    text: str
    path: str


class EditorPane(QFrame):
    file_shown = Signal(int)
    file_closed = Signal(object)
    """an OpenFile, as it was"""
    text_typed = Signal(int)
    """the text or the name of a file changed"""
    text_edited = Signal(int)
    """the text of a file changed, and the hand has paused"""
    run_asked = Signal()
    format_asked = Signal()
    open_asked = Signal()
    save_asked = Signal()
    save_as_asked = Signal()
    keep_asked = Signal()
    reopen_asked = Signal()
    closed_asked = Signal()
    history_asked = Signal()
    saved_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.statement_at: Callable[[str, int], tuple[int, int] | None] = lambda _text, _position: None
        self.candidates: Callable[[str, int], tuple[int, list[str]]] = lambda _text, position: (position, [])
        self.tabs = QTabBar()
        self.tabs.setTabsClosable(True)
        self.tabs.setMovable(False)
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setIconSize(QSize(14, 14))
        self.tabs.setAccessibleName("SQL files")
        self.add_button = Button("New SQL file (Ctrl+T)", "icon", icon_name="plus")
        self.format_button = Button("Format", "icon", icon_name="wand-2")
        self.find_button = Button("Find and replace (Ctrl+H, in the SQL Ctrl+F)", "icon", icon_name="search")
        self.saved_button = Button("Saved queries", "icon", icon_name="bookmark")
        self.history_button = Button("History", "icon", icon_name="history")
        self.more_button = Button("File", "icon", icon_name="ellipsis")
        self.stack = QStackedWidget(self)
        self.find_bar = FindBar()
        head = row(
            self.tabs, self.add_button, None, self.format_button, self.find_button, self.saved_button,
            self.history_button, self.more_button, gap=2, margins=(Space.S, Space.XS, Space.S, 0),
        )  # fmt: skip
        layout = column(head, self.find_bar, self.stack, gap=0, margins=(1, 0, 1, Space.S))
        layout.setStretch(2, 1)
        self.setLayout(layout)
        self._editors: dict[int, SqlEditor] = {}
        self._titles: dict[int, str] = {}
        self._paths: dict[int, str] = {}
        self._next = 1
        self.tabs.currentChanged.connect(self._shown)
        self.tabs.tabCloseRequested.connect(self.close_file_at)
        self.tabs.tabBarDoubleClicked.connect(self._rename)
        self.add_button.clicked.connect(self.new_file)
        self.find_button.clicked.connect(self.open_find)
        self.more_button.clicked.connect(self._menu)
        for button, signal in (
            (self.format_button, self.format_asked),
            (self.saved_button, self.saved_asked),
            (self.history_button, self.history_asked),
        ):
            button.clicked.connect(signal)

    # -- files -------------------------------------------------------------------------
    def add_file(self, text: str = "", title: str = "", path: str = "") -> int:
        """Open another file and show it; return its key."""
        key, self._next = self._next, self._next + 1
        editor = SqlEditor()
        editor.setProperty("kind", "embedded")
        editor.statement_at = lambda words, position: self.statement_at(words, position)
        editor.candidates = lambda words, position: self.candidates(words, position)
        editor.setPlainText(text)
        editor.textChanged.connect(partial(self.text_typed.emit, key))
        editor.find_asked.connect(self.open_find)
        editor.edited.connect(partial(self.text_edited.emit, key))
        self._editors[key], self._titles[key], self._paths[key] = editor, title or self.free_title(), path
        self.stack.addWidget(editor)
        index = self.tabs.addTab(self._titles[key])
        self.tabs.setTabData(index, key)
        self.tabs.setCurrentIndex(index)
        self._shown(index)
        return key

    def new_file(self) -> None:
        """An empty file, for typing into."""
        self.add_file()
        self.editor.setFocus()

    def free_title(self) -> str:
        """A name that no open file has."""
        taken = set(self._titles.values())
        return next(name for number in range(1, 10_000) if (name := f"query {number}.sql") not in taken)

    def close_file_at(self, index: int) -> None:
        key = self.tabs.tabData(index)
        editor = self._editors.pop(key)
        gone = OpenFile(key, self._titles.pop(key), editor.text, self._paths.pop(key))
        self.tabs.removeTab(index)
        self.stack.removeWidget(editor)
        editor.deleteLater()
        self.file_closed.emit(gone)
        if not self._editors:
            self.add_file()

    def close_file(self, key: int) -> None:
        self.close_file_at(self._index(key))

    def close_current(self) -> None:
        self.close_file_at(self.tabs.currentIndex())

    def _index(self, key: int) -> int:
        return next(index for index in range(self.tabs.count()) if self.tabs.tabData(index) == key)

    @property
    def current_key(self) -> int:
        return int(self.tabs.tabData(self.tabs.currentIndex()) or 0)

    @property
    def editor(self) -> SqlEditor:
        """The editor shown."""
        return self._editors[self.current_key]

    def editor_of(self, key: int) -> SqlEditor | None:
        return self._editors.get(key)

    def files(self) -> list[OpenFile]:
        """All that is open, in the order of the tabs."""
        return [self.file_of(self.tabs.tabData(index)) for index in range(self.tabs.count())]

    def file_of(self, key: int) -> OpenFile:
        return OpenFile(key, self._titles[key], self._editors[key].text, self._paths[key])

    def path_of(self, key: int) -> str:
        return self._paths.get(key, "")

    def title_of(self, key: int) -> str:
        return self._titles.get(key, "")

    def name_file(self, key: int, title: str, path: str = "") -> None:
        self._titles[key] = title
        self._paths[key] = path or self._paths[key]
        self.tabs.setTabText(self._index(key), title)
        self.tabs.setTabToolTip(self._index(key), self._paths[key])
        self.text_typed.emit(key)

    def show_file(self, index: int) -> None:
        if 0 <= index < self.tabs.count():
            self.tabs.setCurrentIndex(index)

    def show_key(self, key: int) -> None:
        self.show_file(self._index(key))

    def choose_next(self, step: int) -> None:
        """The next of the open files."""
        self.tabs.setCurrentIndex((self.tabs.currentIndex() + step) % self.tabs.count())
        self.editor.setFocus()

    def show_running(self, key: int, running: bool) -> None:
        """A mark at the tab of a file whose statement runs."""
        for index in range(self.tabs.count()):
            if self.tabs.tabData(index) == key:
                self.tabs.setTabText(index, f"{self._titles[key]} …" if running else self._titles[key])

    def open_find(self) -> None:
        self.find_bar.open(self.editor)

    def _shown(self, index: int) -> None:
        key = self.tabs.tabData(index) if index >= 0 else None
        if key in self._editors:
            self.stack.setCurrentWidget(self._editors[key])
            begin_at(self, self._editors[key])
            self.find_bar.hide()
            self.file_shown.emit(key)

    def _rename(self, index: int) -> None:
        if index < 0:
            return
        key = self.tabs.tabData(index)
        dialog = LineDialog("Rename the file", "Name", "Rename", self._titles[key], parent=self)
        dialog.ordered.connect(partial(self._renamed, key))
        dialog.open()

    def _renamed(self, key: int, title: str) -> None:
        if key in self._editors:
            self.name_file(key, title)

    def _menu(self) -> None:
        menu = QMenu(self)
        menu.addAction("Open a SQL file…", self.open_asked.emit)
        menu.addAction("Save", self.save_asked.emit)
        menu.addAction("Save as another file…", self.save_as_asked.emit)
        menu.addAction("Keep as a saved query…", self.keep_asked.emit)
        menu.addSeparator()
        menu.addAction("Close this file", self.close_current)
        menu.addAction("Open the closed file again", self.reopen_asked.emit)
        menu.addAction("Closed files…", self.closed_asked.emit)
        menu.popup(self.more_button.mapToGlobal(QPoint(0, self.more_button.height())))
