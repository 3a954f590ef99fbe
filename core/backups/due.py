"""What a window should do now: plans that no timer backed up, and those whose proof is older than they want."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from core.backups.catching_up import FROM_THE_FUTURE, to_catch_up
from core.backups.ledger import Ledger
from core.backups.outcomes import Outcome, Verification
from core.backups.plan import Plan
from core.backups.plans import PlanStore
from core.backups.standing import since, verifications
from core.base.clock import Clock
from core.jobs.lock import is_locked

VERIFYING = ".verify"
"""A verification has a lock of its own: backups go on meanwhile."""


class Due:
    """Of the plans in ``store``, by what the ledger knows; ``locks`` is the folder of the plans' locks."""

    def __init__(self, store: PlanStore, ledger: Ledger, locks: Path, clock: Clock) -> None:
        self._store, self._ledger, self._locks, self._clock = store, ledger, locks, clock

    def runs(self) -> list[str]:
        """Plans that a window should back up now, since no timer did (see ``catching_up``); it asks every minute."""
        now = self._clock.now()
        return [
            plan.name
            for plan in self._store.all()[0]
            if not is_locked(self._locks, plan.name)
            and to_catch_up(plan.schedule, self._ledger.runs(plan.name, 20), self._store.written(plan.name), now)
        ]

    def verifications(self) -> list[str]:
        """Plans with a schedule that a window should verify now: not at once after the first backup, and not what
        somebody has just cancelled. A plan that only runs by hand is verified by hand."""
        day_ago = self._clock.now() - timedelta(days=1)
        found = []
        for plan in self._store.all()[0]:
            if not plan.schedule.times or not self.verification(plan):
                continue
            tried = self._ledger.verifications(plan.name, 1)
            if tried:
                settled = tried[0].outcome is not Outcome.CANCELLED or tried[0].started < day_ago
            else:
                settled = self._ledger.last_done(plan.name, day_ago) is not None
            if settled and not is_locked(self._locks, f"{plan.name}{VERIFYING}"):
                found.append(plan.name)
        return found

    def verification(self, plan: Plan) -> bool:
        """Whether the plan has something to prove and the last verification is older than it wants."""
        now = self._clock.now()
        last_run, first = self._ledger.last_done(plan.name, now + FROM_THE_FUTURE), since(self._ledger, plan.name)
        if last_run is None or last_run.id < first:  # what the plan saves now was never saved
            return False
        tried = verifications(self._ledger.verifications(plan.name, 1000), first)
        past = [item.started for item in tried if self._counts(item, now)]
        last = next((started for started in past if started <= now + FROM_THE_FUTURE), None)
        return last is None or now - last >= timedelta(days=plan.proof.every_days)

    def _counts(self, tried: Verification, now: datetime) -> bool:
        """Whether the next verification may wait for its time after this one. One that came to no end, or met trouble that
        says nothing of the backup (an endpoint that was away, a secret that was missing), is repeated a day later."""
        if tried.outcome is Outcome.RUNNING:  # unless its process was killed
            return is_locked(self._locks, f"{tried.plan}{VERIFYING}")
        if tried.outcome is Outcome.FAILED and not tried.refutes:
            return now - tried.started < timedelta(days=1)
        return tried.outcome is not Outcome.CANCELLED
