"""Regular expression to typed Parquet on generated nginx logs: ours (polars, streamed) against DuckDB's regexp_extract and,
where Spark is installed, Hive's RegexSerDe on Spark by the DDL we emit; XML by path and by pattern
against the standard library's tree."""

from __future__ import annotations

import argparse
import csv
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from core.jobs.job import headless_job
from core.warehouse.extract.definition import Definition, OutputColumn
from core.warehouse.extract.emit import hive_ddl
from core.warehouse.extract.extraction import extract
from core.warehouse.extract.presets import NGINX
from core.warehouse.extract.sources import local_sources
from tests.rivals import spark_submit


def generate(path: Path, megabytes: int) -> int:
    """Write an access log of about that size; return its lines."""
    chance = random.Random(7)
    agents = [
        "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101",
        "curl/8.4.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0)",
    ]
    block = []
    for n in range(50_000):
        block.append(
            f"10.{n % 256}.{n % 199}.{n % 250} - - [22/Nov/2026:{n // 3600 % 24:02d}:{n // 60 % 60:02d}:{n % 60:02d} +0000] "
            f'"GET /product/{chance.randrange(9999)}?ref={n} HTTP/1.1" {chance.choice([200, 200, 200, 304, 404, 500])} '
            f'{chance.randrange(99999)} "https://example.com/{n % 31}" "{chance.choice(agents)}"\n'
        )
    data = "".join(block).encode()
    copies = max(1, megabytes * 1_000_000 // len(data))
    with path.open("wb") as out:
        for _ in range(copies):
            out.write(data)
    return copies * len(block)


def ours(path: Path, out: Path) -> int:
    return extract(headless_job(), NGINX, local_sources(path), out).rows


def duckdb_rows(path: Path, out: Path) -> int:
    import duckdb

    names = ", ".join(f"'{column.name}'" for column in NGINX.columns)
    pattern = NGINX.pattern.replace("'", "''")
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET enable_progress_bar = false")
    connection.execute(
        f"""COPY (SELECT r.client, r.remote_user, try_strptime(r.time, '%d/%b/%Y:%H:%M:%S %z') AS time, r.method, r.path,
                 r.protocol, try_cast(r.status AS BIGINT) AS status, try_cast(r.bytes AS BIGINT) AS bytes, r.referrer, r.agent
            FROM (SELECT regexp_extract(column0, '^(?:{pattern})$', [{names}]) AS r FROM read_csv('{path}', delim='\\0',
                  header=false, quote='', escape='', columns={{'column0': 'VARCHAR'}})) WHERE r.client <> '')
            TO '{out}' (FORMAT PARQUET, COMPRESSION ZSTD)"""
    )
    (count,) = connection.execute(f"SELECT count(*) FROM read_parquet('{out}')").fetchone() or (0,)
    return int(count)


def spark_sql(spark: str, sql: str, folder: Path) -> str:
    """What Spark's SQL shell prints for a script; a metastore in memory, two cores."""
    script = folder / "script.sql"
    script.write_text(sql, encoding="utf-8")
    words = [
        spark, "--class", "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver", "--master", "local[2]",
        "--conf", "spark.ui.enabled=false", "--conf", "spark.driver.memory=2g", "--conf", f"spark.sql.warehouse.dir={folder / 'warehouse'}",
        "--conf", "spark.hadoop.javax.jdo.option.ConnectionURL=jdbc:derby:memory:ms;create=true", "spark-internal", "-f", str(script),
    ]  # fmt: skip
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def spark_rows(spark: str, log: Path, folder: Path) -> int:
    """The DDL we emit, and its typed view written as Parquet."""
    ddl = hive_ddl(NGINX, "logs", "").replace("s3://BUCKET/PREFIX/", f"file://{log.parent}/")
    told = spark_sql(
        spark,
        f"{ddl}\nCREATE TABLE parsed STORED AS PARQUET AS SELECT * FROM logs_typed;\nSELECT count(*) FROM parsed;\n",
        folder,
    )
    return int(told.split()[-1])


def xml(folder: Path, documents: int) -> None:
    """The same documents by path and by pattern: rows equal, CPU side by side."""
    place = folder / "xml"
    place.mkdir()
    for n in range(documents):
        items = "".join(
            f'<item sku="s{n}-{k}"><price>{k}.5</price><name>Name {k} &amp; more</name></item>' for k in range(30)
        )
        (place / f"{n:06}.xml").write_text(
            f"<?xml version='1.0'?><shop><order id='{n}'>{items}</order></shop>", encoding="utf-8"
        )
    size = sum(one.stat().st_size for one in place.iterdir()) / 1e6
    columns = (
        OutputColumn("sku", path="@sku"),
        OutputColumn("price", "number", path="price"),
        OutputColumn("name", path="name"),
    )
    ways = {
        "by path": Definition("xml", record="item", columns=columns, null=("",)),
        "by pattern": Definition(
            "document",
            r'<item sku="(?P<sku>[^"]*)"><price>(?P<price>[^<]*)</price><name>(?P<name>[^<]*)</name>',
            columns,
            null=("",),
        ),
    }

    def written(definition: Definition) -> int:
        return extract(headless_job(), definition, local_sources(place), folder / "xml.parquet").rows

    def plain() -> int:
        """As one would write it by hand: the standard library's tree, rows as CSV."""
        count = 0
        with (folder / "xml.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            for one in sorted(place.iterdir()):
                for item in ElementTree.parse(one).getroot().iter("item"):
                    rows.writerow([item.get("sku"), float(item.findtext("price") or ""), item.findtext("name")])
                    count += 1
        return count

    works = {name: partial(written, definition) for name, definition in ways.items()}
    costs = {}
    for name, work in {**works, "by ElementTree and csv": plain}.items():
        before = _cpu()
        assert work() == documents * 30
        cpu = costs[name] = _cpu() - before
        print(
            f"XML {name}: {documents:,} documents, {size:,.0f} MB: {cpu:.1f} CPU-s, {size / cpu:.0f} MB/CPU-s",
            flush=True,
        )
    for name in ways:
        print(
            f"ElementTree and csv / ours {name}: {costs['by ElementTree and csv'] / costs[name]:.2f} times the CPU time"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    options, _others = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "in" / "access.log"
        log.parent.mkdir()
        lines = generate(log, options.megabytes)
        size = log.stat().st_size / 1e6
        costs: dict[str, float] = {}

        def timed(name: str, work: Callable[[], int], off: float = 0.0) -> None:
            before, begun = _cpu(), time.perf_counter()
            rows = work()
            wall, costs[name] = time.perf_counter() - begun, _cpu() - before - off
            assert rows == lines, (name, rows, lines)
            print(
                f"{name:8} {rows:,} rows, {size:,.0f} MB: {wall:.1f} s wall, {costs[name]:.1f} CPU-s, {size / costs[name]:.0f} MB/CPU-s",
                flush=True,
            )

        timed("ours", lambda: ours(log, folder / "ours.parquet"))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"         peak memory of the extracting process: {peak:,.0f} MB")
        timed("DuckDB", lambda: duckdb_rows(log, folder / "duckdb.parquet"))
        print(f"DuckDB / ours: {costs['DuckDB'] / costs['ours']:.2f} times the CPU time")
        spark = spark_submit()
        if spark is None:
            print("Spark: not installed (`make setup-full` installs it): RegexSerDe was not measured")
        else:
            before = _cpu()
            spark_sql(spark, "SELECT 1;\n", folder)
            start = _cpu() - before
            print(f"Spark    starts for {start:.1f} CPU-s, which are taken off in the next line")
            timed("Spark", lambda: spark_rows(spark, log, folder), start)
            without, whole = costs["Spark"] / costs["ours"], (costs["Spark"] + start) / costs["ours"]
            print(f"Spark's RegexSerDe / ours: {whole:.2f} times the CPU time, {without:.2f} without its start")
        xml(folder, 20_000)


def _cpu() -> float:
    mine, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


if __name__ == "__main__":
    main()
