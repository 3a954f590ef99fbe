"""OpenStack Swift with its S3 face on loopback: a store of production that pages through a bucket of a million keys by an index.

The bucket is filled in Swift's own table of it, by its own triggers: a million PUTs would take an hour. The keys have
no bytes behind them, so they can be listed, and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import rivals

ACCESS, SECRET = "test:tester", "testing"
_RINGS = """
import sys
from swift.common.ring import RingBuilder
for kind, port in zip(("account", "container", "object"), sys.argv[2:]):
    builder = RingBuilder(0, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "one", "weight": 1.0})
    builder.rebalance()
    builder.get_ring().save(f"{sys.argv[1]}/{kind}.ring.gz")
"""
_COMMON = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
disable_fallocate = true
workers = 0
user = {user}
log_level = ERROR
log_address = /dev/null
"""
_PROXY = """[pipeline:main]
pipeline = catch_errors s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:slo]
use = egg:swift#slo
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
"""
_FILL = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1)
INSERT INTO object (name, created_at, size, content_type, etag, deleted, storage_policy_index)
SELECT printf(?, i / 1000, i), printf('%010d.00000', 1700000000 + i), i % 100000, 'application/json', printf('%032x', i), 0, 0 FROM n
"""


@contextlib.contextmanager
def swift(folder: Path) -> Iterator[str]:
    """Its URL; raises FileNotFoundError where it is not installed."""
    kinds = ("account", "container", "object", "proxy")
    programs = [rivals.program(f"swift-{kind}-server") for kind in kinds]
    python = rivals.FOLDER / "bin" / "python"
    if not all(programs):
        raise FileNotFoundError("Swift is not installed (`make setup-full` installs it)")
    ports = _free_ports(len(kinds))
    (folder / "devices" / "one").mkdir(parents=True)
    (folder / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = a\n[storage-policy:0]\nname = one\ndefault = yes\n"
    )
    for kind, port in zip(kinds, ports, strict=True):
        app = (
            _PROXY
            if kind == "proxy"
            else f"[pipeline:main]\npipeline = {kind}-server\n[app:{kind}-server]\nuse = egg:swift#{kind}\n"
        )
        common = _COMMON.format(port=port, folder=folder, user=os.environ.get("USER", "root"))
        (folder / f"{kind}.conf").write_text(common + app)
    env = {**os.environ, "SWIFT_DIR": str(folder)}
    subprocess.run([python, "-c", _RINGS, folder, *map(str, ports[:3])], check=True, env=env)
    with contextlib.ExitStack() as leaving:
        for kind, program, port in zip(kinds, programs, ports, strict=True):
            log = leaving.enter_context((folder / f"{kind}.log").open("wb"))
            process = subprocess.Popen([str(program), folder / f"{kind}.conf"], env=env, stdout=log, stderr=log)
            leaving.callback(process.wait)
            leaving.callback(process.terminate)
            _await(process, port, folder / f"{kind}.log")
        yield f"http://127.0.0.1:{ports[-1]}"


def fill(folder: Path, client: Any, bucket: str, count: int, pattern: str) -> None:
    """A fresh bucket of ``count`` keys; ``pattern`` takes the number of the thousand, and the number."""
    client.create_bucket(Bucket=bucket)
    for path in (folder / "devices").glob("one/containers/*/*/*/*.db"):
        table = sqlite3.connect(path, isolation_level=None)
        table.create_function("chexor", 3, lambda *_: "0" * 32)  # replicas would compare it; there are none
        with contextlib.closing(table):
            if table.execute("SELECT container FROM container_info").fetchone() == (bucket,):
                table.execute(_FILL, (count, pattern))


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        found = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in found]


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    while process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"Swift did not start: {log.read_text()[-500:]}")


if __name__ == "__main__":  # to look at one by hand: python -m tests.benchmarks.swift_store FOLDER [COUNT]
    import boto3
    from botocore.config import Config

    place = Path(sys.argv[1])
    with swift(place) as url:
        made = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
            config=Config(s3={"addressing_style": "path"}),
        )  # fmt: skip
        fill(place, made, "million", int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000, "logs/%04d/%07d.json")
        print(f"{url} {ACCESS} {SECRET}: the bucket million; Enter ends it")
        input()
