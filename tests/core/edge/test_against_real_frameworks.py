"""The simulator against the frameworks themselves, over some hundred generated combinations of headers.

Each framework is asked for its own base URL and client address. A difference is a bug of ours.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
import shutil
import socket
import subprocess
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from core.edge import snippets
from core.edge.forwarded import resolve
from core.edge.request import FORWARDED, FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PORT, FORWARDED_PROTO, Incoming, Trust
from tests import rivals
from tests.core.edge.web import listening, nginx

HERE = Path(__file__).parent / "real"
X_HEADERS = (FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, FORWARDED_PORT)

PEERS = ("10.0.3.7", "203.0.113.50", "2001:db8::7", "::1")
TRUSTS: tuple[tuple[str, ...], ...] = (
    (),
    ("10.0.0.0/8",),
    ("10.0.0.0/8", "2001:db8::/32"),
    ("203.0.113.50",),
    ("0.0.0.0/0",),
)
HOSTS = (
    "dev.app.com",
    "dev.app.com:80",
    "dev.app.com:8080",
    "DEV.App.com",
    "[2001:db8::1]",
    "[2001:db8::1]:8443",
    "10.0.0.9:443",
)
FORS = (None, "198.51.100.9", "6.6.6.6, 198.51.100.9", "198.51.100.9, 10.0.0.4", "10.0.0.5, 10.0.0.4", "198.51.100.9:4711", "[2001:db8:1::9]:4711",
        "2001:db8:1::9", "unknown, 198.51.100.9", "", "6.6.6.6,198.51.100.9,10.1.1.1")  # fmt: skip
PROTOS = (None, "https", "http", "HTTPS", "https, http", "http, https", "", "on", "wss", " https ")
FORWARDED_HOSTS = (None, "www.app.com", "www.app.com:8443", "evil.example, www.app.com", "[2001:db8::5]:444")
PORTS = (None, "443", "80", "8443", "443, 80", "", "0")
STANDARD = (None, "for=198.51.100.9;proto=https;host=www.app.com", 'for="[2001:db8:1::9]:4711";proto=https', "for=198.51.100.9, for=10.0.0.4;proto=http",
            'for=_hidden;proto=https;host="www.app.com:8443"', "proto=https", "FOR=198.51.100.9 ; Proto=HTTPS", 'for="198.51.100.9:80"')  # fmt: skip


def generated(
    seed: int, count: int, *, standard: bool = False, others: tuple[dict[str, str], ...] = ({},)
) -> list[dict[str, Any]]:
    """Random combinations, plus every value of every dimension at least once against a fixed rest. ``others``: headers
    that only some frameworks read."""
    rng = random.Random(seed)
    axes: dict[str, tuple[Any, ...]] = {
        "peer": PEERS, "trust": TRUSTS, "scheme": ("http", "https"), "port": (80, 443, 8080), "host": HOSTS, "for": FORS, "proto": PROTOS,
        "fhost": FORWARDED_HOSTS, "fport": PORTS, "standard": STANDARD if standard else (None,), "others": others,
    }  # fmt: skip
    base: dict[str, Any] = {"peer": "10.0.3.7", "trust": ("10.0.0.0/8",), "scheme": "http", "port": 80, "host": "dev.app.com", "for": "198.51.100.9",
                            "proto": "https", "fhost": None, "fport": "80", "standard": None, "others": {}}  # fmt: skip
    picks = [{**base, axis: value} for axis, values in axes.items() for value in values]
    picks += [{**base, "proto": p, "fport": q} for p, q in itertools.product(PROTOS, PORTS)]
    picks += [{axis: rng.choice(values) for axis, values in axes.items()} for _ in range(count)]
    return [_case(pick) for pick in picks]


def _case(pick: dict[str, Any]) -> dict[str, Any]:
    headers = {"host": pick["host"], FORWARDED_FOR: pick["for"], FORWARDED_PROTO: pick["proto"], FORWARDED_HOST: pick["fhost"],
               FORWARDED_PORT: pick["fport"], FORWARDED: pick["standard"], **pick["others"]}  # fmt: skip
    headers = {name: value for name, value in headers.items() if value is not None}
    names = [*X_HEADERS, FORWARDED] if pick["standard"] is not None else list(X_HEADERS)
    return {
        "peer": pick["peer"],
        "scheme": pick["scheme"],
        "port": pick["port"],
        "headers": headers,
        "trust": list(pick["trust"]),
        "trusted_headers": names,
    }


def ours(framework: str, case: dict[str, Any], hops: int = 1) -> dict[str, Any]:
    request = Incoming(case["peer"], case["scheme"], case["port"], tuple(case["headers"].items()))
    answer = resolve(framework, request, Trust(tuple(case["trust"]), hops, frozenset(case["trusted_headers"])))
    return {"url": answer.url, "client": "" if answer.refused else answer.client, "refused": bool(answer.refused)}


def compare(framework: str, cases: list[dict[str, Any]], answers: list[dict[str, Any]], hops: int = 1) -> None:
    assert len(cases) == len(answers) >= 300
    different = [
        (case, {"real": theirs, "ours": mine})
        for case, theirs in zip(cases, answers, strict=True)
        if (mine := ours(framework, case, hops)) != theirs
    ]
    print(f"{framework}: {len(cases)} combinations, {len(different)} differences")
    assert different[:3] == [], f"{len(different)} of {len(cases)} differ"


def asked(cases: list[dict[str, Any]], *command: str) -> list[dict[str, Any]]:
    answer = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, timeout=60)
    if "failed to open stream" in answer.stdout + answer.stderr:
        pytest.skip("php-symfony-http-foundation is not installed")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    answers: list[dict[str, Any]] = json.loads(answer.stdout)
    return answers


def unpacked(name: str) -> str:
    """``ruby`` or ``php``, with this year's frameworks."""
    program = rivals.framework(name)
    if program is None:
        pytest.skip("the frameworks are not unpacked (make setup-full, on Debian)")
    return program


