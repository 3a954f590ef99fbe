"""News of the sandbox, on the GUI thread."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.desk import Desk

if TYPE_CHECKING:
    from core.sandbox.status import SandboxStatus


class SandboxWatch(QObject):
    """Lives as long as the window: the sandbox's own thread emits through it."""

    changed = Signal(object)
    """SandboxStatus, or None when another desk is followed whose sandbox has not spoken yet."""

    _heard = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk: Desk | None = None
        self._heard.connect(self._pass_on)

    def follow(self, desk: Desk) -> None:
        self._desk = desk
        self.changed.emit(None)
        desk.watch_sandbox(partial(self._tell, desk))

    def _tell(self, desk: Desk, status: SandboxStatus) -> None:
        with suppress(RuntimeError):  # the window has just been closed
            self._heard.emit(desk, status)

    def _pass_on(self, desk: Desk, status: SandboxStatus) -> None:
        if desk is self._desk:
            self.changed.emit(status)
