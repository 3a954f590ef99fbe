"""What a warehouse says when it refuses a statement, as an error with its place in the SQL."""

from __future__ import annotations

import re

from core.base.errors import OpsError
from core.warehouse.statements import masked

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_POSITION = re.compile(r"\bposition:?\s*(\d+)", re.I)
_NEAR = re.compile(r"at or near [\"']((?:[^\"']|\"\")+)[\"']")
_LINE_POS = re.compile(r"\bline (\d+),? pos (\d+)")
"""As Spark says it: lines from 1, places in them from 0."""
_LINE_COLUMN = re.compile(r"\bline (\d+)(?:,? col(?:umn)?:? (\d+))", re.I)
_THING = re.compile(
    r"(?:relation|table|column|schema|function|view|type|database)(?: with name)? [\"'`]?([\w.$#]+)[\"'`]?(?:\([^)]*\))?"
    r"(?: of relation \S+)? (?:does not exist|not found|cannot be found|already exists)",
    re.I,
)
_REMEDIES = (
    (
        re.compile(r"(relation|table|view).*(does not exist|not found|cannot be found)", re.I),
        "Check the name in the tree; F5 reads it again",
    ),
    (re.compile(r"column.*(does not exist|not found)", re.I), "Check the column's name in the tree"),
    (re.compile(r"schema.*(does not exist|not found)", re.I), "Check the schema's name in the tree"),
    (
        re.compile(r"function.*(does not exist|not found)", re.I),
        "Check the function's name and the types of its arguments",
    ),
    (re.compile(r"syntax error|parser error", re.I), "Correct the statement at the mark"),
    (
        re.compile(r"permission denied|not authorized|must be owner", re.I),
        "Ask for the permission, or use another identity",
    ),
    (
        re.compile(r"needs a real cluster|not supported (here|locally)", re.I),
        "Run it on a real cluster, or write it another way",
    ),
    (
        re.compile(r"packet for query is too large|row of the result is larger", re.I),
        "Select fewer or shorter columns (a row may have 64 KB), or write the result to S3 by UNLOAD",
    ),
    (
        re.compile(r"exceeded (the )?(size limit|maximum of)", re.I),
        "Add a LIMIT or aggregate, or write the whole result to S3: Export, UNLOAD",
    ),
    (re.compile(r"already exists", re.I), "Choose another name, or drop the old one first"),
    (
        re.compile(r"stl_load_errors|sys_load_error", re.I),
        "See the bad lines: SELECT * FROM stl_load_errors ORDER BY starttime DESC",
    ),
)


def failure(sql: str, message: str, *, statement: str = "") -> OpsError:
    """An OpsError (code ``sql``) with the server's words as the cause and a next step that fits them."""
    text = _ANSI.sub("", message).strip()
    first = re.sub(r"^(ERROR:\s*)+", "", text.split("\n")[0]).strip().rstrip(".!") or "The server gave no reason"
    remedy = next(
        (words for pattern, words in _REMEDIES if pattern.search(text)), "Correct the statement and run it again"
    )
    details = {"error": text}
    if statement:
        details["statement"] = statement
    place = error_place(sql, text)
    if place:
        details["line"] = str(sql.count("\n", 0, place[0]) + 1)
    return OpsError("The statement failed", first, remedy, details=details, code="sql")


def error_place(sql: str, message: str) -> tuple[int, int] | None:
    """Where in ``sql`` the error stands, as (start, end); None where the message does not tell."""
    if not sql:
        return None
    near = _NEAR.search(message)
    if position := _POSITION.search(message):
        start = min(max(0, int(position[1]) - 1), len(sql) - 1)
        return start, _word_end(sql, start)
    line_pos = _LINE_POS.search(message)
    if line_column := line_pos or _LINE_COLUMN.search(message):
        lines = sql.split("\n")
        line = int(line_column[1]) - 1
        if 0 <= line < len(lines):
            start = sum(len(text) + 1 for text in lines[:line]) + max(0, int(line_column[2] or 1) - (not line_pos))
            start = min(start, len(sql) - 1)
            return start, _word_end(sql, start)
    name = near[1] if near else ""
    if not name and (thing := _THING.search(message)):
        name = thing[1]
    for candidate in (name, name.rpartition(".")[2]):
        if candidate:
            code = masked(sql, names=False)
            found = re.search(rf"(?<![\w.]){re.escape(candidate)}(?!\w)", code, re.I) or re.search(
                re.escape(candidate), code, re.I
            )
            if found:
                return found.span()
    return None


def _word_end(sql: str, start: int) -> int:
    match = re.compile(r"\w+|\S").match(sql, start)
    return match.end() if match else min(len(sql), start + 1)
