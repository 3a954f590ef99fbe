"""Dialogs: a frame with head and foot, and the confirmation of what cannot be undone."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDialog,
    QFrame,
    QLineEdit,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.parts.buttons import Button
from gui.parts.focus import first_to_fill, tab_as_read
from gui.parts.form import Field
from gui.parts.layout import column, row, scrolled
from gui.parts.notices import Picture
from gui.parts.words import Chip, Label, breakable
from gui.style.theme import font
from gui.style.tokens import Space

_DIRECT = Qt.FindChildOption.FindDirectChildrenOnly
_FIELDS = (QLineEdit, QAbstractSpinBox, QComboBox, QCheckBox, QRadioButton)
ENVIRONMENT_TONE = {"production": "danger", "staging": "warning", "sandbox": "success"}


class Dialog(QDialog):
    """Title, body column, and a foot with Cancel and one main button (``self.accept_button``). Esc closes; Enter in a
    field is the main button, where that is a primary one (``enter_asks``). Keys go to the first field.

    The main button emits ``asked``; close it with ``accept()`` when the work is on its way, or leave it open to
    show a fault in place. Once closed it is gone, and so is the work that it owns and that is not to outlive it.
    """

    asked = Signal()

    def __init__(
        self, title: str, verb: str, parent: QWidget | None = None, *, kind: str = "primary", width: int = 520
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setModal(True)
        self.enter_asks = kind == "primary"
        self.setMinimumWidth(width)
        self.heading = Label(breakable(title), "h1", wrap=True)
        self.head = row(self.heading)
        self.head.setStretch(0, 1)  # a long title wraps at the dialog's width, not before
        self.body = QVBoxLayout()
        self.body.setSpacing(Space.M)
        self.cancel_button = Button("Cancel")
        self.accept_button = Button(verb, kind)
        self.cancel_button.clicked.connect(self.reject)
        self.accept_button.clicked.connect(self.asked)
        self.foot = row(None, self.cancel_button, self.accept_button)
        self._area: QScrollArea | None = None
        self.setLayout(
            column(self.head, self.body, self.foot, gap=Space.L, margins=(Space.XL, Space.XL, Space.XL, Space.XL))
        )

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()
        if self.focusWidget() is None and (first := first_to_fill(self)) is not None:
            first.setFocus(Qt.FocusReason.TabFocusReason)

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest and self.isVisible():
            self._fit()
        return done

    def focusNextPrevChild(self, forwards: bool) -> bool:
        tab_as_read(self)  # parts of it may have come since
        return super().focusNextPrevChild(forwards)

    def _fit(self) -> None:
        """As high as its words are at this width: Qt had guessed a narrower one, and the rest stood empty. What came later
        (a fault, an answer) has its height too. Never higher than the window below it: then the body scrolls."""
        layout = self.layout()
        assert layout is not None
        width, most = max(self.width(), layout.totalMinimumSize().width()), self._most()
        needed = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else layout.totalSizeHint().height()
        if self._area is not None:  # whose content gives way
            needed = max(needed, self.height())
        elif layout.totalMinimumHeightForWidth(width) > most:
            self._scroll_body()
        if not self.testAttribute(Qt.WidgetAttribute.WA_Resized):
            self.resize(width, min(needed, most))
            self.setAttribute(Qt.WidgetAttribute.WA_Resized, False)  # nobody chose this size
        elif needed > self.height():
            self.resize(width, min(needed, most))

    def _most(self) -> int:
        """Pixels in height, without its frame."""
        below = self.parentWidget()
        return below.window().height() if below is not None else self.screen().availableGeometry().height() - Space.XXL

    def _scroll_body(self) -> None:
        keys, outer = self.focusWidget(), self.layout()
        assert isinstance(outer, QVBoxLayout)
        place = outer.indexOf(self.body)
        outer.removeItem(self.body)
        self.body.setParent(None)
        seen = [part for part in self.findChildren(QWidget, options=_DIRECT) if part.isVisible()]
        content = QWidget()
        content.setLayout(self.body)
        self.body.setContentsMargins(0, 0, Space.M, 0)
        self._area = scrolled(content, surface=True)
        outer.insertWidget(place, self._area, 1)
        for part in (self._area, *seen):  # Qt would show what moved when it comes to it, too late for the keys
            part.show()
        if keys is not None:
            keys.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)
        elif self.enter_asks and isinstance(self.focusWidget(), _FIELDS):
            self.accept_button.click()


class LineDialog(Dialog):
    """Asks for one line of text: a new name, a place in S3."""

    ordered = Signal(str)

    def __init__(
        self, title: str, label: str, verb: str, text: str = "", help_text: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(title, verb, parent)
        self.edit = QLineEdit(text)
        self.field = Field(label, self.edit, help_text)
        self.body.addWidget(self.field)
        self.asked.connect(self._order)
        self.edit.setFocus()
        self.edit.selectAll()

    def _order(self) -> None:
        if not self.edit.text().strip():
            self.field.show_fault("It cannot be empty")
            return
        self.ordered.emit(self.edit.text().strip())
        self.accept()


class ConfirmDialog(Dialog):
    """Asks before something destructive. Enter never fires it; where ``type_this`` is given, the exact text is
    needed. ``confirmed`` is emitted once, and the dialog closes.

    title "Delete this backup?", consequence "8,400 objects (41.2 GB) are removed", verb "Delete 8,400 objects".
    """

    confirmed = Signal()

    def __init__(
        self,
        title: str,
        consequence: str,
        verb: str,
        parent: QWidget | None = None,
        *,
        environment: str = "",
        hint: str = "",
        type_this: str = "",
        command: str = "",
        command_title: str = "As a command:",
    ) -> None:
        super().__init__(title, verb, parent, kind="destructive")
        if environment:
            self.head.addWidget(Chip(environment.upper(), ENVIRONMENT_TONE.get(environment, "")))
        box = QFrame()
        box.setProperty("kind", "notice")
        box.setProperty("tone", "danger")
        text = column(Label(breakable(consequence), "strong", wrap=True), gap=2)
        if hint:
            text.addWidget(Label(breakable(hint), wrap=True))
        inner = row(
            Picture("triangle-alert", "danger", 20), text, gap=Space.M, margins=(Space.M, Space.M, Space.M, Space.M)
        )
        inner.setAlignment(Qt.AlignmentFlag.AlignTop)
        inner.setStretch(1, 1)
        box.setLayout(inner)
        self.body.addWidget(box)
        if command:
            line = Label(command, "mono", wrap=True)
            line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.body.addWidget(Label(command_title, "small"))
            self.body.addWidget(line)
        self._wanted = type_this
        self.field = QLineEdit()
        self.left = Label("", "small")
        if type_this:
            self.field.setProperty("role", "mono")
            self.field.setFont(font("mono"))
            self.field.setAccessibleName(f"Type {type_this} to confirm")
            self.field.textChanged.connect(self._typed)
            self.body.addWidget(Label(breakable(f"Type {type_this} to confirm"), wrap=True))
            self.body.addWidget(self.field)
            self.body.addWidget(self.left)
            self._typed("")
            self.field.setFocus()
        else:
            self.cancel_button.setFocus()
        self.asked.connect(self._fire)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return  # a habit must not delete
        super().keyPressEvent(event)

    def _typed(self, text: str) -> None:
        fits = text == self._wanted
        self.accept_button.setEnabled(fits)
        missing = len(self._wanted) - len(text)
        if fits:
            self.left.setText("It matches")
        elif self._wanted.startswith(text) and missing > 0:
            self.left.setText(f"{missing} more {'character' if missing == 1 else 'characters'} to match")
        else:
            self.left.setText("It does not match")

    def _fire(self) -> None:
        self.accept()
        self.confirmed.emit()
