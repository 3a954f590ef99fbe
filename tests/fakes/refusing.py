"""An AWS endpoint on loopback that refuses every request with the error the test asks for, in each service's own shape."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Refusal:
    """``code`` may be changed while it runs; ``asked`` counts the requests."""

    def __init__(self, code: str, status: int) -> None:
        self.code, self.status, self.asked = code, status, 0
        self.url = ""


@contextlib.contextmanager
def refusing(code: str, status: int = 400) -> Iterator[Refusal]:
    told = Refusal(code, status)

    class Refuse(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _refuse(self) -> None:
            told.asked += 1
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            message = f"the service says {told.code}"
            if "X-Amz-Target" in self.headers:  # the JSON services
                kind, body = "application/x-amz-json-1.1", json.dumps({"__type": told.code, "message": message})
            else:  # S3 reads the inner element, the query services the outer one
                inner = f"<Error><Code>{told.code}</Code><Message>{message}</Message></Error>"
                asks_s3 = "Action=" not in self.path and self.command != "POST"
                kind, body = "text/xml", inner if asks_s3 else f"<ErrorResponse>{inner}</ErrorResponse>"
            self.send_response(told.status)
            self.send_header("x-amzn-RequestId", "req-123")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _refuse

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
