"""Backing up and proving: a large dump against `mariadb-dump | zstd -3 > file`, a verification by step, and 5,000 small
files as one plan against one put each. ``OPSDESK_BENCH_MB`` is the size of the dump (1000).

Two endpoints, since they take their share of the processors, too: `rclone serve s3`, which is quick and not ours, and the
sandbox. Rival and plan take turns, and the best of each counts: a busy machine disturbs both alike.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from core.aws.session import AwsSession, Target
from core.aws.workplace import Workplace
from core.backups.backing import BackupRun
from core.backups.ledger import Ledger
from core.backups.plan import Plan, Proof, Source
from core.backups.plan import Target as Aim
from core.backups.scratch import ScratchServer, find_programs
from core.backups.server import Login, connected, rows_of
from core.backups.service import BackupsService
from core.backups.upload import MultipartUpload
from core.backups.vault import Vault
from core.base.clock import SystemClock
from core.base.places import Places
from core.jobs.job import headless_job
from core.settings.model import Settings
from core.settings.profiles import SANDBOX

_ROW = 400  # bytes of SQL a row at least: what is asked for is reached
BUCKET = "bench"


@contextmanager
def sandbox(folder: Path) -> Iterator[Target]:
    """The sandbox's S3, as the window uses it."""
    from core.sandbox.door import join

    lease = join(Places(folder / "config", folder / "state", folder / "cache", folder / "sandbox").made())
    try:
        target = lease.target(SANDBOX)
        AwsSession(SANDBOX, lambda: target).client("s3", retries=10).create_bucket(Bucket=BUCKET)
        yield target
    finally:
        lease.close(at_once=True)


