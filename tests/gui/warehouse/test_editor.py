"""The SQL editor by keys: completion, new lines, comments, find and replace, marks behind an emoji."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from gui.parts.find_bar import FindBar
from gui.parts.sql_editor import SqlEditor


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


def test_two_thousand_lines_are_coloured(editor: SqlEditor) -> None:
    editor.setPlainText("\n".join(["SELECT 'a', 1 -- note", "/* open /* nested */ still", "*/ FROM t;"] * 700))
    block = editor.document().findBlockByNumber(1)
    assert block.userState() > 0  # inside a comment
    assert editor.document().findBlockByNumber(2).userState() == 0
    kinds = {f.format.foreground().color().name() for f in editor.document().findBlockByNumber(0).layout().formats()}
    assert len(kinds) >= 4
