"""What the browser knows of buckets, objects, versions and unfinished uploads."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core.backups.objects.address import Address


@dataclass(frozen=True, slots=True)
class Bucket:
    name: str
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class BucketList:
    """``whole`` False: this identity may not list buckets, and only those named elsewhere are here; ``why`` says so."""

    buckets: tuple[Bucket, ...]
    whole: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing. A folder is a common prefix: its ``key`` ends with the delimiter, and it has no other facts.

    size in bytes; version "" where versions were not asked for; ``latest`` and ``delete_marker`` belong to versions.
    """

    key: str
    size: int = 0
    modified: datetime | None = None
    storage_class: str = ""
    etag: str = ""
    folder: bool = False
    version: str = ""
    latest: bool = True
    delete_marker: bool = False

    @property
    def name(self) -> str:
        """The last step of the key, a folder's with its slash."""
        stem = self.key[:-1] if self.key.endswith("/") else self.key
        return self.key[stem.rfind("/") + 1 :]


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of one level, folders and objects in S3's order. ``token`` "" at the end, else what fetches the next page."""

    entries: tuple[Entry, ...]
    token: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much lies somewhere. ``whole`` False: the counting stopped early, there is more."""

    objects: int = 0
    size: int = 0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """All that is known of one object or version. ``checksums``: algorithm -> value as S3 gives it (base64, "-N" for
    composites). ``lacking``: one sentence for each question that the endpoint could not or would not answer."""

    bucket: str
    key: str
    size: int
    modified: datetime | None
    etag: str
    content_type: str = ""
    storage_class: str = "STANDARD"
    version: str = ""
    encryption: str = ""
    expires: str = ""
    locked_until: datetime | None = None
    restore: str = ""
    archive_tier: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    checksum_type: str = ""
    lacking: tuple[str, ...] = ()

    @property
    def archive(self) -> Archive:
        return archive_of(self.storage_class, self.restore, self.archive_tier)


class Archive(enum.Enum):
    """Whether an object lies in an archive, from which S3 has to bring a copy before it can be read."""

    NONE = "can be read at once"
    AWAY = "in the archive"
    COMING = "being brought back"
    HERE = "brought back for a while"


def archive_of(storage_class: str, restore: str, archive_tier: str = "") -> Archive:
    """``restore``: S3's own header, like ``ongoing-request="false", expiry-date="..."``; ``archive_tier``: the one of
    Intelligent-Tiering that the object is in."""
    if storage_class not in ("GLACIER", "DEEP_ARCHIVE") and not archive_tier:
        return Archive.NONE
    if 'ongoing-request="true"' in restore:
        return Archive.COMING
    return Archive.HERE if 'ongoing-request="false"' in restore else Archive.AWAY


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """``versioning``: "Enabled", "Suspended", "Off", or "" where nobody could tell, as of ``region``; ``encryption`` and
    ``object_lock``: "" where off, None where nobody could tell. A lock is told with the retention that new objects get."""

    name: str
    versioning: str = ""
    region: str = ""
    encryption: str | None = ""
    object_lock: str | None = ""
    lifecycle_rules: int | None = None
    lacking: tuple[str, ...] = ()

    @property
    def keeps_versions(self) -> bool:
        return self.versioning in ("Enabled", "Suspended")


@dataclass(frozen=True, slots=True)
class Link:
    """A presigned link and the moment from which it is refused."""

    url: str
    expires: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A multipart upload that was begun and neither completed nor aborted. Its parts cost money and no listing shows them.

    parts, size: None until counted.
    """

    key: str
    upload_id: str
    started: datetime | None
    storage_class: str = ""
    parts: int | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a transfer or a copy did. ``reused`` bytes were already there from an earlier, interrupted try; ``deleted``
    things of the target went afterwards (synchronising only).

    errors: (name, why) of each thing that did not get through.
    """

    objects: int = 0
    size: int = 0
    reused: int = 0
    seconds: float = 0.0
    errors: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """``name`` is relative to both sides. ``why``: "new", "other size", "other content", "other time" or "content
    not known" (the ETag tells nothing), or "not in the source"."""

    name: str
    size: int
    why: str
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What would be carried from ``folder`` to ``place`` (``upward``) or the other way, and what only the target has.

    errors: (name, why) of what could not be compared; it is neither carried nor deleted. ``source_empty``: not one file
    or object was found where the bytes should come from.
    """

    folder: Path
    place: Address
    upward: bool
    carry: tuple[Difference, ...] = ()
    surplus: tuple[Difference, ...] = ()
    same: int = 0
    errors: tuple[tuple[str, str], ...] = ()
    source_empty: bool = True

    @property
    def carry_size(self) -> int:
        """Bytes to carry."""
        return sum(item.size for item in self.carry)


@dataclass(frozen=True, slots=True)
class Deleted:
    """``objects`` counts what S3 confirmed, ``refused`` what stayed; ``errors`` are (key, why) of the first of those."""

    objects: int = 0
    errors: tuple[tuple[str, str], ...] = ()
    refused: int = 0
