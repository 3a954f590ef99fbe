"""Redshift's statements with the results its manual gives, on the local engine."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest

from core.sandbox.redshift.engine import declarations
from core.sandbox.redshift.engine.outcome import NeedsCluster, SqlError
from core.sandbox.redshift.engine.warehouse import Warehouse
from core.sandbox.redshift.opening import Opening
from tests.conftest import SHARED
from tests.core.sandbox_redshift.conftest import Engine, made_of

HERE = Path(__file__).parent
PUBLIC = SHARED / "data" / "redshift-statements.json"
_REFUSED = ("analyze compression", "create external table", "create procedure")
"""What of the public sample only a real cluster can do: refused by name."""


def _same(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        ((kind, text),) = wanted.items()
        wanted = Decimal(text) if kind == "decimal" else text
    if got is None or wanted is None or isinstance(wanted, bool) or isinstance(got, bool):
        return got is wanted
    if isinstance(wanted, (int, float, Decimal)):
        try:
            return abs(Decimal(str(got)) - Decimal(str(wanted))) <= Decimal("1e-9") * max(1, abs(Decimal(str(wanted))))
        except InvalidOperation:
            return False
    return bool(got == wanted)


def _trouble(engine: Engine, case: dict[str, Any]) -> str:
    """What is wrong with a case, or nothing."""
    expected = case["expect"]
    try:
        rows, columns = engine.answer(case["sql"])
    except NeedsCluster as error:
        if case.get("name") in _REFUSED or expected.get("error") is True or expected.get("refused"):
            return ""
        return f"refused: {error}"
    except SqlError as error:
        wanted = expected.get("error")
        return "" if wanted is True or (wanted and wanted.lower() in str(error).lower()) else str(error)
    if expected.get("error") or expected.get("refused"):
        return f"gave {rows}, an error was expected"
    names, types = [one.label for one in columns], [one.type.sql for one in columns]
    if "first_column_name" in expected and names[0] != expected["first_column_name"]:
        return f"the column is called {names[0]}"
    if "names" in expected and names != expected["names"]:
        return f"the columns are called {names}"
    if "types" in expected and types != expected["types"]:
        return f"the types are {types}"
    if "rows" not in expected:
        return ""
    wanted = expected["rows"]
    if len(rows) == len(wanted) and all(
        len(one) == len(two) and all(map(_same, one, two)) for one, two in zip(rows, wanted, strict=True)
    ):
        return ""
    return f"gave {rows}, not {wanted}"


def _run(path: Path, engine: Engine, *, without_storage: bool) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    for sql in document["setup"]:
        engine(sql)
    cases = [
        one
        for one in document["cases"]
        if not (without_storage and "'s3://" in one["sql"] and "EXTERNAL" not in one["sql"])
    ]
    troubles = [f"{case['sql']}\n    {trouble}" for case in cases if (trouble := _trouble(engine, case))]
    assert not troubles, "\n".join(troubles)


@pytest.mark.parametrize(
    "name",
    [
        "strings-and-dates",
        "aggregates-windows-json",
        "ddl-dml-queries-system",
        "everyday",
        "types-and-functions",
        "statements-and-catalogue",
        "manual-examples",
        "manual-commands",
        "reference-functions",
        "reference-statements",
        "reference-everything",
        "daily-work",
        "dashboards",
        "corners",
    ],
)
def test_statements_give_what_the_manual_says(name: str, empty: Path, tmp_path: Path) -> None:
    warehouse = Warehouse(made_of(empty, tmp_path), "http://127.0.0.1:1")
    session = warehouse.session("dev", "awsuser")
    try:
        _run(HERE / f"{name}.json", Engine(session), without_storage=True)
    finally:
        session.close()
        warehouse.close()


def test_the_public_sample_passes_but_for_what_is_refused(empty: Path, tmp_path: Path) -> None:
    if not PUBLIC.exists():
        pytest.skip("the shared statements are not on this computer")
    warehouse = Warehouse(made_of(empty, tmp_path), "http://127.0.0.1:1")
    session = warehouse.session("dev", "awsuser")
    try:
        _run(PUBLIC, Engine(session), without_storage=True)
    finally:
        session.close()
        warehouse.close()


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("select 1 + 1::bigint", "bigint"),
        ("select -2147483648", "integer"),
        ("select -2147483648::bigint", "bigint"),
        ("select 1.50 * 2.5", "numeric(6,3)"),
        ("select 10::decimal(8,2) / 3::decimal(8,2)", "numeric(17,9)"),  # the manual's PRICEPAID / COMMISSION
        ("select 1.25 + 10.5", "numeric(5,2)"),
        ("select sum(a) from (select 1 as a)", "bigint"),
        ("select sum(a) from (select 1::bigint as a)", "numeric(38,0)"),
        ("select avg(a) from (select 1 as a)", "bigint"),
        ("select avg(a) from (select 1.25::dec(5,2) as a)", "numeric(38,2)"),
        ("select dateadd(day, 1, '2024-01-01'::date)", "timestamp without time zone"),
        ("select 'a'::varchar(3) || 'b'::varchar(4)", "character varying(7)"),
        ("select json_parse('1')", "super"),
    ],
)
def test_results_have_redshifts_types(engine: Engine, sql: str, kind: str) -> None:
    assert engine.types(sql) == [kind]


def test_unnamed_columns_are_called_as_on_redshift(engine: Engine) -> None:
    assert engine.labels("select 1, count(*), cast(1 as int), case when true then 1 end, coalesce(1,2), 1 as MyCol, upper('a')") == [
        "?column?", "count", "int4", "case", "coalesce", "mycol", "upper",
    ]  # fmt: skip


def test_pg_table_def_shows_what_is_on_the_search_path(engine: Engine) -> None:
    seen = "select distinct schemaname from pg_table_def where tablename in ('here', 'there', 'mine') order by 1"
    engine("create schema apart")
    engine("create table here (a int)")
    engine("create table apart.there (a int)")
    assert engine(seen) == [["public"]]
    engine("set search_path to apart")
    assert engine(seen) == [["apart"]]
    engine("create temp table mine (a int)")
    assert [row[0].startswith("pg_temp") for row in engine(seen)] == [False, True]
    engine("reset search_path")
    assert "apart" not in [row[0] for row in engine(seen)] and len(engine(seen)) == 2


def test_parameters_are_values_never_text(engine: Engine) -> None:
    assert engine("select :v", v="'; drop table x; --") == [["'; drop table x; --"]]
    assert engine("select 5 where 5 = :n", n="5") == [[5]]
    assert engine("select ':v', 1::int where 'a:v' = :v", v="a:v") == [[":v", 1]]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')", "select * from '/etc/passwd'", "copy (select 1) to '/tmp/x'", "attach '/tmp/x.db' as x",
        "select * from duckdb_settings()", "select read_text('/etc/passwd')", "select getenv('HOME')", "load httpfs", "pragma version",
        "set lock_configuration = false", "export database '/tmp/x'", "select * from rs_meta.tables", "drop table rs_meta.tables",
        "insert into rs_meta.tables values (1)", "select * from glob('/*')", "create table rs_meta.x (a int)", "select rs_json_parse('1')",
    ],
)  # fmt: skip
def test_nothing_outside_can_be_reached(engine: Engine, sql: str) -> None:
    with pytest.raises(SqlError):
        engine(sql)


def test_a_failed_statement_leaves_nothing_behind(engine: Engine) -> None:
    engine("create table half (a int, b varchar(2))")
    with pytest.raises(SqlError, match="Value too long for character type"):
        engine("insert into half select 1, 'ok' union all select 2, 'too long'")
    assert engine("select count(*) from half") == [[0]]
    with pytest.raises(SqlError, match="does not exist"):
        engine("create table other as select * from nowhere")
    assert engine("select count(*) from svv_tables where table_name = 'other'") == [[0]]


def test_data_and_declarations_survive_a_restart(empty: Path, tmp_path: Path) -> None:
    first = Warehouse(made_of(empty, tmp_path), "")
    session = first.session("dev", "")
    Engine(session)("create table kept (a int identity(1,1), b varchar(3)) distkey(b) sortkey(a)")
    Engine(session)("insert into kept (b) values ('x')")
    session.close()
    first.close()
    second = Warehouse(tmp_path / "warehouse", "")
    again = second.session("dev", "")
    engine = Engine(again)
    engine("insert into kept (b) values ('y')")
    assert engine("select a, b from kept order by a") == [[1, "x"], [2, "y"]]
    assert engine("select \"column\", distkey, sortkey from pg_table_def where tablename = 'kept' order by 1") == [
        ["a", False, 1],
        ["b", True, 0],
    ]
    again.close()
    second.close()


def test_what_others_declare_is_seen_and_what_is_rolled_back_is_not(warehouse: Warehouse) -> None:
    one, two = Engine(warehouse.session("dev", "")), Engine(warehouse.session("dev", ""))
    one("create table shared (a int)")
    assert two("select * from shared") == []
    one("alter table shared add column b int default 5")
    two("insert into shared (a) values (1)")
    assert two("select * from shared") == [[1, 5]]
    one("begin")
    one("alter table shared add column c int")
    assert one.labels("select * from shared") == ["a", "b", "c"]
    assert two.labels("select * from shared") == ["a", "b"]
    one("rollback")
    assert one.labels("select * from shared") == ["a", "b"]
    two("begin")
    two("select 1")
    one("alter table shared rename to moved")
    assert two.labels("select * from moved") == ["a", "b"]
    two("commit")
    with pytest.raises(SqlError, match="does not exist"):
        two("select * from shared")
    one("create temp table moved (own int)")
    assert (one.labels("select * from moved"), two.labels("select * from moved")) == (["own"], ["a", "b"])
    one("drop table public.moved")
    assert one.labels("select * from moved") == ["own"]
    one.session.close()
    two.session.close()


def test_views_follow_a_table_that_is_renamed(engine: Engine) -> None:
    """The change of tables at the end of a load: a bound view goes on reading the old one."""
    engine("create table goods (id int identity(1,1), v int)")
    engine("insert into goods (v) values (10)")
    engine("create view seen_goods as select g.v, goods.id from goods join public.goods g on g.id = goods.id")
    engine("create materialized view kept_goods as select v from goods")
    engine("create view public.late_goods as select v from public.goods with no schema binding")
    engine("alter table goods rename to goods_old")
    engine("create table goods (id int identity(1,1), v int)")
    engine("insert into goods (v) values (20)")
    engine("refresh materialized view kept_goods")
    assert (engine("select v from seen_goods"), engine("select v from kept_goods")) == ([[10]], [[10]])
    assert engine("select v from late_goods") == [[20]]
    engine("alter table seen_goods rename to watched_goods")
    assert engine("select id from watched_goods") == [[1]]
    with pytest.raises(NeedsCluster, match="watched_goods reads"):
        engine("alter table goods_old rename column v to w")
    with pytest.raises(SqlError, match="depend"):
        engine("drop table goods_old")


def test_the_history_is_whole_at_each_statement_and_after_a_restart(empty: Path, tmp_path: Path) -> None:
    first = Warehouse(made_of(empty, tmp_path), "")
    session = first.session("dev", "")
    engine = Engine(session)
    engine("select 41")
    engine("create table seen as select querytxt from stl_query")
    assert engine("select count(*) from seen where querytxt = 'select 41'") == [[1]]
    engine("select 42")
    engine("create view past as select querytxt from stl_query")
    assert engine("select count(*) from past where querytxt = 'select 42'") == [[1]]
    engine("select 43")
    engine("begin")
    assert engine("select count(*) from stl_query where querytxt = 'select 43'") == [[1]]
    engine("commit")
    assert engine("select status from stv_recents where query like '%stv_recents%'") == [["Running"]]
    engine("select 44")
    session.close()
    first.close()
    second = Warehouse(tmp_path / "warehouse", "")
    again = second.session("dev", "")
    assert Engine(again)(
        "select count(*), max(status) from sys_query_history where query_text in ('select 44', 'select 41')"
    ) == [[2, "success"]]
    assert Engine(again)("select count(*) from stv_inflight") == [[1]]  # this one; none was left running
    again.close()
    second.close()


def test_every_system_table_of_the_journal_has_it_written_down_first() -> None:
    script = Path(declarations.__file__).with_name("system_views.sql").read_text(encoding="utf-8")
    views = [part.split(" AS", 1) for part in script.split("CREATE OR REPLACE VIEW rs_pg.")[1:]]
    of_the_past = [name for name, text in views if re.search("rs_meta.(query_log|load_|unload_)", text)]
    assert len(of_the_past) > 10
    assert [name for name in of_the_past if not declarations.Shared().reads_past([name])] == []


def test_a_damaged_warehouse_is_told_and_one_that_nobody_asks_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "dev.duckdb").write_bytes(b"no database" * 1000)
    opening = Opening(tmp_path, "")
    for _ in range(2):
        with pytest.raises(SqlError, match="could not be opened"):
            opening.session("dev", "")
    opening.close()
    unasked = Opening(tmp_path / "new", "")
    unasked.close()
    assert not (tmp_path / "new").exists()


def test_a_result_left_half_read_stops_nothing(engine: Engine) -> None:
    ten = "(" + " union all ".join(f"select {n} as n" for n in range(10)) + ")"
    many = f"select a.n from {ten} a, {ten} b, {ten} c, {ten} d, {ten} e, {ten} f"
    batches = engine.session.run(many, {}, 1).batches(10**9)
    assert next(batches).num_rows * 65_535 < 2**31, "of the longest texts, more than Arrow holds in a batch"
    assert engine("select 2") == [[2]]
    engine("create table after_it (a int)")
