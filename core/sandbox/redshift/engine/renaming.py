"""ALTER TABLE ... RENAME TO of tables and views: what reads them by another's definition goes on reading the same rows."""

from __future__ import annotations

import re

from sqlglot import exp

from core.sandbox.redshift.engine import constraints, objects
from core.sandbox.redshift.engine.context import Context
from core.sandbox.redshift.engine.declarations import TableSpec
from core.sandbox.redshift.engine.outcome import NeedsCluster, Outcome, SqlError
from core.sandbox.redshift.engine.reader import Reader
from core.sandbox.redshift.engine.text import quoted


def rename(session: Context, spec: TableSpec, reader: Reader) -> Outcome:
    """The reader stands after TO. Bound and materialized views follow, late-binding ones keep looking for the name."""
    new = reader.name()
    reader.end()
    if session.catalog.locate(spec.schema, new):
        raise SqlError(f'Relation "{new}" already exists')
    old, renamed = session.catalog.duck(spec.schema, spec.name), session.catalog.duck(spec.schema, new)
    followers: list[tuple[TableSpec, str]] = []
    for place, view in session.catalog.dependants(spec.schema, spec.name):
        follower = session.catalog.table(place, view, kinds=("view", "materialized"))
        text = session.compile(follower.definition).sql if follower.kind == "view" else ""
        follower.definition = _with_new_name(session, follower.definition, spec, new)
        followers.append((follower, re.sub(re.escape(old) + r"(?= AS r\d)", lambda _: renamed, text)))
    if spec.kind != "late":
        word = "VIEW" if spec.kind == "view" else "TABLE"
        session.connection.execute(f"ALTER {word} {old} RENAME TO {quoted(new)}")
    if spec.kind == "table":
        constraints.follow_table(session, spec, new)
    session.catalog.rename(spec.schema, spec.name, new)
    for follower, text in followers:
        if follower.kind == "view":
            objects.make_view(session, follower, text)
        session.catalog.save(follower)
    return Outcome()


def keep_readers(session: Context, spec: TableSpec) -> None:
    """After a column was renamed: views that read it under no name of their own (SELECT *) go on.

    Raises NeedsCluster for one whose definition would have to be rewritten.
    """
    for place, view in session.catalog.dependants(spec.schema, spec.name):
        if objects.broken(session, place, view):
            raise NeedsCluster(f"ALTER TABLE RENAME COLUMN of a column that the view {place}.{view} reads")
        follower = session.catalog.table(place, view, kinds=("view", "materialized"))
        if follower.kind == "view":
            objects.make_view(session, follower, session.compile(follower.definition).sql)


def _with_new_name(session: Context, definition: str, spec: TableSpec, new: str) -> str:
    """The definition with the table's name replaced where it is read; its old name stays as the alias."""
    tree = session.parsed(definition)
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    found = [
        table
        for table in tree.find_all(exp.Table)
        if table.name.lower() == spec.name and (table.db.lower() == spec.schema if table.db else spec.name not in own)
    ]
    for table in sorted(found, key=lambda one: one.this.meta["start"], reverse=True):
        start, end = table.this.meta["start"], table.this.meta["end"] + 1
        alias = "" if table.alias else f" as {quoted(spec.name)}"
        definition = f"{definition[:start]}{quoted(new)}{alias}{definition[end:]}"
    return definition
