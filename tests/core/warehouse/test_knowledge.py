"""History, saved queries, the catalogue's advice, completion, formatting, squiggles, places of errors, plans."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.warehouse.advice import advice
from core.warehouse.catalogue import Catalogue, Table, TableColumn, store, stored
from core.warehouse.completion import Completion
from core.warehouse.explain import parse_plan
from core.warehouse.failures import error_place, failure
from core.warehouse.formatting import formatted, squiggles
from core.warehouse.history import History

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_history_is_searched_by_words_and_keeps_no_password(tmp_path: Path) -> None:
    history = History(tmp_path / "w.sqlite", "p")
    one = history.begin("c", "d", "COPY t FROM 's3://x' CREDENTIALS 'aws_secret_access_key=hunter2'", NOW)
    history.sent(one, "id-1")
    history.end(one, "failed", 1.5, -1, "relation t does not exist")
    two = history.begin("c", "d", "SELECT 100 % 7", NOW)
    history.end(two, "finished", 0.1, 1)
    assert [run.id for run in history.search()] == [two, one]
    assert [run.id for run in history.search("copy exist")] == [one]
    assert [run.id for run in history.search("%")] == [two]
    assert "hunter2" not in history.search("copy")[0].sql
    found = history.by_statement("id-1")
    assert found is not None
    assert (found.state, found.error, found.seconds) == ("failed", "relation t does not exist", 1.5)
    history.close()
    other = History(tmp_path / "w.sqlite", "other")
    assert other.search() == []
    other.close()


def test_statements_whose_end_was_not_seen_are_found_for_a_day(tmp_path: Path) -> None:
    history = History(tmp_path / "w.sqlite", "p")
    number = history.begin("c", "d", "SELECT 1", datetime.now(UTC))
    assert history.unfinished() == []  # the server never took it
    history.sent(number, "id-1")
    assert [run.statement for run in history.unfinished()] == ["id-1"]
    history.end(number, "finished", 1, 1)
    assert history.unfinished() == []
    history.close()


def test_saved_queries_and_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / "w.sqlite").write_bytes(b"no database" * 200)
    history = History(tmp_path / "w.sqlite", "p")
    history.save("daily", "SELECT 1")
    history.save("daily", "SELECT 2")
    assert [(query.name, query.sql) for query in history.saved()] == [("daily", "SELECT 2")]
    history.forget("daily")
    assert history.saved() == []
    history.close()
    assert any("broken" in path.name for path in tmp_path.iterdir())


ORDERS = Table(
    "public",
    "orders",
    "table",
    (
        TableColumn("order_id", "bigint", False),
        TableColumn("customer_id", "integer", dist_key=True, encoding="az64"),
        TableColumn("placed", "timestamp", sort_position=1),
        TableColumn("Total Sum", "numeric(12,2)"),
    ),
    "KEY(customer_id)",
    50_000_000,
    812.0,
    7.5,
    35.0,
    20.0,
)
PEOPLE = Table(
    "crm",
    "people",
    "table",
    (TableColumn("customer_id", "integer", primary_key=True), TableColumn("name", "varchar(80)", comment="as told")),
    "EVEN",
    90_000,
    keys=("PRIMARY KEY (customer_id)",),
)
CATALOGUE = Catalogue("c", "dev", NOW, ("crm", "public"), (ORDERS, PEOPLE), ("x",))


def test_the_catalogue_survives_its_file(tmp_path: Path) -> None:
    store(CATALOGUE, tmp_path / "c.json")
    assert stored(tmp_path / "c.json") == CATALOGUE
    (tmp_path / "c.json").write_text('{"connection": 1}')
    assert stored(tmp_path / "c.json") is None
    assert stored(tmp_path / "nothing.json") is None


def test_advice_gives_reasons() -> None:
    words = " ".join(advice(ORDERS, CATALOGUE.tables))
    assert "7.5 times" in words
    assert "ANALYZE public.orders" in words
    assert "VACUUM public.orders" in words
    assert "DISTSTYLE ALL" in " ".join(advice(PEOPLE, CATALOGUE.tables))


@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("SELECT o.| FROM public.orders o", "order_id"),
        ("SELECT cust| FROM orders", "customer_id"),
        ("SELECT * FROM cr|", "crm.people"),
        ("SELECT * FROM crm.|", "people"),
        ('SELECT o."Tot| FROM orders o', None),
        ("SELECT 'cus|'", None),
        ("-- cus|", None),
        ("SELECT p.na| FROM orders o JOIN crm.people AS p ON true", "name"),
        ("SELECT 1; SELECT na| FROM crm.people; SELECT 2 FROM orders", "name"),
        ("SEL|", "SELECT"),
    ],
)
def test_completion_knows_what_is_in_sight(sql: str, first: str | None) -> None:
    completion = Completion(CATALOGUE, ["select", "from"], ["count"])
    place = sql.index("|")
    _, words = completion.candidates(sql.replace("|", ""), place)
    if first is None:
        assert words == [] or "Total" in words[0]
    else:
        assert words[0] == first


@pytest.mark.parametrize(("typed", "offered"), [("se", "select"), ("SE", "SELECT"), ("Se", "SELECT"), ("", "COUNT")])
def test_keywords_are_offered_in_the_letters_that_are_typed(typed: str, offered: str) -> None:
    _, words = Completion(CATALOGUE, ["select", "from"], ["COUNT"]).candidates(typed, len(typed))
    assert offered in words


@given(st.text(max_size=60), st.integers(0, 60))
def test_completion_never_fails(text: str, place: int) -> None:
    start, _ = Completion(CATALOGUE, ["select"], []).candidates(text, min(place, len(text)))
    assert 0 <= start <= len(text)


def test_formatting_keeps_what_it_does_not_understand() -> None:
    text = formatted("select a,b from t where x=1; COPY t FROM 's3://x' IAM_ROLE default; select ((", "redshift")
    assert "SELECT\n  a,\n  b\nFROM t" in text
    assert "COPY t FROM 's3://x' IAM_ROLE default;" in text
    assert "select ((" in text
    assert "-- why" in formatted("select a -- why\nfrom t", "redshift") or "/* why */" in formatted(
        "select a -- why\nfrom t", "redshift"
    )


def test_squiggles_stand_at_the_fault() -> None:
    sql = "SELECT 1;\nSELECT a FROM t WHERE ORDER BY 1 )"
    (mark,) = squiggles(sql, "redshift")
    assert sql.index("SELECT a") < mark.start < mark.end <= len(sql)
    assert "\x1b" not in mark.message
    assert squiggles("COPY x FROM 's3://b' IAM_ROLE default CSV", "redshift") == []


@pytest.mark.parametrize(
    ("sql", "message", "marked"),
    [
        ("SELECT *\nFROM nope", 'ERROR: relation "nope" does not exist', "nope"),
        ("SELECT 'nope' FROM nope", 'relation "public.nope" does not exist', "nope"),
        ("SELECT a FROMM t", 'syntax error at or near "FROMM"\n  Position: 10', "FROMM"),
        ("SELECT\n  a b c FROM t", "Invalid expression. Line 2, Col: 3.", "a"),
        (
            "SELECT 1 x,\n  FROMM nowhere",
            "[PARSE_SYNTAX_ERROR] Syntax error at or near 'nowhere'. SQLSTATE: 42601 (line 2, pos 8)",
            "nowhere",
        ),
        (
            "SELECT *\nFROM nope",
            "[TABLE_OR_VIEW_NOT_FOUND] The table or view `nope` cannot be found. SQLSTATE: 42P01; line 2 pos 5",
            "nope",
        ),
        ("SELECT 1", "something else entirely", None),
    ],
)
def test_errors_are_placed(sql: str, message: str, marked: str | None) -> None:
    place = error_place(sql, message)
    assert (sql[slice(*place)] if place else None) == marked
    fault = failure(sql, message, statement="id")
    assert fault.code == "sql"
    assert fault.details["statement"] == "id"
    assert not fault.why.startswith("ERROR")


PLAN = """XN Merge  (cost=1000000000161.62..1000000000161.63 rows=2 width=20)
  Merge Key: status
  ->  XN Hash Join DS_BCAST_INNER  (cost=109.98..3871130276.28 rows=172456 width=132)
        Hash Cond: ("outer".eventid = "inner".eventid)
        ->  XN Seq Scan on sales  (cost=0.00..1724.56 rows=172456 width=14)
        ->  XN Hash  (cost=87.98..87.98 rows=8798 width=25)
              ->  XN Seq Scan on event  (cost=0.00..87.98 rows=8798 width=25)"""


def test_a_plan_becomes_a_tree_with_its_costly_steps_marked() -> None:
    (root,) = parse_plan(PLAN)
    (join,) = root.children
    assert [child.text for child in join.children] == ["XN Seq Scan on sales", "XN Hash"]
    assert join.children[1].children[0].rows == 8798
    assert root.details == ["Merge Key: status"]
    assert "every node" in join.warning
    assert root.costly
    assert not join.children[0].costly


@given(st.text(max_size=200))
def test_any_text_can_be_a_plan(text: str) -> None:
    parse_plan(text)
