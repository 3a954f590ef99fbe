"""What a backup plan says: what to save, where to, how often, how it is proved and who is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from core.backups.objects.address import NO_ARN
from core.base.errors import WrongUse
from core.jobs.calendar import WEEKDAYS, Schedule

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}$")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
_HOST = re.compile(r"[\w.-]+(:\d+)?$|\[[0-9a-fA-F:.]+\](:\d+)?$")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d$")

_LATE = timedelta(hours=2)
"""So much later than its time a run may be whole: it takes its while, and an hour may be skipped in spring."""
_DAILY = timedelta(hours=24) + _LATE

SOURCE_KINDS = ("mysql", "folder", "files")
COMPRESSIONS = ("zstd", "gzip")
SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""How the connection to a mail server is secured, and the port where servers await it."""
OPERATORS = ("=", "!=", ">=", "<=", "matches", "within_hours")
STORAGE_CLASSES = (
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)


@dataclass(frozen=True, slots=True)
class Source:
    """What is saved.

    kind ``mysql``: ``databases`` of ``server``, a MySQL source of the profile (one consistent dump of them all).
    kind ``folder``: ``paths[0]`` with everything below it; kind ``files``: each of ``paths``. ``exclude`` are glob
    patterns on the path inside the archive.
    history: also dump the old rows of system-versioned tables (MariaDB).
    """

    kind: str = "mysql"
    server: str = ""
    databases: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    history: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes: s3://bucket/prefix/<plan>/YYYY/MM/DD/... ``sse``: "", "AES256" or "aws:kms" (with ``kms_key``)."""

    bucket: str = ""
    prefix: str = ""
    storage_class: str = "STANDARD"
    sse: str = ""
    kms_key: str = ""

    @property
    def folder(self) -> str:
        """The prefix with a closing slash, or nothing."""
        return self.prefix.strip("/") + "/" if self.prefix.strip("/") else ""


@dataclass(frozen=True, slots=True)
class Assertion:
    """Something that must be true of every restored backup.

    ``sql`` answers one value; ``operator`` compares it with ``value``: ``=``, ``!=``, ``>=``, ``<=`` (as numbers where
    both are), ``matches`` (a regular expression), ``within_hours`` (the value is a time at most so long before the dump).
    """

    name: str
    sql: str
    operator: str = ">="
    value: str = "1"
    database: str = ""


