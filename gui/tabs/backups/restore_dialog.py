"""Restore: choose the backup and the place, see what would happen, and only then do it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QFrame, QWidget

from core.backups.outcomes import Backup, RestorePreview, Severity
from core.backups.plan import Plan
from core.base.errors import OpsError
from gui.parts.buttons import Button
from gui.parts.dialogs import ENVIRONMENT_TONE, Dialog
from gui.parts.form import Field, choice, line
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

    def __init__(
        self, plan: Plan, backups: Sequence[Backup], chosen: str, environment: str, parent: QWidget | None = None
    ) -> None:
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
        default = f"{plan.source.databases[0]}_restored" if plan.is_database else ""
        self.to = line("database, SERVER/database" if plan.is_database else "/a/new/folder", default, mono=True)
        help_text = (
            "A new database, or SERVER/database on another server of the profile"
            if plan.is_database
            else "An empty folder"
        )
        self.to_field = Field("Into", self.to, help_text)
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
        fields = row()
        for field, share in ((Field("Backup", self.backup), 5), (self.to_field, 4)):
            fields.addWidget(field, share, Qt.AlignmentFlag.AlignTop)
        if not plan.is_database:
            browse = Button("Choose…")
            browse.clicked.connect(self._choose_folder)
            fields.addLayout(column(self.to_field.name.sizeHint().height() + Space.XS, browse, None, gap=0))
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
        self.backup.currentIndexChanged.connect(self._forget)
        self.confirm.textChanged.connect(self._weigh)
        self.asked.connect(self._fire)
        if not whole:
            self.banner.show_text("There is no complete backup to restore", "Back up first", dismissable=False)
            self.accept_button.setEnabled(False)

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
        self.accept_button.setEnabled(bool(self.to.text().strip()) and self.backup.count() > 0)

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
        run, to = self.backup.currentData(), self.to.text().strip()
        if self._preview is None:
            self.preview_asked.emit(run, to)
        else:
            self.restore_asked.emit(run, to, self.confirm.text())


def _trust(item: Backup) -> str:
    if item.failed:
        return "FAILED its proof"
    return "proved" if item.proved else "not proved"
