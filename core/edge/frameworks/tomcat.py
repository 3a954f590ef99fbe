"""Tomcat's RemoteIpValve (and Spring Boot's "native" strategy, which sets it up): trusted proxies by address.

Set up as the snippet has it: X-Forwarded-For, -Proto and -Port are read, X-Forwarded-Host is not. X-Forwarded-Port counts only
beside X-Forwarded-Proto; the port in Host then counts no more.
"""

from __future__ import annotations

import ipaddress
import re

from core.edge.addresses import contains, everybody, split_host
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

DEFAULT_TRUSTED = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
                   "::1/128", "fe80::/10", "fc00::/7")  # fmt: skip
"""What it trusts where no internalProxies are named (11.0.24)."""


def resolve(request: Incoming, trust: Trust) -> Resolution:
    proxies = trust.proxies or DEFAULT_TRUSTED
    match = contains(proxies, request.peer)
    named = "internalProxies" if trust.proxies else "the private ranges that Tomcat trusts by itself"
    told = f"{request.peer} is in {match}, {named}" if match else f"{request.peer} is not in {named}"
    steps = [Step("trust", "yes" if match else "no", told)]
    host, port_text = split_host(request.header("host") or "")
    proto = next(iter(request.headers_named(FORWARDED_PROTO)), None) if match else None
    if proto is None:
        scheme = request.scheme
        steps.append(Step("scheme", scheme, "the connection itself; no X-Forwarded-Proto of a trusted proxy"))
        port = int(port_text) if port_text.isdecimal() else default_port(scheme)
        because = "the Host header" if port_text else f"the default of {scheme}"
        if ignored := request.header(FORWARDED_PORT):
            because += f"; X-Forwarded-Port ({ignored}) counts only beside a trusted X-Forwarded-Proto"
    else:
        scheme = "https" if all(part.strip().lower() == "https" for part in proto.split(",")) else "http"
        every = ", for not every value is https" if "," in proto and scheme == "http" else ""
        steps.append(Step("scheme", scheme, f"X-Forwarded-Proto says {proto or 'nothing'}{every}"))
        port_header = next(iter(request.headers_named(FORWARDED_PORT)), None)
        number = re.fullmatch(r"[+-]?[0-9]+", port_header or "")
        port = int(number[0]) if number else default_port(scheme)
        because = (
            f"X-Forwarded-Port says {port_header}" if number else f"the default of {scheme}, not the Host header's"
        )
    ignored = request.header(FORWARDED_HOST)
    steps.append(
        Step("host", host, "the Host header" + (f"; X-Forwarded-Host ({ignored}) is not read" if ignored else ""))
    )
    steps.append(Step("port", str(port), because))
    client, because = _client(request, proxies) if match else (_of_java(request.peer), "the connection's other end")
    steps.append(Step("client", client, because))
    return Resolution(scheme, host, None if port == default_port(scheme) else port, client, tuple(steps))


def _client(request: Incoming, proxies: tuple[str, ...]) -> tuple[str, str]:
    header = request.header(FORWARDED_FOR)
    entries = [entry.strip() for entry in header.split(",")] if header else []
    if not entries:
        return _of_java(request.peer), "the connection's other end"
    for entry in reversed(entries):
        if not contains(proxies, entry):
            return entry, "the right-most of X-Forwarded-For that is no trusted proxy, as it is written there"
    forged = ": spoofable" if everybody(proxies) else ""
    return entries[0], f"the left-most of X-Forwarded-For, since all are trusted proxies{forged}"


def _of_java(peer: str) -> str:
    """A peer of IPv6 as Java writes it: ::1 is 0:0:0:0:0:0:0:1."""
    address = ipaddress.ip_address(peer)
    return ":".join(f"{int(group, 16):x}" for group in address.exploded.split(":")) if address.version == 6 else peer
