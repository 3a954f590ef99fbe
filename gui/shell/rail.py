"""The left rail: which profile is open, and the pages."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QPushButton, QVBoxLayout, QWidget

from gui.bridge.tab_context import TabSpec
from gui.parts.buttons import Button
from gui.parts.focus import begin_at
from gui.parts.layout import column, row
from gui.parts.notices import Picture
from gui.parts.words import Label, restyle
from gui.style.tokens import Size, Space

_ENVIRONMENT = {
    "production": ("lock", "danger", "PRODUCTION"),
    "staging": ("cloud", "warning", "STAGING"),
    "sandbox": ("cloud", "success", "SANDBOX"),
}


_CARD_TAKEN = Space.M - 2 + Space.S + Space.S + 16 + 2
"""Pixels of the card's width that its words have not: margins, gap, chevron, frame."""


class ProfileCard(QPushButton):
    """The open profile: environment as word, icon and colour; a click offers the others."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("profile")
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._words = ("", "")
        self._picture = Picture("cloud", "success", 14)
        self.environment = Label("", "caption")
        self.name = Label("", "strong")
        self.account = Label("", "caption")
        words = column(row(self._picture, self.environment, None, gap=Space.XS), self.name, self.account, gap=1)
        chevron = Picture("chevrons-up-down", "text2")
        inner = row(words, chevron, margins=(Space.M - 2, Space.S, Space.S, Space.S))
        inner.setStretch(0, 1)
        self.setLayout(inner)
        for label in (self.environment, self.name, self.account, self._picture, chevron):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_profile(self, name: str, environment: str, account: str) -> None:
        icon_name, tone, word = _ENVIRONMENT[environment]
        self._picture.show_icon(icon_name, tone)
        self.environment.setText(word)
        self.environment.set_tone(tone)
        self._words = (name, account)
        self._show_words()
        self.setToolTip(f"{name}\n{account}" if account else name)
        self.setProperty("environment", environment)
        restyle(self)
        self.setAccessibleName(f"Profile {name}, {word}")
        self.setAccessibleDescription(account)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_words()

    def _show_words(self) -> None:
        """Both ends of a long name: profiles differ at either."""
        room = self.width() - _CARD_TAKEN
        for label, text in zip((self.name, self.account), self._words, strict=True):
            label.setText(label.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, room))


class NavButton(Button):
    """A page in the rail; arrow keys move between them as in any tab list."""

    moved = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.moved.emit(step)


class Rail(QFrame):
    page_asked = Signal(str)
    page_passed = Signal(str)
    """The arrows walk over a page: it is shown, and the keys stay here."""
    profiles_asked = Signal()
    settings_asked = Signal()
    help_asked = Signal()

    def __init__(self, tabs: Sequence[TabSpec], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setFixedWidth(Size.RAIL)
        self.setAccessibleName("Pages")
        self.profile = ProfileCard()
        self.profile.clicked.connect(self.profiles_asked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(Space.M, Space.M, Space.M, Space.M)
        layout.setSpacing(Space.XS)
        layout.addWidget(self.profile)
        layout.addSpacing(Space.XS)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, NavButton] = {}
        for index, tab in enumerate(tabs):
            button = NavButton(tab.title, "nav", icon_name=tab.icon)
            button.setToolTip(f"{tab.title} (Ctrl+{index + 1})")
            button.setCheckable(True)
            button.clicked.connect(lambda _checked=False, tab=tab: self.page_asked.emit(tab.id))
            button.moved.connect(lambda step, index=index: self._move(index + step))
            self._group.addButton(button)
            self.buttons[tab.id] = button
            layout.addWidget(button)
        layout.addStretch(1)
        for words, icon_name, signal in (
            ("Settings", "settings", self.settings_asked),
            ("Help", "circle-help", self.help_asked),
        ):
            plain = Button(words, "nav", icon_name=icon_name)
            plain.clicked.connect(signal)
            layout.addWidget(plain)

    def show_page(self, page_id: str) -> None:
        for tab_id, button in self.buttons.items():
            button.setChecked(tab_id == page_id)
            button.set_token("accent" if tab_id == page_id else "text2")
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if tab_id == page_id else Qt.FocusPolicy.ClickFocus)
        begin_at(self, self.buttons[page_id])

    def _move(self, index: int) -> None:
        ids = list(self.buttons)
        page_id = ids[index % len(ids)]
        self.buttons[page_id].setFocus()
        self.page_passed.emit(page_id)
