"""The settings to paste: every one carries the user's ranges, and nginx itself keeps what the balancer alone has said."""

from __future__ import annotations

import ipaddress
import re
import socket
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from core.base.errors import WrongUse
from core.edge import snippets
from tests.core.edge.web import Configure, html, listening, nginx, serving
from tests.rivals import apache_modules


def test_every_snippet_carries_the_users_ranges() -> None:
    for name in snippets.frameworks():
        assert "192.0.2.0/24" in snippets.snippet(name, ("192.0.2.7/24",)), name  # without the bits below the mask
        assert "10.0.0.0/8" in snippets.snippet(name, ()), name
    with pytest.raises(WrongUse, match="no address"):
        snippets.snippet("symfony", ("nonsense'; rm -rf",))
    with pytest.raises(WrongUse, match="no snippet"):
        snippets.snippet("cobol", ())


@pytest.mark.parametrize(
    "block", ["10.0.0.0/8", "172.16.0.0/12", "10.1.16.0/20", "192.0.2.0/24", "192.0.2.64/26", "192.0.2.7"]
)
def test_the_pattern_for_tomcat_holds_its_range_and_no_other(block: str) -> None:
    text = snippets.snippet("spring", (block, "2001:db8::/32"))
    found = re.search(r"internal-proxies: '(.*)'", text)
    assert found and "2001:db8::/32" in text.split(found[0])[1]  # told, that it is not in the pattern
    wanted = ipaddress.ip_network(block)
    edges = (wanted[0], wanted[-1], wanted[len(range(min(wanted.num_addresses, 9))) // 2])
    assert all(re.fullmatch(found[1], str(address)) for address in edges)
    for address in (wanted[0] - 1, wanted[-1] + 1, ipaddress.ip_address("8.8.8.8")):
        assert not re.fullmatch(found[1], str(address))


def _before(behind: str, snippet: str) -> Configure:
    of_http, of_server = snippet.split("# server block")
    return lambda port: (
        f"{of_http}\nserver {{ listen 127.0.0.1:{port};\n{of_server}\nlocation / {{ proxy_pass {behind}; }} }}"
    )


def _apache(port: int, behind: str, snippet: str, folder: Path) -> tuple[list[str], str]:
    names = ("mpm_event", "authz_core", "remoteip", "setenvif", "headers", "env", "proxy", "proxy_http")
    load = "\n".join(f'LoadModule {name}_module "{apache_modules()}/mod_{name}.so"' for name in names)
    return ["apache2", "-DFOREGROUND", "-f", "CONFIG"], (
        f"ServerRoot {folder}\n{load}\nListen 127.0.0.1:{port}\nPidFile {folder}/pid\nErrorLog {folder}/errors\n"
        f"ServerName dev.app.com\nUser nobody\nGroup nogroup\nProxyPreserveHost On\nProxyPass / {behind}/\n{snippet}\n"
        'RequestHeader set X-Https "%{HTTPS}e"\n'
    )


def _haproxy(port: int, behind: str, snippet: str, _folder: Path) -> tuple[list[str], str]:
    times = "\n".join(f"timeout {name} 5s" for name in ("connect", "client", "server"))
    return ["haproxy", "-f", "CONFIG"], (
        f"defaults\nmode http\n{times}\nfrontend f\nbind 127.0.0.1:{port}\ndefault_backend b\n{snippet}\n"
        f"backend b\nserver s {behind.removeprefix('http://')}\n"
    )


def _caddy(port: int, behind: str, snippet: str, _folder: Path) -> tuple[list[str], str]:
    here = snippet.replace("http://dev.app.com", f"http://dev.app.com:{port}")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", "CONFIG"], (
        f"{{\nadmin off\n}}\n{here.replace('127.0.0.1:8000', behind.removeprefix('http://'))}"
    )


@pytest.mark.heavy
@pytest.mark.parametrize("configured", [_apache, _haproxy, _caddy])
def test_other_servers_keep_what_the_balancer_says_and_nobody_else(
    tmp_path: Path, configured: Callable[..., tuple[list[str], str]]
) -> None:
    name = configured.__name__[1:]
    arrived: dict[str, str] = {}

    def told(request: BaseHTTPRequestHandler) -> None:
        arrived.clear()
        arrived["Https"] = request.headers.get("X-Https", "")
        for part in ("For", "Proto", "Port", "Host"):
            arrived[part] = ", ".join(request.headers.get_all(f"X-Forwarded-{part}") or ())
        html("")(request)

    def asked(ranges: tuple[str, ...]) -> tuple[dict[str, str], int]:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command, text = configured(port, behind, snippets.snippet(name, ranges), tmp_path)
        (tmp_path / "config").write_text(text)
        said = {"For": "6.6.6.6, 203.0.113.9", "Proto": "https", "Port": "8443", "Host": "forged.example"}
        headers = {f"X-Forwarded-{part}": value for part, value in said.items()} | {"Host": "dev.app.com"}
        with listening([str(tmp_path / "config") if word == "CONFIG" else word for word in command], port):
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/", headers=headers)).close()
        return dict(arrived), port

    with serving({"*": told}) as behind:
        trusted, _ = asked(("127.0.0.0/8", "2001:db8::/32"))
        assert (trusted["Proto"], trusted["Port"]) == ("https", "8443")
        assert trusted["For"].startswith("6.6.6.6, 203.0.113.9")
        strange, port = asked(("10.0.0.0/8",))
        if name == "apache":  # which appends, and tells no scheme and no port of its own
            assert (trusted["Https"], strange["Https"]) == ("on", "(null)")
            assert (strange["Proto"], strange["Port"]) == ("", "") and strange["For"].endswith("203.0.113.9, 127.0.0.1")
        else:
            assert (strange["Proto"], strange["For"]) == ("http", "127.0.0.1")
            assert strange["Port"] == (str(port) if name == "haproxy" else "")
        assert "forged.example" not in trusted["Host"] + strange["Host"]


def test_nginx_keeps_what_the_balancer_says_and_nobody_else(tmp_path: Path) -> None:
    arrived: dict[str, str | None] = {}

    def told(request: BaseHTTPRequestHandler) -> None:
        arrived.clear()
        arrived.update({name: request.headers.get(f"X-Forwarded-{name}") for name in ("For", "Proto", "Port", "Host")})
        html("")(request)

    said = {"For": "203.0.113.9", "Proto": "https", "Port": "8443", "Host": "forged.example"}
    headers = {f"X-Forwarded-{name}": value for name, value in said.items()}
    with serving({"*": told}) as behind:
        trusted = snippets.snippet("nginx", ("127.0.0.0/8", "2001:db8::/32"))
        with nginx(tmp_path / "trusted", _before(behind, trusted)) as (port,):
            url = f"http://127.0.0.1:{port}/"
            urllib.request.urlopen(urllib.request.Request(url, headers=headers)).close()
            assert (arrived["Proto"], arrived["Port"], arrived["Host"]) == ("https", "8443", None)
            assert str(arrived["For"]).endswith("203.0.113.9")
            urllib.request.urlopen(urllib.request.Request(url, headers={"X-Forwarded-Proto": "gopher"})).close()
            assert arrived["Proto"] == "http"
        with nginx(tmp_path / "stranger", _before(behind, snippets.snippet("nginx", ("10.0.0.0/8",)))) as (port,):
            url = f"http://127.0.0.1:{port}/"
            urllib.request.urlopen(urllib.request.Request(url, headers=headers)).close()
            assert (arrived["Proto"], arrived["Port"], arrived["Host"]) == ("http", str(port), None)
            assert str(arrived["For"]).endswith("127.0.0.1")
