"""A MySQL or MariaDB server for the open profile: where it is, who logs in, and the password for the keyring."""

from __future__ import annotations

from dataclasses import replace

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
    """Whoever stores the server logs in to it first, and closes the dialog or shows what is wrong."""

    save_asked = Signal(object, str)  # MysqlSource, password ("": not to be kept)

    def __init__(self, profile: str, parent: QWidget | None = None, source: MysqlSource | None = None) -> None:
        """``source``: the server that is to be changed."""
        title = f"The MySQL server {source.name} of {profile}" if source else f"Add a MySQL server to {profile}"
        super().__init__(title, f"Log in and {'save' if source else 'add'}", parent)
        given = self._source = source or MysqlSource("", "", user="")
        self.name = line("shop", given.name)
        self.name.setReadOnly(source is not None)  # plans know it by its name
        self.host = line("db.example.com", given.host)
        self.port = amount(given.port, 1, 65_535, "")
        self.user = line("backup", given.user)
        self.password = line("as it is kept" if source else "")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.ca_file = line("", given.ca_file)
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
        source = replace(self._source, name=name, host=host, port=self.port.value(), user=user, ca_file=ca_file)
        self.save_asked.emit(source, self.password.text())

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "CA certificate of the server", self.ca_file.text())
        if name:
            self.ca_file.setText(name)
