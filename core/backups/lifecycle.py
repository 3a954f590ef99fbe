"""The plan's retention as one rule of the bucket's lifecycle; every other rule stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from core.backups.objects import lifecycle
from core.backups.objects.values import Entry
from core.backups.outcomes import Finding, Severity
from core.backups.plan import Plan
from core.backups.vault import Contents, Vault, expiry_of
from core.base.errors import OpsError
from core.base.files import shown

_ABORT_DAYS = 3


def rule_of(plan: Plan, *, enabled: bool, name: str = "") -> lifecycle.Rule:
    return lifecycle.rule(
        name or f"opsdesk-{plan.name}",
        plan.prefix,
        enabled=enabled,
        expire_days=plan.retention.days,
        noncurrent_days=plan.retention.days,
        abort_days=_ABORT_DAYS,
    )


def strange_to(plan: Plan, strangers: list[str]) -> str:
    """In words, for people."""
    named = ", ".join(shown(key.removeprefix(plan.prefix)) for key in strangers[:3])
    more = f" and {len(strangers) - 3:,} more" if len(strangers) > 3 else ""
    return f"Under s3://{plan.target.bucket}/{plan.prefix} lies what no run of {plan.name} has written: {named}{more}"


def write_rule(vault: Vault, plan: Plan, *, enabled: bool) -> None:
    """Put our rule among those of the bucket; raises OpsError where they cannot be read or were changed meanwhile, and (code
    ``shared``) where it would delete other things than the plan's backups."""
    strangers = vault.strangers(vault.contents()) if enabled else []
    if strangers:
        raise OpsError(
            "The expiry would delete what is no backup", strange_to(plan, strangers),
            "Move that elsewhere, or give the plan a prefix of its own", code="shared",
        )  # fmt: skip
    before = lifecycle.read(vault.aws, vault.bucket)
    after = lifecycle.merged(before, [rule_of(plan, enabled=enabled, name=_name(plan, before))])
    lifecycle.write(vault.aws, vault.bucket, after, expected=before)


def _name(plan: Plan, there: lifecycle.Lifecycle) -> str:
    """The rule's ID: another profile may keep backups under a plan of the same name in this bucket, and its rule must stay."""
    plain = f"opsdesk-{plan.name}"
    further = f"{plain}-{hashlib.sha256(plan.prefix.encode()).hexdigest()[:8]}"
    taken = {rule.get("ID"): lifecycle.prefix_of(rule) for rule in there.rules}
    ours = (name for name in (plain, further) if taken.get(name) == plan.prefix)
    return next(ours, further if plain in taken else plain)


@dataclass(frozen=True, slots=True)
class Expiry:
    """What deletes a plan's backups by age. ``rules``: those of the bucket that may concern them (backups carry no tags).
    known False: the role may not read the lifecycle, or the endpoint has none; then the plan's own days are all there is."""

    plan: Plan
    rules: tuple[lifecycle.Rule, ...] = ()
    known: bool = True

    @property
    def days(self) -> int | None:
        """After how many days the bucket deletes a backup of today; None: never, or not known."""
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        end = lifecycle.expiry(Entry(f"{self.plan.prefix}backup", size=1 << 20, modified=midnight), self.rules)
        return max(1, (end[0] - midnight).days) if end else None

    def of(self, key: str, size: int, modified: datetime) -> datetime | None:
        """When this object goes; None: never, as far as is known."""
        if not self.known:
            return expiry_of(modified, self.plan.retention.days)
        end = lifecycle.expiry(Entry(key, size, modified), self.rules)
        return end[0] if end else None

    def shared(self, strangers: list[str], contents: Contents) -> Iterator[Finding]:
        """What the plan's own rule deletes beside its backups."""
        lost = []
        for key in strangers:
            end = lifecycle.expiry(Entry(key, *contents[key]), self.rules)
            if end is not None and lifecycle.prefix_of(end[1]) == self.plan.prefix:
                lost.append(key)
        if lost:
            yield Finding(
                Severity.ERROR, "expiry-shared", "The expiry of this plan deletes what is no backup",
                strange_to(self.plan, lost), "Pause the expiry now, then move that elsewhere",
            )  # fmt: skip

    def by(self, key: str, size: int, modified: datetime) -> str:
        """What deletes it, in words."""
        if not self.known:
            return f"if the bucket keeps to the plan's {self.plan.retention.days} days: its lifecycle cannot be read"
        end = lifecycle.expiry(Entry(key, size, modified), self.rules)
        return (
            f"by the bucket's rule {end[1].get('ID') or 'without a name'}"
            if end
            else "no rule of the bucket deletes it"
        )


def expiry(vault: Vault, plan: Plan) -> Expiry:
    """Raises OpsError where the bucket cannot be reached or is not there."""
    try:
        found = lifecycle.read(vault.aws, vault.bucket)
    except OpsError as error:
        if error.code in ("unreachable", "credentials", "not-found"):
            raise
        return Expiry(plan, known=False)
    return Expiry(plan, tuple(rule for rule in found.rules if not lifecycle.tags_of_rule(rule)))
