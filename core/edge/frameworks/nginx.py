"""nginx as the application's front (real_ip module): the client from X-Forwarded-For, scheme and port from its own socket."""

from __future__ import annotations

from core.edge.addresses import contains, is_address, split_host, without_port
from core.edge.request import FORWARDED_FOR, FORWARDED_PROTO, Incoming, Resolution, Step, Trust, default_port


def resolve(request: Incoming, trust: Trust) -> Resolution:
    """Redirects as nginx writes them itself (absolute_redirect on, port_in_redirect on), real_ip_recursive on."""
    match = contains(trust.proxies, request.peer)
    steps = [
        Step(
            "trust",
            "yes" if match else "no",
            f"{request.peer} is {'in ' + match if match else 'not in set_real_ip_from'}",
        )
    ]
    proto = request.header(FORWARDED_PROTO)
    steps.append(
        Step(
            "scheme",
            request.scheme,
            "its own listener" + (f"; $scheme knows nothing of X-Forwarded-Proto ({proto})" if proto else ""),
        )
    )
    host = split_host(request.header("host") or "")[0].lower()
    steps.append(Step("host", host, "the Host header, without its port"))
    port = request.port if request.port != default_port(request.scheme) else None
    steps.append(Step("port", str(request.port), "its own listener (port_in_redirect)"))
    client = _client(request, trust.proxies) if match else request.peer
    steps.append(
        Step(
            "client",
            client,
            "X-Forwarded-For by real_ip_recursive" if client != request.peer else "the connection's other end",
        )
    )
    return Resolution(request.scheme, host, port, client, tuple(steps))


def _client(request: Incoming, proxies: tuple[str, ...]) -> str:
    current = request.peer
    for entry in reversed((request.header(FORWARDED_FOR) or "").split(",")):
        address = without_port(entry.strip())
        if not is_address(address):
            return current
        current = address
        if not contains(proxies, address):
            return current
    return current
