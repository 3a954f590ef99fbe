"""Settings for widgets: the current value, a signal when it changes, and writing off the GUI thread."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from core.base.errors import OpsError
from core.settings.model import Settings
from core.settings.store import SettingsStore
from gui.bridge.job_bridge import JobBridge


class SettingsBridge(QObject):
    changed = Signal(object)  # Settings
    refused = Signal(object)  # OpsError: the change could not be checked or written; the old value stays

    unusable = Signal(object)  # OpsError: a file of settings or profiles broke while the window is open

    def __init__(self, store: SettingsStore, jobs: JobBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._jobs = store, jobs

    @property
    def current(self) -> Settings:
        return self._store.current

    def set(self, section: str, **values: Any) -> None:
        """Change fields of one section; ``changed`` or ``refused`` follows."""
        self._write(lambda: self._store.set(section, **values))

    def choose_profile(self, name: str) -> None:
        from dataclasses import replace

        self._write(lambda: self._store.change(lambda now: replace(now, profile=name)))

    def _write(self, write: Any) -> None:
        self._jobs.start(
            self,
            "Save settings",
            lambda _job: write(),
            lane="settings",
            quiet=True,
            on_success=self.changed.emit,
            on_failure=self._refuse,
        )

    def _refuse(self, fault: OpsError) -> None:
        self.refused.emit(fault)
