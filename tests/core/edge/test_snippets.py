"""The settings to paste: every one carries the user's ranges, and nginx itself keeps what the balancer alone has said."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from core.base.errors import WrongUse
from core.edge import snippets
from tests.core.edge.web import html, serving


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


@contextlib.contextmanager
def nginx(folder: Path, snippet: str, behind: str) -> Iterator[str]:
    """The URL of a real nginx that runs the snippet before ``behind``."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed (`make setup-tests` installs it)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir()
    temporary = " ".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    of_http, of_server = snippet.split("# server block")
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{of_http}\n"
        f"server {{ listen 127.0.0.1:{port};\n{of_server}\nlocation / {{ proxy_pass {behind}; }} }} }}\n"
    )
    process = subprocess.Popen([program, "-c", f"{folder}/nginx.conf", "-p", str(folder)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            assert process.poll() is None, (folder / "errors").read_text()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(10)


def test_nginx_keeps_what_the_balancer_says_and_nobody_else(tmp_path: Path) -> None:
    arrived: dict[str, str | None] = {}

    def told(request: BaseHTTPRequestHandler) -> None:
        arrived.clear()
        arrived.update({name: request.headers.get(f"X-Forwarded-{name}") for name in ("For", "Proto", "Port", "Host")})
        html("")(request)

    said = {"For": "203.0.113.9", "Proto": "https", "Port": "8443", "Host": "forged.example"}
    headers = {f"X-Forwarded-{name}": value for name, value in said.items()}
    with serving({"*": told}) as behind:
        with nginx(tmp_path / "trusted", snippets.snippet("nginx", ("127.0.0.0/8", "2001:db8::/32")), behind) as url:
            urllib.request.urlopen(urllib.request.Request(url, headers=headers)).close()
            assert (arrived["Proto"], arrived["Port"], arrived["Host"]) == ("https", "8443", None)
            assert str(arrived["For"]).endswith("203.0.113.9")
            urllib.request.urlopen(urllib.request.Request(url, headers={"X-Forwarded-Proto": "gopher"})).close()
            assert arrived["Proto"] == "http"
        with nginx(tmp_path / "stranger", snippets.snippet("nginx", ("10.0.0.0/8",)), behind) as url:
            urllib.request.urlopen(urllib.request.Request(url, headers=headers)).close()
            assert (arrived["Proto"], arrived["Port"], arrived["Host"]) == ("http", url.split(":")[2].strip("/"), None)
            assert str(arrived["For"]).endswith("127.0.0.1")
