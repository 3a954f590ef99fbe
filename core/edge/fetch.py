"""One HTTP request under strict limits: address checked and pinned, 5 MB of body, a deadline that a slow drip cannot stretch."""

from __future__ import annotations

import ipaddress
import socket
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from core.base.errors import OpsError
from core.jobs.job import Job

BODY_LIMIT = 5_000_000
"""Bytes of a page that are read; a 1 GB body is a finding, not a memory problem."""

USER_AGENT = "Opsdesk edge check"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool
    """False when the body was longer than BODY_LIMIT or did not end before the deadline."""
    address: str
    seconds: float
    cut_by: str = ""
    """``size`` or ``time`` when not whole."""
    sent: tuple[tuple[str, str], ...] = field(default=())

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, in the system's order. Raises OpsError (code ``unreachable``) when there are none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OpsError(
            f"The name {host} was not found",
            f"This computer's name service says: {getattr(error, 'strerror', None) or error}",
            "Check the spelling and the network",
            code="unreachable",
        ) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_private(address: str) -> bool:
    """Whether an address is none of the public internet's: private, loopback, link-local (cloud metadata) or reserved."""
    parsed = ipaddress.ip_address(address.split("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return not (mapped or parsed).is_global


def fetch(
    job: Job[Any],
    url: str,
    address: str,
    *,
    timeout: float,
    ca_file: str = "",
    headers: dict[str, str] | None = None,
) -> Answer:
    """GET ``url`` from ``address`` (one of its own), following nothing and sending no cookies.

    timeout: seconds for connecting, for the head, and twice that for the whole answer.
    Raises OpsError: ``unreachable``, ``tls``, or ``protocol`` for what is not HTTP.
    """
    import urllib3
    from urllib3.exceptions import HTTPError, NewConnectionError, SSLError, TimeoutError

    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    sent = {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": USER_AGENT,
        "Accept": "text/html,*/*",
        "Accept-Encoding": "identity",
    }
    sent.update(headers or {})
    limits = urllib3.Timeout(connect=timeout, read=timeout)
    pool: Any
    if secure:
        pool = urllib3.HTTPSConnectionPool(
            address,
            port,
            timeout=limits,
            retries=False,
            server_hostname=host,
            assert_hostname=host,
            ca_certs=ca_file or None,
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, port, timeout=limits, retries=False)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    started = time.monotonic()
    try:
        with job.interruptible(pool.close):
            response = pool.urlopen(
                "GET",
                path,
                headers=sent,
                redirect=False,
                preload_content=False,
                decode_content=False,
                assert_same_host=False,
            )
            seconds = time.monotonic() - started
            body, cut_by = _body(response, started + 2 * timeout, job.checkpoint)
    except SSLError as error:
        raise OpsError(
            f"The certificate of {host} was not accepted",
            str(error.args[0] if error.args else error)[:300],
            "Renew or correct the certificate, or choose the CA file that signed it in the profile",
            code="tls",
        ) from error
    except (NewConnectionError, TimeoutError) as error:
        job.checkpoint()
        raise OpsError(
            f"{host} did not answer",
            f"{address} port {port} refused the connection or is out of reach"
            if isinstance(error, NewConnectionError)  # which urllib3 counts among the timeouts
            else f"Nothing came from {address} port {port} within {timeout:g} s",
            "Check that it runs and that this computer may reach it",
            code="unreachable",
        ) from error
    except (HTTPError, OSError, ValueError) as error:
        job.checkpoint()
        raise OpsError(
            f"{host} did not answer in HTTP",
            str(error)[:300],
            "Check the scheme and the port of the URL",
            code="protocol",
        ) from error
    finally:
        pool.close()
    return Answer(
        response.status,
        tuple(response.headers.items()),
        body,
        not cut_by,
        address,
        seconds,
        cut_by,
        tuple(sent.items()),
    )


def _body(response: Any, deadline: float, checkpoint: Callable[[], None]) -> tuple[bytes, str]:
    """At most BODY_LIMIT bytes, decompressed under the same limit, and why it was cut ("", ``size`` or ``time``)."""
    encoding = response.headers.get("Content-Encoding", "").lower()
    inflate = zlib.decompressobj(wbits=47) if encoding in ("gzip", "x-gzip", "deflate") else None
    made = bytearray()
    cut_by = ""
    try:
        while not cut_by:
            checkpoint()
            if time.monotonic() > deadline:
                cut_by = "time"
                break
            # read1: what is there, so that a server dripping bytes cannot hold us in one read
            chunk = response.read1(65_536)
            if not chunk:
                break
            made += inflate.decompress(chunk, BODY_LIMIT + 1 - len(made)) if inflate else chunk
            if len(made) > BODY_LIMIT:
                cut_by = "size"
    except zlib.error:
        cut_by = "damaged"
    except Exception as error:  # a body that stalls or breaks off is a finding about the body; the head is still good
        from urllib3.exceptions import HTTPError

        checkpoint()
        if not isinstance(error, HTTPError | OSError):
            raise
        cut_by = "time"
    finally:
        response.close()
    return bytes(made[:BODY_LIMIT]), cut_by
