"""Who really asked, and by which address: forwarded headers count only if the peer is a trusted proxy."""

from __future__ import annotations

import ipaddress
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.base.errors import WrongUse

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Origin:
    """The client's address, and scheme, host and port as the client used them."""

    client: str
    scheme: str
    host: str
    port: int


def trusted_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks as CIDR or single addresses. Raises WrongUse naming the one that is none."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError as error:
            raise WrongUse(
                f"{text!r} is no network to trust", str(error), "Write an address or CIDR, for example 10.0.0.0/8"
            ) from error
    return tuple(found)


def origin_of(scope: MutableMapping[str, Any], trust: Sequence[Network]) -> Origin:
    """The origin of one ASGI request. Raises ValueError where trusted headers contradict each other."""
    peer = scope["client"][0] if scope.get("client") else ""
    headers = dict(scope["headers"])
    host, port = _host_and_port(headers.get(b"host", b"").decode("latin-1"))
    scheme = scope["scheme"]
    return Origin(peer, scheme, host, port or (443 if scheme == "https" else 80))


def _host_and_port(value: str) -> tuple[str, int | None]:
    if value.startswith("["):
        host, _, rest = value[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = value.partition(":")
    return host, int(port) if port.isdecimal() and len(port) <= 5 else None
