"""Reading and writing told apart, with the tables a write would change and a query that counts its rows."""

from __future__ import annotations

import pytest

from core.warehouse.intent import Kind, counting, intent_of


@pytest.mark.parametrize(
    ("sql", "kind", "verb", "tables"),
    [
        ("select 1", Kind.READ, "SELECT", ()),
        ("-- delete from t\nselect 'delete from t'", Kind.READ, "SELECT", ()),
        ("with q as (select 1) select * from q", Kind.READ, "WITH", ()),
        ("with q as (select 1) delete from a.t", Kind.WRITE, "DELETE", ("a.t",)),
        ("(select 1) union (select 2)", Kind.READ, "SELECT", ()),
        ("explain delete from t", Kind.READ, "EXPLAIN", ()),
        ("select 1; delete from t; select 2", Kind.WRITE, "DELETE", ("t",)),
        ("begin; drop table t", Kind.WRITE, "DROP TABLE", ("t",)),
        ("select pg_terminate_backend(17)", Kind.WRITE, "SELECT pg_terminate_backend", ()),
        ("with q as (select nextval ('s')) select * from q", Kind.WRITE, "WITH nextval", ()),
        ("select 'nextval(', \"setval\" from t", Kind.READ, "SELECT", ()),
        ("\ufeffdelete from t", Kind.WRITE, "", ()),
        ("-- only a comment", Kind.READ, "", ()),
        ("insert into #kept values (1)", Kind.SESSION, "INSERT", ("#kept",)),
        ("drop table #a, #b", Kind.SESSION, "DROP TABLE", ("#a", "#b")),
        ("drop table #a, b", Kind.WRITE, "DROP TABLE", ("#a", "b")),
        ("alter table #a append from b", Kind.WRITE, "ALTER TABLE", ("#a",)),
        ("explain analyze delete from t", Kind.WRITE, "EXPLAIN ANALYZE DELETE", ("t",)),
        ("explain (analyze, verbose) select 1", Kind.READ, "EXPLAIN ANALYZE SELECT", ()),
        ("delete from t where a = 1", Kind.WRITE, "DELETE", ("t",)),
        ('update "My Schema"."My Table" set a = 1', Kind.WRITE, "UPDATE", ('"My Schema"."My Table"',)),
        ("insert into s.t (a) values (1)", Kind.WRITE, "INSERT", ("s.t",)),
        ("drop table if exists a, b.c cascade", Kind.WRITE, "DROP TABLE", ("a", "b.c")),
        ("truncate table t", Kind.WRITE, "TRUNCATE TABLE", ("t",)),
        ("create temp table x as select 1", Kind.SESSION, "CREATE TABLE", ("x",)),
        ("create table #x (a int)", Kind.SESSION, "CREATE TABLE", ("#x",)),
        ("create table if not exists x (a int)", Kind.WRITE, "CREATE TABLE", ("x",)),
        ("select * into t2 from t", Kind.WRITE, "SELECT INTO", ("t2",)),
        ("select * into temp t2 from t", Kind.SESSION, "SELECT INTO", ("t2",)),
        ("copy s.t from 's3://b/k' iam_role default", Kind.WRITE, "COPY", ("s.t",)),
        ("set search_path to x", Kind.SESSION, "SET", ()),
        ("call clean_up(1)", Kind.WRITE, "CALL", ("clean_up",)),
        ("frobnicate everything", Kind.WRITE, "FROBNICATE", ()),
        ("", Kind.READ, "", ()),
    ],
)
def test_intent(sql: str, kind: Kind, verb: str, tables: tuple[str, ...]) -> None:
    intent = intent_of(sql)
    assert (intent.kind, intent.verb, intent.tables) == (kind, verb, tables)


@pytest.mark.parametrize(
    ("sql", "whole"),
    [
        ("delete from t", True),
        ("select 1; delete from t", True),
        ("delete from #kept", False),
        ("insert overwrite table t select 1", True),
        ("delete from t where a = 1", False),
        ("delete from t -- where a = 1", True),
        ("update t set a = 'where'", True),
        ("update t set a = (select max(b) from u where (u.c = 1))", True),
        ("update t set a = 1 where b in (select c from u)", False),
        ("with q as (select 1 from u where b = 2) delete from t", True),
        ("with q as (select 1) update t set a = 1 where b = 2", False),
        ("with q as (delete from t returning a) select a from q where a = 1", True),
        ("with q as (delete from t where b = 2 returning a) select a from q", False),
        ("truncate t", True),
        ("drop table if exists a, b", True),
        ("drop schema s cascade", True),
        ("drop view v", False),
        ("drop table #x", False),
        ("insert into t select * from u", False),
        ("select 1", False),
    ],
)
def test_what_spares_no_row(sql: str, whole: bool) -> None:
    assert intent_of(sql).whole is whole


@pytest.mark.parametrize(
    ("sql", "query"),
    [
        ("delete from t where a > 1", "SELECT COUNT(*) FROM t WHERE a > 1"),
        ("update t set a = 1", "SELECT COUNT(*) FROM t"),
        ("truncate t", "SELECT COUNT(*) FROM t"),
        ("drop table t", "SELECT COUNT(*) FROM t"),
        ("insert into t values (1), (2)", "SELECT 2"),
        ("insert into t select * from u", "SELECT COUNT(*) FROM (SELECT * FROM u) AS counted"),
        ("delete from t using u where t.a = u.a", None),
        ("merge into t using u on t.a = u.a when matched then delete", None),
        ("delete from t where", None),
        ("copy t from 's3://x'", None),
    ],
)
def test_counting_what_a_write_would_touch(sql: str, query: str | None) -> None:
    assert counting(sql, "redshift") == query
