"""The commands that are no queries: settings, maintenance, grants, prepared statements, cursors."""

from __future__ import annotations

from typing import Any

from core.sandbox.redshift.engine.column_types import read_type
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.outcome import Column, NeedsCluster, Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader, spelled
from core.sandbox.redshift.engine.settings import FREE, SETTINGS
from core.sandbox.redshift.engine.text import Token
from core.sandbox.redshift.engine.types import SqlType


def set_(session: Context, reader: Reader) -> Outcome:
    """SET name {TO | =} value. A setting whose meaning the engine cannot honour is refused."""
    reader.take("session")
    reader.take("local")
    if reader.take("authorization", "default"):
        return accepted("SET SESSION AUTHORIZATION DEFAULT")
    if reader.take("characteristics", "as", "transaction", "isolation", "level", "serializable"):
        reader.end()
        return Outcome()  # what it is anyway
    if reader.sees("authorization") or reader.sees("characteristics") or reader.sees("transaction"):
        raise NeedsCluster("SET " + " ".join(token.text.upper() for token in reader.rest()[:2]))
    if reader.take("time", "zone"):
        name = "timezone"
    else:
        name = reader.name()
        while reader.take("."):
            name += "." + reader.name()
        _ = reader.take("to") or reader.take("=")
    items = reader.rest()
    if not items:
        raise SqlError("syntax error at end of input")
    value = ", ".join(token.value for token in items if not token.is_(","))
    if name not in SETTINGS and "." not in name:
        raise SqlError(f'unrecognized configuration parameter "{name}"')
    if value == "default":
        value = SETTINGS.get(name, "")
    normal = {"true": "on", "false": "off", "1": "on", "0": "off"}.get(value.lower(), value.lower())
    if name == "search_path":
        session.set_search_path([token.value for token in items if not token.is_(",")])
    elif name in ("timezone", "datestyle"):
        if value.upper() not in ("UTC", "GMT", "ISO", "ISO, MDY"):
            raise NeedsCluster(f"SET {name} TO {value}", "the local engine works in UTC with ISO dates")
    elif name not in FREE and "." not in name:
        current = session.settings.get(name, "").lower()
        if value.lower() != current and normal not in (current, {"on": "true", "off": "false"}.get(current, current)):
            raise NeedsCluster(f"SET {name} TO {value}")
    session.settings[name] = value
    noted = name in (
        "statement_timeout",
        "query_group",
        "wlm_query_slot_count",
        "enable_result_cache_for_session",
        "activate_aqua",
    )
    return Outcome(notes=[f"{name} is accepted and has no effect locally"] if noted else [])


def reset(session: Context, reader: Reader) -> Outcome:
    name = reader.name()
    reader.end()
    if name == "all":
        session.settings.update(SETTINGS)
        session.set_search_path(["$user", "public"])
    elif name in SETTINGS:
        session.settings[name] = SETTINGS[name]
        if name == "search_path":
            session.set_search_path(["$user", "public"])
    else:
        raise SqlError(f'unrecognized configuration parameter "{name}"')
    return Outcome()


_NOT_TABLES = (
    "schema", "database", "function", "procedure", "language", "model", "all", "datashare", "assumerole", "external", "copy", "tables",
)  # fmt: skip


def granted(session: Context, reader: Reader, what: str) -> Outcome:
    """GRANT, REVOKE and LOCK have no effect here, but the tables they name must be there."""
    items = reader.rest()
    start = 0 if what == "LOCK" else next((n + 1 for n, token in enumerate(items) if token.is_("on")), len(items))
    named = Reader(items[start:])
    if not named.done and (named.take("table") or not any(named.sees(word) for word in _NOT_TABLES)):
        session.catalog.find(*named.path())
        while named.take(","):
            session.catalog.find(*named.path())
    return accepted(what)


def accepted(what: str) -> Outcome:
    return Outcome(notes=[f"{what} is accepted and has no effect locally"])


def maintenance(session: Context, reader: Reader, word: str) -> Outcome:
    """VACUUM and ANALYZE: the table must exist, nothing else happens."""
    if word == "analyze" and reader.take("compression"):
        raise NeedsCluster("ANALYZE COMPRESSION")
    if word == "vacuum":
        if session.in_transaction:
            raise SqlError("VACUUM cannot run inside a transaction block")
        for form in (("full",), ("sort", "only"), ("delete", "only"), ("reindex",), ("recluster",)):
            if reader.take(*form):
                break
    else:
        reader.take("verbose")
    if not reader.done and not reader.sees("to") and not reader.sees("predicate") and not reader.sees("boost"):
        session.catalog.table(*reader.path(), kinds=("table", "materialized"))
    return accepted(word.upper())


