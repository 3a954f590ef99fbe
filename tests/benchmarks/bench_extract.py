"""Regular expression to typed Parquet: ours (polars, streamed) against DuckDB's regexp_extract, on generated nginx logs."""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from pathlib import Path

from core.jobs.job import headless_job
from core.warehouse.extract.extraction import extract
from core.warehouse.extract.presets import NGINX
from core.warehouse.extract.sources import local_sources


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    options, _others = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "access.log"
        lines = generate(log, options.megabytes)
        size = log.stat().st_size / 1e6
        costs = {}
        for name, work in (("ours", ours), ("DuckDB", duckdb_rows)):
            before, begun = _cpu(), time.perf_counter()
            rows = work(log, Path(folder) / f"{name}.parquet")
            wall, cpu = time.perf_counter() - begun, _cpu() - before
            assert rows == lines, (name, rows, lines)
            costs[name] = cpu
            print(
                f"{name:8} {rows:,} rows, {size:,.0f} MB: {wall:.1f} s wall, {cpu:.1f} CPU-s, {size / cpu:.0f} MB/CPU-s",
                flush=True,
            )
            if name == "ours":
                peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
                print(f"         peak memory of the extracting process: {peak:,.0f} MB")
        print(f"DuckDB / ours: {costs['DuckDB'] / costs['ours']:.2f} times the CPU time")


def _cpu() -> float:
    mine, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


if __name__ == "__main__":
    main()
