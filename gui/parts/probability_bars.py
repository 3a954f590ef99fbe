"""Horizontal bars for a few shares that sum to one, the largest in front."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.parts.words import number, percent
from gui.style.theme import font, theme


class ProbabilityBars(QWidget):
    """``show_shares([...])``; an empty list clears. ``vague`` draws the winner in the neutral colour."""

    def __init__(self, labels: Sequence[str], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels, self._shares, self._vague = list(labels), list[float](), False
        self._name = name
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(180, 18 * len(self._labels))
        theme().changed.connect(self.update)

    @property
    def shares(self) -> list[float]:
        return list(self._shares)

    def show_shares(self, shares: Sequence[float], *, vague: bool = False) -> None:
        self._shares, self._vague = [float(share) for share in shares], vague
        words = ", ".join(f"{label}: {share:.1%}" for label, share in zip(self._labels, self._shares, strict=False))
        self.setAccessibleDescription(words or "no answer")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, 27 * len(self._labels))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = min(30.0, self.height() / len(self._labels))
        top = (self.height() - height * len(self._labels)) / 2
        best = max(range(len(self._shares)), key=self._shares.__getitem__) if self._shares else -1
        track = QRectF(26, 0, max(20.0, self.width() - 26 - 64), 8)
        for index, label in enumerate(self._labels):
            line = QRectF(0, top + index * height, self.width(), height)
            leads = index == best
            painter.setFont(font("strong" if leads else "body"))
            painter.setPen(theme().color("text" if leads else "text2"))
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, label)
            bar = track.translated(0, line.center().y() - 4)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("sunken"))
            painter.drawRoundedRect(bar, 4, 4)
            if not self._shares:
                continue
            share = self._shares[index]
            if share >= 0.0005:
                filled = QRectF(bar.x(), bar.y(), max(3.0, bar.width() * share), bar.height())
                painter.setBrush(theme().color("accent" if leads and not self._vague else "text3"))
                painter.drawRoundedRect(filled, min(4.0, filled.width() / 2), 4)
            painter.setPen(theme().color("text" if leads else "text2"))
            figure = percent(share) if leads else number(share * 100, 1)
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{figure} %")