@dataclass(frozen=True, slots=True)
class Sentinel:
    """A row that should always exist: at least one row of ``table`` fulfils ``where``."""

    table: str
    where: str
    database: str = ""

    def as_assertion(self) -> Assertion:
        quoted = self.table.replace("`", "``")
        return Assertion(
            f"sentinel row in {self.table}",
            f"SELECT COUNT(*) FROM `{quoted}` WHERE {self.where}",
            ">=",
            "1",
            self.database,
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """How the plan is proved.

    every_days: a verification at least so often; level: how far up the ladder (0-6); older_every: every k-th
    verification takes an older backup at random (0: never); scratch: name of a MySQL source of the profile to restore
    into, instead of a private server; identity: name of the secret with the age identity that opens encrypted backups.
    """

    every_days: int = 31
    level: int = 6
    older_every: int = 4
    sentinels: tuple[Sentinel, ...] = ()
    assertions: tuple[Assertion, ...] = ()
    scratch: str = ""
    identity: str = ""
    minimum_bytes: int = 64


@dataclass(frozen=True, slots=True)
class Retention:
    """How long backups live, and how long a problem may stay unseen: days >= proof.every_days + detection + repair."""

    days: int = 60
    detection_days: int = 14
    repair_days: int = 7


@dataclass(frozen=True, slots=True)
class Alerts:
    """Who is told of errors, failed verifications and silence. The SMTP password is the secret ``backup/<plan>/smtp``.

    webhook, apprise: whole addresses, or only their host and services: then the rest is a secret (core/backups/addresses)."""

    desktop: bool = True
    silence_hours: int = _DAILY // timedelta(hours=1)
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_from: str = ""
    smtp_to: tuple[str, ...] = ()
    smtp_tls: str = "starttls"
    sns_topic: str = ""
    webhook: str = ""
    apprise: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of those in use."""
        used = {"desktop": self.desktop, "smtp": self.smtp_host, "sns": self.sns_topic, "webhook": self.webhook}
        return tuple(name for name, where in {**used, "apprise": self.apprise}.items() if where)


@dataclass(frozen=True, slots=True)
class Plan:
    """One backup plan. ``recipients`` are age public keys: with any, the backup is encrypted before it leaves."""

    name: str
    source: Source
    target: Target
    compression: str = "zstd"
    recipients: tuple[str, ...] = ()
    schedule: Schedule = field(default_factory=Schedule)
    proof: Proof = field(default_factory=Proof)
    retention: Retention = field(default_factory=Retention)
    alerts: Alerts = field(default_factory=Alerts)

    @property
    def prefix(self) -> str:
        """The key prefix under which all of this plan's objects lie, closing slash included."""
        return f"{self.target.folder}{self.name}/"

    @property
    def is_database(self) -> bool:
        return self.source.kind == "mysql"

    @property
    def silence(self) -> timedelta:
        """How long after the last success somebody has to be told. Where nobody chose it, not between two runs of the schedule."""
        hours = timedelta(hours=self.alerts.silence_hours)
        return hours if hours != _DAILY else max(hours, _longest_gap(self.schedule) + _LATE)

    @property
    def smtp_secret(self) -> str:
        """The name of the secret with the password of ``alerts.smtp_user``."""
        return f"backup/{self.name}/smtp"

    def checked(self, *parts: str) -> Plan:
        """Self, if every value makes sense; raises WrongUse naming the first that does not. ``parts``: only these of ``PARTS``."""
        for part in parts or PARTS:
            _CHECKS[part](self)
        return self


def _longest_gap(schedule: Schedule) -> timedelta:
    """From one scheduled moment to the next, by the wall clock; nothing where none is scheduled."""
    days = [WEEKDAYS.index(day) for day in schedule.weekdays] or list(range(7))
    week = sorted(
        timedelta(days=day, hours=clock.hour, minutes=clock.minute) for day in days for clock in schedule.clock_times()
    )
    if not week:
        return timedelta()
    return max(later - earlier for earlier, later in zip(week, [*week[1:], week[0] + timedelta(days=7)], strict=True))


def _refuse(what: str, why: str, remedy: str) -> WrongUse:
    return WrongUse(what, why, remedy)


def _check_source(plan: Plan) -> None:
    if not NAME.match(plan.name):
        raise _refuse(
            f"{plan.name!r} is no name for a plan" if plan.name else "The plan has no name",
            "It becomes part of object keys: small letters, digits, dash and underscore, at most 48",
            "Choose another name" if plan.name else "Give it one",
        )
    _check_what(plan.name, plan.source)


def _check_target(plan: Plan) -> None:
    _check_where(plan.name, plan.target)
    if plan.compression not in COMPRESSIONS:
        raise _refuse(
            f"The plan {plan.name} compresses with {plan.compression!r}", "It can be zstd or gzip", "Choose one"
        )
    for recipient in plan.recipients:
        if not recipient.startswith("age1"):
            raise _refuse(
                f"{recipient[:16]!r} is no age public key",
                "Public keys begin with age1",
                "Take the one that age-keygen prints",
            )
    retention = plan.retention
    for label, number in (
        ("retention", retention.days),
        ("detection", retention.detection_days),
        ("repair", retention.repair_days),
    ):
        if not 0 < number <= 36_500:
            raise _refuse(
                f"The plan {plan.name} has {number} days of {label}", "It can be 1 to 36500", "Correct the number"
            )


def _check_alerts(plan: Plan) -> None:
    _check_schedule(plan.name, plan.schedule)
    if plan.alerts.smtp_host and not (plan.alerts.smtp_to and plan.alerts.smtp_from):
        raise _refuse(
            f"The plan {plan.name} mails to nobody", "An SMTP server needs a sender and a receiver", "Fill in both"
        )
    if not 0 < plan.alerts.smtp_port < 65_536:
        raise _refuse(f"{plan.alerts.smtp_port} is no port", "It can be 1 to 65535", "Correct it")
    if plan.alerts.smtp_tls not in SMTP_PORTS:
        raise _refuse(f"smtp_tls is {plan.alerts.smtp_tls!r}", "It can be starttls, tls or none", "Choose one")
    webhook = plan.alerts.webhook
    if webhook and not webhook.startswith(("http://", "https://")) and not _HOST.match(webhook):
        raise _refuse("The webhook is no address", "It should begin with http:// or https://", "Correct it")


def _check_what(name: str, source: Source) -> None:
    if source.kind not in SOURCE_KINDS:
        raise _refuse(
            f"The plan {name} has a source of the kind {source.kind!r}",
            f"It can be {', '.join(SOURCE_KINDS)}",
            "Choose one",
        )
    if source.kind == "mysql":
        if not source.server or not source.databases:
            raise _refuse(
                f"The plan {name} names no database",
                "A MySQL source needs a server and at least one database",
                "Fill in both",
            )
        for database in source.databases:
            if not database or database.startswith("-") or "\0" in database or "\n" in database:
                raise _refuse(f"{database!r} is no database", "The name is empty or begins with a dash", "Correct it")
            if database.lower() in ("information_schema", "performance_schema", "sys", "mysql"):
                raise _refuse(
                    f"{database} is a system schema", "It cannot be restored into another server", "Leave it out"
                )
    elif not source.paths or (source.kind == "folder" and len(source.paths) != 1):
        raise _refuse(
            f"The plan {name} names no path",
            "A folder plan needs one path, a files plan at least one",
            "Fill in the path",
        )


def _check_where(name: str, target: Target) -> None:
    if target.bucket.startswith("arn:"):
        raise _refuse(f"{target.bucket!r} is an ARN", *NO_ARN)
    if not _BUCKET.match(target.bucket):
        raise _refuse(
            f"{target.bucket!r} is no bucket name", "3 to 63 small letters, digits, dots and dashes", "Correct it"
        )
    if len(target.folder) > 512 or any(ord(character) < 32 for character in target.prefix):
        raise _refuse(
            f"The prefix of the plan {name} cannot be used", "It is too long or has control characters", "Correct it"
        )
    if target.storage_class not in STORAGE_CLASSES:
        raise _refuse(
            f"{target.storage_class!r} is no storage class", f"It can be {', '.join(STORAGE_CLASSES)}", "Choose one"
        )
    if target.sse not in ("", "AES256", "aws:kms"):
        raise _refuse(
            f"{target.sse!r} is no server-side encryption", "It can be AES256 or aws:kms", "Choose one, or leave it out"
        )
    if target.kms_key and target.sse != "aws:kms":
        raise _refuse(
            f"The plan {name} names a KMS key without KMS",
            "S3 takes a key only together with the encryption aws:kms",
            "Choose aws:kms, or leave the key out",
        )


def _check_schedule(name: str, schedule: Schedule) -> None:
    for text in schedule.times:
        if not _CLOCK.match(text):
            raise _refuse(f"{text!r} is no time of day", "It should be HH:MM, 00:00 to 23:59", "Correct it")
    for day in schedule.weekdays:
        if day not in WEEKDAYS:
            raise _refuse(f"{day!r} is no weekday", f"It can be {', '.join(WEEKDAYS)}", "Correct it")


def _check_proof(plan: Plan) -> None:
    proof = plan.proof
    if not 0 <= proof.level <= 6:
        raise _refuse(
            f"The plan {plan.name} verifies to level {proof.level}", "Levels are 0 to 6", "Correct the number"
        )
    if not 0 < proof.every_days <= 3_650 or not 0 <= proof.older_every <= 1_000:
        raise _refuse(
            f"The verification interval of {plan.name} makes no sense",
            "every_days 1 to 3650, older_every 0 to 1000",
            "Correct it",
        )
    names = [assertion.name for assertion in proof.assertions]
    if len(set(names)) != len(names):
        raise _refuse(f"Two assertions of {plan.name} have one name", "Findings name them", "Rename one")
    for assertion in proof.assertions:
        if assertion.operator not in OPERATORS:
            raise _refuse(f"{assertion.operator!r} compares nothing", f"It can be {', '.join(OPERATORS)}", "Choose one")
        if assertion.operator == "matches":
            try:
                re.compile(assertion.value)
            except re.error as error:
                raise _refuse(f"{assertion.value!r} is no regular expression", str(error), "Correct it") from error
        if assertion.operator == "within_hours":
            try:
                timedelta(hours=float(assertion.value))  # neither "inf" nor "nan" nor a million years
            except (ValueError, OverflowError) as error:
                raise _refuse(
                    f"{assertion.value!r} is no number of hours", "within_hours needs one", "Correct it"
                ) from error


_CHECKS: dict[str, Callable[[Plan], None]] = {
    "source": _check_source, "target": _check_target, "proof": _check_proof, "when": _check_alerts,
}  # fmt: skip
PARTS = tuple(_CHECKS)
"""What a plan is checked by: each is a step of whoever asks for one."""
