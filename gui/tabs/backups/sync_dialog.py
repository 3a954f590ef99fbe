"""Synchronise: choose a folder and a direction, see what differs, and only then do it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QFileDialog, QWidget

from core.backups.objects.address import Address
from core.backups.objects.values import Comparison, Difference
from core.base.errors import OpsError
from gui.parts.buttons import Button, Segments
from gui.parts.dialogs import Dialog
from gui.parts.form import Field, line
from gui.parts.layout import row
from gui.parts.notices import Banner, Busy
from gui.parts.words import Label, breakable, byte_size, number
from gui.style.tokens import Space
from gui.tabs.backups.rows import Column, RowTable

_SHOWN = 1000
"""Rows of the preview; the summary counts all."""


@dataclass(frozen=True, slots=True)
class SyncWish:
    """What was asked for: between which places, which way, and how closely to look."""

    folder: Path
    place: Address
    upward: bool
    contents: bool
    exclude: tuple[str, ...]

    def command(self, profile: str, *, remove: bool) -> str:
        """The same as a verb."""
        sides = [str(self.folder), str(self.place)]
        words = ["opsdesk", "--profile", profile, "s3", "sync", *(sides if self.upward else reversed(sides))]
        words += [*(["--delete"] if remove else []), *(["--contents"] if self.contents else [])]
        words += [word for pattern in self.exclude for word in ("--exclude", pattern)]
        return shlex.join(words)


class SyncDialog(Dialog):
    """First "Compare", which changes nothing, then "Upload 12, delete 3"."""

    compare_asked = Signal(object)  # SyncWish
    sync_asked = Signal(object, bool)  # Comparison, remove

    def __init__(
        self, place: Address, profile: str, folder: str, parent: QWidget | None = None, *, may_write: bool
    ) -> None:
        super().__init__(f"Synchronise {place}", "Compare", parent, width=760)
        self._place, self._profile, self._may_write = place, profile, may_write
        self._found: Comparison | None = None
        self.direction = Segments([("up", "Upload to here"), ("down", "Download from here")], "Direction")
        if not may_write:
            self.direction.choose("down")
            self.direction.setEnabled(False)
            self.direction.setToolTip("This profile is read-only: unlock it to upload")
        self.folder = line("a folder on this computer", folder, mono=True)
        self.choose = Button("Choose…", icon_name="folder-open")
        self.field = Field("Folder", self.folder)
        chosen = row(self.field)
        chosen.addWidget(self.choose, 0, Qt.AlignmentFlag.AlignBottom)
        self.exclude = line("*.tmp, cache", mono=True)
        self.contents = QCheckBox("Read every file, also where size and time are equal")
        self.remove = QCheckBox("Delete what only the target has")
        self.banner = Banner("danger")
        self.banner.hide()
        self.busy = Busy()
        self.busy.hide()
        self.summary = Label("", "strong", wrap=True)
        self.table = RowTable(
            "What would be done",
            (
                Column("Do", lambda item: item[0], 90, tone=lambda item: "danger" if item[0] == "delete" else ""),
                Column("Name", lambda item: item[1].name, mono=True, tip=lambda item: item[1].name),
                Column("Size", lambda item: byte_size(item[1].size), 90, right=True),
                Column("Why", lambda item: item[1].why, 140),
            ),
        )
        self.left_out = Label("", "small", tone="warning", wrap=True)
        self.copy = Button("Copy as CLI", "small", icon_name="copy")
        self.foot.insertWidget(0, self.copy)
        for part in (
            row(self.direction, None), chosen,
            Field("Leave alone", self.exclude, "Names or paths with * and ?, apart by commas; neither carried nor deleted"),
            self.contents, self.remove, self.banner, self.busy, self.summary, self.table, self.left_out,
        ):  # fmt: skip
            if isinstance(part, QWidget):
                self.body.addWidget(part)
            else:
                self.body.addLayout(part)
        self.body.setSpacing(Space.S)
        self.choose.clicked.connect(self._choose)
        self.copy.clicked.connect(self._copy)
        self.folder.textChanged.connect(self._forget)
        self.exclude.textChanged.connect(self._forget)
        self.contents.toggled.connect(self._forget)
        self.direction.chosen.connect(self._forget)
        self.remove.toggled.connect(self._show_steps)
        self.asked.connect(self._fire)
        self._forget()

    @property
    def wish(self) -> SyncWish:
        patterns = tuple(text.strip() for text in self.exclude.text().split(",") if text.strip())
        folder = Path(self.folder.text().strip()).expanduser()
        return SyncWish(folder, self._place, self.direction.value == "up", self.contents.isChecked(), patterns)

    def show_busy(self, text: str) -> None:
        self.busy.setVisible(bool(text))
        if text:
            self.banner.hide()
            self.busy.show_text(text)
        self.accept_button.setEnabled(not text)

    def show_fault(self, fault: OpsError) -> None:
        self.show_busy("")
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    def show_found(self, found: Comparison) -> None:
        self.show_busy("")
        self._found = found
        self._show_steps()
        self.accept_button.setFocus()

    # -- inside -------------------------------------------------------------------------
    def _show_steps(self) -> None:
        found = self._found
        if found is None:
            return
        verb = "upload" if found.upward else "download"
        remove = self.remove.isChecked()
        steps: list[tuple[str, Difference]] = [("delete", item) for item in found.surplus[:_SHOWN] if remove]
        steps += [(verb, item) for item in found.carry[: _SHOWN - len(steps)]]
        self.table.show_rows(steps)
        self.table.fit_height(1, 8)
        self.table.setVisible(bool(steps))
        gone = f", {number(len(found.surplus))} {'to delete' if remove else 'only at the target, kept'}"
        shown = len(found.carry) + (len(found.surplus) if remove else 0)
        self.summary.setText(
            f"{number(len(found.carry))} to {verb} ({byte_size(found.carry_size)}){gone if found.surplus else ''}, "
            f"{number(found.same)} the same" + (f". The first {number(_SHOWN)} are shown" if shown > _SHOWN else "")
        )
        self.summary.show()
        names = ", ".join(f"{name} ({why})" for name, why in found.errors[:3])
        more = f" and {number(len(found.errors) - 3)} more" if len(found.errors) > 3 else ""
        self.left_out.setText(breakable(f"Left alone, since it cannot be compared: {names}{more}."))
        self.left_out.setVisible(bool(found.errors))
        parts = [f"{verb.capitalize()} {number(len(found.carry))}"] if found.carry else []
        if remove and found.surplus:
            parts.append(f"{'delete' if parts else 'Delete'} {number(len(found.surplus))}")
        self._name_button(", ".join(parts) or "Nothing to do", enabled=bool(parts))
        self._fit()

    def _forget(self) -> None:
        """Another wish: what was compared counts no more."""
        self._found = None
        for widget in (self.banner, self.busy, self.summary, self.table, self.left_out):
            widget.hide()
        self._name_button("Compare", enabled=bool(self.folder.text().strip()))

    def _name_button(self, words: str, *, enabled: bool) -> None:
        self.accept_button.setText(words)
        self.accept_button.setAccessibleName(words)
        self.accept_button.setEnabled(enabled)

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "The folder to synchronise", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.wish.command(self._profile, remove=self.remove.isChecked()))

    def _fire(self) -> None:
        if self._found is None:
            self.compare_asked.emit(self.wish)
        else:
            self.sync_asked.emit(self._found, self.remove.isChecked() and bool(self._found.surplus))
