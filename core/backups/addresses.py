"""The addresses of a plan's webhook and of apprise, which are often secrets themselves: kept with the passwords.

The plan's file names them by what is no secret, the webhook's host and apprise's services. A file that still holds whole
addresses works as it is, and is cleared when the plan is saved.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from core.backups.flow import age_keys
from core.backups.outcomes import Finding, Severity
from core.backups.plan import Plan
from core.base.errors import OpsError, WrongUse
from core.settings.secrets import Secrets, environment_name

_WORDS = {"webhook": "address of the webhook", "apprise": "address for apprise"}


def host_of(webhook: str) -> str:
    """What may be shown of it: its path is often the secret, as may be what stands before an @."""
    return urlsplit(webhook).netloc.rpartition("@")[2] if "://" in webhook else webhook


def service_of(address: str) -> str:
    """What may be shown of an address of apprise: ``slack://``."""
    return f"{address.partition('://')[0][:20]}://"


def shown(plan: Plan) -> Plan:
    """The plan with nothing secret in it."""
    rule = plan.alerts
    return replace(
        plan,
        alerts=replace(rule, webhook=host_of(rule.webhook), apprise=tuple(map(service_of, rule.apprise))),
    )


def resolved(addresses: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Each ``slack://`` by the next of ``known`` that it may stand for; one that stands for none stays as it is."""
    left = list(known)
    found = []
    for address in addresses:
        if address.endswith("://"):
            address = next((one for one in left if service_of(one) == address), address)
        if address in left:
            left.remove(address)
        found.append(address)
    return tuple(found)


class Addresses:
    """Of the plans of one profile."""

    def __init__(self, secrets: Secrets, profile: str) -> None:
        self.secrets, self._profile = secrets, profile

    def name(self, plan: Plan, channel: str) -> str:
        """Of the secret. The profile is part of it: plans of two profiles may have one name."""
        return f"backup/{self._profile}/{plan.name}/{channel}"

    def webhook(self, plan: Plan) -> str:
        """The whole address; raises OpsError where it cannot be had."""
        given = plan.alerts.webhook
        return given if "://" in given else self.secrets.need(self.name(plan, "webhook"))

    def apprise(self, plan: Plan) -> tuple[str, ...]:
        """The whole addresses; raises OpsError where they cannot be had."""
        given = plan.alerts.apprise
        if not any(address.endswith("://") for address in given):
            return given
        found = resolved(given, self.secrets.need(self.name(plan, "apprise")).split())
        for address in found:
            if address.endswith("://"):
                raise WrongUse(
                    f"No whole address is known of {address}",
                    "Its service alone was given, and the secret holds none of that kind",
                    f"Give the whole address, or put it into the secret {self.name(plan, 'apprise')}",
                )
        return found

    def keep(self, plan: Plan, before: Plan | None = None) -> tuple[Plan, list[Finding]]:
        """Store what is whole; the plan as its file may say it, and what is to be known of that. ``before``: what is named there
        as it is now is kept already.

        Raises OpsError where an address cannot be stored. Without any keyring it stays in the plan's file, which only its owner
        may read: a server without a desktop must be able to tell somebody, too.
        """
        told: list[Finding] = []
        public = shown(plan).alerts
        for channel, whole in (("webhook", self._whole_webhook), ("apprise", self._whole_apprise)):
            given, named = getattr(plan.alerts, channel), getattr(public, channel)
            if not given:
                self._forget(plan, channel)
            elif given != named or before is None or getattr(before.alerts, channel) != named:
                try:
                    if self._put(self.name(plan, channel), whole(plan)):
                        told.append(self._stored(plan, channel))
                except OpsError as error:
                    if not _no_keyring(error) or given == named:
                        raise
                    public = replace(public, **{channel: given})
                    told.append(self._in_file(plan, channel))
        return replace(plan, alerts=public), told

    def forget(self, plan: Plan) -> None:
        """Take them out of the keyring."""
        for channel in _WORDS:
            self._forget(plan, channel)

    def missing(self, plan: Plan, coming: Sequence[str] = ()) -> Iterator[Finding]:
        """What this process cannot read of the plan's secrets, but for those whose names are ``coming``."""
        rule, wanted = plan.alerts, list[tuple[str, str]]()
        if rule.smtp_user:
            wanted.append((plan.smtp_secret, "No mail would be sent"))
        if rule.webhook and "://" not in rule.webhook:
            wanted.append((self.name(plan, "webhook"), "The webhook would not be told"))
        if any(address.endswith("://") for address in rule.apprise):
            wanted.append((self.name(plan, "apprise"), "Nobody would be told by apprise"))
        if plan.recipients and not plan.proof.identity:
            yield Finding(
                Severity.WARNING,
                "preflight-identity",
                "The encrypted backups cannot be proved: the plan names no identity",
                "Whether the key that opens them exists, and where, is known to nobody here",
                "Name the secret that holds the age identity",
            )
        elif plan.recipients:
            wanted.append((plan.proof.identity, "An encrypted backup could not be proved"))
        for name, what in wanted:
            if name in coming:
                continue
            try:
                kept = self.secrets.need(name)
                public = [str(key.to_public()) for key in age_keys(kept)] if name == plan.proof.identity else []
            except OpsError as error:
                yield Finding(Severity.WARNING, "preflight-secret", what, f"{error.title}. {error.why}", error.remedy)
                continue
            if public and not set(public) & set(plan.recipients):
                yield Finding(
                    Severity.ERROR,
                    "preflight-identity",
                    "The identity does not open what the plan encrypts",
                    f"It belongs to {', '.join(public)}, and backups are encrypted for {', '.join(plan.recipients)}",
                    "Add the identity of one of these to the secret, or encrypt for that key, too",
                )

    # -- inside -------------------------------------------------------------------------
    def _whole_webhook(self, plan: Plan) -> str:
        """Raises WrongUse where a host was given that is not that of the stored address."""
        given = plan.alerts.webhook
        kept = given if "://" in given else self.secrets.get(self.name(plan, "webhook")) or ""
        if host_of(kept) != host_of(given):
            raise WrongUse(
                "The webhook is no address",
                f"{given} is not the host of an address that is kept",
                "It should begin with http:// or https://",
            )
        return kept

    def _whole_apprise(self, plan: Plan) -> str:
        return "\n".join(self.apprise(plan))

    def _put(self, name: str, value: str) -> bool:
        """Whether it is new."""
        try:
            known = self.secrets.get(name)
        except OpsError:  # the keyring says it again when it is to keep something
            known = None
        if known == value:
            return False
        self.secrets.set(name, value)
        if self.secrets.get(name) != value:
            raise WrongUse(
                "Another address would be used",
                f"The variable {environment_name(name)} is set, and counts before the keyring",
                "Change that variable, or take it away",
            )
        return True

    def _forget(self, plan: Plan, channel: str) -> None:
        try:
            self.secrets.delete(self.name(plan, channel))
        except OpsError as error:
            if not _no_keyring(error):  # without one nothing is in it
                logging.getLogger(__name__).warning("%s of %s may still be kept: %s", channel, plan.name, error)

    def _stored(self, plan: Plan, channel: str) -> Finding:
        return Finding(
            Severity.INFO,
            "address-kept",
            f"The {_WORDS[channel]} of {plan.name} is kept in the keyring",
            f"A timer without this desktop reads the variable {environment_name(self.name(plan, channel))} instead",
            "Test as scheduled tells whether it can" if plan.schedule.times else "",
        )

    def _in_file(self, plan: Plan, channel: str) -> Finding:
        return Finding(
            Severity.WARNING,
            "address-in-file",
            f"The {_WORDS[channel]} of {plan.name} stands in the plan's file",
            "This computer offers no keyring. The file can be read by you alone",
            f"Set the variable {environment_name(self.name(plan, channel))} to it and save the plan again",
        )


def _no_keyring(error: OpsError) -> bool:
    import keyring.errors

    return isinstance(error.__cause__, keyring.errors.NoKeyringError)
