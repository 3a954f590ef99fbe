"""uvicorn's --proxy-headers: Proto and For from trusted peers only; Port and Host are ignored.

``--forwarded-allow-ips='*'`` believes the left-most X-Forwarded-For, which anybody can write.
"""

from __future__ import annotations

from core.edge.addresses import contains, split_host
from core.edge.request import (
    FORWARDED_FOR,
    FORWARDED_PORT,
    FORWARDED_PROTO,
    Incoming,
    Resolution,
    Step,
    Trust,
    default_port,
)


def resolve(request: Incoming, trust: Trust) -> Resolution:
    steps: list[Step] = []
    match = contains(trust.proxies, request.peer)
    steps.append(
        Step(
            "trust",
            "yes" if match else "no",
            f"{request.peer} is {'in ' + match if match else 'not in --forwarded-allow-ips'}",
        )
    )
    scheme, client = request.scheme, request.peer
    because = "the connection itself"
    if match and (protos := request.headers_named(FORWARDED_PROTO)):
        proto = protos[-1].strip()
        if proto in ("http", "https", "ws", "wss"):
            scheme, because = proto, "X-Forwarded-Proto"
        else:
            because = f"X-Forwarded-Proto says {proto!r}, which uvicorn does not take"
    steps.append(Step("scheme", scheme, because))
    because = "the connection's other end"
    if match and (header := request.header(FORWARDED_FOR)) is not None:
        found = _client(header, trust)
        if found:
            client = found
            because = (
                "the left-most X-Forwarded-For, since everybody is trusted: spoofable"
                if match == "*"
                else "the right-most stranger in X-Forwarded-For"
            )
    steps.append(Step("client", client, because))
    host, port_text = split_host(request.header("host") or "")
    steps.append(Step("host", host, "the Host header; uvicorn ignores X-Forwarded-Host"))
    forwarded_port = request.header(FORWARDED_PORT)
    because = "the Host header" if port_text else f"the default of {scheme}"
    if forwarded_port:
        because += f"; uvicorn ignores X-Forwarded-Port ({forwarded_port})"
    steps.append(Step("port", port_text or str(default_port(scheme)), because))
    return Resolution(scheme, host, int(port_text) if port_text.isdigit() else None, client, tuple(steps))


def _client(header: str, trust: Trust) -> str:
    entries = [entry.strip() for entry in header.split(",")]
    if "*" in trust.proxies:
        return _host(entries[0])
    for entry in reversed(entries):
        if not contains(trust.proxies, _host(entry)):
            return _host(entry)
    return _host(entries[0])


def _host(entry: str) -> str:
    """The address of ``host``, ``host:port`` or ``[host]:port``; what is malformed stays as it is."""
    if entry.startswith("["):
        end = entry.find("]")
        rest = entry[end + 1 :]
        return entry[1:end] if end != -1 and (not rest or rest.startswith(":")) else entry
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host if _is_integer(port) else entry
    return entry


def _is_integer(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True
