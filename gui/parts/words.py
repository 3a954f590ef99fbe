"""Labels in the type roles of the design, numbers in the user's locale."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

from PySide6.QtCore import QLocale, Qt, QTimeZone
from PySide6.QtWidgets import QLabel, QWidget

from gui.style.theme import font
from gui.style.tokens import TYPE


class Label(QLabel):
    """A label in a type role (``h1 h2 body strong small caption mono stat display hero``) and an optional tone
    (``success warning danger info accent muted``)."""

    def __init__(
        self, text: str = "", role: str = "body", *, tone: str = "", wrap: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self.setProperty("role", role)
        if role in TYPE:
            self.setFont(font(role))
        self.setTextFormat(Qt.TextFormat.PlainText)  # what services say is text, never markup
        self.setWordWrap(wrap)
        if tone:
            self.setProperty("tone", tone)

    def set_tone(self, tone: str) -> None:
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            restyle(self)


def breakable(text: str, longest: int = 28) -> str:
    """Long keys and sums may break anywhere: a zero-width space after every 6 signs of words that are longer. Not for
    text that is copied."""
    words = []
    for word in text.split(" "):
        words.append(
            "\u200b".join(word[start : start + 6] for start in range(0, len(word), 6)) if len(word) > longest else word
        )
    return " ".join(words)


def shortened(text: str, longest: int = 40) -> str:
    """For what cannot wrap: the beginning, and an ellipsis. All of it belongs into the tooltip."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


class Chip(QLabel):
    """A short word in a pill: never by colour alone, the word says it."""

    def __init__(self, text: str = "", tone: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setProperty("kind", "chip")
        self.setProperty("tone", tone)
        self.setFont(font("small"))
        self.setTextFormat(Qt.TextFormat.PlainText)

    def show_state(self, text: str, tone: str) -> None:
        self.setText(text)
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            restyle(self)


def restyle(widget: QWidget) -> None:
    """Let the stylesheet see a changed dynamic property; one that was never shown will be styled then anyway."""
    if not widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):
        return
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


class _Zone:
    """Whose clock the window shows: this computer's, or UTC."""

    utc = False


def show_times_in_utc(utc: bool) -> None:
    """For every time that is worded from now on."""
    _Zone.utc = utc


def zoned(moment: datetime) -> datetime:
    """An aware moment in the zone the user reads: format this one."""
    return moment.astimezone(UTC if _Zone.utc else None)


def time_zone() -> QTimeZone:
    """The same zone, for Qt's own dates."""
    return QTimeZone.utc() if _Zone.utc else QTimeZone.systemTimeZone()


def number(value: float, decimals: int = 0) -> str:
    """``1,234.5`` in the user's locale."""
    return QLocale().toString(float(value), "f", decimals) if decimals else QLocale().toString(round(value))


def percent(share: float) -> str:
    """``97.2``, to a tenth, but never all or nothing: no model is that sure. The sign is the caller's."""
    if share > 0.9995:
        return f"> {number(99.9, 1)}"
    return f"< {number(0.1, 1)}" if share < 0.0005 else number(share * 100, 1)


def byte_size(value: float) -> str:
    """``1.4 GB``: decimal units, as the services bill."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 1000 or unit == "TB":
            return f"{number(value, 0 if unit == 'B' else 1)} {unit}"
        value /= 1000
    raise AssertionError


def short_count(value: float) -> str:
    """``1.2 M``: for places where digits do not fit; exact below 10,000."""
    if abs(value) < 10_000:
        return number(value)
    for limit, unit in ((1e6, "k"), (1e9, "M"), (1e12, "G")):
        if abs(value) < limit:
            return f"{number(value / (limit / 1000), 1)} {unit}"
    return f"{number(value / 1e12, 1)} T"


def duration(seconds: float) -> str:
    """``4 ms``, ``2.1 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < 1:
        return f"{number(seconds * 1000)} ms"
    if seconds < 60:
        return f"{number(seconds, 1)} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
    return f"{int(seconds // 86_400)} d {int(seconds % 86_400 // 3600)} h"


def estimate(seconds: float) -> str:
    """``28 s``, ``3 min``, ``2 h 5 min``: a time that is guessed, no more exactly than it can be."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def command(profile: str, words: str) -> str:
    """A line for a terminal, ``words`` quoted already. It names its profile: the one last used there may be another account."""
    return f"opsdesk --profile {shlex.quote(profile)} {words.removeprefix('opsdesk ')}"
