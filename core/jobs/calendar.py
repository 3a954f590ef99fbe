"""When a plan should run: the last and the next moment of its schedule, what was missed, and whether it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_COUNTED_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Schedule:
    """When it runs, by this computer's wall clock: at each of ``times`` ("02:00") on ``weekdays`` (none named: every day)."""

    times: tuple[str, ...] = ("02:00",)
    weekdays: tuple[str, ...] = ()

    def clock_times(self) -> tuple[time, ...]:
        return tuple(sorted(time.fromisoformat(text) for text in self.times))


def _moments(schedule: Schedule, start: datetime, step: int, zone: tzinfo | None) -> list[datetime]:
    """The scheduled moments of the local day ``start``, in UTC, ordered by ``step``."""
    day = start.date()
    if schedule.weekdays and WEEKDAYS[day.weekday()] not in schedule.weekdays:
        return []
    found = [datetime.combine(day, clock).replace(tzinfo=zone).astimezone(UTC) for clock in schedule.clock_times()]
    return sorted(found, reverse=step < 0)


def last_moment(schedule: Schedule, now: datetime, zone: tzinfo | None = None) -> datetime | None:
    """The newest scheduled moment at or before ``now`` (UTC); None where nothing is scheduled.

    zone: None is this computer's. A time that daylight saving skips falls on the moment after the gap.
    """
    return next((moment for moment in _walk(schedule, now, -1, zone) if moment <= now), None)


def next_moment(schedule: Schedule, now: datetime, zone: tzinfo | None = None) -> datetime | None:
    return next((moment for moment in _walk(schedule, now, 1, zone) if moment > now), None)


def _walk(schedule: Schedule, now: datetime, step: int, zone: tzinfo | None) -> list[datetime]:
    local = now.astimezone(zone)
    found: list[datetime] = []
    for days in range(-1, 9):  # a week, and a day more on both sides for the zone
        found += _moments(schedule, local + timedelta(days=step * days), step, zone)
    return sorted(found, reverse=step < 0)


def is_due(schedule: Schedule, last_success: datetime | None, now: datetime, zone: tzinfo | None = None) -> bool:
    """Whether a scheduled moment has passed since the last success began. Never run: due at once."""
    moment = last_moment(schedule, now, zone)
    if moment is None:
        return False
    return last_success is None or last_success < moment


def missed(schedule: Schedule, last_success: datetime | None, now: datetime, zone: tzinfo | None = None) -> int:
    """Scheduled moments since the last success that are more than an hour past (one under way is not missed)."""
    if last_success is None:
        return 0
    count, moment = 0, last_moment(schedule, now - timedelta(hours=1), zone)
    while moment is not None and moment > last_success and count < _COUNTED_AT_MOST:
        count += 1
        moment = last_moment(schedule, moment - timedelta(seconds=1), zone)
    return count
