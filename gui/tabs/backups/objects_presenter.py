"""Decides what the browser shows: where we are, what is chosen, which buttons follow from it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from core.backups.objects.address import Address
from core.backups.objects.values import BucketList, Entry, ObjectFacts, Page
from core.base.errors import OpsError
from core.jobs.job import Job
from gui.bridge.tab_context import TabContext
from gui.parts.words import number
from gui.tabs.backups import wording
from gui.tabs.backups.objects_deeds import ObjectsDeeds
from gui.tabs.backups.objects_panel import ObjectsPanel
from gui.tabs.backups.objects_running import ObjectsRunning
from gui.tabs.backups.objects_sync import ObjectsSync
from gui.tabs.backups.objects_table import Line
from gui.tabs.backups.objects_transfers import ObjectsTransfers
from gui.tabs.backups.objects_view import ObjectsView
from gui.tabs.backups.place import ROOM

if TYPE_CHECKING:
    from core.backups.objects.service import Objects


class State(enum.Enum):
    LISTING = "listing"
    SHOWN = "shown"
    FAILED = "failed"


class ObjectsPresenter(QObject):
    changed = Signal()

    def __init__(self, view: ObjectsView, context: TabContext, plan_buckets: Callable[[], Sequence[str]]) -> None:
        super().__init__(view)
        self.view, self.context, self._plan_buckets = view, context, plan_buckets
        self.state = State.LISTING
        self.bucket = self.prefix = ""
        self._token = self._search = ""
        self._proved: dict[str, datetime | None] = {}  # backups at or below this place, by key
        self._number = 0  # of the listing on show: answers to older questions are dropped
        self._started = False
        self.running = ObjectsRunning(view, self)
        self.transfers = ObjectsTransfers(self, self)
        self.deeds = ObjectsDeeds(self, self.transfers, self)
        self.sync = ObjectsSync(self, self.transfers, self)
        self.panel = ObjectsPanel(self, self)
        view.place_asked.connect(self.go)
        view.search_asked.connect(self.search)
        view.more_asked.connect(self.read_more)
        view.upload_files_asked.connect(self.transfers.choose_files)
        view.upload_folder_asked.connect(self.transfers.choose_folder)
        view.download.clicked.connect(self.transfers.download)
        view.new_bucket.clicked.connect(self.deeds.new_bucket)
        view.no_buckets.action_asked.connect(self.deeds.new_bucket)
        view.delete.clicked.connect(self.deeds.ask_delete)
        view.banner.action_asked.connect(self.refresh)
        view.table.opened.connect(self.open)
        view.table.up_pressed.connect(self.go_up)
        view.table.picked.connect(self.picked)
        view.table.delete_pressed.connect(self.deeds.ask_delete)
        view.files_dropped.connect(self.transfers.upload)
        view.table.fetch = self.transfers.fetch
        side = view.side
        side.edit_asked.connect(self.deeds.edit_labels)
        side.lifecycle_asked.connect(self.deeds.open_lifecycle)
        side.uploads_asked.connect(self.deeds.open_uploads)
        side.versioning_asked.connect(self.deeds.set_versioning)
        self._actions = {
            words: self._action(words, run)
            for words, run in (
                ("Open a bucket by name…", self.deeds.open_by_name), ("Copy or move…", self.deeds.ask_copy),
                ("Synchronise with a folder…", self.sync.open), ("Copy as CLI", self.deeds.copy_command),
                ("Deleted objects", self.show_deleted), ("Lifecycle rules…", self.deeds.open_lifecycle),
                ("Unfinished uploads…", self.deeds.open_uploads), ("Delete with all versions…", partial(self.deeds.ask_delete, versions=True)),
                ("Remove this bucket…", self.deeds.ask_remove_bucket),
            )
        }  # fmt: skip
        view.part_from_here(self._actions["Delete with all versions…"])
        context.guard.changed.connect(self._weigh)

    def _action(self, words: str, run: Callable[[], object]) -> QAction:
        action = QAction(words, self)
        action.triggered.connect(lambda *_: run())
        self.view.add_action(action)
        return action

    @cached_property
    def objects(self) -> Objects:
        """Used in jobs only: the first use imports boto3."""
        from core.backups.objects.service import Objects

        return Objects(self.context.desk.workplace)

    @property
    def environment(self) -> str:
        return self.context.desk.profile.environment

    @property
    def may_write(self) -> bool:
        return not self.context.guard.locked

    # -- where we are -------------------------------------------------------------------
    def begin(self) -> None:
        """The first showing: where the window was last time."""
        if not self._started:
            place = self.context.memory.get("backups.place", ["", ""])
            bucket, prefix = [*map(str, place), "", ""][:2]
            self.go(bucket, prefix)

    def go(self, bucket: str, prefix: str = "", choose: str = "") -> None:
        self._started = True
        if (bucket, prefix) != (self.bucket, self.prefix):
            self.view.forget_lines()
            self.view.side.show_nothing("The facts stand here once the list was read.")
        self.bucket, self.prefix, self._search, self.panel.sizes = bucket, prefix, "", {}
        self.context.memory.put("backups.place", [bucket, prefix])
        self.view.search.blockSignals(True)
        self.view.search.clear()
        self.view.search.blockSignals(False)
        self.view.show_place(bucket, prefix)
        self.refresh(choose=choose)

    def refresh(self, *, choose: str = "") -> None:
        if not self._started:
            return
        if self._search:
            self.search(self._search)
            return
        self._enter(State.LISTING)
        self.view.banner.hide()
        self.view.show_busy("Listing")
        bucket, prefix = self.bucket, self.prefix
        if not bucket:
            known = tuple(dict.fromkeys([*self._plan_buckets(), *self.remembered()]))
            self._list("List the buckets", lambda _job: self.objects.buckets(known), self._show_buckets)
        else:
            self._list(
                f"List {bucket}", lambda job: (self.objects.page(bucket, prefix), self._proofs(job, bucket, prefix)),
                partial(self._show_page, choose=choose),
            )  # fmt: skip

    def read_more(self) -> None:
        if not self._token:
            return
        bucket, prefix, token = self.bucket, self.prefix, self._token
        self.view.show_busy("Listing")
        self._list(f"List more of {bucket}", lambda _job: self.objects.page(bucket, prefix, token), self._show_next)

    def search(self, words: str) -> None:
        if not self.bucket or (not words and not self._search):
            return
        self._search = words
        if not words:
            self.refresh()
            return
        self._enter(State.LISTING)
        self.view.show_busy("Searching")
        bucket, prefix = self.bucket, self.prefix
        self._list(
            f"Search {bucket} for {words}",
            lambda job: (
                *self.objects.search(job, bucket, prefix, words),
                self._proofs(job, bucket, prefix, below=True),
            ),
            self._show_hits,
            quiet=False,
        )

    def _list(
        self, title: str, work: Callable[[Job[Any]], Any], show: Callable[[Any], None], *, quiet: bool = True
    ) -> None:
        self._number += 1
        number_ = self._number

        def done(result: Any) -> None:
            if number_ == self._number:
                self.view.show_busy("")
                self._enter(State.SHOWN)
                show(result)

        def failed(fault: OpsError) -> None:
            if number_ == self._number:
                self.view.show_busy("")
                self._enter(State.FAILED)
                self.view.table.show_rows([])
                self.view.show_lines([], more=False, note="Nothing could be listed")
                self.view.banner.show_fault(
                    fault.title, fault.why, fault.remedy, action="Try again", details=fault.details
                )
                self.view.side.show_nothing("The facts stand here once the list could be read.")

        def cancelled() -> None:
            if number_ == self._number:
                self.view.show_busy("")
                self._enter(State.SHOWN)

        self.context.jobs.start(
            self, title, work, room=ROOM, lane="objects-list" if quiet else None, newest_only=quiet, quiet=quiet, on_success=done,
            on_failure=failed, on_cancelled=cancelled,
        )  # fmt: skip

    def _proofs(self, job: Job[Any], bucket: str, prefix: str, *, below: bool = False) -> dict[str, datetime | None]:
        """Key -> when it was proved (None: backed up only), of the plans whose backups lie at this level, or below it."""
        service, found = self.context.desk.backups, dict[str, datetime | None]()
        for plan in service.plans():
            if plan.target.bucket == bucket and (
                prefix.startswith(plan.prefix) or (below and plan.prefix.startswith(prefix))
            ):
                found |= {item.key: item.proved for item in service.backups(job, plan.name)}
        return found

    # -- showing ------------------------------------------------------------------------
    def _show_buckets(self, found: BucketList) -> None:
        self._token = ""
        note = (
            ""
            if found.whole
            else "This login may not list buckets: only known ones are shown. More opens any other by its name"
        )
        lines = [Line(bucket=item) for item in found.buckets]
        self.view.show_lines(lines, more=False, note=note, buckets=True)
        self.view.side.show_nothing("Choose a bucket to see its versioning, lifecycle and unfinished uploads.")
        self._weigh()

    def _show_page(self, found: tuple[Page, dict[str, datetime | None]], *, choose: str = "") -> None:
        page, self._proved = found
        self._token = page.token
        self.view.show_lines(self._lines(page.entries), more=bool(page.token))
        for row, line in enumerate(self.view.table.row_model.rows):
            if choose and line.entry and line.entry.key == choose:
                self.view.table.choose(row)
                return
        self.picked()

    def _show_next(self, page: Page) -> None:
        self._token = page.token
        self.view.show_more(self._lines(page.entries), more=bool(self._token))

    def _show_hits(self, found: tuple[list[Entry], bool, dict[str, datetime | None]]) -> None:
        hits, whole, self._proved = found
        self._token = ""
        words = f"{number(len(hits))} found" + ("" if whole else ": the first ones, there may be more")
        self.view.show_lines(self._lines(hits), more=False, note=words)

    def _lines(self, entries: Sequence[Entry]) -> list[Line]:
        known = self._proved
        return [
            Line(entry=item, prefix=self.prefix, proved=known.get(item.key), backup=item.key in known, size=self.panel.sizes.get(item.key, ""))
            for item in entries
        ]  # fmt: skip

    def show_deleted(self) -> None:
        """What lies under a delete marker, listed on request only; Copy as CLI and the panel bring it back."""
        bucket, prefix = self.bucket, self.prefix
        self.view.show_busy("Looking for deleted objects")

        def show(found: list[Entry]) -> None:
            self._token = ""
            self.view.show_lines(
                self._lines(found),
                more=False,
                note=f"{wording.count_of(len(found), 'deleted object')} can be undeleted",
            )
            if found:
                self.view.side.show_nothing("Choose a deleted object to bring it back.")

        self._list(
            f"Look for deleted objects in {bucket}",
            lambda job: self.objects.deleted_keys(job, bucket, prefix),
            show,
            quiet=False,
        )

    def open(self, line: Line) -> None:
        if line.bucket is not None:
            self.go(line.bucket.name)
        elif line.entry is not None and line.entry.folder:
            self.go(self.bucket, line.entry.key)

    def go_up(self) -> None:
        """One level, with the folder that was left chosen."""
        if self.prefix:
            above, _, _ = self.prefix.rstrip("/").rpartition("/")
            self.go(self.bucket, f"{above}/" if above else "", choose=self.prefix)
        elif self.bucket:
            self.go("")

    def picked(self) -> None:
        self._weigh()
        self.panel.follow()

    def show_bucket_facts(self, name: str) -> None:
        self.panel.show_bucket_facts(name)

    @property
    def shown_facts(self) -> ObjectFacts:
        return self.panel.shown_facts

    @property
    def settled(self) -> bool:
        return self.state is State.SHOWN

    def _enter(self, state: State) -> None:
        self.state = state
        self._weigh()

    def _weigh(self) -> None:
        """Buttons follow from the state and the selection."""
        view, chosen = self.view, self.view.table.chosen
        inside, write = bool(self.bucket), self.may_write
        entries = [line for line in chosen if line.entry is not None]
        view.may_drop = inside and write and self.state is not State.FAILED
        view.upload.setEnabled(inside and write)
        view.new_bucket.setEnabled(write)
        view.download.setEnabled(bool(entries))
        view.delete.setEnabled(bool(entries) and write)
        one_bucket = len(chosen) == 1 and chosen[0].bucket is not None
        enabled = {
            "Open a bucket by name…": True,
            "Copy or move…": bool(entries) and write,
            "Synchronise with a folder…": inside,
            "Deleted objects": inside,
            "Lifecycle rules…": inside or one_bucket,
            "Unfinished uploads…": inside or one_bucket,
            "Delete with all versions…": bool(entries) and write,
            "Remove this bucket…": (inside or one_bucket) and write,
            "Copy as CLI": True,
        }
        for words, action in self._actions.items():
            action.setEnabled(enabled[words])
        locked = "This profile is read-only: unlock it first" if not write else ""
        for button in (view.upload, view.delete, view.new_bucket):
            button.setToolTip(locked or button.accessibleName())
        self.changed.emit()

    @property
    def chosen_bucket(self) -> str:
        chosen = self.view.table.chosen
        return chosen[0].bucket.name if len(chosen) == 1 and chosen[0].bucket else self.bucket

    @property
    def here(self) -> str:
        return str(Address(self.bucket, self.prefix))

    # -- the bridge ---------------------------------------------------------------------
    def remembered(self) -> list[str]:
        return [str(name) for name in self.context.memory.get("backups.buckets", [])]

    def refresh_if(self, bucket: str, prefix: str) -> None:
        if (self.bucket, self.prefix) == (bucket, prefix):
            self.refresh()

    def start(
        self, title: str, work: Callable[[Job[Any]], Any], done: Callable[[Any], None], *, quiet: bool = False
    ) -> None:
        self._run(title, work, done, self.running.show, quiet=quiet)

    def change(self, title: str, work: Callable[[Job[Any]], Any], done: Callable[[Any], None]) -> None:
        def cancelled() -> None:
            self.running.show()
            self.refresh()

        self._run(title, work, done, cancelled, write=True, outlives_owner=True)

    def _run(
        self,
        title: str,
        work: Callable[[Job[Any]], Any],
        done: Callable[[Any], None],
        cancelled: Callable[[], None],
        **options: Any,
    ) -> None:
        def succeeded(result: Any) -> None:
            self.running.show()
            done(result)

        def failed(fault: OpsError) -> None:
            self.running.show()
            self.fault(fault)

        job = self.context.jobs.start(
            self, title, work, room=ROOM, on_success=succeeded, on_failure=failed, on_cancelled=cancelled,
            on_progress=lambda _: self.running.show(), **options,
        )  # fmt: skip
        self.running.follow(job, title)

    def fault(self, fault: OpsError) -> None:
        self.view.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)
