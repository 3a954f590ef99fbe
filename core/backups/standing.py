"""Which proofs still speak for a plan: none of those made before it began to save something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core.backups.ledger import Ledger
from core.backups.outcomes import Backup, Verification
from core.backups.plan import Plan
from core.backups.vault import stamp


def _fact(plan: str) -> str:
    return f"source-since:{plan}"


def note_change(ledger: Ledger, before: Plan | None, after: Plan, now: datetime) -> None:
    """Called where ``after`` was saved in place of ``before``."""
    if before is not None and _saves(before) != _saves(after):
        ledger.remember(_fact(after.name), stamp(now))


def _saves(plan: Plan) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    return plan.source.kind, tuple(sorted(plan.source.databases)), tuple(sorted(plan.source.paths))


def since(ledger: Ledger, plan: str) -> str:
    """The id that a run of what the plan saves now has at least."""
    return str(ledger.fact(_fact(plan)) or "")


def verifications(found: Sequence[Verification], first: str) -> list[Verification]:
    return [one for one in found if one.run >= first]


def backups(found: Sequence[Backup], first: str) -> list[Backup]:
    """Earlier ones are there, and prove nothing of what is saved now."""
    return [one if one.id >= first else replace(one, proved=None) for one in found]
