"""Names looked up and connections made, so that a cancel ends the waiting at once: the system's own calls cannot be ended."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from core.base.errors import OpsError
from core.jobs.job import Job

T = TypeVar("T")
_BEAT = 0.05
"""Seconds between two looks whether somebody has cancelled."""


def asked(job: Job[Any], ask: Callable[[], T]) -> T:
    """What ``ask`` returns or raises (OpsError); after a cancel it is left to end by itself."""
    box: list[T | OpsError] = []

    def work() -> None:
        try:
            box.append(ask())
        except OpsError as error:
            box.append(error)

    thread = threading.Thread(target=work, name="edge-name", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_BEAT)
        job.checkpoint()
    (found,) = box
    if isinstance(found, OpsError):
        raise found
    return found


def connected(job: Job[Any], address: str, port: int, timeout: float) -> socket.socket:
    """A connection to a numeric address (an IPv6 one may have a zone). Raises TimeoutError or another OSError."""
    family, kind, protocol, _, place = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setblocking(False)
        begun = made.connect_ex(place)
        if begun not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):  # no way there at all
            raise OSError(begun, os.strerror(begun))
        until = time.monotonic() + timeout
        with selectors.DefaultSelector() as waiting:
            waiting.register(made, selectors.EVENT_WRITE)
            while not waiting.select(_BEAT):
                job.checkpoint()
                if time.monotonic() > until:
                    raise TimeoutError
        if fault := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(fault, os.strerror(fault))
        made.settimeout(timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        made.close()
        raise
    return made
