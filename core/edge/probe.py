"""The trust probe: the same request with forged forwarding headers, to an origin the user owns. Does it believe them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from core.edge import rules
from core.edge.fetch import Answer, fetch, resolved
from core.edge.inspect import normalised
from core.edge.page import absolute_links
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
    address = resolved(parts.hostname or "", parts.port or 80)[0]
    other_scheme = "http" if parts.scheme == "https" else "https"
    forged = {
        "X-Forwarded-Proto": other_scheme,
        "X-Forwarded-Host": FORGED_HOST,
        "X-Forwarded-Port": FORGED_PORT,
        "X-Forwarded-For": FORGED_CLIENT,
    }
    job.report(0, 2, "asking as anybody would")
    honest = _addresses(target, fetch(job, target, address, timeout=timeout, ca_file=ca_file))
    job.report(1, 2, "asking with forged headers")
    answer = fetch(job, target, address, timeout=timeout, ca_file=ca_file, headers=forged)
    told = _addresses(target, answer)
    body = answer.body.decode("utf-8", errors="replace")
    visible = bool(honest) or bool(told)
    flipped = next((text for text in told if text.startswith(f"{other_scheme}://") and text not in honest), "")
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
    if proto and not port and not host:
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
            "The answer holds no absolute address, so nothing can be seen. Probe an address that redirects, for example a login page.",
        )
    return "ignored", "It ignores forwarding headers from here, as it should from a stranger."


def _addresses(base: str, answer: Answer) -> list[str]:
    location = answer.header("location")
    return ([urljoin(base, location)] if location else []) + [
        link.url for link in absolute_links(answer.body)[0][:2000]
    ]
