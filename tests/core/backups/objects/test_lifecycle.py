"""Lifecycle rules: what S3 would refuse, merging without loss, differences, and what is gone on a date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backups.objects.fate import end_of, fate
from core.backups.objects.lifecycle import (
    Lifecycle,
    Rule,
    check,
    difference,
    expiry,
    in_words,
    merged,
    rule,
)
from core.backups.objects.values import Entry
from core.base.errors import OpsError, WrongUse
from core.jobs.job import headless_job

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
FOREIGN = {
    "ID": "theirs",
    "Status": "Enabled",
    "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "t", "Value": "v"}], "ObjectSizeGreaterThan": 10}},
    "Transitions": [{"Days": 90, "StorageClass": "GLACIER"}],
    "SomethingNew": {"Kept": True},
}


def aged(key: str, days: float, size: int = 1) -> Entry:
    return Entry(key, size, NOW - timedelta(days=days), "STANDARD")


def ends(entry: Entry, rules: list[Rule]) -> datetime | None:
    found = expiry(entry, rules)
    return found[0] if found else None


def test_days_count_to_the_next_midnight() -> None:
    rules = [rule("r", expire_days=3)]
    made = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
    assert ends(Entry("k", 1, made), rules) == datetime(2026, 1, 19, tzinfo=UTC)  # the user guide's own example
    midnight = datetime(2026, 1, 15, tzinfo=UTC)
    assert ends(Entry("k", 1, midnight), rules) == datetime(2026, 1, 18, tzinfo=UTC)


def test_what_will_be_gone_on_a_day() -> None:
    pages = [[aged("db/old", 70, 100), aged("db/new", 1, 10)], [aged("other", 500)]]
    rules = [rule("db", "db/", expire_days=60), rule("off", "", enabled=False, expire_days=1)]
    today = fate(pages, rules, NOW)
    assert (today.looked, today.gone, today.gone_size, today.examples, today.kept) == (3, 1, 100, ["db/old"], 2)
    later = fate(pages, rules, NOW + timedelta(days=61))
    assert later.gone == 2 and later.newest_gone == NOW - timedelta(days=1) and not later.all_gone
    assert fate(pages, [rule("t", transition=(30, "STANDARD_IA"))], NOW).moved == {}  # S3 moves nothing below 128 KB
    pages[1].append(aged("large", 40, 1 << 20))
    colder = fate(pages, [rule("t", transition=(30, "STANDARD_IA"))], NOW)
    assert colder.moved == {"STANDARD_IA": 1} and "1 object will lie in STANDARD_IA" in colder.in_words
    archived = [rule("t", transition=(30, "GLACIER"))]
    assert fate(pages, archived, NOW, small_objects="varies_by_storage_class").moved == {"GLACIER": 3}
    sized = [{**archived[0], "Filter": {"ObjectSizeLessThan": 1000}}]  # a rule that names sizes means the small ones
    assert fate(pages, sized, NOW).moved == {"GLACIER": 2}
    assert (
        fate([[replace(pages[1][1], storage_class="DEEP_ARCHIVE")]], archived, NOW).moved == {}
    )  # never back to warmer
    assert fate([], rules, NOW).all_gone is False


def test_what_goes_at_midnight_is_there_all_the_day_before() -> None:
    """As the plan's page says it of the last proof, and S3 in its header."""
    made = datetime(2026, 11, 29, 13, 59, tzinfo=UTC)
    rules = [rule("n", expire_days=60)]
    assert ends(Entry("k", 1, made), rules) == datetime(2027, 1, 29, tzinfo=UTC)
    assert "none of the 1 object" in fate([[Entry("k", 1, made)]], rules, end_of(date(2027, 1, 28))).in_words
    assert "By 29 Jan 2027, 1 of 1 object" in fate([[Entry("k", 1, made)]], rules, end_of(date(2027, 1, 29))).in_words


def chain(key: str, *ages: float, marker: bool = False) -> list[Entry]:
    """Versions written so many days ago, newest first; each is old since the one before it was written."""
    return [
        Entry(
            key, 0 if marker and number == 0 else 10, NOW - timedelta(days=age), "STANDARD", version=str(number),
            latest=number == 0, delete_marker=marker and number == 0,
        )
        for number, age in enumerate(ages)
    ]  # fmt: skip


def test_old_versions_go_by_the_day_they_became_old() -> None:
    versions = chain("k", 5, 40, 300)  # old since 5 and since 40 days
    found = fate([versions], [rule("n", noncurrent_days=30)], NOW, keeps_versions=True)
    assert (found.looked, found.gone, found.old, found.old_gone, found.old_gone_size) == (1, 0, 2, 1, 10)
    assert (
        fate([versions], [rule("n", noncurrent_days=30)], NOW + timedelta(days=30), keeps_versions=True).old_gone == 2
    )
    keep = [rule("n", noncurrent_days=1, keep_versions=1)]
    assert fate([versions], keep, NOW + timedelta(days=900), keeps_versions=True).old_gone == 1
    assert fate([versions[:1], versions[1:]], [rule("n", noncurrent_days=30)], NOW, keeps_versions=True).old_gone == 1


