"""A server that gives every request the same answer, whatever was asked: a proxy's page, a wrong port, half a document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.loopback import Answer, Asked, loopback


class Babble:
    """What it answers may be changed while it runs."""

    def __init__(self) -> None:
        self.url, self.status, self.body = "", 200, b""


@contextmanager
def babbling() -> Iterator[Babble]:
    told = Babble()

    def answer(_asked: Asked) -> Answer:
        elsewhere = {"location": "http://127.0.0.1:9/login"} if told.status == 302 else {}
        return Answer(told.status, told.body, elsewhere)

    with loopback(answer) as told.url:
        yield told
