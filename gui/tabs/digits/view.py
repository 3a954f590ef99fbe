"""The Digits page: draw and answer above, models and their performance below."""

from __future__ import annotations

from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from gui.parts.focus import begin_at
from gui.parts.layout import row, scrolled
from gui.parts.notices import Banner
from gui.style.tokens import Space
from gui.tabs.digits.answer_card import AnswerCard
from gui.tabs.digits.draw_card import DrawCard
from gui.tabs.digits.explore_card import ExploreCard
from gui.tabs.digits.models_card import ModelsCard

_NARROW_TOP, _NARROW_BOTTOM = 640, 860  # below them the cards stand one under the other
_TOP, _BOTTOM = 372, 368


class DigitsView(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.banner = Banner("danger")
        self.draw = DrawCard()
        self.answer = AnswerCard()
        self.models = ModelsCard()
        self.explore = ExploreCard()
        self.answer.title.setMinimumHeight(self.draw.more.sizeHint().height())  # both heads in one line
        self.draw.setMinimumSize(312, _TOP)
        self.answer.setMinimumHeight(_TOP)
        self.models.setMinimumHeight(_BOTTOM)
        self.explore.setMinimumHeight(_BOTTOM)
        self._top = row(gap=Space.L)
        self._top.addWidget(self.draw)
        self._top.addWidget(self.answer, 1)
        self._bottom = row(gap=Space.L)
        self._bottom.addWidget(self.models, 1)
        self._bottom.addWidget(self.explore, 1)
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(Space.XL, Space.L, Space.XL, Space.L)
        inner.setSpacing(Space.L)
        inner.addWidget(self.banner)
        inner.addLayout(self._top)
        inner.addLayout(self._bottom, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(content, self))
        begin_at(self, self.draw.pad)

    def resizeEvent(self, event: object) -> None:
        narrow = self.width() < _NARROW_TOP
        self._top.setDirection(_direction(narrow))
        self._bottom.setDirection(_direction(self.width() < _NARROW_BOTTOM))
        self.draw.setMaximumWidth(self.width() if narrow else 312)


def _direction(stacked: bool) -> QBoxLayout.Direction:
    return QBoxLayout.Direction.TopToBottom if stacked else QBoxLayout.Direction.LeftToRight
