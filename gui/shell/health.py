"""Who are we, and does anybody answer: asked for the open profile at once, then every minute, sooner after a failure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from core.base.errors import OpsError
from core.desk import Desk
from gui.bridge.job_bridge import JobBridge

if TYPE_CHECKING:
    from core.aws.health import Identity

_AGAIN_SECONDS = 60
_RETRY_SECONDS = 10


class Health(QObject):
    """What it says is about the desk it follows now; a late answer about a former one is dropped."""

    asking = Signal(str)  # words, while nobody has answered for this desk yet
    answered = Signal(object)  # Identity
    failed = Signal(object)  # OpsError

    def __init__(self, jobs: JobBridge, check: Callable[[Desk], Identity], parent: QObject) -> None:
        super().__init__(parent)
        self._jobs, self._check = jobs, check
        self._desk: Desk | None = None
        self.fault: OpsError | None = None
        self._known = False
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.ask)

    def follow(self, desk: Desk) -> None:
        """Another profile is open: nothing is known of it until ``ask`` is answered."""
        self._desk, self.fault, self._known = desk, None, False
        self._timer.stop()

    def stop(self) -> None:
        self._timer.stop()

    def ask(self) -> None:
        desk = self._desk
        assert desk is not None
        starts_sandbox = desk.profile.kind == "sandbox" and not self._known
        if starts_sandbox or (not self._known and self.fault is None):  # a fault stays told until there is an answer
            self.asking.emit("Starting the local sandbox…" if starts_sandbox else "Connecting…")
        self._jobs.start(
            self,
            "Start the sandbox" if starts_sandbox else "Ask who we are",
            lambda _job: self._check(desk),
            lane=f"health:{id(desk)}",
            newest_only=True,
            quiet=not starts_sandbox,
            on_success=partial(self._answered, desk),
            on_failure=partial(self._failed, desk),
        )

    def _answered(self, desk: Desk, identity: Identity) -> None:
        if desk is not self._desk:
            return
        self.fault, self._known = None, True
        self.answered.emit(identity)
        self._timer.start(_AGAIN_SECONDS * 1000)

    def _failed(self, desk: Desk, fault: OpsError) -> None:
        if desk is not self._desk:
            return
        self.fault, self._known = fault, False
        self.failed.emit(fault)
        self._timer.start(_RETRY_SECONDS * 1000)
