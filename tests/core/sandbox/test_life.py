"""One sandbox per home: however many start it, whoever is killed, it serves while it is used and then ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import pytest

from core.base.errors import OpsError
from core.base.places import Places
from core.desk import Desk
from core.sandbox import door
from core.sandbox.door import Lease, join, look, stop
from core.sandbox.layout import Layout
from core.sandbox.reset import reset
from core.sandbox.status import SandboxStatus
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
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_five_starters_get_one_sandbox_and_the_last_out_stops_it(own_home: Places) -> None:
    users = [start_user() for _ in range(5)]
    try:
        pids = {int(user.stdout.readline()) for user in users}
        assert len(pids) == 1
        assert look(own_home).users == 5
    finally:
        for user in users[:4]:
            user.communicate("")
        assert alive(pids.copy().pop())
        users[4].kill()  # a killed user counts as gone, too
        users[4].communicate()
    (pid,) = pids
    eventually(lambda: not alive(pid))
    assert look(own_home) == SandboxStatus(running=False, data_dir=str(own_home.sandbox))


@posix_only
@pytest.mark.parametrize("name", ["s3", "kinesis", "redshift-data"])
def test_a_killed_service_comes_back_on_its_port(lease: Lease, name: str) -> None:
    seen: list[SandboxStatus] = []
    lease.on_change(seen.append)
    before = lease.status().service(name)
    os.kill(before.pid, signal.SIGKILL)
    lease.wait_for(lambda status: status.service(name).restarts == 1 and status.settled, 30)
    after = lease.status().service(name)
    assert (after.state, after.port, after.last_exit) == ("running", before.port, "signal 9 (SIGKILL)")
    assert after.pid != before.pid
    eventually(lambda: any(status.service(name).state == "restarting" for status in seen))


def test_a_service_that_hangs_while_it_crashes_keeps_the_others(lease: Lease) -> None:
    s3(lease).create_bucket(Bucket="kept")
    os.kill(lease.status().service("kinesis").pid, signal.SIGKILL)
    assert [bucket["Name"] for bucket in s3(lease).list_buckets()["Buckets"]] == ["kept"]


@posix_only
def test_a_killed_supervisor_takes_its_children_along_and_is_replaced(lease: Lease, own_home: Places) -> None:
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
    assert look(own_home).users == 1


def test_pinned_it_outlives_its_users_until_stopped(own_home: Places) -> None:
    lease = join(own_home)
    lease.ask("pin")
    lease.wait_for(lambda status: status.pinned, 10)
    pid = lease.status().pid
    lease.close(at_once=True)
    eventually(lambda: look(own_home).users == 0)
    threading.Event().wait(0.6)  # three times the linger
    assert look(own_home).pid == pid
    assert stop(own_home)
    eventually(lambda: not alive(pid))
    assert not stop(own_home)


def test_after_a_stop_the_lease_starts_it_again_when_it_is_needed(lease: Lease, own_home: Places) -> None:
    s3(lease).create_bucket(Bucket="data")
    s3(lease).put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    s3(lease).put_object(Bucket="data", Key="k", Body=b"v" * 1000, Metadata={"a": "b"})
    old = lease.status()
    assert stop(own_home)
    eventually(lambda: not lease.status().running)
    answer = s3(lease).get_object(Bucket="data", Key="k")
    assert (answer["Body"].read(), answer["Metadata"]) == (b"v" * 1000, {"a": "b"})
    assert s3(lease).get_bucket_versioning(Bucket="data")["Status"] == "Enabled"
    assert lease.status().pid != old.pid


def test_the_desk_follows(own_home: Places) -> None:
    """A client taken after the sandbox moved points to where it is now."""
    settings, profiles = SettingsStore(own_home.config / "s.toml"), Profiles(own_home.config / "p.toml")
    desk = Desk(own_home, settings, profiles, SANDBOX)
    news: list[SandboxStatus] = []
    desk.watch_sandbox(news.append)
    try:
        first = desk.aws.client("s3")
        first.create_bucket(Bucket="here")
        stop(own_home)
        eventually(lambda: news and not news[-1].running)
        with socket.create_server(("127.0.0.1", int(first.meta.endpoint_url.rpartition(":")[2]))):  # a stranger took it
            second = desk.aws.client("s3")
            assert second.meta.endpoint_url != first.meta.endpoint_url
            assert [bucket["Name"] for bucket in second.list_buckets()["Buckets"]] == ["here"]
    finally:
        desk.close()


def test_reset_empties_it_whoever_uses_it(lease: Lease, own_home: Places) -> None:
    s3(lease).create_bucket(Bucket="gone")
    reset(own_home)
    eventually(lambda: not lease.status().running)
    assert list(Layout.of(own_home).data.iterdir()) == []
    assert s3(lease).list_buckets()["Buckets"] == []


def test_reset_finishes_what_a_killed_reset_left(own_home: Places) -> None:
    layout = Layout.of(own_home).made()
    (layout.data / "s3").mkdir()
    (layout.root / "data.old" / "half").mkdir(parents=True)
    reset(own_home)
    assert sorted(path.name for path in layout.root.iterdir()) == ["data", "run"]
    assert list(layout.data.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"port": 1, "token": "x", "pid": 1}', b'{"port": "a"}', b"\xff\xfe\x00"]
)
def test_state_files_that_make_no_sense_are_replaced(own_home: Places, content: bytes) -> None:
    layout = Layout.of(own_home).made()
    for file in (layout.control, layout.ports, layout.seed_marker):
        file.write_bytes(content)
    assert not look(own_home).running
    assert not stop(own_home)
    lease = join(own_home)
    try:
        assert lease.status().service("s3").state == "running"
    finally:
        lease.close(at_once=True)


def test_a_stranger_on_the_control_port_is_not_believed(own_home: Places) -> None:
    layout = Layout.of(own_home).made()
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
        assert not look(own_home).running
        thread.join()


def test_without_the_token_nobody_is_heard(lease: Lease, own_home: Places) -> None:
    port = json.loads(Layout.of(own_home).control.read_text())["port"]
    for hello in (
        b'{"token": "wrong", "lease": true}\n{"do": "stop"}\n',
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\n",
        b"[]\n",
    ):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(hello)
            assert connection.recv(1000) == b""
    assert look(own_home).users == 1


def test_without_mariadb_everything_else_works(lease: Lease) -> None:
    status = lease.status()
    mysql = status.service("mysql")
    assert mysql.state == "missing"
    assert "mariadb-server-core" in mysql.note and "/nonexistent/mariadbd" in mysql.note
    assert status.mysql is None and status.plain()["mysql"] is None
    target = lease.target(SANDBOX)
    assert target.mysql == ()
    assert set(target.endpoints) == {"s3", "kinesis", "redshift-data", "default"}
    assert [warehouse.kind for warehouse in target.warehouses] == ["data-api"]


def test_no_place_to_write_is_told(own_home: Places) -> None:
    own_home.sandbox.rmdir()
    own_home.sandbox.write_text("a file where a folder should be")
    with pytest.raises(OpsError) as caught:
        join(own_home)
    assert caught.value.code == "disk"
    assert str(own_home.sandbox) in caught.value.why
    assert caught.value.remedy
    own_home.sandbox.unlink()


@posix_only
def test_a_full_disk_is_told(own_home: Places) -> None:
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


def test_a_supervisor_that_cannot_start_says_why(own_home: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.sys, "executable", "/bin/false")
    with pytest.raises(OpsError, match="could not be started"):
        join(own_home)
