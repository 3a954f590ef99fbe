"""Collects garbage on the GUI thread only.

Python's collector runs on whichever thread allocates. On a worker it would destroy widgets and timers that are part of a
cycle there, and Qt aborts ("Timers cannot be stopped from another thread"). So the automatic collector is switched off
and a timer does its work, by its own thresholds.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_INTERVAL_MS = 500


class GarbageCollection(QObject):
    """Lives as long as the application."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        timer = QTimer(self, interval=_INTERVAL_MS)
        timer.timeout.connect(self._collect)
        timer.start()

    def _collect(self) -> None:
        counts, limits = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > limits[generation]:
                gc.collect(generation)
                return
