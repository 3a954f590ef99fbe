"""DuckDB's errors in Redshift's words."""

from __future__ import annotations

import re

from core.sandbox.redshift.engine.outcome import SqlError

_RULES: tuple[tuple[str, str], ...] = (
    (r"Python exception occurred while executing the UDF: \w+: ([^\n]*)", r"\1"),
    (r"NOT NULL constraint failed: (?:[\w\"# ]+\.)*(\w+)", r"Cannot insert a NULL value into column \1"),
    (r"column \"?(.+?)\"? must appear in the GROUP BY clause", r"column must appear in the GROUP BY clause or be used in an aggregate function"),
    (r"Overflow in \w+ of (\w+) \(.*", "Integer out of range: overflow"),
    (r"Type (?:INT\w+|HUGEINT|DOUBLE|DECIMAL\S*|FLOAT) with value (\S+) can't be cast.*type INT16", r"Value out of range for 2 bytes: \1"),
    (r"Type (?:INT\w+|HUGEINT|DOUBLE|DECIMAL\S*|FLOAT) with value (\S+) can't be cast.*type INT32", r"Value out of range for 4 bytes: \1"),
    (r"Type (?:INT\w+|HUGEINT|DOUBLE|DECIMAL\S*|FLOAT) with value (\S+) can't be cast.*type INT64", r"Value out of range for 8 bytes: \1"),
    (r"Could not cast value (\S+) to DECIMAL\((\d+),(\d+)\)", r"Numeric data overflow (result precision): \1 does not fit DECIMAL(\2,\3)"),
    (r"Casting value \"?(\S+?)\"? to type DECIMAL\((\d+),(\d+)\) failed", r"Numeric data overflow (result precision): \1 does not fit DECIMAL(\2,\3)"),
    (r"Could not convert string \"?'?(.*?)'?\"? to (?:DECIMAL|DOUBLE|FLOAT)\S*", r'Invalid digit, Value "\1" is not a number'),
    (r"Could not convert string '(.*?)' to INT(\d+)", r"Overflow: \1 is out of range for an integer of \2 bits"),
    (r"More than one row returned by a subquery", "single-row subquery returns more than one row"),
    (r"Unknown TimeZone '(.*?)'", r'time zone "\1" not recognized'),
    (r"aggregate function calls cannot be nested", "aggregate function calls may not be nested"),
    (r"aggregates cannot contain window|window functions are not allowed in (\w+)", "window functions are not allowed here"),
    (r"for SELECT DISTINCT, ORDER BY expressions", "for SELECT DISTINCT, ORDER BY expressions must appear in select list"),
    (r"TransactionContext Error: (?:Catalog write-write conflict|Conflict on .*)", "1023 Serializable isolation violation: the rows changed meanwhile"),
    (r"Current transaction is aborted", "current transaction is aborted, commands ignored until end of transaction block"),
    (r"^INTERRUPT Error|Interrupted!", "Query cancelled on user's request"),
    (r"Out of Memory Error", "Out of memory: the local engine's limit is 2 GB"),
    (r"No space left on device", "Disk Full"),
)  # fmt: skip


_OURS = (NameError, AttributeError, TypeError, LookupError, AssertionError)
"""Mistakes in this engine: they must not look as if the statement were at fault."""


def translated(error: BaseException) -> SqlError:
    """The SqlError for what DuckDB raised."""
    if isinstance(error, SqlError):
        return error
    text = str(error)
    if isinstance(error, _OURS):
        return SqlError(f"internal error of the local engine ({type(error).__name__}: {text}); AWS may well take this")
    for pattern, replacement in _RULES:
        found = re.search(pattern, text)
        if found is not None:
            return SqlError(found.expand(replacement))
    first = text.split("\n\nLINE ")[0].split("\n\n")[0]
    first = re.sub(r"^(?:\w+ )+Error: ", "", first.strip())
    return SqlError(first.replace("\n", " "))
