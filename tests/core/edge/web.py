"""A small real web server whose pages do what the test wants: loops, drips, floods, leaks; and a real nginx."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.fakes.loopback import served
from tests.rivals import web_server

Page = Callable[[BaseHTTPRequestHandler], None]
Configure = Callable[..., str]
"""From free ports to what stands in nginx's http block."""


@contextlib.contextmanager
def serving(pages: dict[str, Page]) -> Iterator[str]:
    """The base URL of a server on loopback; ``*`` answers what has no page of its own."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            with contextlib.suppress(
                BrokenPipeError, ConnectionResetError
            ):  # the check may leave early: that is the point
                (pages.get(path) or pages["*"])(self)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            return

    with served(Answer, early=True) as address:
        yield address


def html(text: str, **headers: str) -> Page:
    def page(request: BaseHTTPRequestHandler) -> None:
        content = text.encode()
        request.send_response(200)
        request.send_header("Content-Type", "text/html; charset=utf-8")
        request.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(content)

    return page


def redirect(to: str | Callable[[BaseHTTPRequestHandler], str], status: int = 302) -> Page:
    def page(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Location", to if isinstance(to, str) else to(request))
        request.send_header("Content-Length", "0")
        request.end_headers()

    return page


@contextlib.contextmanager
def listening(command: list[str], port: int) -> Iterator[None]:
    """A server of this computer, once it answers on ``port``; skips where it is not installed."""
    program = web_server(command[0])
    if program is None:
        pytest.skip(f"{command[0]} is not there (`make setup-full` brings it on Debian)")
    with subprocess.Popen([program, *command[1:]], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(500):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                    break
                assert process.poll() is None, f"{command[0]} took its settings for none"
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


@contextlib.contextmanager
def nginx(folder: Path, configure: Configure, ports: int = 1) -> Iterator[list[int]]:
    """A real nginx, with the ports it listens on."""
    program = web_server("nginx")
    if program is None:
        pytest.skip("nginx is not installed (`make setup-tests` installs it)")
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(ports)]
        free = [probe.getsockname()[1] for probe in probes]
    folder.mkdir()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f'{kind}_temp_path "{folder}/{kind}";' for kind in kinds)
    (folder / "nginx.conf").write_text(
        f'daemon off; master_process off; pid "{folder}/pid"; error_log "{folder}/errors"; events {{}}\n'
        f"http {{ access_log off; {temporary}\n{configure(*free)} }}\n"
    )
    process = subprocess.Popen([program, "-c", f"{folder}/nginx.conf", "-p", str(folder)], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", free[-1]), 5):
                break
            assert process.poll() is None and time.monotonic() < until, (folder / "errors").read_text()
            time.sleep(0.02)
        yield free
    finally:
        process.terminate()
        process.wait(10)
