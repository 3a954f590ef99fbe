"""The rules speak up before it is too late; the calendar knows what is due across days, zones and missed nights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backups.lifecycle import Expiry
from core.backups.outcomes import Backup, Check, Delivery, Finding, Outcome, Run, Severity, Status, Verification
from core.backups.plan import Alerts, Plan, Proof, Retention, Source, Target
from core.backups.report import as_html
from core.backups.rules import Evidence, plan_status, retention
from core.backups.vault import expiry_of
from core.base.errors import OpsError
from core.jobs.calendar import Schedule, is_due, last_moment, missed, next_moment

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
PLAN = Plan("nightly", Source("mysql", "shop", ("shop",)), Target("bucket"))


def backup(age: timedelta, *, proved: bool = False, complete: bool = True, days: int | None = 60) -> Backup:
    expires = expiry_of(NOW - age, days) if days else None
    return Backup("x", "nightly", "k", NOW - age, 100, complete, expires, NOW - age if proved else None)


def proof(age: timedelta, outcome: Outcome = Outcome.DONE, level: int = 6) -> Verification:
    checks = (Check(3, "restore", False, actual="1064"),) if outcome is Outcome.FAILED else ()
    return Verification(1, "nightly", "x", NOW - age, outcome, level, checks, rto_seconds=42.0)


def run(age: timedelta, outcome: Outcome = Outcome.DONE, error: str = "") -> Run:
    return Run("x", "nightly", NOW - age, outcome, error=error)


def rules(seen: Evidence) -> set[str]:
    return {finding.rule for finding in plan_status(seen).findings}


@pytest.fixture(autouse=True, scope="module")
def greenwich() -> Iterator[None]:
    """A plan runs at two by the clock on the wall: in many zones that is between the last run here and ``NOW``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOOD = Evidence(
    PLAN, NOW, [backup(12 * HOUR, proved=True)], runs=[run(12 * HOUR)], verifications=[proof(11 * HOUR)], expiry_days=60
)


def test_all_is_well() -> None:
    status = plan_status(GOOD)
    assert status.status is Status.OK
    assert status.findings == ()
    assert status.rto == timedelta(seconds=42)
    assert status.rpo_actual == status.rpo_proven == 12 * HOUR
    assert status.next_run and status.next_run > NOW


@pytest.mark.parametrize(("days", "stands"), [(60, True), (52, True), (51, False), (30, False)])
def test_retention_against_the_time_to_find_a_problem(days: int, stands: bool) -> None:
    plan = replace(PLAN, retention=Retention(days))
    assert ("retention" not in {finding.rule for finding in retention(plan, None, known=False)}) is stands


@pytest.mark.parametrize(
    ("plan_days", "expiry", "words"),
    [(30, None, "are meant to be kept 30 days"), (30, 90, "are meant to be kept 30 days"), (90, 30, "are deleted after 30 days")],
)  # fmt: skip
def test_what_is_only_meant_is_not_told_as_what_happens(plan_days: int, expiry: int | None, words: str) -> None:
    plan = replace(PLAN, retention=Retention(plan_days))
    for known in (True, False) if expiry is None else (True,):
        assert words in next(iter(retention(plan, expiry, known=known))).title


@pytest.mark.parametrize(("minutes", "status"), [(0, Status.OK), (1, Status.STALE)])
def test_a_proof_is_stale_a_quarter_after_its_interval(minutes: int, status: Status) -> None:
    age = timedelta(days=31 * 1.25, minutes=minutes)
    assert plan_status(replace(GOOD, verifications=[proof(age)])).status is status


def test_half_of_what_the_bucket_really_keeps_counts() -> None:
    old = replace(GOOD, backups=[backup(16 * DAY, proved=True, days=30)], expiry_days=30)
    assert "half-retention" in rules(old) and "half-retention" not in rules(replace(old, expiry_days=60))


def test_the_buckets_own_expiry_counts() -> None:
    assert "retention" in rules(replace(GOOD, expiry_days=30))
    assert "expiry-differs" in rules(replace(GOOD, expiry_days=90))
    assert "no-expiry" in rules(replace(GOOD, expiry_days=None))
    assert "no-expiry" not in rules(replace(GOOD, expiry_days=None, expiry_known=False))


