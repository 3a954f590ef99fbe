"""Splitting SQL: quotes, dollar quotes, comments, nested comments; nothing is lost, nothing is cut in the middle."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.warehouse import script as script_module
from core.warehouse.script import Script
from core.warehouse.statements import (
    literal,
    masked,
    parameters,
    plain_blanks,
    quoted,
    runnable,
    split,
    statement_at,
    with_parameters,
)

# Pieces that make trouble when they meet.
_ATOMS = st.sampled_from(
    [
        "select 1",
        ";",
        "'",
        "''",
        '"',
        "$$",
        "$a$",
        "$b$",
        "--",
        "\n",
        "/*",
        "*/",
        "\\",
        "E'",
        ":x",
        "::int",
        " ",
        "é",
        "a;b",
        "$1",
    ]
)
_SOUP = st.lists(_ATOMS, max_size=30).map("".join) | st.text(max_size=80)


@given(_SOUP, st.booleans())
def test_the_pieces_joined_give_the_text_back(text: str, escapes: bool) -> None:
    pieces = split(text, escapes=escapes)
    assert "".join(text[piece.start : piece.end] for piece in pieces) == text
    for piece in pieces:
        assert text[piece.body_start : piece.body_end] == piece.body
        assert piece.start <= piece.body_start <= piece.body_end <= piece.end
        assert piece.body == piece.body.strip()


@given(_SOUP, st.booleans())
def test_masking_keeps_the_length_and_the_lines(text: str, escapes: bool) -> None:
    hidden = masked(text, escapes=escapes)
    assert len(hidden) == len(text)
    assert [i for i, c in enumerate(hidden) if c == "\n"] == [i for i, c in enumerate(text) if c == "\n"]


@given(st.lists(st.text(max_size=30), max_size=6), st.booleans())
def test_quoted_things_never_end_a_statement(values: list[str], escapes: bool) -> None:
    statements = [f"select {literal(value, escapes=escapes)} as {quoted(value or 'x')}" for value in values]
    text = ";\n".join(statements)
    assert [piece.body for piece in runnable(text, escapes=escapes)] == statements


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        ("select 1; select 2", ["select 1", "select 2"]),
        ("select 'a;b'; select \"c;d\"", ["select 'a;b'", 'select "c;d"']),
        ("select 'it''s; fine'; x", ["select 'it''s; fine'", "x"]),
        (r"select 'a\';b'; x", [r"select 'a\';b'", "x"]),
        (
            "create procedure p() as $$ begin; end; $$ language plpgsql; call p()",
            ["create procedure p() as $$ begin; end; $$ language plpgsql", "call p()"],
        ),
        ("select $tag$ ; $$ ; $tag$; x", ["select $tag$ ; $$ ; $tag$", "x"]),
        ("select 1 -- no; end\n; x", ["select 1 -- no; end", "x"]),
        ("/* a /* b; */ c; */ select 1; x", ["/* a /* b; */ c; */ select 1", "x"]),
        ("select a$b$c; x", ["select a$b$c", "x"]),
        (";;  ; -- nothing\n", []),
        ("select 'never closed; x", ["select 'never closed; x"]),
    ],
)
def test_known_statements(text: str, bodies: list[str]) -> None:
    assert [piece.body for piece in runnable(text)] == bodies


def test_a_backslash_is_plain_in_postgresql() -> None:
    assert [p.body for p in runnable(r"select 'a\'; x", escapes=False)] == [r"select 'a\'", "x"]
    assert [p.body for p in runnable(r"select E'a\';b'; x", escapes=False)] == [r"select E'a\';b'", "x"]


def test_the_statement_at_the_cursor() -> None:
    text = "select 1;\n\nselect 2; select 3;\n\n-- end\n"
    found = {at: statement_at(text, at) for at in range(len(text) + 1)}
    bodies = {at: piece.body if piece else None for at, piece in found.items()}
    assert bodies[0] == bodies[8] == bodies[9] == "select 1"  # 9: right behind its semicolon
    assert bodies[text.index("select 2")] == "select 2"
    assert bodies[text.index("select 3") + 3] == "select 3"
    assert bodies[len(text)] == "select 3"  # blank end: the last one
    assert statement_at("  -- nothing", 3) is None


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9), st.lists(_ATOMS, max_size=4).map("".join)), max_size=6),
    st.booleans(),
)
def test_a_text_being_written_is_cut_as_a_whole_one(edits: list[tuple[int, int, str]], escapes: bool) -> None:
    script, text = Script(), "SELECT 1; -- a;\nSELECT 'b;' ;"
    for place, gone, new in edits:
        text = text[:place] + new + text[place + gone :]
        for position in range(len(text) + 1):
            assert script.statement_at(text, position, escapes=escapes) == statement_at(text, position, escapes=escapes)
            begin, end = script.around(text, position, escapes=escapes)
            assert begin <= position <= end
            assert not text or any((piece.start, piece.end) == (begin, end) for piece in split(text, escapes=escapes))


def test_a_key_reads_no_statement_but_its_own(monkeypatch) -> None:
    """A key in 10,000 lines took 0.4 to 0.8 s: everything was read again."""
    read: list[int] = []
    before = script_module.ends_from
    monkeypatch.setattr(
        script_module, "ends_from", lambda text, place, **more: read.append(place) or before(text, place, **more)
    )
    script, text = Script(), "SELECT 1;\n" * 1_000
    script.statement_at(text, 5_000)
    read.clear()
    script.statement_at(text[:5_000] + "x" + text[5_000:], 5_001)
    assert read == [4_999]


def test_a_pasted_no_break_space_is_a_blank_but_within_quotes() -> None:
    assert plain_blanks("SELECT\xa0'a\xa0b' AS\xa0\"c\xa0d\" --\xa0e") == "SELECT 'a\xa0b' AS \"c\xa0d\" --\xa0e"


def test_parameters_are_found_outside_strings_only() -> None:
    sql = "select :a, ':no', b::int, \":n\", :b, :a -- :c\n/* :d */ where x = :a1"
    assert parameters(sql) == ["a", "b", "a1"]
    assert with_parameters("select :a, :ab, ':a'", {"a": "1"}) == "select 1, :ab, ':a'"


def test_reserved_words_are_quoted_as_names() -> None:
    assert [quoted(name) for name in ("plain", "order", "desc", "Mixed", 'a"b')] == [
        "plain",
        '"order"',
        '"desc"',
        '"Mixed"',
        '"a""b"',
    ]
