"""A bucket of a million keys: the first page, in the core and in the window, and walking on, against boto3's own paginator in one run.

The store is OpenStack Swift (see ``swift_store``). ``BENCH_PAGES`` pages of 1,000 are walked (100; 1000 is everything,
and takes some five minutes); what does not depend on their number is told by the memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

from core.aws.session import AwsSession, Target
from core.backups.objects.browse import page, walk
from core.jobs.job import headless_job
from core.settings.profiles import Profile
from tests.benchmarks.bench_objects import measured
from tests.benchmarks.swift_store import ACCESS, SECRET, fill, swift

KEYS, PAGES = int(os.environ.get("BENCH_KEYS", "1000000")), int(os.environ.get("BENCH_PAGES", "100"))


def main() -> None:
    import boto3
    from botocore.config import Config

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "swift"
        try:
            with swift(folder) as url:
                stock = boto3.client(
                    "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                    config=Config(s3={"addressing_style": "path"}),
                )  # fmt: skip
                fill(folder, stock, "million", KEYS, "logs/%04d/%07d.json")
                profile = Profile("bench", environment="staging")
                aws = AwsSession(profile, lambda: Target(profile, "us-east-1", "", {"s3": url}, ACCESS, SECRET))
                _compare(stock, aws)
                _piped(url, Path(name))
        except FileNotFoundError as error:
            print(error)


def _compare(stock: object, aws: AwsSession) -> None:
    def stock_walk() -> None:
        pages = stock.get_paginator("list_objects_v2").paginate(Bucket="million")  # type: ignore[attr-defined]
        assert sum(len(page["Contents"]) for page in islice(pages, PAGES)) == PAGES * 1000

    def our_walk() -> None:
        assert sum(map(len, islice(walk(headless_job(), aws, "million"), PAGES))) == PAGES * 1000

    print(f"the first page of {KEYS:,} keys")
    base = measured("boto3", lambda: stock.list_objects_v2(Bucket="million", Prefix="logs/0500/", Delimiter="/"))  # type: ignore[attr-defined]
    measured("ours, 1,000 objects of one level", lambda: page(aws, "million", "logs/0500/"), base)
    measured("ours, 1,000 folders of one level", lambda: page(aws, "million", "logs/"), base)
    print(f"walking {PAGES * 1000:,} of them")
    base = measured("boto3 paginator", stock_walk, times=1)
    measured("ours, every key as a value", our_walk, base, times=1)


def _piped(url: str, folder: Path) -> None:
    """The verb, as far as its reader takes it: its memory is that of a page, in text and in JSON."""
    env = {
        **os.environ, "OPSDESK_HOME": str(folder / "home"), "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": url,
    }  # fmt: skip
    for words in (["s3", "ls", "-r", "s3://million"], ["--json", "s3", "ls", "-r", "s3://million"]):
        with subprocess.Popen(
            [sys.executable, "main.py", "--profile", "env", *words],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as listing:
            assert listing.stdout is not None
            for _ in islice(listing.stdout, PAGES * 1000 - 1):
                pass
            memory = Path(f"/proc/{listing.pid}/status")
            peak = memory.read_text().partition("VmHWM:")[2].split()[0] if memory.exists() else "?"
            listing.terminate()
        print(f"  {' '.join(words):<44} {int(peak) / 1024:7.0f} MB at the peak, {PAGES * 1000:,} keys")


if __name__ == "__main__":
    main()
