"""warehouse query | connections | schemas | tables | describe | history | running | cancel | attach: SQL without a screen."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.base.errors import OpsError, WrongUse
from core.cli import warehouse_extract, warehouse_pull
from core.cli.console import Console
from core.cli.group import Group
from core.jobs.job import Job

if TYPE_CHECKING:
    from core.settings.profiles import WarehouseConnection
    from core.warehouse.run import Run

_FORMATS = ("table", "csv", "json", "parquet", "xlsx")
_TABLE_ROWS = 10_000  # a terminal's worth; more is what files are for


def register(groups: Any) -> None:
    group = Group(groups, "warehouse", "ask Redshift, feed it from MySQL, turn raw text into tables")
    query = group.action("query", _query, "run SQL and print or store its result")
    query.add_argument("sql", nargs="?", metavar="SQL")
    query.add_argument("--file", type=Path, metavar="F", help="read the SQL from a file; - is standard input")
    _add_place(query)
    _add_output(query)
    query.add_argument("--param", action="append", default=[], metavar="K=V", help="value of :K; may be given often")
    query.add_argument("--null", action="append", default=[], metavar="K", help="NULL as the value of :K")
    query.add_argument("--yes", action="store_true", help="write on a production or read-only profile without asking")

    group.action("connections", _connections, "the warehouses of the profile")
    _add_place(group.action("schemas", _schemas, "the schemas of the database"))
    tables = group.action("tables", _tables, "tables and views with rows, sizes and keys")
    tables.add_argument("schema", nargs="?", metavar="SCHEMA")
    _add_place(tables)
    describe = group.action("describe", _describe, "columns, keys, figures and advice of one table")
    describe.add_argument("table", metavar="TABLE")
    describe.add_argument("--create", action="store_true", help="print the statement that makes it, and nothing else")
    _add_place(describe)
    history = group.action("history", _history, "statements run before, newest first")
    history.add_argument("--search", default="", metavar="WORDS", help="only those whose SQL or error holds every word")
    history.add_argument("--limit", type=int, default=50, metavar="N")
    _add_place(group.action("running", _running, "what runs on the server now, who started it, how long it takes"))
    cancel = group.action("cancel", _cancel, "stop a statement on the server")
    cancel.add_argument("id", metavar="ID")
    _add_place(cancel)
    attach = group.action("attach", _attach, "take up a statement sent before (24 hours) and fetch its result")
    attach.add_argument("id", metavar="ID")
    _add_place(attach)
    _add_output(attach)
    warehouse_pull.add_actions(group)
    warehouse_extract.add_actions(group)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--connection", default="", metavar="C", help="default: the profile's first")
    parser.add_argument("--database", default="", metavar="D", help="default: the connection's own")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=_FORMATS, help="default: table, or what the name of --output says")
    parser.add_argument("--output", type=Path, metavar="F", help="write the result to a file, whole or not at all")


# -- statements --------------------------------------------------------------------
def _query(options: argparse.Namespace, console: Console) -> None:
    from core.warehouse.statements import parameters, runnable

    sql = _sql(options)
    values = _values(options)
    form = _form(options, console)
    service = console.desk.warehouse
    connection = console.do("Open the warehouse", lambda job: service.connection(job, options.connection))
    _dialect, escapes = service.dialect(connection)
    statements = runnable(sql, escapes=escapes)
    if not statements:
        raise WrongUse("There is no SQL to run", "The text holds only blanks and comments", "Give a statement")
    used = {name for statement in statements for name in parameters(statement.body, escapes=escapes)}
    if unknown := sorted(set(values) - used):
        raise WrongUse(f"No statement uses :{unknown[0]}", "A value was given for it", "Correct the name")
    printed = False
    for statement in statements:
        last = statement is statements[-1]
        run = service.prepare(
            connection,
            statement.body,
            database=options.database,
            values=values,
            session="cli" if len(statements) > 1 else "",
            limit=_TABLE_ROWS,
        )
        _consent(options, console, run)
        fetch = form == "table"
        console.do("Query", partial(service.execute, run=run, fetch=fetch))
        for note in run.notes:
            console.warn(note)
        if run.has_result and (last or form == "table"):
            _show(console, run, form, options.output)
            printed = True
        else:
            console.say(run.words() if not run.has_result else f"{run.intent.verb}: result not shown")
    if not printed and (form == "json" or console.json):
        console.result([])


def _attach(options: argparse.Namespace, console: Console) -> None:
    form = _form(options, console)
    service = console.desk.warehouse

    def work(job: Job[Run]) -> Run:
        connection = service.connection(job, options.connection) if options.connection else None
        return service.attach(job, options.id, connection, fetch=form == "table")

    run = console.do("Attach", work)
    if run.has_result:
        _show(console, run, form, options.output)
    else:
        console.result({"id": run.statement, "state": "finished", "rows": run.affected}, run.words())


def _show(console: Console, run: Run, form: str, output: Path | None) -> None:
    from core.warehouse.export import export, write_rows

    service = console.desk.warehouse
    if form == "table":
        _print_table(run)
        console.say(f"({run.words()})")
        return

    def work(job: Job[int]) -> int:
        rows = service.all_rows(job, run)
        if output is None:
            return write_rows(job, rows, sys.stdout.buffer, form)
        return export(job, rows, output, form)

    count = console.do("Result", work)
    if output is None:
        sys.stdout.buffer.flush()
    else:
        console.say(f"{output}: {count:,} rows, {run.seconds:.1f} s")


def _print_table(run: Run) -> None:
    """An aligned table; numbers to the right, NULL as NULL."""
    import polars as pl

    frame = run.result.frame()
    columns = []
    for series in frame.iter_columns():
        texts = ["NULL" if text is None else text for text in series.cast(pl.String, strict=False).to_list()]
        texts = [text.replace("\n", "\\n") for text in texts]
        width = max(len(series.name), *(len(text) for text in texts)) if texts else len(series.name)
        right = series.dtype.is_numeric()
        columns.append([text.rjust(width) if right else text.ljust(width) for text in [series.name, *texts]])
        columns[-1].insert(1, "-" * width)
    for line in zip(*columns, strict=True):
        print("  ".join(line).rstrip())


def _sql(options: argparse.Namespace) -> str:
    if (options.sql is None) == (options.file is None):
        raise WrongUse("Give the SQL either as a word or with --file", "One of the two is needed", "")
    if options.sql is not None:
        return str(options.sql)
    if str(options.file) == "-":
        return sys.stdin.read().removeprefix("\ufeff")
    try:
        return str(options.file.read_text(encoding="utf-8-sig"))  # Windows' editors begin with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{options.file} cannot be read", str(error), "Check the name of the file") from error


def _values(options: argparse.Namespace) -> dict[str, str | None]:
    values: dict[str, str | None] = dict.fromkeys(options.null)
    for entry in options.param:
        name, sign, value = entry.partition("=")
        if not sign or not name.isidentifier():
            raise WrongUse(
                f"{entry!r} is no parameter", "It should be NAME=VALUE", "For example --param day=2026-01-31"
            )
        values[name] = value
    return values


def _form(options: argparse.Namespace, console: Console) -> str:
    if options.format:
        form = str(options.format)
    elif options.output is not None:
        from core.warehouse.export import format_of

        form = format_of(options.output)
    else:
        form = "json" if console.json else "table"
    if options.output is not None and form == "table":
        raise WrongUse(
            "A table is for the terminal", "--output writes csv, json, parquet or xlsx", "Choose one of them"
        )
    if options.output is None and form in ("parquet", "xlsx") and sys.stdout.isatty():
        raise WrongUse(f"{form} is binary", "It would disturb the terminal", "Give --output FILE")
    return form


def _consent(options: argparse.Namespace, console: Console, run: Run) -> None:
    """A write on a guarded profile names its tables and rows, and asks."""
    service = console.desk.warehouse
    if options.yes or not service.must_ask(run):
        return
    profile = console.desk.profile
    what = f"{run.intent.verb} {', '.join(run.intent.tables)}".strip()
    if not sys.stdin.isatty():
        raise WrongUse(
            f"{what} writes on the profile {profile.name}",
            f"It is {'read-only' if profile.read_only else profile.environment}, and nobody is here to be asked",
            "Give --yes if this is meant",
        )
    try:
        rows = console.do("Count", lambda job: service.rows_touched(job, run))
    except OpsError as error:
        console.warn(f"How many rows cannot be told: {error.why}")
        rows = None
    touched = f" ({rows:,} rows)" if rows is not None else ""
    answer = input(f"{what}{touched} on {profile.name} [{profile.environment}]. Type yes to run it: ")
    if answer.strip().lower() != "yes":
        raise OpsError("Nothing was written", "It was not confirmed", "")


# -- the catalogue and the server --------------------------------------------------
def _connection(options: argparse.Namespace, console: Console) -> WarehouseConnection:
    return console.do("Open the warehouse", lambda job: console.desk.warehouse.connection(job, options.connection))


def _connections(_options: argparse.Namespace, console: Console) -> None:
    rows = []
    for connection in console.do("Find the warehouses", console.desk.warehouse.connections):
        rows.append(
            {
                "name": connection.name,
                "kind": connection.kind,
                "database": connection.database,
                "where": connection.workgroup or connection.cluster or f"{connection.host}:{connection.port}",
                "user": connection.db_user,
                "note": connection.note,
            }
        )
    console.table(rows)


def _schemas(options: argparse.Namespace, console: Console) -> None:
    connection = _connection(options, console)
    catalogue = console.do("Read", lambda job: console.desk.warehouse.catalogue(job, connection, options.database))
    console.table([{"schema": name, "tables": len(catalogue.of_schema(name))} for name in catalogue.schemas])


def _tables(options: argparse.Namespace, console: Console) -> None:
    connection = _connection(options, console)
    catalogue = console.do("Read", lambda job: console.desk.warehouse.catalogue(job, connection, options.database))
    if options.schema and options.schema not in catalogue.schemas:
        raise OpsError(
            f"There is no schema {options.schema}", f"Known are: {', '.join(catalogue.schemas)}", "", code="not-found"
        )
    for note in catalogue.notes:
        console.warn(note)
    console.table(
        [
            {
                "schema": table.schema,
                "name": table.name,
                "kind": table.kind,
                "rows": table.rows,
                "size_mb": table.size_mb,
                "dist_style": table.dist_style,
                "dist_key": ", ".join(table.dist_keys),
                "sort_key": ", ".join(table.sort_keys),
                "skew": table.skew,
            }
            for table in catalogue.tables
            if options.schema in (None, table.schema)
        ]
    )


def _describe(options: argparse.Namespace, console: Console) -> None:
    from dataclasses import asdict

    from core.warehouse.advice import advice

    connection = _connection(options, console)
    catalogue = console.do("Read", lambda job: console.desk.warehouse.catalogue(job, connection, options.database))
    table = catalogue.find(options.table)
    if options.create:
        service = console.desk.warehouse
        made = console.do("Ask", lambda job: service.creation(job, connection, table, options.database))
        console.result({"create": made}, made.rstrip())
        return
    described = asdict(table) | {
        "dist_key": list(table.dist_keys),
        "sort_key": list(table.sort_keys),
        "advice": advice(table, catalogue.tables),
    }
    if console.json:
        console.result(described)
        return
    columns = described.pop("columns")
    for key in ("dist_key", "sort_key"):
        described[key] = ", ".join(described[key])
    hints = described.pop("advice")
    described["keys"] = "; ".join(described["keys"])
    console.result({key: value for key, value in described.items() if value not in (None, "")})
    print()
    console.table([{key: "" if value is False else value for key, value in one.items()} for one in columns])
    for hint in hints:
        console.say(hint)


def _history(options: argparse.Namespace, console: Console) -> None:
    runs = console.desk.warehouse.history.search(options.search, limit=options.limit)
    console.table(
        [
            {
                "id": run.statement,
                "started": run.started.isoformat(timespec="seconds"),
                "seconds": round(run.seconds, 3),
                "state": run.state,
                "rows": run.rows if run.rows >= 0 else None,
                "connection": run.connection,
                "database": run.database,
                "sql": run.sql if console.json else " ".join(run.sql.split())[:80],
                "error": run.error if console.json else run.error[:60],
            }
            for run in runs
        ]
    )


def _running(options: argparse.Namespace, console: Console) -> None:
    connection = _connection(options, console)
    found = console.do("Ask", lambda job: console.desk.warehouse.running(job, connection, options.database))
    console.table(
        [
            {
                "id": statement.id,
                "user": statement.user,
                "state": statement.state,
                "started": statement.started.isoformat(timespec="seconds") if statement.started else None,
                "seconds": round(statement.seconds, 1),
                "sql": statement.sql if console.json else " ".join(statement.sql.split())[:80],
            }
            for statement in found
        ]
    )


def _cancel(options: argparse.Namespace, console: Console) -> None:
    connection = _connection(options, console)
    status = console.do(
        "Cancel", lambda job: console.desk.warehouse.cancel(job, connection, options.id, options.database)
    )
    word = status.state.value if status else "gone"
    console.result({"id": options.id, "state": word}, f"{options.id}: {word}")
    if status and word != "cancelled":
        raise OpsError("The statement was not cancelled", f"It had already {word}", "", code="too-late")
