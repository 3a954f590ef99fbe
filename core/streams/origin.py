"""Who really asked, and by which address: the Edge tab's own code, with forwarded headers only from trusted proxies."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core.edge.addresses import network
from core.edge.forwarded import resolve
from core.edge.request import (
    FORWARDED,
    FORWARDED_FOR,
    FORWARDED_HOST,
    FORWARDED_PORT,
    FORWARDED_PROTO,
    Incoming,
    Trust,
    default_port,
)

FRAMEWORK = "symfony"
"""The strictest of the modelled ones: believes addresses, not counts, reads Port and Host, refuses contradictions."""

_READ = frozenset({FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, FORWARDED_PORT, FORWARDED})
_DECIDING = frozenset({b"host", *(name.encode() for name in _READ)})


@dataclass(frozen=True, slots=True)
class Origin:
    """The client's address, and scheme, host and port as the client used them."""

    client: str
    scheme: str
    host: str
    port: int


def trusted(ranges: Sequence[str]) -> Trust:
    """Raises WrongUse naming the range that is none. ``*`` is refused: the left-most address could be forged."""
    for text in ranges:
        network(text)
    return Trust(proxies=tuple(ranges), headers=_READ)


def origin_of(scope: MutableMapping[str, Any], trust: Trust) -> Origin:
    """The origin of one ASGI request. Raises ValueError where trusted headers contradict each other."""
    peer = scope["client"][0] if scope.get("client") else ""
    listening = scope["server"][1] if scope.get("server") else 0
    headers = tuple(header for header in scope["headers"] if header[0] in _DECIDING)
    return _resolved(peer, scope["scheme"], listening or 80, headers, trust)


@lru_cache(maxsize=4096)  # a visitor's requests come with the same headers; resolving costs as much as all the rest
def _resolved(peer: str, scheme: str, port: int, headers: tuple[tuple[bytes, bytes], ...], trust: Trust) -> Origin:
    texts = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    found = resolve(FRAMEWORK, Incoming(peer, scheme, port, texts), trust)
    if found.refused:
        raise ValueError(found.refused)
    return Origin(found.client, found.scheme, found.host, found.port or default_port(found.scheme))
