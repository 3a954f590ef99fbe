"""Reads what lies where the browser stands, and shows it: a level page by page, what a search finds, what was deleted."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from core.backups.objects.values import BucketList, Entry, Page
from core.base.errors import OpsError
from core.jobs.job import Job, Progress
from gui.parts.words import number
from gui.tabs.backups.objects_table import Line
from gui.tabs.backups.place import ROOM, Place

_MOST = 200_000
"""Rows of one level: 0.6 KB each, and nobody scrolls further."""
Proofs = dict[str, datetime | None]
Look = Callable[[Job[Any], Callable[[list[Entry]], None]], bool]
"""Looks through a whole prefix, hands over what it finds as it finds it, and says whether it looked at everything."""


class State(enum.Enum):
    LISTING = "listing"
    SHOWN = "shown"
    FAILED = "failed"


class ObjectsListing(QObject):
    state_changed = Signal()

    def __init__(self, place: Place, plan_buckets: Callable[[], Sequence[str]], parent: QObject) -> None:
        super().__init__(parent)
        self.place, self.view, self._plan_buckets = place, place.view, plan_buckets
        self.state = State.LISTING
        self.words = ""
        """What is searched for; "": a level is shown."""
        self._token = ""
        self._proved = Proofs()  # backups at or below this place, by key
        self._number = 0  # of the listing on show: answers to older questions are dropped
        self._long: Job[Any] | None = None  # one that looks through everything: of no use once something else is shown

    # -- a level ------------------------------------------------------------------------
    def read(self, choose: str = "") -> None:
        """What is on show, anew: from the first page, or by searching again."""
        if self.words:
            self.search(self.words)
            return
        self._begin("Listing")
        place, bucket, prefix = self.place, self.place.bucket, self.place.prefix
        if not bucket:
            known = tuple(dict.fromkeys([*self._plan_buckets(), *place.remembered()]))
            self._start(
                "List the buckets",
                lambda _job: place.objects.buckets(known),
                partial(self._show_buckets, choose=choose),
            )
        else:
            self._start(
                f"List {bucket}", lambda job: (place.objects.page(bucket, prefix), self._proofs(job, bucket, prefix)),
                partial(self._show_page, choose=choose),
            )  # fmt: skip

    def read_more(self) -> None:
        """The next page. What is shown stays where it cannot be read, and asking again goes on from there."""
        if not self._token or self.state is not State.SHOWN:
            return
        place, bucket, prefix, token = self.place, self.place.bucket, self.place.prefix, self._token
        self._begin("Listing")

        def failed(fault: OpsError) -> None:
            self._token = token
            place.fault(fault)

        self._start(
            f"List more of {bucket}",
            lambda _job: place.objects.page(bucket, prefix, token),
            self._show_next,
            failed=failed,
        )

    def _proofs(self, job: Job[Any], bucket: str, prefix: str, *, below: bool = False) -> Proofs:
        """Key -> when it was proved (None: backed up only), of the plans whose backups lie at this level, or below it."""
        service, found = self.place.context.desk.backups, Proofs()
        for plan in service.plans():
            if plan.target.bucket == bucket and (
                prefix.startswith(plan.prefix) or (below and plan.prefix.startswith(prefix))
            ):
                found |= {item.key: item.proved for item in service.backups(job, plan.name)}
        return found

    def _show_buckets(self, found: BucketList, *, choose: str = "") -> None:
        note = (
            ""
            if found.whole
            else "This login may not list buckets: only known ones are shown. More opens any other by its name"
        )
        lines = [Line(bucket=item) for item in found.buckets]
        self.view.show_lines(lines, more=False, note=note, buckets=True)
        if not self._choose(choose):
            self.place.picked()
        self.state_changed.emit()

    def _show_page(self, found: tuple[Page, Proofs], *, choose: str = "") -> None:
        page, self._proved = found
        self._token = page.token
        self.view.show_lines(self._lines(page.entries), more=bool(page.token))
        if not self._choose(choose):
            self.place.picked()

    def _choose(self, wanted: str) -> bool:
        """The line of a bucket's name or an entry's key, if it is shown."""
        for row, line in enumerate(self.view.table.row_model.rows):
            if wanted and wanted == (line.bucket.name if line.bucket else line.entry.key if line.entry else ""):
                self.view.table.choose(row)
                return True
        return False

    def _show_next(self, page: Page) -> None:
        full = bool(page.token) and self.view.table.row_model.rowCount() + len(page.entries) >= _MOST
        self._token = "" if full else page.token
        note = f"The first {number(_MOST)} are shown, there is more: search for it, or list it by s3 ls" if full else ""
        self.view.show_more(self._lines(page.entries), more=bool(self._token), note=note)

    def _lines(self, entries: Sequence[Entry]) -> list[Line]:
        sizes, prefix, proofs = self.place.sizes, self.place.prefix, self._proved
        return [
            Line(entry=item, prefix=prefix, proved=proofs.get(item.key), backup=item.key in proofs, size=sizes.get(item.key, ""))
            for item in entries
        ]  # fmt: skip

    # -- everything below ---------------------------------------------------------------
    def search(self, words: str) -> None:
        if not self.place.bucket or (not words and not self.words):
            return
        self.words = words
        if not words:
            self.read()
            return
        place, bucket, prefix = self.place, self.place.bucket, self.place.prefix

        self._proved = proofs = Proofs()

        def look(job: Job[Any], found: Callable[[list[Entry]], None]) -> bool:
            proofs.update(self._proofs(job, bucket, prefix, below=True))
            return place.objects.search(job, bucket, prefix, words, found=found)[1]

        hint = "Choose an object to see its facts."
        self._look_through("Searching", f"Search {bucket} for {words}", look, "found", hint)

    def show_deleted(self) -> None:
        """What lies under a delete marker, listed on request only; Copy as CLI and the panel bring it back."""
        place, bucket, prefix = self.place, self.place.bucket, self.place.prefix
        self.words = ""

        def look(job: Job[Any], found: Callable[[list[Entry]], None]) -> bool:
            return place.objects.deleted_keys(job, bucket, prefix, found=found)[1]

        self._look_through(
            "Looking for deleted objects", f"Look for deleted objects in {bucket}", look, "deleted, can be undeleted",
            "Choose a deleted object to bring it back.",
        )  # fmt: skip

    def _look_through(self, doing: str, title: str, look: Look, word: str, hint: str) -> None:
        """Finds are shown as they come: among a million keys the last may be minutes away, and a stop keeps them."""
        finds: list[Entry] = []  # only grows, by the worker
        self._begin(doing)
        self.view.show_lines([], more=False, note=f"Nothing {word} so far")
        self.view.side.show_nothing(hint)

        def show(how: str, note: str = "") -> None:
            shown = self.view.table.row_model.rowCount()
            fresh = finds[shown:]
            self.view.show_more(
                self._lines(fresh), more=False, note=note or f"{number(shown + len(fresh))} {word}{how}"
            )

        self._long = self._start(
            title, lambda job: look(job, finds.extend), lambda whole: show("" if whole else ": the first ones, there may be more"),
            quiet=False, progressed=lambda progress: show("", f"{progress.note} so far"),
            cancelled=lambda: show(" before it was stopped, there may be more"),
        )  # fmt: skip

    # -- the bridge ---------------------------------------------------------------------
    def _begin(self, doing: str) -> None:
        if self._long is not None:
            self._long.cancel()
            self._long = None
        self._token = ""
        self._enter(State.LISTING)
        self.view.banner.hide()
        self.view.show_busy(doing)

    def _start(
        self,
        title: str,
        work: Callable[[Job[Any]], Any],
        show: Callable[[Any], None],
        *,
        quiet: bool = True,
        failed: Callable[[OpsError], None] | None = None,
        progressed: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], None] = lambda: None,
    ) -> Job[Any]:
        self._number += 1
        number_ = self._number

        def under_way(progress: Progress) -> None:
            if number_ == self._number:
                progressed(progress)

        def end(state: State, tell: Callable[[], None]) -> None:
            if number_ == self._number:
                self.view.show_busy("")
                self._enter(state)
                tell()

        return self.place.context.jobs.start(
            self, title, work, room=ROOM, lane="objects-list" if quiet else None, newest_only=quiet, quiet=quiet, on_progress=under_way,
            on_success=lambda result: end(State.SHOWN, lambda: show(result)),
            on_failure=lambda fault: end(State.SHOWN if failed else State.FAILED, partial(failed or self._show_failure, fault)),
            on_cancelled=lambda: end(State.SHOWN, cancelled),
        )  # fmt: skip

    def _show_failure(self, fault: OpsError) -> None:
        self.view.show_lines([], more=False, note="Nothing could be listed")
        self.view.banner.show_fault(fault.title, fault.why, fault.remedy, action="Try again", details=fault.details)
        self.view.side.show_nothing("The facts stand here once the list could be read.")

    def _enter(self, state: State) -> None:
        self.state = state
        self.state_changed.emit()
