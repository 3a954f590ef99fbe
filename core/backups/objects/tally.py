"""Many objects at once: what each did is added up, and what stops one does not stop the others, unless it would stop them all."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from core.backups.objects.values import Moved
from core.base.errors import OpsError
from core.jobs.job import Job, JobCancelled

STOPPING = ("unreachable", "credentials", "expired", "tls", "clock", "disk", "settings")
"""Codes of trouble that the next file would meet as well."""
_SAID = 5  # sentences of what was compared


class Tally:
    """Adds up what each file did; trouble that concerns one file is noted, the rest stops the work."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        self.errors = errors
        self.objects = self.size = self.reused = 0
        self.words: Counter[str] = Counter()
        self.last: OpsError | None = None

    def take(self, name: str, result: Callable[[], Moved]) -> None:
        try:
            moved = result()
        except OpsError as error:
            if error.code in STOPPING:
                raise
            self.last = error
            self.errors.append((name, error.why or error.title))
            return
        self.objects += moved.objects
        self.size += moved.size
        self.reused += moved.reused
        self.words.update(moved.words)

    def take_all(self, begun: Iterable[tuple[str, Future[Moved]]]) -> None:
        """Where one stops the work, those that wait are not begun: each would wait for the endpoint, too. What is under
        way ends, and counts."""
        stopped: BaseException | None = None
        begun = list(begun)
        for name, future in begun:
            if stopped is not None and future.cancel():
                continue
            try:
                self.take(name, future.result)
            except (OpsError, JobCancelled) as error:
                if stopped is None:
                    stopped = error
                    for _, waiting in begun:
                        waiting.cancel()
        if stopped is not None:
            raise stopped

    @contextlib.contextmanager
    def told(self, job: Job[Any], what: str, kept: Callable[[], str] = str) -> Iterator[None]:
        """Where the work is cancelled inside, say how far it came, and what of the rest stays."""
        try:
            yield
        except JobCancelled:
            job.conclude("; ".join(filter(None, (f"{self.objects:,} {what}", kept()))))
            raise

    def moved(self, started: float, *, alone: bool) -> Moved:
        if alone and self.last is not None:
            raise self.last  # one file: its own trouble says it best
        words = [
            said if count == self.objects or self.objects == 1 else f"{said} ({count:,} of {self.objects:,})"
            for said, count in self.words.most_common(_SAID)
        ]
        return Moved(self.objects, self.size, self.reused, time.monotonic() - started, tuple(self.errors), tuple(words))
