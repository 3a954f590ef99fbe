"""Addresses and ranges as frameworks read them from settings and headers."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from core.base.errors import WrongUse

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE_RANGES = (
    "127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12", "169.254.0.0/16", "0.0.0.0/8", "240.0.0.0/4",
    "::1/128", "fc00::/7", "fe80::/10", "::ffff:0:0/96", "::/128",
)  # fmt: skip
"""What Symfony's ``private_ranges`` stands for."""


@lru_cache(maxsize=512)
def network(text: str) -> Network:
    """An address or CIDR block; raises WrongUse for anything else."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise WrongUse(
            f"{text!r} is no address and no range",
            "It should look like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32",
            "Correct the list of trusted proxies",
        ) from None


def is_address(text: str) -> bool:
    return "%" not in text and _address(text) is not None


@lru_cache(maxsize=4096)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def contains(ranges: tuple[str, ...], address: str) -> str:
    """The first of ``ranges`` that holds the address, "" if none does. ``*`` holds everything."""
    if "*" in ranges:
        return "*"
    found = _address(address) if "%" not in address else None
    if found is None:
        return ""
    for text in ranges:
        candidates = PRIVATE_RANGES if text == "private_ranges" else (text,)
        for candidate in candidates:
            net = network(candidate)
            if net.version == found.version and found in net:
                return text
    return ""


def everybody(ranges: tuple[str, ...]) -> bool:
    """Whether the ranges leave nobody out: then the left-most address that was told is believed, which anybody can write."""
    return any(text == "*" or text.endswith("/0") for text in ranges)


def without_port(entry: str) -> str:
    """An entry of X-Forwarded-For or ``for=``: brackets and port taken off where they are well formed."""
    if entry.startswith("["):
        end = entry.find("]")
        return entry[1:end] if end > 0 else entry
    if "." in entry and entry.find(":") > 0:
        return entry[: entry.index(":")]
    return entry


def split_host(text: str) -> tuple[str, str]:
    """``host:port`` into host (IPv6 in its brackets) and port text ("" where there is none)."""
    start = text.rfind("]") + 1 if text.startswith("[") else 0
    colon = text.rfind(":", start)
    return (text[:colon], text[colon + 1 :]) if colon >= start and colon != -1 else (text, "")
