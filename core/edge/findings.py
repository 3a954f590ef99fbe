"""What a check found: one finding with its place, what was seen and expected, why, and the cure."""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("error", "warning", "info")

_TITLES = {
    "scheme-port-mismatch": "The port does not go with the scheme",
    "downgrade": "A redirect leads from https back to http",
    "mixed-content": "An https page loads something over http",
    "insecure-link": "A link of an https page leads to http",
    "wrong-identity": "The page names its own address with http",
    "explicit-default-port": "The default port is written out",
    "other-port": "An address has another port than the address bar",
    "internal-host": "An inner name or address leaks",
    "malformed-url": "An address cannot be read",
    "foreign-scheme": "A redirect leads out of the web",
    "redirect-loop": "The redirects go round in a circle",
    "too-many-redirects": "Too many redirects",
    "redirect-without-target": "A redirect names no place",
    "private-address": "A public name redirects into a private network",
    "moves-on": "The page leads on by itself",
    "status": "The answer is an error",
    "cookie-without-secure": "A cookie also travels over plain http",
    "balancer-cookie": "The balancer's cookie has no Secure",
    "no-hsts": "No Strict-Transport-Security",
    "short-hsts": "Strict-Transport-Security lasts too short",
    "too-many-links": "Not all links were looked at",
    "body-size": "The page is longer than 5 MB",
    "body-time": "The page did not end in time",
    "body-broken": "The page breaks off",
    "body-damaged": "The page's compression is damaged",
    "body-encoding": "The page is compressed in an unknown way",
    "unreachable": "The next address does not answer",
    "tls": "The next address has a TLS fault",
    "protocol": "The next address does not answer in HTTP",
}
"""What people read; ``rule`` stays the word for scripts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """severity: error (users are hurt), warning (will hurt), info. rule: a stable word for scripts. where: hop or line."""

    severity: str
    rule: str
    where: str
    seen: str
    expected: str
    why: str
    fix: str

    @property
    def title(self) -> str:
        return _TITLES.get(self.rule, self.rule)


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a check. seconds: until the head of the answer; size: bytes of body read; whole: whether that was all of it."""

    url: str
    address: str
    status: int
    location: str
    seconds: float
    size: int = 0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """The answer of a check: where it went and what it found. ``blocked_at`` names an address that needs leave to be
    asked (a private one, reached by redirect from a public name); ask again with ``allow_private=True``."""

    url: str
    hops: tuple[Hop, ...]
    findings: tuple[Finding, ...]
    blocked_at: str = ""

    @property
    def worst(self) -> str:
        """The gravest severity, "" when nothing was found."""
        present = {finding.severity for finding in self.findings}
        return next((severity for severity in SEVERITIES if severity in present), "")
