"""What a check found: one finding with its place, what was seen and expected, why, and the cure."""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("error", "warning", "info")


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
