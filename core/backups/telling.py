"""Telling people what went wrong with a plan, and keeping whether it reached them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.aws.workplace import Workplace
from core.backups import alerts
from core.backups.catching_up import FROM_THE_FUTURE
from core.backups.ledger import Ledger
from core.backups.outcomes import Delivery
from core.backups.plan import Plan
from core.jobs.job import JobCancelled

_ONCE_IN = 86_400  # seconds


class Telling:
    """``listeners`` hear every alert in this process, on the thread of whatever went wrong."""

    def __init__(self, workplace: Workplace, ledger: Ledger) -> None:
        self._workplace, self._ledger = workplace, ledger
        self.listeners: list[Callable[[alerts.Alert], None]] = []

    @contextmanager
    def told(self, plan: Plan, rule: str, subject: str) -> Iterator[None]:
        """Whatever goes wrong inside, also a fault of ours, is told to those whom the plan alerts; a cancel is not wrong."""
        try:
            yield
        except JobCancelled:
            raise
        except Exception as error:
            try:
                self.alert(plan, rule, subject, str(error) or type(error).__name__)
            except Exception:  # the ledger's disk is full, say: what went wrong first is what is told here
                logging.getLogger(__name__).exception("an alert of %s could not be sent or kept", plan.name)
            raise

    def alert(self, plan: Plan, rule: str, subject: str, text: str) -> None:
        self.send(plan, alerts.Alert(plan.name, rule, subject, text))

    def untold(self, plan: Plan, rule: str) -> bool:
        """Whether nobody was told of this within a day."""
        now = self._workplace.clock.now()
        last = self._ledger.last_told(plan.name, rule, now + FROM_THE_FUTURE)
        return last is None or (now - last).total_seconds() > _ONCE_IN

    def send(self, plan: Plan, alert: alerts.Alert) -> list[Delivery]:
        """Through every channel of the plan; each attempt is kept."""
        workplace = self._workplace
        found = alerts.send(plan, alert, workplace.aws, workplace.secrets, workplace.clock, tuple(self.listeners))
        for delivery in found:
            self._ledger.note_delivery(plan.name, alert.rule, delivery)
        return found
