"""Hands the demo shop's backup plan to the backups room, and has it make a first backup."""

from __future__ import annotations

from core.aws.session import AwsSession
from core.aws.workplace import Workplace
from core.backups.plans import DEMO_PLAN, ensure_demo_plan
from core.base.places import Places
from core.sandbox.seed.objects import BACKUPS


def seed_plan(places: Places) -> None:
    """Define the plan of the demo shop, unless there is one of its name."""
    ensure_demo_plan(places, server="shop", database="shop", bucket=BACKUPS)


def first_backup(places: Places, aws: AwsSession) -> None:
    """Run the plan once, as its button does; raises OpsError, for instance where mariadb-dump is missing."""
    from core.backups.service import BackupsService
    from core.jobs.job import headless_job
    from core.settings.model import Settings

    settings = Settings()
    BackupsService(Workplace(aws, places, lambda: settings)).run(headless_job("First backup"), DEMO_PLAN)
