"""A MySQL or MariaDB server for the open profile: where it is, who logs in, and the password for the keyring."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from core.base.errors import OpsError
from core.settings.profiles import MysqlSource
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import Field, line
from gui.parts.layout import row
from gui.parts.notices import Banner, Busy
from gui.tabs.backups.wizard_parts import amount, side_by_side


class ServerDialog(Dialog):
    """Whoever stores the server logs in to it, too, and closes the dialog or shows what is wrong."""

    save_asked = Signal(object, str)  # MysqlSource, password ("": not to be kept)

    def __init__(self, profile: str, parent: QWidget | None = None) -> None:
        super().__init__(f"Add a MySQL server to {profile}", "Log in and add", parent)
        self.name = line("shop")
        self.host = line("db.example.com")
        self.port = amount(3306, 1, 65_535, "")
        self.user = line("backup")
        self.password = line()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.ca_file = line("")
        browse = Button("Choose…")
        browse.clicked.connect(self._choose_file)
        self.banner = Banner("danger")
        self.banner.hide()
        self.busy = Busy("Logging in")
        self.busy.hide()
        self.body.addWidget(self.banner)
        self.body.addWidget(Field("Name", self.name, "What the server is called here"))
        self.body.addLayout(side_by_side(Field("Host", self.host), Field("Port", self.port)))
        self.body.addLayout(side_by_side(Field("User", self.user), Field("Password", self.password)))
        ca = Field("CA certificate", self.ca_file, "With one, the server's certificate is checked")
        beside = row(ca, browse)
        beside.setStretch(0, 1)
        self.body.addLayout(beside)
        self.body.addWidget(self.busy)
        self.asked.connect(self._fire)

    def show_fault(self, fault: OpsError) -> None:
        self.busy.hide()
        self.accept_button.setEnabled(True)
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def _fire(self) -> None:
        self.banner.hide()
        self.busy.show()
        self.accept_button.setEnabled(False)
        text = [edit.text().strip() for edit in (self.name, self.host, self.user, self.ca_file)]
        name, host, user, ca_file = text
        self.save_asked.emit(MysqlSource(name, host, self.port.value(), user, ca_file=ca_file), self.password.text())

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "CA certificate of the server", self.ca_file.text())
        if name:
            self.ca_file.setText(name)
