"""One sandbox per home: however many start it, whoever is killed, it serves while it is used and then ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from core.base.errors import OpsError
from core.base.places import Places
from core.desk import Desk
from core.sandbox import starting
from core.sandbox.door import Lease, join, look, stop
from core.sandbox.layout import Layout
from core.sandbox.ports import Ports
from core.sandbox.reset import reset
from core.sandbox.status import SandboxStatus, SeedStatus
from core.sandbox.supervisor import KINDS
from core.settings.profiles import SANDBOX, Profiles
from core.settings.store import SettingsStore
from tests.core.sandbox.conftest import eventually

ROOT = Path(__file__).resolve().parents[3]
USER = """
import sys
from core.base.places import Places
from core.sandbox.door import join
lease = join(Places.here())
print(lease.status().pid, flush=True)
sys.stdin.read()
"""
posix_only = pytest.mark.skipif(os.name != "posix", reason="kills by signal")


def s3(lease: Lease) -> object:
    return boto3.client(
        "s3",
        endpoint_url=lease.target(SANDBOX).endpoints["s3"],
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
        region_name="us-east-1",
    )


def start_user() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # gone between the two questions, or a system without /proc
        return not Path("/proc/self").exists()


def test_five_starters_get_one_sandbox_and_the_last_out_stops_it(bare: Places) -> None:
    users = [start_user() for _ in range(5)]
    try:
        pids = {int(user.stdout.readline()) for user in users}
        assert len(pids) == 1
        assert look(bare).users == 5
    finally:
        for user in users[:4]:
            user.communicate("")
        assert alive(pids.copy().pop())
        users[4].kill()  # a killed user counts as gone, too
        users[4].communicate()
    (pid,) = pids
    eventually(lambda: not alive(pid))
    assert look(bare) == SandboxStatus(running=False, data_dir=str(bare.sandbox))


def test_pinned_it_outlives_its_users_until_stopped_and_the_desk_follows(bare: Places) -> None:
    """A client taken after the sandbox moved points to where it is now. (One sandbox for both: a start costs 1.5 s of CPU.)"""
    lease = join(bare)
    lease.ask("pin")
    lease.wait_for(lambda status: status.pinned, 10)
    pid = lease.status().pid
    lease.close(at_once=True)
    eventually(lambda: look(bare).users == 0)
    threading.Event().wait(0.6)  # three times the linger
    assert look(bare).pid == pid
    settings, profiles = SettingsStore(bare.config / "s.toml"), Profiles(bare.config / "p.toml")
    desk = Desk(bare, settings, profiles, SANDBOX)
    news: list[SandboxStatus] = []
    desk.watch_sandbox(news.append)
    try:
        first = desk.aws.client("s3")
        first.create_bucket(Bucket="here")
        assert stop(bare)
        eventually(lambda: not alive(pid))
        assert not stop(bare)
        eventually(lambda: news and not news[-1].running)
        with socket.create_server(("127.0.0.1", int(first.meta.endpoint_url.rpartition(":")[2]))):  # a stranger took it
            second = desk.aws.client("s3")
            assert second.meta.endpoint_url != first.meta.endpoint_url
            assert "here" in [bucket["Name"] for bucket in second.list_buckets()["Buckets"]]
    finally:
        desk.close()


def test_a_desk_knows_while_the_demo_data_are_on_their_way(home: Places) -> None:
    desk = Desk(home, SettingsStore(home.config / "s.toml"), Profiles(home.config / "p.toml"), SANDBOX)
    assert not desk.preparing, "nobody has asked for the sandbox yet"
    for state, wanted in (("waiting", True), ("running", True), ("done", False), ("failed", False), ("off", False)):
        status = SandboxStatus(True, "/data", seed=SeedStatus(state))
        desk._lease = SimpleNamespace(status=lambda status=status: status)  # type: ignore[assignment]
        assert desk.preparing is wanted, state


def test_reset_finishes_what_a_killed_reset_left(home: Places) -> None:
    layout = Layout.of(home).made()
    (layout.data / "s3").mkdir()
    (layout.root / "data.old" / "half").mkdir(parents=True)
    reset(home)
    assert sorted(path.name for path in layout.root.iterdir()) == ["data", "run"]
    assert list(layout.data.iterdir()) == []


def test_a_stranger_on_the_control_port_is_not_believed(home: Places) -> None:
    layout = Layout.of(home).made()
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        layout.control.write_text(json.dumps({"port": port, "token": "t", "pid": os.getpid()}))

        def answer() -> None:
            connection, _ = stranger.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert not look(home).running
        thread.join()


def test_no_place_to_write_is_told(home: Places) -> None:
    home.sandbox.rmdir()
    home.sandbox.write_text("a file where a folder should be")
    with pytest.raises(OpsError) as caught:
        join(home)
    assert caught.value.code == "disk"
    assert str(home.sandbox) in caught.value.why
    assert caught.value.remedy


@posix_only
def test_a_full_disk_is_told(home: Places) -> None:
    """Every write beyond 10 kB fails, as it does where no space is left."""
    import resource

    done = subprocess.run(
        [sys.executable, "main.py", "sandbox", "start"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The sandbox has no place to keep its data.")
    assert "Traceback" not in done.stderr


def test_a_supervisor_that_cannot_start_says_why(home: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting.sys, "executable", "/bin/false")
    with pytest.raises(OpsError, match="could not be started"):
        join(home)


# -- from here on one sandbox is shared --------------------------------------------
@pytest.fixture(scope="module")
def lease(bare: Places) -> Iterator[Lease]:
    """One for all that leave it serving: ten starts of a sandbox took 12 s of CPU."""
    joined = join(bare)
    yield joined
    joined.close()


def test_state_files_that_make_no_sense_are_replaced(bare: Places, request: pytest.FixtureRequest) -> None:
    stop(bare)
    layout = Layout.of(bare).made()
    for content in (b"", b"{", b"[]", b"null", b'{"port": 1, "token": "x", "pid": 1}', b'{"port": "a"}', b"\xff\xfe"):
        layout.control.write_bytes(content)
        assert not look(bare).running
        assert not stop(bare)
        layout.ports.write_bytes(content)
        assert isinstance(Ports(layout.ports).take("s3"), int)
        layout.control.write_bytes(content)
    layout.seed_marker.write_bytes(b"[1]")
    lease: Lease = request.getfixturevalue("lease")  # started only now, and shared by those that follow
    assert lease.status().service("s3").state == "running"
    assert lease.status().seed.state == "off"


def test_every_service_over_http_answers_the_pulse(lease: Lease) -> None:
    """Whatever it says to it: an error is an answer."""
    for kind in KINDS:
        if kind.http:
            asked = HTTPConnection("127.0.0.1", lease.status().service(kind.name).port, timeout=10)
            asked.request("GET", "/")
            assert asked.getresponse().status
            asked.close()


@posix_only
@pytest.mark.parametrize("name", ["s3", "kinesis", "redshift-data"])
def test_a_killed_service_comes_back_on_its_port(lease: Lease, name: str) -> None:
    seen: list[SandboxStatus] = []
    lease.on_change(seen.append)
    before = lease.status().service(name)
    assert before.pid, before  # a signal to 0 would be one to ourselves
    os.kill(before.pid, signal.SIGKILL)
    restarts = before.restarts + 1
    lease.wait_for(lambda status: status.service(name).restarts == restarts and status.settled, 30)
    after = lease.status().service(name)
    assert (after.state, after.port, after.last_exit) == ("running", before.port, "signal 9 (SIGKILL)")
    assert after.pid != before.pid
    eventually(lambda: any(status.service(name).state == "restarting" for status in seen))


@posix_only
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads Linux's list of processes")
def test_the_warehouse_follows_when_s3_has_to_move(lease: Lease) -> None:
    before = lease.status().service("s3")
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        supervisor = lease.status().pid
        os.kill(supervisor, signal.SIGSTOP)  # so that it is not faster than the stranger
        try:
            os.kill(before.pid, signal.SIGKILL)
            until_free(stranger, before.port)
            stranger.listen()
        finally:
            os.kill(supervisor, signal.SIGCONT)
        lease.wait_for(lambda status: status.service("s3").port != before.port and status.settled, 30)
        eventually(lambda: told_of(lease) == lease.target(SANDBOX).endpoints["s3"])
    lease.wait_for(lambda status: status.settled, 30)


def until_free(stranger: socket.socket, port: int) -> None:
    """Take the port of a process that is just ending."""

    def taken() -> bool:
        try:
            stranger.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

    eventually(taken)


def told_of(lease: Lease) -> str:
    """The S3 endpoint on the warehouse's command line."""
    pid = lease.status().service("redshift-data").pid
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:  # between two runs
        return ""
    return words[words.index("--s3-endpoint") + 1] if "--s3-endpoint" in words else ""


