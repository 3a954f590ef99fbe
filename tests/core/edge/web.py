"""A small real web server whose pages do what the test wants: loops, drips, floods, leaks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Page = Callable[[BaseHTTPRequestHandler], None]


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

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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
