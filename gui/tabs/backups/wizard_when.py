"""The wizard's last step: when the plan runs, who is told of trouble, and a look at everything before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLineEdit, QVBoxLayout, QWidget

from core.backups.addresses import host_of, resolved, service_of
from core.backups.outcomes import Finding
from core.backups.plan import SMTP_PORTS, Alerts, Plan
from core.base.errors import WrongUse
from core.jobs.calendar import Schedule
from gui.parts.buttons import Button
from gui.parts.form import Field, choice, line
from gui.parts.layout import column, row
from gui.parts.notices import Busy
from gui.parts.words import Label
from gui.style.tokens import Space
from gui.tabs.backups.plan_detail import FindingLine
from gui.tabs.backups.wizard_parts import amount, listed, side_by_side


class WhenStep(QWidget):
    look_asked = Signal()

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        alerts = plan.alerts
        self._before = alerts
        self.times = line("02:00, 14:00", ", ".join(plan.schedule.times), mono=True)
        self.weekdays = line("every day, or: mon, thu", ", ".join(plan.schedule.weekdays), mono=True)
        self.desktop = QCheckBox("Tell me on this desktop")
        self.desktop.setChecked(alerts.desktop)
        self.silence = amount(alerts.silence_hours, 1, 8760, "hours")
        self.silence.setToolTip("Left at 26, a weekly plan is not called silent before its week is over")
        self.host = line("mail.example.com", alerts.smtp_host)
        self.security = choice([("starttls", "STARTTLS"), ("tls", "TLS"), ("none", "not encrypted")], alerts.smtp_tls)
        self.port = amount(alerts.smtp_port, 1, 65_535, "")
        self.mail_from = line("backups@example.com", alerts.smtp_from)
        self.to = line("ops@example.com", ", ".join(alerts.smtp_to))
        self.user = line("where the server wants a login", alerts.smtp_user)
        self.password = line("as it is kept in the keyring" if alerts.smtp_user else "is kept in the keyring")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.topic = line("arn:aws:sns:…", alerts.sns_topic, mono=True)
        self.webhook = line("https://…", host_of(alerts.webhook), mono=True)
        self.apprise = line("slack://… mailto://…", " ".join(map(service_of, alerts.apprise)), mono=True)
        self.apprise.setToolTip("Addresses with blanks between them, where the package apprise is installed")
        self.security.currentIndexChanged.connect(self._secured)
        self.look = Button("Check everything now", icon_name="shield-check")
        """Stands in the wizard's foot: what it finds stands on top of the page, where it is seen in a small window, too."""
        self.look.clicked.connect(self.look_asked)
        self.busy = Busy()
        self.busy.hide()
        self.found = QVBoxLayout()
        self.found.setSpacing(Space.XS)
        self.setLayout(
            column(
                self.found, row(self.busy, None),
                side_by_side(
                    Field("Runs at (local time)", self.times, "Empty: only by hand"),
                    Field("on", self.weekdays), Field("Alarm after silence of", self.silence),
                ),
                self.desktop,
                side_by_side(
                    Field("SMTP server", self.host), Field("Connection", self.security), Field("Port", self.port)
                ),
                side_by_side(Field("Mail from", self.mail_from), Field("to", self.to)),
                side_by_side(Field("SMTP user", self.user), Field("SMTP password", self.password)),
                side_by_side(
                    Field("SNS topic", self.topic), Field("Webhook", self.webhook, "Kept in the keyring"),
                    Field("Apprise", self.apprise, "Kept in the keyring"),
                ),
                None, gap=Space.M, margins=(0, Space.S, Space.S, 0),
            )
        )  # fmt: skip

    def schedule(self) -> Schedule:
        return Schedule(listed(self.times), listed(self.weekdays))

    def alerts(self) -> Alerts:
        before = self._before
        webhook = self.webhook.text().strip()
        return replace(
            before, desktop=self.desktop.isChecked(), silence_hours=self.silence.value(), smtp_host=self.host.text().strip(),
            smtp_port=self.port.value(), smtp_tls=self.security.currentData(), smtp_user=self.user.text().strip(),
            smtp_from=self.mail_from.text().strip(), smtp_to=listed(self.to), sns_topic=self.topic.text().strip(),
            webhook=before.webhook if webhook == host_of(before.webhook) else webhook,
            apprise=resolved(self.apprise.text().split(), before.apprise),
        )  # fmt: skip

    def check(self) -> None:
        """Raises WrongUse for receivers whom nothing would reach."""
        if (self.mail_from.text().strip() or self.to.text().strip()) and not self.host.text().strip():
            raise WrongUse(
                "No mail would be sent", "Sender or receiver are named, and no SMTP server", "Name the server"
            )

    def show_checking(self, busy: bool) -> None:
        self.look.setEnabled(not busy)
        self.busy.setVisible(busy)
        if busy:
            self._clear()
            self.busy.show_text("Login, rights, room, bucket…")

    def show_findings(self, findings: Sequence[Finding]) -> None:
        self.show_checking(False)
        self._clear()
        for finding in findings:
            self.found.addWidget(FindingLine(finding))
        if not findings:
            self.found.addWidget(Label("Nothing stands in the way of a backup.", tone="success"))

    def _clear(self) -> None:
        while item := self.found.takeAt(0):
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _secured(self, _index: int) -> None:
        """The usual port goes with the security, one that was chosen stays."""
        if self.port.value() in SMTP_PORTS.values():
            self.port.setValue(SMTP_PORTS[self.security.currentData()])
