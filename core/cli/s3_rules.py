"""s3 lifecycle | uploads: what a bucket does by itself, and what was never finished in it."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from typing import Any

from core.backups.objects.address import address
from core.backups.objects.fate import end_of
from core.backups.objects.lifecycle import check, difference, in_words, merged, rule
from core.backups.objects.service import Objects
from core.base.errors import WrongUse
from core.cli.console import Console, legible


def lifecycle(options: argparse.Namespace, console: Console) -> None:
    where, objects = address(options.where), Objects(console.desk.workplace)
    now = objects.lifecycle(where.bucket)
    days = (options.expire_days, options.noncurrent_days, options.abort_days)
    new = now
    if any(value is not None for value in days):
        name = options.rule or f"opsdesk-{where.key.strip('/').replace('/', '-') or 'all'}"
        made = rule(
            name,
            where.key,
            expire_days=options.expire_days,
            noncurrent_days=options.noncurrent_days,
            abort_days=options.abort_days,
        )
        new = merged(now, [made])
    if options.remove:
        if options.remove not in {item.get("ID") for item in now.rules}:
            raise WrongUse(
                f"There is no rule {options.remove}", f"In the lifecycle of {where.bucket}", "See what there is"
            )
        new = merged(new, removed=[options.remove])
    problems = check(new.rules)
    if problems:
        raise WrongUse("The lifecycle cannot be written", problems[0], "Correct the rule")
    changes = difference(now, new)
    if changes and not options.dry_run:
        objects.write_lifecycle(where.bucket, new, expected=now)
    for line in changes:
        console.say(line)
    answer: dict[str, Any] = {"rules": list(new.rules), "changed": bool(changes) and not options.dry_run}
    if options.gone_by:
        fate = console.do("try out", lambda job: objects.fate(job, where.bucket, new, _day(options.gone_by), where.key))
        answer["gone"] = {
            "on": options.gone_by,
            "objects": fate.gone,
            "bytes": fate.gone_size,
            "of": fate.looked,
            "restorable": fate.restorable,
            "old_versions": fate.old_gone,
            "old_bytes": fate.old_gone_size,
            "of_old": fate.old,
            "moved": fate.moved,
            "old_moved": fate.old_moved,
            "unsure": fate.unsure,
        }
        console.say(fate.in_words)
    lines = [f"{item.get('ID', '-')}: {in_words(item)}" for item in new.rules] or ["There are no rules"]
    console.result(answer, "\n".join(lines))


def uploads(options: argparse.Namespace, console: Console) -> int:
    where, objects = address(options.where), Objects(console.desk.workplace)
    found = console.do("count", lambda job: objects.open_uploads(job, where.bucket, where.key))
    rows = [
        {
            "key": item.key,
            "upload_id": item.upload_id,
            "started": when(item.started),
            "parts": item.parts,
            "bytes": item.size,
        }
        for item in found
    ]
    if not options.abort:
        shown = rows if console.json else [{**row, "key": legible(str(row["key"]))} for row in rows]
        console.table(shown, ("started", "parts", "bytes", "key"))
        return 0
    gone = console.do("abort", lambda job: objects.abort_uploads(job, where.bucket, found))
    name_errors(console, gone.errors)
    console.result({"aborted": gone.objects, "uploads": rows}, f"{gone.objects:,} unfinished uploads aborted")
    return 1 if gone.errors else 0


def payable(action: argparse.ArgumentParser) -> None:
    """Let its reader pay: a bucket of which requesters do so answers nobody else."""
    run = action.get_default("run")

    def paid(options: argparse.Namespace, console: Console) -> int | None:
        if options.requester_pays:
            console.desk.aws.add_header("s3", "x-amz-request-payer", "requester")
        answer: int | None = run(options, console)
        return answer

    action.add_argument("--requester-pays", action="store_true", help="pay for it, where the bucket's owner does not")
    action.set_defaults(run=paid)


def name_errors(console: Console, errors: tuple[tuple[str, str], ...], count: int | None = None) -> None:
    """count: how many there are, where ``errors`` are the first of them."""
    for name, why in errors[:20]:
        console.warn(f"{legible(name)}: {why}")
    more = (len(errors) if count is None else count) - len(errors[:20])
    if more:
        console.warn(f"and {more:,} more")


def _day(text: str) -> datetime:
    try:
        return end_of(date.fromisoformat(text))
    except ValueError as error:
        raise WrongUse(f"{text!r} is no day", "It should be YYYY-MM-DD", "For example 2027-01-31") from error


def when(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
