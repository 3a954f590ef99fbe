"""Checking a URL: the rules, and hostile servers; every trouble is a finding, bounded in time and memory."""

from __future__ import annotations

import gzip
import threading
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import OpsError, WrongUse
from core.edge import fetch as fetch_module
from core.edge import inspect as inspect_module
from core.edge import page as page_module
from core.edge.inspect import check
from core.edge.page import read_page
from core.edge.probe import probe
from core.edge.rules import address_findings, page_findings
from core.jobs.job import JobState, headless_job
from core.jobs.runner import JobRunner
from tests.core.edge.web import html, redirect, serving


def rules_of(url: str, **options: Any) -> dict[str, str]:
    """rule -> severity of a check."""
    return {finding.rule: finding.severity for finding in check(headless_job(), url, timeout=30, **options).findings}


@pytest.mark.parametrize(
    ("base", "url", "kind", "rule"),
    [
        ("https://dev.app.com/", "https://dev.app.com:80/login", "anchor", "scheme-port-mismatch"),
        ("https://dev.app.com/", "http://dev.app.com:443/login", "form", "scheme-port-mismatch"),
        ("https://dev.app.com/", "http://dev.app.com/", "location", "downgrade"),
        ("https://dev.app.com/", "http://cdn.example/x.js", "active", "mixed-content"),
        ("https://dev.app.com/", "http://cdn.example/x.png", "passive", "mixed-content"),
        ("https://dev.app.com/", "http://dev.app.com/about", "anchor", "insecure-link"),
        ("https://dev.app.com/", "http://dev.app.com/", "identity", "wrong-identity"),
        ("https://dev.app.com/", "https://dev.app.com:443/", "anchor", "explicit-default-port"),
        ("https://dev.app.com/", "https://dev.app.com:8443/", "anchor", "other-port"),
        ("https://dev.app.com/", "https://web-3.internal/x", "anchor", "internal-host"),
        ("https://dev.app.com/", "http://10.0.3.7:8080/x", "active", "internal-host"),
        ("https://dev.app.com/", "http://app-server/x", "location", "internal-host"),
        ("https://dev.app.com/", "javascript://x/%0aalert(1)", "location", "foreign-scheme"),
        ("https://dev.app.com/", "https://dev.app.com:99999/", "anchor", "malformed-url"),
        ("https://dev.app.com/", "https://[broken/", "anchor", "malformed-url"),
    ],
)
def test_rules_of_addresses(base: str, url: str, kind: str, rule: str) -> None:
    (finding,) = address_findings(base, url, "here", kind)
    assert finding.rule == rule
    assert finding.why
    assert finding.fix


@pytest.mark.parametrize(
    "url", ["https://dev.app.com/x", "https://other.example/", "//dev.app.com/y", "https://dev.app.com:8443x.example/"]
)
def test_good_addresses_are_left_alone(url: str) -> None:
    assert [f.rule for f in address_findings("https://dev.app.com/", url, "here", "anchor")] in ([], ["malformed-url"])


def test_a_clean_site_is_clean() -> None:
    with serving(
        {"/": redirect("/home"), "/home": html("<a href='/x'>x</a><a href='https://elsewhere.example/'>e</a>")}
    ) as base:
        found = check(headless_job(), base, timeout=30)
        assert [hop.status for hop in found.hops] == [302, 200]
        assert found.findings == ()


def test_the_origins_fault_is_found_with_its_place_and_cure() -> None:
    page = "<html>\n<a href='https://127.0.0.1:80/login'>Sign in</a>\n<form action='https://127.0.0.1:80/go'></form></html>"
    with serving({"/": html(page)}) as base:
        (finding,) = check(headless_job(), base, timeout=30).findings
        assert finding.rule == "scheme-port-mismatch"
        assert finding.where == "line 2, <a>; line 3, <form>"
        assert "X-Forwarded-Port" in finding.fix


