"""Laravel's TrustProxies middleware: Symfony underneath, with ``*`` for "whoever connects"."""

from __future__ import annotations

from core.edge.frameworks import symfony
from core.edge.request import Incoming, Resolution, Trust


def resolve(request: Incoming, trust: Trust) -> Resolution:
    return symfony.resolve(request, trust)
