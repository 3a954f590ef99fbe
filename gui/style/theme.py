"""The theme in force: tokens for whoever paints, the stylesheet for the rest, and a signal when it changes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from gui.style.sheet import stylesheet
from gui.style.tokens import RESOURCES, TYPE, Tokens, load


class Theme(QObject):
    """``choice`` is what the user wants (system, light, dark); ``tokens`` is what is shown; ``icons`` keeps recoloured icons."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.choice = "system"
        self.reduced_motion = False
        self.tokens: Tokens = load("light")
        self.icons = Path()

    def start(self, application: QApplication, icons: Path) -> None:
        """Load the fonts and follow the desktop's light or dark scheme. Once, before the first widget.

        icons: a folder where recoloured icons are kept.
        """
        self.icons = icons
        _load_fonts("Inter*.otf")
        application.setStyle("Fusion")
        application.setFont(font("body"))
        application.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._show()

    def load_rest(self) -> None:
        """The monospaced faces, which no first picture shows."""
        _load_fonts("JetBrainsMono*.ttf")

    def choose(self, choice: str, *, reduced_motion: bool = False) -> None:
        """Show ``system``, ``light`` or ``dark``."""
        self.reduced_motion = reduced_motion
        if choice != self.choice:
            self.choice = choice
            self._show()

    @property
    def dark(self) -> bool:
        return self.tokens.name == "dark"

    def color(self, token: str) -> QColor:
        """The colour of a token: ``theme().color("accent")``."""
        return QColor(getattr(self.tokens, token))

    def chart_color(self, index: int) -> QColor:
        """The colour of series ``index``; after eight they repeat (draw those dashed)."""
        return QColor(self.tokens.chart[index % len(self.tokens.chart)])

    def _system_changed(self) -> None:
        if self.choice == "system":
            self._show()

    def _show(self) -> None:
        application = QApplication.instance()
        if not isinstance(application, QApplication):
            return
        hints = application.styleHints()
        wanted = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}.get(self.choice, Qt.ColorScheme.Unknown)
        hints.setColorScheme(wanted)
        dark = self.choice == "dark" or (self.choice == "system" and hints.colorScheme() == Qt.ColorScheme.Dark)
        self.tokens = load("dark" if dark else "light")
        # From one sheet to the next Qt restyles a widget once for each of its ancestors; from none to one, once.
        application.setStyleSheet("")
        application.setPalette(_palette(self.tokens))
        application.setStyleSheet(stylesheet(self.tokens, self.icons))
        self.changed.emit()


def _load_fonts(pattern: str) -> None:
    for file in sorted((RESOURCES / "fonts").glob(pattern)):
        QFontDatabase.addApplicationFont(str(file))


@cache
def theme() -> Theme:
    """The one theme of this program."""
    return Theme()


@cache
def font(role: str) -> QFont:
    """The font of a type role (see tokens.TYPE), with tabular figures so that changing numbers do not dance, and
    without contextual forms: ``==`` and ``->`` are two signs each, in a checksum, a key or code."""
    family, pixels, weight = TYPE[role]
    made = QFont(family)
    made.setPixelSize(pixels)
    made.setWeight(QFont.Weight(weight))
    made.setFeature(QFont.Tag("calt"), 0)
    if family == "Inter":
        made.setFeature(QFont.Tag("tnum"), 1)
    return made


def _palette(tokens: Tokens) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: tokens.bg,
        QPalette.ColorRole.WindowText: tokens.text,
        QPalette.ColorRole.Base: tokens.surface,
        QPalette.ColorRole.AlternateBase: tokens.sunken,
        QPalette.ColorRole.Text: tokens.text,
        QPalette.ColorRole.Button: tokens.surface,
        QPalette.ColorRole.ButtonText: tokens.text,
        QPalette.ColorRole.Highlight: tokens.accent_soft,
        QPalette.ColorRole.HighlightedText: tokens.text,
        QPalette.ColorRole.PlaceholderText: tokens.text3,
        QPalette.ColorRole.ToolTipBase: tokens.raised,
        QPalette.ColorRole.ToolTipText: tokens.text,
        QPalette.ColorRole.Link: tokens.accent,
        QPalette.ColorRole.Mid: tokens.border,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.disabled_text))
    return palette
