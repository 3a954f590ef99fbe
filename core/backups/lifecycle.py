"""The plan's retention as one rule of the bucket's lifecycle; every other rule stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime

from core.backups.objects import lifecycle
from core.backups.objects.values import Entry
from core.backups.plan import Plan
from core.backups.vault import Vault

_ABORT_DAYS = 3


def rule_of(plan: Plan, *, enabled: bool) -> lifecycle.Rule:
    return lifecycle.rule(
        f"opsdesk-{plan.name}",
        plan.prefix,
        enabled=enabled,
        expire_days=plan.retention.days,
        noncurrent_days=plan.retention.days,
        abort_days=_ABORT_DAYS,
    )


def write_rule(vault: Vault, plan: Plan, *, enabled: bool) -> None:
    """Put our rule among those of the bucket; raises OpsError where they cannot be read or were changed meanwhile."""
    before = lifecycle.read(vault.aws, vault.bucket)
    after = lifecycle.merged(before, [rule_of(plan, enabled=enabled)])
    lifecycle.write(vault.aws, vault.bucket, after, expected=before)


def expiry_days(vault: Vault, plan: Plan) -> int | None:
    """After how many days the bucket deletes this plan's backups; None: never. Raises OpsError where the role may not
    read the lifecycle or the endpoint has none."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    backup = Entry(f"{plan.prefix}backup", size=1 << 20, modified=midnight)
    ends = lifecycle.expiry_moment(backup, _without_tags(lifecycle.read(vault.aws, vault.bucket)))
    return max(1, (ends - midnight).days) if ends else None


def _without_tags(found: lifecycle.Lifecycle) -> list[lifecycle.Rule]:
    """Rules for tagged objects do not concern backups, which carry no tags."""
    return [
        rule
        for rule in found.rules
        if not (rule.get("Filter", {}).get("Tag") or rule.get("Filter", {}).get("And", {}).get("Tags"))
    ]
