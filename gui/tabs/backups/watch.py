"""What the window does for backups while it stands open, whether or not their page was ever opened: it catches up runs that
no timer of the system did, verifies what is due, and says when a plan has fallen silent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QSystemTrayIcon, QWidget
from shiboken6 import isValid

from core.backups.catching_up import Attendance
from core.base.clock import Clock, SystemClock
from core.base.errors import OpsError
from core.jobs.job import Job
from gui.bridge.tab_context import TabContext
from gui.style.icons import icon
from gui.tabs.backups.place import ROOM

if TYPE_CHECKING:
    from core.backups.alerts import Alert

_ASK = 10_000  # ms between two looks at the clock: no work, and a resume is noticed soon
_SILENCE = 60 * 60.0  # seconds between two looks for plans that have fallen silent: each asks the bucket
_VERIFY_AGAIN = 4 * 60 * 60.0  # seconds before a verification that could not even begin is tried once more
_NOTIFIED = 15_000


@dataclass(frozen=True, slots=True)
class _Due:
    runs: tuple[str, ...] = ()
    proofs: tuple[str, ...] = ()
    plans: int = 0


class BackupWatch(QObject):
    """Made once a window, after its first picture. ``context`` gives the open profile's context, ``told`` shows an alert."""

    _alerted = Signal(object)  # from a job's thread, hence queued

    def __init__(
        self,
        window: QWidget,
        context: Callable[[], TabContext],
        told: Callable[[Alert], None],
        clock: Clock | None = None,
    ) -> None:
        super().__init__(window)
        self._context, self._told, self._clock = context, told, clock or SystemClock()
        self._attendance = Attendance(self._clock)
        self._heard: object = None
        self._silence_asked: dict[str, float] = {}  # by profile
        self._proof_tried: dict[tuple[str, str], float] = {}  # by profile and plan
        self._told_of = ""
        self._alerted.connect(self._show, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self, interval=_ASK)
        self._timer.timeout.connect(self.ask)
        self._timer.start()

    def ask(self) -> None:
        """Look at the clock, and, once a minute, at what is due."""
        if self._attendance.due():
            self.look()

    def look(self) -> None:
        """Find what is due now, and start it. A locked profile writes nothing, and is still told of silence."""
        context = self._context()

        def find(_job: Job[Any]) -> _Due:
            service = context.desk.backups
            if self._heard is not service:
                self._heard = service
                service.alert_listeners.append(self._hear)
            return _Due(tuple(service.due()), tuple(service.verifications_due()), len(service.plans()))

        context.jobs.start(
            self, "Look for missed backups", find, room=ROOM, lane="backups-due", newest_only=True, quiet=True,
            on_success=partial(self._start, context), on_failure=self._failed,
        )  # fmt: skip

    def _start(self, context: TabContext, due: _Due) -> None:
        if context.desk is not self._context().desk:
            return  # another profile was opened meanwhile
        service, jobs, now = context.desk.backups, context.jobs, self._clock.monotonic()
        lanes, profile = {job.lane for job in jobs.running()}, context.desk.profile.name
        for name in due.runs if not context.guard.locked else ():
            if f"backup:{name}" not in lanes:
                jobs.start(
                    self, f"Back up {name} (scheduled)", partial(service.run, name=name, if_due=True), room=ROOM,
                    lane=f"backup:{name}", write=True, outlives_owner=True, can_retry=True,
                )  # fmt: skip
        for name in due.proofs:
            tried = self._proof_tried.get((profile, name))
            if f"backup:{name}" not in lanes and (tried is None or now - tried > _VERIFY_AGAIN):
                self._proof_tried[profile, name] = now
                jobs.start(
                    self, f"Verify {name} (scheduled)", partial(service.verify, name=name), room=ROOM,
                    lane=f"backup:{name}", outlives_owner=True, can_retry=True,
                )  # fmt: skip
        asked = self._silence_asked.get(profile)
        if due.plans and (asked is None or now - asked > _SILENCE):
            self._silence_asked[profile] = now
            jobs.start(self, "Look for silent backup plans", service.watch, room=ROOM, lane="backups-look", quiet=True,
                       on_failure=self._failed)  # fmt: skip

    def _failed(self, fault: OpsError) -> None:
        """The page of backups says it next to what it could not do; here it is kept, once, for whoever asks why nothing ran."""
        if str(fault) != self._told_of:
            self._told_of = str(fault)
            logging.getLogger(__name__).warning("plans could not be looked at: %s", fault)

    def _hear(self, alert: Alert) -> None:
        if isValid(self):
            self._alerted.emit(alert)

    def _show(self, alert: Alert) -> None:
        """In the window always; as a desktop notification where the desktop has a tray."""
        self._told(alert)
        if QSystemTrayIcon.isSystemTrayAvailable():
            kinds = QSystemTrayIcon.MessageIcon
            tray = QSystemTrayIcon(icon("archive", "success" if alert.good else "danger"), self)
            tray.show()
            tray.showMessage(alert.subject, alert.text, kinds.Information if alert.good else kinds.Warning)
            QTimer.singleShot(_NOTIFIED, tray, tray.deleteLater)
