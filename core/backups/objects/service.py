"""The S3 browser's verbs in one place: what the page and the `s3` verbs call. Everything here talks to the network: call it from jobs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from core.aws.workplace import Workplace
from core.backups.objects import (
    access,
    archived,
    browse,
    change,
    comparing,
    copying,
    documents,
    download,
    facts,
    labels,
    lifecycle,
    piped,
    sync,
    trees,
)
from core.backups.objects.address import Address
from core.backups.objects.fate import Fate
from core.backups.objects.fate import fate as try_out
from core.backups.objects.lifecycle import Lifecycle
from core.backups.objects.values import (
    Amount,
    BucketFacts,
    BucketList,
    Comparison,
    Deleted,
    Entry,
    Link,
    Moved,
    ObjectFacts,
    OpenUpload,
    Page,
)
from core.base.errors import OpsError
from core.jobs.job import Job

_TAGS_ASKED = 2000  # a request each
_MARKERS = 10_000


class Objects:
    """Typed values in and out; trouble is an OpsError. See the modules of this folder for what each promises."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._aws = workplace.aws

    # -- looking ----------------------------------------------------------------
    def buckets(self, known: Iterable[str] = ()) -> BucketList:
        return browse.buckets(self._aws, tuple(known))

    def page(self, bucket: str, prefix: str = "", token: str = "", *, size: int = browse.PAGE) -> Page:
        return browse.page(self._aws, bucket, prefix, token, size=size)

    def search(
        self,
        job: Job[Any],
        bucket: str,
        prefix: str,
        words: str,
        *,
        found: Callable[[list[Entry]], None] = lambda _: None,
    ) -> tuple[list[Entry], bool]:
        return browse.search(job, self._aws, bucket, prefix, words, found=found)

    def amount(self, job: Job[Any], bucket: str, entries: Iterable[Entry], *, versions: bool = False) -> Amount:
        """How much ``entries`` are, folders with all below them (and with all versions, where asked)."""
        objects = size = 0
        for entry in entries:
            if entry.folder:
                below = browse.amount(job, self._aws, bucket, entry.key, versions=versions)
                objects, size = objects + below.objects, size + below.size
            elif versions and not entry.version:
                every = browse.versions_of(job, self._aws, bucket, entry.key)
                objects, size = objects + len(every), size + sum(item.size for item in every)
            else:
                objects, size = objects + 1, size + entry.size
        return Amount(objects, size)

    def versions(self, job: Job[Any], bucket: str, key: str) -> list[Entry]:
        return browse.versions_of(job, self._aws, bucket, key)

    def deleted_keys(
        self,
        job: Job[Any],
        bucket: str,
        prefix: str,
        *,
        found: Callable[[list[Entry]], None] = lambda _: None,
    ) -> tuple[list[Entry], bool]:
        """The delete markers on top under ``prefix``: what can be undeleted. Stops after 10,000, and says whether these
        are all. ``found`` hears of them page by page."""
        return browse.look_through(
            job,
            browse.walk_versions(job, self._aws, bucket, prefix),
            lambda entry: entry.delete_marker and entry.latest,
            _MARKERS,
            found,
            "{:,} versions looked at, {:,} deleted",
        )

    def object_facts(self, bucket: str, key: str, version: str = "") -> ObjectFacts:
        return facts.object_facts(self._aws, bucket, key, version)

    def bucket_facts(self, bucket: str) -> BucketFacts:
        return facts.bucket_facts(self._aws, bucket)

    def exists(self, bucket: str, key: str) -> bool:
        """True also where this identity may not look."""
        return facts.exists(self._aws, bucket, key)

    def keeps_versions(self, bucket: str) -> bool | None:
        return facts.keeps_versions(self._aws, bucket)

    def link(self, bucket: str, key: str, seconds: int, version: str = "") -> Link:
        return facts.link(self._aws, self._workplace.clock, bucket, key, seconds, version)

    # -- moving bytes -------------------------------------------------------------
    def upload(
        self,
        job: Job[Any],
        paths: Iterable[Path],
        bucket: str,
        prefix: str,
        *,
        replace: bool = True,
        storage_class: str = "",
        keep: bool = False,
    ) -> Moved:
        """Files and folders to below ``prefix``. keep: after a cancel the parts of a large file stay, to be gone on with."""
        extra = {"StorageClass": storage_class} if storage_class else None
        part_size, workers = self._tuning()
        return trees.upload_paths(
            job, self._aws, paths, bucket, prefix,
            part_size=part_size, workers=workers, replace=replace, extra=extra, keep=keep,
        )  # fmt: skip

    def upload_as(
        self, job: Job[Any], path: Path, bucket: str, key: str, *, replace: bool = True, storage_class: str = "",
        going_on: str = "",
    ) -> Moved:  # fmt: skip
        """One file to exactly ``key``. going_on: the unfinished upload that it ends."""
        from core.backups.objects.upload import upload_file

        extra = {"StorageClass": storage_class} if storage_class else None
        part_size, workers = self._tuning()
        return upload_file(
            job, self._aws, path, bucket, key, part_size=part_size, workers=workers, replace=replace, extra=extra,
            going_on=going_on,
        )  # fmt: skip

    def upload_stream(
        self, job: Job[Any], source: int, bucket: str, key: str, *, replace: bool = True, storage_class: str = ""
    ) -> Moved:
        """What comes from a descriptor, until its end, to ``key``."""
        part_size, workers = self._tuning()
        extra = {"StorageClass": storage_class} if storage_class else {}
        return piped.upload_stream(
            job, self._aws, source, bucket, key, part_size=part_size, workers=workers, replace=replace, extra=extra
        )

    def download(
        self, job: Job[Any], bucket: str, prefix: str, entries: list[Entry], folder: Path, *, replace: bool = True
    ) -> Moved:
        """Objects and folders, as shown under ``prefix``, into ``folder``."""
        return trees.download_entries(
            job, self._aws, bucket, prefix, entries, folder, workers=self._tuning()[1], replace=replace
        )

    def download_as(
        self, job: Job[Any], bucket: str, key: str, path: Path, *, version: str = "", replace: bool = True
    ) -> Moved:
        """One object (or version) to exactly ``path``."""
        return download.download_file(
            job, self._aws, bucket, key, path, version=version, workers=self._tuning()[1], replace=replace
        )

    def stream(self, job: Job[Any], bucket: str, key: str, out: IO[bytes], *, version: str = "") -> Moved:
        """One object into a pipe."""
        return download.stream_object(job, self._aws, bucket, key, out, version=version, workers=self._tuning()[1])

    def compare(
        self,
        job: Job[Any],
        folder: Path,
        place: Address,
        *,
        upward: bool,
        contents: bool = False,
        exclude: Sequence[str] = (),
    ) -> Comparison:
        """What a synchronisation would do; changes nothing."""
        return comparing.compare(job, self._aws, folder, place, upward=upward, contents=contents, exclude=exclude)

    def carry_out(self, job: Job[Any], found: Comparison, *, remove: bool = False, storage_class: str = "") -> Moved:
        """Make the target of ``found`` like its source."""
        part_size, workers = self._tuning()
        extra = {"StorageClass": storage_class} if storage_class else None
        return sync.carry_out(job, self._aws, found, remove=remove, part_size=part_size, workers=workers, extra=extra)

    def _tuning(self) -> tuple[int, int]:
        settings = self._workplace.settings().backups
        return settings.part_size << 20, settings.parallel_parts

    # -- changing -----------------------------------------------------------------
    def make_bucket(self, name: str, *, versioning: bool = False, lock: bool = False) -> None:
        change.make_bucket(self._aws, name, versioning=versioning, lock=lock)

    def remove_bucket(self, name: str) -> None:
        change.remove_bucket(self._aws, name)

    def set_versioning(self, name: str, *, on: bool) -> None:
        change.set_versioning(self._aws, name, on=on)

    def delete(
        self, job: Job[Any], bucket: str, entries: Iterable[Entry], *, versions: bool = False, total: int | None = None
    ) -> Deleted:
        return change.delete(job, self._aws, bucket, entries, versions=versions, total=total)

    def copy(
        self,
        job: Job[Any],
        source: Address,
        entries: list[Entry],
        target: Address,
        *,
        move: bool = False,
        replace: bool = False,
    ) -> Moved:
        return copying.copy(job, self._aws, source, entries, target, move=move, replace=replace)

    def relabel(
        self,
        job: Job[Any],
        bucket: str,
        entry: Entry,
        *,
        storage_class: str = "",
        metadata: dict[str, str] | None = None,
        content_type: str = "",
    ) -> None:
        change.relabel(
            job, self._aws, bucket, entry, storage_class=storage_class, metadata=metadata, content_type=content_type
        )

    def set_tags(self, bucket: str, key: str, tags: dict[str, str]) -> None:
        change.set_tags(self._aws, bucket, key, tags)

    def modify(
        self,
        job: Job[Any],
        bucket: str,
        entries: list[Entry],
        *,
        storage_class: str = "",
        content_type: str = "",
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Moved:
        return labels.modify(
            job, self._aws, bucket, entries,
            storage_class=storage_class, content_type=content_type, metadata=metadata, tags=tags,
        )  # fmt: skip

    def set_acl(self, job: Job[Any], bucket: str, entries: list[Entry], acl: str) -> Moved:
        return access.set_acl(job, self._aws, bucket, entries, acl)

    # -- a bucket as a whole ------------------------------------------------------
    def document(self, bucket: str, kind: documents.Kind) -> Any:
        return documents.read(self._aws, bucket, kind)

    def write_document(self, bucket: str, kind: documents.Kind, value: Any) -> Any:
        """None removes it. Returns what was there before."""
        return documents.write(self._aws, bucket, kind, value)

    def bucket_documents(self, bucket: str) -> tuple[dict[str, Any], tuple[str, ...]]:
        return documents.overview(self._aws, bucket)

    def restore_version(self, job: Job[Any], bucket: str, version: Entry) -> None:
        change.restore_version(job, self._aws, bucket, version)

    def bring_back(self, bucket: str, key: str, *, days: int = 7, tier: str = "Standard", version: str = "") -> str:
        return archived.bring_back(self._aws, bucket, key, days=days, tier=tier, version=version)

    def undelete(self, job: Job[Any], bucket: str, key: str) -> int:
        return change.undelete(job, self._aws, bucket, key)

    # -- unfinished uploads -------------------------------------------------------
    def open_uploads(self, job: Job[Any], bucket: str, prefix: str = "", *, count: bool = True) -> list[OpenUpload]:
        found = change.open_uploads(job, self._aws, bucket, prefix)
        return change.counted(job, self._aws, bucket, found) if count else found

    def abort_uploads(self, job: Job[Any], bucket: str, uploads: list[OpenUpload]) -> Deleted:
        return change.abort_uploads(job, self._aws, bucket, uploads)

    # -- lifecycle ----------------------------------------------------------------
    def lifecycle(self, bucket: str) -> Lifecycle:
        return lifecycle.read(self._aws, bucket)

    def write_lifecycle(self, bucket: str, new: Lifecycle, *, expected: Lifecycle | None = None) -> None:
        lifecycle.write(self._aws, bucket, new, expected=expected)

    def fate(self, job: Job[Any], bucket: str, lifecycle: Lifecycle, on: datetime, prefix: str = "") -> Fate:
        """What will be gone on that day if this were the bucket's lifecycle: of the versions, too, where it keeps any and this
        identity may list them. At most ``_TAGS_ASKED`` objects are asked for their tags, where a rule looks at tags."""
        versioning = facts.versioning(self._aws, bucket)
        pages = browse.walk(job, self._aws, bucket, prefix)
        if versioning in ("Enabled", "Suspended"):
            try:
                pages = itertools.chain(
                    [next(versions := browse.walk_versions(job, self._aws, bucket, prefix))], versions
                )
            except OpsError as error:
                if error.code != "denied":
                    raise
        left = _TAGS_ASKED

        def tags(entry: Entry) -> dict[str, str] | None:
            nonlocal left
            left -= 1
            return facts.tags(self._aws, bucket, entry.key, entry.version) if left >= 0 else None

        def told(pages: Iterable[list[Entry]]) -> Iterator[list[Entry]]:
            looked = 0
            for page in pages:
                yield page
                looked += len(page)
                job.report(looked, None, f"{looked:,} looked at")

        return try_out(
            told(pages), lifecycle.rules, on, keeps_versions=versioning == "Enabled", small_objects=lifecycle.small_objects, tags=tags
        )  # fmt: skip