@pytest.mark.parametrize(
    ("change", "status", "rule"),
    [
        ({"verifications": []}, Status.NEVER, "never-verified"),
        ({"verifications": [proof(HOUR, level=2)]}, Status.NEVER, "never-verified"),
        ({"verifications": [proof(HOUR, Outcome.CANCELLED)]}, Status.NEVER, "never-verified"),
        ({"verifications": [proof(HOUR, Outcome.FAILED), proof(DAY)]}, Status.FAILED, "verification-failed"),
        (
            {"verifications": [proof(HOUR, Outcome.NOT_RESTORABLE_HERE)]},
            Status.NOT_RESTORABLE_HERE,
            "not-restorable-here",
        ),
        ({"verifications": [proof(40 * DAY)]}, Status.STALE, "stale"),
        ({"backups": [backup(27 * HOUR, proved=True)]}, Status.STALE, "silence"),
        ({"backups": [backup(31 * DAY, proved=True)]}, Status.STALE, "half-retention"),
        ({"working": True}, Status.RUNNING, ""),
        ({"runs": [run(HOUR, Outcome.FAILED, "it broke"), run(12 * HOUR)]}, Status.OK, "run-failed"),
        ({"backups": []}, Status.FAILED, "all-gone"),  # proved once, and nothing is left: that is not green
        ({"backups": [], "runs": [], "verifications": []}, Status.NEVER, "never-run"),
        ({"backups": [backup(HOUR)]}, Status.STALE, "proof-gone"),
        ({"backups": [backup(-900 * DAY), backup(HOUR, proved=True)]}, Status.OK, "clock"),
        (
            {"backups": [replace(backup(HOUR), failed=NOW), backup(13 * HOUR, proved=True)]},
            Status.FAILED,
            "verification-failed",
        ),
        ({"backups": [backup(-900 * DAY), backup(27 * HOUR, proved=True)]}, Status.STALE, "silence"),
        ({"deliveries": [Delivery("desktop", "me", False, NOW, "s", "refused")]}, Status.OK, "alert-undelivered"),
        ({"unreachable": OpsError("gone")}, Status.STALE, "unreachable"),
        ({"notes": (Finding(Severity.WARNING, "role-may-delete", "x"),)}, Status.OK, "role-may-delete"),
    ],
)
def test_each_rule_speaks(change: dict[str, object], status: Status, rule: str) -> None:
    seen = replace(GOOD, **change)  # type: ignore[arg-type]
    assert plan_status(seen).status is status
    assert not rule or rule in rules(seen)


def test_a_cancelled_run_does_not_hide_the_failed_one_before_it() -> None:
    failed, cancelled = run(DAY, Outcome.FAILED, "denied"), run(HOUR, Outcome.CANCELLED)
    assert "run-failed" in rules(replace(GOOD, runs=[cancelled, failed, run(2 * DAY)]))
    assert "run-failed" not in rules(replace(GOOD, runs=[cancelled, run(2 * DAY), failed]))


@pytest.mark.parametrize(
    ("schedule", "hours"),
    [
        (Schedule(), 26),
        (Schedule(()), 26),
        (Schedule(("02:00", "14:00")), 26),  # rather told late than wrongly
        (Schedule(("02:00",), ("sun",)), 7 * 24 + 2),
        (Schedule(("02:00", "20:00"), ("mon", "fri")), 4 * 24 - 18 + 2),
    ],
)
def test_nobody_is_alarmed_between_two_runs_of_the_schedule(schedule: Schedule, hours: int) -> None:
    plan = replace(PLAN, schedule=schedule)
    assert plan.silence == timedelta(hours=hours)
    assert replace(plan, alerts=Alerts(silence_hours=1)).silence == timedelta(hours=1)  # somebody wants it so
    last = backup(timedelta(hours=hours - 1), proved=True)
    seen = replace(GOOD, plan=plan, backups=[last], verifications=[proof(DAY)])
    assert "silence" not in rules(seen) and plan_status(seen).status is Status.OK
    assert "silence" in rules(replace(seen, now=NOW + timedelta(hours=2)))


def test_backups_of_another_computer_are_told_apart() -> None:
    other = replace(backup(HOUR), id="other")
    assert "other-computer" in rules(replace(GOOD, backups=[other, *GOOD.backups]))
    before = replace(backup(2 * DAY), id="other")  # taken over from the computer that was here before
    assert "other-computer" not in rules(replace(GOOD, backups=[*GOOD.backups, before]))
    assert "other-computer" not in rules(replace(GOOD, backups=[other], runs=[]))


