"""s3 ls | du | mb | rb | put | get | rm | cp | mv: the daily handling of buckets and objects. The others are declared here, and done next door."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.backups.objects import browse
from core.backups.objects.address import Address, address
from core.backups.objects.service import Objects
from core.backups.objects.tally import STOPPING
from core.backups.objects.values import Deleted, Entry, Moved
from core.base.errors import OpsError, WrongUse
from core.cli import s3_bucket, s3_one, s3_rules, s3_sync
from core.cli.console import Console, legible
from core.cli.group import Group
from core.cli.s3_rules import name_errors, payable, when
from core.jobs.job import Job


def register(groups: Any) -> None:
    group = Group(groups, "s3", "buckets and objects")
    ls = group.action("ls", _ls, "buckets, or what lies under a prefix")
    ls.add_argument("where", nargs="?", default="", metavar="s3://BUCKET[/PREFIX]")
    ls.add_argument("--recursive", "-r", action="store_true", help="everything below, not one level")
    ls.add_argument("--versions", action="store_true", help="every version and delete marker (may take long)")
    la = group.action("la", _la, "what lies in each bucket")
    la.add_argument("--recursive", "-r", action="store_true", help="everything, not the first level")
    du = group.action("du", _du, "how much lies under a prefix")
    du.add_argument("where", metavar="s3://BUCKET[/PREFIX]")
    du.add_argument("--versions", action="store_true", help="with all old versions")
    mb = group.action("mb", _mb, "make a bucket")
    mb.add_argument("where", metavar="s3://BUCKET")
    mb.add_argument("--versioning", action="store_true", help="keep old versions")
    group.action("rb", _rb, "remove an empty bucket").add_argument("where", metavar="s3://BUCKET")
    put = group.action("put", _put, "upload files and folders")
    put.add_argument("files", nargs="+", metavar="FILE", help="- reads from a pipe")
    put.add_argument("where", metavar="s3://BUCKET/KEY", help="a prefix, where it ends with / or there are several")
    put.add_argument("--no-overwrite", action="store_true", help="refuse where an object is already there")
    put.add_argument("--storage-class", default="", metavar="CLASS")
    get = group.action("get", _get, "download an object, or a folder (a key that ends with /)")
    get.add_argument("where", metavar="s3://BUCKET/KEY")
    get.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="default: its own name, here; - writes to a pipe"
    )
    get.add_argument("--version", default="", metavar="ID")
    get.add_argument("--no-overwrite", action="store_true")
    payable(s3_sync.register(group))
    rm = group.action("rm", _rm, "delete objects", "del")
    rm.add_argument("where", nargs="+", metavar="s3://BUCKET/KEY")
    rm.add_argument("--recursive", "-r", action="store_true", help="a key that ends with /: all below it")
    rm.add_argument("--versions", action="store_true", help="all versions and delete markers: for good")
    for action in (ls, du, get):
        payable(action)
    for name, run in (("cp", _cp), ("mv", _mv)):
        action = group.action(name, run, f"{'copy' if name == 'cp' else 'move'} an object or a folder on the server")
        action.add_argument("source", metavar="s3://BUCKET/KEY")
        action.add_argument("target", metavar="s3://BUCKET/KEY")
        action.add_argument("--overwrite", action="store_true")
        payable(action)
    s3_one.register(group)
    s3_bucket.register(group)
    cycle = group.action("lifecycle", s3_rules.lifecycle, "show, try out or change the lifecycle rules")
    cycle.add_argument("where", metavar="s3://BUCKET[/PREFIX]")
    cycle.add_argument("--rule", default="", metavar="ID", help="the rule to write (default: opsdesk-PREFIX)")
    cycle.add_argument("--expire-days", type=int, metavar="N", help="delete objects N days old")
    cycle.add_argument(
        "--noncurrent-days", type=int, metavar="N", help="delete versions N days after they were replaced"
    )
    cycle.add_argument("--abort-days", type=int, metavar="N", help="abort unfinished uploads N days old")
    cycle.add_argument("--remove", metavar="ID", default="", help="remove this rule")
    cycle.add_argument("--dry-run", action="store_true", help="show the difference, write nothing")
    cycle.add_argument("--gone-by", metavar="DATE", default="", help="what will be gone on that day (YYYY-MM-DD)")
    uploads = group.action("uploads", s3_rules.uploads, "unfinished multipart uploads", "multipart")
    uploads.add_argument("where", metavar="s3://BUCKET[/PREFIX]")
    uploads.add_argument("--abort", action="store_true", help="give up on all of them")


def _objects(console: Console) -> Objects:
    return Objects(console.desk.workplace)


def _ls(options: argparse.Namespace, console: Console) -> None:
    objects = _objects(console)
    if not options.where:
        listing = objects.buckets()
        console.table(
            [{"bucket": item.name, "created": when(item.created)} for item in listing.buckets], ("bucket", "created")
        )
        if not listing.whole:
            raise WrongUse("The buckets cannot be listed", listing.why, "Name one: s3 ls s3://BUCKET")
        return
    where = address(options.where)

    def pages(job: Job[Any]) -> Iterable[Sequence[Entry]]:
        if options.versions:
            return browse.walk_versions(job, console.desk.aws, where.bucket, where.key)
        if options.recursive:
            return browse.walk(job, console.desk.aws, where.bucket, where.key)
        return _level(job, objects, where)

    def show(job: Job[int]) -> int:
        count = 0
        for page in pages(job):
            console.result(None, "\n".join(_line(entry, versions=options.versions) for entry in page))
            count += len(page)
        return count

    def write(job: Job[None]) -> None:
        console.items(_row(entry) for page in pages(job) for entry in page)

    if console.json:
        console.do("list", write)
    elif not console.do("list", show) and where.key and not where.key.endswith("/"):
        console.say(f"Nothing lies under {where}.")


def _la(options: argparse.Namespace, console: Console) -> int:
    """Page by page, so that no number of objects needs more memory; a bucket that cannot be read is named."""
    objects = _objects(console)
    listing = objects.buckets()
    if not listing.whole:
        raise WrongUse("The buckets cannot be listed", listing.why, "Name one: s3 ls s3://BUCKET")
    unread = []

    def pages(job: Job[Any]) -> Iterator[tuple[str, Sequence[Entry]]]:
        for bucket in listing.buckets:
            where = Address(bucket.name)
            try:
                found = (
                    browse.walk(job, console.desk.aws, bucket.name)
                    if options.recursive
                    else _level(job, objects, where)
                )
                yield from ((bucket.name, page) for page in found)
            except OpsError as error:
                if error.code in STOPPING:
                    raise
                unread.append(bucket.name)
                console.warn(f"{where}: {error.why}")

    def show(job: Job[None]) -> None:
        for bucket, page in pages(job):
            lines = [_line(replace(entry, key=f"s3://{bucket}/{entry.key}"), versions=False) for entry in page]
            console.result(None, "\n".join(lines))

    def write(job: Job[None]) -> None:
        console.items({"bucket": bucket, **_row(entry)} for bucket, page in pages(job) for entry in page)

    console.do("list", write if console.json else show)
    return 1 if unread else 0


def _level(job: Job[Any], objects: Objects, where: Address) -> Iterator[Sequence[Entry]]:
    token = ""
    while True:
        job.checkpoint()
        page = objects.page(where.bucket, where.key, token)
        yield page.entries
        token = page.token
        if not token:
            return


def _line(entry: Entry, *, versions: bool) -> str:
    size = "folder" if entry.folder else "deleted" if entry.delete_marker else str(entry.size)
    tail = f"  {entry.version}{' (current)' if entry.latest else ''}" if versions else ""
    return f"{when(entry.modified) or '':<20}  {size:>14}  {legible(entry.key)}{tail}"


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {"key": entry.key, "folder": entry.folder}
    if not entry.folder:
        row |= {
            "size": entry.size,
            "modified": when(entry.modified),
            "storage_class": entry.storage_class,
            "etag": entry.etag,
        }
    if entry.version:
        row |= {"version": entry.version, "latest": entry.latest, "delete_marker": entry.delete_marker}
    return row


def _du(options: argparse.Namespace, console: Console) -> None:
    where, objects = address(options.where), _objects(console)
    below = [Entry(where.key, folder=True)]
    found = console.do("count", lambda job: objects.amount(job, where.bucket, below, versions=options.versions))
    console.result(
        {"objects": found.objects, "bytes": found.size}, f"{found.size:,} bytes in {found.objects:,} objects"
    )


def _mb(options: argparse.Namespace, console: Console) -> None:
    where = address(options.where)
    _objects(console).make_bucket(where.bucket, versioning=options.versioning)
    console.result({"bucket": where.bucket}, f"Made s3://{where.bucket}")


def _rb(options: argparse.Namespace, console: Console) -> None:
    where = address(options.where)
    _objects(console).remove_bucket(where.bucket)
    console.result({"bucket": where.bucket}, f"Removed s3://{where.bucket}")


def _put(options: argparse.Namespace, console: Console) -> int:
    where, objects = address(options.where), _objects(console)
    kind = {"replace": not options.no_overwrite, "storage_class": options.storage_class}
    named = bool(where.key) and not where.key.endswith("/")
    if "-" in options.files:
        if len(options.files) > 1 or not named:
            raise WrongUse(
                "A pipe becomes one object", "It has no name of its own", "For example put - s3://bucket/key"
            )
        if sys.stdin.isatty():
            console.say("Reading what is typed here; Ctrl-D ends it.")
        pipe = sys.stdin.fileno()
        moved = console.do("upload", lambda job: objects.upload_stream(job, pipe, where.bucket, where.key, **kind))
        return _moved(console, moved, "uploaded")
    files = [Path(name) for name in options.files]
    for file in files:
        if not file.exists():
            raise WrongUse(f"There is no file {file}", "Nothing was uploaded", "Check the name")
    if named and len(files) == 1 and files[0].is_file():
        moved = console.do("upload", lambda job: objects.upload_as(job, files[0], where.bucket, where.key, **kind))
    else:
        prefix = f"{where.key}/" if named else where.key
        moved = console.do("upload", lambda job: objects.upload(job, files, where.bucket, prefix, **kind))
    return _moved(console, moved, "uploaded")


def _get(options: argparse.Namespace, console: Console) -> int:
    where, objects = address(options.where, key_needed=True), _objects(console)
    replace = not options.no_overwrite
    if str(options.file) == "-":
        return _piped(options, console, objects, where)
    if where.key.endswith("/"):
        parent = where.key[: where.key.rstrip("/").rfind("/") + 1]
        folder = options.file or Path()
        entries = [Entry(where.key, folder=True)]
        moved = console.do(
            "download", lambda job: objects.download(job, where.bucket, parent, entries, folder, replace=replace)
        )
    else:
        target = options.file or Path(where.key.rsplit("/", 1)[-1])
        if target.is_dir():
            target = target / where.key.rsplit("/", 1)[-1]
        moved = console.do(
            "download",
            lambda job: objects.download_as(
                job, where.bucket, where.key, target, version=options.version, replace=replace
            ),
        )
    return _moved(console, moved, "downloaded")


def _piped(options: argparse.Namespace, console: Console, objects: Objects, where: Address) -> int:
    if where.key.endswith("/") or console.json:
        raise WrongUse(
            "That cannot go through a pipe",
            "A folder is many objects" if where.key.endswith("/") else "The answer in JSON would stand among its bytes",
            "Name one object, without --json",
        )
    out = sys.stdout.buffer
    moved = console.do(
        "download", lambda job: objects.stream(job, where.bucket, where.key, out, version=options.version)
    )
    console.say(f"{moved.size:,} bytes. {moved.words[0]}.")
    return 0


def _moved(console: Console, moved: Moved, verb: str) -> int:
    name_errors(console, moved.errors)
    for words in moved.words:
        console.say(f"{words}.")
    console.result(
        {
            "objects": moved.objects,
            "bytes": moved.size,
            "reused_bytes": moved.reused,
            "seconds": round(moved.seconds, 3),
            "compared": list(moved.words),
            "errors": [{"name": name, "why": why} for name, why in moved.errors],
        },
        f"{moved.objects:,} objects {verb}, {moved.size:,} bytes in {moved.seconds:.1f} s"
        + (f", {moved.reused:,} of them were there already" if moved.reused else ""),
    )
    return 1 if moved.errors else 0


def _rm(options: argparse.Namespace, console: Console) -> int:
    places = [address(text, key_needed=True) for text in options.where]
    for place in places:
        if place.key.endswith("/") and not options.recursive:
            raise WrongUse(f"{place} is a folder", "All below it would be deleted", "Say --recursive if that is meant")
    objects, gone, refused, errors = _objects(console), 0, 0, list[tuple[str, str]]()
    for bucket in dict.fromkeys(place.bucket for place in places):
        entries = [Entry(place.key, folder=place.key.endswith("/")) for place in places if place.bucket == bucket]
        if not options.versions:
            entries = console.do("look", _there(objects, console, bucket, entries))
        done = console.do("delete", _deletion(objects, bucket, entries, versions=options.versions))
        gone, refused, errors = gone + done.objects, refused + done.refused, [*errors, *done.errors]
    name_errors(console, tuple(errors), refused)
    console.result(
        {"deleted": gone, "refused": refused, "errors": [{"name": name, "why": why} for name, why in errors]},
        f"{gone:,} deleted",
    )
    return 1 if refused else 0


def _there(
    objects: Objects, console: Console, bucket: str, entries: list[Entry]
) -> Callable[[Job[list[Entry]]], list[Entry]]:
    """S3 says "deleted" of what never was, and a mistyped name would be counted."""

    def look(job: Job[list[Entry]]) -> list[Entry]:
        found = []
        for entry in entries:
            job.checkpoint()
            if entry.folder or objects.exists(bucket, entry.key):
                found.append(entry)
            else:
                console.warn(f"There is no {Address(bucket, legible(entry.key))}.")
        return found

    return look


def _deletion(
    objects: Objects, bucket: str, entries: list[Entry], *, versions: bool
) -> Callable[[Job[Deleted]], Deleted]:
    return lambda job: objects.delete(job, bucket, entries, versions=versions)


def _cp(options: argparse.Namespace, console: Console) -> int:
    return _copy(options, console, move=False)


def _mv(options: argparse.Namespace, console: Console) -> int:
    return _copy(options, console, move=True)


def _copy(options: argparse.Namespace, console: Console, *, move: bool) -> int:
    if not (options.source.startswith("s3://") and options.target.startswith("s3://")):
        raise WrongUse(
            f"{'mv' if move else 'cp'} works on the server, from S3 to S3",
            f"{options.source if options.target.startswith('s3://') else options.target} is on this computer",
            "s3 put uploads, s3 get downloads, s3 sync makes a folder and a prefix alike",
        )
    source, target = address(options.source, key_needed=True), address(options.target)
    objects = _objects(console)
    if source.key.endswith("/"):
        entries = [Entry(source.key, folder=True)]
    else:
        facts = objects.object_facts(source.bucket, source.key)
        entries = [Entry(source.key, facts.size, facts.modified, facts.storage_class, facts.etag)]
    parent = Address(source.bucket, source.key[: source.key.rstrip("/").rfind("/") + 1])
    moved = console.do(
        "move" if move else "copy",
        lambda job: objects.copy(job, parent, entries, target, move=move, replace=options.overwrite),
    )
    return _moved(console, moved, "moved" if move else "copied")
