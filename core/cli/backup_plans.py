"""backup plans | add | show | remove: what is saved, where to, how it is proved."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from core.base.errors import WrongUse
from core.cli.console import Console

if TYPE_CHECKING:
    from core.backups.plan import Alerts, Assertion, Plan, Sentinel


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", help="its name: small letters, digits, dash, underscore")
    parser.add_argument("--mysql", metavar="SERVER", help="a MySQL source of the profile")
    parser.add_argument("--database", action="append", default=[], metavar="NAME", help="may be given several times")
    parser.add_argument("--folder", metavar="PATH", help="a folder with everything below it")
    parser.add_argument("--file", action="append", default=[], metavar="PATH", help="may be given several times")
    parser.add_argument("--exclude", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--to", required=True, metavar="s3://BUCKET[/PREFIX]")
    parser.add_argument("--storage-class", default="STANDARD")
    parser.add_argument("--sse", default="", choices=("", "AES256", "aws:kms"))
    parser.add_argument("--kms-key", default="")
    parser.add_argument("--compression", default="zstd", choices=("zstd", "gzip"))
    parser.add_argument(
        "--recipient", action="append", default=[], metavar="AGE_KEY", help="encrypt for this age public key"
    )
    parser.add_argument(
        "--identity", default="", metavar="SECRET", help="name of the secret with the age identity, for verifying"
    )
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="HH:MM",
        help="when it runs (default: 02:00); may be given several times",
    )
    parser.add_argument("--on", action="append", default=[], metavar="DAY", help="mon ... sun (default: every day)")
    parser.add_argument("--keep-days", type=int, default=60)
    parser.add_argument("--verify-days", type=int, default=31)
    parser.add_argument("--older-every", type=int, default=4, help="every k-th verification takes an older backup")
    parser.add_argument(
        "--scratch", default="", metavar="SERVER", help="restore into this MySQL source instead of a private server"
    )
    parser.add_argument(
        "--sentinel", action="append", default=[], metavar="TABLE:CONDITION", help="a row that should always exist"
    )
    parser.add_argument("--assert", action="append", default=[], dest="assertions", metavar="NAME|SQL|OPERATOR|VALUE")
    parser.add_argument(
        "--level", type=int, choices=range(7), default=6, help="how far up the ladder a verification goes"
    )
    parser.add_argument("--detection-days", type=int, default=14, help="a problem is noticed within so many days")
    parser.add_argument("--repair-days", type=int, default=7, help="and repaired within so many")
    parser.add_argument(
        "--silence-hours",
        type=int,
        default=26,
        help="no success for so long is told, too (default: two hours more than the schedule's longest pause)",
    )
    parser.add_argument("--smtp", default="", metavar="HOST[:PORT]", help="mail server for alerts")
    parser.add_argument("--smtp-security", default="starttls", choices=("starttls", "tls", "none"))
    parser.add_argument(
        "--smtp-user", default="", help="its password: `opsdesk profiles secret backup/PLAN/smtp` keeps it"
    )
    parser.add_argument("--mail-from", default="", metavar="ADDRESS")
    parser.add_argument("--mail-to", action="append", default=[], metavar="ADDRESS", help="may be given several times")
    parser.add_argument(
        "--webhook",
        default="",
        metavar="URL",
        help="kept in the keyring; its host alone means the address that is kept already",
    )
    parser.add_argument("--sns-topic", default="")
    parser.add_argument(
        "--apprise",
        action="append",
        default=[],
        metavar="URL",
        help="where the package apprise is installed; kept in the keyring, too",
    )
    parser.add_argument("--replace", action="store_true", help="let it take the place of the plan of that name")


def plans(_options: argparse.Namespace, console: Console) -> None:
    service = console.desk.backups
    for trouble in service.plan_troubles():
        console.warn(f"{trouble.title}: {trouble.why} {trouble.remedy}")
    console.table(
        [
            {
                "plan": plan.name,
                "source": source_words(plan),
                "target": f"s3://{plan.target.bucket}/{plan.prefix}",
                "at": ",".join(plan.schedule.times),
                "on": ",".join(plan.schedule.weekdays) or "every day",
                "keep_days": plan.retention.days,
                "verify_days": plan.proof.every_days,
            }
            for plan in service.plans()
        ]
    )


def source_words(plan: Plan) -> str:
    if plan.is_database:
        return f"{plan.source.server}/{','.join(plan.source.databases)}"
    return ",".join(plan.source.paths)


def add(options: argparse.Namespace, console: Console) -> None:
    from core.backups.plan import Plan, Proof, Retention, Source, Target
    from core.jobs.calendar import Schedule

    kinds = [
        kind for kind, given in (("mysql", options.mysql), ("folder", options.folder), ("files", options.file)) if given
    ]
    if len(kinds) != 1:
        raise WrongUse(
            "A plan saves one kind of thing",
            "Give --mysql, --folder or --file",
            "For example --mysql shop --database shop",
        )
    paths = (options.folder,) if options.folder else tuple(options.file)
    bucket, _, prefix = options.to.removeprefix("s3://").partition("/")
    plan = Plan(
        options.plan,
        Source(kinds[0], options.mysql or "", tuple(options.database), paths, tuple(options.exclude)),
        Target(bucket, prefix, options.storage_class, options.sse, options.kms_key),
        options.compression,
        tuple(options.recipient),
        Schedule(tuple(options.at) or ("02:00",), tuple(options.on)),
        Proof(
            options.verify_days,
            level=options.level,
            older_every=options.older_every,
            sentinels=tuple(map(_sentinel, options.sentinel)),
            assertions=tuple(map(_assertion, options.assertions)),
            scratch=options.scratch,
            identity=options.identity,
        ),
        Retention(options.keep_days, options.detection_days, options.repair_days),
        _alerts(options),
    )
    told = console.desk.backups.save_plan(plan, replace=options.replace)
    for finding in told:
        console.warn(". ".join(filter(None, (finding.title, finding.why, finding.remedy))))
    console.say(f"The plan {plan.name} is stored. Try it: backup check {plan.name}")


def _alerts(options: argparse.Namespace) -> Alerts:
    from core.backups.plan import SMTP_PORTS, Alerts

    host, colon, port = options.smtp.rpartition(":")
    if not colon or port.endswith("]"):  # an IPv6 address alone
        host, port = options.smtp, str(SMTP_PORTS[options.smtp_security])
    if not port.isdecimal():
        raise WrongUse(
            f"{port!r} is no port", "The mail server is HOST or HOST:PORT", "For example mail.example.com:587"
        )
    if (options.mail_to or options.mail_from or options.smtp_user) and not host:
        raise WrongUse("No mail would be sent", "There is no mail server", "Give --smtp HOST, too")
    return Alerts(
        silence_hours=options.silence_hours, smtp_host=host.strip("[]"), smtp_port=int(port), smtp_user=options.smtp_user,
        smtp_from=options.mail_from, smtp_to=tuple(options.mail_to), smtp_tls=options.smtp_security,
        sns_topic=options.sns_topic, webhook=options.webhook, apprise=tuple(options.apprise),
    )  # fmt: skip


def _sentinel(text: str) -> Sentinel:
    from core.backups.plan import Sentinel

    table, colon, condition = text.partition(":")
    if not colon or not condition.strip():
        raise WrongUse(f"{text!r} is no sentinel", "It should be TABLE:CONDITION", "For example customers:id=1")
    return Sentinel(table, condition)


def _assertion(text: str) -> Assertion:
    from core.backups.plan import Assertion

    parts = text.split("|")
    if len(parts) < 4:
        raise WrongUse(
            f"{text!r} is no assertion",
            "It should be NAME|SQL|OPERATOR|VALUE",
            "For example 'orders|SELECT COUNT(*) FROM orders|>=|1000'",
        )
    return Assertion(parts[0], "|".join(parts[1:-2]), parts[-2], parts[-1])


def show(options: argparse.Namespace, console: Console) -> None:
    from core.backups.addresses import shown

    console.result(asdict(shown(console.desk.backups.plan(options.plan))))


def remove(options: argparse.Namespace, console: Console) -> None:
    console.desk.backups.remove_plan(options.plan)
    console.say(f"The plan {options.plan} is forgotten. Its backups stay in the bucket.")
