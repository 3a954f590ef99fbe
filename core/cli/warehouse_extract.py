"""warehouse extract: raw text to a table, or to the DDL that makes Hive and Athena read it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.base.errors import OpsError, WrongUse
from core.cli.console import Console
from core.cli.group import Group
from core.jobs.job import Job

if TYPE_CHECKING:
    from core.warehouse.extract.definition import Definition, Tally
    from core.warehouse.extract.preview import Preview
    from core.warehouse.extract.sources import Source


def add_actions(group: Group) -> None:
    parser = group.action("extract", _extract, "turn logs, JSON lines and XML into a table by a pattern")
    parser.add_argument(
        "--input", required=True, metavar="PATH|s3://...", help="a file, a folder or an S3 prefix; plain, gz, zst"
    )
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--pattern", metavar="REGEX", help="for each whole line; every group is a column, named by (?P<name>...)"
    )
    parser.add_argument(
        "--document",
        action="store_true",
        help="with --pattern: find it anywhere in each whole file (XML); every match is a row",
    )
    how.add_argument("--preset", choices=("nginx", "apache", "elb", "alb", "json", "xml"))
    parser.add_argument(
        "--record",
        default="",
        metavar="ELEMENT[: PATH, ...]",
        help="XML: the element that is one row, and its columns, as 'item: @sku, price, maker/name' (default: guessed)",
    )
    parser.add_argument("--skip", default="", metavar="REGEX", help="lines that are no data, for example ^#")
    parser.add_argument(
        "--type", action="append", default=[], metavar="COLUMN=KIND", help="text, whole, number, boolean, date, time"
    )
    parser.add_argument("--often", action="store_true", help="it will be asked again and again (for the advice)")
    parser.add_argument("--table", default="", metavar="T", help="make this table in the warehouse")
    parser.add_argument("--output", type=Path, metavar="F.parquet", help="write a Parquet file")
    parser.add_argument("--rejects", type=Path, metavar="F", help="keep what did not match, as JSON lines")
    parser.add_argument("--emit", choices=("athena", "hive"), help="print the DDL instead of extracting")
    parser.add_argument(
        "--stage",
        default="",
        metavar="s3://B/P",
        help="where the file waits for COPY (default: a bucket of the account)",
    )
    parser.add_argument("--connection", default="", metavar="C")
    parser.add_argument("--database", default="", metavar="D")
    parser.add_argument("--yes", action="store_true", help="write on a production or read-only profile without asking")


def _extract(options: argparse.Namespace, console: Console) -> int:
    definition = _definition(options)
    extracts = console.desk.warehouse.extracts
    sources = console.do("Look", lambda job: extracts.sources(job, options.input))
    found: Preview = console.do("Preview", lambda job: extracts.preview(job, definition, sources))
    definition = found.definition.with_kinds(_kinds(options, found.definition))
    if options.emit:
        from core.warehouse.extract.emit import hive_ddl

        ddl = hive_ddl(definition, options.table, options.input, athena=options.emit == "athena")
        console.result({"ddl": ddl, "columns": [asdict(column) for column in definition.columns]}, ddl.rstrip())
        return 0
    _advise(console, sources, found, often=options.often)
    if not options.table and options.output is None:
        _show_preview(console, found)
        return 0
    if options.table and console.desk.profile.guarded and not options.yes:
        raise WrongUse(
            f"{options.table} would be made on the profile {console.desk.profile.name}",
            "It is a production or read-only profile",
            "Give --yes if this is meant",
        )
    from core.warehouse.scratch import scratch

    with scratch("extract") as folder:
        output: Path = options.output or folder / f"{options.table.rpartition('.')[2]}.parquet"
        tally = console.do("Extract", lambda job: extracts.run(job, definition, sources, output, options.rejects))
        if options.table:
            console.do("Load", partial(_load, options, console, definition, tally, output))
    return _report(options, console, definition, found, tally)


def _definition(options: argparse.Namespace) -> Definition:
    from dataclasses import replace

    from core.warehouse.extract.definition import DOCUMENT, PATTERN, Definition, xml_definition
    from core.warehouse.extract.presets import preset

    if options.document and options.preset:
        raise WrongUse("--document needs --pattern", "A preset says itself how it reads", "Leave one of them out")
    kind = DOCUMENT if options.document else PATTERN
    made = preset(options.preset) if options.preset else Definition(kind, pattern=options.pattern)
    if options.record and options.preset != "xml":
        raise WrongUse("--record needs --preset xml", "Only XML has records of a name", "Give both or none")
    named = xml_definition(options.record)
    return replace(made, record=named.record, columns=named.columns or made.columns, skip=options.skip)


def _kinds(options: argparse.Namespace, definition: Definition) -> dict[str, str]:
    from core.warehouse.extract.definition import TYPES

    kinds = {}
    known = {column.name for column in definition.columns}
    for entry in options.type:
        name, _, kind = entry.partition("=")
        if name not in known or kind not in TYPES:
            raise WrongUse(
                f"{entry!r} is no column type",
                f"Columns: {', '.join(sorted(known))}; kinds: {', '.join(TYPES)}",
                "For example --type status=whole",
            )
        kinds[name] = kind
    return kinds


def _load(
    options: argparse.Namespace, console: Console, definition: Definition, tally: Tally, output: Path, job: Job[None]
) -> None:
    from core.warehouse.extract.work import loader

    service = console.desk.warehouse
    connection = service.connection(job, options.connection)
    run = loader(service, connection, options.database)
    service.extracts.load(job, run, definition, tally, output, options.table, stage=options.stage)


def _advise(console: Console, sources: list[Source], found: Preview, *, often: bool) -> None:
    from core.warehouse.extract.advise import already_columns, which_tool

    advice = which_tool(
        sum(source.size for source in sources),
        relational=already_columns([line.text for line in found.lines]),
        often=often,
        kind=found.definition.kind,
    )
    console.say(f"{advice.tool}: {advice.why}")


def _show_preview(console: Console, found: Preview) -> None:
    columns = [{"name": column.name, "type": column.kind} for column in found.definition.columns]
    if console.json:
        console.result(
            {
                "sampled": found.sampled,
                "rejected": found.rejected,
                "engine": found.engine,
                "columns": columns,
                "rows": [dict(zip([c["name"] for c in columns], row, strict=True)) for row in found.rows],
            }
        )
        return
    console.table([dict(zip([c["name"] for c in columns], row, strict=True)) for row in found.rows[:10]])
    console.say(
        f"{found.sampled - found.rejected:,} of {found.sampled:,} sampled lines match. Give --output or --table to extract all."
    )


def _report(options: argparse.Namespace, console: Console, definition: Definition, found: Preview, tally: Tally) -> int:
    """Exit status 1 where a file could not be read to its end: the table is not whole."""
    for name, why in tally.problems:
        console.warn(f"{name} was not read to its end: {why}")
    if tally.remark:
        console.warn(tally.remark)
    console.result(
        {
            "lines": tally.lines,
            "rows": tally.rows,
            "rejected": tally.rejected,
            "skipped": tally.skipped,
            "misread": tally.misread,
            "reasons": tally.reasons,
            "bytes": tally.bytes,
            "files": tally.files,
            "problems": [{"source": name, "why": why} for name, why in tally.problems],
            "engine": found.engine,
            "columns": [{"name": column.name, "type": column.kind} for column in definition.columns],
            "output": str(options.output) if options.output else None,
            "table": options.table or None,
            "rejects": str(options.rejects) if options.rejects and tally.rejected else None,
        },
        f"{tally.rows:,} rows from {tally.lines:,} lines, {tally.rejected:,} rejected"
        + (f" ({', '.join(f'{count:,} {why}' for why, count in tally.reasons.items())})" if tally.reasons else ""),
    )
    if tally.problems:
        raise OpsError(
            "Not every file was read to its end",
            f"{len(tally.problems)} of {tally.files} are damaged",
            "See above",
            code="damaged",
        )
    return 0
