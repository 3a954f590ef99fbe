"""What differs between a folder and a prefix: the first half of a synchronisation, which changes nothing.

Both sides are read in the order of S3's keys (bytes of UTF-8) and merged, so that memory grows with what differs only.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.aws.session import AwsSession
from core.backups.objects.address import Address
from core.backups.objects.browse import walk
from core.backups.objects.folding import Places
from core.backups.objects.partial import is_partial
from core.backups.objects.parts import layouts
from core.backups.objects.trees import NO_FILE, NO_TEXT, UNNAMEABLE
from core.backups.objects.values import Comparison, Difference, Entry
from core.base.errors import OpsError, WrongUse
from core.base.files import shown
from core.jobs.job import Job

_SECOND = 1.0  # a listing has whole seconds on some endpoints, a file has nanoseconds
_BLOCK = 1 << 20
_MD5 = re.compile(r"[0-9a-f]{32}$")
_MD5_OF_PARTS = re.compile(r"([0-9a-f]{32})-(\d+)$")


@dataclass
class _Side:
    """Names of one side that must be left alone, since they could not be looked at, and why."""

    errors: list[tuple[str, str]] = field(default_factory=list)
    untouchable: list[str] = field(default_factory=list)

    def leave(self, name: str, why: str) -> None:
        self.errors.append((shown(name), why))
        self.untouchable.append(name)

    def touches(self, name: str) -> bool:
        return not any(name == kept or name.startswith(f"{kept}/") for kept in self.untouchable)


def compare(
    job: Job[Any],
    aws: AwsSession,
    folder: Path,
    place: Address,
    *,
    upward: bool,
    contents: bool = False,
    exclude: Sequence[str] = (),
) -> Comparison:
    """What differs between ``folder`` and all below ``place.key`` (a prefix). Changes nothing.

    Equal are files of the same size that are no newer than their object (upward) or carry its time (downward, which is
    what a download gives them). Where the time leaves it open, or with ``contents`` always, the file is read and compared
    with the ETag; where that is no MD5 (encryption by KMS), it is carried. ``exclude``: glob patterns of names or of paths relative to both sides; what they
    hide is neither carried nor deleted. Links to folders are not followed. Raises OpsError; ``order`` where the endpoint
    does not list by key, since then nothing can be said of what is missing.
    """
    place = Address(place.bucket, f"{place.key}/" if place.key and not place.key.endswith("/") else place.key)
    if upward and not folder.is_dir():
        raise WrongUse(f"{folder} is no folder", "Its files are what would be uploaded", "Check the name")
    hidden = _hidden(exclude)
    side = _Side()
    here = _files(folder, hidden, side) if folder.exists() else iter(())
    there = _objects(job, aws, place, hidden, None if upward else side)
    client = aws.client("s3")
    carry: list[Difference] = []
    surplus: list[Difference] = []
    same, seen = 0, False
    places = None if upward else Places(folder)

    for number, (name, file, entry) in enumerate(_merged(here, there)):
        if number % 500 == 0:
            job.checkpoint()
            job.report(number, None, f"{number:,} compared")
        size = (
            file.st_size if file is not None and (upward or entry is None) else entry.size if entry is not None else 0
        )
        if file is None and not side.touches(name):
            continue  # it is there, but could not be looked at
        if (file if upward else entry) is None:
            surplus.append(Difference(name, size, "not in the source", entry))
            continue
        seen = True
        try:
            if places is not None:
                places.of(name)
            if file is None or entry is None:
                why = "new"
            else:
                why = _why(job, client, place.bucket, folder / name, file, entry, upward=upward, contents=contents)
        except OSError as error:
            side.leave(name, error.strerror or str(error))
        except OpsError as error:
            if error.code != "unsafe":
                raise
            side.leave(name, error.why)
        else:
            same += not why
            if why:
                carry.append(Difference(name, size, why, entry))
    surplus = [item for item in surplus if side.touches(item.name) and not (places and places.holds(item.name))]
    return Comparison(folder, place, upward, tuple(carry), tuple(surplus), same, tuple(side.errors), not seen)


def _hidden(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a pattern fits a name, its path, or a folder that it lies in."""

    def hidden(name: str) -> bool:
        steps = name.split("/")
        paths = ("/".join(steps[: number + 1]) for number in range(len(steps)))
        return any(
            fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(step, pattern)
            for step, path in zip(steps, paths, strict=True)
            for pattern in patterns
        )

    return hidden if patterns else lambda _name: False


