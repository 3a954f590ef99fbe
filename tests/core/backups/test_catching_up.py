"""What the window runs by itself, and when it looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.backups.catching_up import EVERY, SETTLE, Attendance, to_catch_up
from core.backups.outcomes import Check, Outcome, Run, Verification
from core.jobs.calendar import Schedule
from core.jobs.lock import plan_lock
from tests.core.backups.conftest import Station

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOON = Schedule((NOW.astimezone().strftime("%H:%M"),))  # schedules are of this computer's wall clock
LONG_AGO = NOW - timedelta(days=400)


class HandClock:
    def __init__(self) -> None:
        self.wall, self.steady = NOW, 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def sleep(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.steady += seconds


def looks(attendance: Attendance, clock: HandClock, seconds: float, step: float = 10) -> list[float]:
    """After how many seconds it was due, asked every ``step``."""
    found, passed = [], 0.0
    while passed < seconds:
        clock.sleep(step)
        passed += step
        if attendance.due():
            found.append(passed)
    return found


def test_not_in_the_first_moment_then_every_minute() -> None:
    clock = HandClock()
    assert looks(Attendance(clock), clock, 300) == [50, 110, 170, 230, 290]


@pytest.mark.parametrize(
    "ticks_asleep", [False, True]
)  # Linux's monotonic clock stands still in a suspend, others do not
def test_after_a_resume_the_network_gets_its_time(ticks_asleep: bool) -> None:
    clock = HandClock()
    attendance = Attendance(clock)
    looks(attendance, clock, 110)
    clock.wall += timedelta(hours=8)
    clock.steady += 8 * 3600 if ticks_asleep else 0
    found = looks(attendance, clock, 120)
    assert found[0] >= SETTLE and found[1] - found[0] >= EVERY


def test_a_clock_that_goes_back_stops_nothing() -> None:
    clock = HandClock()
    attendance = Attendance(clock)
    looks(attendance, clock, 110)
    clock.wall -= timedelta(days=3)
    assert looks(attendance, clock, 120)[0] <= SETTLE + 20


def run(ago: timedelta, outcome: Outcome) -> Run:
    started = NOW - ago
    return Run(f"{started:%Y%m%dT%H%M%SZ}", "nightly", started, outcome, started + timedelta(seconds=30))


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("runs", "due"),
    [
        ([], True),
        ([run(minutes(24 * 60), Outcome.DONE)], True),
        ([run(minutes(5), Outcome.DONE)], False),
        ([run(minutes(5), Outcome.CANCELLED)], False),
        ([run(minutes(5), Outcome.FAILED)], False),
        ([run(minutes(11), Outcome.FAILED)], True),
        ([run(minutes(11), Outcome.FAILED), run(minutes(23), Outcome.FAILED)], False),
        ([run(minutes(21), Outcome.FAILED), run(minutes(33), Outcome.FAILED)], True),
        ([run(minutes(21), Outcome.FAILED), run(minutes(25), Outcome.CANCELLED)], False),
        ([run(-timedelta(days=900), Outcome.DONE)], True),  # made under a clock that was wrong
    ],
)
def test_what_is_caught_up(runs: list[Run], due: bool) -> None:
    schedule = Schedule(((NOW - timedelta(minutes=50)).astimezone().strftime("%H:%M"),))
    assert to_catch_up(schedule, runs, LONG_AGO, NOW) is due


def test_what_was_scheduled_before_the_plan_was_written_is_not_meant() -> None:
    assert not to_catch_up(NOON, [], NOW + minutes(1), NOW + minutes(2))
    assert to_catch_up(NOON, [], NOW - minutes(1), NOW + minutes(2))


def test_a_plan_that_runs_by_hand_is_never_due() -> None:
    assert not to_catch_up(Schedule(()), [], LONG_AGO, NOW)


class Later:
    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None: ...


def at(station: Station, by: timedelta) -> Station:
    station.under(clock=Later(by))
    return station


def test_the_service_knows_what_is_due(folders: Station) -> None:
    assert folders.service.due() == []  # written a moment ago
    assert at(folders, timedelta(days=1)).service.due() == ["nightly"]
    done = datetime.now(UTC) + timedelta(days=1)
    folders.service._ledger.begin_run(Run("r", "nightly", done, Outcome.RUNNING), "b")
    folders.service._ledger.end_run(Run("r", "nightly", done, Outcome.DONE, done))
    assert folders.service.due() == []
    assert at(folders, timedelta(days=2)).service.due() == ["nightly"]


def test_a_backup_from_the_future_does_not_stop_the_schedule(folders: Station) -> None:
    """The clock was years ahead when it was made."""
    later = datetime.now(UTC) + timedelta(days=900)
    folders.service._ledger.begin_run(Run("r", "nightly", later, Outcome.RUNNING), "b")
    folders.service._ledger.end_run(Run("r", "nightly", later, Outcome.DONE, later))
    assert folders.service._is_due(folders.plan)
    assert at(folders, timedelta(days=1)).service.due() == ["nightly"]


def test_which_verifications_the_window_begins(folders: Station) -> None:
    ledger, began = folders.service._ledger, datetime.now(UTC)
    assert folders.service.verifications_due() == []
    ledger.begin_run(Run("r", "nightly", began, Outcome.RUNNING), "b")
    ledger.end_run(Run("r", "nightly", began, Outcome.DONE, began))
    assert folders.service.verifications_due() == []  # somebody is at it; a day later nobody has proved it
    assert at(folders, timedelta(days=2)).service.verifications_due() == ["nightly"]

    def tried(days: float, outcome: Outcome) -> None:
        begun = Verification(0, "nightly", "r", began + timedelta(days=days), Outcome.RUNNING, 6)
        ledger.end_verification(replace(begun, id=ledger.begin_verification(begun), outcome=outcome))

    tried(2, Outcome.CANCELLED)
    assert folders.service.verifications_due() == []
    assert at(folders, timedelta(days=3.5)).service.verifications_due() == ["nightly"]
    tried(3.5, Outcome.DONE)
    assert folders.service.verifications_due() == []
    assert at(folders, timedelta(days=35)).service.verifications_due() == ["nightly"]


@pytest.mark.parametrize(
    ("outcome", "checks", "after_a_day"),
    [
        (Outcome.RUNNING, (), True),  # its process was killed
        (Outcome.FAILED, (), True),  # the endpoint was away
        (Outcome.FAILED, (Check(2, "SHA-256", False),), False),
        (Outcome.NOT_RESTORABLE_HERE, (), False),
        (Outcome.DONE, (), False),
    ],
)
def test_a_verification_that_said_nothing_is_tried_again_next_day(
    folders: Station, outcome: Outcome, checks: tuple[Check, ...], after_a_day: bool
) -> None:
    ledger, began = folders.service._ledger, datetime.now(UTC)
    ledger.begin_run(Run("r", "nightly", began, Outcome.RUNNING), "b")
    ledger.end_run(Run("r", "nightly", began, Outcome.DONE, began))
    begun = Verification(0, "nightly", "r", began, Outcome.RUNNING, 6)
    begun = replace(begun, id=ledger.begin_verification(begun))
    if outcome is not Outcome.RUNNING:
        ledger.end_verification(replace(begun, outcome=outcome, checks=checks))
        assert not at(folders, timedelta(hours=20)).service.verification_due("nightly")
    assert at(folders, timedelta(hours=25)).service.verification_due("nightly") is after_a_day
    with plan_lock(folders.service._locks, "nightly.verify"):
        assert outcome is not Outcome.RUNNING or not folders.service.verification_due("nightly")
    assert at(folders, timedelta(days=32)).service.verification_due("nightly")
