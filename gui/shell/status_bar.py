"""The foot of the window: is the endpoint there, who am I, how long still, what runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from core.base.errors import OpsError
from gui.parts.buttons import Button
from gui.parts.words import Label, number
from gui.style.tokens import Size, Space

if TYPE_CHECKING:
    from core.aws.health import Identity


class StatusBar(QFrame):
    trouble_asked = Signal()
    activity_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusbar")
        self.setFixedHeight(Size.STATUS)
        self._dot = Label("●", "caption", tone="muted")
        self.connection = Label("Connecting…", "small")
        self.identity = Label("", "small")
        self.identity.setMinimumWidth(0)
        self.session = Label("", "small")
        self.sandbox = Label("", "small")
        self.why = Button("Why?", "link")
        self.why.hide()
        self.why.clicked.connect(self.trouble_asked)
        self.running = Button("", "link")
        self.failed = Button("", "link")
        for button in (self.running, self.failed):
            button.clicked.connect(self.activity_asked)
            button.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(Space.M, 0, Space.M, 0)
        layout.setSpacing(Space.L)
        layout.addWidget(self._dot)
        layout.addWidget(self.connection)
        layout.addWidget(self.why)
        layout.addWidget(self.identity)
        layout.addWidget(self.session)
        layout.addWidget(self.sandbox)
        layout.addStretch(1)
        layout.addWidget(self.running)
        layout.addWidget(self.failed)

    def show_connecting(self, words: str) -> None:
        self._dot.set_tone("warning")
        self.connection.setText(words)
        self.why.hide()
        self.identity.setText("")  # that of the profile before is not this one's
        self.session.setText("")

    def show_identity(self, identity: Identity) -> None:
        self._dot.set_tone("success")
        self.connection.setText(f"Connected · {number(identity.latency)} ms")
        self.why.hide()
        self.identity.setText(identity.arn if len(identity.arn) < 60 else f"{identity.arn[:24]}…{identity.arn[-30:]}")
        self.identity.setToolTip(identity.arn)
        if identity.expires is None:
            self.session.setText("")
        else:
            minutes = max(0, int((identity.expires - datetime.now(UTC)).total_seconds() // 60))
            self.session.setText(f"Session ends in {minutes} min")
            self.session.set_tone("warning" if minutes < 10 else "")

    def show_fault(self, fault: OpsError) -> None:
        self._dot.set_tone("danger")
        self.connection.setText(fault.why.split(" (")[0] or fault.title)
        self.why.show()
        self.identity.setText("")
        self.session.setText("")

    def show_sandbox(self, words: str, tone: str, details: str) -> None:
        self.sandbox.setText(words)
        self.sandbox.set_tone(tone)
        self.sandbox.setToolTip(details)

    def show_jobs(self, running: int, failed: int) -> None:
        self.running.setText(f"{running} running")
        self.running.setVisible(running > 0)
        self.failed.setText(f"{failed} failed")
        self.failed.setVisible(failed > 0)
