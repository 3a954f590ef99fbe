"""The trust probe: the same request with forged forwarding headers, to an origin the user owns. Does it believe them?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

from core.edge import rules
from core.edge.fetch import Answer, fetch, resolved
from core.edge.inspect import normalised
from core.edge.page import read_page
from core.edge.wire import asked
from core.jobs.job import Job

FORGED_HOST = "opsdesk-probe.invalid"
FORGED_PORT = "4443"
FORGED_CLIENT = "198.51.100.77"


@dataclass(frozen=True, slots=True)
class Believed:
    """One header: was the forged value reflected in the Location or the page? ``None``: nothing in the answer could show it."""

    header: str
    sent: str
    believed: bool | None
    seen: str


@dataclass(frozen=True, slots=True)
class ProbeResult:
    url: str
    headers: tuple[Believed, ...]
    verdict: str
    """``spoofable``, ``partly`` (the origin's bug: Proto without Port), ``ignored``, or ``unseen``."""
    advice: str


def probe(job: Job[Any], url: str, *, timeout: float = 10, ca_file: str = "") -> ProbeResult:
    """Two requests to ``url`` and to nothing else: no redirect is followed. Ask the user first."""
    target = normalised(url)
    parts = rules.split(target)
    assert parts is not None
    addresses = asked(job, partial(resolved, parts.hostname or "", parts.port or 80))
    other_scheme = "http" if parts.scheme == "https" else "https"
    forged = {
        "X-Forwarded-Proto": other_scheme,
        "X-Forwarded-Host": FORGED_HOST,
        "X-Forwarded-Port": FORGED_PORT,
        "X-Forwarded-For": FORGED_CLIENT,
    }
    job.report(0, 2, "asking as anybody would")
    before = fetch(job, target, addresses, timeout=timeout, ca_file=ca_file)
    job.report(1, 2, "asking with forged headers")
    after = fetch(job, target, [before.address], timeout=timeout, ca_file=ca_file, headers=forged)
    host = parts.hostname or ""
    honest, told = _own(host, before), _own(host, after)
    body = after.body.decode("utf-8", errors="replace")
    flipped = next((text for text in told if _scheme(text) == other_scheme and text not in honest), "")
    flipped = flipped or _turned(target, other_scheme, before, after)
    visible = bool(honest or told or flipped)
    hosted = next((text for text in told if FORGED_HOST in text), "")
    ported = next((text for text in told if f":{FORGED_PORT}" in text), "")
    client = FORGED_CLIENT if FORGED_CLIENT in body else ""
    headers = (
        Believed("X-Forwarded-Proto", other_scheme, bool(flipped) if visible else None, flipped),
        Believed("X-Forwarded-Host", FORGED_HOST, bool(hosted) if visible else None, hosted),
        Believed("X-Forwarded-Port", FORGED_PORT, bool(ported) if visible else None, ported),
        Believed("X-Forwarded-For", FORGED_CLIENT, True if client else None, client),
    )
    return ProbeResult(target, headers, *_verdict(headers))


def _verdict(headers: tuple[Believed, ...]) -> tuple[str, str]:
    proto, host, port, client = (entry.believed for entry in headers)
    written = rules.split(headers[0].seen) if proto else None
    if proto and not port and not host and written is not None and written.port is not None:
        return "partly", (
            "It believes X-Forwarded-Proto from anybody but not X-Forwarded-Port: behind a TLS-ending balancer it writes https with its own port. "
            "Trust both headers, and only from the balancer's ranges."
        )
    if proto or host or port or client:
        return (
            "spoofable",
            "It believes forwarding headers from anybody who can reach it. Name the proxies it may trust, and let only them reach it.",
        )
    if proto is None:
        return (
            "unseen",
            "The answer holds no absolute address of its own, so nothing can be seen. Probe an address that redirects with its full address.",
        )
    return "ignored", "It ignores forwarding headers from here, as it should from a stranger."


def _own(host: str, answer: Answer) -> list[str]:
    """The absolute addresses in an answer that the application built from its own scheme, host and port: a relative one and
    one of another site say nothing about these."""
    written = [location] if (location := answer.header("location")) else []
    written += [link.url for link in read_page(answer.body).links[:2000]]
    return [text for text in written if _host(text) in (host, FORGED_HOST)]


def _turned(target: str, other_scheme: str, before: Answer, after: Answer) -> str:
    """What a rule that sends http to https shows: its redirect went, or came, with the forged scheme alone."""
    there = rules.as_asked(urljoin(target, f"{other_scheme}://{urlsplit(target).hostname}/"))
    was, now = before.header("location"), after.header("location")
    if (
        was
        and _scheme(was) == other_scheme
        and rules.as_asked(was).startswith(there[:-2])
        and after.status < 400
        and not now
    ):
        return f"no redirect to {was[:200]} any more"
    if now and not was and rules.as_asked(urljoin(target, now)) == rules.as_asked(target) and before.status < 400:
        return now
    return ""


def _host(url: str) -> str:
    parts = rules.split(url)
    return (parts.hostname or "") if parts is not None else ""


def _scheme(url: str) -> str:
    parts = rules.split(url)
    return parts.scheme if parts is not None else ""