@posix_only
def test_a_killed_supervisor_takes_its_children_along_and_is_replaced(lease: Lease, bare: Places) -> None:
    s3(lease).create_bucket(Bucket="survivor")
    s3(lease).put_object(Bucket="survivor", Key="k", Body=b"v")
    old = lease.status()
    os.kill(old.pid, signal.SIGKILL)
    lease.wait_for(lambda status: status.pid not in (0, old.pid) and status.settled, 60)
    new = lease.status()
    assert new.endpoints == old.endpoints  # nobody has to look for it anew
    for service in old.services:
        assert not service.pid or not alive(service.pid)
    assert s3(lease).get_object(Bucket="survivor", Key="k")["Body"].read() == b"v"
    assert look(bare).users == 1


def test_after_a_stop_the_lease_starts_it_again_when_it_is_needed(lease: Lease, bare: Places) -> None:
    s3(lease).create_bucket(Bucket="data")
    s3(lease).put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    s3(lease).put_object(Bucket="data", Key="k", Body=b"v" * 1000, Metadata={"a": "b"})
    old = lease.status()
    assert stop(bare)
    eventually(lambda: not lease.status().running)
    answer = s3(lease).get_object(Bucket="data", Key="k")
    assert (answer["Body"].read(), answer["Metadata"]) == (b"v" * 1000, {"a": "b"})
    assert s3(lease).get_bucket_versioning(Bucket="data")["Status"] == "Enabled"
    assert lease.status().pid != old.pid


