"""Rows, columns and cards with the design's distances."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from gui.parts.words import Label
from gui.style.tokens import Space

Item = QWidget | QLayout | int | None
"""In a row or column: a widget, a layout, a fixed gap in pixels, or None for a stretch."""


def row(*items: Item, gap: int = Space.S, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QHBoxLayout:
    layout = QHBoxLayout()
    _fill(layout, items, gap, margins)
    return layout


def column(*items: Item, gap: int = Space.S, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QVBoxLayout:
    layout = QVBoxLayout()
    _fill(layout, items, gap, margins)
    return layout


def _fill(layout: QBoxLayout, items: tuple[Item, ...], gap: int, margins: tuple[int, int, int, int]) -> None:
    layout.setSpacing(gap)
    layout.setContentsMargins(*margins)
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        elif isinstance(item, QLayout):
            layout.addLayout(item)
        else:
            layout.addWidget(item)


class Card(QFrame):
    """A titled surface: title left, ``aside`` widgets right, the body below (``card.body`` is a column layout)."""

    def __init__(self, title: str = "", *aside: QWidget, note: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        outer.setSpacing(Space.S)
        self.title = Label(title, "h2")
        self.note = Label(note, "small")
        self.head = row(self.title, self.note, None, *aside)
        self.head.setAlignment(self.note, Qt.AlignmentFlag.AlignVCenter)
        self.title.setVisible(bool(title))
        self.note.setVisible(bool(note))
        if title or aside:
            outer.addLayout(self.head)
        self.body = QVBoxLayout()
        self.body.setSpacing(Space.S)
        outer.addLayout(self.body, 1)
        if title:
            self.setAccessibleName(title)

    def stand_title(self, *, above: bool) -> None:
        """Where the head is crowded the title may stand above it, in a line of its own."""
        place = self.layout() if above else self.head
        assert isinstance(place, QBoxLayout)
        place.insertWidget(0, self.title)

    def set_note(self, text: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))


def rule() -> QFrame:
    """A thin line across."""
    line = QFrame()
    line.setProperty("kind", "rule")
    line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return line


class _Area(QScrollArea):
    """``content`` keeps its width, and so its right edge, whether the scroll bar shows in the gutter or not."""

    def __init__(self, gutter: int, parent: QWidget | None) -> None:
        super().__init__(parent)
        self._gutter = gutter
        self.verticalScrollBar().rangeChanged.connect(self._keep_width)
        self._keep_width(0, 0)

    def _keep_width(self, least: int, most: int) -> None:
        taken = self.verticalScrollBar().sizeHint().width() if most > least else 0
        self.setViewportMargins(0, 0, max(0, self._gutter - taken), 0)


def scrolled(
    content: QWidget, parent: QWidget | None = None, *, horizontal: bool = False, gutter: int = 0, surface: bool = False
) -> QScrollArea:
    """``content`` in a frameless scroll area, for pages that do not fit a small window. ``gutter``: pixels at its right
    that are the scroll bar's alone. ``surface``: on a card or in a dialog, whose ground it takes."""
    area = _Area(gutter, parent) if gutter else QScrollArea(parent)
    area.setObjectName("sideScroll" if surface else "pageScroll")
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what has the focus inside passes Page Down on to it
    if not horizontal:
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    content.setObjectName("side" if surface else "page")
    area.setWidget(content)
    return area


def page(*items: Item, gap: int = Space.L) -> QWidget:
    """A page's root widget: a column with the page margins."""
    root = QWidget()
    root.setObjectName("page")
    root.setLayout(column(*items, gap=gap, margins=(Space.XL, Space.L, Space.XL, Space.L)))
    return root
