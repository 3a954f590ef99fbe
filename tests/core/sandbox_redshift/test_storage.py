"""COPY and UNLOAD against the sandbox's S3: what goes out comes back, bad rows are kept and named."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from core.sandbox.redshift.statements import StatementStore, new_statement
from tests.sandboxed import Sandbox


class Copies:
    def __init__(self, sandbox: Sandbox) -> None:
        self.s3, self.data = sandbox.client("s3"), sandbox.client("redshift-data")
        connection = sandbox.target.warehouses[0]
        self.place = {"Database": connection.database, "ClusterIdentifier": connection.cluster}
        self.bucket = sandbox.name("copies")
        self.table = sandbox.name("copied").replace("-", "_")
        self.s3.create_bucket(Bucket=self.bucket)

    def put(self, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)

    def run(self, sql: str) -> dict[str, Any]:
        text = sql.replace("T", self.table) if sql.startswith(("CREATE TABLE T", "COPY T")) else sql
        answer = self.data.execute_statement(
            Sql=text.replace("s3://B/", f"s3://{self.bucket}/"), WaitTimeSeconds=30, **self.place
        )
        described: dict[str, Any] = self.data.describe_statement(Id=answer["Id"], WaitTimeSeconds=30)
        return described

    def rows(self, sql: str) -> list[list[Any]]:
        described = self.run(sql)
        assert described["Status"] == "FINISHED", described
        records = self.data.get_statement_result(Id=described["Id"])["Records"]
        return [[None if "isNull" in value else next(iter(value.values())) for value in row] for row in records]

    def keys(self, prefix: str) -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]

    def body(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content


@pytest.fixture
def copies(sandbox: Sandbox) -> Copies:
    return Copies(sandbox)


def _copy(copies: Copies, options: str, key: str) -> dict[str, Any]:
    return copies.run(f"COPY {copies.table} FROM 's3://{copies.bucket}/{key}' IAM_ROLE default {options}")


def test_every_format_and_compression_is_read(copies: Copies) -> None:
    copies.run(f"CREATE TABLE {copies.table} (id INT, v VARCHAR(20), d DATE)")
    copies.put("a.csv", b'id,v,d\n1,"x,y",2024-01-31\n2,,\n')
    copies.put("b.gz", gzip.compress(b"3|q|2024-02-29\n4|\\N|\n"))
    copies.put("c.bz2", bz2.compress(b"5\tz\t2024-03-01\n"))
    copies.put("d.zst", zstandard.compress(b'6;"quoted ""one""";2024-03-02\n'))
    copies.put("e.json", b'{"id": 7, "v": "j", "extra": 1}\n{"id": 8, "d": "2024-03-03"}')
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array([9], pa.int32()), "v": ["p"], "d": pa.array([19782], pa.date32())}), sink)
    copies.put("f.parquet", sink.getvalue())
    copies.put("g.txt", b"10 fixed     2024-03-04\n")
    for key, options, count in (
        ("a.csv", "CSV IGNOREHEADER 1", 2),
        ("b.gz", r"DELIMITER '|' GZIP NULL AS '\N'", 2),
        ("c.bz2", r"DELIMITER '\t' BZIP2 DATEFORMAT 'auto'", 1),
        ("d.zst", "CSV DELIMITER ';' ZSTD", 1),
        ("e.json", "FORMAT AS JSON 'auto'", 2),
        ("f.parquet", "FORMAT AS PARQUET", 1),
        ("g.txt", "FIXEDWIDTH 'id:3,v:10,d:10'", 1),
    ):
        done = _copy(copies, options, key)
        assert (done["Status"], done["ResultRows"]) == ("FINISHED", count), (key, done.get("Error"))
    assert copies.rows(f"SELECT id, v, d FROM {copies.table} ORDER BY id") == [
        [1, "x,y", "2024-01-31"], [2, "", None], [3, "q", "2024-02-29"], [4, None, None], [5, "z", "2024-03-01"], [6, 'quoted "one"', "2024-03-02"],
        [7, "j", None], [8, None, "2024-03-03"], [9, "p", "2024-02-29"], [10, "fixed", "2024-03-04"],
    ]  # fmt: skip


def test_bad_rows_are_counted_kept_and_named(copies: Copies) -> None:
    copies.run(f"CREATE TABLE {copies.table} (id INT NOT NULL, v VARCHAR(3))")
    copies.put("bad.csv", b"1,ok\nx,ok\n3,too long\n4,ok,extra\n,ok\n6,end\n")
    failed = _copy(copies, "CSV", "bad.csv")
    assert failed["Status"] == "FAILED" and "stl_load_errors" in failed["Error"] and "line 2" in failed["Error"]
    assert copies.rows(f"SELECT COUNT(*) FROM {copies.table}") == [[0]]
    done = _copy(copies, "CSV MAXERROR 10", "bad.csv")
    assert (done["Status"], done["ResultRows"]) == ("FINISHED", 2)
    errors = copies.rows(
        f"SELECT line_number, TRIM(colname), err_reason FROM stl_load_errors WHERE query = {done['RedshiftQueryId']} ORDER BY 1"
    )
    assert [(line, column) for line, column, _ in errors] == [(2, "id"), (3, "v"), (4, ""), (5, "id")]
    assert errors[0][2].startswith("Invalid digit, Value 'x'")
    cut = _copy(copies, "CSV MAXERROR 10 TRUNCATECOLUMNS", "bad.csv")
    assert cut["ResultRows"] == 3


