"""What a statement is about to do: read, change its own session, or write, and to which tables."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from core.warehouse.statements import masked, runnable


class Kind(enum.Enum):
    READ = "read"
    SESSION = "session"  # touches nothing but the connection: SET, temporary tables, transactions
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Intent:
    """``verb`` in capitals ("DELETE", "DROP TABLE"); ``tables`` as written, those a write would change. ``whole``: it spares
    no row of them, which a forgotten WHERE does as well as DROP and TRUNCATE."""

    kind: Kind
    verb: str
    tables: tuple[str, ...] = ()
    whole: bool = False

    @property
    def writes(self) -> bool:
        return self.kind is Kind.WRITE


_READS = {"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "VALUES", "TABLE", "FETCH"}
_SESSION = {"SET", "RESET", "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "USE", "DECLARE", "CLOSE"}
_SESSION |= {"DEALLOCATE", "PREPARE", "DISCARD", "SAVEPOINT", "RELEASE"}
_NAME = r"""((?:"(?:[^"]|"")+"|[#\w$]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\w$]+)){0,2})"""
_OF_OBJECT = re.compile(
    r"(?:TEMP(?:ORARY)?\s+|OR\s+REPLACE\s+|EXTERNAL\s+|MATERIALIZED\s+|LOCAL\s+|GLOBAL\s+)*"
    r"(?:TABLE|VIEW|SCHEMA|DATABASE|FUNCTION|PROCEDURE|INDEX|SEQUENCE|USER|GROUP|ROLE|TYPE)\b",
    re.I,
)
_TARGETS = {
    "INSERT": rf"\b(?:INTO|OVERWRITE)\s+(?:TABLE\s+)?{_NAME}",
    "UPDATE": rf"\bUPDATE\s+(?:ONLY\s+)?{_NAME}",
    "DELETE": rf"\bDELETE\s+(?:FROM\s+)?(?:ONLY\s+)?{_NAME}",
    "MERGE": rf"\bMERGE\s+INTO\s+{_NAME}",
    "COPY": rf"\bCOPY\s+{_NAME}",
    "SELECT": rf"\bINTO\s+(?:TEMP(?:ORARY)?\s+)?(?:TABLE\s+)?{_NAME}",
    "VACUUM": rf"\bVACUUM\s+(?:FULL\s+|SORT\s+ONLY\s+|DELETE\s+ONLY\s+|REINDEX\s+|RECLUSTER\s+|ANALYZE\s+)?{_NAME}",
    "ANALYZE": rf"\bANALYZE\s+(?:COMPRESSION\s+)?{_NAME}",
    "REFRESH": rf"\bVIEW\s+{_NAME}",
    "CALL": rf"\bCALL\s+{_NAME}",
}
_INSIDE_WITH = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE)\b", re.I)
_ACTS = re.compile(
    r"\b(pg_(?:terminate|cancel)_backend|pg_(?:reload_conf|rotate_logfile|switch_wal|promote)|setval|nextval"
    r"|lo_(?:create|creat|import|export|unlink|put|from_bytea)|dblink_exec)\s*\(",
    re.I,
)
"""Functions of a SELECT that change something all the same."""


def intent_of(sql: str, *, escapes: bool = True) -> Intent:
    """Judge one statement by its words outside strings and comments; what is not known to read counts as a write.

    Of several in one text, the one that does most.
    """
    pieces = runnable(sql, escapes=escapes)
    if len(pieces) > 1:
        intents = [intent_of(piece.body, escapes=escapes) for piece in pieces]
        return max(intents, key=lambda one: (one.writes, one.whole, one.kind is Kind.SESSION))
    code = masked(sql, escapes=escapes, names=False).strip().rstrip(";")
    words = masked(sql, escapes=escapes).strip()
    first = re.match(r"[(\s]*([A-Za-z]+)", words)
    if first is None:
        return Intent(Kind.WRITE if pieces else Kind.READ, "")
    verb = first[1].upper()
    if verb == "EXPLAIN":
        return _explain(code, words)
    if verb == "WITH" and (inner := _INSIDE_WITH.search(words)):
        verb = inner[1].upper()
        return Intent(Kind.WRITE, verb, _found(verb, code), _spares_nothing(verb, words[inner.start() :]))
    if verb in ("SELECT", "WITH") and re.search(r"\bINTO\b", words, re.I):
        tables = _found("SELECT", code)
        temporary = bool(re.search(r"\bINTO\s+(?:TEMP|TEMPORARY|#)", code, re.I))
        return Intent(Kind.SESSION if temporary else Kind.WRITE, "SELECT INTO", tables)
    if verb in _READS and (acting := _ACTS.search(words)):
        return Intent(Kind.WRITE, f"{verb} {acting[1]}")
    if verb in _READS:
        return Intent(Kind.READ, verb)
    if verb in _SESSION:
        return Intent(Kind.SESSION, verb)
    if verb in ("CREATE", "DROP", "ALTER", "TRUNCATE", "COMMENT", "LOCK"):
        return _definition(verb, code)
    tables = _found(verb, code)
    if verb in ("INSERT", "UPDATE", "DELETE") and tables and tables[0].startswith("#"):
        return Intent(Kind.SESSION, verb, tables)  # a temporary table goes with the session anyway
    overwrite = verb == "INSERT" and bool(re.match(r"INSERT\s+OVERWRITE\b", words, re.I))
    return Intent(Kind.WRITE, verb, tables, overwrite or _spares_nothing(verb, words))


