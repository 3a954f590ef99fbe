"""What URL would the application build, and whom does it take for its client? Pure: no network."""

from __future__ import annotations

from core.base.errors import WrongUse
from core.edge.addresses import network
from core.edge.frameworks import django, express, laravel, nginx, rails, symfony, tomcat, uvicorn, werkzeug, wordpress
from core.edge.request import Incoming, Resolution, Trust

FRAMEWORKS = {
    "symfony": symfony.resolve,
    "laravel": laravel.resolve,
    "werkzeug": werkzeug.resolve,
    "django": django.resolve,
    "rails": rails.resolve,
    "express": express.resolve,
    "tomcat": tomcat.resolve,
    "wordpress": wordpress.resolve,
    "uvicorn": uvicorn.resolve,
    "nginx": nginx.resolve,
}
_ALIASES = {"flask": "werkzeug", "proxyfix": "werkzeug", "spring": "tomcat", "php": "wordpress"}


def resolve(framework: str, request: Incoming, trust: Trust) -> Resolution:
    """Raises WrongUse for an unknown framework or a trusted range that is none."""
    name = _ALIASES.get(framework.lower(), framework.lower())
    if name not in FRAMEWORKS:
        raise WrongUse(
            f"{framework!r} is no framework I know",
            f"Known are {', '.join(FRAMEWORKS)} and flask",
            "Choose one of them",
        )
    for proxy in trust.proxies:
        if proxy not in ("*", "private_ranges"):
            network(proxy)
    return FRAMEWORKS[name](request, trust)