def test_symfony() -> None:
    if shutil.which("php") is None:
        pytest.skip("php-cli is not installed")
    cases = generated(1, 400, standard=True)
    script = str(HERE / "symfony.php")
    compare("symfony", cases, asked(cases, "php", "-d", "include_path=.:/usr/share/php", script))


@pytest.mark.heavy
def test_this_years_symfony() -> None:
    cases = generated(6, 400, standard=True)
    compare("symfony", cases, asked(cases, unpacked("php"), str(HERE / "symfony.php")))


@pytest.mark.heavy
@pytest.mark.parametrize("everybody", [False, True])
def test_laravel(everybody: bool) -> None:
    cases = generated(7, 400, standard=True)
    if everybody:
        cases = [{**case, "trust": ["*"]} for case in cases]
    compare("laravel", cases, asked(cases, unpacked("php"), str(HERE / "laravel.php")))


@pytest.mark.heavy
def test_wordpress() -> None:
    """As it is installed, and with the lines of the setting."""
    setting = snippets.snippet("wordpress", ())
    lines = setting[setting.index("if (") : setting.index("define(")]
    cases = [{**case, "lines": lines if case["trust"] else ""} for case in generated(10, 400)]
    folder = rivals.FOLDER / "frameworks" / "root" / "usr" / "share" / "wordpress"
    compare("wordpress", cases, asked(cases, unpacked("php"), str(HERE / "wordpress.php"), str(folder)))


@pytest.mark.heavy
def test_rails() -> None:
    """Links and client, where ``force_ssl`` sends a request, and that ``assume_ssl`` ends that."""
    others = (
        {},
        {"x-forwarded-ssl": "on"},
        {"x-forwarded-scheme": "https"},
        {"client-ip": "198.51.100.9"},
        {"client-ip": "6.6.6.6"},
    )
    cases = generated(8, 400, standard=True, others=others)
    answers = asked(cases, unpacked("ruby"), str(HERE / "rails.rb"))
    for case, answer in zip(cases, answers, strict=True):
        forced, assumed = answer.pop("forced"), answer.pop("assumed")
        assert assumed.startswith("https://")
        if not answer["refused"]:
            secure = answer["url"].startswith("https://")
            assert forced == ("" if secure else f"{assumed}/"), case
    compare("rails", cases, answers)


