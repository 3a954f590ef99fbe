"""When a window that stands open does what no timer of the system did: not in the first moment, not too often, and never
against what somebody has decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from core.backups.outcomes import Outcome, Run
from core.base.clock import Clock
from core.jobs.calendar import Schedule, last_moment

SETTLE = 45.0  # seconds after start or resume: the network may not be there yet
EVERY = 60.0
_JUMP = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=10), timedelta(hours=4)
FROM_THE_FUTURE = timedelta(minutes=5)
"""What began so much later than now began under another clock."""


class Attendance:
    """Ask it often (every few seconds) whether it is time to look for what is due.

    The wall clock decides what is due; this decides when to look: once a minute, and again only ``SETTLE`` seconds after the
    computer has slept. It has slept, or its clock was set, where the wall clock went another way than the monotonic one,
    or where nobody asked for long (not every system's monotonic clock stands still meanwhile).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall, self._steady = clock.now(), clock.monotonic()
        self._not_before = self._steady + SETTLE

    def due(self) -> bool:
        wall, steady = self._clock.now(), self._clock.monotonic()
        passed, ticked = (wall - self._wall).total_seconds(), steady - self._steady
        self._wall, self._steady = wall, steady
        if abs(passed - ticked) > _JUMP or ticked > EVERY + _JUMP:
            self._not_before = steady + SETTLE
        if steady < self._not_before:
            return False
        self._not_before = steady + EVERY
        return True


def to_catch_up(schedule: Schedule, runs: Iterable[Run], known_since: datetime, now: datetime) -> bool:
    """Whether the window should run a plan whose ``runs`` (newest first) are these.

    known_since: when the plan was written; what was scheduled before that was not meant. A run that somebody cancelled is
    not repeated, one that failed is, with growing pauses: its cause may be gone, its alerts must not come every minute.
    """
    moment = last_moment(schedule, now)
    if moment is None or moment < known_since:
        return False
    since = [run for run in runs if moment <= run.started <= now + FROM_THE_FUTURE]
    if any(run.outcome in (Outcome.DONE, Outcome.CANCELLED) for run in since):
        return False
    failed = [run for run in since if run.outcome is Outcome.FAILED]
    if not failed:
        return True
    pause: timedelta = min(_FIRST_PAUSE * 2 ** min(len(failed) - 1, 10), _LONGEST_PAUSE)
    ended = failed[0].ended or failed[0].started
    return now >= ended + pause
