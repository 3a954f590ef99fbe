"""A server that gives every request the same answer, whatever was asked: a proxy's page, a wrong port, half a document."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Babble:
    """What it answers may be changed while it runs."""

    def __init__(self) -> None:
        self.url, self.status, self.body = "", 200, b""


@contextmanager
def babbling() -> Iterator[Babble]:
    told = Babble()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(told.status)
            self.send_header("content-length", str(len(told.body)))
            if told.status == 302:
                self.send_header("location", "http://127.0.0.1:9/login")
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        told.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
