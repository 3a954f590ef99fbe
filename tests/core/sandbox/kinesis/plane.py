"""The data plane as a child process, for tests: start, kill, start again on the same data."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[4]


class Plane:
    """One data folder and the process that serves it."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data, self.options, self.port = data, options, 0
        self.process: subprocess.Popen[str] | None = None
        self._client: Any = None

    def start(self) -> Plane:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "core.sandbox.kinesis",
                "--port",
                str(self.port),
                "--data",
                str(self.data),
                "--passing",
                "0.05",
                *self.options,
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        while not (line := self.process.stdout.readline()).startswith("READY "):
            assert line, "the data plane ended before it was ready"
        self.port = json.loads(line.removeprefix("READY "))["port"]
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self._close()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self._close()

    def _close(self) -> int:
        assert self.process is not None and self.process.stdin is not None and self.process.stdout is not None
        status = self.process.wait(20)
        self.process.stdin.close()
        self.process.stdout.close()
        return status

    @property
    def client(self) -> Any:
        if self._client is None:
            self._client = self.new_client()
        return self._client

    def new_client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "kinesis",
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=30, max_pool_connections=16),
        )

    def control(self, operation: str, **body: Any) -> Any:
        request = urllib.request.Request(
            self.url,
            json.dumps(body).encode(),
            {"X-Amz-Target": f"OpsdeskSandbox.{operation}", "Content-Type": "application/x-amz-json-1.1"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def create(self, name: str, shards: int = 1, **more: Any) -> None:
        self.client.create_stream(StreamName=name, **({"ShardCount": shards} if shards else {}), **more)
        self.until_active(name)

    def until_active(self, name: str) -> None:
        for _ in range(200):
            summary = self.client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            if summary["StreamStatus"] == "ACTIVE":
                return
            time.sleep(0.02)
        raise AssertionError(f"{name} did not become ACTIVE")

    def shards(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.list_shards(StreamName=name)["Shards"]
        return found

    def iterator(self, name: str, shard: str, kind: str = "TRIM_HORIZON", **more: Any) -> str:
        answer = self.client.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType=kind, **more)
        return str(answer["ShardIterator"])

    def read_shard(self, name: str, shard: str) -> list[dict[str, Any]]:
        """Everything in the shard up to its tip."""
        iterator: str | None = self.iterator(name, shard)
        records: list[dict[str, Any]] = []
        while iterator:
            page = self.client.get_records(ShardIterator=iterator)
            records += page["Records"]
            iterator = page.get("NextShardIterator")
            if page["MillisBehindLatest"] == 0:
                break
        return records

    def read_all(self, name: str) -> list[dict[str, Any]]:
        """Everything in the stream, parents before children."""
        return [record for shard in self.shards(name) for record in self.read_shard(name, shard["ShardId"])]
