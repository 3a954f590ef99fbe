"""A screen reader finds a name on everything that can be worked with, on every page, and no words are cut in a small window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollBar,
    QStackedWidget,
    QStyle,
    QStyleOptionComboBox,
    QStyleOptionFrame,
    QTabBar,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from core.base.places import Places
from tests.gui.test_bad_input import EVERY_PAGE, console, opened_page, profile_at

_WORKED_WITH = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QTabBar, QTextEdit,
)  # fmt: skip
_PARTS = (QScrollBar, QHeaderView)
"""Belong to a widget that has the name."""


def nameless(root: QWidget) -> list[str]:
    """What has neither words on it nor a name. Left out: what is hidden until it has words, and Qt's own parts of a widget."""
    found = []
    for widget in root.findChildren(QWidget):
        if not isinstance(widget, _WORKED_WITH) or isinstance(widget, _PARTS) or widget.objectName().startswith("qt_"):
            continue
        above = widget.parentWidget()
        if isinstance(above, (QComboBox, QAbstractSpinBox, QTabBar, QAbstractItemView, QLineEdit)) or (
            above is not None and above.metaObject().className() == "QComboBoxPrivateContainer"
        ):
            continue
        words = widget.text() if isinstance(widget, QAbstractButton) else ""
        if not _put_away(widget, root) and not widget.accessibleName().strip() and not words.strip():
            line, place = [], widget
            while place is not None and place is not root:
                line.append(type(place).__name__)
                place = place.parentWidget()
            found.append(" < ".join(line))
    return found


def clipped(root: QWidget) -> list[str]:
    """Words on buttons, labels, fields' hints and choices that have less room than they need. Left out: a choice whose
    tooltip has all of it."""
    found = []
    for widget in root.findChildren(QWidget):
        if widget.isVisible() and (words := _words_on(widget)):
            lines = isinstance(widget, QLabel) and widget.wordWrap()
            needed, given = (
                (widget.heightForWidth(widget.width()), widget.height()) if lines else (_needed(widget), widget.width())
            )
            if given < needed - 1 and not (isinstance(widget, QComboBox) and widget.toolTip() == words):
                found.append(f"{type(widget).__name__} {words[:40]!r}: {given} of {needed} pixels")
    return found


def _words_on(widget: QWidget) -> str:
    if isinstance(widget, QAbstractButton | QLabel):
        return widget.text()
    if isinstance(widget, QComboBox):
        return "" if widget.isEditable() else widget.currentText()
    return widget.placeholderText() if isinstance(widget, QLineEdit) and not widget.text() else ""


def _needed(widget: QWidget) -> int:
    """The width at which all of its words are read."""
    if isinstance(widget, QLineEdit):
        margins = widget.textMargins()
        option = QStyleOptionFrame()
        widget.initStyleOption(option)
        room = widget.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, widget).width()
        words = widget.fontMetrics().horizontalAdvance(widget.placeholderText())
        return words + margins.left() + margins.right() + widget.width() - room + 4  # Qt's own 2 on either side
    if isinstance(widget, QComboBox):
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = widget.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, widget).width()
        return widget.fontMetrics().horizontalAdvance(widget.currentText()) + widget.width() - room
    return widget.sizeHint().width()


def _put_away(widget: QWidget, root: QWidget) -> bool:
    """Hidden, or in something hidden; a page that others stand before is not."""
    place: QWidget | None = widget
    while place is not None and place is not root:
        if place.isHidden() and not isinstance(place.parentWidget(), QStackedWidget):
            return True
        place = place.parentWidget()
    return False


def test_everything_on_every_page_has_a_name(qtbot, home: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    profile_at(home, "http://127.0.0.1:9")
    with console(qtbot, "acme") as opened:
        window = opened.window
        for name in EVERY_PAGE:
            opened_page(qtbot, window, name)
        found = nameless(window)
        assert not found, "\n".join(found)
        window.resize(1024, 700)
        for name in EVERY_PAGE:
            window.go(name)
            qtbot.wait(50)
            QCoreApplication.sendPostedEvents()  # words that have just come are not laid out yet
            cut = clipped(window)
            assert not cut, f"{name}: " + "\n".join(cut)


def test_words_that_are_cut_are_found(qtbot) -> None:
    root = QWidget()
    qtbot.addWidget(root)
    narrow = QPushButton("Histogram", root)
    root.show()
    assert clipped(root) == []
    narrow.setFixedWidth(22)
    qtbot.waitUntil(lambda: narrow.width() == 22)
    assert clipped(root) == [f"QPushButton 'Histogram': 22 of {narrow.sizeHint().width()} pixels"]


def test_what_has_no_name_is_found(qtbot) -> None:
    root = QWidget()
    qtbot.addWidget(root)
    layout = QVBoxLayout(root)
    for widget in (QLineEdit(), QComboBox(), QTabBar()):
        layout.addWidget(widget)
    assert nameless(root) == ["QLineEdit", "QComboBox", "QTabBar"]
    for widget in root.findChildren(QWidget):
        widget.setAccessibleName("named")
    assert nameless(root) == []
