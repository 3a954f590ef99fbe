"""streams list | describe | create | delete | scale | split | merge: which streams there are, and their shards."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.base.errors import WrongUse
from core.cli import streams_carry, streams_read
from core.cli.console import Console
from core.cli.group import Group

if TYPE_CHECKING:
    from core.streams.service import StreamDetails
    from core.streams.shards import ReshardPlan


def register(groups: Any) -> None:
    group = Group(groups, "streams", "tap, fill and change Kinesis streams")
    group.action("list", _list, "all streams")
    group.action("describe", _describe, "one stream with its shards").add_argument("name")
    create = group.action("create", _create, "make a stream and wait until it is active")
    create.add_argument("name")
    kind = create.add_mutually_exclusive_group(required=True)
    kind.add_argument("--shards", type=int, metavar="N")
    kind.add_argument("--on-demand", action="store_true", help="AWS adds and removes shards by itself")
    delete = group.action("delete", _delete, "delete a stream with all its records")
    delete.add_argument("name")
    delete.add_argument("--yes", required=True, metavar="NAME", help="the name once more")
    delete.add_argument(
        "--with-consumers", action="store_true", help="deregister the consumers with enhanced fan-out that it has"
    )
    scale = group.action("scale", _scale, "change the number of shards")
    scale.add_argument("name")
    scale.add_argument("--shards", type=int, required=True, metavar="N")
    split = group.action("split", _split, "split a shard")
    split.add_argument("name")
    split.add_argument("shard")
    split.add_argument("--at", type=int, metavar="HASH", help="where the second half starts (default: the middle)")
    merge = group.action("merge", _merge, "merge two neighbouring shards")
    merge.add_argument("name")
    merge.add_argument("shard")
    merge.add_argument("other", metavar="shard")
    for action in (scale, split, merge):
        action.add_argument(
            "--dry-run", action="store_true", help="say what would become of the shards, change nothing"
        )
    streams_read.add_actions(group)
    streams_carry.add_actions(group)


def _list(_options: argparse.Namespace, console: Console) -> None:
    rows = [
        {"name": stream.name, "status": stream.status, "mode": stream.mode, "created": _iso(stream.created)}
        for stream in console.desk.streams.streams()
    ]
    if rows or console.json:
        console.table(rows)
    else:
        console.say("There are no streams. Make one: opsdesk streams create NAME --shards 1")


def _describe(options: argparse.Namespace, console: Console) -> None:
    stream = console.desk.streams.describe(options.name)
    if console.json:
        console.result(_described(stream))
        return
    facts = _described(stream)
    shards = facts.pop("shards")
    console.result(facts)
    if not stream.by_key:
        console.say("Its records are spread by AWS, whatever their partition keys: there is no order within a key.")
    console.table(shards, ("shard", "open", "parents", "starting_hash_key", "ending_hash_key"))


def _described(stream: StreamDetails) -> dict[str, Any]:
    return {
        "name": stream.name,
        "arn": stream.arn,
        "status": stream.status,
        "mode": stream.mode,
        "retention_hours": stream.retention_hours,
        "encryption": stream.encryption,
        "created": _iso(stream.created),
        "consumers": list(stream.consumers),
        "max_record_kib": stream.record_kib,
        "record_distribution": stream.distribution,
        "warm_throughput_mibps": stream.warm_mibps,
        "channels": stream.channels,
        "open_shards": len(stream.open_shards),
        "shards": [
            {
                "shard": shard.id,
                "open": not shard.closed,
                "parents": list(shard.parents),
                "starting_hash_key": str(shard.first_hash),
                "ending_hash_key": str(shard.last_hash),
                "starting_sequence": shard.first_sequence,
                "ending_sequence": shard.last_sequence or None,
            }
            for shard in stream.shards
        ],
    }


def _create(options: argparse.Namespace, console: Console) -> None:
    console.do(f"Create {options.name}", lambda job: console.desk.streams.create(job, options.name, options.shards))
    _tell_shards(options.name, console, "is created")


def _delete(options: argparse.Namespace, console: Console) -> None:
    if options.yes != options.name:
        raise WrongUse(
            f"{options.name} was not deleted",
            f"--yes repeats another name ({options.yes})",
            f"Say --yes {options.name} if you mean it",
        )
    console.do(
        f"Delete {options.name}",
        lambda job: console.desk.streams.delete(job, options.name, with_consumers=options.with_consumers),
    )
    console.result({"name": options.name, "deleted": True}, f"{options.name} is deleted.")


def _scale(options: argparse.Namespace, console: Console) -> None:
    streams = console.desk.streams
    if options.dry_run:
        _tell_plan(streams.plan_scale(options.name, options.shards), console)
        return
    console.do(f"Scale {options.name}", lambda job: streams.scale(job, options.name, options.shards))
    _tell_shards(options.name, console, "is scaled")


def _split(options: argparse.Namespace, console: Console) -> None:
    streams = console.desk.streams
    if options.dry_run:
        _tell_plan(streams.plan_split(options.name, options.shard, options.at), console)
        return
    console.do(f"Split {options.shard}", lambda job: streams.split(job, options.name, options.shard, options.at))
    _tell_shards(options.name, console, "is split")


def _merge(options: argparse.Namespace, console: Console) -> None:
    streams = console.desk.streams
    if options.dry_run:
        _tell_plan(streams.plan_merge(options.name, options.shard, options.other), console)
        return
    console.do(
        f"Merge {options.shard} and {options.other}",
        lambda job: streams.merge(job, options.name, options.shard, options.other),
    )
    _tell_shards(options.name, console, "is merged")


def _tell_shards(name: str, console: Console, done: str) -> None:
    stream = console.desk.streams.describe(name)
    shards = [shard.id for shard in stream.open_shards]
    console.result(
        {"name": name, "status": stream.status, "open_shards": len(shards), "shards": shards},
        f"{name} {done}: {len(shards)} open shards ({', '.join(shards[:8])}{', ...' if len(shards) > 8 else ''}).",
    )


def _tell_plan(plan: ReshardPlan, console: Console) -> None:
    console.result(
        {
            "title": plan.title,
            "allowed": not plan.problems,
            "problems": list(plan.problems),
            "notes": list(plan.notes),
            "shards_before": len(plan.before),
            "shards_after": len(plan.after),
            "usd_a_month_before": round(plan.cost_before, 2),
            "usd_a_month_after": round(plan.cost_after, 2),
            "closes": list(plan.closing),
            "opens": [
                {
                    "starting_hash_key": str(shard.first_hash),
                    "ending_hash_key": str(shard.last_hash),
                    "parents": list(shard.parents),
                }
                for shard in plan.after
                if shard.parents
            ],
        },
        "\n".join(
            [
                f"{plan.title} (dry run).",
                *(f"Not possible: {problem}." for problem in plan.problems),
                f"Shards: {len(plan.before)} -> {len(plan.after)}; about ${plan.cost_before:.2f} -> ${plan.cost_after:.2f} "
                "a month (us-east-1 list price of the shards alone).",
                *plan.notes,
            ]
        ),
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
