"""Where jobs run: threads made on demand, and lanes that keep order."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from core.jobs.job import Job, Listener

T = TypeVar("T")


class JobRunner:
    """Runs jobs in parallel; jobs of one lane run one after the other.

    Threads are started when work waits and none is idle (at most ``max_workers``), and are daemons:
    a job that will not stop must not keep the program from leaving.
    """

    def __init__(self, max_workers: int = 16) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._max_workers = max_workers
        self._threads: list[threading.Thread] = []
        self._idle = 0  # threads that wait, and that no task in the queue is meant for
        self._waiting = 0  # tasks in the queue that no thread is meant for
        self._lock = threading.Lock()
        self._lanes: dict[str, deque[Job[Any]]] = {}
        self._live: set[Job[Any]] = set()
        self._observers: list[Listener] = []
        self._closed = False

    def observe(self, listener: Listener) -> None:
        """Hear of every job that is not quiet, from the moment it is submitted (any thread)."""
        with self._lock:
            self._observers.append(listener)

    def submit(
        self,
        title: str,
        work: Callable[[Job[T]], T],
        *,
        listener: Listener | None = None,
        room: str = "",
        lane: str | None = None,
        newest_only: bool = False,
        quiet: bool = False,
        write: bool = False,
    ) -> Job[T]:
        """Queue ``work``. Jobs of one ``lane`` keep order; ``newest_only`` drops those of the lane that still wait.

        After ``close`` the job is cancelled before it begins: a page's last timer may still ask for one.
        """
        with self._lock:
            observers = () if quiet else tuple(self._observers)
        listeners = (*((listener,) if listener else ()), *observers)
        job = Job(title, work, listeners, room=room, lane=lane, quiet=quiet, write=write)
        for observer in observers:
            observer(job)
        with self._lock:
            stale = [job] if self._closed else self._queue(job, lane, newest_only)
        for old in stale:
            old.cancel()
            with self._lock:
                self._live.discard(old)
        return job

    def _queue(self, job: Job[Any], lane: str | None, newest_only: bool) -> list[Job[Any]]:  # under the lock
        """Returns the jobs that the new one makes stale."""
        self._live.add(job)
        if lane is None:
            self._give(lambda: self._run(job))
        elif lane not in self._lanes:
            self._lanes[lane] = deque([job])
            self._give(lambda: self._drain(lane))
        else:
            waiting = self._lanes[lane]
            stale = list(waiting) if newest_only else []
            if newest_only:
                waiting.clear()
            waiting.append(job)
            return stale
        return []

    def live(self) -> list[Job[Any]]:
        """The jobs that have not ended."""
        with self._lock:
            return [job for job in self._live if not job.state.is_final]

    def close(self, timeout: float = 5.0) -> list[str]:
        """Cancel everything, wait once for all, and name what would not stop."""
        with self._lock:
            self._closed = True
            live = list(self._live)
        for job in live:
            job.cancel()
        deadline = time.monotonic() + timeout
        stuck = [job.title for job in live if not job.wait(max(0.0, deadline - time.monotonic()))]
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._tasks.put(None)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()) if stuck else None)
        return stuck

    def _give(self, task: Callable[[], None]) -> None:  # under the lock
        """Each task has a thread that is meant for it: to look how many wait would count one that has just taken its task, and
        what came next would stay in the queue until some job ended."""
        self._tasks.put(task)
        if self._idle:
            self._idle -= 1
        elif len(self._threads) < self._max_workers:
            thread = threading.Thread(target=self._serve, name=f"job-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        else:
            self._waiting += 1

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            with self._lock:
                if self._waiting:
                    self._waiting -= 1
                else:
                    self._idle += 1

    def _run(self, job: Job[Any]) -> None:
        try:
            job.run()
        finally:
            with self._lock:
                self._live.discard(job)

    def _drain(self, lane: str) -> None:
        while True:
            with self._lock:
                waiting = self._lanes[lane]
                if not waiting:
                    del self._lanes[lane]
                    return
                job = waiting.popleft()
            self._run(job)
