"""s3 sync: make one side the same as the other."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.backups.objects.address import address
from core.backups.objects.service import Objects
from core.backups.objects.sync import check_removal
from core.backups.objects.values import Comparison, Difference
from core.base.errors import WrongUse
from core.cli.console import Console, legible
from core.cli.group import Group
from core.cli.s3_rules import name_errors


def register(group: Group) -> argparse.ArgumentParser:
    sync = group.action("sync", _sync, "carry what differs from a folder to a prefix, or from a prefix to a folder")
    sync.add_argument("source", metavar="FOLDER|s3://BUCKET/PREFIX")
    sync.add_argument("target", metavar="s3://BUCKET/PREFIX|FOLDER")
    sync.add_argument("--delete", action="store_true", help="then delete what only the target has")
    sync.add_argument("--contents", action="store_true", help="read every file, also where size and time are equal")
    sync.add_argument("--exclude", action="append", default=[], metavar="GLOB", help="leave these alone on both sides")
    sync.add_argument("--dry-run", action="store_true", help="only say what would be done")
    sync.add_argument("--storage-class", default="", metavar="CLASS", help="of what is uploaded")
    return sync


def _sync(options: argparse.Namespace, console: Console) -> int:
    upward = not options.source.startswith("s3://")
    if upward != options.target.startswith("s3://"):
        raise WrongUse(
            "One side is a folder, the other an S3 address",
            f"{options.source} and {options.target} are not",
            "For example s3 sync photos s3://bucket/photos; s3 cp copies from bucket to bucket",
        )
    folder = Path(options.source if upward else options.target)
    place = address(options.target if upward else options.source)
    objects = Objects(console.desk.workplace)
    found = console.do(
        "compare",
        lambda job: objects.compare(
            job, folder, place, upward=upward, contents=options.contents, exclude=options.exclude
        ),
    )
    if options.delete:
        check_removal(found)
    if options.dry_run:
        return _told(console, found, remove=options.delete)
    moved = console.do(
        "sync",
        lambda job: objects.carry_out(job, found, remove=options.delete, storage_class=options.storage_class),
    )
    name_errors(console, moved.errors)
    verb = "uploaded" if upward else "downloaded"
    console.result(
        {
            "objects": moved.objects,
            "bytes": moved.size,
            "deleted": moved.deleted,
            "same": found.same,
            "seconds": round(moved.seconds, 3),
            "errors": [{"name": name, "why": why} for name, why in moved.errors],
        },
        f"{moved.objects:,} {verb} ({moved.size:,} bytes), {moved.deleted:,} deleted, {found.same:,} were the same",
    )
    return 1 if moved.errors else 0


def _told(console: Console, found: Comparison, *, remove: bool) -> int:
    verb = "upload" if found.upward else "download"
    steps = [(verb, item) for item in found.carry] + [("delete", item) for item in found.surplus if remove]
    name_errors(console, found.errors)
    if console.json:
        console.result(
            {
                "dry_run": True,
                "differences": [_row(action, item) for action, item in steps],
                "same": found.same,
                "errors": [{"name": name, "why": why} for name, why in found.errors],
            }
        )
        return 1 if found.errors else 0
    for action, item in steps:
        console.result(None, f"{action:<8}  {item.size:>14}  {legible(item.name)}  ({item.why})")
    kept = "" if remove else f", {len(found.surplus):,} only at the target (--delete would delete them)"
    console.say(f"{len(found.carry):,} to {verb} ({found.carry_size:,} bytes), {found.same:,} the same{kept}.")
    return 1 if found.errors else 0


def _row(action: str, item: Difference) -> dict[str, Any]:
    return {"action": action, "name": item.name, "size": item.size, "why": item.why}
