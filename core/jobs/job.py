"""One piece of long work: it reports, it can be stopped, it ends exactly once."""

from __future__ import annotations

import enum
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")

_numbers = itertools.count(1)
_REPORT_INTERVAL = 0.05  # at most 20 progress values a second reach a listener


class JobState(enum.Enum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


class JobCancelled(Exception):
    """Raised inside the work when the user asked it to stop."""


class Progress(NamedTuple):
    """How far the work is: ``done`` of ``total`` (None: unknown), and a short note in plain words."""

    done: float
    total: float | None = None
    note: str = ""

    @property
    def share(self) -> float | None:
        """0..1, or None when the total is not known."""
        return min(1.0, self.done / self.total) if self.total else None


Listener = Callable[["Job[Any]"], None]
"""Called, from any thread, after a job changed: progress, start or end. Must be quick and must not raise."""


class Job(Generic[T]):
    """Handle shared by the worker and whoever asked; safe from any thread.

    ``write`` marks work that changes something outside (closing the window asks about it first);
    ``quiet`` marks work too small for the activity drawer and the history.
    """

    def __init__(
        self,
        title: str,
        work: Callable[[Job[T]], T],
        listeners: tuple[Listener, ...] = (),
        *,
        room: str = "",
        lane: str | None = None,
        quiet: bool = False,
        write: bool = False,
    ) -> None:
        self.number = next(_numbers)
        self.title, self.room, self.lane = title, room, lane
        self.quiet, self.write = quiet, write
        self.created = datetime.now(UTC)
        self.started: float | None = None  # monotonic seconds
        self.seconds: float | None = None  # how long it ran, once ended
        self.progress: Progress | None = None
        self.state = JobState.QUEUED
        self.result: T | None = None
        self.error: BaseException | None = None
        self._work, self._listeners = work, listeners
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._stop = threading.Event()
        self.concluded = False  # the note of its progress is its last word
        self.bad_news = False  # done, and what came out is no good: a proof that was refuted
        self._committed = False
        self._reported = 0.0
        self._interrupters: list[Callable[[], None]] = []

    # -- asked by the owner -------------------------------------------------
    def cancel(self) -> bool:
        """Ask to stop: a queued job ends now, a running one at its next checkpoint. False: too late."""
        with self._lock:
            if self.state.is_final or self._committed:
                return False
            self._stop.set()
            queued = self.state is JobState.QUEUED
            interrupters = list(self._interrupters)
        if queued:
            self._finish(JobState.CANCELLED)
        for interrupt in interrupters:
            interrupt()
        return True

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the job has ended (never on the GUI thread); False on time-out."""
        return self._ended.wait(timeout)

    # -- used by the work ---------------------------------------------------
    def report(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the work is; also a checkpoint. Cheap: listeners hear at most 20 values a second."""
        self.checkpoint()
        self.progress = Progress(done, total, note)
        now = time.monotonic()
        if now - self._reported >= _REPORT_INTERVAL:
            self._reported = now
            self._tell()

    def conclude(self, note: str, *, good: bool = True) -> None:
        """The last word on work that is done, or was stopped after it had done something: the drawer and the history keep it,
        where progress would stay as it was last reported. No checkpoint: what is done is done."""
        self.progress, self.concluded, self.bad_news = Progress(1, 1, note), True, not good

    def checkpoint(self) -> None:
        """Raise JobCancelled if a stop was asked for."""
        if self._stop.is_set():
            raise JobCancelled(self.title)

    def sleep(self, seconds: float) -> None:
        """Wait, but wake at once for a cancel (which raises JobCancelled)."""
        if self._stop.wait(seconds):
            raise JobCancelled(self.title)

    def commit(self) -> None:
        """Point of no return: past it a late cancel is refused instead of lying."""
        with self._lock:
            if self._stop.is_set():
                raise JobCancelled(self.title)
            self._committed = True

    @contextmanager
    def interruptible(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """While inside, cancel() also calls ``interrupt`` (for example closing a cursor)."""
        with self._lock:
            if self._stop.is_set():  # asked to stop just before the door opened
                raise JobCancelled(self.title)
            self._interrupters.append(interrupt)
        try:
            yield
        finally:
            with self._lock:
                self._interrupters.remove(interrupt)

    # -- used by the runner -------------------------------------------------
    def run(self) -> None:
        with self._lock:
            if self.state is not JobState.QUEUED:
                return
            self.state = JobState.RUNNING
            self.started = time.monotonic()
        self._tell()
        try:
            result = self._work(self)
        except JobCancelled:
            self._finish(JobState.CANCELLED)
        except BaseException as error:  # the owner decides how to show it
            self._finish(JobState.CANCELLED if self._stop.is_set() else JobState.FAILED, error=error)
        else:
            cancelled = self._stop.is_set() and not self._committed
            self._finish(JobState.CANCELLED if cancelled else JobState.SUCCEEDED, result=result)

    def _finish(self, state: JobState, result: T | None = None, error: BaseException | None = None) -> None:
        with self._lock:
            if self.state.is_final:
                return
            self.result, self.error, self.state = result, error, state
            self.seconds = time.monotonic() - self.started if self.started is not None else 0.0
        try:
            self._tell()  # before the waiters wake: whoever waited finds the history written
        finally:
            self._ended.set()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener(self)


def headless_job(title: str = "command") -> Job[Any]:
    """A job handle for callers without a runner (verbs, tests): it can be reported to and cancelled, nothing listens."""
    return Job(title, lambda _job: None)
