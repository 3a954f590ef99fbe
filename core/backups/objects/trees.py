"""Files and whole folders, up and down: what fails is named, the rest gets through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from core.aws.session import AwsSession
from core.backups.deep_folders import walk as walk_folders
from core.backups.objects.browse import amount, walk
from core.backups.objects.download import download_file
from core.backups.objects.folding import Places
from core.backups.objects.partial import is_partial
from core.backups.objects.pieces import Gauge
from core.backups.objects.tally import Tally
from core.backups.objects.upload import upload_file
from core.backups.objects.values import Entry, Moved
from core.base.files import shown
from core.jobs.job import Job

_THREADS = 8  # for small files; 2-4 ms of CPU a request, so more gain nothing
_GROUP = 256
NO_FILE = "It is no regular file"
NO_TEXT = "Its name is no text, and S3 takes no other names"
UNNAMEABLE = "No file can be called so: its name ends with a slash"


def upload_paths(
    job: Job[Any],
    aws: AwsSession,
    paths: Iterable[Path],
    bucket: str,
    prefix: str,
    *,
    part_size: int = 16 << 20,
    workers: int = 3,
    replace: bool = True,
    extra: dict[str, Any] | None = None,
    keep: bool = False,
) -> Moved:
    """Files land at ``prefix`` + name, folders as ``prefix`` + name + "/" + what is in them.

    Links to files are followed, links to folders are not (they may form a circle); empty folders leave no trace, S3
    has none.
    """
    found: list[tuple[Path, str, int]] = []
    errors: list[tuple[str, str]] = []
    for path in paths:
        for file, relative in _files(path, errors):
            job.checkpoint()
            try:
                relative.encode()
                found.append((file, prefix + relative, file.stat().st_size))
            except UnicodeEncodeError:
                errors.append((shown(str(file)), NO_TEXT))
            except OSError as error:
                errors.append((shown(str(file)), error.strerror or str(error)))
    return upload_files(
        job, aws, found, bucket,
        part_size=part_size, workers=workers, replace=replace, extra=extra, errors=errors, keep=keep,
    )  # fmt: skip


def upload_files(
    job: Job[Any],
    aws: AwsSession,
    files: Sequence[tuple[Path, str, int]],
    bucket: str,
    *,
    part_size: int = 16 << 20,
    workers: int = 3,
    replace: bool = True,
    extra: dict[str, Any] | None = None,
    errors: Sequence[tuple[str, str]] = (),
    keep: bool = False,
) -> Moved:
    """Each (file, key, bytes). Small files go 8 at a time, large ones one after another in parts. ``errors`` are those
    that were met before; trouble of a lone file is raised. keep: as ``upload_file`` has it."""
    started = time.monotonic()
    gauge = Gauge(job, sum(size for _, _, size in files), f"{len(files):,} files" if len(files) > 1 else "")

    def one(file: Path, key: str) -> Moved:
        return upload_file(
            job, aws, file, bucket, key,
            part_size=part_size, workers=workers, replace=replace, extra=extra, gauge=gauge, keep=keep,
        )  # fmt: skip

    small = [(file, key) for file, key, size in files if size <= part_size]
    large = [(file, key) for file, key, size in files if size > part_size]
    total = Tally(list(errors))
    with total.told(job, f"of {len(files):,} uploaded", lambda: gauge.kept):
        with ThreadPoolExecutor(_THREADS if len(small) > 1 else 1, thread_name_prefix="file") as pool:
            for start in range(0, len(small), _GROUP):
                job.checkpoint()
                group = small[start : start + _GROUP]
                total.take_all((key, pool.submit(one, file, key)) for file, key in group)
        for file, key in large:
            total.take(key, partial(one, file, key))
    return total.moved(started, alone=len(files) == 1 and not errors)


def download_entries(
    job: Job[Any],
    aws: AwsSession,
    bucket: str,
    prefix: str,
    entries: list[Entry],
    folder: Path,
    *,
    workers: int = 3,
    replace: bool = True,
) -> Moved:
    """Objects and folders shown under ``prefix`` land in ``folder`` under their names.

    A file that is there with the object's size and time is not fetched again, which lets an interrupted folder go on.
    """
    plain = [entry for entry in entries if not entry.folder]
    folders = [entry for entry in entries if entry.folder]
    amounts = [amount(job, aws, bucket, entry.key) for entry in folders]
    size = sum(entry.size for entry in plain) + sum(item.size for item in amounts)
    count = len(plain) + sum(item.objects for item in amounts)
    gauge = Gauge(job, size, f"{count:,} objects" if count > 1 else "")
    places = Places(folder)
    return download_pages(
        job, aws, bucket, _pages(job, aws, bucket, plain, folders), lambda entry: places.of(entry.key[len(prefix) :]),
        gauge=gauge, workers=workers, replace=replace, alone=count == 1,
    )  # fmt: skip


def download_pages(
    job: Job[Any],
    aws: AwsSession,
    bucket: str,
    pages: Iterable[list[Entry]],
    place: Callable[[Entry], Path],
    *,
    gauge: Gauge,
    workers: int = 3,
    replace: bool = True,
    fresh: bool = False,
    alone: bool = False,
) -> Moved:
    """Each object to where ``place`` says (which may raise OpsError). Small ones go 8 at a time, large ones by ranges.

    fresh: also where a file of the same size and time is there. alone: there is but one, whose trouble is raised.
    """
    started = time.monotonic()
    total = Tally([])

    def one(entry: Entry) -> Moved:
        path = place(entry)
        if not fresh and _same(path, entry):
            gauge.add(entry.size, reused=True)
            return Moved(1, entry.size, entry.size)
        return download_file(job, aws, bucket, entry.key, path, workers=workers, replace=replace, gauge=gauge)

    with (
        total.told(job, "downloaded; the next time goes on from there"),
        ThreadPoolExecutor(1 if alone else _THREADS, thread_name_prefix="file") as pool,
    ):
        for page in pages:
            for entry in page:
                if entry.key.endswith("/") and entry.size:
                    total.errors.append((entry.key, UNNAMEABLE))
            page = [entry for entry in page if not entry.key.endswith("/")]  # markers that some tools leave for folders
            small = [entry for entry in page if entry.size <= 8 << 20]
            total.take_all((entry.key, pool.submit(one, entry)) for entry in small)
            for entry in page:
                if entry.size > 8 << 20:
                    total.take(entry.key, partial(one, entry))
    return total.moved(started, alone=alone)


def _same(path: Path, entry: Entry) -> bool:
    try:
        facts = path.stat()
    except OSError:
        return False
    if entry.modified is None or facts.st_size != entry.size:
        return False
    return abs(facts.st_mtime - entry.modified.timestamp()) <= 1  # lists have fractions of a second, objects have not


def _pages(
    job: Job[Any], aws: AwsSession, bucket: str, plain: list[Entry], folders: list[Entry]
) -> Iterator[list[Entry]]:
    if plain:
        yield plain
    for entry in folders:
        yield from walk(job, aws, bucket, entry.key)


def _files(path: Path, errors: list[tuple[str, str]]) -> Iterator[tuple[Path, str]]:
    if not path.is_dir():
        if path.is_file() or not path.exists():  # what is not there is told where it is to be read
            yield path, path.name
        else:
            errors.append((shown(str(path)), NO_FILE))
        return

    def failed(error: OSError) -> None:
        errors.append((shown(str(error.filename)), error.strerror or str(error)))

    top = path.resolve()
    for folder, _, names in walk_folders(top, failed):
        for name in names:
            file = Path(folder) / name
            if is_partial(name):
                continue  # what has arrived of a download
            if file.is_file():  # no sockets, pipes, devices, dead links
                yield file, f"{top.name}/{file.relative_to(top).as_posix()}"
            else:
                linked = "It is a link to a folder: such are not followed" if file.is_dir() else NO_FILE
                errors.append((shown(str(file)), linked))
