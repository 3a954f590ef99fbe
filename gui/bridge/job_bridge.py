"""The only door between worker threads and widgets."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

from core.base.errors import OpsError
from core.jobs.job import Job, JobState, Progress
from core.jobs.runner import JobRunner

_KEPT_ENDED = 100

NextStep = tuple[str, Callable[[], None]]
"""What the drawer offers after a job: words for the link, and what it does."""


class _Watch(NamedTuple):
    owner: QObject
    on_success: Callable[[Any], None] | None
    on_failure: Callable[[OpsError], None] | None
    on_cancelled: Callable[[], None] | None
    on_progress: Callable[[Progress], None] | None


@dataclass
class Activity:
    """One job as the drawer shows it. What it offers needs its owner (by ``id``), and goes with it."""

    job: Job[Any]
    owner: int = 0
    retry: Callable[[], None] | None = None
    after: Callable[[Any], NextStep | None] | None = None
    fault: OpsError | None = None
    next_step: NextStep | None = None


class JobBridge(QObject):
    """Starts jobs for widgets and calls them back on the GUI thread.

    Lives as long as the application, so no QObject is ever made or destroyed on a worker. Progress is
    coalesced: a slow window sees the newest value. A failure always arrives as an OpsError; what was not one
    is a bug of ours and is also sent to ``trouble``.
    """

    activity_changed = Signal()
    trouble = Signal(object)  # BaseException
    _wake = Signal()

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._lock = threading.Lock()
        self._changed: dict[Job[Any], None] = {}
        self._awake = False
        self._watches: dict[Job[Any], _Watch] = {}
        self._owned: dict[int, set[Job[Any]]] = {}
        self.activities: deque[Activity] = deque()
        self._wake.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def start(
        self,
        owner: QObject,
        title: str,
        work: Callable[[Job[Any]], Any],
        *,
        room: str = "",
        lane: str | None = None,
        newest_only: bool = False,
        quiet: bool = False,
        write: bool = False,
        outlives_owner: bool = False,
        on_success: Callable[[Any], None] | None = None,
        on_failure: Callable[[OpsError], None] | None = None,
        on_cancelled: Callable[[], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        after: Callable[[Any], NextStep | None] | None = None,
        can_retry: bool = False,
    ) -> Job[Any]:
        """Run ``work`` on a worker; call back on this thread while ``owner`` lives.

        quiet: not in the drawer (well under a second, or many a minute). write: closing the window asks first.
        outlives_owner: the job goes on when the page dies; otherwise it is cancelled then.
        after: makes the drawer's next step out of the result ("Show in folder").
        """
        if not shiboken6.isValid(owner):  # a timer of a page that is gone
            dead: Job[Any] = Job(title, work)
            dead.cancel()
            return dead
        watch = _Watch(owner, on_success, on_failure, on_cancelled, on_progress)
        gate = threading.Event()

        def gated(job: Job[Any]) -> Any:  # the watch is in place before the work begins
            gate.wait()
            return work(job)

        job = self._runner.submit(
            title, gated, listener=self._heard, room=room, lane=lane, newest_only=newest_only, quiet=quiet, write=write
        )
        self._watches[job] = watch
        if id(owner) not in self._owned:  # one connection per owner, however many jobs
            self._owned[id(owner)] = set()
            owner.destroyed.connect(partial(self._owner_gone, id(owner)))
        if not outlives_owner:
            self._owned[id(owner)].add(job)
        if not quiet:
            retry = partial(
                self._again, owner, title, work, room=room, lane=lane, newest_only=newest_only, write=write,
                outlives_owner=outlives_owner, on_success=on_success, on_failure=on_failure, on_cancelled=on_cancelled,
                on_progress=on_progress, after=after, can_retry=True,
            )  # fmt: skip
            self.activities.appendleft(Activity(job, id(owner), retry if can_retry else None, after))
            self._forget_old()
            self.activity_changed.emit()
        gate.set()
        return job

    def running(self) -> list[Job[Any]]:
        """Jobs that have not ended, the quiet ones too."""
        return self._runner.live()

    def clear_finished(self) -> None:
        self.activities = deque(entry for entry in self.activities if not entry.job.state.is_final)
        self.activity_changed.emit()

    def dismiss(self, activity: Activity) -> None:
        if activity in self.activities:
            self.activities.remove(activity)
            self.activity_changed.emit()

    def _again(self, owner: QObject, title: str, work: Callable[[Job[Any]], Any], **options: Any) -> None:
        if shiboken6.isValid(owner):
            self.start(owner, title, work, **options)

    def _forget_old(self) -> None:
        ended = [entry for entry in self.activities if entry.job.state.is_final]
        for entry in ended[_KEPT_ENDED:]:
            self.activities.remove(entry)

    def _owner_gone(self, owner_id: int, *_: object) -> None:
        for job in self._owned.pop(owner_id, set()):
            job.cancel()
        orphans = [entry for entry in self.activities if entry.owner == owner_id]
        for entry in orphans:
            entry.owner, entry.retry, entry.next_step = 0, None, None
        if orphans and shiboken6.isValid(self):
            self.activity_changed.emit()

    def _heard(self, job: Job[Any]) -> None:  # any thread
        with self._lock:
            self._changed[job] = None
            if self._awake:
                return
            self._awake = True
        if shiboken6.isValid(self):
            self._wake.emit()

    def _deliver(self) -> None:  # GUI thread
        with self._lock:
            changed, self._changed = self._changed, {}
            self._awake = False
        loud = False
        for job in changed:
            loud = loud or not job.quiet
            watch = self._watches.get(job)
            if watch is None:
                continue
            if not job.state.is_final:
                if watch.on_progress and job.progress is not None and shiboken6.isValid(watch.owner):
                    watch.on_progress(job.progress)
                continue
            del self._watches[job]
            self._owned.get(id(watch.owner), set()).discard(job)
            self._tell_end(job, watch)
        if loud:
            self.activity_changed.emit()

    def _tell_end(self, job: Job[Any], watch: _Watch) -> None:
        activity = next((entry for entry in self.activities if entry.job is job), None)
        alive = shiboken6.isValid(watch.owner)
        if job.state is JobState.SUCCEEDED:
            if activity is not None and activity.after is not None and alive:
                activity.next_step = activity.after(job.result)
            if alive and watch.on_success:
                watch.on_success(job.result)
        elif job.state is JobState.FAILED and job.error is not None:
            fault = self.fault(job.title, job.error)
            if activity is not None:
                activity.fault = fault
            if alive and watch.on_failure:
                watch.on_failure(fault)
        elif job.state is JobState.CANCELLED and alive and watch.on_cancelled:
            watch.on_cancelled()

    def fault(self, title: str, error: BaseException) -> OpsError:
        """What stopped the work of this title, in words; a bug of ours is also sent to ``trouble``."""
        if isinstance(error, OpsError):
            return error
        self.trouble.emit(error)
        return OpsError(
            f"{title} stopped unexpectedly",
            f"{type(error).__name__}: {error}",
            "This is a fault of Opsdesk; the journal has the details",
            code="bug",
        )
