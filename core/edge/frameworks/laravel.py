"""Laravel's TrustProxies middleware: Symfony underneath; ``*`` trusts every address, those in X-Forwarded-For too."""

from __future__ import annotations

from dataclasses import replace

from core.edge.frameworks import symfony
from core.edge.request import Incoming, Resolution, Trust


def resolve(request: Incoming, trust: Trust) -> Resolution:
    if "*" in trust.proxies:
        trust = replace(trust, proxies=("0.0.0.0/0", "::/0"))
    return symfony.resolve(request, trust)