def _spares_nothing(verb: str, words: str) -> bool:
    """Whether an UPDATE or DELETE, with which ``words`` begin, has no WHERE of its own; those of queries in brackets are not,
    and a bracket that was opened before it ends it."""
    if verb not in ("UPDATE", "DELETE"):
        return False
    depth = 0
    for mark in re.finditer(r"[()]|\bWHERE\b", words, re.I):
        if mark[0] not in "()":
            if depth == 0:
                return False
        else:
            depth += 1 if mark[0] == "(" else -1
            if depth < 0:
                break
    return True


def _explain(code: str, words: str) -> Intent:
    """EXPLAIN only plans; EXPLAIN ANALYZE (PostgreSQL) runs the statement."""
    analyze = re.match(
        r"EXPLAIN\s*(?:\([^)]*\bANALYZE\b[^)]*\)|(?:VERBOSE\s+)?ANALYZE\b)\s*(?:VERBOSE\b)?", words, re.I
    )
    if not analyze:
        return Intent(Kind.READ, "EXPLAIN")
    inner = intent_of(code[analyze.end() :])
    return Intent(inner.kind, f"EXPLAIN ANALYZE {inner.verb}", inner.tables, inner.whole)


def _definition(verb: str, code: str) -> Intent:
    thing = _OF_OBJECT.search(code)
    words = re.sub(r"\s+", " ", thing[0].upper()) if thing else ""
    rest = code[thing.end() :] if thing else code[len(verb) :]
    name = re.match(rf"\s*(?:IF\s+(?:NOT\s+)?EXISTS\s+)?{_NAME}", rest, re.I)
    tables = [_plain(name[1])] if name else []
    if name and verb in ("DROP", "TRUNCATE"):
        tables += [_plain(more) for more in re.findall(rf",\s*{_NAME}", rest[name.end() :])]
    noun = re.sub(r"(OR REPLACE|TEMP(ORARY)?|LOCAL|GLOBAL) ", "", words)
    temporary = verb == "CREATE" and "TEMP" in words
    if verb in ("CREATE", "DROP", "TRUNCATE") and noun in ("TABLE", ""):
        temporary = temporary or bool(tables and all(table.startswith("#") for table in tables))
    whole = verb == "TRUNCATE" or (verb == "DROP" and noun in ("TABLE", "SCHEMA", "DATABASE"))
    whole = whole and not all(table.startswith("#") for table in tables)
    return Intent(Kind.SESSION if temporary else Kind.WRITE, f"{verb} {noun}".strip(), tuple(tables), whole)


def _found(verb: str, code: str) -> tuple[str, ...]:
    pattern = _TARGETS.get(verb)
    match = re.search(pattern, code, re.I) if pattern else None
    return (_plain(match[1]),) if match else ()


def _plain(name: str) -> str:
    return re.sub(r"\s*\.\s*", ".", name)


def counting(sql: str, dialect: str) -> str | None:
    """A query that counts the rows a write would touch, or None where that cannot be known beforehand.

    Parses with sqlglot (some 50 ms the first time): call it from a job.
    """
    if intent_of(sql).verb not in ("DELETE", "UPDATE", "INSERT", "TRUNCATE", "TRUNCATE TABLE", "DROP TABLE"):
        return None
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(sql, read=dialect)
    except sqlglot.errors.SqlglotError:
        return None
    if isinstance(tree, exp.Drop | exp.TruncateTable):
        tables = list(tree.find_all(exp.Table))
        if len(tables) != 1 or (isinstance(tree, exp.Drop) and tree.kind != "TABLE"):
            return None
        return exp.select("COUNT(*)").from_(tables[0].copy()).sql(dialect=dialect)
    if isinstance(tree, exp.Insert):
        source = tree.expression
        if isinstance(source, exp.Values):
            return f"SELECT {len(source.expressions)}"
        if isinstance(source, exp.Query):
            return exp.select("COUNT(*)").from_(source.copy().subquery("counted")).sql(dialect=dialect)
        return None
    if isinstance(tree, exp.Delete | exp.Update):
        joined = tree.args.get("using") if isinstance(tree, exp.Delete) else tree.args.get("from_")
        if joined or tree.args.get("with_") or not isinstance(tree.this, exp.Table):
            return None  # a join may touch a row twice: the count would be a guess
        query = exp.select("COUNT(*)").from_(tree.this.copy())
        where = tree.args.get("where")
        return (query.where(where.this.copy()) if where else query).sql(dialect=dialect)
    return None
