"""Restore: choose the backup and the place, see what would happen, and only then do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QCheckBox, QFileDialog, QFrame, QWidget

from core.backups.outcomes import Backup, RestorePreview, Severity
from core.backups.plan import Plan
from core.base.errors import OpsError
from gui.parts.buttons import Button
from gui.parts.dialogs import ENVIRONMENT_TONE, Dialog
from gui.parts.form import DropDown, Field, choice, line
from gui.parts.layout import column, row
from gui.parts.notices import Banner, Busy
from gui.parts.words import Chip, Label, byte_size, number, restyle
from gui.style.tokens import Space
from gui.tabs.backups import wording
from gui.tabs.backups.plan_detail import FindingLine
from gui.tabs.backups.rows import Column, RowTable


class RestoreDialog(Dialog):
    """First "Preview", then "Restore N tables"; over the source only with its name typed. Enter in a field
    previews, and never restores."""

    preview_asked = Signal(str, str)  # run, to
    restore_asked = Signal(str, str, str)  # run, to, confirm
    server_wanted = Signal()

    def __init__(
        self,
        plan: Plan,
        backups: Sequence[Backup],
        chosen: str,
        environment: str,
        parent: QWidget | None = None,
        *,
        lost: bool = False,
    ) -> None:
        """``lost``: what the plan saves is gone, and is to come back as it was."""
        super().__init__("Restore a backup", "Preview", parent, width=720)
        self._plan = plan
        self.head.addWidget(Chip(environment.upper(), ENVIRONMENT_TONE.get(environment, "")))
        whole = [item for item in backups if item.complete]
        words = [
            (item.id, f"{wording.stamp(item.taken)} · {_trust(item)} · {byte_size(item.stored_bytes)}")
            for item in whole
        ]
        sound = next((item.id for item in whole if not item.failed), "")
        self.backup = choice(words, chosen or sound)  # the newest that nothing is known against
        names = plan.source.databases
        default = f"{names[0]}_restored" if len(names) == 1 else "restored_" if names else ""
        self.to = line("database" if plan.is_database else "/a/new/folder", default, mono=True)
        self.to_field = Field(
            "As" if plan.is_database else "Into",
            self.to,
            f"Put before each name: {default}{names[0]}, …" if len(names) > 1 else "" if names else "An empty folder",
        )
        self.server = DropDown()
        self.server.addItem(plan.source.server)
        self.own = QCheckBox("Under the old name" if len(names) == 1 else "Under the old names")
        self.own.setToolTip(", ".join(names))
        self.own.setChecked(lost and plan.is_database)
        self.banner = Banner("danger")
        self.banner.hide()
        self.busy = Busy()
        self.busy.hide()
        self.summary = Label("", "strong", wrap=True)
        self.items = RowTable(
            "What would be restored",
            (
                Column("Table" if plan.is_database else "File", lambda item: item[0], mono=True),
                Column("Rows" if plan.is_database else "Bytes", lambda item: number(item[1]), 110, right=True),
            ),
        )
        self.found = QFrame()
        self._lines = column(gap=Space.XS)
        self.found.setLayout(self._lines)
        self.confirm = line("", mono=True)
        self.confirm_field = Field("Type the name of the source to restore over it", self.confirm)
        fields = column(self._where(Field("Backup", self.backup)), gap=Space.M)
        for widget in (
            fields, self.banner, self.busy, self.summary, self.items, self.found,
            self.confirm_field,
        ):  # fmt: skip
            if isinstance(widget, QWidget):
                self.body.addWidget(widget)
            else:
                self.body.addLayout(widget)
        self._preview: RestorePreview | None = None
        self._forget()
        self.to.textChanged.connect(self._forget)
        self.server.currentIndexChanged.connect(self._forget)
        self.own.toggled.connect(self._forget)
        self.backup.currentIndexChanged.connect(self._forget)
        self.confirm.textChanged.connect(self._weigh)
        self.asked.connect(self._fire)
        if not whole:
            self.banner.show_text("There is no complete backup to restore", "Back up first", dismissable=False)
            self.accept_button.setEnabled(False)

    def _where(self, backup: Field) -> QBoxLayout:
        """The fields that say which backup goes where."""
        if not self._plan.is_database:
            fields = row()
            for field, share in ((backup, 5), (self.to_field, 4)):
                fields.addWidget(field, share, Qt.AlignmentFlag.AlignTop)
            fields.addLayout(self._beside(self.to_field, "Choose…", self._choose_folder))
            return fields
        place, server = row(), Field("On the server", self.server)
        place.addWidget(server, 3, Qt.AlignmentFlag.AlignTop)
        place.addLayout(self._beside(server, "Add a server…", self.server_wanted.emit))
        place.addWidget(self.to_field, 4, Qt.AlignmentFlag.AlignTop)
        return column(backup, place, row(self.own, None), gap=Space.M)

    @staticmethod
    def _beside(field: Field, words: str, act: Callable[[], object]) -> QBoxLayout:
        """A button on the line of the field's box."""
        button = Button(words)
        button.clicked.connect(act)
        return column(field.name.sizeHint().height() + Space.XS, button, None, gap=0)

    def show_servers(self, names: Sequence[str], chosen: str = "", *, own: Sequence[str] = ()) -> None:
        """Those of the profile; ``chosen``: the one to be taken, if not the one that is."""
        current = chosen or self.server.currentText()
        self.server.clear()
        self.server.addItems([*names, *({self._plan.source.server} - set(names))])
        self.server.setCurrentText(current)

    @property
    def target(self) -> str:
        """As the service takes it."""
        text = self.to.text().strip()
        if not self._plan.is_database:
            return text
        server = self.server.currentText()
        if self.own.isChecked():
            return f"{server}/"
        return text if server == self._plan.source.server else f"{server}/{text}"

    def show_busy(self, text: str) -> None:
        self.busy.setVisible(bool(text))
        if text:
            self.busy.show_text(text)
        self.accept_button.setEnabled(not text)

    def show_fault(self, fault: OpsError) -> None:
        self.show_busy("")
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def show_preview(self, preview: RestorePreview) -> None:
        self.show_busy("")
        self._preview = preview
        items = wording.count_of(preview.item_count, "table" if self._plan.is_database else "file")
        self.summary.setText(
            f"{items}, {byte_size(preview.plain_bytes)}, as of {wording.stamp(preview.taken)}, "
            f"into {preview.to}. Needs {byte_size(preview.needs_bytes)} there."
        )
        self.summary.show()
        self.items.show_rows(preview.items)
        self.items.fit_height(1, 7)
        self.items.show()
        self._clear()
        for finding in preview.findings:
            self._lines.addWidget(FindingLine(finding))
        self.found.setVisible(bool(preview.findings))
        self.confirm_field.setVisible(preview.overwrites_source)
        if any(item.severity is Severity.ERROR and item.rule != "restore-over-source" for item in preview.findings):
            self._preview = None  # it would be refused; what stands in the way may be gone at the next look
            self._name_button("Preview again")
            return
        verb = "Overwrite" if preview.overwrites_source else "Restore"
        self._name_button(f"{verb} {items}", "destructive" if preview.overwrites_source else "primary")
        self.enter_asks = False
        self._weigh()

    def _weigh(self) -> None:
        if self._preview is not None and self._preview.overwrites_source:
            names = {*self._plan.source.databases, *self._plan.source.paths}
            self.accept_button.setEnabled(self.confirm.text() in names)

    def _forget(self) -> None:
        """Another choice: what was previewed counts no more."""
        self._preview = None
        self._clear()
        for widget in (self.summary, self.items, self.found, self.confirm_field):
            widget.hide()
        self.banner.hide()
        self._name_button("Preview")
        self.enter_asks = True
        own = self.own.isChecked()
        self.to.setEnabled(not own)
        self.accept_button.setEnabled((own or bool(self.to.text().strip())) and self.backup.count() > 0)

    def _name_button(self, words: str, kind: str = "primary") -> None:
        self.accept_button.setText(words)
        self.accept_button.setAccessibleName(words)
        self.accept_button.setProperty("kind", kind)
        restyle(self.accept_button)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder to restore into", self.to.text())
        if folder:
            self.to.setText(folder)

    def _clear(self) -> None:
        while item := self._lines.takeAt(0):
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _fire(self) -> None:
        run, to = self.backup.currentData(), self.target
        if self._preview is None:
            self.preview_asked.emit(run, to)
        else:
            self.restore_asked.emit(run, to, self.confirm.text())


def _trust(item: Backup) -> str:
    if item.failed:
        return "FAILED its proof"
    return "proved" if item.proved else "not proved"
