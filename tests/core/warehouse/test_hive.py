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
        f'10.0.0.{n % 7} - - [22/Nov/2026:10:{n % 60:02d}:12 +0000] "GET /p/{n}?q=\\x HTTP/1.1" {200 + n % 3} {n} "-" "curl"'
        for n in range(2_000)
    ]
    (folder / "access.log").write_text("\n".join([*lines, "no log line at all", ""]))
    tally = extract(headless_job(), NGINX, local_sources(folder), tmp_path / "here.parquet")
    assert (tally.rows, tally.rejected) == (2_000, 1)
    ours = (
        pl.read_parquet(tmp_path / "here.parquet")
        .group_by("status")
        .agg(pl.len().alias("n"), pl.col("bytes").sum().alias("b"))
    )

    ddl = hive_ddl(NGINX, "logs", "s3://b/p/").replace("s3://b/p/", f"file://{folder}")
    for statement in ddl.split(";\n"):
        if statement.strip():
            query(service, statement.strip(), session="ddl")
    run = query(service, "SELECT status, count(*) AS n, sum(bytes) AS b FROM logs_typed GROUP BY status", session="ddl")
    theirs = pl.from_arrow(run.result.table())
    assert isinstance(theirs, pl.DataFrame)
    assert sorted(theirs.select(pl.all().cast(pl.Int64)).rows()) == sorted(ours.select(pl.all().cast(pl.Int64)).rows())
    catalogue = service.catalogue(headless_job(), run.connection)
    assert {"logs", "logs_typed"} <= {table.name for table in catalogue.tables}
