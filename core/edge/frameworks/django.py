"""Django: one header says https (SECURE_PROXY_SSL_HEADER), and is believed from anybody; no address is ever looked at."""

from __future__ import annotations

import re

from core.edge.addresses import split_host
from core.edge.request import FORWARDED_HOST, FORWARDED_PORT, FORWARDED_PROTO, Incoming, Resolution, Step, Trust

_HOST = re.compile(r"([a-z0-9.-]+|\[[a-f0-9]*:[a-f0-9.:]+\])(?::([0-9]+))?")


def resolve(request: Incoming, trust: Trust) -> Resolution:
    """Modelled with ``SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")``, USE_X_FORWARDED_HOST and
    USE_X_FORWARDED_PORT as ``trust.headers`` says, and ALLOWED_HOSTS open."""
    steps = [Step("trust", "anybody", "Django believes these headers whoever sends them: only the proxy may reach it")]
    proto = request.header(FORWARDED_PROTO) if FORWARDED_PROTO in trust.headers else None
    if proto is None:
        scheme = request.scheme
        steps.append(Step("scheme", scheme, "the connection itself; no SECURE_PROXY_SSL_HEADER in the request"))
    else:
        scheme = "https" if proto.split(",")[0].strip() == "https" else "http"
        steps.append(Step("scheme", scheme, f"SECURE_PROXY_SSL_HEADER: X-Forwarded-Proto says {proto or 'nothing'}"))
    forwarded = request.header(FORWARDED_HOST) if FORWARDED_HOST in trust.headers else None
    netloc = forwarded if forwarded is not None else request.header("host")
    if netloc is None:
        return Resolution(
            scheme, "", None, request.peer, tuple(steps), refused="There is no Host header to build a link from"
        )
    steps.append(Step("host", netloc, "USE_X_FORWARDED_HOST" if forwarded is not None else "the Host header"))
    if _HOST.fullmatch(netloc.lower()) is None:
        refusal = f"{netloc!r} is no valid host: Django answers 400 (DisallowedHost)"
        return Resolution("", "", None, "", (*steps, Step("request", "refused", refusal)), refused=refusal)
    host, port = split_host(netloc)
    port_header = request.header(FORWARDED_PORT)
    if port_header and FORWARDED_PORT in trust.headers:
        steps.append(
            Step(
                "port",
                port or "left out",
                f"X-Forwarded-Port says {port_header}, but Django builds links from the host alone",
            )
        )
    else:
        steps.append(Step("port", port or "left out", "whatever the host carries, a default port too"))
    steps.append(Step("client", request.peer, "REMOTE_ADDR; Django reads no X-Forwarded-For"))
    return Resolution(scheme, host, int(port) if port else None, request.peer, tuple(steps))
