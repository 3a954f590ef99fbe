"""A selection as text: what is copied as INSERT gives the same rows again, and no reader takes a value for something else."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import polars as pl
import pytest

from core.base.errors import OpsError
from core.jobs.job import headless_job
from core.warehouse import copying
from core.warehouse.copying import Copied, Origin, copied, source_of
from core.warehouse.service import WarehouseService
from core.warehouse.statements import runnable

AWKWARD = ["it's", 'a "b", c', "back\\slash \\' ;--", "line\nend | *b* <i>", "", None, "😀 /* $$ :name"]


def origin(sql: str = "SELECT 1", dialect: str = "redshift", **types: str) -> Origin:
    return Origin(sql, dialect, dialect in ("redshift", "hive"), types)


def made(frame: pl.DataFrame, form: str, where: Origin | None = None) -> Copied:
    return copied(headless_job(), frame, form, where or origin())


def query(service: WarehouseService, sql: str) -> pl.DataFrame:
    job = headless_job()
    return service.execute(job, service.prepare(service.connection(job), sql)).result.frame()


@pytest.mark.parametrize("service", ["postgres", "redshift"], indirect=True)
def test_copied_inserts_give_the_same_rows_again(service: WarehouseService, monkeypatch) -> None:
    job = headless_job()
    where = service.connection(job)
    dialect, escapes = service.dialect(where)
    other = ", s SUPER, v VARBYTE(9)" if dialect == "redshift" else ", v BYTEA"
    columns = (
        "t VARCHAR(80), n BIGINT, f FLOAT8, d DECIMAL(38,10), yes BOOLEAN, day DATE, at TIMESTAMP, zone TIMESTAMPTZ"
    )
    query(service, f'CREATE TABLE copied_from ({columns}, "Group by" INT{other})')
    query(service, f'CREATE TABLE copied_to ({columns}, "Group by" INT{other})')
    frame = pl.DataFrame({
        "t": AWKWARD, "n": [2**63 - 1, -1, None, 0, 1, 2, 3], "f": [0.1, 1e300, float("inf"), -0.5, None, 2.0, 1e-7],
        "d": pl.Series([Decimal("1234567890123456789012345678.0123456789"), Decimal("0.0000000001"), None, *map(Decimal, range(4))],
                       dtype=pl.Decimal(38, 10)),
    })  # fmt: skip
    monkeypatch.setattr(copying, "_INSERT_ROWS", 3)
    text = made(frame, "insert", Origin("SELECT t, n, f, d FROM copied_from", dialect, escapes, {})).text
    assert len(runnable(text, escapes=escapes)) == 3
    for statement in runnable(text, escapes=escapes):
        query(service, statement.body)
    some = "TO_VARBYTE('00ff', 'hex')" if dialect == "redshift" else "DECODE('00ff', 'hex')"
    also = ", s = JSON_PARSE('{\"a\": [1, \"it''s\"]}')" if dialect == "redshift" else ""
    query(
        service,
        f"UPDATE copied_from SET yes = n > 0, day = '2024-02-29', at = '2024-02-29 12:34:56.789', zone = '2024-02-29 12:00+02',"
        f' "Group by" = 7, v = {some}{also} WHERE n > 0',
    )
    sql = "SELECT * FROM copied_from ORDER BY n"
    run = service.execute(job, service.prepare(where, sql))
    rows = run.result.frame()
    assert rows.sort("n", nulls_last=True).select("t", "n", "f", "d").equals(frame.sort("n", nulls_last=True))
    types = {column.name: column.type_name for column in run.result.columns}
    text = made(rows, "insert", Origin(sql, dialect, escapes, types)).text.replace("copied_from", "copied_to")
    for statement in runnable(text, escapes=escapes):
        query(service, statement.body)
    assert query(service, "SELECT * FROM copied_to ORDER BY n").equals(rows)


def test_a_copied_statement_stays_below_what_the_data_api_takes() -> None:
    text = made(pl.DataFrame({"t": ["é'" * 9_000] * 9}), "insert").text
    sizes = [len(statement.body.encode()) for statement in runnable(text)]
    assert len(sizes) == 5 and max(sizes) <= 100_000


def test_csv_gives_back_every_value_and_tells_null_from_nothing() -> None:
    text = made(pl.DataFrame({"t": AWKWARD, 'a "name"': range(7)}), "csv").text
    assert [row[0] for row in csv.reader(io.StringIO(text))] == ["t", *(one or "" for one in AWKWARD)]
    assert '\n"",4\n,5\n' in text


def test_markdown_shows_the_values_and_none_becomes_markup() -> None:
    lines = made(pl.DataFrame({"t": AWKWARD, "n_n": range(7)}), "markdown").text.splitlines()
    assert lines[:3] == ["| t | n\\_n |", "| --- | ---: |", "| it's | 0 |"]
    assert lines[5:8] == ["| line<br>end \\| \\*b\\* \\<i\\> | 3 |", "|  | 4 |", "| NULL | 5 |"]


def test_an_in_list_has_each_value_once_and_says_what_it_leaves_out() -> None:
    frame = pl.DataFrame({"t": ["b\\", "a'", None, "a'"], "n": range(4)})
    assert made(frame, "in") == Copied("('b\\\\', 'a''')", "1 NULL left out: IN never finds it; only of the column t")
    assert made(frame, "in", origin(dialect="postgres")).text == "('b\\', 'a''')"
    assert made(frame, "in", origin(dialect="hive")).text == "('b\\\\', 'a\\'')"
    assert made(frame.select("n"), "in") == Copied("(0, 1, 2, 3)")


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ('select a, b from "My Schema".t where x in (select b from c)', "table_name"),
        ('SELECT * FROM "My Schema".t x WHERE a = 1, 2', '"My Schema".t'),
        ("SELECT 'from me' FROM public.orders -- join\nLIMIT 5;", "public.orders"),
        ("SELECT * FROM a, b", "table_name"),
        ("SELECT * FROM a JOIN b ON true", "table_name"),
        ("SELECT n, count(*) FROM a GROUP BY 1", "table_name"),
        ("SELECT 1", "table_name"),
        ("SHOW TABLES FROM SCHEMA a", "table_name"),
        ("SELECT * FROM f(1)", "table_name"),
    ],
)
def test_the_table_is_named_where_the_statement_reads_one(sql: str, name: str) -> None:
    assert source_of(origin(sql)) == name


@pytest.mark.parametrize("form", ["csv", "markdown", "insert", "in"])
def test_too_much_for_the_clipboard_is_refused_in_words(form: str, monkeypatch) -> None:
    monkeypatch.setattr(copying, "LONGEST", 1_000)
    with pytest.raises(OpsError) as told:
        made(pl.DataFrame({"t": [f"{n:099}" for n in range(20)]}), form)
    assert (told.value.code, told.value.remedy) == ("too-large", "Choose less, or export the result to a file")
