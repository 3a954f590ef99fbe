"""The whole room against Kinesis endpoints that others made, by ``--profile env`` and AWS_ENDPOINT_URL_KINESIS alone.

kinesis-local: npm's, installed by ``make setup-full``.
ministack: the package that the sandbox uses for its small services.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.sandbox.small_services import environment
from tests import rivals
from tests.core.sandbox.kinesis.plane import ROOT

pytestmark = pytest.mark.heavy


@dataclass(frozen=True)
class Endpoint:
    """``keeps_parents``: a split leaves the parent's records readable. ``pushes``: boto3 can use its fan-out."""

    url: str
    environment: dict[str, str]
    keeps_parents: bool
    pushes: bool

    def run(self, *words: str, text: str = "", status: int = 0) -> Any:
        """The answer of a streams verb as JSON (JSON lines: a list)."""
        done = subprocess.run(
            [sys.executable, "main.py", "--profile", "env", "--json", "streams", *words],
            cwd=ROOT,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == status, (words, done.returncode, done.stderr)
        if status:
            return done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines if words[0] == "tap" else lines[-1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except (OSError, ValueError):
        return False


def serving(command: list[str], folder: Path, url: str, more: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **more}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 90
    while not answers(url):
        assert process.poll() is None and time.monotonic() < until, f"{command} does not answer at {url}"
        time.sleep(0.2)
    return process


def kinesis_local(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    folder = rivals.kinesis_local()
    if folder is None:
        pytest.skip("kinesis-local is not installed (`make setup-full` installs it)")
    plain, tls = free_port(), free_port()
    ports = {"KINESIS_MOCK_PLAIN_PORT": str(plain), "KINESIS_MOCK_TLS_PORT": str(tls), "LOG_LEVEL": "ERROR"}
    return serving(["node", "main.js"], folder, f"http://127.0.0.1:{plain}", ports), plain


def ministack(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    if importlib.util.find_spec("ministack") is None:
        pytest.skip("ministack is not installed")
    port = free_port()
    more = {**environment(port, home), "SERVICES": "kinesis", "AUTH": "false", "TMPDIR": str(home)}
    return serving([sys.executable, "-m", "ministack.app"], home, f"http://127.0.0.1:{port}", more), port


KINDS = {"kinesis-local": (kinesis_local, True, False), "ministack": (ministack, False, True)}


@pytest.fixture(scope="module", params=KINDS)
def endpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    start, keeps_parents, pushes = KINDS[request.param]
    home = tmp_path_factory.mktemp(request.param)
    process, port = start(home)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables |= {
        "OPSDESK_HOME": str(home),
        "AWS_ENDPOINT_URL_KINESIS": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    yield Endpoint(variables["AWS_ENDPOINT_URL_KINESIS"], variables, keeps_parents, pushes)
    process.terminate()
    process.wait(20)


def lines(first: int, count: int) -> str:
    return "".join(json.dumps({"n": n, "session_id": f"s-{n % 7}"}) + "\n" for n in range(first, first + count))


def numbers(records: list[dict[str, Any]]) -> list[int]:
    return sorted(json.loads(record["data"])["n"] for record in records)


def test_make_put_tap_and_delete(endpoint: Endpoint) -> None:
    made = endpoint.run("create", "orders", "--shards", "2")
    assert (made["status"], made["open_shards"]) == ("ACTIVE", 2)
    assert "orders" in [stream["name"] for stream in endpoint.run("list")]
    put = endpoint.run("put", "orders", "--key", "session_id", text=lines(0, 300))
    assert (put["acknowledged"], put["failed"]) == (300, 0)
    found = endpoint.run("tap", "orders", "--from", "trim_horizon", "--limit", "300", "--seconds", "60")
    assert numbers(found) == list(range(300))
    by_key: dict[str, list[int]] = {}
    for record in found:
        by_key.setdefault(record["partition_key"], []).append(json.loads(record["data"])["n"])
    assert all(order == sorted(order) for order in by_key.values())
    some = endpoint.run("tap", "orders", "--from", "1h", "--filter", "$.n >= 290", "--limit", "10", "--seconds", "60")
    assert numbers(some) == list(range(290, 300))
    assert endpoint.run("delete", "orders", "--yes", "orders")["deleted"]


def test_a_tap_goes_on_through_a_reshard(endpoint: Endpoint) -> None:
    """Where the endpoint itself forgets a parent's records, what comes after the change is still all read."""
    endpoint.run("create", "grow", "--shards", "2")
    endpoint.run("put", "grow", "--key", "n", text=lines(0, 100))
    dry = endpoint.run("split", "grow", "0", "--dry-run")
    assert (dry["allowed"], dry["shards_after"]) == (True, 3)
    assert endpoint.run("split", "grow", "0")["open_shards"] == 3
    endpoint.run("put", "grow", "--key", "n", text=lines(100, 100))
    shards = [shard["shard"] for shard in endpoint.run("describe", "grow")["shards"] if shard["open"]]
    assert endpoint.run("merge", "grow", *shards[-2:])["open_shards"] == 2
    endpoint.run("put", "grow", "--key", "n", text=lines(200, 100))
    wanted = 300 if endpoint.keeps_parents else 100
    found = numbers(endpoint.run("tap", "grow", "--from", "trim_horizon", "--seconds", "8"))
    assert len(found) == len(set(found))
    assert len(found) >= wanted
    assert set(range(200, 300)) <= set(found)
    if endpoint.keeps_parents:
        assert endpoint.run("scale", "grow", "--shards", "4")["open_shards"] == 4
        endpoint.run("put", "grow", "--key", "n", text=lines(300, 100))
        found = endpoint.run("tap", "grow", "--from", "trim_horizon", "--limit", "400", "--seconds", "60")
        assert numbers(found) == list(range(400))


def test_fan_out_or_a_sentence(endpoint: Endpoint) -> None:
    endpoint.run("create", "pushed", "--shards", "1")
    endpoint.run("put", "pushed", "--key", "n", text=lines(0, 50))
    words = ("tap", "pushed", "--from", "trim_horizon", "--limit", "50", "--seconds", "60", "--fan-out")
    if endpoint.pushes:
        assert numbers(endpoint.run(*words)) == list(range(50))
    else:
        told = endpoint.run(*words, status=1)
        assert "fan-out" in told
        assert "Traceback" not in told
    assert endpoint.run("describe", "pushed")["consumers"] == []


def test_the_pipelines_reading_side_and_the_figures(endpoint: Endpoint) -> None:
    endpoint.run("create", "read", "--shards", "2")
    told = endpoint.run("pipeline", "read", "--table", "t", "--once", status=2)
    assert "Data API connection" in told or "staging" in told
    tap = subprocess.Popen(
        [sys.executable, "main.py", "--profile", "env", "--json", "streams", "stats", "read", "--seconds", "6"],
        cwd=ROOT,
        env=endpoint.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(2)
    endpoint.run("put", "read", "--key", "n", text=lines(0, 200))
    stats = json.loads(tap.communicate(timeout=60)[0])
    assert stats["records"] == 200
    budget = endpoint.run("budget", "read")
    assert budget["room_for_a_tap"] is None  # there is no CloudWatch at this endpoint, and nothing else was asked
    collect = subprocess.Popen(
        [
            sys.executable,
            "main.py",
            "--profile",
            "env",
            "--json",
            "streams",
            "collect",
            "read",
            "--listen",
            "127.0.0.1:0",
        ],
        cwd=ROOT,
        env=endpoint.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert collect.stderr is not None
    port = collect.stderr.readline().split("http://127.0.0.1:")[1].split()[0]
    request = urllib.request.Request(f"http://127.0.0.1:{port}/collect", b'{"n":200}')
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 204
    collect.send_signal(signal.SIGTERM)
    out, _ = collect.communicate(timeout=60)
    assert json.loads(out)["events"] == 1
    found = endpoint.run("tap", "read", "--from", "trim_horizon", "--limit", "201", "--seconds", "60")
    assert numbers(found) == list(range(201))
