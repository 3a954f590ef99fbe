"""The dead man's check beside work that may hang: whoever waits for a server for ever tells nobody of it himself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from core.jobs.job import Job, headless_job

_EVERY = 3600.0


@contextmanager
def watched(look: Callable[[Job[Any]], object], every: float = _EVERY) -> Iterator[None]:
    """Call ``look`` every so many seconds, on a thread of its own, as long as the inside lasts.

    While a scheduled run works no scheduler starts a second one: without this a dump that waits for a lock for a week
    would keep silent for a week.
    """
    over = threading.Event()

    def ask() -> None:
        while not over.wait(every):
            try:
                look(headless_job())
            except Exception:  # the network is away, say; the next look may find it
                logging.getLogger(__name__).exception("whether plans are silent could not be looked at")

    threading.Thread(target=ask, name="dead-man", daemon=True).start()
    try:
        yield
    finally:
        over.set()
