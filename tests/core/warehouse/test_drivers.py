"""One suite for every way to a warehouse: run, types, all pages, cancel at the server, sessions, errors, running list."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.base.errors import OpsError
from core.jobs.job import JobState, headless_job
from core.jobs.runner import JobRunner
from core.warehouse.drivers import hive, postgres
from core.warehouse.drivers.driver import State
from core.warehouse.service import WarehouseService
from tests.core.warehouse.conftest import eventually
from tests.core.warehouse.postgres_server import PASSWORD

databases = pytest.mark.parametrize("service", ["postgres", "redshift"], indirect=True)
"""For what HiveServer2 has not: DELETE, temporary tables, nullable columns told, keys, statements of others."""


def query(service: WarehouseService, sql: str, **options):
    job = headless_job()
    return service.execute(job, service.prepare(service.connection(job), sql, **options))


def rows_of(service: WarehouseService, sql: str, **options) -> list[dict]:
    return query(service, sql, **options).result.table().to_pylist()


def test_values_arrive_exactly_in_their_types(service: WarehouseService) -> None:
    run = query(
        service,
        """SELECT CAST(7 AS INT) AS n, CAST(9223372036854775807 AS BIGINT) AS big, CAST(1.5 AS FLOAT) AS f, true AS yes,
                  CAST(NULL AS INT) AS nothing, '' AS blank, CAST(NULL AS VARCHAR(9)) AS none, 'a,"b"\né😀' AS awkward,
                  CAST(12345678901234567890.12 AS DECIMAL(22,2)) AS d, date '2024-02-29' AS day,
                  timestamp '2024-02-29 12:34:56.789' AS t""",
    )
    (row,) = run.result.table().to_pylist()
    assert row["n"] == 7
    assert row["big"] == 9223372036854775807
    assert row["f"] == 1.5
    assert row["yes"] is True
    assert row["nothing"] is None
    assert (row["blank"], row["none"]) == ("", None)
    assert row["awkward"] == 'a,"b"\né😀'
    assert row["d"] == Decimal("12345678901234567890.12")
    assert row["day"] == date(2024, 2, 29)
    assert row["t"] == datetime(2024, 2, 29, 12, 34, 56, 789000)
    assert run.state is State.FINISHED
    assert run.result.count.words() == "1 row"


def test_a_lone_column_of_nulls_keeps_its_rows(service: WarehouseService) -> None:
    rows = rows_of(service, "SELECT CAST(NULL AS VARCHAR(9)) AS a UNION ALL SELECT '' UNION ALL SELECT NULL ORDER BY 1")
    assert sorted(row["a"] is None for row in rows) == [False, True, True]


def test_columns_without_or_with_the_same_name(service: WarehouseService) -> None:
    run = query(service, "SELECT 1 AS a, 2 AS a, 3 AS b")
    assert run.result.table().column_names == ["a", "a (2)", "b"]


def _numbers(service: WarehouseService, count: int) -> str:
    """A query of ``count`` rows in the server's own words."""
    return (
        "WITH d AS (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL"
        " SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
        " SELECT a.n + 10*b.n + 100*c.n + 1000*e.n + 10000*f.n AS n, 'row ' || REPEAT('x', 80) AS label"
        f" FROM d a, d b, d c, d e, d f WHERE a.n + 10*b.n + 100*c.n + 1000*e.n + 10000*f.n < {count}"
    )


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that 25,000 rows are several (the Data API's are of 1 MB)."""
    for driver in (postgres, hive):
        monkeypatch.setattr(driver, "_FETCH", 5_000)


def test_every_page_is_fetched(service: WarehouseService, small_pages: None) -> None:
    run = query(service, _numbers(service, 25_000))
    table = run.result.table()
    assert table.num_rows == 25_000 and table.column("n").num_chunks > 1
    assert sorted(table.column("n").to_pylist()) == list(range(25_000))
    assert run.result.count.words() == "25,000 rows"


def test_a_result_that_was_cut_says_so(service: WarehouseService, small_pages: None) -> None:
    run = query(service, _numbers(service, 25_000), limit=15_000)
    count = run.result.count
    assert (count.shown, count.cut) == (15_000, True)
    assert "cut by the limit" in count.words()
    whole = query(service, _numbers(service, 15_000), limit=15_000)
    assert not whole.result.count.cut


def test_parameters_cannot_break_out(service: WarehouseService) -> None:
    hostile = "'; DROP TABLE x; -- \\"
    values = {"a": hostile, "b": "", "c": None, "unused": "1"}
    (row,) = rows_of(service, "SELECT :a AS a, :b AS b, CAST(:c AS INT) AS c, ':a' AS d", values=values)
    assert row == {"a": hostile, "b": "", "c": None, "d": ":a"}
    with pytest.raises(OpsError, match="no value"):
        rows_of(service, "SELECT :missing AS a")


@databases
def test_writes_say_how_many_rows(service: WarehouseService) -> None:
    query(service, "DROP TABLE IF EXISTS t_writes")
    query(service, "CREATE TABLE t_writes (a int, b varchar(20))")
    run = query(service, "INSERT INTO t_writes VALUES (1, 'x'), (2, 'y'), (3, 'z')")
    assert run.affected == 3
    assert run.words().startswith("INSERT: 3 rows")
    deleting = service.prepare(run.connection, "DELETE FROM t_writes WHERE a > 1")
    assert service.rows_touched(headless_job(), deleting) == 2
    assert query(service, "DELETE FROM t_writes WHERE a > 1").affected == 2


@databases
def test_a_session_keeps_its_temporary_table(service: WarehouseService) -> None:
    query(service, "CREATE TEMP TABLE kept (a int)", session="one")
    query(service, "INSERT INTO kept VALUES (1)", session="one")
    assert rows_of(service, "SELECT a FROM kept", session="one") == [{"a": 1}]
    with pytest.raises(OpsError):
        query(service, "SELECT a FROM kept", session="two")


def test_wrong_sql_is_marked_at_its_place(service: WarehouseService) -> None:
    job = headless_job()
    run = service.prepare(service.connection(job), "SELECT 1 AS fine,\n  FROMM nowhere")
    with pytest.raises(OpsError) as caught:
        service.execute(job, run)
    assert caught.value.code == "sql"
    assert run.place is not None
    assert "nowhere" in run.sql[run.place[0] :] or "FROMM" in run.sql[run.place[0] :]


def test_a_missing_table_is_named_and_marked(service: WarehouseService) -> None:
    job = headless_job()
    run = service.prepare(service.connection(job), "SELECT *\nFROM no_such_table_here WHERE 1 = 1")
    with pytest.raises(OpsError, match="no_such_table_here") as caught:
        service.execute(job, run)
    assert "tree" in caught.value.remedy
    assert run.place is not None
    assert run.sql[slice(*run.place)] == "no_such_table_here"
    assert service.history.search("no_such_table_here")[0].state == "failed"


def test_the_connection_is_usable_after_an_error(service: WarehouseService) -> None:
    with pytest.raises(OpsError):
        query(service, "SELECT nope", session="s")
    assert rows_of(service, "SELECT 1 AS a", session="s") == [{"a": 1}]


SLOW = {
    "hive": "SELECT sum(sin(a.id + b.id)) AS SLOWLY FROM range(10000000) a, range(1000000) b",
    "postgres": "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 1000) b",
    "redshift": "WITH d AS (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)"
    " SELECT sum(sin(a.n + b.n + c.n + e.n + f.n + g.n + h.n + i.n + j.n + k.n + l.n + m.n)) FROM d a, d b, d c, d e, d f, d g, d h, d i, d j, d k, d l, d m",
}


def test_cancel_is_confirmed_by_the_server(service: WarehouseService) -> None:
    connection = service.connection(headless_job())
    runner = JobRunner()
    run = service.prepare(connection, SLOW[service.dialect(connection)[0]])
    job = runner.submit("slow", lambda job: service.execute(job, run))
    eventually(lambda: run.state is State.STARTED, 60)
    listed: list = []

    def shown() -> bool:  # the server may not have begun it yet; that it answers meanwhile is what matters
        lister = threading.Thread(target=lambda: listed.extend(service.running(headless_job(), connection)))
        lister.start()
        lister.join(15)
        return any("SELECT" in statement.sql.upper() for statement in listed)

    eventually(shown, 60)
    assert all(statement.user for statement in listed)
    assert job.cancel()
    assert job.wait(60)
    assert job.state is JobState.CANCELLED
    assert (run.state, run.confirmed) == (State.ABORTED, True)
    assert "confirmed by the server" in run.words()
    eventually(lambda: not service.running(headless_job(), connection))
    assert service.history.search()[0].state == "cancelled"
    assert runner.close() == []


@databases
def test_another_ones_statement_can_be_cancelled(service: WarehouseService) -> None:
    connection = service.connection(headless_job())
    runner = JobRunner()
    run = service.prepare(connection, SLOW[service.dialect(connection)[0]])
    job = runner.submit("slow", lambda job: service.execute(job, run))
    found: list = []
    eventually(lambda: found.extend(service.running(headless_job(), connection)) or found)
    service.cancel(headless_job(), connection, found[0].id)
    assert job.wait(20)
    assert run.state is State.ABORTED
    assert runner.close() == []


@pytest.mark.parametrize("service", ["postgres"], indirect=True)
def test_a_cancel_that_falls_between_two_commands_is_not_lost(service: WarehouseService) -> None:
    """The server says nothing of it; what the same process does in its next transaction is not touched."""
    import psycopg  # 0.3 s of CPU: not for every worker that collects

    connection = service.connection(headless_job())
    others = psycopg.connect(
        host=connection.host, port=connection.port, dbname="postgres", user=connection.db_user, password=PASSWORD
    )
    others.execute("SELECT 1")  # it is in a transaction now, and does nothing
    runner = JobRunner()
    job = runner.submit("cancel", lambda job: service.cancel(job, connection, str(others.info.backend_pid)))
    time.sleep(0.5)
    with pytest.raises(psycopg.errors.QueryCanceled):
        others.execute("SELECT pg_sleep(30)")
    others.rollback()
    others.execute("SELECT pg_sleep(1)")
    assert job.wait(20)
    assert job.state is JobState.SUCCEEDED
    assert runner.close() == []
    others.close()


@databases
def test_the_catalogue_is_whole_and_kept(service: WarehouseService) -> None:
    job = headless_job()
    connection = service.connection(job)
    for sql in (
        "DROP TABLE IF EXISTS shop_orders",
        "DROP SCHEMA IF EXISTS empty_one",
        "CREATE SCHEMA empty_one",
        "CREATE TABLE shop_orders (id bigint NOT NULL, total numeric(12,2), note varchar(40), placed timestamp)",
        "INSERT INTO shop_orders VALUES (1, 2.5, 'x', '2024-01-01')",
    ):
        query(service, sql)
    catalogue = service.catalogue(job, connection)
    assert "empty_one" in catalogue.schemas
    table = catalogue.find("public.shop_orders")
    assert (table.kind, [column.name for column in table.columns]) == ("table", ["id", "total", "note", "placed"])
    kinds = [column.type_name.lower() for column in table.columns]
    assert kinds[0] == "bigint"
    assert "(12,2)" in kinds[1]
    assert "(40)" in kinds[2]
    assert not table.columns[0].nullable
    assert service.stored_catalogue(connection) == catalogue
    with pytest.raises(OpsError, match="There is no table"):
        catalogue.find("nothing_here")


@databases
def test_the_catalogue_has_keys_and_comments(service: WarehouseService) -> None:
    job = headless_job()
    connection = service.connection(job)
    for sql in (
        "DROP TABLE IF EXISTS lines",
        "DROP TABLE IF EXISTS heads",
        'CREATE TABLE heads (id int NOT NULL, "year, (old)" int NOT NULL, code int UNIQUE, PRIMARY KEY (id, "year, (old)"))',
        'CREATE TABLE lines (n int PRIMARY KEY, head int, y int, CONSTRAINT up FOREIGN KEY (head, y) REFERENCES heads (id, "year, (old)"))',
        "COMMENT ON TABLE lines IS 'What <b>was</b> ordered'",
        "COMMENT ON COLUMN lines.y IS 'of the head''s'",
    ):
        query(service, sql)
    catalogue = service.catalogue(job, connection)
    assert not catalogue.notes
    heads, lines = catalogue.find("public.heads"), catalogue.find("public.lines")
    assert [column.primary_key for column in heads.columns] == [True, True, False]
    assert [column.primary_key for column in lines.columns] == [True, False, False]
    assert [column.references[:9] for column in lines.columns] == ["", "heads(id,", "heads(id,"]
    assert [key.split()[0] for key in (*heads.keys, *lines.keys)] == ["PRIMARY", "UNIQUE", "PRIMARY", "FOREIGN"]
    assert (lines.comment, [column.comment for column in lines.columns]) == (
        "What <b>was</b> ordered",
        ["", "", "of the head's"],
    )
    assert lines.keys_hold is (connection.kind == "postgres")
    assert service.stored_catalogue(connection) == catalogue


def test_databases_are_listed(service: WarehouseService) -> None:
    job = headless_job()
    connection = service.connection(job)
    assert connection.database in service.databases(job, connection)


def test_explain_is_a_tree(service: WarehouseService) -> None:
    job = headless_job()
    steps, text = service.explain(job, service.prepare(service.connection(job), "EXPLAIN SELECT 1 AS a ORDER BY a"))
    assert steps
    assert text.strip()


def test_history_tells_when_how_long_and_how_many(service: WarehouseService) -> None:
    before = datetime.now(UTC)
    query(service, "SELECT 1 AS a UNION ALL SELECT 2")
    past = service.history.search("union all")[0]
    assert (past.state, past.rows) == ("finished", 2)
    assert past.statement
    assert past.started >= before
