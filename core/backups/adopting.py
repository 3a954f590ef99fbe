"""Taking over backups whose plan is lost, with the computer that had it, say: a plan is made of what lies in the bucket."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.flow import age_keys
from core.backups.manifest import SUFFIX, Manifest
from core.backups.plan import Plan, Proof, Source, Target
from core.backups.vault import Vault, moment_of
from core.base.errors import OpsError, WrongUse
from core.jobs.calendar import Schedule
from core.jobs.job import Job

_KEY = re.compile(
    r"(?P<folder>(?:.*/)?)(?P<plan>[a-z0-9][a-z0-9_-]{0,47})/\d{4}/\d\d/\d\d/(?P=plan)-(?P<run>\d{8}T\d{6}Z)"
    r"\.(?:sql|tar)\.(?:zst|gz)(?:\.age)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Left:
    """The complete backups of one plan: how many, and the newest of them. ``prefix``: the plan's target says it so."""

    plan: str
    bucket: str
    prefix: str
    key: str
    run: str
    count: int

    @property
    def taken(self) -> datetime:
        return moment_of(self.run)

    @property
    def encrypted(self) -> bool:
        return self.key.endswith(".age")

    @property
    def is_database(self) -> bool:
        return ".sql." in self.key.rpartition("/")[2]


def look(job: Job[Any], aws: AwsSession, bucket: str, prefix: str = "") -> list[Left]:
    """Every plan that has complete backups under ``prefix``, that with the newest one first."""
    found: dict[tuple[str, str], Left] = {}
    seen = 0
    with explained(f"look for backups in {bucket}"):
        for page in aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                key = item["Key"].removesuffix(SUFFIX)
                match = _KEY.fullmatch(key) if key != item["Key"] else None
                if match is None:
                    continue
                where = match["folder"], match["plan"]
                before = found.get(where)
                made = Left(match["plan"], bucket, match["folder"].rstrip("/"), key, match["run"], 1)
                if before is not None:
                    made = replace(made if made.run > before.run else before, count=before.count + 1)
                found[where] = made
            seen += len(page.get("Contents", ()))
            job.report(seen, None, f"{seen:,} objects looked at")
            job.checkpoint()
    return sorted(found.values(), key=lambda left: left.run, reverse=True)


def plan_of(
    job: Job[Any],
    aws: AwsSession,
    left: Left,
    *,
    server: str = "",
    servers: Sequence[str] = (),
    folder: str = "",
    identity: str = "",
    secret: Callable[[str], str],
) -> Plan:
    """A plan for what is ``left``, which runs only by hand: nobody knows yet when it should, and from where.

    server: the MySQL source to restore into and to back up from then on, the only one of ``servers`` where none is named; folder:
    the same for files; identity: the name of the secret that opens encrypted ones, whose keys it goes on encrypting for.
    """
    plan = Plan(left.plan, Source(), Target(left.bucket, left.prefix), schedule=Schedule(times=()))
    manifest = Vault(aws, plan).manifest(job, left.key)[0]
    recipients: tuple[str, ...] = ()
    if manifest.encrypted:
        if not identity:
            raise WrongUse(
                f"The backups of {left.plan} are encrypted",
                "Without the age identity nobody can read them",
                "Name the secret that holds it",
            )
        recipients = tuple(str(key.to_public()) for key in age_keys(secret(identity)))
    return replace(
        plan,
        source=_source(manifest, server, servers, folder),
        compression=manifest.compression,
        recipients=recipients,
        proof=Proof(identity=identity if manifest.encrypted else ""),
    ).checked()


def _source(manifest: Manifest, server: str, servers: Sequence[str], folder: str) -> Source:
    if manifest.kind != "mysql":
        if not folder:
            raise WrongUse(
                f"The backups of {manifest.plan} are of files",
                "They do not say which folder of this computer theirs shall be",
                "Name a folder, which need not exist yet",
            )
        return Source("folder", paths=(folder,))
    chosen = server or (servers[0] if len(servers) == 1 else "")
    if not chosen:
        raise WrongUse(
            f"The backups of {manifest.plan} are of a database",
            f"The profile's MySQL sources are: {', '.join(servers) or 'none'}",
            "Name the one that it shall be on; `opsdesk profiles add-mysql` adds one",
        )
    if chosen not in servers:
        raise WrongUse(
            f"The profile has no MySQL source {chosen}", f"Known are: {', '.join(servers) or 'none'}", "Add it first"
        )
    return Source("mysql", chosen, tuple(part.name for part in manifest.databases))


def chosen(found: Sequence[Left], plan: str, where: str) -> Left:
    """The one that is meant; raises OpsError or WrongUse where that is not certain."""
    fit = [left for left in found if left.plan == plan] if plan else list(found)
    if not fit:
        raise OpsError(
            f"There is no complete backup{f' of {plan}' if plan else ''} under {where}",
            "Nothing there is named as Opsdesk names backups, with its manifest beside it",
            "Check bucket and prefix, or try the bucket alone",
            code="not-found",
        )
    if len(fit) > 1:
        raise WrongUse(
            f"There are backups of several plans under {where}",
            ", ".join(f"{left.plan} (s3://{left.bucket}/{left.prefix})" for left in fit),
            "Name one of them, or its own prefix",
        )
    return fit[0]
