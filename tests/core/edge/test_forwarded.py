"""The simulator's own cases: the origin's fault and cure, Forwarded, refusals, history."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import WrongUse
from core.edge import history as history_module
from core.edge import rfc7239
from core.edge.findings import Check, Finding, Hop
from core.edge.forwarded import FRAMEWORKS, resolve
from core.edge.history import CheckHistory
from core.edge.request import FORWARDED, Incoming, Trust
from core.edge.verdict import judged

PROXY = Trust(("10.0.0.0/8",))


def incoming(*headers: tuple[str, str], host: str = "dev.app.com", peer: str = "10.0.3.7") -> Incoming:
    return Incoming(peer, headers=(("Host", host), *headers))


def test_the_origins_fault_and_its_cure() -> None:
    """https with :80, because Proto is trusted and says https while Port is trusted and says 80."""
    fault = resolve("symfony", incoming(("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "80")), PROXY)
    assert fault.url == "https://dev.app.com:80/"
    cured = resolve("symfony", incoming(("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")), PROXY)
    assert cured.url == "https://dev.app.com/"
    untrusted = resolve(
        "symfony", incoming(("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")), Trust(("192.0.2.0/24",))
    )
    assert untrusted.url == "http://dev.app.com/"


def test_a_forged_client_address_wins_only_where_everybody_is_trusted() -> None:
    request = incoming(("X-Forwarded-For", "6.6.6.6, 203.0.113.9"))
    assert resolve("uvicorn", request, Trust(("*",))).client == "6.6.6.6"
    assert resolve("uvicorn", request, PROXY).client == "203.0.113.9"


def test_rails_believes_a_stranger_and_the_last_scheme() -> None:
    told = (("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https, http"))
    answer = resolve("rails", incoming(*told, peer="198.51.100.5"), PROXY)
    assert (answer.url, answer.client) == ("http://dev.app.com/", "203.0.113.9")
    assert "spoofable" in answer.steps[-1].because
    assert "spoofable" not in resolve("rails", incoming(*told), PROXY).steps[-1].because


@pytest.mark.parametrize("framework", ["laravel", "rails", "tomcat"])
def test_whoever_trusts_everybody_believes_the_left_most_address(framework: str) -> None:
    request = incoming(("X-Forwarded-For", "6.6.6.6, 203.0.113.9"), ("X-Forwarded-Proto", "https"))
    answer = resolve(framework, request, Trust(("*",)))
    assert answer.client == "6.6.6.6"
    assert judged(request, answer).words == "The client can be forged"
    assert judged(request, resolve(framework, request, PROXY)).good


def test_tomcat_takes_the_port_beside_the_scheme_only() -> None:
    port = ("X-Forwarded-Port", "80")
    assert resolve("tomcat", incoming(("X-Forwarded-Proto", "https"), port), PROXY).url == "https://dev.app.com:80/"
    assert resolve("tomcat", incoming(port, host="dev.app.com:8443"), PROXY).url == "http://dev.app.com:8443/"
    assert resolve("tomcat", incoming(("X-Forwarded-Proto", "https, http")), PROXY).scheme == "http"
    assert resolve("tomcat", incoming(("X-Forwarded-Proto", "https")), Trust()).scheme == "https"  # private by itself


def test_wordpress_loops_until_the_setting_is_there() -> None:
    request = incoming(("X-Forwarded-Proto", "https"))
    bare, cured = (resolve("wordpress", request, trust) for trust in (Trust(), PROXY))
    assert (bare.url, cured.url) == ("http://dev.app.com/", "https://dev.app.com/")
    assert "loop" in judged(request, bare).cure
    assert judged(request, cured).good


def test_disagreeing_standards_are_refused() -> None:
    request = incoming(("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=198.51.100.1"))
    answer = resolve("symfony", request, Trust(("10.0.0.0/8",), headers=PROXY.headers | {FORWARDED}))
    assert answer.refused
    assert answer.url == ""


def test_every_step_names_what_decided_it() -> None:
    for framework in FRAMEWORKS:
        answer = resolve(framework, incoming(("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "203.0.113.9")), PROXY)
        assert {"trust", "scheme", "host", "port", "client"} <= {step.what for step in answer.steps}, framework
        assert all(step.because for step in answer.steps)


def test_unknown_frameworks_and_ranges_are_refused() -> None:
    with pytest.raises(WrongUse, match="no framework"):
        resolve("cobol", incoming(), PROXY)
    with pytest.raises(WrongUse, match="no address"):
        resolve("symfony", incoming(), Trust(("10.0.0.0/99",)))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=192.0.2.43, for=198.51.100.17", [{"for": "192.0.2.43"}, {"for": "198.51.100.17"}]),
        ('For="[2001:db8:cafe::17]:4711"', [{"for": "[2001:db8:cafe::17]:4711"}]),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", [{"for": "192.0.2.60", "proto": "http", "by": "203.0.113.43"}]),
        ('for="_gazonk", for="a,b;c=\\"d\\""', [{"for": "_gazonk"}, {"for": 'a,b;c="d"'}]),
        ("", []),
        (";;,,=", []),
    ],
)
def test_rfc_7239(header: str, expected: list[dict[str, str]]) -> None:
    assert rfc7239.elements(header) == expected


@given(st.text(max_size=200))
def test_no_forwarded_header_brings_it_down(header: str) -> None:
    rfc7239.elements(header)


_TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\n"), max_size=60)


@given(st.sampled_from(sorted(FRAMEWORKS)), _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT)
def test_no_headers_bring_any_framework_down(
    name: str, host: str, for_: str, proto: str, fhost: str, port: str, standard: str
) -> None:
    headers = (
        ("host", host),
        ("x-forwarded-for", for_),
        ("x-forwarded-proto", proto),
        ("x-forwarded-host", fhost),
        ("x-forwarded-port", port),
        ("forwarded", standard),
    )
    answer = resolve(
        name, Incoming("10.0.3.7", headers=headers), Trust(("10.0.0.0/8",), headers=PROXY.headers | {FORWARDED})
    )
    assert answer.refused or answer.url


def test_history_keeps_checks_and_forgets_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "_KEPT", 5)
    history = CheckHistory(tmp_path / "edge.sqlite")
    check = Check(
        "https://x.example/",
        (Hop("https://x.example/", "192.0.2.1", 200, "", 0.1),),
        (Finding("error", "r", "w", "s", "e", "y", "f"),),
    )
    for _ in range(8):
        history.add(check, datetime(2026, 1, 1, tzinfo=UTC))
    recent = history.recent(1000)
    assert [past.number for past in recent] == [8, 7, 6, 5, 4]
    assert (recent[0].errors, recent[0].worst) == (1, "error")
    assert history.get(recent[0].number) == check
    assert history.get(1) is None
