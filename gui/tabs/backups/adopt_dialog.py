"""Taking over backups that lie in a bucket and whose plan is not here: look, choose, and all the page can do works for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from core.base.errors import OpsError
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import DropDown, Field, choice, line
from gui.parts.layout import row
from gui.parts.notices import Banner, Busy
from gui.parts.words import Label
from gui.tabs.backups import wording
from gui.tabs.backups.wizard_parts import side_by_side

if TYPE_CHECKING:
    from core.backups.adopting import Left


class AdoptDialog(Dialog):
    """First "Look", then "Take over"."""

    look_asked = Signal(str, str)  # bucket, prefix
    adopt_asked = Signal(object, str, str, str)  # Left, server, folder, age identity
    server_wanted = Signal()

    def __init__(self, buckets: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__("Take over backups from a bucket", "Look", parent, width=640)
        self.bucket = DropDown()
        self.bucket.setEditable(True)
        self.bucket.addItems(list(buckets))
        self.prefix = line("empty: all of the bucket", mono=True)
        self.left = choice([], "")
        self.server = DropDown()
        self.folder = line("/srv/data", mono=True)
        self.identity = line("AGE-SECRET-KEY-1…")
        self.identity.setEchoMode(QLineEdit.EchoMode.Password)
        add, browse = Button("Add a server…"), Button("Choose…")
        add.clicked.connect(self.server_wanted)
        browse.clicked.connect(self._choose_folder)
        self.left_field = Field("Backups of", self.left)
        self.server_field = self._with(add, self.server)
        self.folder_field = self._with(browse, self.folder)
        self.identity_field = Field("Age identity", self.identity, "They are encrypted. It goes into the keyring")
        self.banner = Banner("danger")
        self.banner.hide()
        self.busy = Busy()
        self.busy.hide()
        self.body.addWidget(
            Label("A plan is made of what lies there. It restores and verifies at once, and backs up when you give it a time.",
                  "small", wrap=True)
        )  # fmt: skip
        self.body.addLayout(side_by_side(Field("Bucket", self.bucket), Field("Prefix", self.prefix)))
        for box, name in ((self.server, "Server"), (self.folder, "Folder")):
            box.setAccessibleName(name)
        self._server = Field("Restored to, and backed up from, the server", self.server_field)
        self._folder = Field(
            "Backed up from the folder", self.folder_field, "It need not exist: a restore asks where to"
        )
        for widget in (self.banner, self.busy, self.left_field, self._server, self._folder, self.identity_field):
            self.body.addWidget(widget)
        self._found: list[Left] = []
        self._forget()
        self.bucket.currentTextChanged.connect(self._forget)
        self.prefix.textChanged.connect(self._forget)
        self.left.currentIndexChanged.connect(self._weigh)
        for box in (self.folder, self.identity):
            box.textChanged.connect(self._weigh)
        self.asked.connect(self._fire)

    @staticmethod
    def _with(button: Button, box: QWidget) -> QWidget:
        both = QWidget()
        layout = row(box, button)
        layout.setStretch(0, 1)
        both.setLayout(layout)
        return both

    def show_buckets(self, names: Sequence[str]) -> None:
        current = self.bucket.currentText()
        self.bucket.blockSignals(True)
        self.bucket.clear()
        self.bucket.addItems(list(names))
        self.bucket.setCurrentText(current or (names[0] if names else ""))
        self.bucket.blockSignals(False)
        self._weigh()

    def show_servers(self, names: Sequence[str], chosen: str = "", *, own: Sequence[str] = ()) -> None:
        current = chosen or self.server.currentText()
        self.server.clear()
        self.server.addItems(list(names))
        self.server.setCurrentText(current or (names[0] if names else ""))
        self._weigh()

    def show_busy(self, text: str) -> None:
        self.busy.setVisible(bool(text))
        if text:
            self.busy.show_text(text)
        self._weigh()

    def show_fault(self, fault: OpsError) -> None:
        self.show_busy("")
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def show_found(self, found: Sequence[Left], known: Sequence[str] = ()) -> None:
        """``known``: names of plans that the profile has already."""
        self.show_busy("")
        self._found = [left for left in found if left.plan not in known]
        self.left.clear()
        for left in self._found:
            count = wording.count_of(left.count, "backup")
            self.left.addItem(f"{left.plan} · {count}, the newest of {wording.stamp(left.taken)}")
        if not self._found:
            why = (
                f"The plans of what lies there are here already: {', '.join(left.plan for left in found)}"
                if found
                else "Nothing there is named as Opsdesk names backups, with its manifest beside it"
            )
            self.banner.show_text("There is nothing to take over", why, tone="warning")
        self._weigh()

    def _forget(self) -> None:
        """Another place: what was found counts no more."""
        self._found = []
        self.left.clear()
        self.banner.hide()
        self._weigh()

    def _chosen(self) -> Left | None:
        number = self.left.currentIndex()
        return self._found[number] if 0 <= number < len(self._found) else None

    def _weigh(self) -> None:
        left = self._chosen()
        self.left_field.setVisible(left is not None)
        self._server.setVisible(left is not None and left.is_database)
        self._folder.setVisible(left is not None and not left.is_database)
        self.identity_field.setVisible(left is not None and left.encrypted)
        words = "Take over" if left else "Look"
        self.accept_button.setText(words)
        self.accept_button.setAccessibleName(words)
        whole = bool(self.bucket.currentText().strip())
        if left is not None:
            whole = bool(self.server.currentText() if left.is_database else self.folder.text().strip())
            whole = whole and (not left.encrypted or bool(self.identity.text().strip()))
        self.accept_button.setEnabled(whole and self.busy.isHidden())

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder that is backed up from now on", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _fire(self) -> None:
        left = self._chosen()
        if left is None:
            self.banner.hide()
            self.look_asked.emit(self.bucket.currentText().strip(), self.prefix.text().strip())
        else:
            folder = "" if left.is_database else self.folder.text().strip()
            server = self.server.currentText() if left.is_database else ""
            self.adopt_asked.emit(left, server, folder, self.identity.text().strip() if left.encrypted else "")
