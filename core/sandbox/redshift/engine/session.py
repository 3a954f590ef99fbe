"""One connection to the warehouse: finds out what a statement is, runs it, keeps the transaction, stops when told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sqlglot import exp

from core.sandbox.redshift.engine import (
    alter,
    changes,
    commands,
    comments,
    explain,
    loading,
    objects,
    showing,
    tables,
    unloading,
)
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.declarations import TableSpec
from core.sandbox.redshift.engine.errors import translated
from core.sandbox.redshift.engine.outcome import NeedsCluster, Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader, spelled
from core.sandbox.redshift.engine.text import Token, Unfinished, literal, statements


class EngineSession(Context):
    """Statements run one after the other; ``interrupt`` may come from any thread."""

    def run(self, sql: str, parameters: dict[str, str], query_id: int = 0) -> Outcome:
        """Run one statement. Raises SqlError; outside a transaction a failed one leaves nothing behind."""
        self.query_id, self.wrote, self.interrupted = query_id, False, False
        self._abandon()
        if not self.in_transaction:
            self.catalog.begin()
        try:
            parts = statements(sql)
        except Unfinished as error:
            raise SqlError(str(error)) from error
        if not parts:
            raise SqlError("The SQL statement is empty")
        if len(parts) > 1:
            raise SqlError("cannot insert multiple commands into a prepared statement")
        items = [_bound(token, parameters) for token in parts[0]]
        if self.settings["enable_case_sensitive_super_attribute"] in ("on", "true"):
            items = _with_case(items)
        entry = self.journal.begin(query_id, self.pid, self.user, sql, items[0].value)
        try:
            if self.failed and not items[0].is_("rollback", "abort", "commit", "end"):
                raise SqlError("current transaction is aborted, commands ignored until end of transaction block")
            outcome = self._run(items)
        except BaseException as error:
            fault = translated(error)
            self.failed = self.in_transaction
            self.journal.end(entry, "failed", -1, str(fault))
            raise fault from error
        outcome.produce = self._watched(outcome.produce)
        self.journal.end(entry, "success", outcome.affected, "")
        self.last_query_id = query_id
        return outcome

    def _watched(self, produce: Callable[[], Iterator[Any]]) -> Callable[[], Iterator[Any]]:
        def batches() -> Iterator[Any]:
            try:
                yield from produce()
            except GeneratorExit:
                raise
            except BaseException as error:
                self.failed = self.in_transaction
                raise translated(error) from error

        return batches

    def _run(self, items: list[Token]) -> Outcome:
        """A statement that changes something is one transaction, whatever it does inside."""
        reader = Reader(items)
        if (control := self._transaction_control(reader)) is not None:
            return control
        word = items[0].value
        if word == "execute":
            reader.next()
            items = commands.prepared_tokens(self, reader)
            word = items[0].value
        change = _change_after_with(items) if word == "with" else ""
        if word in ("select", "with", "(") and not change and not self._has_into(items):
            return self._select(items)
        if self.read_only and word not in _READS:
            raise SqlError("transaction is read-only")
        own = not self.in_transaction
        if own and word == "declare":
            raise SqlError("DECLARE CURSOR may only be used in transaction blocks")
        if own:
            if word == "refresh" or self.catalog.shared.reads_past(token.value for token in items):
                self.journal.flush()  # what it reads is as of BEGIN
            self.connection.execute("BEGIN")
            self.in_transaction = word != "vacuum"
        try:
            outcome = self._command(items)
        except BaseException:
            if own:
                self.in_transaction = False
                self.connection.execute("ROLLBACK")
            raise
        if own:
            self.in_transaction = False
            with self.catalog.committing():
                self.connection.execute("COMMIT")
        self.wrote = True
        return outcome

    def _transaction_control(self, reader: Reader) -> Outcome | None:
        if reader.take("begin") or reader.take("start", "transaction"):
            note = [] if not self.in_transaction else ["there is already a transaction in progress"]
            words = [token.value for token in reader.rest()]
            self.begin()
            self.read_only = "read" in words and "only" in words
            return Outcome(notes=note)
        if reader.take("commit") or reader.take("end"):
            note = [] if self.in_transaction else ["there is no transaction in progress"]
            if self.failed:
                self.rollback()
                return Outcome(notes=["the transaction had failed and was rolled back"])
            self.commit()
            return Outcome(notes=note)
        if reader.take("rollback") or reader.take("abort"):
            self.rollback()
            return Outcome()
        return None

    def _has_into(self, items: list[Token]) -> bool:
        return any(token.is_("into") for token in items)

    def _command(self, items: list[Token]) -> Outcome:
        reader = Reader(items)
        word = reader.next().value
        simple: dict[str, Callable[[Context, Reader], Outcome]] = {
            "set": commands.set_, "reset": commands.reset, "show": showing.show, "prepare": commands.prepare, "deallocate": commands.deallocate,
            "declare": commands.declare, "fetch": commands.fetch, "close": commands.close, "comment": comments.comment, "copy": loading.copy,
            "unload": unloading.unload, "cancel": commands.cancel, "drop": objects.drop, "truncate": changes.truncate, "refresh": objects.refresh,
        }  # fmt: skip
        if word in simple:
            return simple[word](self, reader)
        if word in ("vacuum", "analyze", "analyse"):
            return commands.maintenance(self, reader, "analyze" if word == "analyse" else word)
        if word in ("grant", "revoke", "lock"):
            return commands.granted(self, reader, word.upper())
        if word == "explain":
            return self._explain(reader)
        if word == "create":
            return self._create(reader)
        if word == "alter":
            if reader.take("table"):
                return alter.alter_table(self, reader)
            if reader.take("default", "privileges"):
                return commands.accepted("ALTER DEFAULT PRIVILEGES")
            if reader.take("materialized", "view"):
                self.catalog.table(*reader.path(), kinds=("materialized",))
                return commands.accepted("ALTER MATERIALIZED VIEW")
            raise NeedsCluster(f"ALTER {items[1].text.upper() if len(items) > 1 else ''}".strip())
        if word == "insert":
            reader.need("into")
            return changes.insert(self, reader)
        if word == "merge":
            return changes.merge(self, items)
        if word in ("update", "delete") or (word == "with" and _change_after_with(items)):
            return self._change(items, word)
        if word in ("select", "with"):
            return self._select_into(items)
        if word in _CLUSTERS_OWN:
            raise NeedsCluster(word.upper())
        raise SqlError(f'syntax error at or near "{items[0].text}"')

    def _create(self, reader: Reader) -> Outcome:
        replace = reader.take("or", "replace")
        local = reader.take("local")
        temporary = reader.take("temporary") or reader.take("temp") or local
        if replace and not reader.sees("view"):
            if reader.sees("table") or reader.sees("schema") or reader.sees("materialized"):
                raise SqlError(
                    'syntax error at or near "replace": OR REPLACE stands before VIEW, FUNCTION and PROCEDURE'
                )
        elif reader.take("table"):
            return tables.create_table(self, reader, temporary)
        if reader.take("view"):
            return objects.create_view(self, reader, replace)
        if reader.take("materialized", "view"):
            return objects.create_materialized_view(self, reader)
        if reader.take("schema"):
            return objects.create_schema(self, reader)
        words = [token.text.upper() for token in reader.rest()[:2] if token.kind == "word"]
        what = " ".join(words) if words[:1] in (["EXTERNAL"], ["RLS"], ["MASKING"]) else " ".join(words[:1])
        raise NeedsCluster(f"CREATE {what}")

    def _change(self, items: list[Token], word: str) -> Outcome:
        if word == "delete" and len(items) > 1 and not items[1].is_("from"):
            first = items[0]
            items = [first, Token("word", "from", "from", first.end, first.end), *items[1:]]
        node = self.parsed(spelled(items))
        if isinstance(node, exp.Update):
            return changes.update(self, node)
        if isinstance(node, exp.Delete):
            return changes.delete(self, node)
        raise NeedsCluster(f"{word.upper()} in a WITH clause")

    def _select(self, items: list[Token]) -> Outcome:
        query = self.compile(spelled(items))
        return self.result(query.sql, query)

    def _select_into(self, items: list[Token]) -> Outcome:
        start = next(at for at, token in enumerate(items) if token.is_("into"))
        reader = Reader(items[start + 1 :])
        temporary = reader.take("temporary") or reader.take("temp")
        reader.take("table")
        schema, name = reader.path()
        spec = TableSpec(self.new_place(schema, temporary or name.startswith("#")), name)
        if self.catalog.locate(spec.schema, name):
            raise SqlError(f'Relation "{name}" already exists')
        return tables.create_from_query(self, spec, spelled([*items[:start], *reader.rest()]), [], [])

    def _explain(self, reader: Reader) -> Outcome:
        reader.take("verbose")
        items = reader.rest()
        if not items or not items[0].is_("select", "with", "("):
            raise NeedsCluster("EXPLAIN of anything but a query")
        query = self.compile(spelled(items))
        rows = self.catalog.rows(f"EXPLAIN (FORMAT json) {query.sql}")
        return commands.texts(["QUERY PLAN"], [[line] for line in explain.plan_lines(rows[0][1])])

    def close(self) -> None:
        """Drop temporary tables and what was known of them."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.connection.close()
        if self.catalog.made_temporary:
            self.catalog.forget_temporary()
            self.journal.forget_session(self.pid)


