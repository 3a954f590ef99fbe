"""One registry of commands: the palette, the shortcuts and the tooltips all read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QWidget

_PATIENCE = 10_000  # milliseconds that a command may take to come into being after its page was asked for


@dataclass
class Command:
    """``room`` is "" for commands of the whole window; a room's commands act only while its page is shown."""

    id: str
    title: str
    room: str
    icon: str
    keys: QKeySequence
    action: QAction

    @property
    def shortcut(self) -> str:
        """In the platform's own notation, "" for none."""
        return self.keys.toString(QKeySequence.SequenceFormat.NativeText)


class Commands(QObject):
    changed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._room = ""
        self._commands: dict[str, Command] = {}
        self._promised: dict[str, Command] = {}
        self._awaited = ""
        self._patience = QTimer(self, singleShot=True)
        self._patience.timeout.connect(self._give_up)

    def promise(self, command_id: str, title: str, *, room: str, icon: str) -> None:
        """Let a command be found before its page was opened; whoever triggers it has shown the page (it may still be
        in the making). What the page adds under this id takes its place, and is run as soon as it can be."""
        action = QAction(title, self._window)
        action.triggered.connect(lambda *_: self._await(command_id))
        self._promised[command_id] = Command(command_id, title, room, icon, QKeySequence(), action)

    def add(
        self,
        command_id: str,
        title: str,
        run: Callable[[], object],
        *,
        owner: QWidget | None = None,
        room: str = "",
        icon: str = "",
        shortcut: str = "",
    ) -> QAction:
        """Register a command; it goes when ``owner`` is destroyed. The action may be disabled to grey it out.

        Give Space, Delete and arrows no shortcut here (they belong to the focused widget): use a QShortcut with
        WidgetShortcut on the widget that is meant, and say it in the tooltip.
        """
        action = QAction(title, owner or self._window)
        action.triggered.connect(lambda *_: run())
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        self._window.addAction(action)
        self._commands[command_id] = Command(command_id, title, room, icon, QKeySequence(shortcut), action)
        action.destroyed.connect(lambda *_: self._forget(command_id, action))
        self._show(self._commands[command_id])
        action.enabledChanged.connect(lambda *_: self._keep_promise(command_id))
        if self._awaited == command_id:
            QTimer.singleShot(0, action, lambda: self._keep_promise(command_id))  # once its page is whole
        self.changed.emit()
        return action

    def button(self, command_id: str, button: QAbstractButton) -> None:
        """Let a button run the command, follow its enabled state and name its shortcut in the tooltip."""
        command = self._commands[command_id]
        button.clicked.connect(lambda *_: command.action.trigger())
        command.action.enabledChanged.connect(button.setEnabled)
        button.setToolTip(f"{command.title} ({command.shortcut})" if command.shortcut else command.title)
        if not button.accessibleName():
            button.setAccessibleName(button.text() or command.title)

    def show_room(self, room: str) -> None:
        """Only this room's shortcuts (and the window's) are alive."""
        if room != self._room:
            self._awaited = ""
        self._room = room
        for command in self._commands.values():
            self._show(command)

    def all(self) -> list[Command]:
        """Commands that can be run now, the current room's first; those of pages that are not open are promised."""
        usable = [
            command
            for command in {**self._promised, **self._commands}.values()
            if shiboken6.isValid(command.action) and command.action.isEnabled()
        ]
        return sorted(usable, key=lambda command: (command.room != self._room, command.room, command.title))

    @property
    def room(self) -> str:
        return self._room

    def _show(self, command: Command) -> None:
        # Two pages may use the same key: only the shown one holds it. Enabling stays with the action's owner.
        if shiboken6.isValid(command.action):
            command.action.setShortcut(command.keys if command.room in ("", self._room) else QKeySequence())

    def _await(self, command_id: str) -> None:
        self._awaited = command_id
        self._patience.start(_PATIENCE)
        self._keep_promise(command_id)

    def _keep_promise(self, command_id: str) -> None:
        command = self._commands.get(command_id)
        if self._awaited == command_id and command is not None and command.action.isEnabled():
            self._awaited = ""
            command.action.trigger()

    def _give_up(self) -> None:
        self._awaited = ""

    def _forget(self, command_id: str, action: QAction) -> None:
        if command_id in self._commands and self._commands[command_id].action is action:
            del self._commands[command_id]
