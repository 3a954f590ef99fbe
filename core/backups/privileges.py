"""What a login may not see of a database: dump programs leave it out without a word, and end as if nothing had been there.

Measured with mariadb-dump 10.11: without TRIGGER a dump holds no trigger, without the right to read routines no routine, with exit
status 0 and the closing line. (Without EVENT, or SHOW VIEW on a view, it fails.) The description of the schema is blind in the same
way, so that neither the rows nor the proof can tell.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from core.backups.server import one_of, rows_of

_GRANT = re.compile(r"GRANT (.+) ON (?:PROCEDURE |FUNCTION )?(\*|`(?:[^`]|``)*`)\.(\*|`(?:[^`]|``)*`) TO ", re.DOTALL)
_WORD = re.compile(r"([A-Z_ ]+?) *(?:\([^)]*\))? *(?:,|$)")
_ON_ROUTINES = {"EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE"}
"""With any of these a routine is listed, and a dump that may not read it fails."""


class Unseen(NamedTuple):
    """What may be there, and what has to be granted to see it."""

    what: str
    grant: str


def unseen(connection: Any, database: str, engine: str) -> list[Unseen]:
    """What of ``database`` this login could not see, were it there. engine: "mariadb" or "mysql"."""
    import pymysql

    role = None
    if engine == "mysql":
        with contextlib.suppress(pymysql.MySQLError):  # before MySQL 8 there are no roles
            role = one_of(connection, "SELECT CURRENT_ROLE()")
    # MariaDB tells a role's grants by itself
    using = f" FOR CURRENT_USER() USING {role}" if role and role != "NONE" else ""
    return list(_lacking([str(line) for (line,) in rows_of(connection, f"SHOW GRANTS{using}")], database, engine))


def _lacking(grants: Iterable[str], database: str, engine: str) -> Iterator[Unseen]:
    everywhere, here, proc = set[str](), set[str](), set[str]()
    for line in grants:
        found = _GRANT.match(line)
        if found is None:
            continue
        words = {word.strip() for word in _WORD.findall(found[1])}
        schema, entry = found[2], found[3]
        if schema == "*":
            everywhere |= words
        elif entry == "*" and _fits(schema, database):
            here |= words
        if _fits(schema, "mysql") and entry in ("*", "`proc`"):
            proc |= words
    held = everywhere | here
    if any(word.startswith("ALL") for word in held):
        return
    if "TRIGGER" not in held:
        yield Unseen("triggers", "TRIGGER on the database")
    may_read = {"SELECT", "SHOW_ROUTINE", "SHOW CREATE ROUTINE"} & everywhere or "SHOW CREATE ROUTINE" in here or proc
    if not may_read and not _ON_ROUTINES & held:
        yield Unseen("procedures and functions", "SELECT on mysql.proc" if engine == "mariadb" else "SHOW_ROUTINE")


def _fits(pattern: str, name: str) -> bool:
    """Whether a grant on ``pattern`` (quoted; % and _ stand for others unless behind a backslash) is about the schema ``name``."""
    text = pattern[1:-1].replace("``", "`")
    parts = re.findall(r"\\(.)|(%)|(_)|(.)", text, re.DOTALL)
    made = "".join(
        re.escape(kept or plain) if kept or plain else ".*" if many else "." for kept, many, _, plain in parts
    )
    return re.fullmatch(made, name, re.DOTALL | re.IGNORECASE) is not None
