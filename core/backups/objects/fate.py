"""Trying out a lifecycle: what its rules will have done to a bucket by a day, before anything is written.

No emulator carries rules out, and S3 does it in its own time (usually within a day): what will be gone is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import groupby

from core.backups.objects.lifecycle import Rule, after_days, applies, class_on, expiry, old_class_on, tags_of_rule
from core.backups.objects.values import Entry
from core.backups.words import count_of

Tags = Callable[[Entry], dict[str, str] | None]
"""Answers the tags of an object; None where nobody could tell."""
_EXAMPLES = 20


@dataclass(slots=True)
class Fate:
    """What the rules will have done by ``on``, and of how many objects and old versions that was found out.

    gone: current objects that will not be shown any more, ``restorable`` of them still kept as an old version.
    old_gone: of ``old`` noncurrent versions (those that are noncurrent now). markers_gone: delete markers that hide nothing.
    moved, old_moved: objects and old versions that will lie in another class, by class. unsure: objects and versions that a
    rule by tag may concern, whose tags nobody could tell. Sizes in bytes.
    """

    on: datetime
    looked: int = 0
    gone: int = 0
    gone_size: int = 0
    restorable: int = 0
    examples: list[str] = field(default_factory=list)
    moved: dict[str, int] = field(default_factory=dict)
    newest_gone: datetime | None = None
    old: int = 0
    old_gone: int = 0
    old_gone_size: int = 0
    old_moved: dict[str, int] = field(default_factory=dict)
    markers_gone: int = 0
    unsure: int = 0

    @property
    def kept(self) -> int:
        return self.looked - self.gone

    @property
    def all_gone(self) -> bool:
        return bool(self.looked) and not self.kept

    @property
    def in_words(self) -> str:
        """Some sentences."""
        when = f"By {self.on:%d %b %Y}"
        if not self.looked:
            text = "There is no object."
        elif not self.gone:
            text = f"{when} none of the {count_of(self.looked, 'object')} will be gone."
        else:
            text = (
                f"{when}, {self.gone:,} of {count_of(self.looked, 'object')} ({byte_size(self.gone_size)}) will be gone"
            )
            text += ": all of them." if self.all_gone else f", {self.kept:,} stay."
            text += f" The newest of them was made on {self.newest_gone:%d %b %Y}." if self.newest_gone else ""
            text += (
                f" {self.restorable:,} of them can still be brought back as an old version." if self.restorable else ""
            )
        if self.old_gone:
            size = byte_size(self.old_gone_size)
            text += f" {self.old_gone:,} of {count_of(self.old, 'old version')} ({size}) will be gone for good."
        elif self.old:
            text += f" Of the {count_of(self.old, 'old version')} none goes."
        if self.markers_gone:
            text += f" {count_of(self.markers_gone, 'delete marker')} hiding nothing will be gone, too."
        for what, moves in (("object", self.moved), ("old version", self.old_moved)):
            text += "".join(f" {count_of(count, what)} will lie in {kind}." for kind, count in sorted(moves.items()))
        if self.unsure:
            text += (
                f" A rule by tag may concern {self.unsure:,} more, whose tags were not looked at or could not be read."
            )
        return text


def end_of(day: date) -> datetime:
    """The last moment of a day, in UTC. S3 deletes at midnight: what goes at the end of a day is there all that day."""
    return datetime.combine(day, time.max, UTC)


def byte_size(count: float) -> str:
    """``12 bytes``, ``1.4 MB``, in steps of a thousand."""
    if count < 1000:
        return f"{count:,.0f} bytes"
    for unit in ("KB", "MB", "GB"):
        count /= 1000
        if count < 1000:
            return f"{count:,.1f} {unit}"
    return f"{count / 1000:,.1f} TB"


def fate(
    pages: Iterable[list[Entry]],
    rules: Iterable[Rule],
    on: datetime,
    *,
    keeps_versions: bool = False,
    small_objects: str = "",
    tags: Tags = lambda _entry: None,
) -> Fate:
    """What will be gone or moved by ``on`` of what ``pages`` list: current objects, or, in S3's order (by key, the newest
    first), all versions.

    keeps_versions: the bucket's versioning is on, so that an expired object becomes an old version; small_objects: as in
    ``Lifecycle``. ``tags`` is asked only where an answer changes something. Deleting comes before moving.
    """
    found = Fate(on)
    weighing = _Weighing([item for item in rules if item.get("Status") == "Enabled"], on, tags, found, small_objects)
    for versions in _by_key(pages):
        _weigh_key(versions, weighing, keeps_versions=keeps_versions)
    return found


def _by_key(pages: Iterable[list[Entry]]) -> Iterator[list[Entry]]:
    entries = (entry for page in pages for entry in page)
    return (list(group) for _, group in groupby(entries, key=lambda entry: entry.key))


@dataclass(slots=True)
class _Weighing:
    rules: list[Rule]
    on: datetime
    tags: Tags
    found: Fate
    small_objects: str = ""

    def about(self, entry: Entry, matters: Callable[[list[Rule]], bool]) -> list[Rule]:
        """The rules for this entry. ``matters``: whether some rules do anything to it by then; tags are asked if they do."""
        mine = [item for item in self.rules if applies(item, entry)]
        plain = [item for item in mine if not tags_of_rule(item)]
        tagged = [item for item in mine if tags_of_rule(item)]
        if not tagged or not matters(tagged) or entry.delete_marker:
            return plain
        carried = self.tags(entry)
        if carried is None:
            self.found.unsure += 1
            return plain
        return plain + [item for item in tagged if tags_of_rule(item).items() <= carried.items()]


def _weigh_key(versions: list[Entry], weighing: _Weighing, *, keeps_versions: bool) -> None:
    found = weighing.found
    left = 0
    ended: datetime | None = None  # when the current one becomes an old version
    newer: Entry | None = None
    kept_newer = 0  # noncurrent versions that are newer than the one at hand
    for entry in versions:
        if entry.latest:
            if not entry.delete_marker:
                ended = _weigh_current(entry, weighing)
                if ended is None:
                    left += 1
                elif keeps_versions and not _old_ends(entry, weighing, ended, kept_newer):
                    found.restorable += 1
                    left += 1
        elif newer is not None:
            found.old += not entry.delete_marker
            if _old_ends(entry, weighing, newer.modified, kept_newer):
                found.old_gone += not entry.delete_marker
                found.old_gone_size += entry.size
            else:
                left += 1
            kept_newer += 1
        if newer is None and ended is not None and keeps_versions:
            kept_newer += 1
        newer = entry
    first = versions[0]
    if first.latest and first.delete_marker and not left and _removes_markers(first, weighing):
        found.markers_gone += 1


def _weigh_current(entry: Entry, weighing: _Weighing) -> datetime | None:
    """Count the current object; when it ends, if it does by then."""
    found, on = weighing.found, weighing.on

    def ends(rules: list[Rule]) -> datetime | None:
        end = expiry(entry, rules)
        return end[0] if end is not None and end[0] <= on else None

    found.looked += 1

    def moves(rules: list[Rule]) -> str:
        return class_on(entry, rules, on, weighing.small_objects)

    rules = weighing.about(entry, lambda rules: bool(ends(rules) or moves(rules)))
    end = ends(rules)
    if end is not None:
        found.gone, found.gone_size = found.gone + 1, found.gone_size + entry.size
        if entry.modified is not None:
            found.newest_gone = max(found.newest_gone or entry.modified, entry.modified)
        if len(found.examples) < _EXAMPLES:
            found.examples.append(entry.key)
    elif kind := moves(rules):
        found.moved[kind] = found.moved.get(kind, 0) + 1
    return end


def _old_ends(entry: Entry, weighing: _Weighing, since: datetime | None, newer: int) -> bool:
    """Whether a version that is noncurrent ``since`` then is deleted, ``newer`` noncurrent ones being newer than it; one
    that is not is counted where it moves."""
    if since is None:
        return False

    def ends(rules: list[Rule]) -> bool:
        for item in rules:
            wanted = item.get("NoncurrentVersionExpiration")
            if (
                wanted
                and newer >= wanted.get("NewerNoncurrentVersions", 0)
                and after_days(since, wanted.get("NoncurrentDays", 0)) <= weighing.on
            ):
                return True
        return False

    def moves(rules: list[Rule]) -> str:
        return old_class_on(entry, rules, since, newer, weighing.on, weighing.small_objects)

    rules = weighing.about(entry, lambda rules: ends(rules) or bool(moves(rules)))
    if ends(rules):
        return True
    kind = "" if entry.delete_marker else moves(rules)
    if kind:
        weighing.found.old_moved[kind] = weighing.found.old_moved.get(kind, 0) + 1
    return False


def _removes_markers(entry: Entry, weighing: _Weighing) -> bool:
    """A rule that asks for it, or one that expires by days, which S3 lets remove markers, too."""
    for item in weighing.about(entry, lambda _rules: False):
        wanted = item.get("Expiration", {})
        if wanted.get("ExpiredObjectDeleteMarker"):
            return True
        if "Days" in wanted and entry.modified and after_days(entry.modified, wanted["Days"]) <= weighing.on:
            return True
    return False
