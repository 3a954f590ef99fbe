"""Decides what the browser shows: where we are, what is chosen, which buttons follow from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from core.backups.objects.address import Address
from core.backups.objects.values import ObjectFacts
from core.base.errors import OpsError
from core.jobs.job import Job
from gui.bridge.tab_context import TabContext
from gui.tabs.backups.objects_deeds import ObjectsDeeds
from gui.tabs.backups.objects_listing import ObjectsListing, State
from gui.tabs.backups.objects_panel import ObjectsPanel
from gui.tabs.backups.objects_running import ObjectsRunning
from gui.tabs.backups.objects_sync import ObjectsSync
from gui.tabs.backups.objects_table import Line
from gui.tabs.backups.objects_transfers import ObjectsTransfers
from gui.tabs.backups.objects_view import ObjectsView
from gui.tabs.backups.place import ROOM

if TYPE_CHECKING:
    from core.backups.objects.service import Objects


class ObjectsPresenter(QObject):
    changed = Signal()

    def __init__(self, view: ObjectsView, context: TabContext, plan_buckets: Callable[[], Sequence[str]]) -> None:
        super().__init__(view)
        self.view, self.context = view, context
        self.bucket = self.prefix = ""
        self._started = False
        self.running = ObjectsRunning(view, self)
        self.transfers = ObjectsTransfers(self, self)
        self.deeds = ObjectsDeeds(self, self.transfers, self)
        self.sync = ObjectsSync(self, self.transfers, self)
        self.panel = ObjectsPanel(self, self)
        self.listing = ObjectsListing(self, plan_buckets, self)
        self.listing.state_changed.connect(self._weigh)
        view.place_asked.connect(self.go)
        view.search_asked.connect(self.listing.search)
        view.more_asked.connect(self.listing.read_more)
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
        view.table.delete_pressed.connect(self.deeds.delete_pressed)
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
                ("Deleted objects", self.listing.show_deleted), ("Lifecycle rules…", self.deeds.open_lifecycle),
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
        choose = choose or self._left(bucket, prefix)
        if (bucket, prefix) != (self.bucket, self.prefix):
            self.view.forget_lines()
            self.view.side.show_nothing("The facts stand here once the list was read.")
        self.bucket, self.prefix, self.listing.words, self.panel.sizes = bucket, prefix, "", {}
        self.context.memory.put("backups.place", [bucket, prefix])
        self.view.search.blockSignals(True)
        self.view.search.clear()
        self.view.search.blockSignals(False)
        self.view.show_place(bucket, prefix)
        self.refresh(choose=choose)

    def _left(self, bucket: str, prefix: str) -> str:
        """On the way up: the bucket, or the folder of the new place, that was left."""
        if not bucket:
            return self.bucket
        if bucket != self.bucket or not self.prefix.startswith(prefix):
            return ""
        step, sign, _ = self.prefix[len(prefix) :].partition("/")
        return f"{prefix}{step}/" if sign else ""

    def refresh(self, *, choose: str = "") -> None:
        if self._started:
            self.listing.read(choose)

    def open(self, line: Line) -> None:
        if line.bucket is not None:
            self.go(line.bucket.name)
        elif line.entry is not None and line.entry.folder:
            self.go(self.bucket, line.entry.key)

    def go_up(self) -> None:
        """One level."""
        if self.prefix:
            above, _, _ = self.prefix.rstrip("/").rpartition("/")
            self.go(self.bucket, f"{above}/" if above else "")
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
        return self.listing.state is State.SHOWN

    @property
    def sizes(self) -> dict[str, str]:
        return self.panel.sizes

    def _weigh(self) -> None:
        """Buttons follow from the state and the selection."""
        view, chosen = self.view, self.view.table.chosen
        inside, write = bool(self.bucket), self.may_write
        entries = [line for line in chosen if line.entry is not None]
        view.may_drop = inside and write and self.listing.state is not State.FAILED
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
        def stopped() -> None:
            self.running.show()
            self.refresh()
            self.tell_stop(title, job)

        job = self._run(title, work, done, stopped, write=True, outlives_owner=True)

    def tell_stop(self, title: str, job: Job[Any]) -> None:
        if job.concluded and job.progress:
            self.view.banner.show_text(f"{title}: stopped", f"{job.progress.note}.", tone="info")

    def _run(
        self,
        title: str,
        work: Callable[[Job[Any]], Any],
        done: Callable[[Any], None],
        cancelled: Callable[[], None],
        **options: Any,
    ) -> Job[Any]:
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
        return job

    def fault(self, fault: OpsError) -> None:
        self.view.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)
