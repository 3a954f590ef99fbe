"""Forms: a label above each field, help below it, and the fault of a field at the field."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDateEdit,
    QDoubleSpinBox,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gui.parts.words import Label, breakable, restyle
from gui.style.tokens import Space

_LONG = 40
"""Characters of a label that may need more than one line: it has somebody's name in it."""


class Field(QWidget):
    """Label, widget, help or fault. The label is the widget's buddy and accessible name."""

    def __init__(self, label: str, widget: QWidget, help_text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.widget = widget
        self._help = help_text
        self.name = Label(breakable(label), "strong", wrap=len(label) > _LONG)
        self.name.setBuddy(widget)
        widget.setAccessibleName(label)
        widget.setAccessibleDescription(help_text)
        self.note = Label(help_text, "small", wrap=True)
        self.note.setVisible(bool(help_text))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(Space.XS)
        layout.addWidget(self.name)
        layout.addWidget(widget)
        layout.addWidget(self.note)

    def show_words(self, label: str, help_text: str) -> None:
        """Another label and another help, where the field's meaning follows from a choice."""
        self._help = help_text
        self.name.setText(breakable(label))
        self.name.setWordWrap(len(label) > _LONG)
        self.widget.setAccessibleName(label)
        self.widget.setAccessibleDescription(help_text)
        self.show_fault("")

    def show_fault(self, text: str) -> None:
        """Mark the field as wrong and say why; "" clears it."""
        self.widget.setProperty("state", "bad" if text else "")
        restyle(self.widget)
        self.note.setText(text or self._help)
        self.note.set_tone("danger" if text else "")
        self.note.setVisible(bool(text or self._help))


class Scrolled:
    """First base of a field: the wheel scrolls what it stands in, and changes its value only once it has the keys."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():  # type: ignore[attr-defined]
            super().wheelEvent(event)  # type: ignore[misc]
        else:
            event.ignore()


class DropDown(Scrolled, QComboBox):
    """A choice."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel does not bring the keys


class SpinBox(Scrolled, QSpinBox):
    """A whole number, with the padding of other fields."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        _pad(self)


class DoubleSpinBox(Scrolled, QDoubleSpinBox):
    """A number, with the padding of other fields."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        _pad(self)


class DateEdit(QDateEdit):
    """A day, written as everywhere else in the window, with the padding of other fields."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDisplayFormat("d MMM yyyy")
        _pad(self)


def _pad(box: QAbstractSpinBox) -> None:
    """Qt's stylesheets leave the line inside a spin box where it is, whatever padding they are given."""
    box.lineEdit().setTextMargins(Space.S, 0, 0, 0)


def line(placeholder: str = "", text: str = "", *, mono: bool = False) -> QLineEdit:
    edit = QLineEdit(text)
    edit.setPlaceholderText(placeholder)
    if mono:
        edit.setProperty("role", "mono")
    return edit


def choice(options: list[tuple[str, str]], current: str = "") -> QComboBox:
    """A drop-down of (value, words) pairs; ``box.currentData()`` is the value."""
    box = DropDown()
    for value, words in options:
        box.addItem(words, value)
    index = box.findData(current)
    box.setCurrentIndex(max(index, 0))
    tell_all(box)
    return box


def tell_all(box: QComboBox) -> None:
    """Somebody's long names do not widen the box; what does not fit into it is read in its tooltip."""
    if any(len(box.itemText(index)) > _LONG for index in range(box.count())):
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(_LONG // 2)
    box.currentTextChanged.connect(box.setToolTip)
    box.setToolTip(box.currentText())