def test_a_proof_does_not_outlive_the_failure_of_the_same_backup() -> None:
    other = replace(proof(3 * DAY), run="other")
    seen = replace(GOOD, verifications=[proof(HOUR, Outcome.FAILED), proof(2 * HOUR), other])
    assert plan_status(seen).last_proof == other
    assert plan_status(replace(seen, verifications=seen.verifications[:2])).last_proof is None


def test_the_day_on_which_the_last_proof_vanishes_is_told() -> None:
    seen = replace(GOOD, backups=[backup(HOUR), backup(30 * DAY, proved=True)], verifications=[proof(10 * DAY)])
    status = plan_status(seen)
    assert status.proof_vanishes == expiry_of(NOW - 30 * DAY, 60)
    assert "proof-vanishes" not in rules(seen)
    plan = replace(PLAN, retention=Retention(40, 5, 4), proof=Proof(31))
    soon = [backup(HOUR, days=40), backup(30 * DAY, proved=True, days=40)]
    late = replace(seen, plan=plan, backups=soon, expiry_days=40, expires_by=lambda *_: "by the bucket's rule R")
    assert "proof-vanishes" in rules(late)
    due = replace(seen, verifications=[proof(31 * DAY)])  # from here on the next verification is not earlier than now
    assert "proof-vanishes" not in rules(replace(due, now=NOW + 22 * DAY))
    assert "proof-vanishes" in rules(replace(due, now=NOW + 24 * DAY))
    finding = next(finding for finding in plan_status(late).findings if finding.rule == "proof-vanishes")
    assert finding.why.startswith("By the bucket's rule R.")


def test_a_proof_that_nothing_deletes_does_not_vanish() -> None:
    proven = [backup(30 * DAY, proved=True, days=None), backup(40 * DAY, proved=True)]
    status = plan_status(replace(GOOD, backups=[backup(HOUR), *proven], expires_by=lambda *_: "no rule deletes it"))
    assert status.proof_vanishes is None and status.proof_vanishes_by == "no rule deletes it"


RULE = {"ID": "ours", "Status": "Enabled", "Filter": {"Prefix": "nightly/"}, "Expiration": {"Days": 30}}


def test_what_deletes_a_backup_is_said_as_it_is() -> None:
    made = datetime(2026, 1, 1, 10, tzinfo=UTC)
    by_rule = Expiry(PLAN, (RULE, {**RULE, "ID": "later", "Expiration": {"Days": 90}}))
    assert by_rule.days == 30
    assert by_rule.of("nightly/k", 1, made) == datetime(2026, 2, 1, tzinfo=UTC)
    assert by_rule.by("nightly/k", 1, made) == "by the bucket's rule ours"
    none = Expiry(PLAN, ({**RULE, "Filter": {"Prefix": "other/"}},))
    assert none.days is None and none.of("nightly/k", 1, made) is None
    assert none.by("nightly/k", 1, made) == "no rule of the bucket deletes it"
    blind = Expiry(PLAN, known=False)
    assert blind.of("nightly/k", 1, made) == expiry_of(made, 60) and "cannot be read" in blind.by("nightly/k", 1, made)


def test_expiry_is_rounded_up_to_midnight() -> None:
    assert expiry_of(datetime(2026, 1, 1, 10, tzinfo=UTC), 1) == datetime(2026, 1, 3, tzinfo=UTC)
    assert expiry_of(datetime(2026, 1, 1, tzinfo=UTC), 1) == datetime(2026, 1, 2, tzinfo=UTC)


# -- the calendar -------------------------------------------------------------
BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY = Schedule(("02:00",))


def test_last_and_next() -> None:
    assert last_moment(NIGHTLY, NOW, UTC) == datetime(2026, 11, 22, 2, tzinfo=UTC)
    assert next_moment(NIGHTLY, NOW, UTC) == datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert next_moment(NIGHTLY, NOW, BERLIN) == datetime(2026, 11, 23, 1, tzinfo=UTC)
    weekly = Schedule(("02:00", "14:30"), ("wed",))
    assert next_moment(weekly, NOW, UTC) == datetime(2026, 11, 25, 2, tzinfo=UTC)
    assert last_moment(weekly, NOW, UTC) == datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
    assert next_moment(Schedule(()), NOW, UTC) is None and last_moment(Schedule(()), NOW, UTC) is None