def _bound(token: Token, parameters: dict[str, str]) -> Token:
    """A :name replaced by its value, as a string that takes the type of what it meets."""
    if token.kind != "parameter":
        return token
    if token.value not in parameters:
        raise SqlError(f"parameter :{token.value} is not given")
    value = parameters[token.value]
    return Token("string", literal(value), value, token.start, token.end)


_CLUSTERS_OWN = (
    "call",
    "kill",
    "attach",
    "detach",
    "use",
    "desc",
    "describe",
    "do",
    "listen",
    "notify",
    "alter",
    "reindex",
    "cluster",
)
"""What Redshift (or PostgreSQL's clients) know and the local engine names in its refusal."""

_READS = frozenset(
    ["set", "reset", "show", "prepare", "deallocate", "declare", "fetch", "close", "unload", "explain", "analyze"]
)
"""What a read-only transaction lets through beside queries."""


def _change_after_with(items: list[Token]) -> str:
    """UPDATE or DELETE, where that is what a WITH clause stands before; else empty."""
    depth = 0
    for token in items:
        depth += token.is_("(") - token.is_(")")
        if depth == 0 and token.is_("insert", "merge"):
            raise SqlError(f'syntax error at or near "{token.text}": WITH stands before the SELECT of an INSERT')
        if depth == 0 and token.is_("select", "update", "delete"):
            return token.value if token.is_("update", "delete") else ""
    return ""


def _with_case(items: list[Token]) -> list[Token]:
    """Quoted names as written, for the attributes of a SUPER; every other name is folded where it is looked up."""
    mixed = [token for token in items if token.kind == "quoted" and token.value != token.text[1:-1].replace('""', '"')]
    if mixed and not items[0].is_("select", "with", "("):
        raise NeedsCluster(
            f"{items[0].text.upper()} with {mixed[0].text} while enable_case_sensitive_super_attribute is on"
        )
    return [replace(token, value=token.text[1:-1].replace('""', '"')) if token in mixed else token for token in items]
