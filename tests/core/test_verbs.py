"""The command line: exit statuses, one clear line for a mistake, JSON where asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli.arguments import GROUPS, parse

ROOT = Path(__file__).resolve().parents[2]


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "OPSDESK_HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(home),
    }
    return subprocess.run(
        [sys.executable, "main.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


def test_every_group_of_verbs_joins_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """One verb's run takes in its own group only, so a clash in another would show when the window is opened with an option."""
    assert parse([]).verb is None
    assert parse(["--verbose"]).verb is None
    for group in GROUPS:
        with pytest.raises(SystemExit) as left:
            parse([group, "--help"])
        assert left.value.code == 0
        assert group in capsys.readouterr().out


@pytest.mark.parametrize("profile", ["sandbox", "backup", "acme"])
def test_a_profile_may_be_called_like_a_group(profile: str) -> None:
    """Timers and "Copy as CLI" write the profile before the verb, and the usual one is called sandbox."""
    found = parse(["--profile", profile, "--quiet", "backup", "run", "nightly", "--if-due"])
    assert (found.profile, found.verb, found.plan) == (profile, "backup", "nightly")


def test_a_home_may_be_named_on_the_line(tmp_path: Path) -> None:
    """For a scheduler that cannot set a variable; the line's word goes before the variable's."""
    assert run(tmp_path, "profiles", "add", "acme", "--region", "eu-west-1").returncode == 0
    named = str(tmp_path / "another one")
    listed = json.loads(run(tmp_path, "--home", named, "profiles", "list", "--json").stdout)
    assert [row["name"] for row in listed] == ["sandbox", "env"]
    assert sorted(entry.name for entry in Path(named).iterdir()) == ["cache", "config", "sandbox", "state"]


def test_profiles_are_added_listed_and_removed(tmp_path: Path) -> None:
    assert (
        run(
            tmp_path, "profiles", "add", "acme", "--region", "eu-west-1", "--endpoint", "s3=http://127.0.0.1:9"
        ).returncode
        == 0
    )
    listed = json.loads(run(tmp_path, "profiles", "list", "--json").stdout)
    assert [row["name"] for row in listed] == ["sandbox", "env", "acme"]
    shown = json.loads(run(tmp_path, "--json", "profiles", "show", "acme").stdout)
    assert shown["endpoints"] == {"s3": "http://127.0.0.1:9"}
    assert run(tmp_path, "profiles", "remove", "acme").returncode == 0


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("profiles", "show", "nobody"), 2, "There is no profile nobody."),
        (("--profile", "nobody", "profiles", "list"), 2, "There is no profile nobody."),
        (("profiles", "add", "x", "--endpoint", "s3:http://h"), 2, "is no endpoint."),
        (("profiles", "add", "x", "--endpoint", "s3=ftp://h"), 2, "An endpoint begins with https:// or http://."),
        (("profiles", "add", "x", "--ca-bundle", "/nowhere/ca.pem"), 2, "There is no such file."),
        (("profiles",), 2, "required: ACTION"),
        (("nonsense",), 2, "invalid choice"),
        (("profiles", "check", "env"), 1, "No usable AWS credentials"),
    ],
)
def test_mistakes_are_said_in_a_line_with_the_right_status(
    tmp_path: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    if words[1:2] == ("check",):
        run(tmp_path, "profiles", "list")
    answer = run(tmp_path, *words)
    assert answer.returncode == status, answer.stderr
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""
