"""Dialogs of the browser: a new bucket, an object's labels, where to copy, unfinished uploads."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QPlainTextEdit, QWidget

from core.backups.objects.address import Address, address, checked_bucket_name
from core.backups.objects.values import ObjectFacts, OpenUpload
from core.backups.plan import STORAGE_CLASSES
from core.base.errors import OpsError
from gui.parts.buttons import Button
from gui.parts.dialogs import Dialog
from gui.parts.form import Field, choice, line
from gui.parts.layout import row
from gui.parts.notices import Banner
from gui.parts.words import Label, byte_size, number
from gui.tabs.backups import wording
from gui.tabs.backups.rows import Column, RowTable


class BucketDialog(Dialog):
    """A name, and what can be chosen only now."""

    make_asked = Signal(str, bool, bool)  # name, versioning, lock

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("New bucket", "Make the bucket", parent)
        self.name = line("my-company-backups", mono=True)
        self.field = Field("Name", self.name, "Unique in all of AWS: 3 to 63 small letters, digits, dots and dashes")
        self.versions = QCheckBox("Keep versions: a delete or an overwrite can be undone")
        self.lock = QCheckBox("Object lock: objects can be kept from deletion (only now; keeps versions)")
        self.lock.toggled.connect(lambda on: self.versions.setChecked(on or self.versions.isChecked()))
        self.banner = Banner("danger")
        self.banner.hide()
        for widget in (self.field, self.versions, self.lock, self.banner):
            self.body.addWidget(widget)
        self.name.textChanged.connect(lambda _: self.field.show_fault(""))
        self.asked.connect(self._fire)

    def show_fault(self, fault: OpsError) -> None:
        self.accept_button.setEnabled(True)
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def _fire(self) -> None:
        try:
            name = checked_bucket_name(self.name.text().strip())
        except OpsError as fault:
            self.field.show_fault(fault.why)
            return
        self.accept_button.setEnabled(False)
        self.make_asked.emit(name, self.versions.isChecked(), self.lock.isChecked())


class OpenBucketDialog(Dialog):
    """A bucket by name, for logins that may not list them."""

    open_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Open a bucket by name", "Open", parent)
        self.name = line("bucket, or s3://bucket/prefix", mono=True)
        self.body.addWidget(Field("Bucket", self.name, "For logins that may use a bucket but not list all of them"))
        self.asked.connect(self._fire)

    def _fire(self) -> None:
        text = self.name.text().strip()
        if text:
            self.accept()
            self.open_asked.emit(text)


class LabelsDialog(Dialog):
    """Storage class, metadata and tags of one object."""

    save_asked = Signal(str, object, object)  # class or "", metadata or None, tags or None: only what changed

    def __init__(self, facts: ObjectFacts, parent: QWidget | None = None) -> None:
        super().__init__(facts.key.rsplit("/", 1)[-1], "Save", parent)
        self._facts = facts
        kinds = dict.fromkeys((*STORAGE_CLASSES, facts.storage_class))  # one that is not known here stays as it is
        self.kind = choice([(name, name) for name in kinds], facts.storage_class)
        self.metadata = _pairs(facts.metadata)
        self.tags = _pairs(facts.tags)
        self.body.addWidget(Field("Storage class", self.kind))
        self.metadata_field = Field("Metadata", self.metadata, "One NAME = VALUE a line")
        self.tags_field = Field("Tags", self.tags, "One NAME = VALUE a line, at most 10")
        self.body.addWidget(self.metadata_field)
        self.body.addWidget(self.tags_field)
        self.body.addWidget(
            Label(
                "Another class or other metadata makes S3 copy the object onto itself: its date changes.",
                "small",
                wrap=True,
            )
        )
        self.asked.connect(self._fire)

    def _fire(self) -> None:
        found = []
        for field, edit in ((self.metadata_field, self.metadata), (self.tags_field, self.tags)):
            values = {}
            field.show_fault("")
            for text in edit.toPlainText().splitlines():
                name, sign, value = text.partition("=")
                if text.strip() and (not sign or not name.strip()):
                    field.show_fault(f"{text.strip()!r} is no NAME = VALUE")
                    return
                if text.strip():
                    values[name.strip()] = value.strip()
            found.append(values)
        kind = self.kind.currentData()
        self.accept()
        self.save_asked.emit(
            kind if kind != self._facts.storage_class else "",
            found[0] if found[0] != self._facts.metadata else None,
            found[1] if found[1] != self._facts.tags else None,
        )


def _pairs(values: dict[str, str]) -> QPlainTextEdit:
    edit = QPlainTextEdit("\n".join(f"{name} = {value}" for name, value in values.items()))
    edit.setProperty("role", "mono")
    edit.setMaximumHeight(96)
    edit.setTabChangesFocus(True)
    return edit


class CopyDialog(Dialog):
    """Where to; one object may get another name."""

    copy_asked = Signal(object, bool, bool)  # Address, move, replace

    def __init__(self, what: str, here: Address, parent: QWidget | None = None) -> None:
        super().__init__(f"Copy or move {what}", "Copy", parent)
        self.to = line("s3://bucket/prefix/", str(here), mono=True)
        self.field = Field("To", self.to, "A prefix ends with a slash; a single object may get a new name instead")
        self.move_box = QCheckBox("Move: delete the original after its copy was seen there")
        self.replace_box = QCheckBox("Replace what is there")
        for widget in (self.field, self.move_box, self.replace_box):
            self.body.addWidget(widget)
        self.move_box.toggled.connect(self._name_button)
        self.asked.connect(self._fire)

    def _name_button(self, move: bool) -> None:
        self.accept_button.setText("Move" if move else "Copy")
        self.accept_button.setAccessibleName(self.accept_button.text())

    def _fire(self) -> None:
        try:
            to = address(self.to.text().strip())
        except OpsError as fault:
            self.field.show_fault(str(fault))
            return
        self.accept()
        self.copy_asked.emit(to, self.move_box.isChecked(), self.replace_box.isChecked())


class UploadsDialog(Dialog):
    """Uploads that were begun and never ended: their parts cost money and no list shows them."""

    resume_asked = Signal(object)  # OpenUpload
    rule_asked = Signal()
    abort_asked = Signal(list)

    def __init__(
        self,
        bucket: str,
        uploads: Sequence[OpenUpload],
        parent: QWidget | None = None,
        *,
        may_write: bool,
        at_work: Sequence[str] = (),
    ) -> None:
        """``at_work``: titles of this window's own transfers, whose uploads may be among them."""
        super().__init__(f"Unfinished uploads of {bucket}", " ", parent, kind="destructive", width=680)
        self._may_write = may_write
        self.cancel_button.setText("Close")
        total = sum(item.size or 0 for item in uploads)
        unknown = sum(item.size is None for item in uploads)
        words = (
            f"{wording.count_of(len(uploads), 'incomplete multipart upload')}. Their {byte_size(total)}"
            f"{f' (and {unknown} of unknown size)' if unknown else ''} are paid for, and no list of objects shows them."
            if uploads
            else "There is none: nothing is paid for that cannot be seen."
        )
        self.body.addWidget(Label(words, wrap=True))
        busy = f"This window is at work: {', '.join(at_work)}. " if at_work else ""
        warned = Label(
            f"{busy}What somebody uploads right now is among them, too, and fails where it is aborted.", "small",
            tone="warning" if busy else "", wrap=True,
        )  # fmt: skip
        warned.setVisible(bool(uploads))
        self.body.addWidget(warned)
        self.table = RowTable(
            "Unfinished uploads",
            (
                Column("Key", lambda item: item.key, mono=True, tip=lambda item: f"{item.key}\n{item.upload_id}"),
                Column(
                    "Begun", lambda item: wording.ago(item.started), 160, tip=lambda item: wording.stamp(item.started)
                ),
                Column("Parts", lambda item: "?" if item.parts is None else number(item.parts), 70, right=True),
                Column("Size", lambda item: "?" if item.size is None else byte_size(item.size), 90, right=True),
            ),
            many=True,
        )
        self.table.show_rows(uploads)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # keys differ at their ends
        self.table.setMinimumHeight(220)
        self.table.setVisible(bool(uploads))
        self.body.addWidget(self.table)
        self.resume = Button("Resume with a file…", icon_name="file-up")
        self.resume.setToolTip("Choose the same file again: the parts that arrived are compared and kept")
        self.resume.clicked.connect(self._resume)
        self.sweep = Button("Abort by lifecycle rule…", icon_name="calendar-clock")
        self.sweep.clicked.connect(self.rule_asked)
        self.foot.insertLayout(0, row(self.resume, self.sweep))
        self.table.picked.connect(self._weigh)
        self.asked.connect(lambda: self.abort_asked.emit(self.table.chosen))
        self._weigh()

    def _resume(self) -> None:
        if self.table.chosen:
            self.resume_asked.emit(self.table.chosen[0])

    def _weigh(self) -> None:
        chosen = self.table.chosen
        self.accept_button.setVisible(bool(chosen))
        self.accept_button.setEnabled(self._may_write)
        self.accept_button.setText(f"Abort {wording.count_of(len(chosen), 'upload')}")
        self.accept_button.setAccessibleName(self.accept_button.text())
        self.resume.setEnabled(len(chosen) == 1 and self._may_write)