def test_reset_empties_it_whoever_uses_it(lease: Lease, bare: Places) -> None:
    s3(lease).create_bucket(Bucket="gone")
    reset(bare)
    eventually(lambda: not lease.status().running)
    assert list(Layout.of(bare).data.iterdir()) == []
    assert s3(lease).list_buckets()["Buckets"] == []  # and it serves again


def test_without_the_token_nobody_is_heard(lease: Lease, bare: Places) -> None:
    port = json.loads(Layout.of(bare).control.read_text())["port"]
    for hello in (
        b'{"token": "wrong", "lease": true}\n{"do": "stop"}\n',
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\n",
        b"[]\n",
    ):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(hello)
            assert connection.recv(1000) == b""
    assert look(bare).users == 1


def test_without_mariadb_everything_else_works(lease: Lease) -> None:
    status = lease.status()
    mysql = status.service("mysql")
    assert mysql.state == "missing"
    assert "mariadb-server-core" in mysql.note and "/nonexistent/mariadbd" in mysql.note
    assert status.mysql is None and status.plain()["mysql"] is None
    target = lease.target(SANDBOX)
    assert target.mysql == ()
    assert set(target.endpoints) >= {"s3", "kinesis", "redshift-data", "redshift", "redshift-serverless", "default"}
    assert [warehouse.kind for warehouse in target.warehouses] == ["data-api"]
