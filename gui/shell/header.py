"""The head of the window: where we are, search, whether writing is allowed, theme, drawer."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from gui.bridge.guard import Guard
from gui.parts.buttons import Button
from gui.parts.layout import row
from gui.parts.notices import Picture
from gui.parts.words import Label, restyle
from gui.style.icons import icon
from gui.style.theme import theme
from gui.style.tokens import Size, Space


class SearchButton(QPushButton):
    """Looks like a search field, opens the palette."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Search or run a command (Ctrl+K)")
        self.setAutoDefault(False)
        self.setMinimumWidth(120)
        self.setMaximumWidth(300)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        key = Label("Ctrl K", "caption")
        key.setProperty("kind", "key")
        picture, words = Picture("search", "text3"), Label("Search or run a command", "small")
        words.setMinimumWidth(0)
        inner = row(picture, words, None, key, margins=(Space.M, 0, Space.S, 0))
        inner.setAlignment(key, Qt.AlignmentFlag.AlignVCenter)
        self.setLayout(inner)
        for part in (picture, words, key):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)


class GuardChip(QPushButton):
    """Read-write, Read-only, or the count-down of an unlock; a click locks or unlocks."""

    _LOOK = {
        "free": ("Read-write", "lock-open", "success"),
        "locked": ("Read-only", "lock", "text2"),
        "open": ("Writes on", "lock-open", "danger"),
    }

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "chip")
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._look = ("lock", "text2")
        theme().changed.connect(self._paint_icon)

    def _paint_icon(self) -> None:
        self.setIcon(icon(*self._look))

    def show_guard(self, guard: Guard) -> None:
        state = "free" if not guard.profile.guarded else "locked" if guard.locked else "open"
        words, icon_name, token = self._LOOK[state]
        if state == "open":
            words = f"{words} · {guard.seconds_left // 60}:{guard.seconds_left % 60:02d} left"
        self.setText(words)
        self.setAccessibleName(words)
        self._look = (icon_name, token)
        self.setIcon(icon(icon_name, token))
        self.setProperty("tone", token)
        tips = {"free": "This profile may write", "locked": "Unlock writes for 15 minutes", "open": "Lock writes again"}
        self.setToolTip(tips[state])
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus if state == "free" else Qt.FocusPolicy.StrongFocus)
        restyle(self)


class Header(QFrame):
    search_asked = Signal()
    theme_asked = Signal()
    drawer_asked = Signal()
    guard_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self.setFixedHeight(Size.HEADER)
        self.title = Label("", "h1")
        self.subtitle = Label("", "small")
        self.search = SearchButton()
        self.guard = GuardChip()
        self.theme = Button("Switch between light and dark", "icon", icon_name="moon")
        self.drawer = Button("Activity (Ctrl+J)", "icon", icon_name="panel-right")
        self.drawer.setCheckable(True)
        self.search.clicked.connect(self.search_asked)
        self.guard.clicked.connect(self.guard_asked)
        self.theme.clicked.connect(self.theme_asked)
        self.drawer.clicked.connect(self.drawer_asked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(Space.XL, 0, Space.L, 0)
        layout.setSpacing(Space.S)
        layout.addWidget(self.title)
        layout.addWidget(self.subtitle, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addStretch(1)
        layout.addWidget(self.search, 4)
        for widget in (self.guard, self.theme, self.drawer):
            layout.addWidget(widget)
        theme().changed.connect(self._follow_theme)
        self._follow_theme()

    def show_page(self, title: str, subtitle: str) -> None:
        self.title.setText(title)
        self.subtitle.setText(subtitle)

    def _follow_theme(self) -> None:
        self.theme.set_icon("sun" if theme().dark else "moon")
