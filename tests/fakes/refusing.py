"""An AWS endpoint on loopback that refuses every request with the error the test asks for, in each service's own shape."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from tests.fakes.loopback import Answer, Asked, loopback


class Refusal:
    """``code`` may be changed while it runs; ``asked`` counts the requests."""

    def __init__(self, code: str, status: int) -> None:
        self.code, self.status, self.asked = code, status, 0
        self.url = ""


@contextlib.contextmanager
def refusing(code: str, status: int = 400) -> Iterator[Refusal]:
    told = Refusal(code, status)

    def answer(asked: Asked) -> Answer:
        told.asked += 1
        message = f"the service says {told.code}"
        if "X-Amz-Target" in asked.headers:  # the JSON services
            kind, body = "application/x-amz-json-1.1", json.dumps({"__type": told.code, "message": message})
        else:  # S3 reads the inner element, the query services the outer one
            inner = f"<Error><Code>{told.code}</Code><Message>{message}</Message></Error>"
            asks_s3 = "Action=" not in asked.path and asked.method != "POST"
            kind, body = "text/xml", inner if asks_s3 else f"<ErrorResponse>{inner}</ErrorResponse>"
        return Answer(told.status, body.encode(), {"x-amzn-RequestId": "req-123", "Content-Type": kind})

    with loopback(answer) as told.url:
        yield told