def test_loops_and_endless_redirects_end() -> None:
    def onwards(request: BaseHTTPRequestHandler) -> str:
        return f"/on?{int(request.path.partition('?')[2] or 0) + 1}"

    with serving(
        {"/a": redirect("/b"), "/b": redirect("/a"), "/same": redirect("/same"), "/on": redirect(onwards)}
    ) as base:
        assert "redirect-loop" in rules_of(f"{base}/a")
        found = check(headless_job(), f"{base}/same", timeout=30)
        assert "X-Forwarded-Proto" in next(f.why for f in found.findings if f.rule == "redirect-loop")
        found = check(headless_job(), f"{base}/on", timeout=30)
        assert len(found.hops) == 10
        assert found.worst == "error"


def test_a_gigabyte_and_a_bomb_cost_five_megabytes() -> None:
    def flood(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", "1000000000")
        request.end_headers()
        for _ in range(1000):
            request.wfile.write(b"x" * 1_000_000)

    bomb = gzip.compress(b"\0" * 100_000_000, 1)

    def explode(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(bomb)))
        request.end_headers()
        request.wfile.write(bomb)

    with serving({"/flood": flood, "/bomb": explode}) as base:
        for path in ("/flood", "/bomb"):
            tracemalloc.start()
            found = check(headless_job(), base + path, timeout=30)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert [f.rule for f in found.findings] == ["body-size"]
            assert not found.hops[0].whole
            assert peak < 60_000_000


def test_a_slow_drip_cannot_stretch_the_deadline() -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.end_headers()
        for _ in range(300):
            request.wfile.write(b"<p>")
            request.wfile.flush()
            time.sleep(0.1)

    with serving({"/": drip}) as base:
        found = check(headless_job(), base, timeout=1)  # the head comes within twice that, on a busy machine too
        assert [f.rule for f in found.findings] == ["body-time"]


def test_a_page_of_nothing_but_links_is_cut_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "LINK_LIMIT", 200)
    with serving({"/": html("<a href='http://127.0.0.1:443/'>x</a>" * 300)}) as base:
        rules = rules_of(base)
        assert rules["scheme-port-mismatch"] == "error"
        assert rules["too-many-links"] == "info"


def test_a_page_with_more_links_than_the_limit_is_cut_at_the_limit() -> None:
    page = read_page(b"<a href='https://x.example/'>" * 21_000)
    assert (len(page.links), page.cut) == (20_000, True)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x/", "gopher://x", "data:text/html,hi"])
def test_redirects_out_of_the_web_are_not_followed(location: str) -> None:
    with serving({"/": redirect(location)}) as base:
        found = check(headless_job(), base, timeout=30)
        assert len(found.hops) == 1
        assert "foreign-scheme" in {f.rule for f in found.findings}


