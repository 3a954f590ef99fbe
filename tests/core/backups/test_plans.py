"""Plans are files: what was chosen is kept, what makes no sense is refused by name, a broken file is never touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.backups.plan import Alerts, Assertion, Plan, Proof, Retention, Sentinel, Source, Target
from core.backups.plans import DEMO_PLAN, PlanStore, ensure_demo_plan
from core.base.errors import WrongUse
from core.base.places import Places
from core.jobs.calendar import Schedule

FULL = Plan(
    "full",
    Source("mysql", "shop", ("a", "b"), history=True),
    Target("bucket", "some/prefix", "STANDARD_IA", "aws:kms", "arn:aws:kms:x"),
    "gzip",
    ("age1xyz",),
    Schedule(("01:30", "13:30"), ("mon", "fri")),
    Proof(
        7,
        5,
        2,
        (Sentinel("t", "id = 1", "b"),),
        (Assertion("n", "SELECT 1", "matches", "^1$"),),
        "other",
        "secret",
        1000,
    ),
    Retention(90, 10, 5),
    Alerts(
        False,
        30,
        "mail.example",
        465,
        "u",
        "f@example.com",
        ("t@example.com",),
        "tls",
        "arn:x",
        "https://example.com/x",
        ("json://x",),
    ),
)


def test_a_plan_comes_back_as_it_was_saved(home: Places) -> None:
    store = PlanStore(home, "sandbox")
    store.save(FULL, replace_old=False)
    assert store.get("full") == FULL
    assert store.all() == ([FULL], [])


def test_a_name_is_used_once_unless_replacing(home: Places) -> None:
    store = PlanStore(home, "sandbox")
    store.save(FULL, replace_old=False)
    with pytest.raises(WrongUse, match="There is a plan full"):
        store.save(FULL, replace_old=False)
    store.save(replace(FULL, compression="zstd"), replace_old=True)
    assert store.get("full").compression == "zstd"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "Bad Name"}, "no name for a plan"),
        ({"source": Source("mysql", "shop", ())}, "names no database"),
        ({"source": Source("mysql", "shop", ("--all-databases",))}, "begins with a dash|no database"),
        ({"source": Source("mysql", "shop", ("mysql",))}, "system schema"),
        ({"source": Source("folder", paths=("a", "b"))}, "names no path"),
        ({"target": Target("A_B")}, "no bucket name"),
        ({"compression": "xz"}, "compresses with"),
        ({"recipients": ("AGE-SECRET-KEY-1",)}, "no age public key"),
        ({"schedule": Schedule(("25:00",))}, "no time of day"),
        ({"schedule": Schedule(("01:00",), ("someday",))}, "no weekday"),
        ({"proof": Proof(assertions=(Assertion("x", "SELECT 1", "matches", "("),))}, "no regular expression"),
        ({"proof": Proof(assertions=(Assertion("x", "SELECT 1", "within_hours", "soon"),))}, "no number of hours"),
        ({"proof": Proof(assertions=(Assertion("x", "SELECT 1", "within_hours", "inf"),))}, "no number of hours"),
        ({"proof": Proof(level=7)}, "Levels|level"),
        ({"retention": Retention(0)}, "days of retention"),
        ({"alerts": Alerts(smtp_host="mail")}, "mails to nobody"),
        ({"alerts": Alerts(smtp_port=0)}, "no port"),
        ({"name": ""}, "has no name"),
        ({"target": Target("vault", kms_key="alias/backups")}, "a KMS key without KMS"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(home: Places, change: dict[str, object], told: str) -> None:
    with pytest.raises(WrongUse, match=told):
        PlanStore(home, "sandbox").save(replace(FULL, **change), replace_old=False)
    assert PlanStore(home, "sandbox").names() == []


@pytest.mark.parametrize(
    "text", ["not toml [", "[source]\nkind = 3\n", "[source]\nkind='mysql'\nsurprise=1\n", "", "source = 1\n", "\x00"]
)
def test_a_broken_file_is_told_and_left_as_it_is(home: Places, text: str) -> None:
    store = PlanStore(home, "sandbox")
    store.save(FULL, replace_old=False)
    broken = store.folder / "broken.toml"
    broken.write_text(text)
    plans, troubles = store.all()
    assert plans == [FULL]
    assert len(troubles) == 1 and "broken" in troubles[0].title + troubles[0].remedy
    assert broken.read_text() == text


def test_a_name_cannot_leave_the_folder(home: Places) -> None:
    with pytest.raises(WrongUse, match="no name for a plan"):
        PlanStore(home, "sandbox").get("../../etc/passwd")


def test_the_demo_plan_is_made_once(home: Places) -> None:
    made = ensure_demo_plan(home, bucket="opsdesk-backups")
    store = PlanStore(home, "sandbox")
    store.save(replace(made, compression="gzip"), replace_old=True)
    assert ensure_demo_plan(home).compression == "gzip"
    assert store.names() == [DEMO_PLAN]


def test_a_step_is_checked_by_itself() -> None:
    """The wizard asks for one thing after the other, and says at once what is wrong with it."""
    wrong = replace(FULL, name="", schedule=Schedule(("25:00",)))
    assert wrong.checked("target", "proof") is wrong
    for part, told in (("source", "no name"), ("when", "no time of day")):
        with pytest.raises(WrongUse, match=told):
            wrong.checked(part)
