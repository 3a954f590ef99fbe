"""What a put and a read cost the sandbox's Kinesis as a stream grows to 1,000,000 records.

The rival is the same server at 10,000 records: a cost that grows with the stream (as in every emulator measured) shows
as a ratio over 1. CPU seconds are the server process's own.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import os
import tempfile
import time
from pathlib import Path

import orjson

from tests.core.sandbox.kinesis.plane import Plane

_HEADERS = {"Content-Type": "application/x-amz-json-1.1"}


def call(connection: http.client.HTTPConnection, operation: str, body: bytes) -> bytes:
    connection.request("POST", "/", body, {**_HEADERS, "X-Amz-Target": f"Kinesis_20131202.{operation}"})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content
    return content


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=1_000_000)
    most = options.parse_known_args()[0].records
    with tempfile.TemporaryDirectory() as folder:
        plane = Plane(Path(folder) / "data").start()
        assert plane.process is not None
        pid = plane.process.pid
        try:
            plane.control("SetFaults", LimitScale=0)
            plane.create("grow", 4)
            connection = http.client.HTTPConnection("127.0.0.1", plane.port)
            payload = base64.b64encode(os.urandom(200)).decode()
            bodies = [
                orjson.dumps(
                    {
                        "StreamName": "grow",
                        "Records": [{"Data": payload, "PartitionKey": f"user-{n}-{k}"} for k in range(500)],
                    }
                )
                for n in range(20)
            ]
            print("500 records of 200 bytes a request, 4 shards, one connection, every put confirmed by the disk")
            count, base = 0, 0.0
            for upto in (10_000, 100_000, 500_000, 1_000_000):
                if upto > most:
                    break
                times, used, start = [], cpu_seconds(pid), count
                while count < upto:
                    began = time.perf_counter()
                    call(connection, "PutRecords", bodies[count // 500 % 20])
                    times.append(time.perf_counter() - began)
                    count += 500
                cost = (cpu_seconds(pid) - used) / (count - start) * 1e6
                base = base or cost
                times.sort()
                iterator = orjson.loads(
                    call(
                        connection,
                        "GetShardIterator",
                        b'{"StreamName":"grow","ShardId":"shardId-000000000000","ShardIteratorType":"LATEST"}',
                    )
                )["ShardIterator"]
                used, began = cpu_seconds(pid), time.perf_counter()
                for _ in range(200):
                    call(connection, "GetRecords", orjson.dumps({"ShardIterator": iterator}))
                empty, empty_wall = (cpu_seconds(pid) - used) / 200 * 1e3, (time.perf_counter() - began) / 200 * 1e3
                print(
                    f"{count:>9,} records: put {cost:5.2f} us CPU a record (x{cost / base:.2f}), "
                    f"p50 {times[len(times) // 2] * 1e3:.1f} ms p99 {times[int(len(times) * 0.99)] * 1e3:.1f} ms a request, "
                    f"empty read {empty:.2f} ms CPU {empty_wall:.2f} ms, memory {memory_mib(pid):.0f} MiB"
                )
            iterator = plane.iterator("grow", "shardId-000000000000")
            used, began, read = cpu_seconds(pid), time.perf_counter(), 0
            while True:
                page = orjson.loads(call(connection, "GetRecords", orjson.dumps({"ShardIterator": iterator})))
                read, iterator = read + len(page["Records"]), page["NextShardIterator"]
                if page["MillisBehindLatest"] == 0:
                    break
            spent, wall = cpu_seconds(pid) - used, time.perf_counter() - began
            print(
                f"read back {read:,} of one shard: {spent / read * 1e6:.2f} us CPU a record, {read / wall:,.0f} records/s"
            )
            plane.kill()
            began = time.perf_counter()
            plane.start()
            print(f"killed and started again: {time.perf_counter() - began:.1f} s until it listens")
        finally:
            plane.kill()


if __name__ == "__main__":
    main()
