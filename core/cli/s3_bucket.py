"""s3 getpolicy | setpolicy | delpolicy | getcors | ... | accesslog | payer | ws-create | ...: what is set on a bucket as a whole."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.backups.objects import documents
from core.backups.objects.access import CANNED
from core.backups.objects.address import Address, address
from core.backups.objects.document_files import cors_of, policy_of
from core.backups.objects.documents import ACCESS_LOG, CORS, PAYER, POLICY, WEBSITE, website_url
from core.backups.objects.service import Objects
from core.backups.objects.values import Entry
from core.base.errors import WrongUse
from core.cli.console import Console
from core.cli.group import Group
from core.cli.s3_rules import name_errors


def register(group: Group) -> None:
    for kind, name, read in ((POLICY, "policy", policy_of), (CORS, "cors", cors_of)):
        _bucket(group, f"get{name}", f"show the {kind.words} of a bucket", _shown, kind=kind)
        put = _bucket(
            group, f"set{name}", f"replace the {kind.words} of a bucket", _set, kind=kind, read=read, first="file"
        )
        put.epilog = (
            "What was there before is shown." if name == "policy" else "JSON as of the AWS CLI, or XML as of s3cmd."
        )
        _bucket(group, f"del{name}", f"remove the {kind.words} of a bucket, after showing them", _removed, kind=kind)
    log = _bucket(group, "accesslog", "show, set or end the log of who reads a bucket", _access_log)
    log.add_argument("--to", "--access-logging-target-prefix", default="", metavar="s3://LOGS/PREFIX")
    log.add_argument("--off", "--no-access-logging", action="store_true")
    payer = _bucket(group, "payer", "show or set who pays for what is read from a bucket", _payer)
    payer.add_argument("--set", choices=("requester", "owner"))
    site = _bucket(group, "ws-create", "serve a bucket as a website", _site)
    site.add_argument("--index", "--ws-index", default="index.html", metavar="NAME", help="default: index.html")
    site.add_argument("--error", "--ws-error", default="", metavar="KEY", help="shown where nothing is found")
    _bucket(group, "ws-info", "show the website of a bucket", _shown, kind=WEBSITE)
    _bucket(group, "ws-delete", "serve a bucket as a website no more", _removed, kind=WEBSITE)
    acl = group.action("setacl", _set_acl, "an access list for objects or a bucket, where it has them switched on")
    acl.add_argument("where", metavar="s3://BUCKET[/KEY]")
    acl.add_argument(
        "--recursive", "-r", action="store_true", help="all objects below a key that ends with /, or of the bucket"
    )
    which = acl.add_mutually_exclusive_group(required=True)
    which.add_argument("--acl", choices=CANNED)
    which.add_argument("--acl-private", dest="acl", action="store_const", const="private")
    which.add_argument("--acl-public", dest="acl", action="store_const", const="public-read")


def _bucket(
    group: Group, name: str, help_text: str, run: Any, *, first: str = "", **defaults: Any
) -> argparse.ArgumentParser:
    action = group.action(name, run, help_text)
    if first:
        action.add_argument(first, type=Path, metavar=first.upper())
    action.add_argument("where", metavar="s3://BUCKET")
    action.set_defaults(**defaults)
    return action


def _whole(options: argparse.Namespace, console: Console) -> tuple[str, Objects]:
    where = address(options.where)
    if where.key:
        raise WrongUse(f"{where} is no bucket", "This is set on a bucket as a whole", f"Say s3://{where.bucket}")
    return where.bucket, Objects(console.desk.workplace)


def _shown(options: argparse.Namespace, console: Console) -> int:
    bucket, objects = _whole(options, console)
    kind: documents.Kind = options.kind
    found = objects.document(bucket, kind)
    answer: dict[str, Any] = {"bucket": bucket, "set": found is not None, "document": found}
    if kind is WEBSITE and found is not None:
        answer["url"] = website_url(console.desk.aws, bucket)
    console.result(answer, None if console.json else _in_full(answer, kind))
    return 0


def _in_full(answer: dict[str, Any], kind: documents.Kind) -> str:
    if not answer["set"]:
        return f"{answer['bucket']} has no {kind.words}"
    lines = [documents.in_full(answer["document"])]
    return "\n".join([answer["url"], *lines] if answer.get("url") else lines)


def _set(options: argparse.Namespace, console: Console) -> None:
    bucket, objects = _whole(options, console)
    _written(console, objects, bucket, options.kind, options.read(options.file))


def _removed(options: argparse.Namespace, console: Console) -> None:
    bucket, objects = _whole(options, console)
    _written(console, objects, bucket, options.kind, None)


def _written(console: Console, objects: Objects, bucket: str, kind: documents.Kind, value: Any) -> None:
    before = objects.write_document(bucket, kind, value)
    if before is not None and before != value:
        console.say(f"Before it was:\n{documents.in_full(before)}")
    done = "set" if value is not None else "removed" if before is not None else "there is none"
    console.result({"bucket": bucket, "document": value, "before": before}, f"{kind.words} of {bucket}: {done}")


def _access_log(options: argparse.Namespace, console: Console) -> int:
    bucket, objects = _whole(options, console)
    options.kind = ACCESS_LOG
    if options.off:
        _written(console, objects, bucket, ACCESS_LOG, None)
        return 0
    if not options.to:
        return _shown(options, console)
    to: Address = address(options.to)
    console.say(
        f"S3 writes it within hours; {to.bucket} needs a policy that lets logging.s3.amazonaws.com put objects."
    )
    _written(console, objects, bucket, ACCESS_LOG, {"TargetBucket": to.bucket, "TargetPrefix": to.key})
    return 0


def _payer(options: argparse.Namespace, console: Console) -> int:
    bucket, objects = _whole(options, console)
    options.kind = PAYER
    if not options.set:
        return _shown(options, console)
    _written(console, objects, bucket, PAYER, "Requester" if options.set == "requester" else "BucketOwner")
    return 0


def _site(options: argparse.Namespace, console: Console) -> None:
    bucket, objects = _whole(options, console)
    site = {"IndexDocument": {"Suffix": options.index}}
    if options.error:
        site["ErrorDocument"] = {"Key": options.error}
    before = objects.write_document(bucket, WEBSITE, site)
    url = website_url(console.desk.aws, bucket)
    console.say("It shows what anybody may read: see to the policy, and to the block of public access (s3 info).")
    console.result({"bucket": bucket, "document": site, "before": before, "url": url}, url or "The website is set")


def _set_acl(options: argparse.Namespace, console: Console) -> int:
    where, objects = address(options.where), Objects(console.desk.workplace)
    folder = where.key.endswith("/") or (options.recursive and not where.key)
    if folder and not options.recursive:
        raise WrongUse(f"{where} is a folder", "All below it would be changed", "Say --recursive if that is meant")
    entries = [Entry(where.key, folder=folder)] if where.key or folder else []
    done = console.do("change", lambda job: objects.set_acl(job, where.bucket, entries, options.acl))
    name_errors(console, done.errors)
    console.result(
        {
            "acl": options.acl,
            "objects": done.objects,
            "errors": [{"name": name, "why": why} for name, why in done.errors],
        },
        f"{options.acl} is set on {f'{done.objects:,} objects' if entries else where}",
    )
    return 1 if done.errors else 0
