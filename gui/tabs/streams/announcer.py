"""Decides for the page's banner: which notice stands there, which was dismissed, and what its button leads to."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.base.errors import OpsError
from gui.parts.notices import Banner
from gui.tabs.streams.notices import Notice


class Announcer(QObject):
    step_asked = Signal(str)  # Notice.step

    def __init__(self, banner: Banner) -> None:
        super().__init__(banner)
        self._banner = banner
        self._notice: Notice | None = None
        self._dismissed = ""
        banner.action_asked.connect(self._next_step)
        banner.dismissed.connect(self._dismiss)

    def notify(self, notice: Notice | None) -> None:
        """The most pressing notice as of now; one that was dismissed stays away until another kind has come."""
        banner = self._banner
        if notice is None:
            if self._notice is not None:
                banner.hide()
            self._notice, self._dismissed = None, ""
            return
        if notice.kind == self._dismissed or (self._notice and notice.kind == self._notice.kind and banner.isVisible()):
            return
        self._notice = notice
        details = "\n".join([notice.title, notice.why, *(f"{k}: {v}" for k, v in notice.details.items())])
        banner.show_text(
            notice.title, notice.why, notice.action, tone=notice.tone, details=details if notice.details else ""
        )

    def show_fault(self, fault: OpsError, action: str = "Refresh", step: str = "refresh") -> None:
        self._notice = Notice(f"fault:{fault.code}", "danger", fault.title, fault.why, action, step)
        self._banner.show_fault(fault.title, fault.why, fault.remedy, action=action, details=fault.details)

    def hide(self) -> None:
        self._banner.hide()

    def begin(self) -> None:
        """A new tap: what was dismissed for another one may come again."""
        self._dismissed = ""
        self._banner.hide()

    def _dismiss(self) -> None:
        self._dismissed = self._notice.kind if self._notice else ""

    def _next_step(self) -> None:
        self._banner.hide()
        self.step_asked.emit(self._notice.step if self._notice else "")
