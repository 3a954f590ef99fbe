"""Alerts reach a real mail server and a real web server; one that does not arrive says so."""

from __future__ import annotations

import contextlib
import json
import shutil
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from core.backups.addresses import Addresses
from core.backups.alerts import Alert, send
from core.backups.outcomes import Check, Delivery, Finding, Outcome, Verification
from core.backups.plan import Alerts, Plan, Source, Target
from core.base.clock import SystemClock
from core.base.errors import OpsError
from core.settings.secrets import Secrets
from tests.core.backups.conftest import Station

ALERT = Alert("nightly", "run-failed", "The backup failed\r\nBcc: x@example.com", "mysql://root:hunter2@host said no")


class _Mail(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        body = None
        while line := self.rfile.readline():
            if body is not None:
                if line == b".\r\n":
                    self.server.mails.append(bytes(body))  # type: ignore[attr-defined]
                    body = None
                    self.wfile.write(b"250 ok\r\n")
                else:
                    body += line
            elif line.upper().startswith(b"DATA"):
                body = bytearray()
                self.wfile.write(b"354 go\r\n")
            elif line.upper().startswith(b"RCPT") and b"nobody" in line:
                self.wfile.write(b"550 no such user\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.posts.append(self.rfile.read(int(self.headers["Content-Length"])))  # type: ignore[attr-defined]
        self.send_response(500 if "fail" in self.path else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def mail() -> Iterator[socketserver.TCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mail) as server:
        server.mails = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), _Hook) as server:
        server.posts = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def deliver(rule: Alerts, station: Station | None = None) -> list[Delivery]:
    plan = Plan("nightly", Source(), Target("bucket"), alerts=rule)
    aws = station.service._workplace.aws if station else None
    return send(plan, ALERT, aws, Addresses(Secrets(), "p"), SystemClock(), None)  # type: ignore[arg-type]


def test_mail(mail: socketserver.TCPServer) -> None:
    rule = Alerts(
        smtp_host="127.0.0.1",
        smtp_port=mail.server_address[1],
        smtp_tls="none",
        smtp_from="o@example.com",
        smtp_to=("a@example.com",),
    )
    (delivery,) = deliver(rule)
    assert delivery.ok, delivery.error
    (text,) = mail.mails  # type: ignore[attr-defined]
    assert b"Subject: [opsdesk] The backup failed" in text
    assert b"hunter2" not in text and b"\nBcc:" not in text
    (delivery,) = deliver(replace(rule, smtp_to=("nobody@example.com",)))
    assert not delivery.ok and "550" in delivery.error


def test_webhook(hook: HTTPServer) -> None:
    address = f"http://127.0.0.1:{hook.server_port}/services/T0/secret"
    (delivery,) = deliver(Alerts(webhook=address))
    assert delivery.ok and delivery.to == f"127.0.0.1:{hook.server_port}"
    content = json.loads(hook.posts[0])  # type: ignore[attr-defined]
    assert content["rule"] == "run-failed" and "hunter2" not in content["text"]
    (delivery,) = deliver(Alerts(webhook=address + "/fail"))
    assert not delivery.ok and "500" in delivery.error
    (delivery,) = deliver(Alerts(webhook=f"{address}/a blank"))
    assert not delivery.ok and "secret" not in delivery.error and "address is none" in delivery.error


def test_nobody_there() -> None:
    rule = Alerts(
        webhook="http://127.0.0.1:1/x",
        smtp_host="127.0.0.1",
        smtp_port=1,
        smtp_from="a@b",
        smtp_to=("c@d",),
        apprise=("json://x",),
    )
    deliveries = deliver(rule)
    assert [delivery.channel for delivery in deliveries] == ["smtp", "webhook", "apprise"]
    assert not any(delivery.ok for delivery in deliveries)
    assert all(delivery.error for delivery in deliveries)


def test_sns_and_a_failed_run_is_told_once_and_a_lost_alert_is_shown(station: Station) -> None:
    station.needs("SNS")
    topic = station.sandbox.client("sns").create_topic(Name=station.sandbox.name("alerts"))["TopicArn"]
    station.keep(alerts=Alerts(sns_topic=topic, webhook="http://127.0.0.1:1/gone"))
    heard: list[Alert] = []
    station.service = station.make(mysql=(replace(station.target.mysql[0], password="wrong"),))
    station.service.alert_listeners.append(heard.append)
    with pytest.raises(OpsError):
        station.run()
    assert [alert.rule for alert in heard] == ["run-failed"]
    assert {(item.channel, item.ok) for item in station.service.deliveries()} == {
        ("desktop", True),
        ("sns", True),
        ("webhook", False),
    }
    rules = {finding.rule for finding in station.service.status(station.job(), "nightly").findings}
    assert {"alert-undelivered", "run-failed"} <= rules
    assert {item.channel for item in station.service.send_test(station.job(), "nightly")} == {
        "desktop",
        "sns",
        "webhook",
    }


class Ahead:
    """A clock that runs ahead."""

    def __init__(self, by: timedelta = timedelta()) -> None:
        self.ahead = by

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def test_what_fails_every_hour_is_told_once_a_day_and_once_when_it_is_over(folders: Station, hook: HTTPServer) -> None:
    def posts() -> list[str]:
        said = [json.loads(post)["rule"] for post in hook.posts]  # type: ignore[attr-defined]
        hook.posts.clear()  # type: ignore[attr-defined]
        return said

    def hourly(times: int, trouble: str = "does not exist") -> list[str]:
        for _ in range(times):
            clock.ahead += timedelta(hours=1)
            with pytest.raises(OpsError, match=trouble):
                folders.run()
        return [alert.rule for alert in heard]

    clock, heard, address = Ahead(), list[Alert](), f"http://127.0.0.1:{hook.server_address[1]}/"
    folders.keep(alerts=Alerts(webhook=f"{address}fail"))
    folders.under(clock=clock)
    folders.service.alert_listeners.append(heard.append)
    source = Path(folders.plan.source.paths[0])
    away = source.rename(source.with_name("away"))
    assert hourly(2) == ["run-failed"]
    assert posts() == ["run-failed"] * 2  # it was not taken there: that receiver is still to be told
    folders.keep(alerts=Alerts(webhook=address))
    assert hourly(2) == ["run-failed"] and posts() == ["run-failed"]
    clock.ahead += timedelta(hours=20)
    assert hourly(2) == ["run-failed"] * 2 and posts() == []
    assert hourly(2) == ["run-failed"] * 2 and posts() == ["run-failed"]
    assert "First told on" in heard[1].text and "First told" not in heard[0].text
    source.write_bytes(b"")
    assert hourly(2, "is no folder")[2:] == ["run-failed"] and posts() == ["run-failed"]  # another cause is news
    source.unlink()
    away.rename(source)
    for _ in range(2):
        clock.ahead += timedelta(hours=1)
        folders.run()
    assert [alert.rule for alert in heard[3:]] == ["run-recovered"] == posts() and heard[3].good
    source.rename(away)
    assert hourly(1)[4:] == ["run-failed"] == posts()


def test_a_full_disk_keeps_nobody_from_being_told(folders: Station, hook: HTTPServer, small_disk: Path) -> None:
    """Neither the lock nor the notes of who was told can be written then."""
    folders.places = folders.places._replace(state=small_disk)
    folders.service = folders.make()
    folders.keep(alerts=Alerts(webhook=f"http://127.0.0.1:{hook.server_address[1]}/"))
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
        while file.write(bytes(1 << 12)):
            pass
    for act in (folders.run, folders.verify):
        with pytest.raises(OpsError, match="ledger"):
            act()
    assert [json.loads(post)["rule"] for post in hook.posts] == ["run-failed", "verification-failed"]  # type: ignore[attr-defined]
    folders.service._ledger.close()  # or the disk cannot be taken away


def test_a_proof_after_failures_is_told_once_unless_a_newer_backup_is_bad(folders: Station) -> None:
    heard = list[Alert]()
    folders.service.alert_listeners.append(heard.append)
    telling, plan = folders.service._telling, folders.plan

    def verified(run: str, outcome: Outcome, level: int = 6) -> list[str]:
        checks = (Check(2, "SHA-256", False),) if outcome is Outcome.FAILED else ()
        begun = Verification(0, "nightly", run, datetime.now(UTC), Outcome.RUNNING, level)
        begun = replace(begun, id=folders.service._ledger.begin_verification(begun))
        done = replace(begun, outcome=outcome, checks=checks)
        folders.service._ledger.end_verification(done)
        telling.verified(plan, done, "It failed")
        said = [alert.rule for alert in heard]
        heard.clear()
        return said

    assert verified("20261102T000000Z", Outcome.FAILED) == ["verification-failed"]
    assert verified("20261102T000000Z", Outcome.FAILED) == []
    assert verified("20261101T000000Z", Outcome.DONE) == []  # an older one is good
    assert verified("20261103T000000Z", Outcome.DONE, level=2) == []  # read, not restored
    assert verified("20261103T000000Z", Outcome.DONE) == ["verification-recovered"]
    assert verified("20261103T000000Z", Outcome.DONE) == []


def test_silence_is_told_at_most_once_a_day(folders: Station) -> None:
    folders.run()
    heard: list[Alert] = []
    clock = Ahead(timedelta(days=2))
    folders.under(clock=clock)
    folders.service.alert_listeners.append(heard.append)
    for _ in range(2):
        folders.service.watch(folders.job())
    assert [alert.rule for alert in heard] == ["silence"]
    clock.ahead += timedelta(days=1, minutes=1)
    folders.service.watch(folders.job())
    assert [alert.rule for alert in heard] == ["silence", "silence"]
    clock.ahead += timedelta(days=20)
    folders.service.watch(folders.job())
    clock.ahead -= timedelta(days=10)  # it was wrong when they were told: that says nothing of now
    heard.clear()
    for _ in range(2):
        folders.service.watch(folders.job())
    assert [alert.rule for alert in heard] == ["silence"]
    keys = folders.keys()
    for key in keys:
        folders.s3.delete_object(Bucket=folders.bucket, Key=key)
    folders.service.watch(folders.job())
    assert [alert.rule for alert in heard][1:] == ["all-gone"]


def test_a_plan_whose_file_is_spoilt_or_gone_is_told_to_those_whom_it_told_before(folders: Station) -> None:
    heard: list[Alert] = []
    folders.service.alert_listeners.append(heard.append)
    file = folders.places.config / "plans" / "sandbox" / "nightly.toml"
    folders.run()
    folders.service.watch(folders.job())
    whole = file.read_text()
    for spoilt in ("not = [toml", None):
        heard.clear()
        if spoilt is None:
            file.unlink()
        else:
            file.write_text(spoilt)
        for _ in range(2):
            folders.service.watch(folders.job())
        assert [alert.rule for alert in heard] == ["plan-file"], spoilt
    file.write_text(whole)
    folders.run()
    assert heard[-1].rule == "run-recovered"
    folders.service.remove_plan("nightly")
    heard.clear()
    folders.service.watch(folders.job())
    assert heard == []


class _Garbage(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"what?\r\n\r\n")


def test_a_channel_that_fails_in_any_manner_leaves_the_others(folders: Station) -> None:
    """An answer that is no HTTP is neither an OSError nor a ValueError; a listener of the window may fail as it likes."""
    aws = folders.service._workplace.aws

    def listener(_: Alert) -> None:
        raise RuntimeError("no tray")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Garbage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        alerts = Alerts(
            webhook=f"http://127.0.0.1:{server.server_address[1]}/", sns_topic="arn:aws:sns:us-east-1:0:none"
        )
        plan = replace(folders.plan, alerts=alerts)
        deliveries = send(plan, ALERT, aws, Addresses(Secrets(), "p"), SystemClock(), (listener,))
        server.shutdown()
    assert [(one.channel, one.ok) for one in deliveries] == [("desktop", False), ("sns", False), ("webhook", False)]
    assert "no tray" in deliveries[0].error and "BadStatusLine" in deliveries[2].error


class _Drip(socketserver.StreamRequestHandler):
    """A byte now and then: no single answer is late, and there is no end."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while not self.server.over.wait(0.02):  # type: ignore[attr-defined]
                self.wfile.write(b"2")


def test_a_server_that_never_comes_to_an_end_does_not_hold_the_plan(
    hook: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.backups.alerts._PATIENCE", 0.3)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Drip) as server:
        server.over = threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        rule = Alerts(
            smtp_host="127.0.0.1", smtp_port=server.server_address[1], smtp_from="a", smtp_to=("b",),
            webhook=f"http://127.0.0.1:{hook.server_address[1]}/",
        )  # fmt: skip
        try:
            mail, post = deliver(rule)
        finally:
            server.over.set()  # type: ignore[attr-defined]
            server.shutdown()
    assert not mail.ok and "not taken in time" in mail.error
    assert post.ok and len(hook.posts) == 1  # type: ignore[attr-defined]


def test_what_could_not_be_proved_is_told_and_a_corrected_address_is_forgotten(
    folders: Station, hook: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.keep(alerts=Alerts(webhook="http://localhost:1/"))
    folders.run()
    monkeypatch.setattr("core.backups.scratch_folder.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))  # type: ignore[attr-defined]
    assert folders.verify().outcome is Outcome.NOT_RESTORABLE_HERE

    def undelivered() -> list[Finding]:
        found = folders.service.status(folders.job(), "nightly").findings
        return [finding for finding in found if finding.rule == "alert-undelivered"]

    assert "could not be proved here" in undelivered()[0].why
    folders.keep(alerts=Alerts(webhook=f"http://127.0.0.1:{hook.server_address[1]}/"))
    folders.service.send_test(folders.job(), "nightly")
    assert undelivered() == []
