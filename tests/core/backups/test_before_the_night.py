"""What a look before the first run has to find: nobody would hear of it, nobody could open it, it holds half of a view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from core.backups.outcomes import Severity
from core.backups.plan import Alerts, Proof
from core.backups.scheduling import exposed
from core.jobs.calendar import Schedule
from core.settings.secrets import environment_name
from tests.core.backups.conftest import Station


def rules(station: Station, **changes: object) -> dict[str, str]:
    found = station.service.preflight(station.job(), replace(station.plan, **changes))  # type: ignore[arg-type]
    return {
        finding.rule: f"{finding.title}. {finding.why}" for finding in found if finding.severity is not Severity.INFO
    }


def test_a_timer_whose_failures_nobody_would_hear_of(folders: Station) -> None:
    assert "preflight-alerts" in rules(folders)
    assert "preflight-alerts" not in rules(folders, alerts=Alerts(sns_topic="arn:aws:sns:eu-west-1:1:x"))
    assert "preflight-alerts" not in rules(folders, schedule=Schedule(()))


def test_a_key_that_will_not_open_it(folders: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    recipients = (str(ours.to_public()),)
    assert "no identity" in rules(folders, recipients=recipients)["preflight-identity"]
    named = {"recipients": recipients, "proof": Proof(identity="key")}
    monkeypatch.setenv(environment_name("key"), str(other))
    assert str(other.to_public()) in rules(folders, **named)["preflight-identity"]
    monkeypatch.setenv(environment_name("key"), f"{other}\n{ours}")
    assert "preflight-identity" not in rules(folders, **named)


def test_a_view_into_a_database_that_is_not_in_the_plan(station: Station) -> None:
    second = f"{station.database}_b"
    station.sql(
        f"CREATE DATABASE {second}", f"CREATE TABLE {second}.things (id INT)",
        f"CREATE VIEW afar AS SELECT t.id FROM (customers c JOIN {second}.things t ON t.id = c.id)",
    )  # fmt: skip
    try:
        assert f"afar of {station.database} reads {second}" in rules(station)["preflight-elsewhere"]
        run = station.run()
        assert any(f"reads {second}" in finding.title for finding in run.findings)
        source = replace(station.plan.source, databases=(station.database, second))
        assert "preflight-elsewhere" not in rules(station, source=source)
    finally:
        station.sql(f"DROP DATABASE {second}")


def test_events_that_would_go_off_in_a_restored_copy_are_told_before(station: Station) -> None:
    station.sql("CREATE EVENT nightly_purge ON SCHEDULE EVERY 1 DAY DO DELETE FROM customers")
    station.run()
    found = station.service.preview_restore(station.job(), "nightly", to=f"{station.database}_copy").findings
    on = station.sql("SELECT @@global.event_scheduler")[0][0]
    assert ("restore-events" in {finding.rule for finding in found}) == (on == "ON")
    station.sql("SET GLOBAL event_scheduler = ON")
    try:
        found = station.service.preview_restore(station.job(), "nightly", to=f"{station.database}_copy").findings
        assert "purge" in next(finding.why for finding in found if finding.rule == "restore-events")
    finally:
        station.sql(f"SET GLOBAL event_scheduler = {on}")


def test_passwords_that_others_may_read(tmp_path: Path) -> None:
    file = tmp_path / "schedule.env"
    assert exposed(file) == []
    file.write_text("OPSDESK_SECRET_X=secret")
    file.chmod(0o640)
    assert [finding.rule for finding in exposed(file)] == ["schedule-env"]
    assert "secret" not in exposed(file)[0].why.replace(str(file), "")
    file.chmod(0o600)
    assert exposed(file) == []
