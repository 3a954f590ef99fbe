"""Keeps what is typed into the SQL files, brings it back with the page, and opens again what was closed."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QTimer

from core.base.errors import OpsError
from core.warehouse.drafts import Draft
from core.warehouse.sqlfile import OnDisk
from gui.bridge.tab_context import TabContext
from gui.tabs.warehouse.editor_pane import OpenFile
from gui.tabs.warehouse.files import Files
from gui.tabs.warehouse.lists import ClosedDialog
from gui.tabs.warehouse.view import WarehouseView

_FIRST = "-- Ctrl+Enter runs the statement at the cursor\nSELECT 1 AS one;\n"
_SOON = 1000  # ms from the first change to its being kept, however fast the hand goes on: what a crash may cost
_AGAIN = 5000  # ms until what could not be kept is tried again
_LANE = "warehouse:drafts"


class DraftsPresenter(QObject):
    """Joins the keys of the open files to their drafts. What is not kept yet is in ``_changed``, what is on its way in ``_sent``."""

    def __init__(self, view: WarehouseView, context: TabContext, files: Files, was_used: Callable[[int], bool]) -> None:
        """was_used: whether anything was run in the file of this key."""
        super().__init__(view)
        self._was_used = was_used
        self._view, self._context, self._jobs, self._files = view, context, context.jobs, files
        self._drafts = context.desk.warehouse.drafts
        self._ids: dict[int, str] = {}
        self._changed: set[int] = set()
        self._sent: dict[str, Draft] = {}
        self._closing: dict[str, Draft] = {}
        self._told = ""
        self._soon = QTimer(self, singleShot=True, interval=_SOON)
        self._soon.timeout.connect(self.keep)
        editors = view.editors
        first = editors.add_file(_FIRST)
        self._ids[first] = uuid.uuid4().hex
        editors.text_typed.connect(self.note)
        editors.file_shown.connect(self._file_shown)
        editors.file_closed.connect(self._file_closed)
        editors.reopen_asked.connect(self.reopen)
        editors.closed_asked.connect(self.show_closed)
        view.hidden.connect(self.keep)
        self._jobs.start(
            self, "Bring the SQL back", lambda _job: self._drafts.begin(), quiet=True, lane=_LANE,
            on_success=partial(self._restore, first), on_failure=self._tell,
        )  # fmt: skip

    # -- coming back --------------------------------------------------------------------
    def _restore(self, first: int, drafts: list[Draft]) -> None:
        memory, editors = self._context.memory, self._view.editors
        goes = first if self._untouched(first) else 0
        front, keys = memory.get("warehouse.front", ""), [self._open(draft, goes) for draft in drafts]
        if old := memory.get("warehouse.files", []):
            keys += self._of_old(old)
            self.keep()
            memory.put("warehouse.files", [])
            self._jobs.start(self, "Remember", lambda _job: memory.save(), quiet=True, lane=_LANE)  # behind the keeping
        if not self._untouched(first):  # the hand was quicker
            editors.show_key(first)
        elif keys:
            editors.close_file(first)
            editors.show_key(next((key for key in keys if self._ids[key] == front), keys[-1]))

    def _of_old(self, entries: list[object]) -> list[int]:
        """What a version before this remembered with the window."""
        found = []
        for entry in entries:
            if isinstance(entry, dict) and isinstance(text := entry.get("text"), str):
                disk = OnDisk.from_document(entry.get("disk"))
                title, path = str(entry.get("title", "")), str(entry.get("path", ""))
                found.append(self._open(Draft(uuid.uuid4().hex, title, text, path, disk)))
                self.note(found[-1])
        return found

    def _open(self, draft: Draft, goes: int = 0) -> int:
        """goes: the key of a file that is about to close, and leaves its name free."""
        others = {file.title for file in self._view.editors.files() if file.key != goes}
        taken = not draft.path and draft.title in others
        key = self._view.editors.add_file(draft.text, "" if taken else draft.title, draft.path)
        self._ids[key] = draft.id
        self._changed.discard(key)
        if taken:  # of two windows that were open at once each had its first file
            self.note(key)
        if draft.disk is not None:
            self._files.on_disk[key] = draft.disk
        return key

    def _untouched(self, key: int) -> bool:
        editor = self._view.editors.editor_of(key)
        return (
            editor is not None
            and editor.text == _FIRST
            and not self._view.editors.path_of(key)
            and not self._was_used(key)
        )

    # -- being kept ---------------------------------------------------------------------
    def note(self, key: int) -> None:
        """This file is not as it was kept."""
        self._changed.add(key)
        if not self._soon.isActive():
            self._soon.start()

    def keep(self) -> None:
        """Write down what has changed."""
        drafts = self._unkept()
        self._changed.clear()
        if not drafts:
            return
        self._sent |= {draft.id: draft for draft in drafts}

        def arrived() -> None:
            for draft in drafts:
                if self._sent.get(draft.id) is draft:
                    del self._sent[draft.id]

        def done(_nothing: object) -> None:
            arrived()
            if self._told and self._view.banner.title.text() == self._told:
                self._view.banner.hide()
            self._told = ""

        def fail(fault: OpsError) -> None:
            arrived()
            self._changed |= {key for key, identity in self._ids.items() if identity in {draft.id for draft in drafts}}
            self._told = fault.title
            self._tell(fault)
            QTimer.singleShot(_AGAIN, self, self.keep)

        self._jobs.start(
            self, "Keep the SQL", lambda _job: self._drafts.keep(drafts), quiet=True, lane=_LANE, outlives_owner=True,
            on_success=done, on_failure=fail,
        )  # fmt: skip

    def leave(self) -> None:
        """The window closes: what was typed a moment ago is kept too, here and now."""
        self._soon.stop()
        self._context.memory.put("warehouse.front", self._ids.get(self._view.editors.current_key, ""))
        drafts = self._sent | {draft.id: draft for draft in self._unkept()}
        try:
            self._drafts.leave(drafts.values(), self._closing.values())
        except OpsError as fault:  # nobody is there to be told
            logging.getLogger(__name__).warning("%s", fault)

    def _unkept(self) -> list[Draft]:
        return [self._draft(self._view.editors.file_of(key)) for key in sorted(self._changed)]

    def _draft(self, file: OpenFile) -> Draft:
        return Draft(self._ids[file.key], file.title, file.text, file.path, self._files.on_disk.get(file.key))

    def _file_shown(self, key: int) -> None:
        if key not in self._ids:  # it is new
            self._ids[key] = uuid.uuid4().hex
            self.note(key)

    def _tell(self, fault: OpsError) -> None:
        self._view.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    # -- closed -------------------------------------------------------------------------
    def _file_closed(self, file: OpenFile) -> None:
        draft = self._draft(file)
        self._files.on_disk.pop(file.key, None)
        del self._ids[file.key]
        self._changed.discard(file.key)
        self._sent.pop(draft.id, None)
        if file.text == _FIRST and not file.path:  # the page's own words
            draft = Draft(draft.id, "", "")
        self._closing[draft.id] = draft

        def done(_nothing: object) -> None:
            del self._closing[draft.id]

        self._jobs.start(
            self, "Keep the closed SQL", lambda _job: self._drafts.close_file(draft), quiet=True, lane=_LANE,
            outlives_owner=True, on_success=done, on_failure=self._tell,
        )  # fmt: skip

    def reopen(self, identity: str = "") -> None:
        """The file closed last comes back with what stood in it, or the one of this id."""

        def show(draft: Draft | None) -> None:
            if draft is not None:
                self._open(draft)
                self._view.editors.editor.setFocus()
            else:
                self._context.praise("No closed file is left")

        self._jobs.start(
            self, "Open a closed file", lambda _job: self._drafts.reopen(identity), quiet=True, lane=_LANE,
            on_success=show, on_failure=self._tell,
        )  # fmt: skip

    def show_closed(self) -> None:
        """The closed files of this profile, to choose from."""

        def show(drafts: list[Draft]) -> None:
            dialog = ClosedDialog(drafts, str(self._drafts.path), self._view)
            dialog.open_asked.connect(self.reopen)
            dialog.forget_asked.connect(self._forget)
            dialog.open()

        self._jobs.start(
            self, "Closed files", lambda _job: self._drafts.closed(), quiet=True, lane=_LANE, on_success=show,
            on_failure=self._tell,
        )  # fmt: skip

    def _forget(self, identity: str) -> None:
        self._jobs.start(
            self, "Forget a closed file", lambda _job: self._drafts.forget(identity), quiet=True, lane=_LANE,
            on_failure=self._tell,
        )  # fmt: skip
