"""Making a prefix the same as a folder, or a folder the same as a prefix: carried first, deleted last."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from core.aws.session import AwsSession
from core.backups.objects.address import local_path
from core.backups.objects.change import delete
from core.backups.objects.pieces import Gauge
from core.backups.objects.trees import download_pages, upload_files
from core.backups.objects.values import Comparison, Entry, Moved
from core.base.errors import WrongUse
from core.jobs.job import Job

_PAGE = 1000


def carry_out(
    job: Job[Any],
    aws: AwsSession,
    found: Comparison,
    *,
    remove: bool = False,
    part_size: int = 16 << 20,
    workers: int = 3,
    extra: dict[str, Any] | None = None,
) -> Moved:
    """Carry what differs; then, with ``remove``, delete what only the target has.

    Nothing is deleted where anything failed to be carried, which is then among the errors. Raises WrongUse for ``remove`` with an empty source.
    """
    if remove:
        check_removal(found)
    moved = _upload(job, aws, found, part_size, workers, extra) if found.upward else _download(job, aws, found, workers)
    moved = replace(moved, errors=(*found.errors, *moved.errors))
    if not remove or not found.surplus:
        return moved
    if len(moved.errors) > len(found.errors):
        withheld = ("deletions", "Not everything could be carried, so nothing was deleted")
        return replace(moved, errors=(*moved.errors, withheld))
    deleted, errors = _delete_objects(job, aws, found) if found.upward else _delete_files(job, found)
    return replace(moved, deleted=deleted, errors=(*moved.errors, *errors))


def check_removal(found: Comparison) -> None:
    """Raises WrongUse where all of the target would be deleted, because the source has nothing."""
    if found.source_empty and found.surplus:
        source = found.folder if found.upward else found.place
        raise WrongUse(
            f"{source} is empty",
            f"All {len(found.surplus):,} at the target would be deleted; a disk that is not mounted looks like this",
            "Delete them by hand, if that is meant",
        )


def _upload(
    job: Job[Any], aws: AwsSession, found: Comparison, part_size: int, workers: int, extra: dict[str, Any] | None
) -> Moved:
    files = [(found.folder / item.name, found.place.key + item.name, item.size) for item in found.carry]
    return upload_files(job, aws, files, found.place.bucket, part_size=part_size, workers=workers, extra=extra)


def _download(job: Job[Any], aws: AwsSession, found: Comparison, workers: int) -> Moved:
    names = {item.entry.key: item.name for item in found.carry if item.entry is not None}
    wanted = iter([item.entry for item in found.carry if item.entry is not None])
    pages = iter(lambda: list(islice(wanted, _PAGE)), [])
    gauge = Gauge(job, found.carry_size, f"{len(names):,} objects")
    return download_pages(
        job, aws, found.place.bucket, pages, lambda entry: local_path(found.folder, names[entry.key]),
        gauge=gauge, workers=workers, fresh=True,
    )  # fmt: skip


def _delete_objects(job: Job[Any], aws: AwsSession, found: Comparison) -> tuple[int, tuple[tuple[str, str], ...]]:
    """What has come to the folder meanwhile stays."""
    gone = (item for item in found.surplus if not _is_file(found.folder / item.name))
    done = delete(
        job, aws, found.place.bucket, (Entry(found.place.key + item.name) for item in gone), total=len(found.surplus)
    )
    unnamed = done.refused - len(done.errors)
    more = (("and others", f"{unnamed:,} more could not be deleted"),) if unnamed else ()
    return done.objects, done.errors + more


def _is_file(path: Path) -> bool:
    return path.is_symlink() or (path.exists() and not path.is_dir())


def _delete_files(job: Job[Any], found: Comparison) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Files, and the folders that become empty by that."""
    done, errors = 0, list[tuple[str, str]]()
    for item in found.surplus:
        job.checkpoint()
        path = found.folder / item.name
        try:
            path.unlink(missing_ok=True)
            done += 1
        except OSError as error:
            errors.append((item.name, error.strerror or str(error)))
            continue
        for parent in path.parents:
            if parent == found.folder or not _removed(parent):
                break
        job.report(done, len(found.surplus), f"{done:,} deleted")
    return done, tuple(errors)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # not empty
        return False
    return True
