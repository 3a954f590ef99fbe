"""Help (F1): every command with its key, from the same registry as the palette."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from gui.bridge.commands import Commands
from gui.parts.dialogs import Dialog
from gui.parts.layout import scrolled
from gui.parts.words import Label
from gui.style.tokens import Space


class HelpDialog(Dialog):
    def __init__(self, commands: Commands, titles: dict[str, str], parent: QWidget | None = None) -> None:
        super().__init__("Keys and commands", "Close", parent)
        self.cancel_button.hide()
        self.asked.connect(self.accept)
        self.setMinimumHeight(480)
        self.body.addWidget(
            Label("Ctrl+K finds every command by a few letters. F1 on any page opens this list.", wrap=True)
        )
        page = QWidget()
        grid = QGridLayout(page)
        grid.setHorizontalSpacing(Space.L)
        grid.setColumnStretch(0, 1)
        for line, command in enumerate(commands.all()):
            grid.addWidget(Label(command.title), line, 0)
            grid.addWidget(Label(titles.get(command.room, "Everywhere"), "small"), line, 1)
            key = Label(command.shortcut, "caption")
            if command.shortcut:
                key.setProperty("kind", "key")
            grid.addWidget(key, line, 2)
        area = scrolled(page, surface=True)
        area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # there is nothing inside that keys could go to
        area.setAccessibleName("Keys and commands")
        self.body.addWidget(area, 1)