@contextmanager
def endpoint(folder: Path) -> Iterator[Target]:
    """rclone's S3 server: the cheapest of those at hand, so that the clients are what is measured."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    program = Path(sys.executable).parent / "rclone"
    (folder / BUCKET).mkdir(parents=True)
    process = subprocess.Popen(
        [str(program), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", "key,secret12345", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        target = Target(
            SANDBOX,
            region="us-east-1",
            endpoints={"s3": f"http://127.0.0.1:{port}"},
            access_key="key",
            secret_key="secret12345",
        )
        client = AwsSession(SANDBOX, lambda: target).client("s3", retries=10)
        client.list_buckets()
        yield target
    finally:
        process.kill()
        process.wait()


def fill(login: Login, megabytes: int) -> None:
    rows = megabytes * 1_000_000 // _ROW
    with connected(login) as connection:
        rows_of(connection, "CREATE DATABASE shop CHARACTER SET utf8mb4")
        rows_of(
            connection,
            "CREATE TABLE shop.visits (id BIGINT PRIMARY KEY, session CHAR(32), path VARCHAR(200), agent VARCHAR(200), note TEXT, at DATETIME)",
        )
        rows_of(
            connection,
            "INSERT INTO shop.visits SELECT seq, MD5(seq), CONCAT('/products/', seq % 9973, '/', SHA1(seq % 65536)),"
            " 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',"
            " CONCAT(REPEAT('a visitor who came from the campaign ', 3), SHA2(seq, 256), ' ', seq * 7919 % 1000003),"
            f" '2026-01-01' + INTERVAL seq SECOND FROM shop.seq_1_to_{rows}",
        )


def spent(work: Callable[[], Any]) -> tuple[float, float]:
    """(wall seconds, CPU seconds of this process and its ended children)."""
    before, started = os.times(), time.monotonic()
    work()
    after = os.times()
    return time.monotonic() - started, sum(after[:4]) - sum(before[:4])


def large_dump(server: ScratchServer, endpoints: dict[str, Target], folder: Path) -> None:
    """Each run in a process of its own: its start counts, and its peak of memory is its own."""
    login = server.root
    rival = [
        "mariadb-dump",
        f"--socket={login.socket}",
        "--user=root",
        "--single-transaction",
        "--quick",
        "--hex-blob",
        "--routines",
        "--events",
        "shop",
    ]
    file = folder / "rival.zst"

    def pipe() -> None:
        with file.open("wb") as out:
            dump = subprocess.Popen(rival, stdout=subprocess.PIPE)
            subprocess.run(["zstd", "-3", "-q"], stdin=dump.stdout, stdout=out, check=True)
            dump.wait()

    def ours(target: Target) -> None:
        url = target.endpoints.get("s3") or target.endpoints["default"]
        words = (login.socket, url, target.access_key, target.secret_key, str(folder))
        subprocess.run([sys.executable, "-m", "tests.benchmarks.bench_backups", "child", *words], check=True)

    pipe()  # warms the buffer pool for both
    base = spent(pipe)
    best: dict[str, tuple[float, float]] = {}
    for _ in range(2):
        for name, target in endpoints.items():
            found = spent(lambda target=target: ours(target))  # type: ignore[misc]
            best[name] = min(best.get(name, found), found)
            base = min(base, spent(pipe))
    print(
        f"  {'mariadb-dump | zstd -3 > file':<34} {base[0]:6.1f} s wall  {base[1]:6.1f} s CPU   {file.stat().st_size / 1e6:,.0f} MB"
    )
    for name, (wall, cpu) in best.items():
        print(
            f"  {'a plan, to ' + name:<34} {wall:6.1f} s wall  {cpu:6.1f} s CPU   wall x{wall / base[0]:.2f} (goal 1.2)  CPU x{cpu / base[1]:.2f}"
        )


def child(socket_path: str, url: str, access_key: str, secret_key: str, folder: str) -> None:
    target = Target(SANDBOX, region="us-east-1", endpoints={"s3": url}, access_key=access_key, secret_key=secret_key)
    plan = Plan("large", Source("mysql", "bench", ("shop",)), Aim(BUCKET))
    vault = Vault(AwsSession(SANDBOX, lambda: target), plan)
    settings = Settings().backups
    completing: list[float] = []
    complete = MultipartUpload.complete

    def timed(self: MultipartUpload) -> None:
        began = time.monotonic()
        complete(self)
        completing.append(time.monotonic() - began)

    MultipartUpload.complete = timed  # type: ignore[method-assign]
    run = BackupRun(
        plan,
        vault,
        Ledger(Path(folder) / "ledger.sqlite"),
        SystemClock(),
        lambda name: Login(name, "root", socket=socket_path),
        part_size=settings.part_size << 20,
        workers=settings.parallel_parts,
    ).run(headless_job())
    # Not ru_maxrss: Linux counts in it what the process that started this one held.
    peak = int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1024  # type: ignore[index]
    print(
        f"  {run.plain_bytes / 1e6:,.0f} MB of SQL, {run.stored_bytes / 1e6:,.0f} MB stored, peak memory {peak:.0f} MB (goal 150),"
        f" {completing[0]:.1f} s of it the endpoint's own, from the last part to the object",
        flush=True,
    )


def verification(server: ScratchServer, target: Target, places: Places) -> None:
    service = BackupsService(Workplace(AwsSession(SANDBOX, lambda: target), places, Settings))
    service._login = lambda name: Login(name, "root", socket=server.root.socket)  # type: ignore[method-assign]
    service.save_plan(Plan("proved", Source("mysql", "bench", ("shop",)), Aim(BUCKET)))
    service.run(headless_job(), "proved")
    started = time.monotonic()
    proof = service.verify(headless_job(), "proved")
    print(f"  verification of the same: {proof.outcome.value}, {time.monotonic() - started:.1f} s")
    print("    (L2 and L3 are one pass over the object; what no level has is the scratch server's start and end)")
    for level, checks in groupby(proof.checks, key=lambda check: check.level):
        print(f"    L{level}  {sum(check.seconds for check in checks):6.1f} s")


def small_files(target: Target, places: Places, folder: Path) -> None:
    source = folder / "small"
    source.mkdir()
    for number in range(5_000):
        (source / f"{number:05}.txt").write_bytes(os.urandom(1024) * 2)
    service = BackupsService(Workplace(AwsSession(SANDBOX, lambda: target), places, Settings))
    service.save_plan(Plan("small", Source("folder", paths=(str(source),)), Aim(BUCKET), proof=Proof()))
    client = AwsSession(SANDBOX, lambda: target).client("s3")
    client.list_buckets()
    ours, our_cpu = spent(lambda: service.run(headless_job(), "small"))

    def one_by_one() -> None:
        with ThreadPoolExecutor(8) as pool:
            list(
                pool.map(
                    lambda path: client.put_object(Bucket=BUCKET, Key=f"loose/{path.name}", Body=path.read_bytes()),
                    source.iterdir(),
                )
            )

    loose, loose_cpu = spent(one_by_one)
    print(f"  5,000 files of 2 KB, one put each  {loose:6.1f} s wall  {loose_cpu:6.1f} s CPU")
    print(
        f"  as a plan (tar.zst, every hash)    {ours:6.1f} s wall  {our_cpu:6.1f} s CPU   {loose / ours:.0f} times faster (goal: below 5 s)"
    )


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        child(*sys.argv[2:])
        return
    if not shutil.which("mariadb-dump") or not shutil.which("zstd"):
        print("  left out: mariadb-dump and zstd are needed")
        return
    size = int(os.environ.get("OPSDESK_BENCH_MB", "1000"))
    folder = Path(tempfile.mkdtemp(prefix="opsdesk-bench-", dir="/var/tmp" if Path("/var/tmp").is_dir() else None))
    places = Places(folder / "config", folder / "state", folder / "cache", folder / "sandbox").made()
    try:
        with endpoint(folder / "s3") as target, sandbox(folder) as other:
            endpoints = {"rclone serve s3": target, "the sandbox": other}
            small_files(target, places, folder)
            for megabytes, work in (
                (min(200, size), lambda s: verification(s, target, places)),
                (size, lambda s: large_dump(s, endpoints, folder)),
            ):
                with ScratchServer(headless_job(), find_programs(), places.cache, cap=20 << 30) as server:
                    fill(server.root, megabytes)
                    print(f"  -- {megabytes:,} MB of SQL, about")
                    work(server)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
