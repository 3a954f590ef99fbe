"""A webhook's address is often a secret itself: it is kept with the passwords, and no file, verb or finding repeats it."""

from __future__ import annotations

from dataclasses import replace
from http.server import HTTPServer
from pathlib import Path

import keyring.core
import keyring.errors
import pyrage
import pytest

from core.backups.addresses import host_of, resolved, service_of, shown
from core.backups.plan import Alerts, Plan, Source, Target
from core.backups.plans import PlanStore
from core.base.errors import OpsError, WrongUse
from tests.core.backups.conftest import Station
from tests.core.backups.test_alerts import hook as hook  # a fixture
from tests.core.backups.test_backup_verbs import Shell
from tests.fakes.keyring import MemoryKeyring

WEBHOOK, APPRISE = "backup/sandbox/nightly/webhook", "backup/sandbox/nightly/apprise"
BY_TIMER = "OPSDESK_SECRET_BACKUP_SANDBOX_NIGHTLY_WEBHOOK"


@pytest.fixture
def address(hook: HTTPServer) -> str:
    return f"http://127.0.0.1:{hook.server_port}/services/T0/h8d-s3cret"


def file_of(station: Station) -> Path:
    return station.places.config / "plans" / "sandbox" / "nightly.toml"


def test_the_address_is_in_the_keyring_and_in_no_file(
    folders: Station, ring: MemoryKeyring, address: str, hook: HTTPServer
) -> None:
    mine = ("slack://tok-a/tok-b", "json://example.com/s3cret")
    told = folders.service.save_plan(replace(folders.plan, alerts=Alerts(webhook=address, apprise=mine)), replace=True)
    assert [(item.rule, "s3cret" in repr(item)) for item in told] == [("address-kept", False), ("address-kept", False)]
    assert BY_TIMER in told[0].why
    assert ring.kept == {WEBHOOK: address, APPRISE: "\n".join(mine)}
    assert "s3cret" not in file_of(folders).read_text() and "tok-" not in file_of(folders).read_text()
    made = folders.service.plan("nightly")
    assert (made.alerts.webhook, made.alerts.apprise) == (f"127.0.0.1:{hook.server_port}", ("slack://", "json://"))
    deliveries = {item.channel: item for item in folders.service.send_test(folders.job(), "nightly")}
    assert deliveries["webhook"].ok and deliveries["webhook"].to == made.alerts.webhook
    assert "s3cret" not in repr(deliveries)

    # saved again as it is, nothing is asked of the keyring; a channel that is taken away goes from there, too
    assert folders.service.save_plan(made, replace=True) == []
    folders.service.save_plan(
        replace(made, alerts=replace(made.alerts, webhook="", apprise=("json://",))), replace=True
    )
    assert ring.kept == {APPRISE: mine[1]}
    folders.service.remove_plan("nightly")
    assert ring.kept == {}


def test_an_old_file_works_on_and_is_cleared_when_it_is_saved(
    folders: Station, ring: MemoryKeyring, address: str, hook: HTTPServer
) -> None:
    PlanStore(folders.places, "sandbox").save(replace(folders.plan, alerts=Alerts(webhook=address)), replace_old=True)
    assert [item.ok for item in folders.service.send_test(folders.job(), "nightly")] == [True]
    folders.service.save_plan(folders.service.plan("nightly"), replace=True)
    assert ring.kept == {WEBHOOK: address} and "s3cret" not in file_of(folders).read_text()
    assert [item.ok for item in folders.service.send_test(folders.job(), "nightly")] == [True]
    assert len(hook.posts) == 2  # type: ignore[attr-defined]


