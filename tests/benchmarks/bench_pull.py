"""The feed's reader against PyMySQL, and Parquet (zstd) staging against csv.gz, on the sandbox's MariaDB.
``OPSDESK_BENCH_ROWS`` is the number of rows (300,000). CPU seconds are the client's own."""

from __future__ import annotations

import gzip
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.warehouse.feed.mapping import mapped_table, projection
from core.warehouse.feed.reader import stage
from core.warehouse.feed.source import Server, read_tables
from tests.sandboxed import Sandbox

_TABLE = """CREATE TABLE bench_pull (id BIGINT AUTO_INCREMENT PRIMARY KEY, customer INT, status TINYINT, price DECIMAL(10,2), rate DOUBLE,
 name VARCHAR(60), email VARCHAR(80), made DATE, changed DATETIME(6), note VARCHAR(120))"""
_ROWS = """INSERT INTO bench_pull (customer, status, price, rate, name, email, made, changed, note)
 SELECT seq % 9973, seq % 5, seq / 7, seq / 3, CONCAT('customer number ', seq), CONCAT('user', seq, '@example.com'), '2020-01-01' + INTERVAL seq % 2000 DAY,
 '2024-01-01' + INTERVAL seq SECOND, MD5(seq) FROM seq_1_to_{rows}"""


def _measured(work: Callable[[], int]) -> tuple[int, float, float]:
    """Rows, CPU seconds of this process, wall seconds."""
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    rows = work()
    now = resource.getrusage(resource.RUSAGE_SELF)
    return rows, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime, time.perf_counter() - began


def main() -> None:
    rows = int(os.environ.get("OPSDESK_BENCH_ROWS", "300000"))
    home = Path(tempfile.mkdtemp(prefix="opsdesk-bench-"))
    os.environ["OPSDESK_SANDBOX_SEED"] = "off"
    sandbox = Sandbox(home)
    try:
        link = sandbox.mysql()
        with link.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS bench")
            cursor.execute("USE bench")
            cursor.execute(_TABLE)
            cursor.execute(_ROWS.format(rows=rows))
        link.commit()
        source = sandbox.target.mysql[0]
        server = Server(source.host, source.port, source.user, source.password or "", "bench")
        table = read_tables(link, "bench", ["bench_pull"])[0]
        columns = mapped_table(table)
        query = projection(table, columns)
        arguments: dict[str, Any] = {
            "url": server.url, "query": query, "columns": [(one.name, one.shape, one.staged) for one in columns], "table": "bench.bench_pull",
        }  # fmt: skip
        parquet, packed = home / "fast.parquet", home / "slow.csv.gz"
        stage(lambda *_, **__: None, **{**arguments, "query": f"{query} LIMIT 10"}, path=str(home / "warm.parquet"))

        def fast() -> int:
            return stage(lambda *_, **__: None, **arguments, path=str(parquet))[0]

        def plain() -> int:
            from pymysql.cursors import SSCursor

            count = 0
            with server.connect() as connection, connection.cursor(SSCursor) as cursor:
                cursor.execute("SELECT * FROM bench_pull")
                while found := cursor.fetchmany(10_000):
                    count += len(found)
            return count

        def to_csv() -> int:
            import polars as pl

            whole = pl.read_parquet(parquet)
            with gzip.open(packed, "wb") as file:  # polars writes the CSV: what is compared is the format, not Python
                whole.write_csv(file)
            return whole.height

        def to_parquet() -> int:
            import pyarrow as pa
            import pyarrow.parquet as pq

            whole = pq.read_table(parquet)
            with pa.OSFile(str(home / "again.parquet"), "wb") as sink:
                pq.write_table(whole, sink, compression="zstd")
            return whole.num_rows

        results = {"pull: read, cast, Parquet": _measured(fast), "PyMySQL: read only": _measured(plain)}
        results |= {"stage Parquet zstd": _measured(to_parquet), "stage csv.gz": _measured(to_csv)}
        for name, (count, cpu, wall) in results.items():
            print(f"{name:<28} {count:>9,} rows  {cpu:7.2f} CPU-s  {wall:7.2f} s  {count / cpu:>12,.0f} rows/CPU-s")
        rate = {name: count / cpu for name, (count, cpu, _) in results.items()}
        print(
            f"pull against PyMySQL, rows per CPU-second: {rate['pull: read, cast, Parquet'] / rate['PyMySQL: read only']:.1f}x (the pull also writes Parquet)"
        )
        print(f"Parquet zstd against csv.gz: {rate['stage Parquet zstd'] / rate['stage csv.gz']:.1f}x rows per CPU-second, "
              f"{packed.stat().st_size / parquet.stat().st_size:.2f}x smaller")  # fmt: skip
    finally:
        sandbox.close()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