def test_daylight_saving_neither_skips_nor_doubles_a_day() -> None:
    moment, days = datetime(2026, 3, 25, tzinfo=UTC), []
    while moment < datetime(2026, 11, 5, tzinfo=UTC):
        found = next_moment(Schedule(("02:30",)), moment, BERLIN)
        assert found
        days.append(found.astimezone(BERLIN).date())
        moment = found
    assert len(days) == len(set(days)) == (days[-1] - days[0]).days + 1


def test_due_until_a_run_began_after_the_moment() -> None:
    two = datetime(2026, 11, 22, 2, tzinfo=UTC)
    assert is_due(NIGHTLY, None, NOW, UTC)
    assert is_due(NIGHTLY, two - HOUR, NOW, UTC)
    assert not is_due(NIGHTLY, two + HOUR, NOW, UTC)
    assert not is_due(Schedule(()), None, NOW, UTC)


def test_missed_nights_are_counted_and_one_under_way_is_not() -> None:
    assert missed(NIGHTLY, NOW - 12 * HOUR, NOW, UTC) == 0
    assert missed(NIGHTLY, NOW - timedelta(days=3), NOW, UTC) == 3
    assert missed(NIGHTLY, None, NOW, UTC) == 0
    just_now = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
    assert missed(NIGHTLY, just_now - timedelta(hours=20), just_now, UTC) == 0


@given(
    st.lists(st.times().map(lambda value: f"{value:%H:%M}"), min_size=1, max_size=3),
    st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), max_size=4),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"]),
)
def test_moments_lie_around_now_and_keep_their_weekday(
    times: list[str], days: set[str], now: datetime, zone: str
) -> None:
    schedule, moment = Schedule(tuple(times), tuple(sorted(days))), now.replace(tzinfo=UTC)
    before, after = last_moment(schedule, moment, ZoneInfo(zone)), next_moment(schedule, moment, ZoneInfo(zone))
    assert before and after and before <= moment < after
    assert next_moment(schedule, before, ZoneInfo(zone)) == after


def test_silence_is_told_also_where_the_bucket_cannot_be_asked() -> None:
    away = OpsError("The endpoint does not answer", "refused")
    seen = replace(GOOD, unreachable=away, backups=[])
    assert "silence" not in rules(seen)
    assert "silence" in rules(replace(seen, runs=[run(3 * DAY)]))
    assert "silence" in rules(replace(seen, runs=[run(HOUR, Outcome.FAILED, "no"), run(3 * DAY)]))


def test_a_proof_from_the_future_does_not_hold_for_ever() -> None:
    seen = replace(GOOD, verifications=[proof(-400 * DAY)])
    status = plan_status(seen)
    assert status.status is Status.STALE and "stale" in rules(seen)
    assert status.next_verification and status.next_verification <= NOW + 31 * DAY


def test_an_old_proof_is_told_also_where_it_can_no_longer_be_repeated() -> None:
    """The scratch server was removed: every verification since says only that it is not restorable here."""
    past = [proof(HOUR, Outcome.NOT_RESTORABLE_HERE), proof(90 * DAY)]
    assert {"not-restorable-here", "stale"} <= rules(replace(GOOD, verifications=past))
    assert "stale" not in rules(replace(GOOD, verifications=[past[0], proof(9 * DAY)]))


def test_a_channel_that_the_plan_no_longer_has_is_no_trouble() -> None:
    lost = [Delivery("smtp", "me", False, NOW, "s", "refused")]
    assert "alert-undelivered" not in rules(replace(GOOD, deliveries=lost))
    mailing = replace(PLAN, alerts=Alerts(smtp_host="mail", smtp_from="a", smtp_to=("me",)))
    assert "alert-undelivered" in rules(replace(GOOD, plan=mailing, deliveries=lost))


@pytest.mark.parametrize(
    ("outcome", "level", "said"),
    [
        (Outcome.DONE, 6, "proved by restoring it"),
        (Outcome.DONE, 2, "readable, not restored"),
        (Outcome.FAILED, 6, "FAILED"),
        (Outcome.NOT_RESTORABLE_HERE, 2, "readable, not proven"),
    ],
)
def test_the_first_line_of_the_evidence_is_its_verdict(outcome: Outcome, level: int, said: str) -> None:
    page = as_html(replace(proof(timedelta(), outcome, level), rpo_seconds=2160.6))
    assert f"<h1>Verification of nightly: {said}</h1>" in page
    assert "42.0 s" in page and "36.0 min" in page
