"""The statement that makes a table or view again, as each kind of server is asked for it."""

from __future__ import annotations

import pytest

from core.warehouse.catalogue import Table
from core.warehouse.creation import question, statement


@pytest.mark.parametrize(
    ("dialect", "kind", "asked"),
    [
        ("redshift", "table", 'SHOW TABLE crm."Order"'),
        ("redshift", "late-binding view", 'SHOW VIEW crm."Order"'),
        ("redshift", "external table", 'SHOW EXTERNAL TABLE crm."Order"'),
        ("athena", "view", 'SHOW CREATE VIEW crm."Order"'),
        ("athena", "external table", "SHOW CREATE TABLE `crm`.`Order`"),
        ("hive", "view", "SHOW CREATE TABLE `crm`.`Order`"),
        ("postgres", "table", ""),
    ],
)
def test_each_server_is_asked_in_its_own_words(dialect: str, kind: str, asked: str) -> None:
    assert question(dialect, Table("crm", "Order", kind)) == asked


@pytest.mark.parametrize(
    ("kind", "lines", "made"),
    [
        ("table", ["CREATE TABLE t (a int);"], "CREATE TABLE t (a int);\n"),
        ("external table", ["CREATE EXTERNAL TABLE t(", "  a int)"], "CREATE EXTERNAL TABLE t(\n  a int);\n"),
        ("view", ["select 1"], "CREATE VIEW s.v AS\nselect 1;\n"),
        ("materialized view", ["select 1;"], "CREATE MATERIALIZED VIEW s.v AS\nselect 1;\n"),
    ],
)
def test_what_they_answer_is_a_statement(kind: str, lines: list[str], made: str) -> None:
    assert statement(Table("s", "v", kind), [{"x": line} for line in lines]) == made
