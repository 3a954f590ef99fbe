"""Find and replace in a SQL editor: a bar above it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor, QTextDocument
from PySide6.QtWidgets import QFrame, QLineEdit, QWidget

from gui.parts.buttons import Button
from gui.parts.layout import row
from gui.parts.sql_editor import SqlEditor
from gui.parts.words import Label
from gui.style.tokens import Space


class FindBar(QFrame):
    """Find and replace in one editor; Enter finds the next, Esc closes."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor: SqlEditor | None = None
        self.needle, self.replacement = QLineEdit(), QLineEdit()
        self.needle.setPlaceholderText("Find")
        self.needle.setAccessibleName("Find")
        self.replacement.setPlaceholderText("Replace with")
        self.replacement.setAccessibleName("Replace with")
        self.count = Label("", "small")
        self.next_button = Button("Next", "small")
        self.replace_button = Button("Replace", "small")
        self.all_button = Button("Replace all", "small")
        close = Button("Close", "icon", icon_name="x")
        self.setLayout(
            row(
                self.needle, self.replacement, self.count, self.next_button, self.replace_button, self.all_button, close,
                margins=(Space.S, Space.XS, Space.S, Space.XS),
            )
        )  # fmt: skip
        self.needle.textChanged.connect(self._count)
        self.needle.returnPressed.connect(self.find_next)
        self.next_button.clicked.connect(self.find_next)
        self.replace_button.clicked.connect(self._replace_one)
        self.replacement.returnPressed.connect(self._replace_one)
        self.all_button.clicked.connect(self._replace_all)
        close.clicked.connect(self.shut)
        self.hide()

    def open(self, editor: SqlEditor) -> None:
        self._editor = editor
        chosen = editor.selected_text()
        if chosen and "\n" not in chosen:
            self.needle.setText(chosen)
        self.show()
        self.needle.setFocus()
        self.needle.selectAll()
        self._count()

    def shut(self) -> None:
        self.hide()
        if self._editor is not None:
            self._editor.setFocus()
        self.closed.emit()

    def find_next(self) -> None:
        editor, words = self._editor, self.needle.text()
        if editor is None or not words:
            return
        if not editor.find(words):
            cursor = editor.textCursor()
            cursor.movePosition(QTextCursor.MoveOperation.Start)
            found = editor.document().find(words, cursor)
            if not found.isNull():
                editor.setTextCursor(found)

    def _replace_one(self) -> None:
        editor, words = self._editor, self.needle.text()
        if editor is None or not words:
            return
        if editor.selected_text().lower() == words.lower():
            editor.textCursor().insertText(self.replacement.text())
        self.find_next()
        self._count()

    def _replace_all(self) -> None:
        editor, words = self._editor, self.needle.text()
        if editor is None or not words:
            return
        cursor = QTextCursor(editor.document())
        cursor.beginEditBlock()
        replaced = 0
        place = editor.document().find(words, cursor, QTextDocument.FindFlag(0))
        while not place.isNull():
            place.insertText(self.replacement.text())
            replaced += 1
            place = editor.document().find(words, place)
        cursor.endEditBlock()
        self.count.setText(f"{replaced} replaced")

    def _count(self) -> None:
        if self._editor is None:
            return
        words = self.needle.text().lower()
        found = self._editor.text.lower().count(words) if words else 0
        self.count.setText(f"{found} found" if words else "")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.shut()
            return
        super().keyPressEvent(event)
