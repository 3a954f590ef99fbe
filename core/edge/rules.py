"""The rules of a check: what is wrong with an address, a cookie, a header, and how to cure it."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urljoin, urlsplit

from core.edge.fetch import Answer, is_private
from core.edge.findings import Finding
from core.edge.page import LINK_LIMIT, Link, Onward

_TRUST = (
    "Let the application trust the proxy: name its ranges (Symfony trusted_proxies, Laravel TrustProxies, Express trust proxy, ProxyFix) and the "
    "headers X-Forwarded-Proto and X-Forwarded-Port; the snippets have it ready"
)
_INTERNAL_SUFFIXES = (".local", ".internal", ".lan", ".localdomain", ".intranet", ".corp", ".home.arpa", ".svc")
_EXAMPLES = 5
"""Places named per rule; the count of all is told."""


_HURTS = {
    "active": "Browsers block it: scripts, styles and frames over http on an https page",
    "form": "What is typed travels in the clear: browsers warn before they send a form to http from an https page",
    "base": "Every relative address of the page becomes http: browsers block its scripts and styles",
}
_BALANCERS = re.compile(r"AWS(ALB|ALBAPP|ALBTG|ELB)(CORS)?(-\d+)?")
"""Cookies that AWS's balancers set themselves, for stickiness."""
_LEAST_HSTS = 10_886_400
"""Seconds: 18 weeks, below which browsers and scanners do not take it for meant."""


def as_asked(url: str) -> str:
    """Two addresses with the same of this are one request: no fragment, no default port, a path."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, _default(parts)) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path or '/'}?{parts.query}"


def as_written(location: str) -> str:
    """A header as its bytes mean it: UTF-8, which HTTP/1.1 hands on as Latin-1."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location


def without_login(url: str) -> str:
    """For what is shown and kept."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"…@{parts.netloc.rpartition('@')[2]}").geturl() if "@" in parts.netloc else url


def split(url: str, base: str = "") -> SplitResult | None:
    """The parts, of ``url`` as ``base`` wrote it; None for what is no URL (a port that is no number, brackets that do not close)."""
    try:
        parts = urlsplit(urljoin(base, url))
        _ = parts.port
    except ValueError:
        return None
    return parts


def address_findings(base: str, url: str, where: str, kind: str) -> Iterator[Finding]:
    """What is wrong with one absolute address that ``base`` wrote. kind: location, or a Link's kind."""
    page, parts = split(base), split(url, base)
    if page is None or parts is None:
        yield Finding(
            "warning",
            "malformed-url",
            where,
            url[:200],
            "an address that a browser can read",
            "It is no URL",
            "Correct the template that writes it",
        )
        return
    if parts.scheme not in ("http", "https"):
        if kind == "location":
            yield Finding("error", "foreign-scheme", where, url[:200], "http or https", "A redirect leads out of the web; it was not followed",
                          "Redirect to an http(s) address")  # fmt: skip
        return
    host, same = parts.hostname or "", parts.hostname == page.hostname
    if not same and _internal(host) and not _internal(page.hostname or ""):
        yield Finding("error", "internal-host", where, url[:200], f"{page.scheme}://{page.hostname}/…", "A name or address of the inside leaks: "
                      "the application builds its links from its own host", "Let the proxy pass the Host header on (proxy_set_header Host $host), "
                      "or trust X-Forwarded-Host")  # fmt: skip
        return
    if (parts.scheme, parts.port) in (("https", 80), ("http", 443)):
        default = _default(parts)
        here, there = (
            f"{page.scheme}://{page.netloc}/…, as in the address bar",
            f"{parts.scheme}://{host}/… (port {default})",
        )
        expected = here if same else there
        yield Finding("error", "scheme-port-mismatch", where, url[:200], expected,
                      f"The application knows the scheme ({parts.scheme}) but takes the port ({parts.port}) from its own listener, its Host header or a "
                      "wrong X-Forwarded-Port",
                      f"{_TRUST}. Check that the balancer's X-Forwarded-Port is {default} and that Host carries no :{parts.port}")  # fmt: skip
        return
    if page.scheme == "https" and parts.scheme == "http":
        yield from _plain_on_secure(url, where, kind, same)
        return
    if same and parts.port is not None and parts.port == (443 if parts.scheme == "https" else 80):
        yield Finding("info", "explicit-default-port", where, url[:200], f"{parts.scheme}://{host}/…", "The default port is written out; caches, cookies and "
                      "OAuth see another origin", "Leave it out: usually the Host header or X-Forwarded-Host carries it")  # fmt: skip
    elif same and (parts.port or _default(parts)) != (page.port or _default(page)):
        yield Finding("warning", "other-port", where, url[:200], f"the port of the address bar ({page.port or _default(page)})",
                      "The application writes the port it listens on, not the one its users see", _TRUST)  # fmt: skip