def _files(folder: Path, hidden: Callable[[str], bool], side: _Side) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files below ``folder`` in the order that their keys have: a folder sorts as its name with a slash."""
    try:
        unread = [iter(_listed(folder, ""))]
    except OSError as error:
        raise OpsError(
            f"{folder} cannot be read", error.strerror or str(error), "Check its rights", code="file"
        ) from error
    while unread:
        name, entry, is_folder = next(unread[-1], ("", None, False))
        if entry is None:
            unread.pop()
            continue
        if hidden(name) or is_partial(entry.name):
            continue
        try:
            name.encode()
            if is_folder:
                unread.append(iter(_listed(entry.path, f"{name}/")))
            elif entry.is_file():
                yield name, entry.stat()
            else:
                side.leave(name, "It is a link to a folder" if entry.is_dir() else NO_FILE)
        except UnicodeEncodeError:
            side.leave(name, NO_TEXT)
        except OSError as error:
            side.leave(name, error.strerror or str(error))


def _listed(folder: Path | str, prefix: str) -> list[tuple[str, os.DirEntry[str], bool]]:
    """(name below the top, entry, whether it is a folder)."""
    with os.scandir(folder) as found:
        entries = [(prefix + entry.name, entry, entry.is_dir(follow_symlinks=False)) for entry in found]
    return sorted(entries, key=lambda item: item[0] + ("/" if item[2] else ""))


def _objects(
    job: Job[Any], aws: AwsSession, place: Address, hidden: Callable[[str], bool], side: _Side | None
) -> Iterator[tuple[str, Entry]]:
    """side: told of objects that no file can be made of."""
    before = ""
    for page in walk(job, aws, place.bucket, place.key):
        for entry in page:
            name = entry.key[len(place.key) :]
            if before and name <= before:
                raise OpsError(
                    f"{place} cannot be compared",
                    f"The endpoint lists {name!r} behind {before!r}, not in the order of keys (directory buckets do so)",
                    "Upload or download the folder whole instead",
                    code="order",
                )
            before = name
            if not name or hidden(name):
                continue
            if not name.endswith("/"):
                yield name, entry
            elif entry.size and side is not None:  # without bytes: a marker that some tools leave for a folder
                side.errors.append((name, UNNAMEABLE))


def _merged(
    here: Iterator[tuple[str, os.stat_result]], there: Iterator[tuple[str, Entry]]
) -> Iterator[tuple[str, os.stat_result | None, Entry | None]]:
    """Every name once, with what each side has of it."""
    file, entry = next(here, None), next(there, None)
    while file is not None or entry is not None:
        if entry is None or (file is not None and file[0] < entry[0]):
            assert file is not None
            yield file[0], file[1], None
            file = next(here, None)
        elif file is None or entry[0] < file[0]:
            yield entry[0], None, entry[1]
            entry = next(there, None)
        else:
            yield file[0], file[1], entry[1]
            file, entry = next(here, None), next(there, None)


def _why(
    job: Job[Any],
    client: Any,
    bucket: str,
    path: Path,
    file: os.stat_result,
    entry: Entry,
    *,
    upward: bool,
    contents: bool,
) -> str:
    """How the two differ, or ""."""
    if file.st_size != entry.size:
        return "other size"
    gap = file.st_mtime - (entry.modified.timestamp() if entry.modified else 0.0)
    settled = gap <= _SECOND if upward else abs(gap) <= _SECOND
    if settled and not contents:
        return ""
    told = _same_content(job, client, bucket, entry, path)
    if told is None:
        return "content not known" if settled else "other time"
    return "" if told else "other content"


def _same_content(job: Job[Any], client: Any, bucket: str, entry: Entry, path: Path) -> bool | None:
    """By the ETag, where that is an MD5 of the bytes or of the MD5s of the parts; None where it is neither."""
    if _MD5.match(entry.etag):
        return _digest(job, path, [entry.size])[0] == entry.etag
    parts = _MD5_OF_PARTS.match(entry.etag)
    if parts is None:
        return None
    told = None  # where the endpoint does not know parts
    for sizes in layouts(
        client, {"Bucket": bucket, "Key": entry.key}, entry.etag, entry.size, int(parts[2]), job.checkpoint
    ):
        joined = b"".join(bytes.fromhex(digest) for digest in _digest(job, path, sizes))
        told = hashlib.md5(joined, usedforsecurity=False).hexdigest() == parts[1]
        if told:
            break
    return told


def _digest(job: Job[Any], path: Path, sizes: Iterable[int]) -> list[str]:
    """The MD5 of each stretch of the file."""
    found = []
    with path.open("rb") as file:
        for size in sizes:
            digest, left = hashlib.md5(usedforsecurity=False), size
            while left and (block := file.read(min(_BLOCK, left))):
                job.checkpoint()
                digest.update(block)
                left -= len(block)
            found.append(digest.hexdigest())
    return found
