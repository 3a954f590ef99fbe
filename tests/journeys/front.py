"""A real nginx that ends TLS in front of a small real application, on loopback; the proxy's headers are the test's to choose."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NAME = "dev.app.com"
"""The site's public name; the test lets it resolve to loopback."""


@dataclass
class Front:
    url: str
    ca_file: Path
    folder: Path
    ports: tuple[int, int]
    process: subprocess.Popen[bytes] | None = None

    def start(self, forwarded_port: str) -> None:
        """Let nginx run with this, and with nothing else: one that only reads it again answers by the old one for a while."""
        self.stop()
        _configure(self.folder, self.ports, forwarded_port)
        self.process = subprocess.Popen(
            [_nginx(), "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder)], stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[0]), 5):
                return
            assert self.process.poll() is None and time.monotonic() < until, (self.folder / "error.log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(30)


def _application(environ: dict[str, Any], start_response: Any) -> Any:
    """Links and redirects are absolute, as frameworks write them."""
    from werkzeug.wrappers import Request, Response

    request = Request(environ)
    base = request.host_url
    pages = {
        "/": f'<a href="{base}login">Sign in</a><form action="{base}go"></form><link rel="canonical" href="{base}">',
        "/mixed": '<script src="http://cdn.example/app.js"></script><img src="http://cdn.example/logo.png">',
        "/leak": '<a href="http://app-7.internal:8080/admin">Admin</a>',
    }
    if request.path == "/loop":  # looks at the socket instead of the header
        return Response("", 302, {"Location": request.url})(environ, start_response)
    response = Response(f"<html><body>{pages.get(request.path, 'here')}</body></html>", content_type="text/html")
    response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.path == "/cookie":
        response.headers["Set-Cookie"] = "session=1; HttpOnly"
    return response(environ, start_response)


def _configure(folder: Path, ports: tuple[int, int], forwarded_port: str) -> None:
    outer, inner = ports
    (folder / "nginx.conf").write_text(f"""
daemon off; pid "{folder}/nginx.pid"; error_log "{folder}/error.log"; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path "{folder}/body"; proxy_temp_path "{folder}/proxy"; fastcgi_temp_path "{folder}/f"; uwsgi_temp_path "{folder}/u"; scgi_temp_path "{folder}/s";
  server {{
    listen 127.0.0.1:{outer} ssl; ssl_certificate "{folder}/site.pem"; ssl_certificate_key "{folder}/site.key";
    location / {{
      proxy_pass http://127.0.0.1:{inner};
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Port {forwarded_port};
    }}
  }}
}}
""")


def _nginx() -> str:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def front(folder: Path, forwarded_port: str) -> Iterator[Front]:
    """nginx and the application behind it; both end with the block."""
    if not _nginx() or shutil.which("openssl") is None:
        pytest.skip("nginx is not installed (`make setup-tests` installs it)")
    from werkzeug.middleware.proxy_fix import ProxyFix
    from werkzeug.serving import make_server

    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
         "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", str(folder / "site.key"), "-out", str(folder / "site.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    server = make_server("127.0.0.1", 0, ProxyFix(_application, x_for=1, x_proto=1, x_port=1), threaded=True)
    server.log = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    ports = (_free_port(), server.server_port)
    made = Front(f"https://{NAME}:{ports[0]}", folder / "site.pem", folder, ports)
    try:
        made.start(forwarded_port)
        yield made
    finally:
        made.stop()
        server.shutdown()
        server.server_close()
        thread.join(5)
