"""Bytes between this computer and the browser's place: uploads, downloads, what is dragged out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop, QObject
from PySide6.QtWidgets import QFileDialog

from core.backups.objects.values import Entry, Moved
from core.base.errors import OpsError
from core.jobs.job import Job
from gui.parts.desktop import show_file
from gui.parts.dialogs import ConfirmDialog
from gui.parts.words import byte_size, number, shortened
from gui.tabs.backups.place import ROOM, Place

_DRAGGED_OUT = 512 << 20  # more than this is not fetched during a drag: Download is the way


class ObjectsTransfers(QObject):
    def __init__(self, place: Place, parent: QObject) -> None:
        super().__init__(parent)
        self.place = place
        self._uploads: list[tuple[Job[Any], tuple[str, str], set[str]]] = []
        """Where to and what: those that have not ended."""

    # -- moving bytes -------------------------------------------------------------------
    def choose_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self.place.view, "Upload files")
        if files:
            self.upload([Path(name) for name in files])

    def choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self.place.view, "Upload a folder")
        if folder:
            self.upload([Path(folder)])

    def upload(self, paths: list[Path]) -> None:
        """Straight on where no shown name would be replaced, else after asking."""
        if not (self.place.bucket and self.place.may_write):
            return
        paths = self._without_those_under_way(paths)
        if not paths:
            return
        here = {line.name.rstrip("/") for line in self.place.view.table.row_model.rows}
        taken = [path.name for path in paths if path.name in here]
        if not taken:
            self._upload(paths, replace=False)
            return
        count = f"{number(len(taken))} things" if len(taken) > 1 else taken[0]
        names = f"{', '.join(taken[:3])}{' and others' if len(taken) > 3 else ''}"
        inside = (
            "In a folder files of the same names are replaced, the others stay. "
            if any(path.is_dir() for path in paths)
            else ""
        )
        dialog = ConfirmDialog(
            f"Replace {count}?", f"{names} {'are' if len(taken) > 1 else 'is'} already in {self.place.here}.",
            "Replace", self.place.view.window(), environment=self.place.environment,
            hint=f"{inside}Where the bucket keeps no versions, what is replaced is gone.",
        )  # fmt: skip
        dialog.confirmed.connect(partial(self._upload, paths, replace=True))
        dialog.open()

    def _without_those_under_way(self, paths: list[Path]) -> list[Path]:
        """Each of their objects would be found there already, written by the first."""
        self._uploads = [item for item in self._uploads if not item[0].state.is_final]
        here = (self.place.bucket, self.place.prefix)
        names = {name for _, place, names in self._uploads for name in names if place == here}
        twice = [path.name for path in paths if path.name in names]
        if twice:
            what = shortened(twice[0]) if len(twice) == 1 else f"{number(len(twice))} things"
            self.place.view.banner.show_text(
                f"{what} {'is' if len(twice) == 1 else 'are'} being uploaded here already",
                "It was not begun a second time. Cancel the first if it should begin anew.", tone="info",
            )  # fmt: skip
        return [path for path in paths if path.name not in names]

    def _upload(self, paths: list[Path], *, replace: bool) -> None:
        bucket, prefix = self.place.bucket, self.place.prefix
        what = paths[0].name if len(paths) == 1 else f"{number(len(paths))} things"
        job = self.transfer(
            f"Upload {what}", lambda job: self.place.objects.upload(job, paths, bucket, prefix, replace=replace, keep=True),
            "uploaded", write=True, done=lambda _moved: self.place.refresh_if(bucket, prefix),
        )  # fmt: skip
        self._uploads.append((job, (bucket, prefix), {path.name for path in paths}))

    def download(self) -> None:
        entries = self.place.view.chosen_entries()
        if not entries:
            return
        if len(entries) == 1 and not entries[0].folder:
            name, _ = QFileDialog.getSaveFileName(self.place.view, "Download", entries[0].name)
            if name:
                self.download_to(entries, Path(name))
            return
        folder = QFileDialog.getExistingDirectory(self.place.view, "Download into")
        if folder:
            self.download_to(entries, Path(folder))

    def download_to(self, entries: list[Entry], target: Path) -> None:
        """One object to a file, several or folders into a folder."""
        bucket, prefix = self.place.bucket, self.place.prefix
        alone = len(entries) == 1 and not entries[0].folder

        def work(job: Job[Any]) -> Moved:
            if alone:
                return self.place.objects.download_as(job, bucket, entries[0].key, target, version=entries[0].version)
            return self.place.objects.download(job, bucket, prefix, entries, target)

        what = entries[0].name if len(entries) == 1 else f"{number(len(entries))} things"
        folder = target.parent if alone else target
        self.transfer(
            f"Download {what}", work, "downloaded",
            after=lambda _moved: ("Show in folder", lambda: show_file(folder, self.place.context.praise)),
        )  # fmt: skip

    def fetch(self, entries: list[Entry]) -> list[Path]:
        """For a drag: download now, the window staying alive, and give the files. Nothing where it failed."""
        holder = tempfile.TemporaryDirectory(prefix="opsdesk-drag-", ignore_cleanup_errors=True)
        # They go with the page: nobody tells when the target has copied them. (A connected method would not keep it.)
        self.destroyed.connect(lambda: holder.cleanup())
        folder = Path(holder.name)
        bucket, prefix, loop = self.place.bucket, self.place.prefix, QEventLoop()
        found: list[Path] = []

        def done(moved: Moved) -> None:
            found.extend(folder / entry.key[len(prefix) :].rstrip("/") for entry in entries)
            loop.quit()

        def failed(fault: OpsError) -> None:
            self.place.fault(fault)
            loop.quit()

        title = f"Fetch {number(len(entries))} for the drag"

        def work(job: Job[Any]) -> Moved:
            size = self.place.objects.amount(job, bucket, entries).size  # nobody knows it of a folder
            if size > _DRAGGED_OUT:
                raise OpsError(
                    "That is too much to drag", f"It is {byte_size(size)}", "Use Download for more than 500 MB"
                )
            return self.place.objects.download(job, bucket, prefix, entries, folder)

        self.destroyed.connect(loop.quit)  # the profile was changed meanwhile
        job = self.place.context.jobs.start(
            self, title, work, room=ROOM, on_success=done, on_failure=failed, on_cancelled=loop.quit,
        )  # fmt: skip
        self.place.running.follow(job, title)
        loop.exec()
        return found

    def transfer(
        self,
        title: str,
        work: Callable[[Job[Any]], Moved],
        verb: str,
        *,
        write: bool = False,
        done: Callable[[Moved], None] = lambda _: None,
        after: Any = None,
    ) -> Job[Any]:
        bucket, prefix = self.place.bucket, self.place.prefix
        tries: list[Job[Any]] = []  # "Retry" in the drawer makes another
        came: list[Moved] = []

        def carry(job: Job[Any]) -> Moved:
            tries.append(job)
            came.clear()
            moved = work(job)
            came.append(moved)
            job.conclude(" · ".join((_came_out(moved, verb), *moved.words)), good=not moved.errors)
            return moved

        def succeeded(moved: Moved) -> None:
            self.place.running.show()
            done(moved)
            if moved.errors:
                first = f"{moved.errors[0][0]}: {moved.errors[0][1]}"
                self.place.view.banner.show_text(
                    _came_out(moved, verb), first, tone="warning", details="\n".join(f"{name}: {why}" for name, why in moved.errors)
                )  # fmt: skip
            else:
                fresh = moved.size - moved.reused
                rate = f", {byte_size(fresh / moved.seconds)}/s" if moved.seconds > 1 and fresh else ""
                self.place.context.praise(f"{_came_out(moved, verb)}{rate}")

        def failed(fault: OpsError) -> None:
            self.place.running.show()
            self.place.fault(fault)

        def stopped() -> None:
            self.place.running.show()
            if write:  # what had got through by then is there
                self.place.refresh_if(bucket, prefix)
            if came:
                done_first = f"{title}: it was done before it could be stopped"
                self.place.view.banner.show_text(done_first, f"{_came_out(came[0], verb)}.", tone="info")
            elif tries:
                self.place.tell_stop(title, tries[-1])

        job = self.place.context.jobs.start(
            self, title, carry, room=ROOM, write=write, outlives_owner=write, on_success=succeeded, on_failure=failed,
            on_cancelled=stopped, on_progress=lambda _: self.place.running.show(), after=after, can_retry=True,
        )  # fmt: skip
        self.place.running.follow(job, title)
        return job


def _came_out(moved: Moved, verb: str) -> str:
    """``39 uploaded, 80 MB, 1 did not get through``."""
    reused = f", {byte_size(moved.reused)} of them were there already" if moved.reused else ""
    deleted = f", {number(moved.deleted)} deleted" if moved.deleted else ""
    failed = f", {number(len(moved.errors))} did not get through" if moved.errors else ""
    return f"{number(moved.objects)} {verb}, {byte_size(moved.size)}{reused}{deleted}{failed}"
