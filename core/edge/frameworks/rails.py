"""Rails: private ranges are trusted for the client address; scheme and host are believed from anybody."""

from __future__ import annotations

from core.edge.addresses import contains, is_address, split_host, without_port
from core.edge.request import (
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

DEFAULT_TRUSTED = ("127.0.0.0/8", "::1", "fc00::/7", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def resolve(request: Incoming, trust: Trust) -> Resolution:
    steps = [Step("trust", "anybody for scheme and host", "Rails checks addresses for the client only")]
    proto = request.header(FORWARDED_PROTO)
    scheme = proto.split(",")[0].strip() if proto else request.scheme
    steps.append(Step("scheme", scheme, "X-Forwarded-Proto" if proto else "the connection itself"))
    forwarded = request.header(FORWARDED_HOST)
    netloc = forwarded.split(",")[-1].strip() if forwarded else request.header("host") or ""
    host, port_text = split_host(netloc)
    steps.append(Step("host", host, "the right-most X-Forwarded-Host" if forwarded else "the Host header"))
    ignored = request.header(FORWARDED_PORT)
    steps.append(
        Step(
            "port",
            port_text or str(default_port(scheme)),
            "from the host" + (f"; X-Forwarded-Port ({ignored}) is not read for links" if ignored else ""),
        )
    )
    port = int(port_text) if port_text.isdigit() and int(port_text) != default_port(scheme) else None
    client = _client(request, trust.proxies or DEFAULT_TRUSTED)
    steps.append(
        Step(
            "client",
            client,
            "the right-most stranger in X-Forwarded-For" if client != request.peer else "the connection's other end",
        )
    )
    return Resolution(scheme, host, port, client, tuple(steps))


def _client(request: Incoming, proxies: tuple[str, ...]) -> str:
    header = request.header(FORWARDED_FOR) or ""
    chain = [entry for entry in (without_port(part.strip()) for part in header.split(",")) if is_address(entry)]
    for address in reversed([*chain, request.peer]):
        if not contains(proxies, address):
            return address
    return chain[0] if chain else request.peer
