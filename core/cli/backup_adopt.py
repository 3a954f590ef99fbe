"""backup adopt: on a new computer, with nothing but the bucket and the key: from there on all verbs work."""

from __future__ import annotations

import argparse
import shlex

from core.cli.console import Console


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("where", metavar="s3://BUCKET[/PREFIX]", help="where the backups lie")
    parser.add_argument("--plan", default="", metavar="NAME", help="which plan's, where there are several")
    parser.add_argument(
        "--mysql", default="", metavar="SERVER", help="the MySQL source of the profile that they shall be restored into"
    )
    parser.add_argument("--folder", default="", metavar="PATH", help="the folder that files shall be saved from again")
    parser.add_argument(
        "--identity", default="", metavar="SECRET", help="name of the secret with the age identity that opens them"
    )


def adopt(options: argparse.Namespace, console: Console) -> None:
    from core.backups.adopting import chosen
    from core.backups.words import count_of

    service = console.desk.backups
    bucket, _, prefix = options.where.removeprefix("s3://").partition("/")
    found = console.do(f"Looking into {options.where}", lambda job: service.left_in(job, bucket, prefix))
    left = chosen(found, options.plan, options.where)
    plan = console.do(
        f"Taking over {left.plan}",
        lambda job: service.adopt(job, left, server=options.mysql, folder=options.folder, identity=options.identity),
    )
    command = f"opsdesk --profile {shlex.quote(console.desk.profile.name)} backup restore {plan.name} --to "
    target = f"{shlex.quote(plan.source.server)}/" if plan.is_database else "NEW_FOLDER"
    console.result(
        {"plan": plan.name, "backups": left.count, "newest": left.run, "restore": command + target},
        f"The plan {plan.name} is stored; it runs only by hand. {count_of(left.count, 'backup')}, the newest of"
        f" {left.taken:%Y-%m-%d %H:%M} UTC. To restore that one:\n  {command}{target}",
    )
