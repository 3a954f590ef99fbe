"""Primary, unique and foreign keys, and comments: remembered, shown, and followed through changes of their tables."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from core.sandbox.redshift.engine.outcome import SqlError
from core.sandbox.redshift.engine.warehouse import Warehouse
from tests.core.sandbox_redshift.conftest import Engine, made_of


def each(engine: Engine, script: str) -> None:
    for sql in script.split("; "):
        engine(sql)


@pytest.fixture
def shop(engine: Engine) -> Engine:
    each(engine, "drop schema if exists keyed cascade; create schema keyed; set search_path to keyed")
    engine("create table pk1 (i int, j int, c int, note varchar(20) unique, primary key (j, i))")
    engine("create table fk2 (i int, j int, up int references fk2 (i), unique (i), foreign key (j, i) references pk1)")
    return engine


def test_they_are_shown_as_drivers_ask_for_them(shop: Engine) -> None:
    assert shop("show constraints primary keys from table dev.keyed.pk1") == [
        ["dev", "keyed", "pk1", "pk1_pkey", "j", "1"],
        ["dev", "keyed", "pk1", "pk1_pkey", "i", "2"],
    ]
    own = ["dev", "keyed", "fk2", "i", "dev", "keyed", "fk2", "up", "1", "fk2_up_fkey", "fk2_i_key", None, None, None]
    others = [
        ["dev", "keyed", "pk1", "j", "dev", "keyed", "fk2", "j", "1", "fk2_j_fkey", "pk1_pkey", None, None, None],
        ["dev", "keyed", "pk1", "i", "dev", "keyed", "fk2", "i", "2", "fk2_j_fkey", "pk1_pkey", None, None, None],
    ]
    assert shop("show constraints foreign keys from table fk2") == [own, *others]
    assert shop("show constraints foreign keys exported from table pk1 limit 1") == others[:1]
    assert shop("show constraints foreign keys exported from table fk2") == [own]
    assert shop("show table fk2")[0][0].splitlines()[4:7] == [
        "    UNIQUE (i),",
        "    FOREIGN KEY (up) REFERENCES keyed.fk2(i),",
        "    FOREIGN KEY (j, i) REFERENCES keyed.pk1(j, i)",
    ]


def test_the_catalogue_has_them(shop: Engine) -> None:
    of = "join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'keyed'"
    assert shop(
        "select c.relname, t.contype, t.conname, t.conkey, t.confkey, pg_get_constraintdef(t.oid, true) from pg_constraint t"
        f" join pg_class c on c.oid = t.conrelid {of} order by 1, 3"
    ) == [
        ["fk2", "u", "fk2_i_key", "{1}", None, "UNIQUE (i)"],
        ["fk2", "f", "fk2_j_fkey", "{2,1}", "{2,1}", "FOREIGN KEY (j, i) REFERENCES keyed.pk1(j, i)"],
        ["fk2", "f", "fk2_up_fkey", "{3}", "{1}", "FOREIGN KEY (up) REFERENCES keyed.fk2(i)"],
        ["pk1", "u", "pk1_note_key", "{4}", None, "UNIQUE (note)"],
        ["pk1", "p", "pk1_pkey", "{2,1}", None, "PRIMARY KEY (j, i)"],
    ]
    where = "where constraint_schema = 'keyed' order by constraint_name"
    assert shop(
        f"select constraint_name, unique_constraint_name from information_schema.referential_constraints {where}"
    ) == [
        ["fk2_j_fkey", "pk1_pkey"],
        ["fk2_up_fkey", "fk2_i_key"],
    ]
    assert shop(f"select table_name, column_name from information_schema.constraint_column_usage {where}, 2")[1:3] == [
        ["pk1", "i"],
        ["pk1", "j"],
    ]
    assert shop("select indexname from pg_indexes where schemaname = 'keyed' order by 1") == [
        ["fk2_i_key"],
        ["pk1_note_key"],
        ["pk1_pkey"],
    ]


@pytest.mark.parametrize(
    ("sql", "trouble"),
    [
        ("create table t (a int primary key, primary key (a))", "multiple primary keys"),
        ("create table t (a int references nothing)", "does not exist"),
        ("create table t (a int references pk1)", "disagree"),
        ("create table t (a int references pk1 (c))", "no unique constraint matching"),
        ("create table t (a int references pk1 (x))", 'column "x"'),
        ("create table t (a int, foreign key (b) references pk1 (note))", 'column "b"'),
        ("create table t (a int references t)", "no primary key for referenced table"),
        ("create table t (a int, constraint k unique (a), constraint k primary key (a))", "already exists"),
        ("alter table pk1 add primary key (c)", "multiple primary keys"),
        ("alter table pk1 add column d int unique", "takes no"),
        ("alter table pk1 drop constraint nothing", "does not exist"),
        ("alter table pk1 drop constraint pk1_pkey", "constraint fk2_j_fkey on table keyed.fk2"),
        ("alter table pk1 drop column i", "constraint fk2_j_fkey on table keyed.fk2"),
        ("drop table pk1", "constraint fk2_j_fkey on table keyed.fk2"),
    ],
)
def test_what_cannot_be(shop: Engine, sql: str, trouble: str) -> None:
    before = shop("select * from information_schema.table_constraints order by 3")
    with pytest.raises(SqlError, match=trouble):
        shop(sql)
    assert shop("select * from information_schema.table_constraints order by 3") == before


def test_they_follow_their_tables(shop: Engine) -> None:
    each(
        shop,
        "alter table pk1 rename to parent; alter table parent rename column j to day; alter table fk2 rename to child",
    )
    shop("alter table child rename column i to number")
    keys = "select pg_get_constraintdef(oid) from pg_constraint where conname like 'fk2%' or conname like 'pk1%' order by conname"
    assert [row[0] for row in shop(keys)] == [
        "UNIQUE (number)",
        "FOREIGN KEY (j, number) REFERENCES keyed.parent(day, i)",
        "FOREIGN KEY (up) REFERENCES keyed.child(number)",
        "UNIQUE (note)",
        "PRIMARY KEY (day, i)",
    ]
    shop("alter table parent drop constraint pk1_pkey cascade")
    with pytest.raises(SqlError):
        shop("insert into parent values (null, 1, 1, 'a')")  # a key's columns stay NOT NULL without it
    shop("alter table child drop column number cascade")
    assert [row[0] for row in shop(keys)] == ["UNIQUE (note)"]
    each(shop, "drop table parent; drop table child")
    assert shop(keys) == []


def test_none_is_enforced_and_a_rollback_takes_them_back(shop: Engine) -> None:
    each(shop, "insert into pk1 values (1, 1, 1, 'same'), (1, 1, 1, 'same'); insert into fk2 values (7, 7, 8)")
    each(shop, "begin; alter table fk2 drop constraint fk2_j_fkey; drop table pk1; rollback")
    assert len(shop("show constraints foreign keys exported from table pk1")) == 2


def test_comments(shop: Engine) -> None:
    each(
        shop,
        "create view seen as select i from pk1; comment on table pk1 is 'the parents'; comment on column keyed.pk1.j is 'day''s'",
    )
    each(
        shop,
        "comment on view seen is 'a view'; comment on column pk1.c is 'short-lived'; comment on column pk1.c is null",
    )
    assert shop(
        "select table_name, remarks from svv_tables where table_schema = 'keyed' and remarks <> '' order by 1"
    ) == [
        ["pk1", "the parents"],
        ["seen", "a view"],
    ]
    shop("alter table pk1 rename column j to day")
    assert [row[-1] for row in shop("show columns from table pk1")] == [None, "day's", None, None]
    assert [row[-1] for row in shop("show tables from schema keyed")] == [None, "the parents", "a view"]
    assert shop("select obj_description(oid), col_description(oid, 2) from pg_class where relname = 'pk1'") == [
        ["the parents", "day's"]
    ]
    each(shop, "drop table pk1 cascade; create table pk1 (i int, j int)")
    assert shop("select count(*) from pg_description d join pg_class c on c.oid = d.objoid where relname = 'pk1'") == [
        [0]
    ]
    with pytest.raises(SqlError, match="does not exist"):
        shop("comment on column pk1.x is 'nothing'")


def test_a_warehouse_of_an_earlier_version(empty: Path, tmp_path: Path) -> None:
    """It knew primary keys only, as a mark at each column."""
    folder = made_of(empty, tmp_path)
    opened = Warehouse(folder, "")
    Engine(opened.session("dev", "awsuser"))("create table old (a int, b int not null)")
    opened.close()
    with duckdb.connect(str(folder / "dev.duckdb")) as raw:
        raw.execute("ALTER TABLE rs_meta.columns ADD COLUMN primary_key BOOLEAN")
        raw.execute("UPDATE rs_meta.columns SET primary_key = column_name = 'b'")
    for _ in range(2):
        opened = Warehouse(folder, "")
        engine = Engine(opened.session("dev", "awsuser"))
        assert [row[3:] for row in engine("show constraints primary keys from table old")] == [["old_pkey", "b", "1"]]
        opened.close()
