"""Rails (8.1, on Rack 3): scheme, host and the client's address are believed from anybody who can reach it.

``trusted_proxies`` only says which addresses are passed over on the way from the right: the peer itself is never asked for.
"""

from __future__ import annotations

import re

from core.edge import rfc7239
from core.edge.addresses import contains, everybody, is_address, without_port
from core.edge.request import (
    FORWARDED,
    FORWARDED_FOR,
    FORWARDED_HOST,
    FORWARDED_PORT,
    FORWARDED_PROTO,
    Incoming,
    Resolution,
    Step,
    Trust,
    default_port,
)

DEFAULT_TRUSTED = ("127.0.0.0/8", "::1", "fc00::/7", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                   "169.254.0.0/16", "fe80::/10")  # fmt: skip
"""The last two since Rails 8.1."""
_SCHEMES = ("https", "http", "wss", "ws")
_SSL, _SCHEME, _CLIENT_IP = "x-forwarded-ssl", "x-forwarded-scheme", "client-ip"


def resolve(request: Incoming, trust: Trust) -> Resolution:
    """Links as ``url_for`` writes them, behind Puma; ``trust.headers`` is no setting of Rails."""
    steps = [Step("trust", "anybody", "Rails never asks who connects: only the proxy may reach it")]
    told, because = _scheme(request)
    scheme = "https" if told in ("https", "wss") else "http"
    steps.append(Step("scheme", scheme, because))
    forwarded = (request.header(FORWARDED_HOST) or "").strip()
    netloc = re.split(r",\s?", forwarded.rstrip(","))[-1] if forwarded else request.header("host") or ""
    found = re.search(r":(\d+)$", netloc)
    host = netloc[: found.start()] if found else netloc
    steps.append(Step("host", host, "the right-most X-Forwarded-Host" if forwarded else "the Host header"))
    shown = int(found[1]) if found else default_port(scheme)
    ignored = request.header(FORWARDED_PORT)
    because = "from the host" + (f"; X-Forwarded-Port ({ignored}) is not read for links" if ignored else "")
    steps.append(Step("port", str(shown), because))
    port = None if shown == default_port(scheme) else shown
    chain = _chain(request)
    client_ip = [entry for entry in re.split(r"[,\s]+", request.header(_CLIENT_IP) or "") if is_address(entry)]
    if client_ip and chain and client_ip[0] not in chain:
        refusal = (
            f"Client-Ip ({client_ip[0]}) is not in X-Forwarded-For: Rails answers 500 (IpSpoofAttackError). "
            "Let the proxy remove Client-Ip"
        )
        return Resolution("", "", None, "", (*steps, Step("request", "refused", refusal)), refused=refusal)
    client, because = _client(request.peer, chain, client_ip, trust.proxies or DEFAULT_TRUSTED)
    steps.append(Step("client", client, because))
    return Resolution(scheme, host, port, client, tuple(steps))


def _scheme(request: Incoming) -> tuple[str, str]:
    if request.header(_SSL) == "on":
        return "https", "X-Forwarded-Ssl is on"
    standard = rfc7239.values(request.header(FORWARDED) or "", "proto")
    if standard and standard[-1] in _SCHEMES:
        return standard[-1], "the right-most proto of Forwarded, which comes before X-Forwarded-Proto"
    for name in (FORWARDED_PROTO, _SCHEME):
        for value in reversed(_listed(request.header(name))):
            if value in _SCHEMES:
                return value, f"the right-most {name.title()} (Rack 2 took the left-most)"
    told = request.header(FORWARDED_PROTO)
    unknown = f"; X-Forwarded-Proto says {told}, which Rack does not take" if told else ""
    return request.scheme, f"the connection itself{unknown}"


def _chain(request: Incoming) -> list[str]:
    """The addresses that were told, left to right; those of Forwarded, where it names any."""
    told = rfc7239.values(request.header(FORWARDED) or "", "for") or _listed(request.header(FORWARDED_FOR))
    return [entry for entry in map(without_port, told) if is_address(entry)]


def _listed(header: str | None) -> list[str]:
    return [entry for entry in re.split(r"[, \t]+", header or "") if entry]


def _client(peer: str, chain: list[str], client_ip: list[str], proxies: tuple[str, ...]) -> tuple[str, str]:
    told = [*reversed(chain), *reversed(client_ip)]
    for address in told:
        if not contains(proxies, address):
            if contains(proxies, peer):
                return address, "the right-most of those told that is no trusted proxy"
            return address, f"told by {peer}, which is no trusted proxy and is believed all the same: spoofable"
    if not contains(proxies, peer):
        return peer, "the connection's other end"
    if not told:
        return peer, "the connection's other end"
    return told[-1], f"all are trusted proxies: the one furthest away{': spoofable' if everybody(proxies) else ''}"
