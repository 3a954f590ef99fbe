"""sandbox start | stop | status | env | reset on the command line, as people's scripts use them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.base.places import Places
from core.sandbox.door import look
from tests.core.sandbox.conftest import eventually

ROOT = Path(__file__).resolve().parents[3]


def opsdesk(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "main.py", *words], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_script_s_round(bare: Places) -> None:
    idle = json.loads(opsdesk("sandbox", "status", "--json").stdout)
    assert idle["running"] is False and idle["mysql"] is None and idle["data_dir"] == str(bare.sandbox)
    assert idle["endpoints"] == dict.fromkeys(("s3", "kinesis", "cloudwatch", "redshift-data", "default"))
    refused = opsdesk("sandbox", "env")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "sandbox start" in refused.stderr

    started = opsdesk("sandbox", "start", "--json")
    assert started.returncode == 0, started.stderr
    status = json.loads(opsdesk("sandbox", "status", "--json").stdout)
    assert status["running"] is True and status["pinned"] is True and status["users"] == 0
    assert all(url.startswith("http://127.0.0.1:") for url in status["endpoints"].values())
    assert {service["name"]: service["state"] for service in status["services"]} == {
        "s3": "running",
        "kinesis": "running",
        "redshift-data": "running",
        "mysql": "missing",
    }
    assert "mariadb-server-core" in opsdesk("sandbox", "status").stdout

    lines = opsdesk("sandbox", "env").stdout.splitlines()
    assert all(line.startswith("export ") for line in lines)
    variables = dict(word.split("=", 1) for line in lines for word in shlex.split(line)[1:])
    script = "import boto3; boto3.client('s3').create_bucket(Bucket='by-env'); print(boto3.client('kinesis').list_streams()['StreamNames'])"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr

    assert "is stopped" in opsdesk("sandbox", "stop").stdout
    assert "was not running" in opsdesk("sandbox", "stop").stdout
    assert json.loads(opsdesk("sandbox", "reset", "--json").stdout) == {"reset": True}
    assert not any((bare.sandbox / "data").iterdir())


@pytest.mark.skipif(os.name != "posix", reason="interrupts by signal")
def test_in_the_foreground_until_interrupted(bare: Places) -> None:
    with subprocess.Popen(
        [sys.executable, "main.py", "sandbox", "start", "--foreground", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a script's background jobs ignore it
    ) as running:
        assert json.loads(running.stdout.readline())["running"] is True
        assert not look(bare).pinned
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in said
    eventually(lambda: not look(bare).running)
