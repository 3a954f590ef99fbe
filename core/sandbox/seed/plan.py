"""Hands the demo shop's backup plan to the backups room."""

from __future__ import annotations

from core.backups.plans import ensure_demo_plan
from core.base.places import Places
from core.sandbox.seed.objects import BACKUPS


def seed_plan(places: Places) -> None:
    """Define the plan of the demo shop, unless there is one of its name."""
    ensure_demo_plan(places, server="shop", database="shop", bucket=BACKUPS)