def test_old_versions_move_by_the_day_they_became_old() -> None:
    versions = [replace(entry, size=1 << 20) for entry in chain("k", 5, 40, 300, 310)]  # old since 5, 40 and 300 days
    moves = {
        **rule("n", noncurrent_days=200),
        "NoncurrentVersionTransitions": [
            {"NoncurrentDays": 30, "StorageClass": "STANDARD_IA"},
            {"NoncurrentDays": 90, "StorageClass": "GLACIER", "NewerNoncurrentVersions": 2},
        ],
    }
    assert "old versions to STANDARD_IA after 30 days" in in_words(moves)
    found = fate([versions], [moves], NOW, keeps_versions=True)
    assert (found.old, found.old_gone, found.old_moved) == (3, 1, {"STANDARD_IA": 1})
    later = fate(
        [versions], [moves], NOW + timedelta(days=60), keeps_versions=True
    )  # two newer ones are kept from GLACIER
    assert (later.old_gone, later.old_moved) == (1, {"STANDARD_IA": 2})
    stays = {**moves, "NoncurrentVersionExpiration": {"NoncurrentDays": 900}}
    assert fate([versions], [stays], NOW, keeps_versions=True).old_moved == {"STANDARD_IA": 1, "GLACIER": 1}


def test_an_expired_object_stays_as_a_version_until_that_goes_too() -> None:
    rules = [rule("r", expire_days=60, noncurrent_days=7)]
    on = NOW - timedelta(days=100) + timedelta(days=62)
    found = fate([chain("k", 100)], rules, on, keeps_versions=True)
    assert (found.gone, found.restorable) == (1, 1)
    found = fate([chain("k", 100)], rules, on + timedelta(days=8), keeps_versions=True)
    assert (found.gone, found.restorable) == (1, 0)
    assert fate([chain("k", 100)], rules, on).restorable == 0  # no versions are kept: gone is gone


def test_a_delete_marker_goes_when_it_hides_nothing_any_more() -> None:
    rules = [rule("m", markers=True), rule("n", noncurrent_days=30)]
    versions = chain("k", 10, 50, marker=True)
    assert fate([versions], rules, NOW, keeps_versions=True).markers_gone == 0
    later = fate([versions], rules, NOW + timedelta(days=30), keeps_versions=True)
    assert (later.old_gone, later.markers_gone, later.looked) == (1, 1, 0)


def test_rules_by_tag_ask_for_tags_only_where_it_matters() -> None:
    tagged = {**rule("t", "", expire_days=30), "Filter": {"Tag": {"Key": "keep", "Value": "no"}}}
    asked: list[str] = []

    def tags(entry: Entry) -> dict[str, str] | None:
        asked.append(entry.key)
        return {"a": {"keep": "no", "more": "x"}, "b": {"keep": "yes"}}.get(entry.key)

    pages = [[aged("a", 70), aged("b", 70), aged("c", 70), aged("young", 1)]]
    found = fate(pages, [tagged], NOW, tags=tags)
    assert (found.gone, found.examples, found.unsure, asked) == (1, ["a"], 1, ["a", "b", "c"])
    assert fate(pages, [tagged], NOW).unsure == 3


