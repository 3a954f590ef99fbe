"""warehouse pull: MySQL tables into the warehouse, without a screen."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from core.base.errors import WrongUse

MODES = ("full", "incremental", "keys")
KINDS = ("systemd", "cron", "launchd", "schtasks")

if TYPE_CHECKING:
    from core.cli.console import Console
    from core.cli.group import Group


def add_actions(group: Group) -> None:
    """``warehouse pull PLAN`` and ``warehouse pull --source URL --tables a,b --schema S``."""
    parser = group.action(
        "pull", _pull, "pull MySQL tables into the warehouse: whole, or what changed since the last pull"
    )
    parser.add_argument("plan", nargs="?", default="", metavar="PLAN", help="a saved plan")
    parser.add_argument(
        "--source",
        default="",
        metavar="MYSQL_URL",
        help="mysql://user:password@host:3306/database, or a source's name in the profile",
    )
    parser.add_argument("--tables", default="", metavar="A,B", help="default: every table")
    parser.add_argument("--schema", default="", metavar="S", help="where they land (default: the database's name)")
    parser.add_argument(
        "--mode",
        choices=MODES,
        default=None,
        help="default: incremental; keys: also removes what is gone at the source",
    )
    parser.add_argument(
        "--check", action="store_true", help="compare source and target afterwards; pull again what differs"
    )
    parser.add_argument("--connection", "-c", default="", metavar="C", help="the warehouse connection")
    parser.add_argument(
        "--stage", default="", metavar="S3_URL", help="where files wait (default: a bucket of the account's own)"
    )
    parser.add_argument(
        "--role", default="", metavar="ARN", help="the role that COPY reads with (default: the cluster's default)"
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="TABLE.COLUMN", help="leave a column out; may be given often"
    )
    parser.add_argument("--cut-text", action="store_true", help="cut texts above 65,535 bytes instead of stopping")
    parser.add_argument(
        "--propose", action="store_true", help="show types, keys with their reasons and DDL; change nothing"
    )
    parser.add_argument("--snapshot", action="store_true", help="read all tables of a source as of one moment (slower)")
    parser.add_argument("--if-due", action="store_true", help="only if the plan's schedule says so")
    parser.add_argument("--save", default="", metavar="NAME", help="keep the options as a plan of this name")
    parser.add_argument("--add", action="store_true", help="with --save: add the source to the plan of that name")
    parser.add_argument(
        "--union", default="", metavar="SCHEMA", help="with --save: views there show all sources of the plan as one"
    )
    parser.add_argument("--at", default="", metavar="HH:MM,...", help="with --save: the plan's times of day")
    parser.add_argument("--on", default="", metavar="mon,...", help="with --at: its weekdays (default: every day)")
    pulls = group.action("pulls", _pulls, "the saved plans of pulls, when each ran and is due")
    pulls.add_argument("--forget", default="", metavar="PLAN", help="remove a plan and its timers; its tables stay")
    timer = group.action("pull-schedule", _schedule, "let the operating system run a saved pull")
    timer.add_argument("plan", metavar="PLAN")
    timer.add_argument("--install", choices=KINDS, help="write and activate it")
    timer.add_argument("--remove", choices=KINDS, help="deactivate and delete it")


def _pull(options: argparse.Namespace, console: Console) -> int:
    from dataclasses import replace

    from core.warehouse.feed.plan import FeedPlan, schedule_of
    from core.warehouse.feed.service import FeedService, single_source_plan

    if bool(options.plan) == bool(options.source):
        raise WrongUse("Give a plan or --source", "Both or neither were given", "See `warehouse pull --help`")
    if (options.add or options.union) and not options.save:
        raise WrongUse("--add and --union need --save", "They are about a plan that is kept", "Give --save NAME")
    feed = FeedService(console.desk.workplace)
    schedule = schedule_of(options.at, options.on)
    plan: FeedPlan
    if options.plan:
        plan = feed.plan(options.plan)
        plan = replace(
            plan,
            mode=options.mode or plan.mode,
            connection=options.connection or plan.connection,
            stage=options.stage or plan.stage,
            role=options.role or plan.role,
            snapshot=options.snapshot or plan.snapshot,
        )
        if options.if_due and not feed.due(plan):
            console.result({"plan": plan.name, "due": False}, f"No pull of {plan.name} is due.")
            return 0
    else:
        tables = [one.strip() for one in options.tables.split(",") if one.strip()]
        server = console.do("Look at the source", lambda job: feed.server(options.source))
        plan = single_source_plan(
            options.source,
            tables,
            options.schema or server.database.lower() or "public",
            options.mode or "incremental",
            connection=options.connection,
            stage=options.stage,
            role=options.role,
            exclude=tuple(options.exclude),
            cut=options.cut_text,
            snapshot=options.snapshot,
        )
        if options.save:
            bare = tuple(replace(one, source=_without_password(one.source)) for one in plan.sources)
            kept = replace(plan, name=options.save, schedule=schedule, union=options.union, sources=bare)
            if options.add:
                kept = feed.joined(kept)
                others = kept.sources[: -len(bare)]
                plan = replace(kept, sources=(*others, *plan.sources))  # the password, if it was given, is for this run
            feed.save(kept)
    if options.propose:
        return _propose(options, console, feed, plan)
    if options.save and options.at:
        console.say(f"The plan {options.save} is kept. Let a timer run it: warehouse pull-schedule {options.save}")
    connection = console.do("Open the warehouse", lambda job: console.desk.warehouse.connection(job, plan.connection))
    report = console.do("Pull", partial(feed.pull, plan=plan, connection=connection, check=options.check))
    for table in report.tables:
        for note in table.notes:
            console.say(f"{table.target}: {note}")
    lines = [f"{one.target}: {one.read:,} rows read, {one.loaded:,} loaded ({one.mode})" for one in report.tables]
    lines += [f"{one.target}: {check['name']} differs: {check['expected']} at the source, {check['actual']} in the warehouse"
              for one in report.tables for check in one.checks if not check["ok"]]  # fmt: skip
    console.result(report.document(), "\n".join(lines))
    return 0 if report.ok else 1


def _pulls(options: argparse.Namespace, console: Console) -> None:
    from core.warehouse.feed.kept import forget, kept_plans
    from core.warehouse.feed.service import FeedService

    feed = FeedService(console.desk.workplace)
    if options.forget:
        if options.forget not in feed.plans():
            feed.plan(options.forget)  # says which there are
        stopped = console.do(f"Forget {options.forget}", lambda _job: forget(feed, options.forget))
        told = f" Its timer ({', '.join(stopped)}) is gone." if stopped else ""
        console.result({"forgotten": options.forget, "timers": stopped}, f"{options.forget} is forgotten.{told}")
        return
    rows = []
    for one in kept_plans(feed):
        rows.append(
            {
                "plan": one.name, "mode": one.plan.mode if one.plan else "",
                "from": ", ".join(_without_password(s.source) for s in one.plan.sources) if one.plan else one.fault,
                "into": ", ".join(source.schema for source in one.plan.sources) if one.plan else "",
                "last": one.last.isoformat(timespec="seconds") if one.last else None, "due": one.due,
                "next": one.next.isoformat(timespec="seconds") if one.next else None, "timers": ", ".join(one.timers),
            }
        )  # fmt: skip
    console.table(rows)


def _schedule(options: argparse.Namespace, console: Console) -> None:
    from dataclasses import asdict

    from core.jobs import timers
    from core.warehouse.feed.service import FeedService

    feed = FeedService(console.desk.workplace)
    timer = feed.timer(feed.plan(options.plan))
    kind = options.install or options.remove
    if kind:
        act = timers.install if options.install else timers.remove
        made = console.do(f"Scheduling {options.plan}", lambda _job: act(timer, kind))
        console.result(
            asdict(made), f"{options.plan} is {'run' if made.installed else 'no longer run'} by {kind}. {made.note}"
        )
        return
    exports = [timers.export(timer, one) for one in timers.KINDS]
    console.result([asdict(one) for one in exports], "\n".join(one.words for one in exports))


def _propose(options: argparse.Namespace, console: Console, feed: object, plan: object) -> int:
    from core.warehouse.feed.plan import FeedPlan
    from core.warehouse.feed.service import FeedService

    assert isinstance(feed, FeedService) and isinstance(plan, FeedPlan)
    documents, texts = [], []
    for source in plan.sources:
        server = feed.server(source.source, source.database)
        proposals = console.do(
            "Propose",
            partial(
                feed.propose,
                server=server,
                schema=source.schema,
                names=list(source.tables) or None,
                exclude=source.exclude,
            ),
        )
        for one in proposals:
            documents.append(
                {
                    "table": one.table.name,
                    "ddl": one.ddl,
                    "reasons": list(one.advice.reasons),
                    "notes": [c.note for c in one.columns if c.note],
                }
            )
            texts.append("\n".join([*(f"-- {reason}" for reason in one.advice.reasons), one.ddl + ";"]))
    console.result(documents, "\n\n".join(texts))
    return 0


def _without_password(source: str) -> str:
    """An address as it may be kept."""
    head, at, tail = source.rpartition("@")
    if not at:
        return source
    scheme, _, login = head.partition("://")
    return f"{scheme}://{login.partition(':')[0]}@{tail}"