def _plain_on_secure(url: str, where: str, kind: str, same: bool) -> Iterator[Finding]:
    why = "The application takes the connection from the proxy (http) for its users' connection"
    if kind == "location":
        yield Finding(
            "error", "downgrade", where, url[:200], "https", f"A redirect leads from https back to http. {why}", _TRUST
        )
    elif kind in _HURTS:
        yield Finding(
            "error", "mixed-content", where, url[:200], "https", _HURTS[kind], _TRUST if same else "Load it over https"
        )
    elif kind == "passive":
        yield Finding(
            "warning",
            "mixed-content",
            where,
            url[:200],
            "https",
            "Browsers ask for it over https instead, and show nothing where that fails",
            _TRUST if same else "Load it over https",
        )
    elif same:
        rule = "wrong-identity" if kind == "identity" else "insecure-link"
        yield Finding("warning", rule, where, url[:200], "https", why, _TRUST)


def page_findings(base: str, links: list[Link], cut: bool) -> list[Finding]:
    """Findings of a page's links; equal ones are told once, with a count and the first places."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for link in links:
        for finding in address_findings(base, link.url, f"line {link.line}, <{link.tag}>", link.kind):
            groups.setdefault((finding.severity, finding.rule), []).append(finding)
    found = []
    for group in groups.values():
        first = group[0]
        places = "; ".join(finding.where for finding in group[:_EXAMPLES])
        more = f" and {len(group) - _EXAMPLES} more" if len(group) > _EXAMPLES else ""
        found.append(
            Finding(first.severity, first.rule, f"{places}{more}", first.seen, first.expected, first.why, first.fix)
        )
    if cut:
        found.append(
            Finding(
                "info",
                "too-many-links",
                "page",
                f"more than {LINK_LIMIT:,} absolute links, or a tag that does not end",
                "fewer, and tags that end",
                f"{len(links):,} links were looked at, and not all",
                "",
            )
        )
    return found


def header_findings(url: str, answer: Answer, where: str) -> Iterator[Finding]:
    """Cookies without Secure and a missing Strict-Transport-Security on an https address."""
    if not url.startswith("https:"):
        return
    for cookie in answer.all("set-cookie"):
        name = cookie.split("=")[0].strip()
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        if "secure" in flags or _deleted(flags):
            continue
        if _BALANCERS.fullmatch(name):
            yield Finding("info", "balancer-cookie", where, f"Set-Cookie: {name}=…", "nothing else", "The load balancer sets it for stickiness, without "
                          "Secure; it says which target answers, and nothing of the user", "Nothing: the balancer offers no setting for it")  # fmt: skip
        else:
            yield Finding("error", "cookie-without-secure", where, f"Set-Cookie: {name}=…", "the attribute Secure", "The cookie also travels over plain http, "
                          "where anybody on the way can read it; frameworks leave Secure out when they believe the request came by http",
                          f"Set the session cookie's secure option to true. {_TRUST}")  # fmt: skip
    hsts = answer.header("strict-transport-security")
    if hsts and answer.status < 400 and (age := _max_age(hsts)) < _LEAST_HSTS:
        seen = f"Strict-Transport-Security: {hsts[:100]}"
        why = (
            "Browsers forget it at once"
            if age <= 0
            else f"Browsers forget it after {age / 86_400:.0f} days without a visit"
        )
        yield Finding(
            "info",
            "short-hsts",
            where,
            seen,
            "max-age=31536000 or more",
            why,
            "Raise max-age once every page works over https",
        )
    if not hsts and answer.status < 400:
        yield Finding("info", "no-hsts", where, "no Strict-Transport-Security", "max-age=31536000 or more", "A first visit by http can be intercepted",
                      "Send the header from the balancer or the application once every page works over https")  # fmt: skip


def body_findings(answer: Answer, where: str) -> Iterator[Finding]:
    """What kept the body from being read whole."""
    seen = {
        "size": "more than 5 MB",
        "time": "it did not end in time",
        "broken": "it breaks off before its end",
        "damaged": "its compression is damaged",
        "encoding": f"it is compressed by {answer.header('content-encoding')[:40]}, although nothing was asked for",
    }.get(answer.cut_by)
    if seen:
        yield Finding(
            "warning",
            f"body-{answer.cut_by}",
            where,
            seen,
            "a page that can be read" if answer.cut_by == "encoding" else "a page that ends",
            "Nothing of the page was looked at" if answer.cut_by == "encoding" else "Only the beginning was looked at",
            "Look at the rest by hand",
        )


def onward_findings(base: str, onward: Onward) -> Iterator[Finding]:
    """A page that sends its reader on without a redirect."""
    parts = split(onward.url, base)
    there = urljoin(base, onward.url) if parts is not None else onward.url
    if parts is None or parts.scheme in ("http", "https"):
        yield Finding("info", "moves-on", onward.place, f"{onward.how}: {there[:300]}", "a redirect (302 with Location)",
                      "A browser goes on to that address; it was not followed here, and what stands there was not looked at",
                      "Check that address as well; a redirect is quicker and is understood by every client")  # fmt: skip


def nowhere_finding(where: str, status: int) -> Finding:
    """A redirect that names no place."""
    return Finding("error", "redirect-without-target", where, f"{status} without Location", "the header Location",
                   "A browser stays on an empty page", "Let the application or the proxy name where it leads")  # fmt: skip


def loop_finding(urls: list[str], url: str) -> Finding:
    """A redirect came back to an address that was asked before, with the same cookies."""
    start = [as_asked(asked) for asked in urls].index(as_asked(url))
    circle = [*urls[start:], url]
    both = {part.scheme for part in map(urlsplit, circle)} == {"http", "https"} or len(set(map(as_asked, circle))) == 1
    why = (
        "The rule that sends http to https looks at the connection from the proxy (always http), not at X-Forwarded-Proto"
        if both
        else "Two rules undo each other"
    )
    return Finding("error", "redirect-loop", f"hop {start + 1}", " → ".join(circle)[:500], "an end", why,
                   "Decide by X-Forwarded-Proto where the proxy is trusted, or redirect at the balancer")  # fmt: skip


def _deleted(flags: set[str]) -> bool:
    """Whether a cookie's attributes take it away: no value travels then."""
    given = dict(flag.partition("=")[::2] for flag in flags)
    age = given.get("max-age", "").strip()
    if age:
        return age.lstrip("-").isdigit() and int(age) <= 0
    try:
        return parsedate_to_datetime(given.get("expires", "")).timestamp() < time.time()
    except ValueError:
        return False


def _max_age(hsts: str) -> int:
    found = re.search(r"max-age\s*=\s*\"?(\d{1,12})", hsts, re.IGNORECASE)
    return int(found[1]) if found else 0


def _internal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_INTERNAL_SUFFIXES)
    return is_private(host)


def _default(parts: SplitResult) -> int:
    return 443 if parts.scheme == "https" else 80
