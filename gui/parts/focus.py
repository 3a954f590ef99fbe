"""The order in which Tab visits things: as they are read, top to bottom and left to right, whatever was built first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from operator import itemgetter

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLayout, QPushButton, QScrollArea, QSplitter, QStackedWidget, QTableWidget, QWidget

_BEGIN = "keysBegin"


def tab_as_read(root: QWidget) -> None:
    """Let Tab go through ``root`` as its layouts stand now."""
    for before, after in pairwise(_reached(root, Qt.FocusPolicy.StrongFocus)):
        QWidget.setTabOrder(before, after)


def begin_at(part: QWidget, target: QWidget) -> None:
    """Let keys that enter ``part`` for the first time go to ``target``.

    Not Qt's focus proxy: Tab goes from such a part straight to its proxy, and never to what is read before that one.
    """
    part.setProperty(_BEGIN, target)


def first_to_fill(root: QWidget) -> QWidget | None:
    """Where keys are wanted first: the first field or list in ``root`` that can be used now, else its first button."""
    usable = [
        widget for widget in _reached(root, Qt.FocusPolicy.TabFocus) if widget.isEnabled() and widget.isVisibleTo(root)
    ]
    fields = (widget for widget in usable if not isinstance(widget, QPushButton))
    return next(fields, usable[0] if usable else None)


def enter(part: QWidget, reason: Qt.FocusReason = Qt.FocusReason.ShortcutFocusReason, *, anew: bool = False) -> None:
    """Give the keys to a part of the window: where they were in it (unless ``anew``), else where it begins."""
    target = (None if anew else part.focusWidget()) or _begin(part) or first_to_fill(part) or part
    target.setFocus(reason)


def _begin(part: QWidget) -> QWidget | None:
    begin: QWidget | None = part.property(_BEGIN)
    return begin and (_begin(begin) or begin)


def _reached(widget: QWidget, policy: Qt.FocusPolicy) -> Iterator[QWidget]:
    """What takes the keys by ``policy`` in any of its ways. Of choices side by side Tab reaches the chosen one only, and
    that may be another one soon: all of them have their place."""
    parts = list(_parts(widget))
    if widget.focusPolicy() & policy and widget.focusProxy() is None:
        yield widget
    for part in parts:
        yield from _reached(part, policy)


def _parts(widget: QWidget) -> Iterator[QWidget]:
    if isinstance(widget, QSplitter | QStackedWidget):
        yield from filter(None, (widget.widget(number) for number in range(widget.count())))
    elif isinstance(widget, QScrollArea):
        yield from filter(None, [widget.widget()])
    elif isinstance(widget, QTableWidget):
        cells = ((line, section) for line in range(widget.rowCount()) for section in range(widget.columnCount()))
        yield from filter(None, (widget.cellWidget(*cell) for cell in cells))
    elif (layout := widget.layout()) is not None:
        yield from _in(layout, widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly))


def _in(layout: QLayout, widgets: list[QWidget]) -> Iterator[QWidget]:
    """Those of ``widgets`` that stand in the layout, in its order. Never by its items: one that Python has seen keeps its
    address when Qt deletes it with its widget, and whatever comes to stand there is taken for it (a crash later)."""
    parts: list[tuple[int, QWidget | QLayout]] = [(layout.indexOf(widget), widget) for widget in widgets]
    parts += [(layout.indexOf(inner), inner) for inner in layout.children() if isinstance(inner, QLayout)]
    for place, part in sorted(parts, key=itemgetter(0)):
        if place >= 0 and isinstance(part, QWidget):
            yield part
        elif place >= 0 and isinstance(part, QLayout):
            yield from _in(part, widgets)
