"""The dialog that adds an account, or changes how one is reached."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QWidget

from core.base.errors import OpsError
from core.settings.profiles import Profile
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import Field, choice, line
from gui.parts.layout import row
from gui.parts.notices import Banner

_ENVIRONMENTS = [("production", "Production: opens read-only"), ("staging", "Staging"), ("sandbox", "Sandbox")]


class ProfileDialog(Dialog):
    """``saved`` carries the profile as it was typed; whoever stores it shows what is wrong, or closes the dialog.

    ``before``: the profile to change, or None for a new one; what the dialog does not show of it is kept.
    """

    saved = Signal(object)

    def __init__(self, before: Profile | None, parent: QWidget | None = None) -> None:
        title = f"Edit {before.name}" if before else "New profile"
        super().__init__(title, "Save and open", parent, width=560)
        self._before = before or Profile("", environment="production")
        shown = self._before
        self.banner = Banner("danger")
        self.name = Field("Name", line("acme", shown.name), "What this account is called here")
        self.name.widget.setEnabled(before is None)
        self.aws_profile = QComboBox()
        self.aws_profile.setEditable(True)
        self.aws_profile.setLineEdit(line("the default login of this computer", shown.aws_profile))
        self.region = Field("Region", line("eu-west-1", shown.region), "Empty: as the AWS configuration says")
        self.environment = choice(_ENVIRONMENTS, shown.environment)
        self.read_only = QCheckBox("Ask before every write")
        self.read_only.setChecked(shown.read_only)
        self.endpoint = Field(
            "Endpoint", line("https://…", shown.endpoints.get("default", "")), "Only for what is not AWS itself"
        )
        self.ca_file = Field(
            "CA file", line("", shown.ca_bundle), "Certificates of a private endpoint; certificates are always checked"
        )
        browse = Button("Choose…")
        browse.clicked.connect(self._choose_file)
        self.body.addWidget(self.banner)
        for field in (
            self.name,
            Field(
                "AWS profile", self.aws_profile, "A name of your AWS configuration files (aws configure sso makes one)"
            ),
            self.region,
            Field("Environment", self.environment, "Its colour and word stand in the window all the time"),
            self.read_only,
            self.endpoint,
        ):
            self.body.addWidget(field)
        beside = row(self.ca_file, browse)
        beside.setStretch(0, 1)
        self.body.addLayout(beside)
        self.asked.connect(self._save)

    def show_aws_profiles(self, names: list[str]) -> None:
        """Offer the names of the AWS configuration; what was typed stays."""
        typed = self.aws_profile.currentText()
        self.aws_profile.clear()
        self.aws_profile.addItems(names)
        self.aws_profile.setCurrentText(typed)

    def show_fault(self, fault: OpsError) -> None:
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def show_faults(self, found: dict[str, str]) -> None:
        """Words at the fields they are about (``faults_of`` names them); none clear all."""
        self.banner.hide()
        marked = {"name": self.name, "endpoints": self.endpoint, "ca_bundle": self.ca_file}
        for name, field in marked.items():
            field.show_fault(found.get(name, ""))
        if found:
            marked[next(iter(found))].widget.setFocus()

    def _save(self) -> None:
        endpoint = _text(self.endpoint)
        endpoints = {key: url for key, url in self._before.endpoints.items() if key != "default"}
        if endpoint:
            endpoints["default"] = endpoint
        self.saved.emit(
            replace(
                self._before,
                name=_text(self.name),
                environment=self.environment.currentData(),
                read_only=self.read_only.isChecked(),
                aws_profile=self.aws_profile.currentText().strip(),
                region=_text(self.region),
                ca_bundle=_text(self.ca_file),
                endpoints=endpoints,
            )
        )

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Certificates of the endpoint", _text(self.ca_file))
        if name:
            self.ca_file.widget.setText(name)  # type: ignore[attr-defined]


def _text(field: Field) -> str:
    text: str = field.widget.text()  # type: ignore[attr-defined]
    return text.strip()
