"""The grid's header: names to click for sorting, and below them a line of filter fields."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHeaderView, QLineEdit, QWidget

from gui.style.tokens import Size, Space


class _Field(QLineEdit):
    """Enter, Down and Esc lead back to the rows, and do nothing there."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down, Qt.Key.Key_Escape):
            self.left.emit()
            return
        super().keyPressEvent(event)


class FilterHeader(QHeaderView):
    """A header with a line of filter fields below its names."""

    filter_edited = Signal(int, str)
    left = Signal()
    """the hand wants back from a field to the rows"""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._fields: dict[int, _Field] = {}
        self._shown = False
        self.waiting = False
        """set while many sections are changed at once: each of them would place all fields again"""
        self.setSectionsClickable(True)
        self.setSectionsMovable(True)
        self.setHighlightSections(False)
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setIconSize(QSize(13, 13))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        for signal in (self.sectionResized, self.sectionMoved, self.sectionCountChanged):
            signal.connect(self.place_fields)

    @property
    def fields_shown(self) -> bool:
        return self._shown

    def show_fields(self, shown: bool) -> None:
        self._shown = shown
        if not shown:
            for field in self._fields.values():
                field.hide()
        self.updateGeometries()
        self.place_fields()

    def show_texts(self, texts: dict[int, str]) -> None:
        for section, field in self._fields.items():
            if field.text() != texts.get(section, ""):
                field.blockSignals(True)
                field.setText(texts.get(section, ""))
                field.blockSignals(False)

    def sizeHint(self) -> QSize:
        size = super().sizeHint()
        return QSize(size.width(), size.height() + (Size.CONTROL_SMALL + Space.XS if self._shown else 0))

    def updateGeometries(self) -> None:
        self.setViewportMargins(0, 0, 0, Size.CONTROL_SMALL + Space.XS if self._shown else 0)
        super().updateGeometries()

    def focus_field(self, section: int) -> None:
        self.place_fields()
        if section in self._fields:
            self._fields[section].setFocus()

    def place_fields(self, *_: object) -> None:
        """Fields exist for the sections in sight only, and only these are walked over: a thousand columns cost nothing."""
        if not self._shown or self.waiting:
            return
        top = self.height() - Size.CONTROL_SMALL - Space.XS
        seen = self._in_sight()
        for section, field in self._fields.items():
            if section not in seen:
                field.hide()
        for section in seen:
            field = self._fields.get(section) or self._new_field(section)
            left, width = self.sectionViewportPosition(section), self.sectionSize(section)
            field.setGeometry(QRect(left + 2, top, width - 4, Size.CONTROL_SMALL))
            field.show()

    def _in_sight(self) -> list[int]:
        first, last = self.visualIndexAt(0), self.visualIndexAt(self.width() - 1)
        if first < 0:
            return []
        visuals = range(first, (last if last >= 0 else self.count() - 1) + 1)
        return [section for section in map(self.logicalIndex, visuals) if not self.isSectionHidden(section)]

    def _new_field(self, section: int) -> _Field:
        field = _Field(self)
        field.setProperty("kind", "filter")
        field.setPlaceholderText("filter")
        field.setClearButtonEnabled(True)
        name = self.model().headerData(section, Qt.Orientation.Horizontal)
        field.setAccessibleName(f"Filter {name}")
        field.setToolTip("Part of the text, > 10, = x, != x, /regex/, null, !null")
        field.textChanged.connect(lambda text, section=section: self.filter_edited.emit(section, text))
        field.left.connect(self.left)
        self._fields[section] = field
        return field

    def forget_fields(self) -> None:
        for field in self._fields.values():
            field.deleteLater()
        self._fields.clear()