def test_express() -> None:
    node = shutil.which("node", path="/usr/bin:" + os.environ.get("PATH", ""))
    if node is None or not Path("/usr/share/nodejs/express").exists():
        pytest.skip("node-express is not installed")
    cases = generated(2, 400)
    environment = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
    answer = subprocess.run(
        [node, str(HERE / "express.js")],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert answer.returncode == 0, answer.stderr
    compare("express", cases, json.loads(answer.stdout))


@pytest.mark.parametrize("hops", [1, 2])
def test_werkzeug(hops: int) -> None:
    from werkzeug.middleware.proxy_fix import ProxyFix
    from werkzeug.wrappers import Request

    cases = generated(3, 400)
    answers = []
    for case in cases:
        seen: dict[str, Any] = {}

        def application(environ: dict[str, Any], start_response: Any, seen: dict[str, Any] = seen) -> list[bytes]:
            seen.update(environ)
            return []

        ProxyFix(application, x_for=hops, x_proto=hops, x_host=hops, x_port=hops)(_environ(case), lambda *_: None)  # type: ignore[arg-type]
        request = Request(seen)
        answers.append({"url": f"{request.scheme}://{request.host}/", "client": request.remote_addr, "refused": False})
    compare("werkzeug", cases, answers, hops)


def test_django() -> None:
    from django.conf import settings
    from django.core.exceptions import DisallowedHost
    from django.core.handlers.wsgi import WSGIRequest

    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"],
            SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
            USE_X_FORWARDED_HOST=True,
            USE_X_FORWARDED_PORT=True,
        )
    cases = generated(4, 400)
    answers = []
    for case in cases:
        request = WSGIRequest(_environ(case))
        try:
            url = f"{request.scheme}://{request.get_host()}/"
            answers.append({"url": url, "client": request.META["REMOTE_ADDR"], "refused": False})
        except DisallowedHost:
            answers.append({"url": "", "client": "", "refused": True})
    compare("django", cases, answers)


@pytest.mark.parametrize("everybody", [False, True])
def test_uvicorn(everybody: bool) -> None:
    import asyncio

    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    cases = generated(5, 400)
    answers = []
    for case in cases:
        if everybody:
            case["trust"] = ["*"]
        seen: dict[str, Any] = {}

        async def application(scope: Any, receive: Any, send: Any, seen: dict[str, Any] = seen) -> None:
            seen.update(scope)

        scope = {
            "type": "http",
            "scheme": case["scheme"],
            "client": (case["peer"], 4000),
            "headers": [(k.encode(), v.encode()) for k, v in case["headers"].items()],
        }
        trusted = "*" if everybody else case["trust"]
        asyncio.run(ProxyHeadersMiddleware(application, trusted)(scope, None, None))  # type: ignore[arg-type]
        answers.append(
            {"url": f"{seen['scheme']}://{case['headers']['host']}/", "client": seen["client"][0], "refused": False}
        )
    compare("uvicorn", cases, answers)


def _environ(case: dict[str, Any]) -> dict[str, Any]:
    import io

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "server.internal", "SERVER_PORT": str(case["port"]),
               "REMOTE_ADDR": case["peer"], "wsgi.url_scheme": case["scheme"], "wsgi.input": io.BytesIO()}  # fmt: skip
    environ.update({"HTTP_" + name.upper().replace("-", "_"): value for name, value in case["headers"].items()})
    return environ


