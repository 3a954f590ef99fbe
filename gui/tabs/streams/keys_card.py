"""The hot keys card: the partition keys that carry most records, and whether a split would spread them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from core.streams.positions import short_shard
from core.streams.shards import KeyAdvice
from gui.parts.layout import Card
from gui.parts.words import Label
from gui.style.theme import font, theme

_ROWS, _ROW = 6, 26
_WORTH_SAYING = 0.1  # of all records: below it no single key matters to a shard


class KeysCard(Card):
    def __init__(self) -> None:
        super().__init__("Hot keys")
        self.bars = _Bars()
        self.advice = Label("", "small", wrap=True)
        self.body.addWidget(self.bars)
        self.body.addWidget(self.advice)
        self.body.addStretch(1)
        self.show_keys([], 0)

    def show_keys(self, advice: Sequence[KeyAdvice], seen: int, *, by_key: bool = True) -> None:
        """``by_key``: False where the stream spreads its records whatever their keys (AUTO distribution)."""
        self.set_note("share of all records since the start" if advice else "")
        self.bars.show_rows(advice)
        stuck = next((a for a in advice if not a.split_helps and a.key.share >= _WORTH_SAYING), None)
        if not by_key:
            self.advice.set_tone("warning")
            self.advice.setText(
                "AWS spreads this stream's records over its shards whatever their keys: no key is hot, and there is no "
                "order within a key."
            )
        elif stuck is not None:
            self.advice.set_tone("warning")
            self.advice.setText(
                f"{stuck.key.key} is {stuck.of_shard * 100:.0f} % of shard {short_shard(stuck.shard)}: a split will not "
                "help, because all records of one key go to one shard. Spread the key itself."
            )
        elif advice:
            self.advice.set_tone("")
            self.advice.setText("No single key decides where the load lies: a split spreads it.")
        else:
            self.advice.set_tone("")
            self.advice.setText(
                "The records spread over so many keys that none stands out." if seen else "No records yet."
            )


class _Bars(QWidget):
    """Key, bar, share and shard, a line each."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[KeyAdvice] = []
        self.setAccessibleName("Hot keys")
        theme().changed.connect(self.update)

    def show_rows(self, rows: Sequence[KeyAdvice]) -> None:
        self._rows = list(rows[:_ROWS])
        self.setFixedHeight(max(1, len(self._rows)) * _ROW)
        self.setAccessibleDescription(
            "; ".join(
                f"{row.key.key} {row.key.share * 100:.1f} %, shard {short_shard(row.shard)}" for row in self._rows
            )
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, _ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width, most = float(self.width()), max((row.key.share for row in self._rows), default=1.0)
        name, figures = width * 0.36, 120.0
        for line, row in enumerate(self._rows):
            top = line * _ROW
            painter.setFont(font("mono"))
            painter.setPen(theme().color("text"))
            word = painter.fontMetrics().elidedText(row.key.key, Qt.TextElideMode.ElideMiddle, int(name) - 8)
            painter.drawText(QRectF(0, top, name, _ROW), Qt.AlignmentFlag.AlignVCenter, word)
            room = max(10.0, width - name - figures)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("sunken"))
            painter.drawRoundedRect(QRectF(name, top + 8, room, _ROW - 16), 4, 4)
            painter.setBrush(theme().color("accent" if row.split_helps else "warning"))
            painter.drawRoundedRect(QRectF(name, top + 8, max(3.0, room * row.key.share / most), _ROW - 16), 4, 4)
            painter.setFont(font("small"))
            painter.setPen(theme().color("text2"))
            shown = f"{row.key.share * 100:.1f} %   shard {short_shard(row.shard)}"
            area = QRectF(width - figures, top, figures, _ROW)
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, shown)
