"""The verbs from end to end: what people's scripts rely on."""

from __future__ import annotations

import fcntl
import json
from dataclasses import replace
from typing import Any

import pytest

from core.cli.arguments import parse
from core.cli.run import run_verb
from core.settings.profiles import Profile, Profiles
from tests.core.backups.conftest import Station

CHECK_KEYS = {"level", "name", "ok", "expected", "actual", "seconds"}


class Shell:
    """Runs verbs on a profile ``stand`` that reaches the sandbox like any other AWS.

    In this process (a fresh interpreter costs a second each time), from the parsed line to the exit status.
    """

    def __init__(self, station: Station, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.station, self._monkeypatch, self._capsys = station, monkeypatch, capsys
        endpoints = {"default": station.target.endpoints.get("s3") or station.target.endpoints["default"]}
        source = replace(station.target.mysql[0], name="shop", password=None)
        profile = Profile("stand", environment="sandbox", region="us-east-1", endpoints=endpoints, mysql=(source,))
        Profiles(station.places.config / "profiles.toml").add(profile)
        self.secrets = {
            "AWS_ACCESS_KEY_ID": station.target.access_key,
            "AWS_SECRET_ACCESS_KEY": station.target.secret_key,
            "OPSDESK_SECRET_MYSQL_STAND_SHOP": station.target.mysql[0].password or "",
        }
        for name, value in self.secrets.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("core.cli.run.open_journal", lambda *_, **__: None)
        monkeypatch.setattr("core.base.places.Places.here", lambda: station.places)
        self.said = ""

    def __call__(self, *words: str, status: int = 0) -> str:
        try:
            answered = run_verb(parse(["--profile", "stand", *words]))
        except SystemExit as left:  # argparse's own way to refuse
            answered = int(left.code or 0)
        out, self.said = self._capsys.readouterr()
        assert answered == status, self.said + out
        return out

    def json(self, *words: str, status: int = 0) -> Any:
        return json.loads(self(*words, "--json", status=status))


@pytest.fixture
def shell(station: Station, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(station, monkeypatch, capsys)


def test_from_a_plan_to_a_proof_and_back(shell: Shell) -> None:
    station = shell.station
    to = f"s3://{station.bucket}/verbs"
    shell(
        "backup",
        "add",
        "nightly",
        "--mysql",
        "shop",
        "--database",
        station.database,
        "--to",
        to,
        "--sentinel",
        "customers:id=1",
    )
    assert [row["plan"] for row in shell.json("backup", "plans")] == ["nightly"]
    assert shell.json("backup", "status", status=4)[0]["status"] == "NEVER"
    first = shell.json("backup", "run", "nightly", "--if-due")
    assert first["run"]["state"] == "done" and first["run"]["rows"] == 700
    proof = first["verification"]  # never verified: the first scheduled run proves at once
    assert {"plan", "run", "level", "status", "checks", "rto_seconds", "rpo_seconds"} <= set(proof)
    assert (proof["status"], proof["level"]) == ("OK", 6)
    assert all(set(check) >= CHECK_KEYS for check in proof["checks"])
    assert shell.json("backup", "run", "nightly", "--if-due") == {"run": None, "verification": None}
    (row,) = shell.json("backup", "list", "nightly")
    assert row["state"] == "complete" and row["proved"]
    (status,) = shell.json("backup", "status")
    assert status["status"] == "OK" and status["missed_runs"] == 0
    back = f"{station.database}_verb"
    shell("backup", "restore", "nightly", "--run", row["run"], "--to", back)
    try:
        assert station.sql(f"SELECT COUNT(*) FROM {back}.orders") == [(500,)]
        shell("backup", "restore", "nightly", "--to", back, status=1)
        assert "holds" in shell.said
    finally:
        station.sql(f"DROP DATABASE {back}")
    key = row["key"]
    station.overwrite(key, station.body(key)[:-1] + b"x")
    broken = shell.json("backup", "verify", "nightly", "--run", row["run"], "--level", "2", status=1)
    assert broken["status"] == "FAILED"
    assert shell.json("backup", "status", status=1)[0]["status"] == "FAILED"


def test_locked_wrong_and_missing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    station = shell.station
    shell(
        "backup", "add", "nightly", "--mysql", "shop", "--database", station.database, "--to", f"s3://{station.bucket}"
    )
    locks = station.places.state / "backups" / "stand" / "locks"
    locks.mkdir(parents=True)
    with (locks / "nightly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        shell("backup", "run", "nightly", status=3)
        assert "4711" in shell.said
    shell("backup", "run", "nobody", status=2)
    shell("backup", "add", "x", "--mysql", "shop", "--to", "s3://bucket", status=2)
    shell("backup", "add", "x", "--to", "s3://bucket", status=2)
    shell("backup", "verify", "nightly", "--level", "9", status=2)
    shell("backup", "verify", "nightly", status=1)
    assert "no complete backup" in shell.said
    monkeypatch.setenv("OPSDESK_SECRET_MYSQL_STAND_SHOP", "hunter2")
    shell("backup", "run", "nightly", status=1)
    assert "1045" in shell.said and "hunter2" not in shell.said
    assert station.keys() == []


def test_checks_policies_schedules(shell: Shell) -> None:
    station = shell.station
    station.needs("lifecycle")
    shell(
        "backup",
        "add",
        "nightly",
        "--mysql",
        "shop",
        "--database",
        station.database,
        "--to",
        f"s3://{station.bucket}",
        "--at",
        "03:30",
    )
    assert all(item["severity"] != "error" for item in shell.json("backup", "check", "nightly"))
    assert "Delete" not in json.dumps(shell.json("backup", "policy", "nightly", "--role", "backup"))
    exports = shell.json("backup", "schedule", "nightly")
    assert [item["kind"] for item in exports] == ["systemd", "cron", "launchd", "schtasks"]
    assert any("03:30:00" in text for text in exports[0]["files"].values())
    shell("backup", "expiry", "nightly")
    rules = station.s3.get_bucket_lifecycle_configuration(Bucket=station.bucket)["Rules"]
    assert [(rule["ID"], rule["Status"], rule["Expiration"]["Days"]) for rule in rules] == [
        ("opsdesk-nightly", "Enabled", 60)
    ]
    shell("backup", "expiry", "nightly", "--pause")
    rules = station.s3.get_bucket_lifecycle_configuration(Bucket=station.bucket)["Rules"]
    assert [rule["Status"] for rule in rules] == ["Disabled"]
    # As a timer would: without the password of this session it says which variable to set.
    findings = shell.json("backup", "schedule", "nightly", "--test", status=1)
    assert "OPSDESK_SECRET_MYSQL_STAND_SHOP" in findings[0]["remedy"]
    assert (
        str(station.places.config / "schedule.env") in findings[0]["remedy"]
    )  # and where: a terminal's are not a timer's


@pytest.mark.heavy  # that a scheduled process reads its file is tried in test_scheduling as well, that all is well by `check`
def test_as_scheduled_with_its_file_all_is_well(shell: Shell) -> None:
    station = shell.station
    shell(
        "backup", "add", "nightly", "--mysql", "shop", "--database", station.database, "--to", f"s3://{station.bucket}"
    )
    lines = "".join(f"{name}={shell.secrets[name]}\n" for name in shell.secrets)
    (station.places.config / "schedule.env").write_text(lines)
    assert all(item["severity"] != "error" for item in shell.json("backup", "schedule", "nightly", "--test"))


def test_a_plan_that_mails_is_made_on_the_command_line(folders: Station, monkeypatch, capsys) -> None:
    shell = Shell(folders, monkeypatch, capsys)
    base = ("backup", "add", "mails", "--folder", "/srv", "--to", f"s3://{folders.bucket}", "--replace")
    shell(
        *base, "--smtp", "mail.example.com:2465", "--smtp-security", "tls", "--smtp-user", "ops", "--mail-from", "a@b",
        "--mail-to", "c@d", "--mail-to", "e@f", "--apprise", "json://x", "--detection-days", "3", "--repair-days", "2",
    )  # fmt: skip
    made = shell.json("backup", "show", "mails")
    alerts = made["alerts"]
    assert (alerts["smtp_host"], alerts["smtp_port"], alerts["smtp_tls"], alerts["smtp_user"]) == (
        "mail.example.com",
        2465,
        "tls",
        "ops",
    )
    assert (alerts["smtp_to"], alerts["apprise"], made["retention"]["repair_days"]) == (["c@d", "e@f"], ["json://"], 2)
    shell(*base, "--smtp", "[::1]", "--mail-from", "a@b", "--mail-to", "c@d")
    alerts = shell.json("backup", "show", "mails")["alerts"]
    assert (alerts["smtp_host"], alerts["smtp_port"]) == ("::1", 587)
    shell(*base, "--mail-from", "a@b", "--mail-to", "c@d", status=2)
    assert "There is no mail server" in shell.said
    shell(*base, "--smtp", "mail:smtp", "--mail-from", "a@b", "--mail-to", "c@d", status=2)
    assert "no port" in shell.said
