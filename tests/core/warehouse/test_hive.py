"""What HiveServer2 has beyond the suite of all drivers (test_drivers.py): its own tables of rows, and the emitted DDL."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from core.jobs.job import headless_job
from core.warehouse.extract.emit import hive_ddl
from core.warehouse.extract.extraction import extract
from core.warehouse.extract.presets import NGINX
from core.warehouse.extract.sources import local_sources
from core.warehouse.service import WarehouseService

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(600)]


@pytest.fixture
def service(hive_service: WarehouseService) -> WarehouseService:
    return hive_service


def query(service: WarehouseService, sql: str, **options):
    job = headless_job()
    return service.execute(job, service.prepare(service.connection(job), sql, **options))


def test_many_rows_and_databases(service: WarehouseService) -> None:
    run = query(service, "SELECT id FROM range(50000)")
    assert run.result.count.words() == "50,000 rows"
    assert "default" in service.databases(headless_job(), run.connection)


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
