"""Real warehouses for the tests: a PostgreSQL server of our own, and the local Redshift Data API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.aws.session import AwsSession, Target
from core.aws.workplace import Workplace
from core.base.places import Places
from core.settings.model import Settings
from core.settings.profiles import Profile, WarehouseConnection
from core.warehouse.service import WarehouseService
from tests.core.warehouse.postgres_server import PASSWORD, postgres_server
from tests.rivals import spark_submit

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    with postgres_server() as port:
        yield port


@pytest.fixture(scope="session")
def data_api_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sandbox's Data API as a process of its own, without S3."""
    folder = tmp_path_factory.mktemp("redshift")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "core.sandbox.redshift",
            "--port",
            "0",
            "--data",
            str(folder),
            "--s3-endpoint",
            "http://127.0.0.1:9",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.environ.get("OPSDESK_TEST_SANDBOX", str(ROOT))},
    )
    assert process.stdin and process.stdout
    try:
        line = process.stdout.readline()
        assert line.startswith("READY"), f"the endpoint did not start: {line!r}"
        yield f"http://127.0.0.1:{json.loads(line.removeprefix('READY'))['port']}"
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(15)
        process.stdout.close()


def workplace(home: Places, target: Target) -> Workplace:
    return Workplace(AwsSession(target.profile, lambda: target), home, Settings)


@pytest.fixture
def postgres_service(home: Places, postgres_port: int) -> Iterator[WarehouseService]:
    connection = WarehouseConnection(
        "pg",
        kind="postgres",
        host="127.0.0.1",
        port=postgres_port,
        database="postgres",
        db_user="ops",
        password=PASSWORD,
    )
    service = WarehouseService(
        workplace(home, Target(Profile("test", environment="staging"), warehouses=(connection,)))
    )
    yield service
    service.close()


@pytest.fixture
def redshift_service(home: Places, data_api_url: str) -> Iterator[WarehouseService]:
    connection = WarehouseConnection("local", workgroup="local", database="dev")
    target = Target(
        Profile("test", environment="staging"),
        region="eu-west-1",
        endpoints={"redshift-data": data_api_url},
        access_key="test",
        secret_key="test",
        warehouses=(connection,),
    )
    service = WarehouseService(workplace(home, target))
    yield service
    service.close()


@pytest.fixture(scope="session")
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
            env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "TZ": "Asia/Kolkata"},  # another zone than ours
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
def hive_service(home: Places, hive_port: int) -> Iterator[WarehouseService]:
    connection = WarehouseConnection("hive", kind="hive", host="127.0.0.1", port=hive_port, database="default")
    made = WarehouseService(workplace(home, Target(Profile("test", environment="staging"), warehouses=(connection,))))
    yield made
    made.close()


@pytest.fixture(
    params=["postgres", "redshift", pytest.param("hive", marks=[pytest.mark.heavy, pytest.mark.timeout(600)])]
)
def service(request: pytest.FixtureRequest) -> WarehouseService:
    """Every driver that can run here, behind the same service."""
    made: WarehouseService = request.getfixturevalue(f"{request.param}_service")
    return made


def eventually(condition, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
