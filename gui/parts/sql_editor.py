"""A SQL editor: line numbers, colours, the current statement marked, squiggles, completion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QRect, QSize, QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QCompleter, QListView, QPlainTextEdit, QTextEdit, QToolTip, QWidget

from gui.parts.sql_highlight import SqlHighlighter
from gui.style.theme import font, theme
from gui.style.tokens import Space

_LINE_ENDS = dict.fromkeys(map(ord, "\u2028\u2029\ufdd0\ufdd1"), "\n")
"""What Qt ends a line with."""
Mark = tuple[int, int, str]
"""A place in the text (start, end) and what is wrong there."""


class SqlEditor(QPlainTextEdit):
    """``statement_at(text, position)`` gives the (start, end) of the statement there; ``candidates(text, position)``
    the start of the word to complete and the words for it. Both must answer at once."""

    edited = Signal()
    """the text changed, and the hand has paused"""
    find_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.statement_at: Callable[[str, int], tuple[int, int] | None] = lambda _text, _position: None
        self.candidates: Callable[[str, int], tuple[int, list[str]]] = lambda _text, position: (position, [])
        self.setProperty("role", "mono")
        self.setProperty("kind", "code")
        self.setFont(font("mono"))
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabStopDistance(4 * self.fontMetrics().horizontalAdvance(" "))
        self.setAccessibleName("SQL")
        self.setPlaceholderText("Write SQL here. Ctrl+Enter runs the statement at the cursor, Ctrl+Space completes.")
        self._text = (-1, "")
        self._highlighter = SqlHighlighter(self.document())
        self._numbers = _LineNumbers(self)
        self._squiggles: list[Mark] = []
        self._errors: list[Mark] = []
        self._words = QStringListModel(self)
        self._completer = QCompleter(self._words, self)
        self._popup = QListView()
        self._popup.setFont(font("mono"))
        self._popup.setAccessibleName("Completions")
        self._completer.setPopup(self._popup)
        self._completer.setWidget(self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.activated[str].connect(self._complete)  # type: ignore[index]
        self._word_start = 0
        self._pause = QTimer(self, singleShot=True, interval=400)
        self._pause.timeout.connect(self.edited)
        self._soon = QTimer(self, singleShot=True, interval=30)
        self._soon.timeout.connect(self._mark)
        self.blockCountChanged.connect(self._make_room)
        self.updateRequest.connect(self._scroll_numbers)
        self.cursorPositionChanged.connect(self._soon.start)
        self.textChanged.connect(self._text_changed)
        theme().changed.connect(self._mark)
        self._make_room()

    # -- text ------------------------------------------------------------------------
    @property
    def text(self) -> str:
        """All of it as it is; made anew only after a change (a key asks several times, and 400 KB take milliseconds)."""
        revision = self.document().revision()
        if self._text[0] != revision:
            # not toPlainText, which makes plain blanks of no-break spaces: within quotes that is another value
            self._text = (revision, self.document().toRawText().translate(_LINE_ENDS))
        return self._text[1]

    @property
    def position(self) -> int:
        return _python(self.text, self.textCursor().position())

    def selected_text(self) -> str:
        """The selection with real line ends; "" without one."""
        return self.textCursor().selectedText().replace("\u2029", "\n").replace("\u2028", "\n")

    @property
    def selection_start(self) -> int:
        return _python(self.text, self.textCursor().selectionStart())

    def replace_text(self, text: str) -> None:
        """Exchange everything as one step of undo."""
        cursor = self.textCursor()
        cursor.beginEditBlock()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        cursor.endEditBlock()

    def insert(self, text: str) -> None:
        self.textCursor().insertText(text)
        self.setFocus()

    def go_to(self, start: int, end: int) -> None:
        self.setTextCursor(self._cursor(start, end))
        self.ensureCursorVisible()

    def show_squiggles(self, marks: Sequence[Mark]) -> None:
        """Where the text does not parse; replaced by every call."""
        self._squiggles = list(marks)
        self._mark()

    def show_errors(self, marks: Sequence[Mark]) -> None:
        """Where the server found fault; gone with the next edit."""
        self._errors = list(marks)
        self._mark()

    def _text_changed(self) -> None:
        self._errors = []
        self._pause.start()
        self._soon.start()

    # -- marks -------------------------------------------------------------------------
    def _mark(self) -> None:
        selections = []
        tokens = theme().tokens
        text = self.text
        place = self.statement_at(text, self.position)
        self._numbers.statement = None
        if place is not None:
            first = self.document().findBlock(_qt(text, place[0])).blockNumber()
            last = self.document().findBlock(_qt(text, max(place[0], place[1] - 1))).blockNumber()
            self._numbers.statement = (first, last)
        for marks, colour in ((self._squiggles, tokens.warning), (self._errors, tokens.danger)):
            for start, end, _message in marks:
                wave = QTextEdit.ExtraSelection()
                wave.cursor = self._cursor(start, end)
                wave.format.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
                wave.format.setUnderlineColor(QColor(colour))
                if marks is self._errors:
                    wave.format.setBackground(QColor(tokens.danger_soft))
                selections.append(wave)
        self.setExtraSelections(selections)
        self._numbers.update()
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line of the cursor is marked below the text: Qt's own full width leaves a gap behind slanted letters."""
        line = self.blockBoundingGeometry(self.textCursor().block()).translated(self.contentOffset())
        line.setLeft(0)
        line.setRight(self.viewport().width())
        painter = QPainter(self.viewport())
        painter.fillRect(line, theme().color("sunken"))
        painter.end()
        super().paintEvent(event)

    def _cursor(self, start: int, end: int) -> QTextCursor:
        text = self.text
        cursor = QTextCursor(self.document())
        cursor.setPosition(_qt(text, start))
        cursor.setPosition(_qt(text, end), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def event(self, event: object) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QHelpEvent.Type.ToolTip:
            under = self.cursorForPosition(self.viewport().mapFrom(self, event.pos())).position()
            at = _python(self.text, under)
            for start, end, message in [*self._errors, *self._squiggles]:
                if start <= at <= end:
                    QToolTip.showText(event.globalPos(), message, self)
                    return True
            QToolTip.hideText()
        if isinstance(event, QKeyEvent) and event.type() == QKeyEvent.Type.ShortcutOverride and _finds(event):
            event.accept()  # in a text it means to find in it, whatever it means around it
            return True
        return super().event(event)  # type: ignore[arg-type]

    # -- completion -----------------------------------------------------------------------
    def keyPressEvent(self, event: QKeyEvent) -> None:
        popup = self._popup
        if popup.isVisible() and self._popup_takes(event):
            return
        if _finds(event):
            self.find_asked.emit()
            return
        if event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self.offer(always=True)
            return
        if event.key() == Qt.Key.Key_Tab and not event.modifiers():
            if self.textCursor().hasSelection():
                self._shift(True)
            else:
                self.insertPlainText("    ")
            return
        if event.key() == Qt.Key.Key_Backtab:
            self._shift(False)
            return
        if event.key() == Qt.Key.Key_Slash and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self._comment_out()
            return
        if event.matches(QKeySequence.StandardKey.InsertParagraphSeparator):
            self._new_line()
            return
        super().keyPressEvent(event)
        text = event.text()
        if text and (text.isalnum() or text in "_."):
            self.offer(always=text == ".")
        elif popup.isVisible():
            self.offer(always=False)

    def _popup_takes(self, event: QKeyEvent) -> bool:
        """Tab takes the first word; Enter only a word that was chosen by the arrows, else it is a new line."""
        chosen = self._popup.currentIndex()
        if event.key() == Qt.Key.Key_Tab:
            self._popup.hide()
            self._complete(self._words.stringList()[max(0, chosen.row())])
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            if chosen.isValid():
                event.ignore()  # the completer inserts it
                return True
            self._popup.hide()
            return False
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Backtab):
            event.ignore()
            return True
        return False

    def offer(self, *, always: bool) -> None:
        """Show what could stand here; without ``always`` only for a word of two letters at least."""
        position = self.position
        self._word_start, words = self.candidates(self.text, position)
        typed = position - self._word_start
        if not words or (not always and typed < 2):
            self._popup.hide()
            return
        self._words.setStringList(words[:200])
        popup = self._popup
        place = self.cursorRect()
        place.translate(self.viewportMargins().left(), 0)
        place.setWidth(popup.sizeHintForColumn(0) + popup.verticalScrollBar().sizeHint().width() + Space.L)
        self._completer.complete(place)
        popup.setCurrentIndex(QModelIndex())  # Enter is a new line until the arrows have chosen

    def _complete(self, word: str) -> None:
        cursor = self.textCursor()
        cursor.setPosition(_qt(self.text, self._word_start))
        cursor.setPosition(self.textCursor().position(), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(word)
        self.setTextCursor(cursor)

    # -- editing ------------------------------------------------------------------------------
    def _new_line(self) -> None:
        """A new line begins where the last one began."""
        line = self.textCursor().block().text()
        self.insertPlainText("\n" + line[: len(line) - len(line.lstrip())])
        self.ensureCursorVisible()

    def _lines(self) -> tuple[int, int]:
        cursor = self.textCursor()
        first = self.document().findBlock(cursor.selectionStart()).blockNumber()
        last = self.document().findBlock(max(cursor.selectionStart(), cursor.selectionEnd() - 1)).blockNumber()
        return first, last

    def _shift(self, right: bool) -> None:
        self._each_line(lambda line: "    " + line if right else line[len(line[:4]) - len(line[:4].lstrip(" ")) :])

    def _comment_out(self) -> None:
        first, last = self._lines()
        lines = [self.document().findBlockByNumber(number).text() for number in range(first, last + 1)]
        off = all(line.lstrip().startswith("--") or not line.strip() for line in lines)
        self._each_line(
            lambda line: (
                line.replace("-- ", "", 1).replace("--", "", 1) if off else f"-- {line}" if line.strip() else line
            )
        )

    def _each_line(self, change: Callable[[str], str]) -> None:
        """In one piece: an edit a line takes 0.3 ms, and a file has ten thousand."""
        first, last = self._lines()
        blocks = [self.document().findBlockByNumber(number) for number in (first, last)]
        lines = [self.document().findBlockByNumber(number).text() for number in range(first, last + 1)]
        changed = [change(line) for line in lines]
        if changed == lines:
            return
        cursor = QTextCursor(self.document())
        begin, here = blocks[0].position(), self.textCursor()
        cursor.setPosition(begin)
        cursor.setPosition(blocks[1].position() + blocks[1].length() - 1, QTextCursor.MoveMode.KeepAnchor)
        column = max(0, here.positionInBlock() + len(changed[0]) - len(lines[0]))
        cursor.insertText("\n".join(changed))
        if here.hasSelection():
            cursor.setPosition(begin, QTextCursor.MoveMode.KeepAnchor)
        else:
            cursor.setPosition(begin + column)
        self.setTextCursor(cursor)

    # -- line numbers ----------------------------------------------------------------------------
    def number_width(self) -> int:
        digits = max(3, len(str(self.blockCount())))
        return self.fontMetrics().horizontalAdvance("9") * digits + Space.L

    def _make_room(self) -> None:
        self.setViewportMargins(self.number_width(), 0, 0, 0)

    def _scroll_numbers(self, area: QRect, dy: int) -> None:
        if dy:
            self._numbers.scroll(0, dy)
        else:
            self._numbers.update(0, area.y(), self._numbers.width(), area.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        inner = self.contentsRect()
        self._numbers.setGeometry(QRect(inner.left(), inner.top(), self.number_width(), inner.height()))


def _finds(event: QKeyEvent) -> bool:
    return event.matches(QKeySequence.StandardKey.Find)


def _qt(text: str, position: int) -> int:
    """A place in a Python text as Qt counts: UTF-16 units, two for an emoji."""
    before = text[:position]
    return len(before) if before.isascii() else len(before.encode("utf-16-le", "surrogatepass")) // 2


def _python(text: str, units: int) -> int:
    """Qt's place as Python counts."""
    if text.isascii():
        return units
    return len(text.encode("utf-16-le", "surrogatepass")[: units * 2].decode("utf-16-le", "replace"))


class _LineNumbers(QWidget):
    """The gutter: numbers, and a bar along the lines of the statement that would run."""

    def __init__(self, editor: SqlEditor) -> None:
        super().__init__(editor)
        self._editor = editor
        self.statement: tuple[int, int] | None = None
        self.setAccessibleName("Line numbers")

    def sizeHint(self) -> QSize:
        return QSize(self._editor.number_width(), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        editor, tokens = self._editor, theme().tokens
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(tokens.surface))
        block = editor.firstVisibleBlock()
        top = round(editor.blockBoundingGeometry(block).translated(editor.contentOffset()).top())
        current = editor.textCursor().blockNumber()
        while block.isValid() and top <= event.rect().bottom():
            height = round(editor.blockBoundingRect(block).height())
            number = block.blockNumber()
            if self.statement and self.statement[0] <= number <= self.statement[1]:
                painter.fillRect(self.width() - 4, top, 3, height, QColor(tokens.accent))
            used = QFont(editor.font())
            used.setWeight(QFont.Weight.Medium if number == current else QFont.Weight.Normal)
            painter.setFont(used)
            painter.setPen(QColor(tokens.text if number == current else tokens.text3))
            painter.drawText(0, top, self.width() - 10, height, Qt.AlignmentFlag.AlignRight, str(number + 1))
            block = block.next()
            top += height
