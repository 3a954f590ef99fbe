"""Express (4): ``trust proxy`` by address; the left-most X-Forwarded-Proto; links are written from ``req.get("host")``."""

from __future__ import annotations

from core.edge.addresses import contains, is_address, split_host
from core.edge.request import (
    FORWARDED_FOR,
    FORWARDED_HOST,
    FORWARDED_PROTO,
    Incoming,
    Resolution,
    Step,
    Trust,
    default_port,
)


def resolve(request: Incoming, trust: Trust) -> Resolution:
    """The base URL is ``req.protocol + "://" + req.get("host")``, as most applications write it."""
    for proxy in trust.proxies:
        if proxy.endswith("/0"):
            refusal = f"Express does not start with the range {proxy}: name the proxies"
            return Resolution("", "", None, "", (Step("trust", "refused", refusal),), refused=refusal)
    match = contains(trust.proxies, request.peer)
    steps = [
        Step(
            "trust",
            "yes" if match else "no",
            f"{request.peer} is {'in ' + match if match else 'not covered by trust proxy'}",
        )
    ]
    proto = request.header(FORWARDED_PROTO) if match else None
    scheme = proto.split(",")[0].strip() if proto else request.scheme
    steps.append(Step("scheme", scheme, "the left-most X-Forwarded-Proto" if proto else "the connection itself"))
    host, port_text = split_host(request.header("host") or "")
    forwarded_host = request.header(FORWARDED_HOST) if match else None
    hint = f"; req.hostname would say {split_host(forwarded_host.split(',')[0].rstrip())[0]}" if forwarded_host else ""
    steps.append(Step("host", host, f'the Host header, as req.get("host") gives it{hint}'))
    steps.append(
        Step("port", port_text or str(default_port(scheme)), "the Host header; Express reads no X-Forwarded-Port")
    )
    client = _client(request, trust)
    steps.append(
        Step(
            "client",
            client,
            "the first stranger from the right of X-Forwarded-For"
            if client != request.peer
            else "the connection's other end",
        )
    )
    return Resolution(scheme, host, int(port_text) if port_text.isdigit() else None, client, tuple(steps))


def _client(request: Incoming, trust: Trust) -> str:
    header = request.header(FORWARDED_FOR) or ""
    chain = [request.peer, *(entry for entry in (part.strip(" ") for part in reversed(header.split(","))) if entry)]
    for address in chain[:-1]:
        if not (is_address(address) and contains(trust.proxies, address)):
            return address
    return chain[-1]
