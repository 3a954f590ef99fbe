"""The line at the browser's foot: what is being carried, counted or changed now, and the way to stop it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer

from core.jobs.job import Job
from gui.parts.words import shortened
from gui.tabs.backups import wording
from gui.tabs.backups.objects_view import ObjectsView

_SOON = 200  # ms: what is done by then needs no word


class ObjectsRunning(QObject):
    def __init__(self, view: ObjectsView, parent: QObject) -> None:
        super().__init__(parent)
        self._view = view
        self._jobs: dict[Job[Any], str] = {}
        view.stop.clicked.connect(self.cancel)

    def follow(self, job: Job[Any], title: str) -> None:
        self._jobs[job] = title
        QTimer.singleShot(_SOON, self, self.show)

    @property
    def titles(self) -> list[str]:
        """Of what has not ended."""
        self._jobs = {job: title for job, title in self._jobs.items() if not job.state.is_final}
        return list(self._jobs.values())

    def show(self) -> None:
        """One by its share and rate, several by their number: the drawer has them all."""
        titles = self.titles
        if len(titles) == 1:
            ((job, title),) = self._jobs.items()
            progress = job.progress
            share = f"{progress.share:.0%}" if progress and progress.share is not None else ""
            rate = progress.note.rpartition(" · ")[2] if progress else ""
            self._view.show_running(
                " · ".join(filter(None, (shortened(title), *(("stopping",) if job.stopping else (share, rate)))))
            )
        else:
            words = f"{wording.count_of(len(titles), 'thing')} at work" if titles else ""
            self._view.show_running(words, several=bool(titles))

    def cancel(self) -> None:
        for job in list(self._jobs):
            job.cancel()
        self.show()
