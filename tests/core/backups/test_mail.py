"""Mail as servers want it today: encrypted, with a login; and every channel failing at once."""

from __future__ import annotations

import base64
import contextlib
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core.backups.addresses import Addresses
from core.backups.alerts import Alert, send
from core.backups.outcomes import Delivery
from core.backups.plan import Alerts, Plan, Source, Target
from core.base.clock import SystemClock
from core.base.errors import OpsError
from core.settings.secrets import Secrets
from tests.core.backups.conftest import Station

ALERT = Alert("nightly", "run-failed", "The backup failed", "Access denied")
LOGIN = base64.b64encode(b"\0ops\0s3cret").decode()


class _Mail(socketserver.StreamRequestHandler):
    """Takes mail only after a login, and a login only over TLS."""

    server: Any

    def handle(self) -> None:
        safe = known = False
        with contextlib.ExitStack() as self.open, contextlib.suppress(OSError):
            if self.server.implicit:
                self._wrap()
                safe = True
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline().strip():
                verb = line.upper().split()[0]
                if verb == b"EHLO":
                    more = b"AUTH PLAIN" if safe else b"STARTTLS" if self.server.offers else b"HELP"
                    self.wfile.write(b"250-here\r\n250 " + more + b"\r\n")
                elif verb == b"STARTTLS" and self.server.offers:
                    self.wfile.write(b"220 go\r\n")
                    self._wrap()
                    safe = True
                elif verb == b"AUTH":
                    known = safe and line.decode().split()[-1] == LOGIN
                    self.wfile.write(b"235 welcome\r\n" if known else b"535 who are you\r\n")
                elif verb == b"DATA":
                    self.wfile.write(b"354 go\r\n")
                    while self.rfile.readline() != b".\r\n":
                        pass
                    self.server.taken += 1
                    self.wfile.write(b"250 ok\r\n")
                elif verb == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                else:
                    self.wfile.write(b"250 ok\r\n" if known else b"530 log in\r\n")

    def _wrap(self) -> None:
        safe = self.open.enter_context(self.server.context.wrap_socket(self.request, server_side=True))
        self.rfile, self.wfile = safe.makefile("rb"), safe.makefile("wb", buffering=0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of localhost, with its key, its own authority."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(file), "-out", str(file) + ".crt"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip("this computer has no openssl")
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return file


@contextlib.contextmanager
def serving(certificate: Path, *, implicit: bool = False, offers: bool = True) -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mail) as server:
        told: Any = server
        told.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        told.context.load_cert_chain(certificate)
        told.implicit, told.offers, told.taken = implicit, offers, 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def mailing(server: Any, **changes: Any) -> Alerts:
    rule = Alerts(
        smtp_host="localhost", smtp_port=server.server_address[1], smtp_user="ops", smtp_from="a@b.example", smtp_to=("c@d.example",),
        smtp_tls="tls" if server.implicit else "starttls", desktop=False,
    )  # fmt: skip
    return replace(rule, **changes)


def deliver(rule: Alerts) -> list[Delivery]:
    plan = Plan("nightly", Source(), Target("bucket"), alerts=rule)
    return send(plan, ALERT, None, Addresses(Secrets(), "p"), SystemClock())  # type: ignore[arg-type]


@pytest.mark.parametrize("implicit", [False, True])
def test_mail_goes_encrypted_and_with_a_login(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, implicit: bool
) -> None:
    monkeypatch.setenv("OPSDESK_SECRET_BACKUP_NIGHTLY_SMTP", "s3cret")
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    with serving(certificate, implicit=implicit) as server:
        (good,) = deliver(mailing(server))
        assert good.ok and server.taken == 1, good.error
        monkeypatch.setenv("OPSDESK_SECRET_BACKUP_NIGHTLY_SMTP", "wrong")
        (bad,) = deliver(mailing(server))
        assert not bad.ok and "535" in bad.error and "wrong" not in bad.error
        monkeypatch.delenv("SSL_CERT_FILE")
        (strange,) = deliver(mailing(server))
        assert not strange.ok and "certificate verify failed" in strange.error
        assert server.taken == 1


def test_nothing_is_sent_in_the_open_where_encryption_was_asked_for(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSDESK_SECRET_BACKUP_NIGHTLY_SMTP", "s3cret")
    with serving(certificate, offers=False) as server:
        (delivery,) = deliver(mailing(server))
        assert not delivery.ok and "STARTTLS" in delivery.error and server.taken == 0


class _Apprise(ModuleType):
    """As much of the package as is called: it answers False or None, and does not raise."""

    def __init__(self, answer: bool | None) -> None:
        super().__init__("apprise")
        self.answer, self.added, self.told = answer, list[str](), list[str]()
        self.Apprise = lambda: self

    def add(self, address: str) -> bool:
        self.added.append(address)
        return not address.startswith("nonsense://")

    def notify(self, *, title: str, body: str) -> bool | None:
        self.told.append(title)
        return self.answer


@pytest.mark.parametrize(
    ("address", "answer", "told"),
    [
        ("slack://a/b/c", True, ""),
        ("slack://a/b/c", False, "could not deliver"),
        ("slack://a/b/c", None, "could not deliver"),
        ("nonsense://t0ken", True, "does not understand an address"),
    ],
)
def test_what_apprise_answers_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, address: str, answer: bool | None, told: str
) -> None:
    package = _Apprise(answer)
    monkeypatch.setitem(sys.modules, "apprise", package)
    (delivery,) = deliver(Alerts(desktop=False, apprise=(address,)))
    assert delivery.ok is (not told) and told in delivery.error
    assert package.added == [address] and "t0ken" not in delivery.error  # the address is the secret there


def test_every_channel_fails_at_once_and_each_says_why(folders: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody hears of it then: the page has to, and the run fails by its own cause, not by theirs."""
    monkeypatch.setitem(sys.modules, "apprise", _Apprise(False))
    folders.keep(
        source=replace(folders.plan.source, paths=("/nowhere",)),
        alerts=Alerts(
            smtp_host="localhost", smtp_port=1, smtp_from="a@b", smtp_to=("c@d",), sns_topic="arn:aws:sns:us-east-1:000000000000:none",
            webhook="http://127.0.0.1:1/", apprise=("json://x",),
        ),
    )  # fmt: skip
    folders.service.alert_listeners.append(lambda _: (_ for _ in ()).throw(RuntimeError("no tray")))
    with pytest.raises(OpsError, match="/nowhere does not exist"):
        folders.run()
    tried = {delivery.channel: delivery for delivery in folders.service.deliveries()}
    assert set(tried) == {"desktop", "smtp", "sns", "webhook", "apprise"} == set(folders.plan.alerts.channels)
    assert all(not one.ok and one.error for one in tried.values())
    lost = [one for one in folders.service.status(folders.job(), "nightly").findings if one.rule == "alert-undelivered"]
    assert len(lost) == 1 and all(channel in lost[0].title for channel in tried)
    with pytest.raises(OpsError):
        folders.run()
    assert len(folders.service.deliveries()) == 10  # nobody has heard of it: tried again at once
