"""The verbs of the backups room, with typed values in and out; the window and the command line both call these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.aws.workplace import Workplace
from core.backups.outcomes import (
    Backup,
    Check,
    Delivery,
    EndpointFacts,
    Finding,
    PlanStatus,
    Restored,
    RestorePreview,
    Run,
    ScheduleExport,
    Verification,
)
from core.backups.plan import Assertion, Plan
from core.jobs.job import Job


class BackupsService:
    """Everything that takes a ``job`` may take long (network, processes): call it from a job. The rest is quick and local."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace

    # -- plans --------------------------------------------------------------
    def plans(self) -> list[Plan]:
        """The plans of this profile by name; a plan whose file cannot be read is named in ``plan_troubles``."""
        raise NotImplementedError

    def plan_troubles(self) -> list[Finding]:
        raise NotImplementedError

    def plan(self, name: str) -> Plan:
        """Raises WrongUse for a name nobody knows."""
        raise NotImplementedError

    def save_plan(self, plan: Plan, *, replace: bool = False) -> None:
        """Check and write it; raises WrongUse where the name is taken (without ``replace``) or a value makes no sense."""
        raise NotImplementedError

    def remove_plan(self, name: str) -> None:
        """Forget the plan. Its backups and evidence stay."""
        raise NotImplementedError

    def servers(self, job: Job[Any]) -> list[str]:
        """Names of the MySQL sources of this profile."""
        raise NotImplementedError

    def databases(self, job: Job[Any], server: str) -> list[str]:
        """User databases of a source, for the wizard."""
        raise NotImplementedError

    def preflight(self, job: Job[Any], plan: Plan) -> list[Finding]:
        """Login, privileges, engines outside the snapshot, disk, tools, bucket, what the endpoint enforces. Plan need not be saved."""
        raise NotImplementedError

    # -- backing up ---------------------------------------------------------
    def run(self, job: Job[Any], name: str, *, if_due: bool = False) -> Run | None:
        """Back up now. None: ``if_due`` and nothing is due. Raises OpsError (``locked``, exit status 3) while another run works."""
        raise NotImplementedError

    def backups(self, job: Job[Any], name: str) -> list[Backup]:
        """What lies in the bucket, newest first."""
        raise NotImplementedError

    def runs(self, name: str, limit: int = 100) -> list[Run]:
        raise NotImplementedError

    # -- proving ------------------------------------------------------------
    def verify(self, job: Job[Any], name: str, *, run: str = "", level: int | None = None) -> Verification:
        """Climb the ladder. A failed check is a recorded result, not an exception; raises OpsError only where nothing could be tried."""
        raise NotImplementedError

    def verifications(self, name: str, limit: int = 100) -> list[Verification]:
        raise NotImplementedError

    def evidence(self, verification: int) -> tuple[Path, Path]:
        """The JSON and the HTML report of a verification."""
        raise NotImplementedError

    def try_on_source(self, job: Job[Any], plan: Plan, assertion: Assertion) -> Check:
        """Run an assertion on the source now (read-only transaction), while editing it."""
        raise NotImplementedError

    # -- how things stand ---------------------------------------------------
    def status(self, job: Job[Any], name: str) -> PlanStatus:
        """Reads the bucket and the ledger; an unreachable bucket becomes a finding, not an exception."""
        raise NotImplementedError

    def statuses(self, job: Job[Any]) -> list[PlanStatus]:
        raise NotImplementedError

    # -- restoring ----------------------------------------------------------
    def preview_restore(self, job: Job[Any], name: str, *, run: str = "", to: str) -> RestorePreview:
        """``to``: a database name, ``SERVER/DATABASE``, or a folder. ``run`` empty: the newest complete one."""
        raise NotImplementedError

    def restore(self, job: Job[Any], name: str, *, run: str = "", to: str, confirm: str = "") -> Restored:
        """Restore. Onto the source only where ``confirm`` equals its name."""
        raise NotImplementedError

    # -- schedule -----------------------------------------------------------
    def schedules(self, name: str) -> list[ScheduleExport]:
        """How each of systemd, cron, launchd and schtasks would run the plan; which of them are here and installed."""
        raise NotImplementedError

    def install_schedule(self, job: Job[Any], name: str, kind: str) -> ScheduleExport:
        raise NotImplementedError

    def remove_schedule(self, job: Job[Any], name: str, kind: str) -> ScheduleExport:
        raise NotImplementedError

    def due(self) -> list[str]:
        """Plans whose last scheduled moment passed without a run (the window's fallback asks this every minute)."""
        raise NotImplementedError

    def test_as_scheduled(self, job: Job[Any], name: str) -> list[Finding]:
        """Log in the way a timer will: in a process without a desktop session."""
        raise NotImplementedError

    # -- alerts -------------------------------------------------------------
    def send_test(self, job: Job[Any], name: str) -> list[Delivery]:
        raise NotImplementedError

    def deliveries(self, limit: int = 50) -> list[Delivery]:
        """The newest attempts to tell somebody; those with ``ok`` False are to be shown."""
        raise NotImplementedError

    # -- rights and rules ---------------------------------------------------
    def policies(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """IAM policy documents for the roles ``backup``, ``verify`` and ``admin``."""
        raise NotImplementedError

    def check_rights(self, job: Job[Any], plan: Plan) -> list[Finding]:
        """What the current credentials can do that the backup role should not, and what they lack."""
        raise NotImplementedError

    def set_expiry(self, job: Job[Any], name: str) -> list[Finding]:
        """Write the plan's retention into the bucket's lifecycle (one rule of ours, the others kept)."""
        raise NotImplementedError

    def pause_expiry(self, job: Job[Any], name: str) -> None:
        """Disable the plan's lifecycle rule, so that nothing more is deleted by age."""
        raise NotImplementedError

    def endpoint_facts(self, job: Job[Any], plan: Plan) -> EndpointFacts:
        raise NotImplementedError
