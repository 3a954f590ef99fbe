"""Werkzeug's ProxyFix (Flask): trusts by count, not by address: the n-th value from the right of each header."""

from __future__ import annotations

import re

from core.edge.addresses import split_host
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

_HOST = re.compile(r"(?:[a-z0-9.-]+|\[[a-f0-9]*:[a-f0-9.:]+\])(?::([1-9][0-9]{0,4}))?", re.ASCII | re.IGNORECASE)


def resolve(request: Incoming, trust: Trust) -> Resolution:
    hops = trust.hops
    steps = [
        Step(
            "trust",
            f"{hops} from the right",
            f"ProxyFix believes {hops} proxies whoever they are: it looks at no address",
        )
    ]

    def value(header: str) -> str:
        if header not in trust.headers or hops < 1:
            return ""
        listed = _listed(request.header(header) or "")
        return listed[-hops] if len(listed) >= hops else ""

    client = value(FORWARDED_FOR)
    steps.append(
        Step(
            "client",
            client or request.peer,
            f"value {hops} from the right of X-Forwarded-For" if client else "the connection's other end",
        )
    )
    proto = value(FORWARDED_PROTO)
    scheme = proto or request.scheme
    steps.append(Step("scheme", scheme, "X-Forwarded-Proto" if proto else "the connection itself"))
    forwarded_host = value(FORWARDED_HOST)
    netloc = forwarded_host or request.header("host")
    steps.append(Step("host", netloc or "", "X-Forwarded-Host" if forwarded_host else "the Host header"))
    port = value(FORWARDED_PORT)
    if port and netloc:
        if ":" in netloc and not netloc.endswith("]"):
            netloc = netloc.rpartition(":")[0]
        netloc = f"{netloc}:{port}"
        steps.append(Step("port", port, "X-Forwarded-Port replaces the port of the host"))
    netloc = netloc or ""
    if scheme in ("http", "https", "ws", "wss"):
        netloc = netloc.removesuffix(f":{default_port(scheme)}")
    if not _valid(netloc):
        steps.append(Step("host", "", f"{netloc!r} is no valid host: Werkzeug writes links without one"))
        netloc = ""
    host, port_text = split_host(netloc)
    if not port:
        steps.append(
            Step(
                "port",
                port_text or str(default_port(scheme)),
                "from the host" if port_text else f"the default of {scheme}",
            )
        )
    return Resolution(
        scheme, host, int(port_text) if port_text.isdigit() else None, client or request.peer, tuple(steps)
    )


def _listed(header: str) -> list[str]:
    """Comma separated values with quotes taken off, empty ones left out; an unclosed quote voids the header."""
    items, item, quoted, escaped = [], "", False, False
    for character in header:
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            items.append(item)
            item = ""
            continue
        item += character
    if quoted:
        return []
    return [_unquoted(entry) for entry in (part.strip(" \t") for part in [*items, item]) if entry]


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1].replace("\\\\", "\\").replace('\\"', '"')
    return value


def _valid(netloc: str) -> bool:
    match = _HOST.fullmatch(netloc)
    return match is not None and (not match[1] or int(match[1]) <= 65535)
