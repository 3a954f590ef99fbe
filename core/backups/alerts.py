"""Telling somebody: by the desktop, mail, SNS, a webhook or apprise; whether it reached them is part of the answer."""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from http.client import HTTPException, InvalidURL
from importlib import import_module
from typing import Any

from core.aws.faults import explained
from core.aws.session import AwsSession
from core.backups.addresses import Addresses, host_of, service_of
from core.backups.outcomes import Delivery
from core.backups.plan import Plan
from core.backups.words import count_of
from core.base.clock import Clock
from core.base.errors import OpsError
from core.base.journal import redact

_TIMEOUT = 20.0  # seconds for each answer
_PATIENCE = 60.0  # seconds for all of a channel: one that answers a byte at a time would hold the plan's lock for hours


Receiver = tuple[str, str]
"""The channel, and whom or what it reaches."""


@dataclass(frozen=True, slots=True)
class Alert:
    """``rule`` is the stable short word of what happened; ``subject`` one line, ``text`` the rest."""

    plan: str
    rule: str
    subject: str
    text: str

    @property
    def good(self) -> bool:
        """Whether it tells that a trouble is over."""
        return self.rule.endswith("-recovered")


def send(
    plan: Plan,
    alert: Alert,
    aws: AwsSession,
    addresses: Addresses,
    clock: Clock,
    desktop: Sequence[Callable[[Alert], None]] = (),
    wanted: Callable[[Receiver], bool] = lambda _: True,
) -> list[Delivery]:
    """Through every channel of the plan that is ``wanted``, one after the other; one that fails is told in its Delivery,
    never raised."""
    rule = plan.alerts
    ways: list[tuple[str, str, Callable[[], object]]] = []
    if rule.desktop and desktop:
        ways.append(("desktop", "this desktop", lambda: [listener(alert) for listener in desktop]))
    if rule.smtp_host:
        ways.append(("smtp", ", ".join(rule.smtp_to), lambda: _mail(plan, alert, addresses.secrets.need)))
    if rule.sns_topic:
        ways.append(("sns", rule.sns_topic, lambda: _publish(plan, alert, aws)))
    if rule.webhook:
        ways.append(("webhook", host_of(rule.webhook), lambda: _post(addresses.webhook(plan), alert)))
    if rule.apprise:
        receivers = count_of(len(rule.apprise), "address", "addresses")
        ways.append(("apprise", receivers, lambda: _apprise(addresses.apprise(plan), alert)))
    deliveries = []
    for channel, receiver, way in ways:
        if not wanted((channel, receiver)):
            continue
        error = ""
        try:
            if channel == "desktop":  # only hands over
                way()
            else:
                _within(_PATIENCE, way)
        except OpsError as trouble:
            error = str(trouble)
        except Exception as trouble:  # whatever it was, the next channel is tried
            if not isinstance(trouble, (OSError, smtplib.SMTPException, ValueError, HTTPException)):
                logging.getLogger(__name__).exception("an alert by %s failed", channel)
            error = f"{type(trouble).__name__}: {trouble}"
        deliveries.append(Delivery(channel, receiver, not error, clock.now(), alert.subject, redact(error)[:500]))
    return deliveries


def _within(seconds: float, way: Callable[[], object]) -> None:
    """Call ``way`` on a thread of its own; raises what it does, or OpsError where it has not ended in time."""
    troubles: list[Exception] = []

    def work() -> None:
        try:
            way()
        except Exception as trouble:
            troubles.append(trouble)

    thread = threading.Thread(target=work, name="alert", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise OpsError(
            "The alert was not taken in time", f"No end after {seconds:.0f} seconds", "Whether it arrived is not known"
        )
    if troubles:
        raise troubles.pop()  # a list that kept it would keep the frames it came through, and their sockets


def _body(alert: Alert) -> str:
    return redact(f"{alert.text}\n\nPlan: {alert.plan}\nComputer: {socket.gethostname()}\nSent by Opsdesk\n")


def _line(text: str) -> str:
    """One line: what a server or a dump said must not become a header of its own."""
    return redact(" ".join(text.split()))


def _mail(plan: Plan, alert: Alert, secret: Callable[[str], str]) -> None:
    rule = plan.alerts
    message = EmailMessage()
    message["Subject"] = f"[opsdesk] {_line(alert.subject)}"
    message["From"], message["To"] = rule.smtp_from, ", ".join(rule.smtp_to)
    message.set_content(_body(alert))
    context = ssl.create_default_context()
    if rule.smtp_tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(rule.smtp_host, rule.smtp_port, timeout=_TIMEOUT, context=context)
    else:
        server = smtplib.SMTP(rule.smtp_host, rule.smtp_port, timeout=_TIMEOUT)
    with server:
        if rule.smtp_tls == "starttls":
            server.starttls(context=context)
        if rule.smtp_user:
            server.login(rule.smtp_user, secret(plan.smtp_secret))
        refused = server.send_message(message)
    if refused:
        raise OpsError("The mail server refused some receivers", ", ".join(refused), "Correct the addresses")


def _publish(plan: Plan, alert: Alert, aws: AwsSession) -> None:
    subject = "".join(character if 32 <= ord(character) < 127 else "?" for character in _line(alert.subject))[:100]
    with explained("publish to the SNS topic"):
        aws.client("sns").publish(TopicArn=plan.alerts.sns_topic, Subject=subject, Message=_body(alert))


def _post(address: str, alert: Alert) -> None:
    """JSON with ``text`` as Slack, Mattermost and Teams read it, and the facts for everybody else."""
    import orjson

    content = {
        "text": f"{redact(alert.subject)}\n{_body(alert)}",
        "plan": alert.plan,
        "rule": alert.rule,
        "subject": redact(alert.subject),
        "host": socket.gethostname(),
    }
    headers = {"Content-Type": "application/json", "User-Agent": "opsdesk"}
    try:
        request = urllib.request.Request(address, orjson.dumps(content), headers)
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        error.close()
        raise OpsError(f"The webhook answered {error.code}", str(error.reason), "Check its address") from error
    except (InvalidURL, ValueError):  # whose words repeat the address
        raise OpsError("The webhook's address is none", "A character in it cannot be sent", "Correct it") from None


def _apprise(addresses: tuple[str, ...], alert: Alert) -> None:
    try:
        apprise = import_module("apprise")  # optional: costs a second to import, and few need its 170 services
    except ImportError as error:
        raise OpsError(
            "apprise is not installed", "", "Install it (uv pip install apprise), or use another channel"
        ) from error
    notifier: Any = apprise.Apprise()
    for address in addresses:
        if not notifier.add(address):
            raise OpsError(
                "apprise does not understand an address", f"{service_of(address)}…", "Correct it in the plan"
            )
    if not notifier.notify(title=alert.subject, body=_body(alert)):  # it answers False, it does not raise
        raise OpsError("apprise could not deliver to all addresses", "", "Check them with `apprise` itself")
