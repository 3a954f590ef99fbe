"""IAM Identity Center on loopback: registers clients, hands out a code, and gives a token once somebody has "confirmed" it."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class IdentityCenter:
    """``answers`` are what CreateToken says, one a call; the last one stays. ``asked`` lists the calls."""

    def __init__(self) -> None:
        self.answers, self.asked = ["token"], list[tuple[str, dict]]()
        self.lasts = 600
        self.url = ""

    def answer(self, path: str, asked: dict) -> tuple[int, dict]:
        self.asked.append((path, asked))
        if path == "/client/register":
            return 200, {"clientId": "c", "clientSecret": "s", "clientSecretExpiresAt": int(time.time()) + 90 * 86400}
        if path == "/device_authorization":
            return 200, {
                "deviceCode": "d", "userCode": "ABCD-EFGH", "verificationUri": "https://device.example/",
                "verificationUriComplete": "https://device.example/?user_code=ABCD-EFGH", "expiresIn": self.lasts, "interval": 1,
            }  # fmt: skip
        if path.startswith("/federation/credentials"):
            end = int((time.time() + 3600) * 1000)
            return 200, {
                "roleCredentials": {
                    "accessKeyId": "ASIASSO",
                    "secretAccessKey": "s",
                    "sessionToken": "t",
                    "expiration": end,
                }
            }
        word = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if word == "token":
            return 200, {"accessToken": "the-token", "tokenType": "Bearer", "expiresIn": 3600, "refreshToken": "again"}
        return 400, {"__type": word, "error": word, "error_description": word}


@contextlib.contextmanager
def identity_center() -> Iterator[IdentityCenter]:
    told = IdentityCenter()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)) or 0)
            status, found = told.answer(self.path, json.loads(content or b"{}"))
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if "__type" in found:
                self.send_header("x-amzn-ErrorType", found["__type"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
