"""Checks a URL by asking for it as a browser would: every hop, then the page. Bounded in hops, bytes and time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urljoin

from core.base.errors import OpsError, WrongUse
from core.edge import rules
from core.edge.cookies import Cookies
from core.edge.fetch import Answer, fetch, is_private, resolved
from core.edge.findings import Check, Finding, Hop
from core.edge.page import read_page, refreshed
from core.edge.wire import asked
from core.jobs.job import Job

HOP_LIMIT = 10
_HOST = re.compile(r"[\w.\u0080-\U0010ffff-]+|[0-9a-f:.]+(%.+)?")
"""A name in any script, or an address; nothing else can be looked up."""
_REDIRECTS = (301, 302, 303, 307, 308)
"""The statuses whose Location a browser follows."""
_ENDLESS = ("redirect-loop", "too-many-redirects")
_HALF_A_SCHEME = re.compile(r"[^/.@[]*:(?!\d)")
"""http:/x or mailto:x, but no host:8080."""


def normalised(url: str) -> str:
    """The URL with a scheme; raises WrongUse for anything but http(s) and a host, and for one with a password in it."""
    text = url.strip()
    if "://" not in text and not _HALF_A_SCHEME.match(text):
        text = f"https://{text}"
    parts = rules.split(text)
    if parts is None or parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.hostname or ""):
        raise WrongUse(f"{url[:200]!r} is no address that can be checked", "It needs http or https, a host, and a port that is a number",
                       "For example https://dev.app.com/login")  # fmt: skip
    if "@" in parts.netloc:
        raise WrongUse(
            "An address with a user name or password is not checked",
            "They would stand in the history, and no browser sends them with a page any more",
            f"Check {parts.scheme}://{parts.netloc.rpartition('@')[2]}/ without them",
        )
    if parts.port == 0:
        raise WrongUse(
            f"{url[:200]!r} is no address that can be checked", "Nothing listens on port 0", "Correct the port"
        )
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
    cookies = Cookies()
    requests: dict[str, list[str]] = {}
    for number in range(1, HOP_LIMIT + 1):
        where = f"hop {number}"
        job.report(number - 1, HOP_LIMIT, current)
        parts = rules.split(current)
        assert parts is not None
        try:
            addresses = asked(job, partial(resolved, parts.hostname or "", parts.port or 80))
            private = any(map(is_private, addresses))
            if number == 1:
                public_start = not private
            elif public_start and private and not allow_private:
                found.append(Finding("error", "private-address", where, f"{current[:200]} ({addresses[0]})", "a public address",
                                     "A public name redirects into a private network; it was not followed",
                                     "Check it again with leave to enter, if that network is yours"))  # fmt: skip
                return Check(url, tuple(hops), tuple(_ordered(found)), blocked_at=addresses[0])
            jar = cookies.for_url(current)
            requests.setdefault(rules.as_asked(current), []).append(jar)
            answer = fetch(
                job, current, addresses, timeout=timeout, ca_file=ca_file, headers={"Cookie": jar} if jar else None
            )
        except OpsError as error:
            if number == 1:
                raise
            why = f"{error.title}. {error.why}"
            found.append(Finding("error", error.code, where, current[:200], "an answer", why, error.remedy))
            break
        cookies.keep(current, answer)
        location = rules.as_written(answer.header("location")) if answer.status in _REDIRECTS else ""
        hops.append(
            Hop(
                rules.without_login(current),
                answer.address,
                answer.status,
                rules.without_login(location),
                answer.seconds,
                len(answer.body),
                answer.whole,
            )
        )
        found.extend(rules.header_findings(current, answer, where))
        if not location:
            found.extend(rules.body_findings(answer, where))
            found.extend(_page(job, current, answer, where))
            if answer.status in _REDIRECTS:
                found.append(rules.nowhere_finding(where, answer.status))
            elif answer.status >= 400:
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
        before = requests.get(rules.as_asked(following), [])
        if cookies.for_url(following) in before or len(before) > 1:  # the same request has the same answer
            found.append(rules.loop_finding([hop.url for hop in hops], rules.without_login(following)))
            break
        current = following
    else:
        found.append(Finding("error", "too-many-redirects", f"hop {HOP_LIMIT}", f"{HOP_LIMIT} redirects and no end", "one or two",
                             "Each answer sends on to a new address", "Look at the hops: what changes from one to the next?"))  # fmt: skip
    return Check(url, tuple(hops), tuple(_ordered(found)))


def _page(job: Job[Any], url: str, answer: Answer, where: str) -> Iterator[Finding]:
    content_type = answer.header("content-type")
    onward = refreshed(answer.header("refresh"), "the header Refresh", where)
    if not content_type or "html" in content_type.lower():
        page = read_page(answer.body, content_type, job.checkpoint)
        yield from rules.page_findings(url, page.links, page.cut)
        onward = onward or page.onward
    if onward:
        yield from rules.onward_findings(url, onward)


def _ordered(found: list[Finding]) -> list[Finding]:
    """Each once with all its places, the gravest first; before the others what keeps everybody from arriving."""
    places: dict[Finding, list[str]] = {}
    for finding in found:
        places.setdefault(replace(finding, where=""), []).append(finding.where)
    order = {"error": 0, "warning": 1, "info": 2}
    told = [replace(finding, where="; ".join(where)) for finding, where in places.items()]
    return sorted(told, key=lambda finding: (order[finding.severity], finding.rule not in _ENDLESS))
