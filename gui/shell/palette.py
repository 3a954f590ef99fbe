"""The command palette (Ctrl+K): type a few letters, press Enter."""

from __future__ import annotations

import re
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.bridge.commands import Command, Commands
from gui.parts.words import Label
from gui.style.icons import icon
from gui.style.theme import font, theme
from gui.style.tokens import Space

_TEXT_LEFT = 44
"""Pixels from a line's edge: padding, icon, gap."""


class _CommandLine(QStyledItemDelegate):
    """Paints a command: title, its page, and its keys at the right. A widget for each would cost a fifth of a second of
    CPU with every letter typed."""

    def __init__(self, titles: dict[str, str], parent: QObject) -> None:
        super().__init__(parent)
        self._titles = titles

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        command: Command = index.data(Qt.ItemDataRole.UserRole)
        room = option.rect.adjusted(_TEXT_LEFT, 0, -Space.M, 0)  # type: ignore[attr-defined]
        painter.save()
        taken = self._words(painter, room, command.shortcut, "caption", "text3", Qt.AlignmentFlag.AlignRight)
        room.setRight(room.right() - taken)
        taken = self._words(painter, room, command.title, "strong", "text", Qt.AlignmentFlag.AlignLeft)
        room.setLeft(room.left() + taken)
        self._words(painter, room, self._titles.get(command.room, ""), "small", "text2", Qt.AlignmentFlag.AlignLeft)
        painter.restore()

    @staticmethod
    def _words(painter: QPainter, room: QRect, words: str, role: str, token: str, side: Qt.AlignmentFlag) -> int:
        """Pixels that they take, with the gap after them."""
        painter.setFont(font(role))
        painter.setPen(theme().color(token))
        shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, side | Qt.AlignmentFlag.AlignVCenter, shown)
        return painter.fontMetrics().horizontalAdvance(shown) + Space.S if shown else 0


class Palette(QFrame):
    """Floats over the window's upper third; Esc or a click elsewhere closes it."""

    def __init__(self, commands: Commands, titles: dict[str, str], go: Callable[[str], None], window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("palette")
        self._commands, self._titles, self._go, self._window = commands, titles, go, window
        self.edit = QLineEdit()
        self.edit.setObjectName("paletteEdit")
        self.edit.setPlaceholderText("Search or run a command")
        self.edit.setAccessibleName("Search commands")
        self.edit.textChanged.connect(self._fill)
        self.edit.installEventFilter(self)
        self.list = QListWidget()
        self.list.setObjectName("paletteList")
        self.list.setAccessibleName("Commands found")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setIconSize(QSize(18, 18))
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(_CommandLine(titles, self.list))
        self.list.itemClicked.connect(lambda _item: self._run())
        self.empty = Label("No command has these letters", "small")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(Space.S, Space.S, Space.S, Space.S)
        layout.addWidget(self.edit)
        layout.addWidget(self.empty)
        layout.addWidget(self.list)
        self._before: QWidget | None = None
        self.hide()

    def open(self) -> None:
        if not self.isVisible():
            self._before = QApplication.focusWidget()
        width = min(600, self._window.width() - 2 * Space.XXL)
        self.setGeometry(
            (self._window.width() - width) // 2,
            self._window.height() // 8,
            width,
            min(400, self._window.height() * 2 // 3),
        )
        self.edit.clear()
        self._fill("")
        self.show()
        self.raise_()
        self.edit.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self.list.count():
                self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.close_up()
                return True
        if event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.hide()
        return super().eventFilter(watched, event)

    def close_up(self) -> None:
        self.hide()
        back = self._before if self._before is not None and shiboken6.isValid(self._before) else self._window
        back.setFocus(Qt.FocusReason.PopupFocusReason)

    def _fill(self, text: str) -> None:
        self.list.clear()
        fitting = [command for command in self._commands.all() if _fits(text, self._verb(command))]
        found = sorted(fitting, key=lambda command: self._rank(text, command))
        for command in found:
            item = QListWidgetItem(icon(command.icon or "zap"), "")
            item.setData(Qt.ItemDataRole.UserRole, command)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, command.title)
            item.setSizeHint(QSize(0, 36))
            self.list.addItem(item)
        if found:
            self.list.setCurrentRow(0)
        self.empty.setVisible(not found)

    def _rank(self, text: str, command: Command) -> int:
        """ "train" means to train, before it means to cancel the training."""
        if command.title.lower().startswith(text.strip().lower()):
            return 0
        return 1 if _fits(text, self._title(command)) else 2

    def _title(self, command: Command) -> str:
        return f"{command.title} {self._titles.get(command.room, '')}"

    def _verb(self, command: Command) -> str:
        """As it is called on the command line, more or less: who knows that word types it, whatever the title says."""
        return f"{self._title(command)} {re.sub('[._-]', ' ', command.id)}"

    def _run(self) -> None:
        item = self.list.currentItem()
        if item is None:
            return
        command: Command = item.data(Qt.ItemDataRole.UserRole)
        self.close_up()
        if command.room and command.room != self._commands.room:
            self._go(command.room)
        command.action.trigger()


def _fits(typed: str, words: str) -> bool:
    """Every typed word begins some word of the title."""
    present = words.lower().split()
    return all(any(word.startswith(part) for word in present) for part in typed.lower().split())
