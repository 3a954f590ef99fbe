"""Tab reaches everything that can be worked with, on every page, forwards and backwards."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMainWindow, QWidget

from core.base.places import Places
from gui.parts.buttons import Segments
from gui.parts.focus import begin_at, enter, tab_as_read
from tests.gui.test_bad_input import EVERY_PAGE, console, opened_page, profile_at


def stops(window: QWidget) -> list[QWidget]:
    return [
        widget
        for widget in window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
        and widget.window() is window
        and widget.isVisible()
        and widget.isEnabled()
    ]


def walked(window: QWidget, back: bool = False) -> list[QWidget]:
    """Where the keys are after each step, until they come to the first of these again. The step that Tab makes, without
    the key: an editor of SQL takes it for itself, and F6 leads out."""
    seen: list[QWidget] = []
    while (now := _next(window, back)) not in seen:
        seen.append(now)
    return seen


def _next(window: QWidget, back: bool) -> QWidget:
    window.focusNextPrevChild(not back)
    now = window.focusWidget()
    assert now is not None
    return now


def lost(window: QWidget, back: bool = False) -> list[str]:
    seen = walked(window, back)
    return [widget.accessibleName() or type(widget).__name__ for widget in stops(window) if widget not in seen]


@pytest.mark.parametrize("back", [False, True], ids=["forwards", "backwards"])
def test_tab_reaches_everything_on_every_page(qtbot, home: Places, back: bool) -> None:
    profile_at(home, "http://127.0.0.1:9")
    with console(qtbot, "acme") as opened:
        window = opened.window
        for name in EVERY_PAGE:
            page = opened_page(qtbot, window, name)
            enter(page)
            assert not lost(window, back), name
            if name == "backups":
                page.show_half("objects")
                enter(page)
                assert not lost(window, back), "objects"
            reached = [page_id for page_id, button in window.rail.buttons.items() if button in stops(window)]
            assert reached == [name], "the arrows lead to the other pages"


def test_keys_begin_where_a_page_begins_wherever_they_came_from(qtbot, home: Places) -> None:
    profile_at(home, "http://127.0.0.1:9")
    with console(qtbot, "acme") as opened:
        window = opened.window
        digits = opened_page(qtbot, window, "digits")
        digits.draw.pad.setFocus()
        qtbot.waitUntil(lambda: window.focusWidget() is digits.draw.pad)
        page = opened_page(qtbot, window, "warehouse")
        assert window.focusWidget() is page.editors.editor
        page.tree.search.setFocus()
        window.go("digits")
        window.go("warehouse")
        assert window.focusWidget() is page.tree.search, "and go back to where they were"


def test_what_stands_before_the_beginning_is_reached(qtbot) -> None:
    window, part = QMainWindow(), QWidget()
    qtbot.addWidget(window)
    first, choice, last = QLineEdit(), Segments((("a", "A"), ("b", "B")), "One of"), QLineEdit()
    layout = QHBoxLayout(part)
    for widget in (last, choice, first):  # built in one order, read in another
        layout.insertWidget(0, widget)
    window.setCentralWidget(part)
    begin_at(part, choice)
    tab_as_read(part)
    choice.choose("b")  # which was no stop when the order was made
    window.show()
    enter(part)
    begun = window.focusWidget()
    assert begun is not None and begun.accessibleName() == "One of: B"
    assert walked(window) == [last, first, begun]
    assert walked(window, back=True) == [begun, first, last]
