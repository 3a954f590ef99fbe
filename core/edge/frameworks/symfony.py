"""Symfony's HttpFoundation (5.4 and newer): trusted proxies by address, trusted headers by name, left-most values.

``https://host:80`` appears exactly when X-Forwarded-Proto is trusted and says https while X-Forwarded-Port is
trusted and says 80, or while Host itself carries ``:80``.
"""

from __future__ import annotations

import re

from core.edge import rfc7239
from core.edge.addresses import contains, everybody, is_address, split_host, without_port
from core.edge.request import (
    FORWARDED,
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

_PARAMETER = {FORWARDED_FOR: "for", FORWARDED_HOST: "host", FORWARDED_PROTO: "proto", FORWARDED_PORT: "host"}
_SECURE = ("https", "on", "ssl", "1")
_HOST_PIECE = re.compile(r"(?:^\[)?[a-zA-Z0-9\-:\]_]+\.?")


class _Refused(Exception):
    pass


def resolve(request: Incoming, trust: Trust) -> Resolution:
    try:
        return _Reading(request, trust).resolution()
    except _Refused as refused:
        return Resolution("", "", None, "", (Step("request", "refused", str(refused)),), refused=str(refused))


class _Reading:
    def __init__(self, request: Incoming, trust: Trust) -> None:
        self.request, self.trust = request, trust
        self.steps: list[Step] = []
        # as its own word REMOTE_ADDR: whoever connects
        self.proxies = (request.peer,) if "*" in trust.proxies else trust.proxies
        self.match = contains(self.proxies, request.peer) if self.proxies else ""

    def resolution(self) -> Resolution:
        if self.match:
            self._step("trust", "yes", f"{self.request.peer} is in {self.match}")
        else:
            self._step(
                "trust", "no", f"{self.request.peer} is not among the trusted proxies, so no forwarding header counts"
            )
        scheme = self._scheme()
        host = self._host()
        port = self._port(scheme)
        client = self._client()
        return Resolution(scheme, host, None if port == default_port(scheme) else port, client, tuple(self.steps))

    def _step(self, what: str, value: str, because: str) -> None:
        self.steps.append(Step(what, value, because))

    def _values(self, header: str, secure: bool = False, peer: str = "") -> list[str]:
        """The trusted values of a header; X-Forwarded-* and Forwarded must agree where both are trusted."""
        if not self.match:
            return []
        plain: list[str] = []
        standard: list[str] = []
        text = self.request.header(header)
        if header in self.trust.headers and text is not None:
            plain = [value.strip() for value in text.split(",")]
        forwarded = self.request.header(FORWARDED)
        if FORWARDED in self.trust.headers and forwarded is not None:
            for value in rfc7239.values(forwarded, _PARAMETER[header]):
                if header == FORWARDED_PORT:
                    port = "" if value.endswith("]") else value.rpartition(":")[2] if ":" in value else ""
                    standard.append(port if ":" in value and not value.endswith("]") else str(443 if secure else 80))
                else:
                    standard.append(value)
        if peer:
            plain, standard = self._untrusted(plain, peer), self._untrusted(standard, peer)
        if plain and standard and plain != standard:
            raise _Refused(
                f"Forwarded and {header.title()} are both trusted and disagree ({', '.join(standard)} against {', '.join(plain)}): "
                "Symfony answers 400. Let the proxy send only one of them, or trust only one"
            )
        return standard or plain

    def _untrusted(self, chain: list[str], peer: str) -> list[str]:
        """From the right, the addresses that are no proxies of ours; where all are, the left-most of them."""
        if not chain:
            return []
        addresses = [entry for entry in map(without_port, [*chain, peer]) if is_address(entry)]
        strangers = [entry for entry in addresses if not contains(self.proxies, entry)]
        return strangers[::-1] or addresses[:1]

    def _scheme(self) -> str:
        values = self._values(FORWARDED_PROTO)
        if values:
            scheme = "https" if values[0].lower() in _SECURE else "http"
            self._step("scheme", scheme, f"X-Forwarded-Proto says {values[0] or 'nothing'}")
            return scheme
        self._step("scheme", self.request.scheme, "the connection itself; no trusted X-Forwarded-Proto")
        return self.request.scheme

    def _host(self) -> str:
        values = self._values(FORWARDED_HOST)
        text = values[0] if values else self.request.header("host") or ""
        host = re.sub(r":\d+$", "", text.strip()).lower()
        if host and _HOST_PIECE.sub("", host):
            raise _Refused(f"The host {host!r} holds characters that no host may have: Symfony answers 400")
        self._step("host", host, "trusted X-Forwarded-Host" if values else "the Host header")
        return host

    def _port(self, scheme: str) -> int:
        secure = scheme == "https"
        if values := self._values(FORWARDED_PORT, secure):
            # The header holds a port, but Symfony reads it as the end of an address: what follows the last colon.
            text, source = values[0].rpartition(":")[2], f"X-Forwarded-Port says {values[0] or 'nothing'}"
        elif values := self._values(FORWARDED_HOST):
            text, source = split_host(values[0])[1], "the port in the trusted X-Forwarded-Host"
        elif host := self.request.header("host"):
            text, source = split_host(host)[1], "the port in the Host header"
        else:
            self._step("port", str(self.request.port), "the listening port; there is no Host header")
            return self.request.port
        if text and text != "0":
            leading = re.match(r"\s*[+-]?\d+", text)
            port = int(leading.group()) if leading else 0
            self._step("port", str(port), source)
            return port
        port = default_port(scheme)
        self._step("port", str(port), f"the default of {scheme}; {source if values else 'the Host header has none'}")
        return port

    def _client(self) -> str:
        values = self._values(FORWARDED_FOR, peer=self.request.peer)
        client = values[0] if values else self.request.peer
        if not values:
            because = "the connection's other end"
        elif everybody(self.proxies):
            because = "the left-most address of X-Forwarded-For, since everybody is trusted: spoofable"
        else:
            because = "the right-most address of X-Forwarded-For that is no trusted proxy"
        self._step("client", client, because)
        return client
