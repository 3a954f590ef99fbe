"""The SQL editor by keys: completion, new lines, comments, find and replace, marks behind an emoji."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor

from gui.parts.find_bar import FindBar
from gui.parts.sql_editor import SqlEditor
from gui.style.theme import theme


@pytest.fixture
def editor(qtbot) -> SqlEditor:
    made = SqlEditor()
    qtbot.addWidget(made)
    words = ["order_id", "ordered_at", "orders"]
    made.candidates = lambda text, position: (
        position - len(text[:position].split(" ")[-1]),
        [word for word in words if word.startswith(text[:position].split(" ")[-1])],
    )
    made.resize(600, 300)
    made.show()
    return made


def test_tab_takes_the_first_word_and_enter_is_a_new_line(editor: SqlEditor, qtbot) -> None:
    qtbot.keyClicks(editor, "select or")
    assert editor._popup.isVisible()
    qtbot.keyClick(editor, Qt.Key.Key_Tab)
    assert editor.toPlainText() == "select order_id"
    qtbot.keyClicks(editor, " from or")
    assert editor._popup.isVisible()
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert editor.toPlainText() == "select order_id from or\n"
    assert not editor._popup.isVisible()


def test_a_word_chosen_by_the_arrows_is_taken_by_enter(editor: SqlEditor, qtbot) -> None:
    qtbot.keyClicks(editor, "or")
    qtbot.keyClick(editor._popup, Qt.Key.Key_Down)
    qtbot.keyClick(editor._popup, Qt.Key.Key_Down)
    qtbot.keyClick(editor._popup, Qt.Key.Key_Return)
    assert editor.toPlainText() == "ordered_at"


def test_lines_keep_their_indent_and_can_be_commented_out(editor: SqlEditor, qtbot) -> None:
    editor.setPlainText("  a\n  b")
    editor.go_to(3, 3)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert editor.toPlainText() == "  a\n  \n  b"
    editor.selectAll()
    qtbot.keyClick(editor, Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier)
    assert editor.toPlainText() == "--   a\n  \n--   b"
    editor.selectAll()
    qtbot.keyClick(editor, Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier)
    assert editor.toPlainText() == "  a\n  \n  b"


def test_places_are_right_behind_an_emoji(editor: SqlEditor) -> None:
    editor.setPlainText("select '😀', wrong")
    editor.go_to(12, 17)
    assert editor.selected_text() == "wrong"
    assert editor.selection_start == 12
    editor.show_errors([(12, 17, "no such column")])
    marked = [s.cursor.selectedText() for s in editor.extraSelections() if s.cursor.hasSelection()]
    assert marked == ["wrong"]


def test_the_text_is_what_was_typed_no_break_spaces_too(editor: SqlEditor, qtbot) -> None:
    editor.setPlainText("SELECT 'a\xa0b'")
    editor.moveCursor(QTextCursor.MoveOperation.End)
    qtbot.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(editor, "-- x")
    assert editor.text == "SELECT 'a\xa0b'\n-- x"


def test_find_and_replace(editor: SqlEditor, qtbot) -> None:
    bar = FindBar()
    qtbot.addWidget(bar)
    editor.setPlainText("a b a b a")
    editor.go_to(0, 0)
    bar.open(editor)
    bar.needle.setText("a")
    assert bar.count.text() == "3 found"
    bar.find_next()
    assert editor.selected_text() == "a"
    bar.replacement.setText("xx")
    bar.all_button.click()
    assert editor.toPlainText() == "xx b xx b xx"
    editor.undo()
    assert editor.toPlainText() == "a b a b a"


def kinds(editor: SqlEditor, line: int) -> set[str]:
    formats = editor.document().findBlockByNumber(line).layout().formats()
    return {f.format.foreground().color().name() for f in formats}


def test_two_thousand_lines_are_coloured_between_events(editor: SqlEditor, qtbot) -> None:
    """Ten thousand held the window for a second, and a quote typed at the top for 0.7 s."""
    editor.setPlainText("\n".join(["SELECT 'a', 1 -- note", "/* open /* nested */ still", "*/ FROM t;"] * 700))
    last = editor.document().lastBlock()
    assert last.userState() == -1  # not yet looked at
    qtbot.waitUntil(lambda: last.userState() == 0)
    block = editor.document().findBlockByNumber(1)
    assert block.userState() > 0  # inside a comment
    assert editor.document().findBlockByNumber(2).userState() == 0
    assert len(kinds(editor, 0)) >= 4
    keyword = kinds(editor, 2099)
    qtbot.keyClicks(editor, "/*")
    qtbot.waitUntil(lambda: last.userState() > 0)  # all below is a comment now
    assert kinds(editor, 2099) != keyword
    qtbot.keyClick(editor, Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: last.userState() == 0 and kinds(editor, 2099) == keyword)


def test_commenting_leaves_the_cursor_in_its_word(editor: SqlEditor, qtbot) -> None:
    editor.setPlainText("SELECT 1\nFROM here")
    editor.go_to(14, 14)
    qtbot.keyClick(editor, Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier)
    assert (editor.toPlainText(), editor.position, editor.selected_text()) == ("SELECT 1\n-- FROM here", 17, "")
    qtbot.keyClick(editor, Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier)
    assert (editor.toPlainText(), editor.position) == ("SELECT 1\nFROM here", 14)


def test_the_line_of_the_cursor_is_marked_without_a_gap(editor: SqlEditor, qtbot) -> None:
    editor.setPlainText("-- slanted words end here\nSELECT 1")
    editor.go_to(0, 0)
    editor._mark()
    picture = editor.viewport().grab().toImage()
    line = editor.cursorRect()
    above = {picture.pixelColor(x, line.top()).name() for x in range(line.right() + 2, picture.width())}
    assert above == {theme().color("sunken").name()}
    below = {picture.pixelColor(x, line.bottom() + 3).name() for x in range(picture.width() - 20, picture.width())}
    assert theme().color("sunken").name() not in below
