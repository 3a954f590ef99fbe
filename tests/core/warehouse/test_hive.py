"""HiveServer2 for real: Spark's Thrift server from the pyspark wheel, asked through impyla; and the emitted DDL gives the same rows."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from core.aws.session import Target
from core.base.errors import OpsError
from core.base.places import Places
from core.jobs.job import headless_job
from core.jobs.runner import JobRunner
from core.settings.profiles import Profile, WarehouseConnection
from core.warehouse.drivers.driver import State
from core.warehouse.extract.emit import hive_ddl
from core.warehouse.extract.extraction import extract
from core.warehouse.extract.presets import NGINX
from core.warehouse.extract.sources import local_sources
from core.warehouse.service import WarehouseService
from tests.core.warehouse.conftest import eventually, workplace
from tests.rivals import spark_submit

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def hive_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    spark = spark_submit()
    if spark is None:
        pytest.skip("HiveServer2 needs Spark and Java 17 (`make setup-full` installs both)")
    folder = tmp_path_factory.mktemp("hive")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                spark,
                "--class",
                "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
                "--conf",
                "spark.ui.enabled=false",
                "--conf",
                f"spark.sql.warehouse.dir={folder / 'warehouse'}",
                "--conf",
                f"spark.hadoop.javax.jdo.option.ConnectionURL=jdbc:derby:{folder / 'ms'};create=true",
                "--conf",
                "spark.driver.memory=2g",
                "spark-internal",
                "--hiveconf",
                f"hive.server2.thrift.port={port}",
                "--hiveconf",
                "hive.server2.thrift.bind.host=127.0.0.1",
            ],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "TZ": "Asia/Kolkata"},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 240
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, "the Thrift server did not start"
                time.sleep(1)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.fixture
def service(home: Places, hive_port: int) -> Iterator[WarehouseService]:
    connection = WarehouseConnection("hive", kind="hive", host="127.0.0.1", port=hive_port, database="default")
    made = WarehouseService(workplace(home, Target(Profile("test", environment="staging"), warehouses=(connection,))))
    yield made
    made.close()


def query(service: WarehouseService, sql: str, **options):
    job = headless_job()
    return service.execute(job, service.prepare(service.connection(job), sql, **options))


def test_values_parameters_and_errors(service: WarehouseService) -> None:
    run = query(
        service,
        "SELECT 7 AS n, CAST(9223372036854775807 AS BIGINT) AS big, :s AS s, CAST(NULL AS STRING) AS none, CAST(1.50 AS DECIMAL(9,2)) AS d",
        values={"s": "it's \\ here"},
    )
    (row,) = run.result.table().to_pylist()
    assert (row["n"], row["big"], row["s"], row["none"], str(row["d"])) == (7, 2**63 - 1, "it's \\ here", None, "1.50")
    with pytest.raises(OpsError) as caught:
        query(service, "SELECT * FROM no_such_table_here")
    assert caught.value.code == "sql"
    assert "no_such_table_here" in caught.value.why
    assert query(service, "SELECT 1 AS a").result.table().to_pylist() == [{"a": 1}]


def test_many_rows_and_databases(service: WarehouseService) -> None:
    run = query(service, "SELECT id FROM range(50000)")
    assert run.result.count.words() == "50,000 rows"
    assert "default" in service.databases(headless_job(), run.connection)


def test_cancel_is_confirmed(service: WarehouseService) -> None:
    runner = JobRunner()
    run = service.prepare(
        service.connection(headless_job()), "SELECT sum(sin(a.id + b.id)) FROM range(10000000) a, range(1000000) b"
    )
    job = runner.submit("slow", lambda job: service.execute(job, run))
    eventually(lambda: run.state is State.STARTED, 60)
    assert service.running(headless_job(), run.connection)
    assert job.cancel()
    assert job.wait(60)
    assert (run.state, run.confirmed) == (State.ABORTED, True), job.error and job.error.why
    assert runner.close() == []


def test_the_emitted_ddl_gives_the_same_rows_as_the_extraction_here(service: WarehouseService, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    lines = [
        f'10.0.0.{n % 7} - - [22/Nov/2026:10:{n % 60:02d}:12 {("+0000", "+0530", "-0800")[n % 3]}] "GET /p/{n}?q=\\x HTTP/1.1" {200 + n % 3} {n} "-" "curl"'
        for n in range(2_000)
    ]
    (folder / "access.log").write_text("\n".join([*lines, "no log line at all", ""]))
    tally = extract(headless_job(), NGINX, local_sources(folder), tmp_path / "here.parquet")
    assert (tally.rows, tally.rejected) == (2_000, 1)
    ddl = hive_ddl(NGINX, "logs", "s3://b/p/").replace("s3://b/p/", f"file://{folder}")
    for statement in ddl.split(";\n"):
        if statement.strip():
            query(service, statement.strip(), session="ddl")
    names = [column.name for column in NGINX.columns]
    run = query(
        service,
        "SELECT client, remote_user, CAST(time AS STRING) AS time, method, path, protocol, status, bytes, referrer, agent FROM logs_typed",
        session="ddl",
    )
    assert [column.name for column in run.result.columns] == names
    theirs = [tuple(row.values()) for row in run.result.table().to_pylist()]
    ours = pl.read_parquet(tmp_path / "here.parquet").with_columns(pl.col("time").dt.strftime("%Y-%m-%d %H:%M:%S"))
    assert sorted(theirs, key=lambda row: row[7]) == sorted(
        ours.rows(), key=lambda row: row[7]
    )  # every value, by its bytes
    catalogue = service.catalogue(headless_job(), run.connection)
    assert {"logs", "logs_typed"} <= {table.name for table in catalogue.tables}