def test_nginx(tmp_path: Path) -> None:
    """A redirect that nginx writes itself, and whom it takes for the client, before every list of trusted proxies."""
    trusts = ((), ("127.0.0.1",), ("127.0.0.0/8", "10.0.0.0/8"), ("0.0.0.0/0",))

    def configured(*ports: int) -> str:
        return "".join(
            f"server {{ listen 127.0.0.1:{port}; {' '.join(f'set_real_ip_from {one};' for one in trust)}"
            " real_ip_header X-Forwarded-For; real_ip_recursive on;"
            " location / { add_header X-Client $remote_addr always; return 302 /x; } }\n"
            for port, trust in zip(ports, trusts, strict=True)
        )

    with nginx(tmp_path / "nginx", configured, len(trusts)) as ports:
        for port, trust in zip(ports, trusts, strict=True):
            for host, forwarded, peer in itertools.product(HOSTS, FORS, ("127.0.0.1", "127.0.0.2")):
                headers = [("host", host), (FORWARDED_PROTO, "https"), (FORWARDED_PORT, "443")]
                headers += [(FORWARDED_FOR, forwarded)] if forwarded is not None else []
                with contextlib.closing(_told(port, headers, peer)) as answer:
                    real = (str(answer.getheader("location"))[:-1], answer.getheader("x-client"))
                said = resolve("nginx", Incoming(peer, "http", port, tuple(headers)), Trust(trust))
                assert (said.url, said.client) == real, (trust, headers)


@pytest.mark.heavy
def test_tomcat(tmp_path: Path) -> None:
    """``getRequestURL`` and ``getRemoteAddr`` of a page, behind the valve as the snippet writes it and as ranges."""
    if (program := rivals.framework("tomcat")) is None or shutil.which("java") is None:
        pytest.skip("Tomcat is not unpacked (make setup-full, on Debian)")
    trusts: tuple[tuple[str, ...], ...] = (
        (),
        ("127.0.0.1",),
        ("127.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "::/0"),
        ("::1/128",),
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    contexts = ""
    for number, trust in enumerate(trusts):
        found = re.search(r"<Valve[^>]*/>", snippets.snippet("tomcat", trust))
        assert found
        written = re.sub(
            r'internalProxies="[^"]*"', "" if not trust else f'internalProxies="{",".join(trust)}"', found[0]
        )
        valve = found[0] if number in (1, 2) else written
        contexts += f'<Context path="/{number}" docBase="{tmp_path}/page">{valve}</Context>'
    (tmp_path / "conf").mkdir()
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "asked.jsp").write_text(
        '<%@ page session="false" %><%= request.getRequestURL() %> <%= request.getRemoteAddr() %>'
    )
    (tmp_path / "conf" / "web.xml").write_text(
        "<web-app><servlet><servlet-name>jsp</servlet-name><servlet-class>org.apache.jasper.servlet.JspServlet</servlet-class>"
        "</servlet><servlet-mapping><servlet-name>jsp</servlet-name><url-pattern>*.jsp</url-pattern></servlet-mapping></web-app>"
    )
    connectors = "".join(f'<Connector port="{port}" address="{address}"/>' for address in ("::1", "127.0.0.1"))
    (tmp_path / "conf" / "server.xml").write_text(
        f'<Server port="-1"><Service name="s">{connectors}<Engine name="e" defaultHost="h"><Host name="h" appBase="none"'
        f' deployOnStartup="false" autoDeploy="false">{contexts}</Host></Engine></Service></Server>'
    )
    with listening([program, str(tmp_path)], port):  # the last connector that starts
        differences = []
        cases = generated(9, 300)
        for index, case in enumerate(cases):
            number, peer = index % len(trusts), ("127.0.0.1", "127.0.0.2", "::1")[index % 3]
            headers = [(name, value.strip()) for name, value in case["headers"].items()]
            with contextlib.closing(_told(port, headers, peer, f"/{number}/asked.jsp")) as answer:
                url, client = answer.read().decode().split()
            said = resolve("tomcat", Incoming(peer, "http", port, tuple(headers)), Trust(trusts[number]))
            if (said.url + f"{number}/asked.jsp", said.client) != (url, client):
                differences.append((trusts[number], peer, headers, (url, client), (said.url, said.client)))
    print(f"tomcat: {len(cases)} combinations, {len(differences)} differences")
    assert differences[:3] == []


def _told(port: int, headers: list[tuple[str, str]], peer: str, path: str = "/") -> HTTPResponse:
    """What a server on loopback answers to exactly these headers."""
    asking = HTTPConnection("::1" if ":" in peer else "127.0.0.1", port, 60, (peer, 0))
    asking.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
    for header in headers:
        asking.putheader(*header)
    asking.putheader("Connection", "close")
    asking.endheaders()
    return asking.getresponse()
