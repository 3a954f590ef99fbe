"""What changes something in a bucket: asked first, with its size and consequence, then done as a job."""

from __future__ import annotations

import shlex
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from core.backups.objects.address import Address, address
from core.backups.objects.values import Amount, Deleted, Entry, OpenUpload
from core.base.errors import OpsError
from core.jobs.job import Job
from gui.parts.dialogs import ConfirmDialog
from gui.parts.words import byte_size, command, number
from gui.tabs.backups import wording
from gui.tabs.backups.lifecycle_dialog import LifecycleDialog
from gui.tabs.backups.object_dialogs import BucketDialog, CopyDialog, LabelsDialog, OpenBucketDialog, UploadsDialog
from gui.tabs.backups.objects_transfers import ObjectsTransfers
from gui.tabs.backups.place import ROOM, Place


class ObjectsDeeds(QObject):
    def __init__(self, place: Place, transfers: ObjectsTransfers, parent: QObject) -> None:
        super().__init__(parent)
        self.place, self.transfers = place, transfers

    def _line(self, words: str) -> str:
        return command(self.place.context.desk.profile.name, words)

    def copy_command(self) -> None:
        bucket, entries = self.place.bucket, self.place.view.chosen_entries()
        if entries:
            lines = [
                self._line(
                    f"s3 {'undelete' if entry.delete_marker else 'get'} {shlex.quote(f's3://{bucket}/{entry.key}')}"
                )
                for entry in entries
            ]
        else:
            lines = [self._line(f"s3 ls {shlex.quote(self.place.here) if bucket else ''}".strip())]
        QGuiApplication.clipboard().setText("\n".join(lines))
        self.place.context.praise("The command is in the clipboard.")

    # -- changing -----------------------------------------------------------------------
    def new_bucket(self) -> None:
        dialog = BucketDialog(self.place.view.window())

        def make(name: str, versioning: bool, lock: bool) -> None:
            def made(_: None) -> None:
                dialog.accept()
                self.place.context.praise(f"The bucket {name} is there.")
                self.place.go(name)

            self.place.context.jobs.start(
                dialog, f"Make the bucket {name}", lambda _job: self.place.objects.make_bucket(name, versioning=versioning, lock=lock),
                room=ROOM, write=True, outlives_owner=True, on_success=made, on_failure=dialog.show_fault,
            )  # fmt: skip

        dialog.make_asked.connect(make)
        dialog.open()

    def open_by_name(self) -> None:
        dialog = OpenBucketDialog(self.place.view.window())

        def opened(text: str) -> None:
            try:
                place = address(text if text.startswith("s3://") else f"s3://{text}")
            except OpsError as fault:
                self.place.fault(fault)
                return
            self.place.context.memory.put(
                "backups.buckets", list(dict.fromkeys([place.bucket, *self.place.remembered()]))[:50]
            )
            self.place.go(place.bucket, place.key)

        dialog.open_asked.connect(opened)
        dialog.open()

    def ask_remove_bucket(self) -> None:
        name = self.place.chosen_bucket
        guarded = self.place.environment == "production"
        dialog = ConfirmDialog(
            f"Remove the bucket {name}?", "An empty bucket goes; one that still holds anything stays, and says so.",
            "Remove the bucket", self.place.view.window(), environment=self.place.environment, type_this=name if guarded else "",
            hint="Its name may be taken by somebody else at once.", command=self._line(f"s3 rb {shlex.quote(f's3://{name}')}"),
        )  # fmt: skip
        dialog.confirmed.connect(
            lambda: self.place.change(
                f"Remove the bucket {name}",
                lambda _job: self.place.objects.remove_bucket(name),
                lambda _: self.place.go(""),
            )
        )
        dialog.open()

    def delete_pressed(self) -> None:
        """The key: what is chosen here, or a bucket in their list."""
        if self.place.bucket:
            self.ask_delete()
        elif self.place.chosen_bucket and self.place.may_write:
            self.ask_remove_bucket()

    def ask_delete(self, *, versions: bool = False) -> None:
        """Count first what it is about, then ask with the number on the button."""
        entries = self.place.view.chosen_entries()
        if not entries or not self.place.may_write:
            return
        bucket = self.place.bucket

        def look(job: Job[Any]) -> tuple[Amount, bool | None]:
            return self.place.objects.amount(
                job, bucket, entries, versions=versions
            ), self.place.objects.keeps_versions(bucket)

        self.place.start(
            f"Count what is to be deleted in {bucket}", look, partial(self._confirm_delete, bucket, entries, versions)
        )

    def _confirm_delete(
        self, bucket: str, entries: list[Entry], versions: bool, found: tuple[Amount, bool | None]
    ) -> None:
        amount, keeps = found
        what = f"{wording.count_of(amount.objects, 'version' if versions else 'object')}"
        final = versions or not keeps
        if versions:
            hint = "All versions and delete markers go: this cannot be undone."
        elif keeps:
            hint = f"The bucket keeps versions: {'it' if amount.objects == 1 else 'they'} can be undeleted."
        elif keeps is None:
            hint = "Whether the bucket keeps versions is not known: take it that this cannot be undone."
        else:
            hint = "Versioning is off, so this cannot be undone."
        name = entries[0].key if len(entries) == 1 else f"{bucket}/{self.place.prefix}".rstrip("/")
        ask_name = self.place.environment == "production" or (final and amount.objects > 100)
        places = " ".join(shlex.quote(f"s3://{bucket}/{entry.key}") for entry in entries[:3]) + (
            " …" if len(entries) > 3 else ""
        )
        folders = " --recursive" if any(entry.folder for entry in entries) else ""
        dialog = ConfirmDialog(
            f"Delete {what}?", f"{what} ({byte_size(amount.size)}) are removed from {bucket}." if amount.objects != 1 else
            f"{entries[0].name} ({byte_size(amount.size)}) is removed from {bucket}.",
            f"Delete {what}", self.place.view.window(), environment=self.place.environment, hint=hint, type_this=name if ask_name else "",
            command=self._line(f"s3 rm{folders}{' --versions' if versions else ''} {places}"),
        )  # fmt: skip

        def deleted(done: Deleted) -> None:
            self.place.refresh()
            if done.errors:
                self._tell_left(done, f"{number(done.refused)} could not be deleted, {number(done.objects)} were")
            else:
                self.place.context.praise(f"{number(done.objects)} deleted")

        dialog.confirmed.connect(
            lambda: self.place.change(
                f"Delete {what}",
                lambda job: self.place.objects.delete(job, bucket, entries, versions=versions, total=amount.objects),
                deleted,
            )
        )
        dialog.open()

    def _tell_left(self, done: Deleted, title: str) -> None:
        self.place.view.banner.show_text(
            title, f"{done.errors[0][0]}: {done.errors[0][1]}", tone="danger",
            details="\n".join(f"{key}: {why}" for key, why in done.errors),
        )  # fmt: skip

    def ask_copy(self) -> None:
        entries, here = self.place.view.chosen_entries(), Address(self.place.bucket, self.place.prefix)
        if not entries:
            return
        what = entries[0].name if len(entries) == 1 else f"{number(len(entries))} things"
        dialog = CopyDialog(what, here, self.place.view.window())

        def copy(to: Address, move: bool, replace: bool) -> None:
            self.transfers.transfer(
                f"{'Move' if move else 'Copy'} {what}",
                lambda job: self.place.objects.copy(job, here, entries, to, move=move, replace=replace),
                "moved" if move else "copied", write=True, done=lambda _moved: self.place.refresh(),
            )  # fmt: skip

        dialog.copy_asked.connect(copy)
        dialog.open()

    def edit_labels(self) -> None:
        facts = self.place.shown_facts
        dialog = LabelsDialog(facts, self.place.view.window())

        def save(kind: str, metadata: Any, tags: Any) -> None:
            entry = Entry(facts.key, facts.size, facts.modified, facts.storage_class)

            def work(job: Job[Any]) -> None:
                if tags is not None:
                    self.place.objects.set_tags(facts.bucket, facts.key, tags)
                if kind or metadata is not None:
                    self.place.objects.relabel(job, facts.bucket, entry, storage_class=kind, metadata=metadata)

            self.place.change(f"Change {entry.name}", work, lambda _: self.place.refresh(choose=facts.key))

        dialog.save_asked.connect(save)
        dialog.open()

    def set_versioning(self, on: bool) -> None:
        name = self.place.chosen_bucket
        self.place.change(
            f"Switch the versioning of {name}",
            lambda _job: self.place.objects.set_versioning(name, on=on),
            lambda _: self.place.show_bucket_facts(name),
        )

    # -- lifecycle and the janitor ------------------------------------------------------
    def open_lifecycle(self, *, sweep: bool = False) -> None:
        bucket, prefix = self.place.chosen_bucket, self.place.prefix if self.place.bucket else ""
        if not bucket:
            return
        self.place.start(
            f"Read the lifecycle of {bucket}", lambda _job: self.place.objects.lifecycle(bucket),
            partial(self._edit_lifecycle, bucket, prefix, sweep), quiet=True,
        )  # fmt: skip

    def _edit_lifecycle(self, bucket: str, prefix: str, sweep: bool, now: Any) -> None:
        dialog = LifecycleDialog(bucket, now, prefix, self.place.view.window(), may_write=self.place.may_write)
        if sweep:
            dialog.add_abort_rule()

        def try_out(lifecycle: Any, on: datetime) -> None:
            dialog.show_busy()
            self.place.context.jobs.start(
                dialog, f"Try out the lifecycle of {bucket}", lambda job: self.place.objects.fate(job, bucket, lifecycle, on), room=ROOM,
                on_success=dialog.show_fate, on_failure=dialog.show_fault,
            )  # fmt: skip

        def write(new: Any, expected: Any) -> None:
            def written(_: None) -> None:
                dialog.accept()
                self.place.context.praise(f"The lifecycle of {bucket} is written.")
                self.place.picked()

            dialog.accept_button.setEnabled(False)
            self.place.context.jobs.start(
                dialog, f"Write the lifecycle of {bucket}", lambda _job: self.place.objects.write_lifecycle(bucket, new, expected=expected),
                room=ROOM, write=True, outlives_owner=True, on_success=written, on_failure=dialog.show_fault,
            )  # fmt: skip

        dialog.try_asked.connect(try_out)
        dialog.write_asked.connect(write)
        dialog.open()

    def open_uploads(self) -> None:
        bucket = self.place.chosen_bucket
        if bucket:
            self.place.start(
                f"Look for unfinished uploads in {bucket}",
                lambda job: self.place.objects.open_uploads(job, bucket),
                partial(self._show_uploads, bucket),
            )

    def _show_uploads(self, bucket: str, found: list[OpenUpload]) -> None:
        at_work = self.place.running.titles
        dialog = UploadsDialog(bucket, found, self.place.view.window(), may_write=self.place.may_write, at_work=at_work)

        def resume(upload: OpenUpload) -> None:
            name, _ = QFileDialog.getOpenFileName(dialog, f"The file that was to become {upload.key}")
            if name:
                dialog.accept()
                self._resume(bucket, upload, Path(name))

        def abort(uploads: list[OpenUpload]) -> None:
            dialog.accept()

            def aborted(done: Deleted) -> None:
                if done.errors:
                    self._tell_left(done, f"{number(done.refused)} could not be aborted, {number(done.objects)} were")
                else:
                    self.place.context.praise(f"{wording.count_of(done.objects, 'unfinished upload')} aborted")

            self.place.change(
                f"Abort {wording.count_of(len(uploads), 'unfinished upload')}",
                lambda job: self.place.objects.abort_uploads(job, bucket, uploads),
                aborted,
            )

        def sweep() -> None:
            dialog.accept()
            self.open_lifecycle(sweep=True)

        dialog.resume_asked.connect(resume)
        dialog.abort_asked.connect(abort)
        dialog.rule_asked.connect(sweep)
        dialog.open()

    def _resume(self, bucket: str, upload: OpenUpload, file: Path) -> None:
        """Look first whether something has its name meanwhile: S3 would say so after the last byte."""
        key, prefix = upload.key, self.place.prefix

        def go_on(*, replace: bool) -> None:
            self.transfers.transfer(
                f"Go on with {key}",
                lambda job: self.place.objects.upload_as(
                    job, file, bucket, key, replace=replace, going_on=upload.upload_id
                ),
                "uploaded", write=True, done=lambda _moved: self.place.refresh_if(bucket, prefix),
            )  # fmt: skip

        def looked(taken: bool) -> None:
            if not taken:
                go_on(replace=False)
                return
            dialog = ConfirmDialog(
                f"Replace {key}?", f"{key} is in {bucket} already.", "Replace", self.place.view.window(),
                environment=self.place.environment, hint="Where the bucket keeps no versions, what is there now is gone.",
            )  # fmt: skip
            dialog.confirmed.connect(lambda: go_on(replace=True))
            dialog.open()

        def look(_job: Job[Any]) -> bool:
            try:
                self.place.objects.object_facts(bucket, key)
            except OpsError as fault:
                if fault.code == "not-found":
                    return False
                raise
            return True

        self.place.start(f"Look for {key}", look, looked, quiet=True)
