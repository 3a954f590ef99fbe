"""Lifecycle rules: read, checked, merged by rule, compared, and tried out on a date before they are written.

A rule is kept as the plain dictionary that S3 speaks, so that nothing of a rule made elsewhere is lost. Writing replaces
the whole document (PutBucketLifecycleConfiguration), hence: read, change single rules, show the difference, write.
No emulator carries rules out, and S3 does it in its own time (usually within a day): what will be gone is computed here.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.objects.browse import moment
from core.backups.objects.values import Entry
from core.base.errors import OpsError, WrongUse

Rule = dict[str, Any]
MOST_RULES = 1000
_AFTER_30_DAYS = ("STANDARD_IA", "ONEZONE_IA")
_SMALL = 128 << 10
_COLDER = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A bucket's rules, and S3's setting for small objects that must be written back with them."""

    rules: tuple[Rule, ...] = ()
    small_objects: str = ""


# -- the document --------------------------------------------------------------
def read(aws: AwsSession, bucket: str) -> Lifecycle:
    """The rules; none where none are set. Raises OpsError, also where the endpoint has no lifecycle at all."""
    try:
        with explained(f"read the lifecycle of {bucket}"):
            answer = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)
    except OpsError as error:
        if error.details.get("code") == "NoSuchLifecycleConfiguration":
            return Lifecycle()
        raise
    if "Rules" not in answer:  # rclone answers with a list of objects
        raise OpsError(
            f"Could not read the lifecycle of {bucket}",
            "This endpoint does not offer the lifecycle",
            "Delete old objects in another way",
            code="lacking",
        )
    return Lifecycle(tuple(answer["Rules"]), answer.get("TransitionDefaultMinimumObjectSize", ""))


def write(aws: AwsSession, bucket: str, lifecycle: Lifecycle, *, expected: Lifecycle | None = None) -> None:
    """Check and write the whole document. With ``expected``, only if that is what is there (somebody else may have
    written meanwhile; S3 offers no better guard). No rules at all: the document is removed."""
    problems = check(lifecycle.rules)
    if problems:
        raise WrongUse("The lifecycle cannot be written", problems[0], "Correct the rule")
    if expected is not None and difference(expected, read(aws, bucket)):
        raise OpsError(
            f"The lifecycle of {bucket} was changed by somebody else",
            "It is not what it was when you opened it",
            "Read it again and repeat your change",
            code="changed",
        )
    client = aws.client("s3")
    with explained(f"write the lifecycle of {bucket}"):
        if not lifecycle.rules:
            client.delete_bucket_lifecycle(Bucket=bucket)
            return
        more = {"TransitionDefaultMinimumObjectSize": lifecycle.small_objects} if lifecycle.small_objects else {}
        client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": list(lifecycle.rules)}, **more
        )


def merged(lifecycle: Lifecycle, changed: Iterable[Rule] = (), removed: Iterable[str] = ()) -> Lifecycle:
    """``changed`` rules take the place of those with their ID or come last; ``removed`` IDs go; the others stay as they are."""
    new = {rule["ID"]: rule for rule in changed}
    gone = set(removed)
    kept = [new.pop(rule.get("ID", ""), rule) for rule in lifecycle.rules if rule.get("ID", "") not in gone]
    return Lifecycle((*kept, *new.values()), lifecycle.small_objects)


