"""s3 info | modify | undelete | unarchive | link: the facts of one object, and changing them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from core.backups.objects.address import address
from core.backups.objects.service import Objects
from core.backups.objects.values import Entry
from core.base.errors import WrongUse
from core.cli.console import Console
from core.cli.group import Group
from core.cli.s3_rules import name_errors, payable, when


def register(group: Group) -> None:
    info = group.action("info", _info, "all facts of a bucket or an object")
    info.add_argument("where", metavar="s3://BUCKET[/KEY]")
    info.add_argument("--version", default="", metavar="ID")
    payable(info)
    back = group.action("unarchive", _unarchive, "bring an object back from an archive class, for a while", "restore")
    back.add_argument("where", metavar="s3://BUCKET/KEY")
    back.add_argument("--days", type=int, default=7, help="how long the copy stays (default: 7)")
    back.add_argument("--tier", default="Standard", choices=("Standard", "Bulk", "Expedited"))
    link = group.action("link", _link, "a link that lets anybody download an object for a while", "signurl")
    link.add_argument("where", metavar="s3://BUCKET/KEY")
    link.add_argument("--hours", type=float, default=1.0, help="at most 168 (default: 1)")
    modify = group.action("modify", _modify, "another storage class, content type, metadata or tags of objects")
    modify.add_argument("where", metavar="s3://BUCKET/KEY")
    modify.add_argument(
        "--recursive", "-r", action="store_true", help="all below a key that ends with /, or the bucket"
    )
    modify.add_argument("--storage-class", default="", metavar="CLASS")
    modify.add_argument("--content-type", default="", metavar="TYPE")
    modify.add_argument(
        "--metadata",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="may be given several times; NAME= removes it",
    )
    modify.add_argument(
        "--tag", action="append", default=[], metavar="NAME=VALUE", help="may be given several times; NAME= removes it"
    )
    undelete = group.action("undelete", _undelete, "bring back what was deleted, where the bucket keeps versions")
    undelete.add_argument("where", metavar="s3://BUCKET/KEY")


def _info(options: argparse.Namespace, console: Console) -> None:
    where, objects = address(options.where), Objects(console.desk.workplace)
    if not where.key:
        about = objects.bucket_facts(where.bucket)
        documents, untold = objects.bucket_documents(where.bucket)
        console.result(
            {
                "bucket": about.name,
                "region": about.region,
                "versioning": about.versioning,
                "encryption": about.encryption,
                "object_lock": None if about.object_lock is None else bool(about.object_lock),
                "default_lock": (about.object_lock or "").removeprefix("on").removeprefix(", "),
                "lifecycle_rules": about.lifecycle_rules,
                **documents,
                "not_told": [*about.lacking, *untold],
            }
        )
        return
    facts = objects.object_facts(where.bucket, where.key, options.version)
    console.result(
        {
            "key": facts.key,
            "size": facts.size,
            "modified": when(facts.modified),
            "storage_class": facts.storage_class,
            "content_type": facts.content_type,
            "etag": facts.etag,
            "checksums": facts.checksums,
            "version": facts.version,
            "encryption": facts.encryption,
            "expires": facts.expires,
            "locked_until": when(facts.locked_until),
            "metadata": facts.metadata,
            "tags": facts.tags,
            "not_told": list(facts.lacking),
        }
    )


def _link(options: argparse.Namespace, console: Console) -> None:
    where = address(options.where, key_needed=True)
    link = Objects(console.desk.workplace).link(where.bucket, where.key, round(options.hours * 3600))
    console.say(f"It can be used until {when(link.expires)}. {link.note}".strip())
    console.result({"url": link.url, "expires": when(link.expires)}, link.url)


def _unarchive(options: argparse.Namespace, console: Console) -> None:
    where, objects = address(options.where, key_needed=True), Objects(console.desk.workplace)
    words = console.do(
        "bring back", lambda _job: objects.bring_back(where.bucket, where.key, days=options.days, tier=options.tier)
    )
    state = objects.object_facts(where.bucket, where.key).archive
    console.result({"key": where.key, "archive": state.name.lower(), "answer": words}, f"{words}.")


def _modify(options: argparse.Namespace, console: Console) -> int:
    where, objects = address(options.where), Objects(console.desk.workplace)
    if not any((options.storage_class, options.content_type, options.metadata, options.tag)):
        raise WrongUse("Nothing is to be changed", "No option says what", "Add --storage-class, --metadata, --tag ...")
    wished: dict[str, Any] = {
        "storage_class": options.storage_class,
        "content_type": options.content_type,
        "metadata": _changes(options.metadata),
        "tags": _changes(options.tag),
    }
    if where.key.endswith("/") or not where.key:
        if not options.recursive:
            raise WrongUse(f"{where} is a folder", "All below it would be changed", "Say --recursive if that is meant")
        folder = [Entry(where.key, folder=True)]
        done = console.do("change", lambda job: objects.modify(job, where.bucket, folder, **wished))
        name_errors(console, done.errors)
        for words in done.words:
            console.say(f"{words}.")
        console.result(
            {"objects": done.objects, "errors": [{"name": name, "why": why} for name, why in done.errors]},
            f"{done.objects:,} objects changed",
        )
        return 1 if done.errors else 0
    facts = objects.object_facts(where.bucket, where.key)
    entry = Entry(facts.key, facts.size, facts.modified, facts.storage_class, facts.etag)
    console.do("change", lambda job: objects.modify(job, where.bucket, [entry], **wished))
    now = objects.object_facts(where.bucket, where.key)
    console.result(
        {
            "key": now.key,
            "storage_class": now.storage_class,
            "content_type": now.content_type,
            "metadata": now.metadata,
            "tags": now.tags,
        }
    )
    return 0


def _changes(wishes: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE each; an empty value takes the name away."""
    changes = {}
    for wish in wishes:
        name, sign, value = wish.partition("=")
        if not name or not sign:
            raise WrongUse(
                f"{wish!r} is no NAME=VALUE", "The = is missing, or what stands before it", "For example team=web"
            )
        changes[name] = value
    return changes


def _undelete(options: argparse.Namespace, console: Console) -> None:
    where, objects = address(options.where, key_needed=True), Objects(console.desk.workplace)
    gone = console.do("undelete", lambda job: objects.undelete(job, where.bucket, where.key))
    words = f"{where} is back" if gone else f"{where} was not deleted"
    console.result({"key": where.key, "markers_removed": gone}, words)
