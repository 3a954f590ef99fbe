"""What a check says is true: nothing that a browser takes is refused, no cure is offered for what is no fault."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from core.base.errors import OpsError, WrongUse
from core.edge import inspect as inspect_module
from core.edge import rules
from core.edge.fetch import Answer, fetch, wire_host
from core.edge.findings import Check, Finding
from core.edge.inspect import check
from core.edge.page import read_page
from core.edge.probe import probe
from core.edge.rules import header_findings, page_findings
from core.jobs.job import JobState, headless_job
from core.jobs.runner import JobRunner
from tests.core.edge.web import html, redirect, serving


def checked(url: str, timeout: float = 2) -> Check:
    return check(headless_job(), url, timeout=timeout)


def rules_in(found: Check) -> list[str]:
    return [finding.rule for finding in found.findings]


def of_headers(*headers: tuple[str, str]) -> list[str]:
    answer = Answer(200, headers, b"", True, "192.0.2.1", 0.1)
    return [finding.rule for finding in header_findings("https://dev.app.com/", answer, "hop 1")]


_HSTS = ("Strict-Transport-Security", "max-age=31536000")


def test_a_name_with_two_addresses_is_asked_at_the_one_that_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"/": html("<p>here</p>")}) as base:
        monkeypatch.setattr(inspect_module, "resolved", lambda _host, _port: ["::1", "127.0.0.1"])
        found = checked(base.replace("127.0.0.1", "localhost"))
    assert [(hop.status, hop.address) for hop in found.hops] == [(200, "127.0.0.1")]


def test_a_name_in_any_script_is_spelled_as_dns_spells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []

    def page(request: BaseHTTPRequestHandler) -> None:
        hosts.append(request.headers["Host"])
        html("<p>here</p>")(request)

    with serving({"/": page}) as base:
        monkeypatch.setattr(inspect_module, "resolved", lambda _host, _port: ["127.0.0.1"])
        port = base.rpartition(":")[2]
        assert checked(f"http://bücher.example:{port}/").hops[0].status == 200
    assert hosts == [f"xn--bcher-kva.example:{port}"]


@pytest.mark.parametrize(
    ("location", "asked"),
    [("/größe".encode().decode("latin-1"), "/gr%C3%B6%C3%9Fe"), ("/a b", "/a%20b"), ("/a%20b?x=1&y=%C3%A9", "/a%20b?x=1&y=%C3%A9")],
)  # fmt: skip
def test_a_location_is_followed_as_a_browser_reads_it(location: str, asked: str) -> None:
    paths: list[str] = []

    def page(request: BaseHTTPRequestHandler) -> None:
        paths.append(request.path)
        html("<p>here</p>")(request)

    with serving({"/": redirect(location), "*": page}) as base:
        found = checked(base)
    assert [hop.status for hop in found.hops] == [302, 200]
    assert paths == [asked]


def test_a_cookie_of_the_site_itself_is_sent_back_so_that_no_loop_is_seen_where_there_is_none() -> None:
    def gate(request: BaseHTTPRequestHandler) -> None:
        if "seen=1" in request.headers.get("Cookie", ""):
            html("<p>in</p>")(request)
        else:
            request.send_response(302)
            request.send_header("Set-Cookie", "seen=1; Path=/")
            request.send_header("Location", "/")
            request.send_header("Content-Length", "0")
            request.end_headers()

    def always(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Set-Cookie", f"n={time.monotonic_ns()}; Path=/")
        request.send_header("Location", "/always")
        request.send_header("Content-Length", "0")
        request.end_headers()

    with serving({"/": gate, "/always": always}) as base:
        found = checked(base)
        assert [hop.status for hop in found.hops] == [302, 200]
        assert "redirect-loop" not in rules_in(found)
        assert "redirect-loop" in rules_in(checked(f"{base}/always"))


def test_a_fragment_and_a_default_port_hide_no_loop() -> None:
    with serving({"/a": redirect("/b#one"), "/b": redirect("/a#two")}) as base:
        found = checked(f"{base}/a")
    assert "redirect-loop" in rules_in(found)
    assert len(found.hops) == 2


def test_only_what_a_browser_follows_is_a_redirect() -> None:
    with serving({"/300": redirect("/x", 300), "/302": redirect("", 302)}) as base:
        assert [hop.location for hop in checked(f"{base}/300").hops] == [""]
        assert rules_in(checked(f"{base}/302")) == ["redirect-without-target"]


def test_no_password_of_an_address_is_kept() -> None:
    with pytest.raises(WrongUse) as refused:
        checked("https://ann:geheim@dev.app.com/")
    assert "geheim" not in f"{refused.value} {refused.value.why} {refused.value.remedy}"
    with serving(
        {"/": redirect(lambda request: f"http://ann:geheim@{request.headers['Host']}/in"), "/in": html("<p/>")}
    ) as base:
        found = checked(base)
    assert [hop.status for hop in found.hops] == [302, 200]
    assert "geheim" not in str(found.hops)


def test_plain_http_where_tls_was_asked_is_no_bad_certificate() -> None:
    with serving({"/": html("<p/>")}) as base, pytest.raises(OpsError) as caught:
        checked(base.replace("http:", "https:"))
    assert "does not speak TLS" in caught.value.title
    assert "certificate" not in f"{caught.value.title} {caught.value.remedy}".lower()


@pytest.fixture
def dripping() -> Iterator[tuple[str, threading.Event]]:
    """The address of a server that begins a head and never ends it, a byte every 50 ms; and whether it has begun."""
    begun = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        caller, _ = listening.accept()
        with caller:
            caller.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            begun.set()
            while not over.wait(0.05):
                try:
                    caller.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/", begun
    over.set()
    thread.join(5)
    listening.close()


def test_a_head_that_drips_ends_at_the_deadline(dripping: tuple[str, threading.Event]) -> None:
    with pytest.raises(OpsError) as caught:
        checked(dripping[0], timeout=0.2)
    assert caught.value.code == "unreachable"


def test_cancel_ends_what_waits_for_a_head(dripping: tuple[str, threading.Event]) -> None:
    url, begun = dripping
    runner = JobRunner()
    job = runner.submit("check", lambda j: check(j, url, timeout=600))
    assert begun.wait(10)
    job.cancel()
    assert job.wait(20)
    assert job.state is JobState.CANCELLED
    runner.close()


def test_the_balancers_own_cookie_and_one_taken_away_are_no_faults() -> None:
    stickiness = ("Set-Cookie", "AWSALB=abc; Expires=Tue, 01 Jan 2099 00:00:00 GMT; Path=/")
    gone = ("Set-Cookie", "session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
    aged = ("Set-Cookie", "session=; Max-Age=0; Path=/")
    assert of_headers(_HSTS, stickiness) == ["balancer-cookie"]
    assert of_headers(_HSTS, gone, aged) == []
    assert of_headers(_HSTS, ("Set-Cookie", "session=x; Path=/; Max-Age=3600")) == ["cookie-without-secure"]


@pytest.mark.parametrize(
    ("value", "rules"),
    [("max-age=0", ["short-hsts"]), ("max-age=300", ["short-hsts"]), ('MAX-AGE="63072000"; preload', []), ("includeSubDomains", ["short-hsts"])],
)  # fmt: skip
def test_a_strict_transport_that_is_forgotten_is_told(value: str, rules: list[str]) -> None:
    assert of_headers(("Strict-Transport-Security", value)) == rules


def test_what_a_page_only_names_is_no_mixed_content() -> None:
    page = b"""<link rel="profile" href="http://gmpg.org/xfn/11"><link rel="alternate" hreflang="de" href="http://other.example/de">
        <link rel="icon" href="http://cdn.example/i.png"><link rel="stylesheet" href="http://cdn.example/s.css">"""
    links = read_page(page).links
    assert [link.kind for link in links] == ["anchor", "anchor", "passive", "active"]
    found = page_findings("https://dev.app.com/", links, cut=False)
    assert sorted((finding.severity, finding.rule) for finding in found) == [
        ("error", "mixed-content"),
        ("warning", "mixed-content"),
    ]


def test_what_is_said_of_a_form_is_not_what_is_said_of_a_script() -> None:
    links = read_page(b"<form action='http://other.example/'>").links
    (finding,) = page_findings("https://dev.app.com/", links, cut=False)
    assert "block" not in finding.why
    assert "in the clear" in finding.why


def test_a_compression_that_nobody_asked_for_is_told() -> None:
    with serving({"/": html("<a href='http://x.example/'>x</a>", Content_Encoding="br")}) as base:
        assert rules_in(checked(base)) == ["body-encoding"]


def test_a_tag_without_an_end_is_left_and_the_rest_is_read() -> None:
    body = b"<img alt='" + b"x=\n" * 300_000 + b"'><a href='https://dev.app.com:80/'>in</a>"
    beats = []
    page = read_page(body, checkpoint=lambda: beats.append(1))
    assert page.cut
    assert [(link.url, link.line) for link in page.links] == [("https://dev.app.com:80/", 300_001)]
    assert len(beats) > 5


@pytest.mark.parametrize("before", [b"", b"x" * 65_500, b"<p>" * 40_000])
def test_what_follows_a_long_picture_or_script_is_read(before: bytes) -> None:
    picture = b"<img src='data:image/png;base64," + b"A" * 380_000 + b"'>\n"
    script = b"<script>'<a href=\"http://no.example/\">';" + b"f();\n" * 250_000 + b"</script>"
    page = read_page(before + picture + script + b"<a href='https://dev.app.com:80/'>in</a> & so on")
    assert [(link.url, link.line) for link in page.links] == [("https://dev.app.com:80/", 250_002)]
    assert not page.cut


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        (html("<meta http-equiv=Refresh content='0; url=/login'><a href='/x'>x</a>"), "meta refresh, after 0 s: {}/login"),
        (html("<META HTTP-EQUIV=refresh CONTENT=\"5;URL='login?a=b'\">"), "meta refresh, after 5 s: {}/login?a=b"),
        (html("", Refresh="3, /soon"), "the header Refresh, after 3 s: {}/soon"),
        (html("<script>if (1) { window.location.replace('/app') }</script>"), "a script: {}/app"),
        (html("<script>top.location = \"/app\"</script>"), "a script: {}/app"),
        (html("<meta http-equiv=refresh content=30>"), None),  # it only loads itself again
        (html("<script>function go() { location.href = '/app' }</script><a onclick='go()'>go</a>"), None),
        (html("<script>const location = '/app'.length; location == '/x'</script>"), None),
        (html("<meta http-equiv=refresh content='0;url=javascript:alert(1)'>"), None),
    ],
)  # fmt: skip
def test_a_page_that_leads_on_by_itself_is_told(page, seen: str | None) -> None:
    with serving({"/": page}) as base:
        found = [finding for finding in checked(base).findings if finding.rule == "moves-on"]
    assert [finding.seen for finding in found] == ([seen.format(base)] if seen else [])


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "103 first"),
        (b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80", "did not answer in HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "too large"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "too large"),
        (b"", "closed the connection"),
    ],
    ids=["an interim answer", "HTTP/2 alone", "200 headers", "a long header", "nothing"],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_words(raw: bytes, title: str) -> None:
    with serving({"/": lambda request: request.wfile.write(raw)}) as base, pytest.raises(OpsError) as caught:
        checked(base)
    assert title in caught.value.title
    assert caught.value.why.isprintable()


def test_a_page_that_breaks_off_is_not_called_slow() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 900\r\n\r\n<p>"
    with serving({"/": lambda request: request.wfile.write(raw)}) as base:
        assert rules_in(checked(base)) == ["body-broken"]


def test_a_page_in_utf_16_is_read() -> None:
    page = "<a href='https://dev.app.com:80/'>in</a>".encode("utf-16-le")
    for body, kind in ((b"\xff\xfe" + page, ""), (page, "text/html; charset=UTF-16LE")):
        assert [link.url for link in read_page(body, kind).links] == ["https://dev.app.com:80/"]


def test_every_finding_has_words_for_people() -> None:
    """All rules that the room's sources name."""
    sources = "".join(path.read_text() for path in Path(rules.__file__).parent.glob("*.py"))
    named = set(re.findall(r'Finding\(\s*"(?:error|warning|info)",\s*"([a-z-]+)"', sources)) | {
        "body-broken",
        "body-time",
    }
    assert len(named) > 15
    for rule in named:
        assert Finding("info", rule, "", "", "", "", "").title != rule


