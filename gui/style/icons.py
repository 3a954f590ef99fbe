"""Lucide icons from ``resources/icons``, drawn in a token's colour at any scale."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap

from gui.style.theme import theme
from gui.style.tokens import RESOURCES


def icon(name: str, token: str = "text2") -> QIcon:
    """The icon in the current theme's colour; build it again when ``theme().changed`` (parts do)."""
    return _icon(name, getattr(theme().tokens, token), theme().tokens.disabled_text)


def pixmap(name: str, token: str = "text2", size: int = 16, ratio: float = 2.0) -> QPixmap:
    """One picture of ``size`` logical pixels."""
    return _drawn(name, getattr(theme().tokens, token), size, ratio)


@cache
def _icon(name: str, colour: str, disabled: str) -> QIcon:
    made = QIcon()
    for ratio in (1.0, 2.0):
        made.addPixmap(_drawn(name, colour, 18, ratio))
        made.addPixmap(_drawn(name, disabled, 18, ratio), QIcon.Mode.Disabled)
    return made


@cache
def _drawn(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    from PySide6.QtSvg import QSvgRenderer

    svg = (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    picture = QPixmap(round(size * ratio), round(size * ratio))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, size * ratio, size * ratio))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture
