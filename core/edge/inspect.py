"""Checks a URL by asking for it as a browser would: every hop, then the page. Bounded in hops, bytes and time."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

from core.base.errors import OpsError, WrongUse
from core.edge import rules
from core.edge.fetch import fetch, is_private, resolved
from core.edge.findings import Check, Finding, Hop
from core.edge.page import absolute_links
from core.jobs.job import Job

HOP_LIMIT = 10
_HOST = re.compile(r"[\w.\u0080-\U0010ffff-]+|[0-9a-f:.]+(%.+)?")
"""A name in any script, or an address; nothing else can be looked up."""
_HALF_A_SCHEME = re.compile(r"[^/.@[]*:(?!\d)")
"""http:/x or mailto:x, but no host:8080."""


def normalised(url: str) -> str:
    """The URL with a scheme; raises WrongUse for anything but http(s) and a host."""
    text = url.strip()
    if "://" not in text and not _HALF_A_SCHEME.match(text):
        text = f"https://{text}"
    parts = rules.split(text)
    if parts is None or parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.hostname or ""):
        raise WrongUse(f"{url[:200]!r} is no address that can be checked", "It needs http or https, a host, and a port that is a number",
                       "For example https://dev.app.com/login")  # fmt: skip
    return text


def check(job: Job[Any], url: str, *, timeout: float = 10, ca_file: str = "", allow_private: bool = False) -> Check:
    """Follow ``url`` for at most 10 hops and look at the page it ends on.

    A redirect from a public name to a private address is not followed unless ``allow_private``. Raises OpsError
    only when the first address cannot be asked at all; trouble further on is a finding.
    """
    current = normalised(url)
    hops: list[Hop] = []
    found: list[Finding] = []
    public_start = False
    for number in range(1, HOP_LIMIT + 1):
        where = f"hop {number}"
        job.report(number - 1, HOP_LIMIT, current)
        parts = rules.split(current)
        assert parts is not None
        try:
            addresses = resolved(parts.hostname or "", parts.port or 80)
            private = any(map(is_private, addresses))
            if number == 1:
                public_start = not private
            elif public_start and private and not allow_private:
                found.append(Finding("error", "private-address", where, f"{current[:200]} ({addresses[0]})", "a public address",
                                     "A public name redirects into a private network; it was not followed",
                                     "Check it again with leave to enter, if that network is yours"))  # fmt: skip
                return Check(url, tuple(hops), tuple(_ordered(found)), blocked_at=addresses[0])
            answer = fetch(job, current, addresses[0], timeout=timeout, ca_file=ca_file)
        except OpsError as error:
            if number == 1:
                raise
            found.append(Finding("error", error.code, where, current[:200], "an answer", str(error), error.remedy))
            break
        location = answer.header("location") if 300 <= answer.status < 400 else ""
        hops.append(
            Hop(current, answer.address, answer.status, location, answer.seconds, len(answer.body), answer.whole)
        )
        found.extend(rules.header_findings(current, answer, where))
        if not location:
            found.extend(rules.body_findings(answer, where))
            found.extend(_page(current, answer.header("content-type"), answer.body))
            if answer.status >= 400:
                found.append(
                    Finding(
                        "warning",
                        "status",
                        where,
                        str(answer.status),
                        "200",
                        "The server refuses the page or has none",
                        "Check the address",
                    )
                )
            break
        trouble = list(rules.address_findings(current, location, f"{where}, Location", "location"))
        found.extend(trouble)
        if any(finding.rule in ("foreign-scheme", "malformed-url") for finding in trouble):
            break
        following = urljoin(current, location)
        asked = [hop.url for hop in hops]
        if following in asked:
            found.append(rules.loop_finding(asked, following))
            break
        current = following
    else:
        found.append(Finding("error", "too-many-redirects", f"hop {HOP_LIMIT}", f"{HOP_LIMIT} redirects and no end", "one or two",
                             "Each answer sends on to a new address", "Look at the hops: what changes from one to the next?"))  # fmt: skip
    return Check(url, tuple(hops), tuple(_ordered(found)))


def _page(url: str, content_type: str, body: bytes) -> list[Finding]:
    if content_type and "html" not in content_type.lower():
        return []
    links, cut = absolute_links(body)
    return rules.page_findings(url, links, cut)


def _ordered(found: list[Finding]) -> list[Finding]:
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda finding: order[finding.severity])
