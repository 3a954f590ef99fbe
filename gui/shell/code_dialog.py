"""The dialog for the code of a second factor."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from gui.parts.dialogs import Dialog
from gui.parts.form import Field, line
from gui.parts.words import Label, breakable

_DIGITS = 6


class CodeDialog(Dialog):
    """Six digits from a device."""

    given = Signal(str)

    def __init__(self, profile: str, serial: str, note: str, parent: QWidget | None = None) -> None:
        super().__init__(f"Sign in to {profile}", "Sign in", parent, width=440)
        self.body.addWidget(Label(breakable(f"AWS wants the code of {serial}"), wrap=True))
        self.code = line("123456", mono=True)
        self.code.setMaxLength(_DIGITS + 2)  # some devices show it in two groups
        self.code.setInputMethodHints(Qt.InputMethodHint.ImhDigitsOnly)
        self.field = Field("Code", self.code, "The six digits that the device shows now")
        self.body.addWidget(self.field)
        self.field.show_fault(note)
        self.code.textChanged.connect(self._weigh)
        self.asked.connect(self._give)
        self._weigh()

    @property
    def _typed(self) -> str:
        return "".join(self.code.text().split())

    def _weigh(self) -> None:
        self.accept_button.setEnabled(len(self._typed) == _DIGITS and self._typed.isdecimal())

    def _give(self) -> None:
        self.accept()
        self.given.emit(self._typed)
