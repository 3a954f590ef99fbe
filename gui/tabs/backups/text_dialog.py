"""Text to read, copy or install: policies, schedules, links."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from gui.parts.buttons import Button, Segments
from gui.parts.dialogs import Dialog
from gui.parts.words import Label
from gui.style.theme import font


class TextDialog(Dialog):
    """One of several texts at a time. ``verb_for`` names the main button per text ("" hides it); ``asked_for`` says which."""

    asked_for = Signal(str)

    def __init__(
        self,
        title: str,
        texts: Sequence[tuple[str, str, str]],
        parent: QWidget | None = None,
        *,
        notes: dict[str, str] | None = None,
        verbs: dict[str, str] | None = None,
        first: str = "",
    ) -> None:
        """texts: (id, words, text); ``first``: which is shown at first."""
        super().__init__(title, " ", parent, width=680)
        self._texts = {name: text for name, _, text in texts}
        self._notes, self._verbs = notes or {}, verbs or {}
        self.kinds = Segments([(name, words) for name, words, _ in texts], title)
        self.kinds.chosen.connect(self._show)
        self.note = Label("", "small", wrap=True)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setProperty("role", "mono")
        self.text.setFont(font("mono"))
        self.text.setMinimumHeight(300)
        self.text.setAccessibleName(title)
        self.copy = Button("Copy", icon_name="copy")
        self.copy.clicked.connect(self._copy)
        self.foot.insertWidget(0, self.copy)
        self.cancel_button.setText("Close")
        if len(texts) > 1:
            self.body.addWidget(self.kinds, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.note)
        self.body.addWidget(self.text)
        self.asked.connect(lambda: self.asked_for.emit(self.kinds.value))
        self.kinds.choose(first or texts[0][0])
        self._show(self.kinds.value)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self.copy.setText("Copied")

    def _show(self, name: str) -> None:
        self.copy.setText("Copy")
        self.text.setPlainText(self._texts[name])
        self.note.setText(self._notes.get(name, ""))
        self.note.setVisible(bool(self._notes.get(name)))
        verb = self._verbs.get(name, "")
        self.accept_button.setVisible(bool(verb))
        self.accept_button.setText(verb)
        self.accept_button.setAccessibleName(verb)