def cancel(session: Context, reader: Reader) -> Outcome:
    """CANCEL pid ['message']: stop what another session runs."""
    pid = reader.number()
    token = reader.peek()
    if token is not None and token.kind == "string":
        reader.rest()
    reader.end()
    other = session.peer(pid)
    if other is None or other is session:
        return Outcome(notes=[f"PID {pid} is not a running query"])
    other.interrupt()
    return Outcome()


# -- prepared statements and cursors -------------------------------------------------------
def prepare(session: Context, reader: Reader) -> Outcome:
    name = reader.name()
    types: list[SqlType] = []
    if reader.take("("):
        while True:
            types.append(read_type(reader))
            if reader.take(")"):
                break
            reader.need(",")
    reader.need("as")
    items = reader.rest()
    if name in session.prepared:
        raise SqlError(f'prepared statement "{name}" already exists')
    if not items or not items[0].is_("select", "insert", "update", "delete"):
        raise SqlError("PREPARE takes SELECT, INSERT, UPDATE or DELETE")
    session.prepared[name] = (types, items)
    return Outcome()


def prepared_tokens(session: Context, reader: Reader) -> list[Token]:
    """The statement of EXECUTE, its $1, $2, ... replaced. The reader stands after EXECUTE."""
    name = reader.name()
    if name not in session.prepared:
        raise SqlError(f'prepared statement "{name}" does not exist')
    types, items = session.prepared[name]
    values: list[list[Token]] = []
    if reader.take("("):
        while not reader.take(")"):
            values.append(reader.until(lambda token: token.is_(",", ")")))
            reader.take(",")
    reader.end()
    wanted = max([len(types), *(int(token.text[1:]) for token in items if token.kind == "placeholder")], default=0)
    if len(values) != wanted:
        raise SqlError(
            f'wrong number of parameters for prepared statement "{name}": expected {wanted}, got {len(values)}'
        )
    made: list[Token] = []
    for token in items:
        if token.kind != "placeholder":
            made.append(token)
            continue
        place = int(token.text[1:]) - 1
        inside = spelled(values[place])
        text = f"CAST(({inside}) AS {types[place].sql})" if place < len(types) else f"({inside})"
        made.append(Token("raw", text, text, token.start, token.end))
    return made


def deallocate(session: Context, reader: Reader) -> Outcome:
    reader.take("prepare")
    name = reader.name()
    if session.prepared.pop(name, None) is None:
        raise SqlError(f'prepared statement "{name}" does not exist')
    return Outcome()


def declare(session: Context, reader: Reader) -> Outcome:
    name = reader.name()
    reader.need("cursor")
    if reader.take("with", "hold"):
        raise NeedsCluster("A cursor WITH HOLD")
    reader.need("for")
    if name in session.cursors:
        raise SqlError(f'cursor "{name}" already exists')
    query = session.compile(spelled(reader.rest()))
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {cursor_table(name)} AS SELECT row_number() OVER () AS rs_row, q.* FROM ({query.sql}) AS q"
    )
    session.cursors[name] = (query, 0)
    return Outcome()


def cursor_table(name: str) -> str:
    return '"rs_cursor_' + name.replace('"', '""') + '"'


def fetch(session: Context, reader: Reader) -> Outcome:
    count: int | None = 1
    if reader.take("next"):
        pass
    elif reader.take("all"):
        count = None
    elif reader.take("forward"):
        if reader.take("all"):
            count = None
        else:
            token = reader.peek()
            count = reader.number() if token is not None and token.kind == "number" else 1
    elif (token := reader.peek()) is not None and token.kind == "number":
        count = reader.number()
    _ = reader.take("from") or reader.take("in")
    name = reader.name()
    reader.end()
    if name not in session.cursors:
        raise SqlError(f'cursor "{name}" does not exist')
    query, at = session.cursors[name]
    limit = "" if count is None else f" AND rs_row <= {at + count}"
    columns = ", ".join(f"c{n}" for n in range(1, len(query.columns) + 1))
    text = f"SELECT {columns} FROM {cursor_table(name)} WHERE rs_row > {at}{limit} ORDER BY rs_row"
    total = session.catalog.rows(f"SELECT count(*) FROM {cursor_table(name)}")[0][0]
    session.cursors[name] = (query, total if count is None else min(total, at + count))
    return session.result(text, query)


def close(session: Context, reader: Reader) -> Outcome:
    name = reader.name()
    reader.end()
    if session.cursors.pop(name, None) is None:
        raise SqlError(f'cursor "{name}" does not exist')
    session.execute(f"DROP TABLE IF EXISTS temp.main.{cursor_table(name)}")
    return Outcome()


def texts(labels: list[str], rows: list[list[Any]]) -> Outcome:
    """A result of text columns, made here."""
    import pyarrow as pa

    arrays = [pa.array([row[n] for row in rows], pa.string()) for n in range(len(labels))]
    batch = pa.record_batch(arrays, names=[f"c{n}" for n in range(len(labels))])
    return Outcome([Column(label, SqlType("varchar", 256)) for label in labels], batch.schema, lambda: iter([batch]))
