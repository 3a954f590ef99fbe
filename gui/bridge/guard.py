"""Whether this window may write: production and read-only profiles are locked until unlocked for a while."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal

from core.settings.profiles import Profile

UNLOCK_MINUTES = 15


class Guard(QObject):
    """``locked`` means: offer no write. It is never restored unlocked; the unlock ends by itself."""

    changed = Signal()

    def __init__(self, profile: Profile, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.profile = profile
        self._until = 0.0
        self._timer = QTimer(self, interval=1000)
        self._timer.timeout.connect(self._tick)

    @property
    def locked(self) -> bool:
        return self.profile.guarded and not self.seconds_left

    @property
    def seconds_left(self) -> int:
        """Of an unlock; 0 when there is none."""
        return max(0, round(self._until - time.monotonic()))

    def unlock(self, minutes: float = UNLOCK_MINUTES) -> None:
        self._until = time.monotonic() + minutes * 60
        self._timer.start()
        self.changed.emit()

    def lock(self) -> None:
        self._until = 0.0
        self._timer.stop()
        self.changed.emit()

    def _tick(self) -> None:
        if not self.seconds_left:
            self._timer.stop()
        self.changed.emit()