def test_a_public_name_that_leads_inside_asks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address is taken for a public one; what it redirects to is really on loopback."""
    with serving({"/": redirect("http://localhost:1/inside"), "/inside": html("hi")}) as base:
        port = base.rpartition(":")[2]
        monkeypatch.setattr(inspect_module, "is_private", lambda address: address != "127.0.0.1" or seen["asked"] > 1)
        seen = {"asked": 0}
        real = fetch_module.resolved

        def counted(host: str, number: int) -> list[str]:
            seen["asked"] += 1
            return real(host, number)

        monkeypatch.setattr(inspect_module, "resolved", counted)
        found = check(headless_job(), f"http://127.0.0.1:{port}/", timeout=30)
        assert found.blocked_at
        assert [f.rule for f in found.findings if f.severity == "error"] == ["other-port", "private-address"][-1:]
        assert len(found.hops) == 1


def test_not_http_and_dead_ports_are_said_in_plain_words() -> None:
    with pytest.raises(OpsError) as caught:
        check(headless_job(), "http://127.0.0.1:9/", timeout=30)
    assert caught.value.code == "unreachable"
    assert "refused the connection" in caught.value.why
    with pytest.raises(OpsError) as caught:
        check(headless_job(), "http://no-such-name.invalid/", timeout=30)
    assert "was not found" in caught.value.title and "Errno" not in caught.value.why
    with serving({"*": html("x")}) as base, pytest.raises(OpsError) as caught:
        check(headless_job(), base.replace("http:", "https:"), timeout=30)
    assert caught.value.code == "tls"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x/",
        "https://",
        "http://x:99999/",
        "javascript:alert(1)",
        "ht!tp:/x",
        "http:/x",
        "a b",
        "mailto:a@b",
        "https://a b/",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(WrongUse):
        check(headless_job(), url)


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("dev.app.com", "https://dev.app.com"),
        ("localhost:8080/x?y=:z", "https://localhost:8080/x?y=:z"),
        ("münchen.example/ü", "https://münchen.example/ü"),
        ("paral·lel.example", "https://paral·lel.example"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("[2001:db8::1]", "https://[2001:db8::1]"),
        ("dev.app.com/go?to=a:b", "https://dev.app.com/go?to=a:b"),
    ],
)
def test_what_people_type_is_taken(typed: str, url: str) -> None:
    assert inspect_module.normalised(typed) == url


def test_cancel_ends_a_check_that_waits() -> None:
    asked, over = threading.Event(), threading.Event()

    def never(request: BaseHTTPRequestHandler) -> None:
        asked.set()
        over.wait(60)

    runner = JobRunner()
    with serving({"/": never}) as base:
        job = runner.submit("check", lambda j: check(j, base, timeout=30))
        assert asked.wait(30)
        job.cancel()
        assert job.wait(30)
        assert job.state is JobState.CANCELLED
        over.set()
    runner.close()


@pytest.mark.parametrize(
    ("reads", "verdict"),
    [
        ((), "ignored"),
        (("X-Forwarded-Proto",), "partly"),
        (("X-Forwarded-Proto", "X-Forwarded-Port"), "spoofable"),
        (("X-Forwarded-Host",), "spoofable"),
    ],
)
def test_the_probe_sees_whom_an_origin_believes(reads: tuple[str, ...], verdict: str) -> None:
    """A small application that believes exactly these headers from anybody."""

    def login(request: BaseHTTPRequestHandler) -> str:
        def read(name: str, otherwise: str) -> str:
            return request.headers.get(name, otherwise) if name in reads else otherwise

        host, _, port = request.headers["Host"].partition(":")
        return f"{read('X-Forwarded-Proto', 'http')}://{read('X-Forwarded-Host', host)}:{read('X-Forwarded-Port', port)}/login"

    with serving({"/": redirect(login)}) as base:
        result = probe(headless_job(), base, timeout=30)
        assert result.verdict == verdict
        assert {entry.header for entry in result.headers if entry.believed} == set(reads)


@given(st.binary(max_size=3000))
def test_no_page_brings_the_parser_down(body: bytes) -> None:
    page = read_page(body)
    page_findings("https://dev.app.com/", page.links, page.cut)


@given(
    st.lists(
        st.sampled_from(
            [
                "<a href='",
                "http://",
                "https://x:80/",
                "'>",
                "<",
                "&#",
                "\0",
                "<!--",
                "]]>",
                "<script src=//[",
                "\n",
                '"',
                "é",
            ]
        ),
        max_size=40,
    )
)
def test_no_markup_brings_the_rules_down(pieces: list[str]) -> None:
    page = read_page("".join(pieces).encode())
    page_findings("https://dev.app.com/", page.links, page.cut)


def test_a_finding_is_told_once_with_its_places_and_a_loop_before_all() -> None:
    def again(to: str) -> Any:
        def page(request: BaseHTTPRequestHandler) -> None:
            request.send_response(302)
            request.send_header("Location", to)
            request.send_header(
                "Set-Cookie", "visits=1"
            )  # another request the second time: the circle is gone round twice
            request.send_header("Content-Length", "0")
            request.end_headers()

        return page

    pages: dict[str, Any] = {}
    with serving(pages) as one, serving({"/": again(f"{one}/login")}) as other:
        pages["/login"] = again(f"{other}/")
        found = check(headless_job(), f"{one}/login", timeout=30).findings
    assert [finding.rule for finding in found] == ["redirect-loop", "other-port", "other-port"]
    assert found[1].where == "hop 1, Location; hop 3, Location"


def test_what_does_not_answer_further_on_tells_its_remedy_once() -> None:
    with serving({"/": redirect("http://127.0.0.1:9/")}) as base:
        (found,) = (one for one in check(headless_job(), base, timeout=30).findings if one.rule == "unreachable")
    assert found.fix and found.fix not in found.why
