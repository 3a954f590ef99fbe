"""A million rows through the Data API: our CSV pages into Arrow against stock boto3's JSON pages; client CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS, JSON_ROWS = 1_000_000, 100_000
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    import boto3

    from core.aws.session import AwsSession, Target
    from core.settings.profiles import Profile, WarehouseConnection
    from core.warehouse.drivers.data_api import DataApiDriver

    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "core.sandbox.redshift", "--port", "0", "--data", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert server.stdin and server.stdout
        try:
            url = f"http://127.0.0.1:{json.loads(server.stdout.readline().removeprefix('READY'))['port']}"
            target = Target(Profile("bench"), "eu-west-1", "", {"redshift-data": url}, "x", "x")
            driver = DataApiDriver(
                AwsSession(target.profile, lambda: target), WarehouseConnection("bench", workgroup="bench")
            )
            stock = boto3.client(
                "redshift-data",
                endpoint_url=url,
                region_name="eu-west-1",
                aws_access_key_id="x",
                aws_secret_access_key="x",
            )
            _compare(driver, stock)
        finally:
            server.stdin.close()
            server.terminate()
            server.wait(20)
            server.stdout.close()


def _compare(driver: Any, stock: Any) -> None:
    tens = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    _finish(driver, driver.submit(f"CREATE TABLE d AS {tens}", {}))
    rows = (
        "SELECT a.n + 10*b.n + 100*c.n + 1000*e.n + 10000*f.n + 100000*g.n AS id, 'customer ' || (a.n * b.n) AS name,"
        " (a.n * 1.25)::decimal(12,2) AS total, timestamp '2026-01-01 00:00:00' AS placed FROM d a, d b, d c, d e, d f, d g"
    )
    statement = driver.submit(rows, {})
    _finish(driver, statement)
    wall, cpu = time.perf_counter(), time.process_time()
    fetched = sum(page.table.num_rows for page in driver.pages(statement))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert fetched == ROWS
    print(f"ours, CSV pages:   {fetched:9,} rows, {fetched / wall:9,.0f} rows/s, {fetched / cpu:9,.0f} rows per CPU-s")

    small = stock.execute_statement(
        WorkgroupName="bench", Database="dev", Sql=f"SELECT * FROM ({rows}) WHERE id < {JSON_ROWS}"
    )
    _finish(driver, small["Id"])
    begun, used = time.perf_counter(), time.process_time()
    count, token = 0, ""
    while True:
        page = stock.get_statement_result(Id=small["Id"], **({"NextToken": token} if token else {}))
        count += len(page["Records"])
        token = page.get("NextToken", "")
        if not token:
            break
    begun, used = time.perf_counter() - begun, time.process_time() - used
    assert count == JSON_ROWS
    print(f"boto3, JSON pages: {count:9,} rows, {count / begun:9,.0f} rows/s, {count / used:9,.0f} rows per CPU-s")
    print(
        f"ours / boto3: {fetched / cpu / (count / used):.1f} times the rows per CPU-second, {fetched / wall / (count / begun):.1f} times the rows/s"
    )


def _finish(driver: Any, statement: str) -> None:
    status = driver.status(statement, 120)
    assert not status.error, status.error


if __name__ == "__main__":
    main()
