"""A URL that users do not see, or a client that anybody can write, is never called consistent."""

from __future__ import annotations

import pytest

from core.edge.forwarded import FRAMEWORKS, resolve
from core.edge.request import Incoming, Trust
from core.edge.verdict import Verdict, judged

_HOST = ("host", "dev.app.com")


def verdict(framework: str, *headers: tuple[str, str], trust: tuple[str, ...] = ("10.0.0.0/8",)) -> Verdict:
    request = Incoming("10.0.3.7", headers=(_HOST, *headers))
    return judged(request, resolve(framework, request, Trust(trust)))


_HTTPS, _443, _80 = ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443"), ("X-Forwarded-Port", "80")
_CHAIN = ("X-Forwarded-For", "6.6.6.6, 203.0.113.9")


@pytest.mark.parametrize("framework", [name for name in FRAMEWORKS if name not in ("werkzeug", "django", "nginx")])
def test_https_that_nobody_believed_is_told_with_whom_to_name(framework: str) -> None:
    found = verdict(framework, _HTTPS, _443, trust=("192.0.2.1",))
    if framework in ("rails", "wordpress"):  # believe the scheme from anybody
        assert found.good
    else:
        assert (found.words, found.good) == ("Not what its users see", False)
        assert "10.0.3.7" in found.cure


def test_the_classic_has_its_cure_beside_it() -> None:
    found = verdict("symfony", _HTTPS, _80)
    assert found.words == "Wrong port for the scheme"
    assert "X-Forwarded-Port: 443" in found.cure
    assert verdict("symfony", _HTTPS, _443) == Verdict("Consistent", good=True)
    host = judged(
        request := Incoming("10.0.3.7", headers=(("host", "dev.app.com:80"), _HTTPS)),
        resolve("express", request, Trust(("10.0.0.0/8",))),
    )
    assert "Host" in host.cure
    assert ":80" in host.cure


def test_a_client_that_anybody_can_write_is_not_consistent() -> None:
    assert verdict("uvicorn", _HTTPS, _CHAIN, trust=("*",)).words == "The client can be forged"
    assert verdict("uvicorn", _HTTPS, _CHAIN).good


def test_a_port_that_users_do_not_see_is_told() -> None:
    found = verdict("express", _HTTPS, ("X-Forwarded-Port", "8443"))
    assert not found.good
    assert "8443" in found.cure


def test_a_request_without_a_proxy_is_consistent() -> None:
    assert all(verdict(framework).good for framework in FRAMEWORKS)