def rule(
    name: str,
    prefix: str = "",
    *,
    enabled: bool = True,
    expire_days: int | None = None,
    noncurrent_days: int | None = None,
    keep_versions: int | None = None,
    abort_days: int | None = None,
    markers: bool = False,
    transition: tuple[int, str] | None = None,
) -> Rule:
    """A rule as S3 writes it. ``markers``: remove delete markers that hide nothing any more."""
    made: Rule = {"ID": name, "Filter": {"Prefix": prefix}, "Status": "Enabled" if enabled else "Disabled"}
    if expire_days is not None:
        made["Expiration"] = {"Days": expire_days}
    elif markers:
        made["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    if noncurrent_days is not None:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": noncurrent_days}
        if keep_versions:
            made["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = keep_versions
    if abort_days is not None:
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": abort_days}
    if transition is not None:
        made["Transitions"] = [{"Days": transition[0], "StorageClass": transition[1]}]
    return made


# -- checking ------------------------------------------------------------------
def check(rules: Iterable[Rule]) -> list[str]:
    """What S3 would refuse, in words; here, because the emulators accept anything."""
    problems = []
    rules = list(rules)
    if len(rules) > MOST_RULES:
        problems.append(f"{len(rules)} rules are more than the {MOST_RULES} that S3 keeps")
    names = [item.get("ID", "") for item in rules]
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        problems.append(f"Two rules are called {name}")
    for item in rules:
        problems += [f"{item.get('ID') or 'A rule without a name'}: {words}" for words in _check_one(item)]
    return problems


def _check_one(item: Rule) -> list[str]:
    wrong = []
    if len(item.get("ID", "")) > 255:
        wrong.append("its name is longer than 255 characters")
    if item.get("Status") not in ("Enabled", "Disabled"):
        wrong.append("it is neither enabled nor disabled")
    if "Filter" not in item and "Prefix" not in item:
        wrong.append("it says nothing of which objects it is for")
    if "Filter" in item and "Prefix" in item:
        wrong.append("it names its prefix twice")
    actions = (
        "Expiration", "Transitions", "NoncurrentVersionExpiration", "NoncurrentVersionTransitions",
        "AbortIncompleteMultipartUpload",
    )  # fmt: skip
    if not any(item.get(name) for name in actions):
        wrong.append("it does nothing")
    expiry = item.get("Expiration", {})
    if len(expiry) > 1:
        wrong.append("it expires by days, by date and by markers at once: only one is allowed")
    if "Days" in expiry and expiry["Days"] < 1:
        wrong.append("objects must live at least 1 day")
    when = moment(expiry["Date"]) if expiry.get("Date") else None
    if when and (when.hour, when.minute, when.second, when.microsecond) != (0, 0, 0, 0):
        wrong.append("its date must be midnight UTC")
    tagged = _filter(item)[1] or _filter(item)[2]
    if tagged and (expiry.get("ExpiredObjectDeleteMarker") or item.get("AbortIncompleteMultipartUpload")):
        wrong.append("markers and unfinished uploads have neither tags nor sizes, so it may not ask for those")
    if item.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays", 1) < 1:
        wrong.append("old versions must live at least 1 day")
    if item.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation", 1) < 1:
        wrong.append("unfinished uploads must live at least 1 day")
    wrong += _check_transitions(item.get("Transitions", ()), "Days", expiry.get("Days"))
    noncurrent = item.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
    wrong += _check_transitions(item.get("NoncurrentVersionTransitions", ()), "NoncurrentDays", noncurrent)
    return wrong


def _check_transitions(steps: Iterable[dict[str, Any]], unit: str, expires: int | None) -> list[str]:
    wrong, before = [], (-1, -1)
    for step in sorted(steps, key=lambda step: step.get(unit, 0)):
        kind = step.get("StorageClass", "")
        if kind not in _COLDER:
            wrong.append(f"{kind or 'no class'} is no class to move to")
            continue
        days = step.get(unit)
        if days is None:
            continue  # by date
        if kind in _AFTER_30_DAYS and days < 30:
            wrong.append(f"S3 moves objects to {kind} after 30 days at the earliest, not {days}")
        if expires is not None and days >= expires:
            wrong.append(f"it moves to {kind} after {days} days what is gone after {expires}")
        if _COLDER.index(kind) <= before[1]:
            wrong.append(f"{kind} is not colder than the class before it")
        if before[1] >= 0 and _COLDER[before[1]] in _AFTER_30_DAYS and days < before[0] + 30:
            wrong.append(f"objects stay at least 30 days in {_COLDER[before[1]]} before they move to {kind}")
        before = (days, _COLDER.index(kind))
    return wrong


# -- comparing -------------------------------------------------------------------
def difference(before: Lifecycle, after: Lifecycle) -> list[str]:
    """A unified difference, rule by rule as sorted JSON; empty where nothing changes."""
    return [
        line.rstrip("\n")
        for line in difflib.unified_diff(_lines(before), _lines(after), "now", "new", lineterm="", n=2)
    ]


def _lines(lifecycle: Lifecycle) -> list[str]:
    return [
        line
        for item in sorted(lifecycle.rules, key=lambda item: str(item.get("ID", "")))
        for line in json.dumps(item, indent=2, sort_keys=True, default=_json).splitlines()
    ]


def _json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def in_words(item: Rule) -> str:
    """What a rule does, in one line: "Everything under logs/: deleted after 60 days; unfinished uploads aborted after 7"."""
    prefix, tags, sizes = _filter(item)
    who = f"Objects under {prefix}" if prefix else "All objects"
    if tags:
        who += " tagged " + ", ".join(f"{name}={value}" for name, value in tags.items())
    if sizes:
        who += " of certain sizes"
    does = []
    for step in item.get("Transitions", ()):
        does.append(f"to {step.get('StorageClass')} after {step.get('Days', step.get('Date'))} days")
    expiry = item.get("Expiration", {})
    if "Days" in expiry:
        does.append(f"deleted after {expiry['Days']} days")
    if "Date" in expiry:
        does.append(f"deleted on {_json(expiry['Date'])[:10]}")
    if expiry.get("ExpiredObjectDeleteMarker"):
        does.append("empty delete markers removed")
    for step in item.get("NoncurrentVersionTransitions", ()):
        does.append(f"old versions to {step.get('StorageClass')} after {step.get('NoncurrentDays', 0)} days")
    old = item.get("NoncurrentVersionExpiration", {})
    if old:
        kept = f", {old['NewerNoncurrentVersions']} kept" if old.get("NewerNoncurrentVersions") else ""
        does.append(f"old versions deleted after {old.get('NoncurrentDays', 0)} days{kept}")
    abort = item.get("AbortIncompleteMultipartUpload", {})
    if abort:
        does.append(f"unfinished uploads aborted after {abort.get('DaysAfterInitiation')} days")
    state = "" if item.get("Status") == "Enabled" else " (off)"
    return f"{who}: {'; '.join(does) or 'nothing'}{state}"


# -- what a rule says of an object ------------------------------------------------
def applies(item: Rule, entry: Entry) -> bool:
    """Whether an enabled rule is about this key and size; its tags are another question (see ``tags_of_rule``)."""
    prefix, _, sizes = _filter(item)
    return (
        item.get("Status") == "Enabled"
        and entry.key.startswith(prefix)
        and entry.size > sizes.get("ObjectSizeGreaterThan", -1)
        and entry.size < sizes.get("ObjectSizeLessThan", entry.size + 1)
    )


def prefix_of(item: Rule) -> str:
    return _filter(item)[0]


def tags_of_rule(item: Rule) -> dict[str, str]:
    """The tags that an object has to carry for this rule; none: it is about all."""
    return _filter(item)[1]


def expiry(entry: Entry, rules: Iterable[Rule]) -> tuple[datetime, Rule] | None:
    """When the rules make the current object go, and which does; None: never. Where several apply, S3 takes the first to
    delete. Rules by tag are taken as if the object carried their tags."""
    ends: list[tuple[datetime, Rule]] = []
    for item in rules:
        wanted = item.get("Expiration", {})
        if not applies(item, entry):
            continue
        if "Days" in wanted and entry.modified is not None:
            ends.append((after_days(entry.modified, wanted["Days"]), item))
        elif wanted.get("Date"):
            when = moment(wanted["Date"])
            if when is not None:
                ends.append((when, item))
    return min(ends, key=lambda end: end[0], default=None)


def class_on(entry: Entry, rules: Iterable[Rule], on: datetime, small_objects: str = "") -> str:
    """The class to which the rules will have moved the current object by then; "" where it stays. ``small_objects``: S3's
    setting for objects below 128 KB (see ``Lifecycle``)."""
    steps = [
        (step.get("StorageClass", ""), entry.modified, step["Days"])
        for item in rules
        if applies(item, entry)
        for step in item.get("Transitions", ())
        if "Days" in step and _large_enough(entry, item, step.get("StorageClass", ""), small_objects)
    ]
    return _coldest(entry, steps, on)


def old_class_on(
    entry: Entry, rules: Iterable[Rule], since: datetime | None, newer: int, on: datetime, small_objects: str = ""
) -> str:
    """The same of a version that is noncurrent ``since`` then, ``newer`` noncurrent ones being newer than it."""
    steps = [
        (step.get("StorageClass", ""), since, step.get("NoncurrentDays", 0))
        for item in rules
        if applies(item, entry)
        for step in item.get("NoncurrentVersionTransitions", ())
        if newer >= step.get("NewerNoncurrentVersions", 0)
        and _large_enough(entry, item, step.get("StorageClass", ""), small_objects)
    ]
    return _coldest(entry, steps, on)


def _coldest(entry: Entry, steps: Iterable[tuple[str, datetime | None, int]], on: datetime) -> str:
    """Of (class, since, days), what is reached by then, if it is colder than where the entry lies already."""
    now = _COLDER.index(entry.storage_class) if entry.storage_class in _COLDER else -1
    reached = [
        _COLDER.index(kind)
        for kind, since, days in steps
        if kind in _COLDER and since is not None and after_days(since, days) <= on
    ]
    coldest = max(reached, default=-1)
    return _COLDER[coldest] if coldest > now else ""


def _large_enough(entry: Entry, item: Rule, kind: str, small_objects: str) -> bool:
    """S3 moves nothing below 128 KB, unless the rule names sizes itself, or the bucket lets archives take such objects."""
    if entry.size >= _SMALL or _filter(item)[2]:
        return True
    return small_objects == "varies_by_storage_class" and kind in ("GLACIER", "DEEP_ARCHIVE")


def after_days(since: datetime, days: int) -> datetime:
    """Days are counted from a moment and rounded up to the next midnight UTC."""
    return _midnight_after(since + timedelta(days=days))


def _midnight_after(when: datetime) -> datetime:
    day = when.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day if day == when else day + timedelta(days=1)


def _filter(item: Rule) -> tuple[str, dict[str, str], dict[str, int]]:
    """(prefix, tags, size limits) of a rule in any of the three forms S3 speaks."""
    chosen = item.get("Filter", {})
    both = chosen.get("And", {})
    prefix = both.get("Prefix", chosen.get("Prefix", item.get("Prefix", "")))
    tags = both.get("Tags", [chosen["Tag"]] if "Tag" in chosen else [])
    sizes = {
        name: both.get(name, chosen.get(name))
        for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
        if both.get(name, chosen.get(name)) is not None
    }
    return prefix or "", {tag["Key"]: tag["Value"] for tag in tags}, sizes
