"""Decides what the browser shows, and asks before anything is lost."""

from __future__ import annotations

import enum
import shlex
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEventLoop, QObject, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog

from core.backups.objects.address import Address, address
from core.backups.objects.values import Amount, BucketList, Deleted, Entry, Link, Moved, ObjectFacts, OpenUpload, Page
from core.base.errors import OpsError
from core.jobs.job import Job
from gui.bridge.tab_context import TabContext
from gui.parts.dialogs import ConfirmDialog
from gui.parts.words import byte_size, number
from gui.tabs.backups.lifecycle_dialog import LifecycleDialog
from gui.tabs.backups.object_dialogs import BucketDialog, CopyDialog, LabelsDialog, OpenBucketDialog, UploadsDialog
from gui.tabs.backups.objects_table import Line
from gui.tabs.backups.objects_view import ObjectsView

if TYPE_CHECKING:
    from core.backups.objects.service import Objects

ROOM = "backups"
_DRAGGED_OUT = 512 << 20  # more than this is not fetched during a drag: Download is the way


class State(enum.Enum):
    LISTING = "listing"
    SHOWN = "shown"
    FAILED = "failed"


class ObjectsPresenter(QObject):
    changed = Signal()

    def __init__(self, view: ObjectsView, context: TabContext, plan_buckets: Callable[[], Sequence[str]]) -> None:
        super().__init__(view)
        self.view, self._context, self._plan_buckets = view, context, plan_buckets
        self.state = State.LISTING
        self.bucket = self.prefix = ""
        self._token = self._search = ""
        self._number = 0  # of the listing on show: answers to older questions are dropped
        self._side_number = 0
        self._started = False
        self._sizes: dict[str, str] = {}
        self._dragged: list[tempfile.TemporaryDirectory[str]] = []
        view.place_asked.connect(self.go)
        view.search_asked.connect(self.search)
        view.more_asked.connect(self.read_more)
        view.upload_files_asked.connect(self.choose_files)
        view.upload_folder_asked.connect(self.choose_folder)
        view.download.clicked.connect(self.download)
        view.new_bucket.clicked.connect(self.new_bucket)
        view.no_buckets.action_asked.connect(self.new_bucket)
        view.delete.clicked.connect(self.ask_delete)
        view.banner.action_asked.connect(self.refresh)
        view.table.opened.connect(self.open)
        view.table.picked.connect(self._picked)
        view.table.delete_pressed.connect(self.ask_delete)
        view.files_dropped.connect(self.upload)
        view.table.fetch = self.fetch
        side = view.side
        side.link_asked.connect(self.make_link)
        side.edit_asked.connect(self.edit_labels)
        side.versions_asked.connect(self.show_versions)
        side.restore_asked.connect(self.restore_version)
        side.undelete_asked.connect(self.undelete)
        side.lifecycle_asked.connect(self.open_lifecycle)
        side.uploads_asked.connect(self.open_uploads)
        side.versioning_asked.connect(self.set_versioning)
        side.size_asked.connect(self.count)
        self._actions = {
            words: self._action(words, run)
            for words, run in (
                ("Open a bucket by name…", self.open_by_name), ("Copy or move…", self.ask_copy),
                ("Deleted objects", self.show_deleted), ("Lifecycle rules…", self.open_lifecycle),
                ("Unfinished uploads…", self.open_uploads), ("Delete with all versions…", partial(self.ask_delete, versions=True)),
                ("Remove this bucket…", self.ask_remove_bucket), ("Copy as CLI", self.copy_command),
            )
        }  # fmt: skip
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

        return Objects(self._context.desk.workplace)

    @property
    def environment(self) -> str:
        return self._context.desk.profile.environment

    @property
    def may_write(self) -> bool:
        return not self._context.guard.locked

    # -- where we are -------------------------------------------------------------------
    def begin(self) -> None:
        """The first showing: where the window was last time."""
        if not self._started:
            place = self._context.memory.get("backups.place", ["", ""])
            self.go(str(place[0]), str(place[1]))

    def go(self, bucket: str, prefix: str = "", choose: str = "") -> None:
        self._started = True
        self.bucket, self.prefix, self._search, self._sizes = bucket, prefix, "", {}
        self._context.memory.put("backups.place", [bucket, prefix])
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
            known = tuple(dict.fromkeys([*self._plan_buckets(), *self._remembered()]))
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
        self._list(
            f"List more of {bucket}", lambda job: (self.objects.page(bucket, prefix, token), {}), self._show_next
        )

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
            lambda job: self.objects.search(job, bucket, prefix, words),
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

        self._context.jobs.start(
            self, title, work, room=ROOM, lane="objects-list" if quiet else None, newest_only=quiet, quiet=quiet, on_success=done,
            on_failure=failed, on_cancelled=cancelled,
        )  # fmt: skip

    def _proofs(self, job: Job[Any], bucket: str, prefix: str) -> dict[str, datetime | None]:
        """Key -> when it was proved, of the backups at this level (None: backed up only)."""
        service, found = self._context.desk.backups, dict[str, datetime | None]()
        for plan in service.plans():
            if plan.target.bucket == bucket and prefix.startswith(plan.prefix):
                found |= {item.key: item.proved for item in service.backups(job, plan.name)}
        return found

    # -- showing ------------------------------------------------------------------------
    def _show_buckets(self, found: BucketList) -> None:
        self._token = ""
        note = "" if found.whole else "This login may not list buckets: only known ones are shown"
        lines = [Line(bucket=item) for item in found.buckets]
        self.view.show_lines(lines, more=False, note=note, buckets=True)
        self.view.side.show_nothing("Choose a bucket to see its versioning, lifecycle and unfinished uploads.")
        self._weigh()

    def _show_page(self, found: tuple[Page, dict[str, datetime | None]], *, choose: str = "") -> None:
        page, proofs = found
        self._token = page.token
        self.view.show_lines(self._lines(page.entries, proofs), more=bool(page.token))
        for row, line in enumerate(self.view.table.row_model.rows):
            if choose and line.entry and line.entry.key == choose:
                self.view.table.choose(row)
                return
        self._picked()

    def _show_next(self, found: tuple[Page, dict[str, datetime | None]]) -> None:
        self._token = found[0].token
        self.view.show_more(self._lines(found[0].entries, {}), more=bool(self._token))

    def _show_hits(self, found: tuple[list[Entry], bool]) -> None:
        hits, whole = found
        self._token = ""
        words = f"{number(len(hits))} found" + ("" if whole else ": the first ones, there may be more")
        self.view.show_lines(self._lines(hits, {}), more=False, note=words)

    def _lines(self, entries: Sequence[Entry], proofs: dict[str, datetime | None]) -> list[Line]:
        return [
            Line(entry=item, prefix=self.prefix, proved=proofs.get(item.key), backup=item.key in proofs, size=self._sizes.get(item.key, ""))
            for item in entries
        ]  # fmt: skip

    def open(self, line: Line) -> None:
        if line.bucket is not None:
            self.go(line.bucket.name)
        elif line.entry is not None and line.entry.folder:
            self.go(self.bucket, line.entry.key)

    def _picked(self) -> None:
        """The panel follows the selection; facts are asked for one object or bucket only."""
        self._side_number += 1
        chosen, side = self.view.table.chosen, self.view.side
        self._weigh()
        if not chosen:
            if self.bucket and self.state is State.SHOWN:
                self._show_bucket_facts(self.bucket)
        elif len(chosen) > 1:
            side.show_many([line.entry for line in chosen if line.entry])
        elif chosen[0].bucket is not None:
            self._show_bucket_facts(chosen[0].bucket.name)
        elif chosen[0].entry.folder:
            side.show_folder(chosen[0].entry, self._sizes.get(chosen[0].entry.key, ""))
        elif chosen[0].entry.delete_marker:
            side.show_deleted(chosen[0].entry, may_write=self.may_write)
        else:
            self._show_object_facts(chosen[0].entry)

    def _show_bucket_facts(self, name: str) -> None:
        self.view.side.show_waiting(name)
        self._facts(name, lambda _job: self.objects.bucket_facts(name), self._bucket_shown)

    def _bucket_shown(self, facts: Any) -> None:
        self.view.side.show_bucket(facts, may_write=self.may_write)

    def _show_object_facts(self, entry: Entry) -> None:
        bucket = self.bucket
        self.view.side.show_waiting(entry.name)
        self._facts(entry.name, lambda _job: self.objects.object_facts(bucket, entry.key), self._object_shown)

    def _object_shown(self, facts: ObjectFacts) -> None:
        self._shown_facts = facts
        self.view.side.show_object(facts, may_write=self.may_write)

    def _facts(self, name: str, work: Callable[[Job[Any]], Any], show: Callable[[Any], None]) -> None:
        number_ = self._side_number

        def done(result: Any) -> None:
            if number_ == self._side_number:
                show(result)

        def failed(fault: OpsError) -> None:
            if number_ == self._side_number:
                self.view.side.show_trouble(name, str(fault))

        self._context.jobs.start(
            self, f"Read the facts of {name}", work, room=ROOM, lane="objects-facts", newest_only=True, quiet=True, on_success=done,
            on_failure=failed,
        )  # fmt: skip

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
    def _chosen_bucket(self) -> str:
        chosen = self.view.table.chosen
        return chosen[0].bucket.name if len(chosen) == 1 and chosen[0].bucket else self.bucket

    # -- moving bytes -------------------------------------------------------------------
    def choose_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self.view, "Upload files")
        if files:
            self.upload([Path(name) for name in files])

    def choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self.view, "Upload a folder")
        if folder:
            self.upload([Path(folder)])

    def upload(self, paths: list[Path]) -> None:
        """Straight on where no shown name would be replaced, else after asking."""
        if not (self.bucket and self.may_write):
            return
        here = {line.name.rstrip("/") for line in self.view.table.row_model.rows}
        taken = [path.name for path in paths if path.name in here]
        if not taken:
            self._upload(paths, replace=False)
            return
        count = f"{number(len(taken))} things" if len(taken) > 1 else taken[0]
        dialog = ConfirmDialog(
            f"Replace {count}?", f"{', '.join(taken[:3])} {'are' if len(taken) > 1 else 'is'} already in {self._here}.",
            "Replace", self.view.window(), environment=self.environment,
            hint="Where the bucket keeps no versions, what is there now is gone.",
        )  # fmt: skip
        dialog.confirmed.connect(partial(self._upload, paths, replace=True))
        dialog.open()

    @property
    def _here(self) -> str:
        return str(Address(self.bucket, self.prefix))

    def _upload(self, paths: list[Path], *, replace: bool) -> None:
        bucket, prefix = self.bucket, self.prefix
        what = paths[0].name if len(paths) == 1 else f"{number(len(paths))} things"
        self._transfer(
            f"Upload {what}", lambda job: self.objects.upload(job, paths, bucket, prefix, replace=replace), "uploaded", write=True,
            done=lambda _moved: self._refresh_if(bucket, prefix),
        )  # fmt: skip

    def download(self) -> None:
        entries = self.view.chosen_entries()
        if not entries:
            return
        if len(entries) == 1 and not entries[0].folder:
            name, _ = QFileDialog.getSaveFileName(self.view, "Download", entries[0].name)
            if name:
                self.download_to(entries, Path(name))
            return
        folder = QFileDialog.getExistingDirectory(self.view, "Download into")
        if folder:
            self.download_to(entries, Path(folder))

    def download_to(self, entries: list[Entry], target: Path) -> None:
        """One object to a file, several or folders into a folder."""
        bucket, prefix = self.bucket, self.prefix
        alone = len(entries) == 1 and not entries[0].folder

        def work(job: Job[Any]) -> Moved:
            if alone:
                return self.objects.download_as(job, bucket, entries[0].key, target, version=entries[0].version)
            return self.objects.download(job, bucket, prefix, entries, target)

        what = entries[0].name if len(entries) == 1 else f"{number(len(entries))} things"
        folder = target.parent if alone else target
        self._transfer(
            f"Download {what}", work, "downloaded",
            after=lambda _moved: ("Show in folder", lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))),
        )  # fmt: skip

    def fetch(self, entries: list[Entry]) -> list[Path]:
        """For a drag: download now, the window staying alive, and give the files. Nothing where it failed."""
        if sum(entry.size for entry in entries) > _DRAGGED_OUT:
            self.view.banner.show_text("That is too much to drag", "Use Download for more than 500 MB", tone="warning")
            return []
        holder = tempfile.TemporaryDirectory(prefix="opsdesk-drag-", ignore_cleanup_errors=True)
        self._dragged.append(holder)  # the files live as long as the page: nobody tells when the target has copied them
        folder = Path(holder.name)
        bucket, prefix, loop = self.bucket, self.prefix, QEventLoop()
        found: list[Path] = []

        def done(moved: Moved) -> None:
            found.extend(folder / entry.key[len(prefix) :].rstrip("/") for entry in entries)
            loop.quit()

        def failed(fault: OpsError) -> None:
            self._fault(fault)
            loop.quit()

        self._context.jobs.start(
            self, f"Fetch {number(len(entries))} for the drag", lambda job: self.objects.download(job, bucket, prefix, entries, folder),
            room=ROOM, on_success=done, on_failure=failed, on_cancelled=loop.quit,
        )  # fmt: skip
        loop.exec()
        return found

    def _transfer(
        self,
        title: str,
        work: Callable[[Job[Any]], Moved],
        verb: str,
        *,
        write: bool = False,
        done: Callable[[Moved], None] = lambda _: None,
        after: Any = None,
    ) -> None:
        def succeeded(moved: Moved) -> None:
            done(moved)
            if moved.errors:
                first = f"{moved.errors[0][0]}: {moved.errors[0][1]}"
                self.view.banner.show_text(
                    f"{number(len(moved.errors))} did not get through, {number(moved.objects)} did", first, tone="warning",
                    details="\n".join(f"{name}: {why}" for name, why in moved.errors),
                )  # fmt: skip
            else:
                rate = f", {byte_size(moved.size / moved.seconds)}/s" if moved.seconds > 1 else ""
                reused = f", {byte_size(moved.reused)} were there already" if moved.reused else ""
                self._context.praise(f"{number(moved.objects)} {verb}, {byte_size(moved.size)}{rate}{reused}")

        self._context.jobs.start(
            self, title, work, room=ROOM, write=write, outlives_owner=write, on_success=succeeded, on_failure=self._fault,
            on_cancelled=self.refresh if write else None, after=after, can_retry=True,
        )  # fmt: skip

    # -- changing -----------------------------------------------------------------------
    def new_bucket(self) -> None:
        dialog = BucketDialog(self.view.window())

        def make(name: str, versioning: bool, lock: bool) -> None:
            def made(_: None) -> None:
                dialog.accept()
                self._context.praise(f"The bucket {name} is there.")
                self.go(name)

            self._context.jobs.start(
                dialog, f"Make the bucket {name}", lambda _job: self.objects.make_bucket(name, versioning=versioning, lock=lock),
                room=ROOM, write=True, on_success=made, on_failure=dialog.show_fault,
            )  # fmt: skip

        dialog.make_asked.connect(make)
        dialog.open()

    def open_by_name(self) -> None:
        dialog = OpenBucketDialog(self.view.window())

        def opened(text: str) -> None:
            try:
                place = address(text if text.startswith("s3://") else f"s3://{text}")
            except OpsError as fault:
                self._fault(fault)
                return
            self._context.memory.put("backups.buckets", list(dict.fromkeys([place.bucket, *self._remembered()]))[:50])
            self.go(place.bucket, place.key)

        dialog.open_asked.connect(opened)
        dialog.open()

    def ask_remove_bucket(self) -> None:
        name = self._chosen_bucket
        guarded = self.environment == "production"
        dialog = ConfirmDialog(
            f"Remove the bucket {name}?", "An empty bucket goes; one that still holds anything stays, and says so.",
            "Remove the bucket", self.view.window(), environment=self.environment, type_this=name if guarded else "",
            hint="Its name may be taken by somebody else at once.", command=f"opsdesk s3 rb {shlex.quote(f's3://{name}')}",
        )  # fmt: skip
        dialog.confirmed.connect(
            lambda: self._change(
                f"Remove the bucket {name}", lambda _job: self.objects.remove_bucket(name), lambda _: self.go("")
            )
        )
        dialog.open()

    def ask_delete(self, *, versions: bool = False) -> None:
        """Count first what it is about, then ask with the number on the button."""
        entries = self.view.chosen_entries()
        if not entries or not self.may_write:
            return
        bucket = self.bucket

        def look(job: Job[Any]) -> tuple[Amount, bool | None]:
            return self.objects.amount(job, bucket, entries, versions=versions), self.objects.keeps_versions(bucket)

        self._start(
            f"Count what is to be deleted in {bucket}", look, partial(self._confirm_delete, bucket, entries, versions)
        )

    def _confirm_delete(
        self, bucket: str, entries: list[Entry], versions: bool, found: tuple[Amount, bool | None]
    ) -> None:
        amount, keeps = found
        what = (
            f"{number(amount.objects)} {'versions' if versions else 'objects'}" if amount.objects != 1 else "1 object"
        )
        final = versions or not keeps
        if versions:
            hint = "All versions and delete markers go: this cannot be undone."
        elif keeps:
            hint = "The bucket keeps versions: they can be undeleted."
        elif keeps is None:
            hint = "Whether the bucket keeps versions is not known: take it that this cannot be undone."
        else:
            hint = "Versioning is off, so this cannot be undone."
        name = entries[0].key if len(entries) == 1 else f"{bucket}/{self.prefix}".rstrip("/")
        ask_name = self.environment == "production" or (final and amount.objects > 100)
        places = " ".join(shlex.quote(f"s3://{bucket}/{entry.key}") for entry in entries[:3]) + (
            " …" if len(entries) > 3 else ""
        )
        folders = " --recursive" if any(entry.folder for entry in entries) else ""
        dialog = ConfirmDialog(
            f"Delete {what}?", f"{what} ({byte_size(amount.size)}) are removed from {bucket}." if amount.objects != 1 else
            f"{entries[0].name} ({byte_size(amount.size)}) is removed from {bucket}.",
            f"Delete {what}", self.view.window(), environment=self.environment, hint=hint, type_this=name if ask_name else "",
            command=f"opsdesk s3 rm{folders}{' --versions' if versions else ''} {places}",
        )  # fmt: skip

        def deleted(done: Deleted) -> None:
            self.refresh()
            if done.errors:
                self.view.banner.show_text(
                    f"{number(len(done.errors))} could not be deleted, {number(done.objects)} were", f"{done.errors[0][0]}: {done.errors[0][1]}",
                    tone="danger", details="\n".join(f"{key}: {why}" for key, why in done.errors),
                )  # fmt: skip
            else:
                self._context.praise(f"{number(done.objects)} deleted")

        dialog.confirmed.connect(
            lambda: self._change(
                f"Delete {what}",
                lambda job: self.objects.delete(job, bucket, entries, versions=versions, total=amount.objects),
                deleted,
            )
        )
        dialog.open()

    def ask_copy(self) -> None:
        entries, here = self.view.chosen_entries(), Address(self.bucket, self.prefix)
        if not entries:
            return
        what = entries[0].name if len(entries) == 1 else f"{number(len(entries))} things"
        dialog = CopyDialog(what, here, self.view.window())

        def copy(to: Address, move: bool, replace: bool) -> None:
            self._transfer(
                f"{'Move' if move else 'Copy'} {what}",
                lambda job: self.objects.copy(job, here, entries, to, move=move, replace=replace),
                "moved" if move else "copied", write=True, done=lambda _moved: self.refresh(),
            )  # fmt: skip

        dialog.copy_asked.connect(copy)
        dialog.open()

    def edit_labels(self) -> None:
        facts = self._shown_facts
        dialog = LabelsDialog(facts, self.view.window())

        def save(kind: str, metadata: Any, tags: Any) -> None:
            entry = Entry(facts.key, facts.size, facts.modified, facts.storage_class)

            def work(job: Job[Any]) -> None:
                if tags is not None:
                    self.objects.set_tags(facts.bucket, facts.key, tags)
                if kind or metadata is not None:
                    self.objects.relabel(job, facts.bucket, entry, storage_class=kind, metadata=metadata)

            self._change(f"Change {entry.name}", work, lambda _: self.refresh(choose=facts.key))

        dialog.save_asked.connect(save)
        dialog.open()

    def set_versioning(self, on: bool) -> None:
        name = self._chosen_bucket
        self._change(
            f"Switch the versioning of {name}",
            lambda _job: self.objects.set_versioning(name, on=on),
            lambda _: self._show_bucket_facts(name),
        )

    # -- one object ---------------------------------------------------------------------
    def make_link(self, seconds: int) -> None:
        facts = self._shown_facts
        self._facts(facts.key, lambda _job: self.objects.link(facts.bucket, facts.key, seconds), self._link_made)

    def _link_made(self, link: Link) -> None:
        self.view.side.show_link(link)

    def show_versions(self) -> None:
        facts = self._shown_facts
        self._facts(
            facts.key, lambda job: self.objects.versions(job, facts.bucket, facts.key),
            lambda found: self.view.side.show_versions(found, may_write=self.may_write),
        )  # fmt: skip

    def restore_version(self, version: Entry) -> None:
        bucket = self.bucket
        self._change(
            f"Make a version of {version.name} the current one", lambda job: self.objects.restore_version(job, bucket, version),
            lambda _: self.refresh(choose=version.key),
        )  # fmt: skip

    def undelete(self, key: str) -> None:
        bucket = self.bucket
        self._change(
            f"Undelete {key}", lambda job: self.objects.undelete(job, bucket, key), lambda _: self.refresh(choose=key)
        )

    def show_deleted(self) -> None:
        """What lies under a delete marker, listed on request only; Copy as CLI and the panel bring it back."""
        bucket, prefix = self.bucket, self.prefix
        self.view.show_busy("Looking for deleted objects")

        def show(found: list[Entry]) -> None:
            self._token = ""
            self.view.show_lines(
                self._lines(found, {}), more=False, note=f"{number(len(found))} deleted objects can be undeleted"
            )
            if found:
                self.view.side.show_nothing("Choose a deleted object to bring it back.")

        self._list(
            f"Look for deleted objects in {bucket}",
            lambda job: self.objects.deleted_keys(job, bucket, prefix),
            show,
            quiet=False,
        )

    def count(self) -> None:
        entries, bucket = self.view.chosen_entries(), self.bucket
        if not entries:
            return

        def counted(amount: Amount) -> None:
            words = f"{byte_size(amount.size)} in {number(amount.objects)}"
            if len(entries) == 1:
                self._sizes[entries[0].key] = byte_size(amount.size)
                self.view.side.show_folder(entries[0], words)
            else:
                self._context.praise(f"{words} objects")

        self._start(f"Count {entries[0].name}", lambda job: self.objects.amount(job, bucket, entries), counted)

    # -- lifecycle and the janitor ------------------------------------------------------
    def open_lifecycle(self, *, sweep: bool = False) -> None:
        bucket, prefix = self._chosen_bucket, self.prefix if self.bucket else ""
        if not bucket:
            return
        self._start(
            f"Read the lifecycle of {bucket}", lambda _job: self.objects.lifecycle(bucket),
            partial(self._edit_lifecycle, bucket, prefix, sweep), quiet=True,
        )  # fmt: skip

    def _edit_lifecycle(self, bucket: str, prefix: str, sweep: bool, now: Any) -> None:
        dialog = LifecycleDialog(bucket, now, prefix, self.view.window(), may_write=self.may_write)
        if sweep:
            dialog.add_abort_rule()

        def try_out(rules: Any, on: datetime) -> None:
            dialog.show_busy()
            self._context.jobs.start(
                dialog, f"Try out the lifecycle of {bucket}", lambda job: self.objects.fate(job, bucket, rules, on), room=ROOM,
                on_success=dialog.show_fate, on_failure=dialog.show_fault,
            )  # fmt: skip

        def write(new: Any, expected: Any) -> None:
            def written(_: None) -> None:
                dialog.accept()
                self._context.praise(f"The lifecycle of {bucket} is written.")
                self._picked()

            dialog.accept_button.setEnabled(False)
            self._context.jobs.start(
                dialog, f"Write the lifecycle of {bucket}", lambda _job: self.objects.write_lifecycle(bucket, new, expected=expected),
                room=ROOM, write=True, on_success=written, on_failure=dialog.show_fault,
            )  # fmt: skip

        dialog.try_asked.connect(try_out)
        dialog.write_asked.connect(write)
        dialog.open()

    def open_uploads(self) -> None:
        bucket = self._chosen_bucket
        if bucket:
            self._start(
                f"Look for unfinished uploads in {bucket}",
                lambda job: self.objects.open_uploads(job, bucket),
                partial(self._show_uploads, bucket),
            )

    def _show_uploads(self, bucket: str, found: list[OpenUpload]) -> None:
        dialog = UploadsDialog(bucket, found, self.view.window(), may_write=self.may_write)

        def resume(upload: OpenUpload) -> None:
            name, _ = QFileDialog.getOpenFileName(dialog, f"The file that was to become {upload.key}")
            if name:
                dialog.accept()
                self._transfer(
                    f"Go on with {upload.key}", lambda job: self.objects.upload_as(job, Path(name), bucket, upload.key, replace=False),
                    "uploaded", write=True, done=lambda _moved: self.refresh(),
                )  # fmt: skip

        def abort(uploads: list[OpenUpload]) -> None:
            dialog.accept()

            def aborted(done: Deleted) -> None:
                self._context.praise(f"{number(done.objects)} unfinished uploads are gone")

            self._change(
                f"Abort {number(len(uploads))} uploads",
                lambda job: self.objects.abort_uploads(job, bucket, uploads),
                aborted,
            )

        def sweep() -> None:
            dialog.accept()
            self.open_lifecycle(sweep=True)

        dialog.resume_asked.connect(resume)
        dialog.abort_asked.connect(abort)
        dialog.rule_asked.connect(sweep)
        dialog.open()

    # -- the bridge ---------------------------------------------------------------------
    def copy_command(self) -> None:
        base = f"opsdesk --profile {shlex.quote(self._context.desk.profile.name)} s3"
        entries = self.view.chosen_entries()
        if entries:
            lines = [f"{base} get {shlex.quote(f's3://{self.bucket}/{entry.key}')}" for entry in entries]
        else:
            lines = [f"{base} ls {shlex.quote(self._here) if self.bucket else ''}".strip()]
        QGuiApplication.clipboard().setText("\n".join(lines))
        self._context.praise("The command is in the clipboard.")

    def _remembered(self) -> list[str]:
        return [str(name) for name in self._context.memory.get("backups.buckets", [])]

    def _refresh_if(self, bucket: str, prefix: str) -> None:
        if (self.bucket, self.prefix) == (bucket, prefix):
            self.refresh()

    def _start(
        self, title: str, work: Callable[[Job[Any]], Any], done: Callable[[Any], None], *, quiet: bool = False
    ) -> None:
        self._context.jobs.start(self, title, work, room=ROOM, quiet=quiet, on_success=done, on_failure=self._fault)

    def _change(self, title: str, work: Callable[[Job[Any]], Any], done: Callable[[Any], None]) -> None:
        self._context.jobs.start(
            self,
            title,
            work,
            room=ROOM,
            write=True,
            outlives_owner=True,
            on_success=done,
            on_failure=self._fault,
            on_cancelled=self.refresh,
        )

    def _fault(self, fault: OpsError) -> None:
        self.view.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)
