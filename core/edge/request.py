"""A request as the application's server receives it, behind whatever proxies there are."""

from __future__ import annotations

from dataclasses import dataclass

FORWARDED_FOR = "x-forwarded-for"
FORWARDED_PROTO = "x-forwarded-proto"
FORWARDED_HOST = "x-forwarded-host"
FORWARDED_PORT = "x-forwarded-port"
FORWARDED = "forwarded"


@dataclass(frozen=True, slots=True)
class Incoming:
    """peer: address of the TCP connection's other end. scheme: of that connection (behind a TLS-ending balancer: http).
    port: the application's own listening port. headers: (name, value) pairs in order of arrival, Host among them."""

    peer: str
    scheme: str = "http"
    port: int = 80
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str | None:
        """The value; repeated headers are one list, as RFC 9110 (5.3) has it. None where it is absent."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ", ".join(values) if values else None

    def headers_named(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe.

    proxies: addresses and CIDR blocks, or ``*`` for everybody. hops: for frameworks that trust by count.
    headers: which of the forwarding headers the framework is set to read.
    """

    proxies: tuple[str, ...] = ()
    hops: int = 1
    headers: frozenset[str] = frozenset({FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, FORWARDED_PORT})


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: ``what`` (client, scheme, host, port, trust), the value it came to, and the header or rule that decided."""

    what: str
    value: str
    because: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the application believes. ``port`` is None where it leaves the port out of the links it writes."""

    scheme: str
    host: str
    port: int | None
    client: str
    steps: tuple[Step, ...]
    refused: str = ""
    """Why the framework would refuse the request; then the other fields say nothing."""

    @property
    def url(self) -> str:
        """The base URL of the links that the application writes."""
        if self.refused:
            return ""
        return f"{self.scheme}://{self.host}{'' if self.port is None else f':{self.port}'}/"


def default_port(scheme: str) -> int:
    return 443 if scheme in ("https", "wss") else 80