@given(st.integers(1, 4000), st.integers(0, 5000), st.integers(0, 86_399))
def test_an_object_is_gone_exactly_from_its_moment(days: int, age: int, second: int) -> None:
    made = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=age, seconds=second)
    rules = [rule("r", expire_days=days)]
    end = ends(Entry("k", 1, made), rules)
    assert end is not None
    assert timedelta(days=days) <= end - made < timedelta(days=days + 1)
    assert fate([[Entry("k", 1, made)]], rules, end - timedelta(microseconds=1)).gone == 0
    assert fate([[Entry("k", 1, made)]], rules, end).gone == 1


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (rule("r"), "does nothing"),
        (rule("r", expire_days=0), "at least 1 day"),
        (rule("r", transition=(1, "STANDARD_IA")), "30 days at the earliest"),
        (rule("r", transition=(60, "GLACIER"), expire_days=60), "what is gone"),
        (rule("r", transition=(60, "FLOPPY")), "no class"),
        (rule("r", noncurrent_days=0), "old versions"),
        ({**rule("r", expire_days=1), "Status": "On"}, "neither enabled"),
        ({**rule("r", expire_days=1), "Prefix": "x"}, "twice"),
        ({**rule("r", expire_days=1), "Expiration": {"Date": NOW}}, "midnight"),
        ({**rule("r", expire_days=1), "Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "only one"),
        ({**FOREIGN, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}, "neither tags nor sizes"),
        ({**rule("r"), "Transitions": [{"Days": 40, "StorageClass": "GLACIER"}, {"Days": 90, "StorageClass": "STANDARD_IA"}]}, "not colder"),
        ({**rule("r"), "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 40, "StorageClass": "GLACIER"}]}, "stay at least 30"),
    ],
)  # fmt: skip
def test_what_s3_would_refuse_is_refused_here(bad, words: str) -> None:
    assert any(words in problem for problem in check([bad])), check([bad])


def test_sound_rules_pass() -> None:
    sound = [
        FOREIGN,
        rule(
            "a", "db/", expire_days=60, noncurrent_days=7, keep_versions=2, abort_days=3, transition=(30, "STANDARD_IA")
        ),
        rule("b", markers=True),
        {**rule("c", expire_days=1), "Expiration": {"Date": datetime(2027, 1, 1, tzinfo=UTC)}},
    ]
    assert check(sound) == []
    assert check([*sound, rule("a", expire_days=1)]) == ["Two rules are called a"]


def test_merging_touches_only_the_named_rules() -> None:
    before = Lifecycle((FOREIGN, rule("ours", "db/", expire_days=30)), "varies_by_storage_class")
    after = merged(before, [rule("ours", "db/", expire_days=60), rule("new", expire_days=9)])
    assert [item["ID"] for item in after.rules] == ["theirs", "ours", "new"]
    assert after.rules[0] is FOREIGN and after.small_objects == "varies_by_storage_class"
    changed = difference(before, after)
    assert '-    "Days": 30' in changed and '+    "Days": 60' in changed
    assert not any("theirs" in line and line[0] in "+-" for line in changed)
    assert difference(after, merged(after)) == []
    assert [item["ID"] for item in merged(after, removed=["theirs"]).rules] == ["ours", "new"]


def test_words() -> None:
    assert in_words(rule("a", "db/", expire_days=60, abort_days=3)) == (
        "Objects under db/: deleted after 60 days; unfinished uploads aborted after 3 days"
    )
    assert "tagged t=v" in in_words(FOREIGN)


def test_the_round_trip_and_its_guards(store) -> None:
    bucket = store.bucket()
    empty = store.objects.lifecycle(bucket)
    assert empty.rules == ()
    mine = merged(empty, [rule("mine", "db/", expire_days=60, abort_days=3)])
    store.objects.write_lifecycle(bucket, mine, expected=empty)
    there = store.objects.lifecycle(bucket)
    assert difference(there, mine) == []
    with pytest.raises(WrongUse):
        store.objects.write_lifecycle(bucket, merged(there, [rule("bad", transition=(1, "STANDARD_IA"))]))
    with pytest.raises(OpsError) as caught:  # somebody else wrote meanwhile
        store.objects.write_lifecycle(bucket, merged(empty, [rule("x", expire_days=1)]), expected=empty)
    assert caught.value.code == "changed"
    assert difference(store.objects.lifecycle(bucket), mine) == []
    store.fill(bucket, {"db/k": b"x"})
    gone = store.objects.fate(headless_job(), bucket, there, datetime.now(UTC) + timedelta(days=62))
    assert (gone.looked, gone.gone, gone.all_gone) == (1, 1, True)
    store.objects.write_lifecycle(bucket, Lifecycle(), expected=there)
    assert store.objects.lifecycle(bucket).rules == ()


def test_an_endpoint_without_lifecycle_says_so(rclone) -> None:
    with pytest.raises(OpsError):
        rclone.objects.write_lifecycle(rclone.bucket(), Lifecycle((rule("r", expire_days=3),)))


def test_a_bucket_with_versions_and_tags_is_tried_out_as_it_is(store) -> None:
    bucket = store.bucket()
    store.objects.set_versioning(bucket, on=True)
    store.fill(bucket, {"db/k": b"x", "db/tagged": b"xyz"})
    store.fill(bucket, {"db/k": b"yy"})
    store.objects.set_tags(bucket, "db/tagged", {"keep": "no"})
    by_tag = {
        **rule("t", expire_days=5),
        "Filter": {"And": {"Prefix": "db/", "Tags": [{"Key": "keep", "Value": "no"}]}},
    }
    rules = [by_tag, rule("n", noncurrent_days=9)]
    soon = store.objects.fate(headless_job(), bucket, Lifecycle(tuple(rules)), datetime.now(UTC) + timedelta(days=7))
    assert (soon.looked, soon.gone, soon.restorable, soon.old, soon.old_gone, soon.unsure) == (2, 1, 1, 1, 0, 0)
    later = store.objects.fate(headless_job(), bucket, Lifecycle(tuple(rules)), datetime.now(UTC) + timedelta(days=40))
    assert (later.gone, later.restorable, later.old_gone, later.old_gone_size) == (1, 0, 1, 1)