def test_copy_cuts_decimals_checks_without_loading_and_follows_paths(copies: Copies) -> None:
    copies.run(f"CREATE TABLE {copies.table} (a DECIMAL(8,2), b VARCHAR(10))")
    copies.put("long.csv", b"20.259,cut\n")
    copies.put("wrong.txt", b"1|a\xe2\x82b\n2|ok\n")
    copies.put("paths.json", b'{"jsonpaths": ["$.n.v[1]", "$[\'name\']"]}')
    copies.put("deep.json", b'{"n": {"v": [1, 2.5]}, "name": "path"}')
    for key, options, count in (
        ("long.csv", "CSV NOLOAD", 0),
        ("long.csv", "CSV", 1),
        ("long.csv", "CSV ROUNDEC", 1),
        ("wrong.txt", "MAXERROR 3", 1),
        ("wrong.txt", "ACCEPTINVCHARS AS '^'", 2),
        ("deep.json", f"JSON 's3://{copies.bucket}/paths.json'", 1),
    ):
        done = _copy(copies, options, key)
        assert (done["Status"], done["ResultRows"]) == ("FINISHED", count), (key, options, done.get("Error"))
    assert copies.rows(f"SELECT a, b FROM {copies.table} ORDER BY a, b") == [
        ["1.00", "a^^b"], ["2.00", "ok"], ["2.00", "ok"], ["2.50", "path"], ["20.25", "cut"], ["20.26", "cut"],
    ]  # fmt: skip


def test_what_cannot_be_read_is_said(copies: Copies) -> None:
    copies.run(f"CREATE TABLE {copies.table} (id INT)")
    copies.put("broken.gz", gzip.compress(b"1\n2\n" * 5000)[:-20])
    copies.put("wrong.parquet", b"PAR1 this is none")
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array([1], pa.int64())}), sink)
    copies.put("wide.parquet", sink.getvalue())
    for key, options, says in (
        ("none", "CSV", "does not exist"),
        ("broken.gz", "GZIP", "damaged"),
        ("wrong.parquet", "FORMAT PARQUET", "not a Parquet file"),
        ("wide.parquet", "FORMAT PARQUET", "incompatible Parquet schema for column 'id'"),
        ("none", "FORMAT AVRO 'auto'", "AVRO needs a real cluster"),
        ("none", "NOSUCHOPTION", "syntax error"),
    ):
        done = _copy(copies, options, key)
        assert done["Status"] == "FAILED" and says in done["Error"], (key, done.get("Error"))
    assert copies.rows(f"SELECT COUNT(*) FROM {copies.table}") == [[0]]


def test_unload_writes_what_copy_reads(copies: Copies) -> None:
    copies.run(
        f"CREATE TABLE {copies.table} AS SELECT i AS id, 'v|' || i AS v, i % 2 = 0 AS even, CASE WHEN i > 2 THEN i END AS n FROM generate_series(1, 4) g(i)"
    )
    query = f"UNLOAD ('SELECT id, v, even, n FROM {copies.table} ORDER BY id') TO 's3://B/"
    assert copies.run(f"{query}csv/' IAM_ROLE default CSV HEADER GZIP PARALLEL OFF")["ResultRows"] == 4
    assert gzip.decompress(copies.body("csv/000.gz")) == b"id,v,even,n\n1,v|1,f,\n2,v|2,t,\n3,v|3,f,3\n4,v|4,t,4\n"
    again = copies.run(f"{query}csv/' IAM_ROLE default CSV")
    assert again["Status"] == "FAILED" and "not empty" in again["Error"]
    copies.run(f"{query}text/' IAM_ROLE default ESCAPE NULL AS 'nil' MANIFEST")
    assert copies.body("text/0000_part_00").splitlines()[0] == b"1|v\\|1|f|nil"
    assert json.loads(copies.body("text/manifest"))["entries"][0]["url"] == f"s3://{copies.bucket}/text/0000_part_00"
    copies.run(f"{query}told/' IAM_ROLE default CSV PARALLEL OFF MANIFEST VERBOSE")
    told = json.loads(copies.body("told/manifest"))
    assert told["meta"] == {"content_length": len(copies.body("told/000")), "record_count": 4}
    assert [one["type"]["base"] for one in told["schema"]["elements"]] == [
        "integer",
        "character varying",
        "boolean",
        "integer",
    ]
    copies.run(f"{query}parts/' IAM_ROLE default PARQUET PARTITION BY (even)")
    assert copies.keys("parts/") == ["parts/even=false/0000_part_00.parquet", "parts/even=true/0000_part_00.parquet"]
    whole = pq.read_table(io.BytesIO(copies.body("parts/even=true/0000_part_00.parquet")))
    assert whole.column_names == ["id", "v", "n"] and whole.column("id").to_pylist() == [2, 4]
    copies.run(f"CREATE TABLE {copies.table}_b (id INT, v VARCHAR(20), even BOOLEAN, n INT)")
    copies.run(f"COPY {copies.table}_b FROM 's3://B/text/manifest' IAM_ROLE default MANIFEST ESCAPE NULL AS 'nil'")
    assert copies.rows(f"SELECT * FROM {copies.table}_b EXCEPT SELECT * FROM {copies.table}") == []
    assert copies.rows(f"SELECT COUNT(*) FROM {copies.table}_b") == [[4]]


def test_a_damaged_file_of_statements_is_put_aside_and_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "statements.sqlite"
    path.write_bytes(b"no database" * 100)
    store = StatementStore(path, 86_400)
    statement = new_statement(["SELECT 1"], False, {})
    store.add(statement)
    store.close()
    again = StatementStore(path, 86_400)
    found = again.get(statement.id)
    again.close()
    assert found is not None and found.status == "ABORTED", "it was at work when the file was closed"
    assert (tmp_path / "statements.sqlite.broken-1").exists()