def test_without_a_keyring_it_stays_in_the_file_until_a_variable_has_it(
    folders: Station, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(folders.plan, alerts=Alerts(webhook=address))
    (told,) = folders.service.save_plan(plan, replace=True)
    assert told.rule == "address-in-file" and BY_TIMER in told.remedy
    assert [item.ok for item in folders.service.send_test(folders.job(), "nightly")] == [True]
    monkeypatch.setenv(BY_TIMER, address)
    assert folders.service.save_plan(plan, replace=True) == [] and "s3cret" not in file_of(folders).read_text()
    assert [item.ok for item in folders.service.send_test(folders.job(), "nightly")] == [True]


def test_an_address_that_cannot_be_meant_overwrites_none(folders: Station, ring: MemoryKeyring, address: str) -> None:
    kept = folders.keep(alerts=Alerts(webhook=address, apprise=("slack://a/b",)))
    before = dict(ring.kept)
    for wrong in (Alerts(webhook="hooks.example.org"), Alerts(webhook=address, apprise=("slack://", "ntfy://"))):
        with pytest.raises(WrongUse, match=r"no address|No whole address"):
            folders.service.save_plan(replace(kept, alerts=wrong), replace=True)
    with pytest.raises(WrongUse, match="There is a plan"):
        folders.service.save_plan(replace(kept, alerts=Alerts(webhook=address + "/of-another")))
    assert ring.kept == before


def test_a_locked_keyring_keeps_no_plan_from_being_forgotten(
    folders: Station,
    ring: MemoryKeyring,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folders.keep(alerts=Alerts(webhook=address))

    def locked(*_: str) -> None:
        raise keyring.errors.KeyringLocked("nobody unlocks it")

    monkeypatch.setattr(ring, "delete_password", locked)
    folders.service.remove_plan("nightly")
    assert folders.service.plans() == [] and "webhook of nightly may still be kept" in caplog.text


def test_a_plan_that_is_refused_stores_no_secret(folders: Station, ring: MemoryKeyring) -> None:
    mine, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    plan = replace(
        folders.plan,
        name="sealed",
        recipients=(str(mine.to_public()),),
        proof=replace(folders.plan.proof, identity="key"),
    )
    for wrong in (str(other), "AGE-SECRET-KEY-1NONE", "# public key: age1\n"):
        with pytest.raises(OpsError, match=r"does not open|cannot be used"):
            folders.service.save_plan(plan, secrets={"key": wrong})
    taken = replace(folders.plan, alerts=folders.plan.alerts)
    with pytest.raises(WrongUse, match="There is a plan"):
        folders.service.save_plan(taken, secrets={taken.smtp_secret: "of another plan"})
    assert ring.kept == {} and "sealed" not in [one.name for one in folders.service.plans()]
    folders.service.save_plan(plan, secrets={"key": f"# created: today\n# public key: x\n{mine}\n"})
    assert str(mine) in ring.kept["key"]


def test_what_a_timer_cannot_read_is_found_before_the_night(
    folders: Station, ring: MemoryKeyring, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.keep(alerts=Alerts(webhook=address, smtp_host="m", smtp_user="ops", smtp_from="a@b", smtp_to=("c@d",)))
    ring.kept["backup/nightly/smtp"] = "hunter2"

    def missing(*coming: str) -> list[str]:
        found = folders.service.preflight(folders.job(), folders.service.plan("nightly"), coming)
        return [item.title for item in found if item.rule == "preflight-secret"]

    assert missing() == []
    monkeypatch.setattr(keyring.core, "_keyring_backend", keyring.backends.fail.Keyring())
    assert missing() == ["No mail would be sent", "The webhook would not be told"]
    assert missing("backup/nightly/smtp") == ["The webhook would not be told"]
    with pytest.raises(OpsError, match="no keyring"):
        folders.service._workplace.secrets.need(WEBHOOK)
    (lost,) = [item for item in folders.service.send_test(folders.job(), "nightly") if item.channel == "webhook"]
    assert not lost.ok and "no keyring" in lost.error


def test_the_verb_shows_its_host_alone(folders: Station, address: str, monkeypatch, capsys) -> None:
    shell = Shell(folders, monkeypatch, capsys)
    plan = replace(folders.plan, alerts=Alerts(webhook=address, apprise=("slack://tok-a/tok-b",)))
    PlanStore(folders.places, "stand").save(plan, replace_old=True)
    alerts = shell.json("backup", "show", "nightly")["alerts"]
    assert (alerts["webhook"], alerts["apprise"]) == (host_of(address), ["slack://"])


def test_what_may_be_shown() -> None:
    assert host_of("https://user:s3cret@[::1]:80/path?token=x") == "[::1]:80"
    assert service_of("mailto://user:s3cret@gmail.com") == "mailto://"
    known = ("slack://a", "json://b", "slack://c")
    assert resolved(("slack://", "slack://", "ntfy://d", "json://", "slack://"), known) == (
        "slack://a", "slack://c", "ntfy://d", "json://b", "slack://",
    )  # fmt: skip
    assert resolved(("slack://c", "slack://"), known) == ("slack://c", "slack://a")


def test_what_names_an_address_is_no_less_a_plan() -> None:
    plan = Plan("nightly", Source("folder", paths=("/srv",)), Target("vault"))
    assert shown(replace(plan, alerts=Alerts(webhook="https://[::1]:80/s3cret", apprise=("slack://a",)))).checked()
    with pytest.raises(WrongUse, match="no address"):
        replace(plan, alerts=Alerts(webhook="ftp://example.com")).checked()
