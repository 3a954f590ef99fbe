"""Telling people what went wrong with a plan, when it is over, and keeping whether it reached them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from core.aws.workplace import Workplace
from core.backups import alerts
from core.backups.addresses import Addresses
from core.backups.catching_up import FROM_THE_FUTURE
from core.backups.ledger import Ledger
from core.backups.outcomes import Delivery, Outcome, Verification
from core.backups.plan import Alerts, Plan, Source, Target
from core.backups.plans import PlanStore
from core.backups.rules import RESTORED
from core.base.errors import OpsError, WrongUse
from core.jobs.job import JobCancelled

_RECEIVERS = "alerts:"
"""Before the name of a plan: the fact that says whom it tells."""

_ONCE_IN = timedelta(days=1)

UNTIL_BACKED_UP = ("plan-file", "run-failed", "silence", "half-retention", "all-gone")
UNTIL_PROVED = ("verification-failed", "not-restorable-here", "stale", "proof-vanishes", "proof-gone")
"""Troubles that a good backup, or a good verification, ends."""


class Telling:
    """A trouble is told when it comes, once a day while it lasts, and once when it is over: what fails is tried again every
    hour, and whoever gets a mail every hour reads none of them.

    Each receiver counts for itself: one that could not be reached is tried again the next time.
    ``listeners`` hear every alert in this process, on the thread of whatever went wrong.
    """

    def __init__(self, workplace: Workplace, ledger: Ledger, addresses: Addresses) -> None:
        self._workplace, self._ledger, self._addresses = workplace, ledger, addresses
        self.listeners: list[Callable[[alerts.Alert], None]] = []

    @contextmanager
    def told(self, plan: Plan, rule: str, subject: str) -> Iterator[None]:
        """Whatever goes wrong inside, also a fault of ours, is told to those whom the plan alerts; a cancel is not wrong."""
        try:
            yield
        except JobCancelled:
            raise
        except Exception as error:
            cause = error.title if isinstance(error, OpsError) else type(error).__name__
            with _nothing_worse(plan):  # the ledger's disk is full, say: what went wrong first is what is told here
                self.trouble(plan, rule, subject, str(error) or type(error).__name__, cause)
            raise

    def trouble(self, plan: Plan, rule: str, subject: str, text: str, cause: str = "") -> None:
        """Tell those who have not heard of it within a day. Another ``cause`` (its numbers apart) is news."""
        now, cause = self._workplace.clock.now(), re.sub(r"\d+", "#", cause)
        try:
            heard = self._ledger.heard(plan.name, (rule,), now + FROM_THE_FUTURE)
        except OpsError:  # rather told every hour than never
            heard = []
        lately = {who for who, about, _, last in heard if about == cause and now - last <= _ONCE_IN}
        since = min((first for _, _, first, _ in heard), default=None)
        text += f"\n\nFirst told on {since:%Y-%m-%d %H:%M} UTC." if since else ""
        text += "\n\nWhile it lasts it is told once a day, and once more when it is over."
        for delivery in self.send(plan, alerts.Alert(plan.name, rule, subject, text), lambda who: who not in lately):
            if delivery.ok:
                self._ledger.note_heard(plan.name, rule, cause, delivery)

    def of_unusable(self, store: PlanStore) -> None:
        """Tell of plans whose file is spoilt or gone, whom they told when they last could be read: nothing backs them up any more."""
        names = set(store.names())
        for fact in self._ledger.facts_named(_RECEIVERS):
            names.add(fact.removeprefix(_RECEIVERS))
        for name in sorted(names):
            kept = self._ledger.fact(f"{_RECEIVERS}{name}")
            try:
                told = asdict(store.get(name).alerts)
                if kept is None or json.dumps(told) != json.dumps(kept):
                    self._ledger.remember(f"{_RECEIVERS}{name}", told)
            except WrongUse as error:
                if kept is None:
                    continue
                values: dict[str, Any] = {
                    key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()
                }
                plan = Plan(name, Source(), Target(), alerts=Alerts(**values))
                with _nothing_worse(plan):
                    self.trouble(plan, "plan-file", f"The plan {name} is not run", str(error), error.title)

    def forget(self, name: str) -> None:
        """The plan is no more, as somebody wanted it."""
        self._ledger.forget_fact(f"{_RECEIVERS}{name}")

    def verified(self, plan: Plan, done: Verification, subject: str) -> None:
        """Tell what a verification found, where it is bad or the first good thing; ``subject`` where it failed."""
        if done.outcome is Outcome.FAILED:
            self.trouble(plan, "verification-failed", subject, done.headline, done.headline)
        elif done.outcome is Outcome.NOT_RESTORABLE_HERE:  # a month without a proof: not to be found out by chance
            self.trouble(plan, "not-restorable-here", f"{plan.name} could not be proved here", done.headline)
        elif (
            done.outcome is Outcome.DONE
            and done.level >= RESTORED
            and all(failed <= done.run for failed in self._ledger.failures(plan.name))  # a newer one is still bad
        ):
            self.over(plan, UNTIL_PROVED, "verification-recovered", f"{plan.name} is proved again")

    def over(self, plan: Plan, rules: tuple[str, ...], rule: str, subject: str) -> None:
        """Tell those who have heard of any of ``rules`` that it is over. What is told of was good: trouble is only logged."""
        with _nothing_worse(plan):
            heard = self._ledger.heard(plan.name, rules, None)
            if not heard:
                return
            self._ledger.forget_heard(plan.name, rules)
            who = {receiver for receiver, *_ in heard}
            text = f"Its trouble was first told on {min(first for _, _, first, _ in heard):%Y-%m-%d %H:%M} UTC and is over."
            self.send(plan, alerts.Alert(plan.name, rule, subject, text), who.__contains__)

    def send(
        self, plan: Plan, alert: alerts.Alert, wanted: Callable[[alerts.Receiver], bool] = lambda _: True
    ) -> list[Delivery]:
        """Through every channel of the plan that is ``wanted``; each attempt is kept."""
        workplace = self._workplace
        found = alerts.send(plan, alert, workplace.aws, self._addresses, workplace.clock, tuple(self.listeners), wanted)
        for delivery in found:
            self._ledger.note_delivery(plan.name, alert.rule, delivery)
        return found


@contextmanager
def _nothing_worse(plan: Plan) -> Iterator[None]:
    try:
        yield
    except Exception:
        logging.getLogger(__name__).exception("an alert of %s could not be sent or kept", plan.name)
