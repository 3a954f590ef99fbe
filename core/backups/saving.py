"""Saving a plan with its secrets: nothing is stored for a plan that is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.backups.addresses import Addresses
from core.backups.flow import age_keys
from core.backups.outcomes import Finding
from core.backups.plan import Plan
from core.backups.plans import PlanStore
from core.base.errors import WrongUse


def save(
    store: PlanStore,
    addresses: Addresses,
    plan: Plan,
    secrets: Mapping[str, str],
    noted: Callable[[Plan | None, Plan], object],
    *,
    replace_old: bool,
) -> list[Finding]:
    """``secrets`` by name: passwords, and the age identity, which must fit the plan. ``noted`` is told what the plan was and is.
    What is to be known of the addresses."""
    store.check(plan, replace_old=replace_old)
    identity = secrets.get(plan.proof.identity)
    if identity:
        _check_identity(plan, identity)
    try:
        before = store.get(plan.name)
    except WrongUse:  # there is none, or its file makes no sense
        before = None
    for name, value in secrets.items():
        addresses.secrets.set(name, value)
    named, told = addresses.keep(plan, before)
    store.save(named, replace_old=replace_old)
    noted(before, named)
    return told


def _check_identity(plan: Plan, identity: str) -> None:
    """Another's identity would be found out by the first verification, a month from now."""
    public = [str(key.to_public()) for key in age_keys(identity)]
    if plan.recipients and not set(public) & set(plan.recipients):
        raise WrongUse(
            "This identity does not open the plan's backups",
            f"It belongs to {', '.join(public)}, and they are encrypted for {', '.join(plan.recipients)}",
            "Take the identity of one of these, or encrypt for that key, too",
        )
