"""Decides what the panel beside the browser shows, and does what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject

from core.backups.objects.values import Amount, Entry, Link, ObjectFacts
from core.base.errors import OpsError
from core.jobs.job import Job
from gui.parts.words import byte_size
from gui.tabs.backups import wording
from gui.tabs.backups.place import ROOM, Place


class ObjectsPanel(QObject):
    def __init__(self, place: Place, parent: QObject) -> None:
        super().__init__(parent)
        self.place, self.side = place, place.view.side
        self.shown_facts = ObjectFacts("", "", 0, None, "")
        self.sizes: dict[str, str] = {}
        """Of the folders here that were counted."""
        self._number = 0  # of the question: answers to older ones are dropped
        side = self.side
        side.link_asked.connect(self.make_link)
        side.versions_asked.connect(self.show_versions)
        side.restore_asked.connect(self.restore_version)
        side.undelete_asked.connect(self.undelete)
        side.size_asked.connect(self.count)
        side.bring_back_asked.connect(self.bring_back)

    def follow(self) -> None:
        """The panel follows the selection; facts are asked for one object or bucket only."""
        self._number += 1
        chosen, side = self.place.view.table.chosen, self.side
        if not chosen:
            if self.place.settled:
                self.show_place()
        elif len(chosen) > 1:
            side.show_many([line.entry for line in chosen if line.entry])
        elif chosen[0].bucket is not None:
            self.show_bucket_facts(chosen[0].bucket.name)
        elif chosen[0].entry.folder:
            side.show_folder(chosen[0].entry, self.sizes.get(chosen[0].entry.key, ""))
        elif chosen[0].entry.delete_marker:
            side.show_deleted(chosen[0].entry, may_write=self.place.may_write)
        else:
            self._show_object_facts(chosen[0].entry)

    def show_place(self) -> None:
        """Where nothing is chosen: the bucket that we are in."""
        if self.place.bucket:
            self.show_bucket_facts(self.place.bucket)
        else:
            self.side.show_nothing("Choose a bucket to see its versioning, lifecycle and unfinished uploads.")

    def show_bucket_facts(self, name: str) -> None:
        self.side.show_waiting(name)
        self._facts(name, lambda _job: self.place.objects.bucket_facts(name), self._bucket_shown)

    def _bucket_shown(self, facts: Any) -> None:
        self.side.show_bucket(facts, may_write=self.place.may_write)

    def _show_object_facts(self, entry: Entry) -> None:
        bucket = self.place.bucket
        self.side.show_waiting(entry.name)
        self._facts(entry.name, lambda _job: self.place.objects.object_facts(bucket, entry.key), self._object_shown)

    def _object_shown(self, facts: ObjectFacts) -> None:
        self.shown_facts = facts
        self.side.show_object(facts, may_write=self.place.may_write)

    def _facts(self, name: str, work: Callable[[Job[Any]], Any], show: Callable[[Any], None]) -> None:
        number_ = self._number

        def done(result: Any) -> None:
            if number_ == self._number:
                show(result)

        def failed(fault: OpsError) -> None:
            if number_ == self._number:
                self.side.show_trouble(name, str(fault))

        self.place.context.jobs.start(
            self, f"Read the facts of {name}", work, room=ROOM, lane="objects-facts", newest_only=True, quiet=True, on_success=done,
            on_failure=failed,
        )  # fmt: skip

    # -- what the panel asks for -----------------------------------------------------------
    def make_link(self, seconds: int) -> None:
        facts = self.shown_facts
        self._facts(facts.key, lambda _job: self.place.objects.link(facts.bucket, facts.key, seconds), self._link_made)

    def _link_made(self, link: Link) -> None:
        self.side.show_link(link)

    def show_versions(self) -> None:
        facts = self.shown_facts
        self._facts(
            facts.key, lambda job: self.place.objects.versions(job, facts.bucket, facts.key),
            lambda found: self.side.show_versions(found, may_write=self.place.may_write),
        )  # fmt: skip

    def restore_version(self, version: Entry) -> None:
        bucket = self.shown_facts.bucket
        self.place.change(
            f"Make a version of {version.name} the current one", lambda job: self.place.objects.restore_version(job, bucket, version),
            lambda _: self.place.refresh(choose=version.key),
        )  # fmt: skip

    def undelete(self, key: str) -> None:
        bucket = self.place.bucket
        self.place.change(
            f"Undelete {key}",
            lambda job: self.place.objects.undelete(job, bucket, key),
            lambda _: self.place.refresh(choose=key),
        )

    def bring_back(self, tier: str) -> None:
        facts = self.shown_facts

        def asked(words: str) -> None:
            self.place.context.praise(f"{words}.")
            self.place.picked()

        self.place.change(
            f"Bring {facts.key.rsplit('/', 1)[-1]} back from the archive",
            lambda _job: self.place.objects.bring_back(facts.bucket, facts.key, tier=tier), asked,
        )  # fmt: skip

    def count(self) -> None:
        entries, bucket = self.place.view.chosen_entries(), self.place.bucket
        if not entries:
            return

        def counted(amount: Amount) -> None:
            words = f"{byte_size(amount.size)} in {wording.count_of(amount.objects, 'object')}"
            if len(entries) == 1 and entries[0].folder:
                self.sizes[entries[0].key] = byte_size(amount.size)
            if entries != self.place.view.chosen_entries():
                self.place.context.praise(words)  # something else is looked at now
            elif len(entries) == 1:
                self.side.show_folder(entries[0], words)
            else:
                self.side.show_many(entries, words)

        self.place.start(
            f"Count {entries[0].name}", lambda job: self.place.objects.amount(job, bucket, entries), counted
        )
