"""The code of a second factor: asked for in the window while a worker waits for it."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from core.base.errors import OpsError

if TYPE_CHECKING:
    from gui.shell.code_dialog import CodeDialog

_PATIENCE = 600.0  # seconds: somebody may have to fetch the device


@dataclass(eq=False)
class _Question:
    profile: str
    serial: str
    note: str
    answer: Future[str] = field(default_factory=Future)


class CodeAsker(QObject):
    """Lives as long as the window. ``ask`` is called on a worker's thread."""

    _wanted = Signal(object)
    _over = Signal(object)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._lock = threading.Lock()
        self._waiting: set[_Question] = set()
        self._closed = False
        self._dialogs: dict[_Question, CodeDialog] = {}
        self._wanted.connect(self._show, Qt.ConnectionType.QueuedConnection)
        self._over.connect(self._put_away, Qt.ConnectionType.QueuedConnection)

    def close(self) -> None:
        """Nobody waits any longer."""
        with self._lock:
            self._closed, waiting = True, set(self._waiting)
        for question in waiting:
            question.answer.cancel()

    def ask(self, profile: str, serial: str, note: str) -> str:
        """Wait for the code; ``note`` says what was wrong with the one before. Raises OpsError (``credentials``) where none
        is given."""
        question = _Question(profile, serial, note)
        with self._lock:
            if not self._closed:
                self._waiting.add(question)
                self._wanted.emit(question)
            else:
                question.answer.cancel()
        try:
            return question.answer.result(_PATIENCE)
        except (CancelledError, TimeoutError):
            raise OpsError(
                f"Nobody signed in to {profile}",
                f"The code of {serial} was not given",
                "Choose the profile again, to be asked once more",
                code="credentials",
            ) from None
        finally:
            with self._lock:
                self._waiting.discard(question)
                if not self._closed:
                    self._over.emit(question)

    @Slot(object)
    def _show(self, question: _Question) -> None:
        from gui.shell.code_dialog import CodeDialog

        dialog = CodeDialog(question.profile, question.serial, question.note, self._window)
        dialog.given.connect(question.answer.set_result)
        dialog.rejected.connect(question.answer.cancel)
        self._dialogs[question] = dialog
        dialog.open()

    @Slot(object)
    def _put_away(self, question: _Question) -> None:
        """It was answered, or nobody waits for it any longer."""
        dialog = self._dialogs.pop(question, None)
        if dialog is not None and isValid(dialog):
            dialog.close()
