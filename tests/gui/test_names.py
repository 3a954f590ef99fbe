"""A screen reader finds a name on everything that can be worked with, on every page, and no words are cut in a small window."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollBar,
    QStackedWidget,
    QTabBar,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from core.base.places import Places
from gui.parts.words import ElidedLabel
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
    """Words on buttons and one-line labels that have less room than they need. Left out: what gives way with an ellipsis."""
    found = []
    for widget in root.findChildren(QWidget):
        if (
            not isinstance(widget, QAbstractButton | QLabel)
            or isinstance(widget, ElidedLabel)
            or not widget.isVisible()
        ):
            continue
        if widget.text() and not (isinstance(widget, QLabel) and widget.wordWrap()):
            needed = widget.sizeHint().width()
            if widget.width() < needed - 1:
                found.append(f"{type(widget).__name__} {widget.text()[:40]!r}: {widget.width()} of {needed} pixels")
    return found


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


_DIALOGS = {
    "digits.train": "TrainDialog",
    "streams.create": "CreateDialog",
    "warehouse.history": "HistoryDialog",
    "warehouse.saved": "SavedDialog",
    "warehouse.extract": "ExtractDialog",
    "backups.plan": "PlanWizard",
}
"""What opens without an answer from AWS."""


def test_everything_in_a_dialog_has_a_name_and_fits_a_small_window(
    qtbot, home: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    profile_at(home, "http://127.0.0.1:9")
    with console(qtbot, "acme") as opened:
        window = opened.window
        window.resize(1024, 700)
        for command, kind in _DIALOGS.items():
            window.go(command.partition(".")[0])
            qtbot.waitUntil(lambda command=command: command in window.commands._commands, timeout=30_000)
            window.commands._commands[command].action.trigger()

            def shown(kind: str = kind) -> list[QDialog]:
                found = [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible()]
                return [dialog for dialog in found if type(dialog).__name__ == kind]

            qtbot.waitUntil(lambda: bool(shown()), timeout=30_000)
            (dialog,) = shown()
            assert nameless(dialog) == [] and clipped(dialog) == [], kind
            assert dialog.height() <= window.height() and dialog.width() <= window.width(), kind
            dialog.reject()