@pytest.mark.parametrize(
    "page",
    [redirect("/login"), html("<a href='https://elsewhere.example/'>elsewhere</a>")],
    ids=["a relative redirect", "only links to other sites"],
)
def test_the_probe_says_nothing_where_nothing_can_be_seen(page) -> None:
    with serving({"/": page}) as base:
        assert probe(headless_job(), base, timeout=30).verdict == "unseen"


def test_the_probe_sees_a_redirect_to_https_that_goes_away() -> None:
    def secure_only(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("X-Forwarded-Proto") == "https":
            html("<p>in</p>")(request)
        else:
            redirect(f"https://{request.headers['Host'].split(':')[0]}/")(request)

    with serving({"/": secure_only}) as base:
        result = probe(headless_job(), base, timeout=30)
    assert result.verdict == "spoofable"
    assert "no redirect" in result.headers[0].seen


def test_cancel_ends_a_check_that_waits_for_a_connection_or_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    runner, begun, never = JobRunner(), threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, contextlib.ExitStack() as queue:
        address = deaf.getsockname()
        for _ in range(2):  # what it takes; the next one waits to be let in
            one = queue.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(address)
        job = runner.submit("connect", lambda j: check(j, f"http://127.0.0.1:{address[1]}/", timeout=60))
        job.wait(0.2)  # until it waits
        job.cancel()
        assert job.wait(20)
        assert job.state is JobState.CANCELLED
        with pytest.raises(OpsError, match="took no connection within"):
            checked(f"http://127.0.0.1:{address[1]}/", timeout=0.1)

    def nameless(_host: str, _port: int) -> list[str]:
        begun.set()
        never.wait(60)
        return []

    monkeypatch.setattr(inspect_module, "resolved", nameless)
    job = runner.submit("name", lambda j: check(j, "http://dev.app.com/", timeout=60))
    assert begun.wait(20)
    job.cancel()
    assert job.wait(20)
    assert job.state is JobState.CANCELLED
    never.set()
    assert runner.close() == []


@pytest.mark.parametrize(
    ("host", "wire"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),  # in the rules of 2003 it was strasse.example
        ("ＥＸＡＭＰＬＥ。com", "example.com"),
        ("a_b.example", "a_b.example"),
    ],
)
def test_a_name_in_any_script_is_the_one_that_browsers_ask_for(host: str, wire: str) -> None:
    assert wire_host(host) == wire


def test_a_name_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(OpsError, match="cannot be looked up"):
        wire_host("ü" * 80 + ".example")


def test_every_address_refused_names_the_first() -> None:
    with pytest.raises(OpsError) as caught:
        fetch(headless_job(), "http://dev.app.com:9/", ["127.0.0.1", "::1"], timeout=30)
    assert caught.value.code == "unreachable"
    assert "127.0.0.1" in caught.value.why
