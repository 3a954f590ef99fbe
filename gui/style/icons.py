"""Lucide icons from ``resources/icons``, drawn in a token's colour at any scale."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from zlib import crc32

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap

from gui.style.kept import keep
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
    return QIcon(_Engine(name, colour, disabled))


class _Engine(QIconEngine):
    """Draws only what is shown: building every size and state of a window's icons beforehand cost 20 ms."""

    def __init__(self, name: str, colour: str, disabled: str) -> None:
        super().__init__()
        self._name, self._colour, self._disabled = name, colour, disabled

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._colour, self._disabled)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        painter.drawPixmap(rect, self.pixmap(rect.size(), mode, state))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 2.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        colour = self._disabled if mode == QIcon.Mode.Disabled else self._colour
        side, ratio = min(size.width(), size.height()), max(scale, 1.0)
        if size.width() > size.height():
            return _spaced(self._name, colour, side, ratio, size.width())
        return _drawn(self._name, colour, side, ratio)


@cache
def _spaced(name: str, colour: str, size: int, ratio: float, width: int) -> QPixmap:
    """The picture at the left of ``width`` logical pixels: what stands beside it on a button keeps that distance."""
    picture = _drawn(name, colour, size, ratio)
    wide = QPixmap(round(width * ratio), picture.height())
    wide.setDevicePixelRatio(ratio)
    wide.fill(Qt.GlobalColor.transparent)
    painter = QPainter(wide)
    painter.drawPixmap(0, 0, picture)
    painter.end()
    return wide


@cache
def _drawn(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    """Drawn once and kept: reading a picture costs a fraction of loading Qt's SVG module and drawing it at every start."""
    svg = (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    side = round(size * ratio)
    kept = theme().icons / f"{name}-{crc32(svg.encode()):08x}-{side}.png"
    picture = QPixmap(str(kept))
    if picture.width() != side:  # not there, or damaged
        picture = _rendered(svg, side)
        if theme().icons.name:  # the theme was started, with a folder
            keep(kept, partial(_save, picture))
    picture.setDevicePixelRatio(ratio)
    return picture


def _save(picture: QPixmap, place: Path) -> None:
    if not picture.save(str(place), "PNG"):
        place.unlink(missing_ok=True)
        raise OSError(f"{place.name} could not be written")


def _rendered(svg: str, side: int) -> QPixmap:
    from PySide6.QtSvg import QSvgRenderer

    picture = QPixmap(side, side)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, side, side))
    painter.end()
    return picture
