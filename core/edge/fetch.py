"""One HTTP request under strict limits: address checked and pinned, 5 MB of body, a deadline that a slow drip cannot stretch."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from core.base.errors import OpsError
from core.edge.wire import connected
from core.jobs.job import Job

BODY_LIMIT = 5_000_000
"""Bytes of a page that are read; a 1 GB body is a finding, not a memory problem."""

_TRIED = 4
"""Addresses of one name that are tried."""

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
    """``size``, ``time``, ``broken``, ``damaged`` or ``encoding`` when not whole."""
    sent: tuple[tuple[str, str], ...] = field(default=())

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


_READ = ("gzip", "x-gzip", "deflate")
"""Compressions that are read although none was asked for."""


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, in the system's order. Raises OpsError (code ``unreachable``) when there are none."""
    try:
        found = socket.getaddrinfo(wire_host(host), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OpsError(
            f"The name {host} was not found",
            f"This computer's name service says: {getattr(error, 'strerror', None) or error}",
            f"Check the spelling and the network{_past_proxies()}",
            code="unreachable",
        ) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_private(address: str) -> bool:
    """Whether an address is none of the public internet's: private, loopback, link-local (cloud metadata) or reserved."""
    parsed = ipaddress.ip_address(address.split("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return not (mapped or parsed).is_global


def wire_host(host: str) -> str:
    """A host as DNS, TLS and the Host header spell it, which is how browsers do: ``straße.example`` is
    ``xn--strae-oqa.example``, another site than ``strasse.example``."""
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise OpsError(
            f"The name {host} cannot be looked up", str(error)[:200], "Check the spelling", code="unreachable"
        ) from error


def fetch(
    job: Job[Any],
    url: str,
    addresses: Sequence[str],
    *,
    timeout: float,
    ca_file: str = "",
    headers: dict[str, str] | None = None,
) -> Answer:
    """GET ``url`` from the first of ``addresses`` (its own) that takes a connection, as a browser does; follows nothing.

    timeout: seconds for connecting to each, and twice that for the head and for the whole answer.
    Raises OpsError: ``unreachable``, ``tls``, or ``protocol`` for what is not HTTP.
    """
    refused: OpsError | None = None
    for address in addresses[:_TRIED]:
        job.checkpoint()
        try:
            return _fetch(job, url, address, timeout, ca_file, headers or {})
        except _NotConnected as error:
            refused = refused or error
    assert refused is not None
    raise refused


class _NotConnected(OpsError):
    pass


def _fetch(job: Job[Any], url: str, address: str, timeout: float, ca_file: str, headers: dict[str, str]) -> Answer:
    from http.client import HTTPException

    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.exceptions import HTTPError

    parts = urlsplit(url)
    host, secure = wire_host(parts.hostname or ""), parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    sent = {
        "Host": _authority(host, parts.port),
        "User-Agent": USER_AGENT,
        "Accept": "text/html,*/*",
        "Accept-Encoding": "identity",
        **headers,
    }
    connection: HTTPConnection = (
        HTTPSConnection(address, port, timeout=timeout, server_hostname=host.partition("%")[0], ca_certs=ca_file or None)
        if secure
        else HTTPConnection(address, port, timeout=timeout)
    )  # fmt: skip
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    started = time.monotonic()
    late = threading.Event()
    wires: list[Any] = []  # the connection forgets its socket once an answer says that it is the last
    closing = contextlib.ExitStack()
    closing.callback(connection.close)

    def end() -> None:
        """Whatever waits for this server waits no longer."""
        for wire in (*wires, connection.sock):
            if wire is not None:
                with contextlib.suppress(OSError):
                    wire.shutdown(socket.SHUT_RDWR)

    def give_up() -> None:
        late.set()
        end()

    head = threading.Timer(2 * timeout, give_up)
    head.daemon = True
    try:
        with job.interruptible(end):
            wires.append(wire := _connected(job, host, address, port, timeout))
            connection._new_conn = lambda: wire  # type: ignore[method-assign]  # as urllib3 makes its own
            head.start()
            connection.connect()
            wires.append(connection.sock)
            job.checkpoint()  # a cancel before now found nothing to shut down
            connection.request("GET", _target(path), headers=sent, preload_content=False, decode_content=False)
            response = connection.getresponse()
            closing.callback(response.close)
            seconds = time.monotonic() - started
            head.cancel()
            job.checkpoint()
            if response.status < 200:  # http.client takes every interim answer but 100 for the last one
                raise OpsError(
                    f"{host} answered with {response.status} first",
                    "That is an interim answer (early hints, a change of protocol), and what follows it cannot be read here",
                    "Let the application send it to browsers only, over HTTP/2",
                    code="protocol",
                )
            if late.is_set():  # what was cut there looks like the end of a head
                raise TimeoutError
            body, cut_by = _body(response, started + 2 * timeout, job.checkpoint)
    except ssl.SSLError as error:
        job.checkpoint()
        raise _tls_fault(host, port, error) from error
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        job.checkpoint()
        if late.is_set() or isinstance(error, TimeoutError):
            raise OpsError(
                f"{host} did not answer",
                f"No whole answer came from {address} port {port} within {(2 if late.is_set() else 1) * timeout:g} s",
                "Check that it runs and that this computer may reach it",
                code="unreachable",
            ) from error
        raise _no_http(host, error) from error
    finally:
        head.cancel()
        closing.close()
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


def _connected(job: Job[Any], host: str, address: str, port: int, timeout: float) -> socket.socket:
    try:
        return connected(job, address, port, timeout)
    except OSError as error:
        raise _NotConnected(
            f"{host} did not answer",
            f"{address} port {port} took no connection within {timeout:g} s"
            if isinstance(error, TimeoutError)
            else f"{address} port {port} refused the connection or is out of reach",
            f"Check that it runs and that this computer may reach it{_past_proxies()}",
            code="unreachable",
        ) from error


def _no_http(host: str, error: Exception) -> OpsError:
    """Whatever else came in place of a head."""
    from http.client import BadStatusLine, RemoteDisconnected

    said = str(error)
    if isinstance(error, RemoteDisconnected):
        title, why = f"{host} closed the connection without an answer", "Not one byte came back"
        remedy = "Look at the log of what listens there: it may have crashed, or speak another protocol"
    elif isinstance(error, BadStatusLine):
        title, remedy = f"{host} did not answer in HTTP/1.1", "Check the scheme and the port of the URL"
        why = (
            f"It said: {said[:200]}"
            if said.isprintable()
            else "It sent bytes that are no text: perhaps it speaks HTTP/2 only, or TLS, which wants https"
        )
    elif said.startswith("got more than"):
        title, why = f"The head of {host}'s answer is too large", _size_of_head(said)
        remedy = "Let the application send fewer or shorter headers; browsers and balancers have limits as well"
    else:
        title, why, remedy = f"{host} did not answer in HTTP", said[:300], "Check the scheme and the port of the URL"
    return OpsError(title, why, remedy, code="protocol")


def _size_of_head(said: str) -> str:
    return "It has more than 100 headers" if said.endswith("headers") else "A line of it is longer than 65,536 bytes"


def _past_proxies() -> str:
    """More to try, where this computer is set to use a proxy."""
    from urllib.request import getproxies

    used = {"http", "https", "all"} & set(getproxies())
    return "; a proxy is set on this computer, and the check goes past it, to the site itself" if used else ""


def _authority(host: str, port: int | None) -> str:
    """The Host header; the zone of an IPv6 address is this computer's own business."""
    shown = f"[{host.partition('%')[0]}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def _target(path: str) -> str:
    """What stands in the request line: everything beyond printable ASCII by percent, what is escaped already as it is."""
    return quote(path, safe="!#$%&'()*+,/:;=?@[]~|^`{}\\\"<>")


def _tls_fault(host: str, port: int, error: ssl.SSLError) -> OpsError:
    """What is the matter with the handshake, and who can mend it: a bad certificate is another thing than no TLS at all."""
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = {
            10: "Renew it, and let whoever ends TLS (the balancer, the proxy) load the new one",
            62: "Put a certificate with this name there, or use the name that the certificate has",
            64: "Put a certificate with this address there, or use the name that the certificate has",
            20: "Send the intermediate certificates as well, or choose the CA file that signed it in the profile",
        }.get(error.verify_code, "Correct the certificate, or choose the CA file that signed it in the profile")
        return OpsError(
            f"The certificate of {host} was not accepted", error.verify_message or str(error)[:300], remedy, code="tls"
        )
    if error.reason == "TLSV1_ALERT_NO_APPLICATION_PROTOCOL":
        return OpsError(
            f"{host} speaks no HTTP/1.1 on port {port}",
            "It refused the handshake for that reason; perhaps it speaks HTTP/2 only",
            "Let the listener offer http/1.1 as well (ALPN): health checks and proxies need it too",
            code="tls",
        )
    if error.reason in (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "UNKNOWN_PROTOCOL",
        "RECORD_LAYER_FAILURE",
        "PACKET_LENGTH_TOO_LONG",
    ):
        return OpsError(
            f"{host} does not speak TLS on port {port}",
            "What answers there is something else, often plain http",
            "Check the scheme and the port of the URL",
            code="tls",
        )
    return OpsError(
        f"{host} and this computer found no common TLS",
        (error.reason or str(error))[:300].replace("_", " ").lower(),
        "Let the listener offer TLS 1.2 or newer, and check that it knows this name",
        code="tls",
    )


def _body(response: Any, deadline: float, checkpoint: Callable[[], None]) -> tuple[bytes, str]:
    """At most BODY_LIMIT bytes, decompressed under the same limit, and why it was cut (see ``Answer.cut_by``)."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    inflate = zlib.decompressobj(wbits=47) if encoding in _READ else None
    made = bytearray()
    cut_by = "" if encoding in (*_READ, "", "identity") else "encoding"
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
        from urllib3.exceptions import TimeoutError as Late

        checkpoint()
        if not isinstance(error, HTTPError | OSError):
            raise
        cut_by = "time" if isinstance(error, Late | TimeoutError) else "broken"
    finally:
        response.close()
    return bytes(made[:BODY_LIMIT]), cut_by
