"""Athena behind the one driver interface: against ministack's Athena (S3, a data catalogue, a SQL engine), by stock boto3."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import pytest

from core.aws.session import AwsSession, Target
from core.base.errors import OpsError
from core.base.places import Places
from core.jobs.job import headless_job
from core.sandbox.contract import ACCESS_KEY, SECRET_KEY
from core.settings.profiles import Profile, WarehouseConnection
from core.warehouse.drivers.driver import State
from core.warehouse.service import WarehouseService
from tests.core.warehouse.conftest import ROOT, workplace

_START = (
    "import sys; from pathlib import Path; import core.sandbox.small_services as small;"
    " small.SERVICES += ',athena,glue'; small.run(0, Path(sys.argv[1]))"
)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("athena")
    process = subprocess.Popen(
        [sys.executable, "-c", _START, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    line = process.stdout.readline()
    assert line.startswith("READY"), line
    try:
        yield f"http://127.0.0.1:{json.loads(line.removeprefix('READY'))['port']}"
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope="module")
def aws(endpoint: str) -> AwsSession:
    profile = Profile("test", environment="staging")
    target = Target(
        profile,
        region="us-east-1",
        endpoints={"default": endpoint, "s3": endpoint},
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
    )
    made = AwsSession(profile, lambda: target)
    made.client("s3").create_bucket(Bucket="results")
    return made


@pytest.fixture
def service(aws: AwsSession, home: Places) -> Iterator[WarehouseService]:
    connection = WarehouseConnection("athena", kind="athena", database="weblogs", output="s3://results/out/")
    opened = aws.target()
    target = Target(
        opened.profile,
        region="us-east-1",
        endpoints=opened.endpoints,
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        warehouses=(connection,),
    )
    made = WarehouseService(workplace(home, target))
    yield made
    made.close()


def _run(service: WarehouseService, sql: str, **options: object):  # type: ignore[no-untyped-def]
    job = headless_job()
    return service.execute(job, service.prepare(service.connection(job), sql, **options))


def test_values_arrive_in_their_types(service: WarehouseService) -> None:
    run = _run(
        service,
        "SELECT 7 AS n, CAST(9223372036854775807 AS bigint) AS big, true AS yes, 'it''s é' AS t, CAST(NULL AS integer) AS nothing,"
        " DATE '2024-02-29' AS day, TIMESTAMP '2024-02-29 12:34:56.789' AS moment, CAST(12.50 AS decimal(6,2)) AS d",
    )
    (row,) = run.result.table().to_pylist()
    assert (row["n"], row["big"], row["yes"], row["t"], row["nothing"]) == (
        7,
        9223372036854775807,
        True,
        "it's é",
        None,
    )
    assert (row["day"], row["moment"]) == (date(2024, 2, 29), datetime(2024, 2, 29, 12, 34, 56, 789000))
    assert Decimal(str(row["d"])) == Decimal("12.50")
    assert run.state is State.FINISHED


def test_every_page_is_fetched_and_the_head_is_no_row(service: WarehouseService) -> None:
    run = _run(service, "SELECT n FROM (SELECT unnest(range(0, 2500)) AS n) ORDER BY n")
    assert run.result.table().column("n").to_pylist() == list(range(2_500))
    assert run.result.count.words() == "2,500 rows"
    assert _run(service, "SELECT n FROM (SELECT 1 AS n) WHERE n = 2").result.table().num_rows == 0


def test_parameters_are_quoted_as_athena_reads_them(service: WarehouseService) -> None:
    run = _run(service, "SELECT :v AS v", values={"v": "a\\'; DROP TABLE x"})
    assert run.result.table().to_pylist() == [{"v": "a\\'; DROP TABLE x"}]


def test_a_table_made_from_emitted_ddl_is_listed_and_asked(service: WarehouseService, aws: AwsSession) -> None:
    aws.client("glue").create_database(DatabaseInput={"Name": "weblogs"})
    aws.client("s3").put_object(Bucket="results", Key="data/a.csv", Body=b"1,ok\n2,\n")
    _run(
        service,
        "CREATE EXTERNAL TABLE weblogs.hits (id int, word string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://results/data/'",
    )
    job = headless_job()
    connection = service.connection(job)
    assert "weblogs" in service.databases(job, connection)
    (table,) = service.catalogue(job, connection).of_schema("weblogs")
    assert (table.name, [(one.name, one.type_name) for one in table.columns]) == (
        "hits",
        [("id", "int"), ("word", "string")],
    )
    assert _run(service, "SELECT count(*) AS n FROM hits").result.table().to_pylist() == [{"n": 2}]


def test_partition_keys_and_comments_are_told(service: WarehouseService, aws: AwsSession) -> None:
    aws.client("glue").create_database(DatabaseInput={"Name": "parts"})
    columns = [{"Name": "id", "Type": "int", "Comment": "of the visit"}]
    days = [{"Name": "day", "Type": "date"}]
    made = {
        "Name": "visits",
        "StorageDescriptor": {"Columns": columns},
        "PartitionKeys": days,
        "TableType": "EXTERNAL_TABLE",
    }
    aws.client("glue").create_table(DatabaseName="parts", TableInput={**made, "Parameters": {"comment": "One a visit"}})
    (table,) = service.catalogue(headless_job(), service.connection(headless_job()), "parts").of_schema("parts")
    assert [(one.name, one.partition, one.comment) for one in table.columns] == [
        ("id", False, "of the visit"),
        ("day", True, ""),
    ]
    assert table.comment == "One a visit"


def test_what_athena_refuses_is_said(service: WarehouseService, aws: AwsSession) -> None:
    with pytest.raises(OpsError) as caught:
        _run(service, "SELECT * FROM nowhere_at_all")
    assert "nowhere_at_all" in f"{caught.value.why} {caught.value.details}"
    bare = WarehouseConnection("bare", kind="athena", database="default")
    with pytest.raises(OpsError) as caught:
        service.driver(bare).submit("SELECT 1", {})
    assert caught.value.code == "settings" and "s3://" in caught.value.remedy


def test_a_cancel_is_taken_and_a_statement_can_be_taken_up_again(service: WarehouseService) -> None:
    """Athena keeps statements: another process may ask for the state and the result."""
    driver = service.driver(service.connection(headless_job()))
    statement = driver.submit("SELECT 5 AS n", {})
    assert driver.status(statement, wait=30).state is State.FINISHED
    driver.cancel(statement)  # it has ended: nothing happens
    assert driver.status(statement).state is State.FINISHED
    (page,) = driver.pages(statement)
    assert page.table.to_pylist() == [{"n": 5}] and page.total == 1
    assert driver.running() == []
