"""Formatting and checking SQL with sqlglot: pure functions on text, slow enough to be called from jobs only."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from core.warehouse.statements import runnable

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# What Redshift knows and sqlglot's grammar does not: a squiggle there would be wrong.
_NOT_JUDGED = {"COPY", "UNLOAD", "VACUUM", "ANALYZE", "SHOW", "GRANT", "REVOKE", "EXPLAIN", "CALL", "SET", "RESET"}
_NOT_JUDGED |= {"CREATE", "ALTER", "MERGE", "LOCK", "COMMENT", "PREPARE", "EXECUTE", "DEALLOCATE", "DECLARE", "FETCH"}
_NOT_JUDGED |= {"CLOSE", "BEGIN", "COMMIT", "END", "ROLLBACK", "REFRESH", "CANCEL", "USE"}


@dataclass(frozen=True, slots=True)
class Squiggle:
    """A place in the text that does not parse, and what the parser says."""

    start: int
    end: int
    message: str


def formatted(sql: str, dialect: str, *, escapes: bool = True) -> str:
    """Every statement laid out anew; one that does not parse, or that would lose comments, stays as it is."""
    import sqlglot

    pieces = []
    for statement in runnable(sql, escapes=escapes):
        text = statement.body
        if _first_word(text) not in _NOT_JUDGED:
            try:
                laid_out = sqlglot.transpile(text, read=dialect, write=dialect, pretty=True)
                if len(laid_out) == 1 and _comments(laid_out[0]) >= _comments(text):
                    text = laid_out[0]
            except sqlglot.errors.SqlglotError:
                pass  # its squiggle says why
        pieces.append(text)
    return ";\n\n".join(pieces) + (";\n" if pieces else "")


def squiggles(
    sql: str, dialect: str, *, escapes: bool = True, checkpoint: Callable[[], None] = lambda: None
) -> list[Squiggle]:
    """What does not parse, at its place in the whole text; ``checkpoint`` is called before each statement."""
    found = []
    for statement in runnable(sql, escapes=escapes):
        if _first_word(statement.body) in _NOT_JUDGED:
            continue
        checkpoint()
        judge = _fault if len(statement.body) <= _KEPT else _fault.__wrapped__
        if mark := judge(statement.body, dialect):
            begin = statement.body_start
            found.append(Squiggle(begin + mark.start, begin + mark.end, mark.message))
    return found


_KEPT = 4_096  # characters: longer statements are few, and all that is kept stays below 16 MB


@lru_cache(maxsize=4_096)  # of a long file one statement is new at a time, and a thousand take seconds
def _fault(body: str, dialect: str) -> Squiggle | None:
    """What does not parse in one statement, at its place there."""
    import sqlglot

    try:
        sqlglot.parse(body, read=dialect)
    except sqlglot.errors.ParseError as error:
        return _squiggle(body, error.errors[0]) if error.errors else None
    except sqlglot.errors.TokenError as error:
        return Squiggle(0, len(body), _ANSI.sub("", str(error)).split("\n")[0])
    return None


def _squiggle(body: str, problem: dict[str, object]) -> Squiggle:
    word = str(problem.get("highlight") or "")
    before = str(problem.get("start_context") or "")
    start = body.find(before + word) + len(before)
    if not word or start < len(before):
        start, word = max(0, len(body) - 1), body[-1:]
    message = _ANSI.sub("", str(problem.get("description") or "")).rstrip(".")
    return Squiggle(start, start + len(word), message)


def _first_word(sql: str) -> str:
    match = re.match(r"(?:\s+|--[^\n]*\n?|/\*.*?\*/)*\(*\s*(\w+)", sql, re.S)
    return match[1].upper() if match else ""


def _comments(sql: str) -> int:
    return len(re.findall(r"--|/\*", sql))
