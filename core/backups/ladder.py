"""The rungs of a verification that ask a restored database: row counts, schema, views, assertions, table checks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from core.backups.assertions import check_assertion
from core.backups.manifest import DatabasePart, Manifest
from core.backups.outcomes import Check
from core.backups.plan import Plan
from core.backups.schema import (
    checksums,
    count_of_rows,
    schema_lines,
    server_version,
    unlike_their_dump,
    versioned_tables,
    view_trouble,
)
from core.backups.server import identifier, message_of, rows_of
from core.jobs.job import Job

_TOLD = 50  # differences listed in a finding; the rest is counted


def check_database(
    job: Job[Any],
    connection: Any,
    plan: Plan,
    manifest: Manifest,
    names: dict[str, str],
    level: int,
) -> Iterable[Check]:
    """Levels 4 to 6 on the restored databases; ``names`` maps each database of the manifest to its restored name."""
    engine = server_version(connection)[0]
    other = engine if manifest.engine and engine != manifest.engine else ""
    for part in manifest.databases:
        here = names[part.name]
        if level >= 4:
            yield from _counts(job, connection, part, here)
            yield _schema(connection, part, here, other)
            yield _views(connection, part, here)
    if level >= 5:
        first = manifest.databases[0].name if manifest.databases else ""
        for assertion in (*(sentinel.as_assertion() for sentinel in plan.proof.sentinels), *plan.proof.assertions):
            job.report(0, None, f"Checking: {assertion.name}")
            wanted = assertion.database or first
            yield check_assertion(connection, assertion, names.get(wanted, wanted), manifest.started)
        if not plan.proof.sentinels and not plan.proof.assertions:
            yield Check(5, "sentinel rows and assertions", None, "at least one", "the plan names none")
    if level >= 6:
        for part in manifest.databases:
            yield _check_tables(job, connection, part, names[part.name])
            yield _checksums(job, connection, part, names[part.name], other)


def _counts(job: Job[Any], connection: Any, part: DatabasePart, here: str) -> Iterable[Check]:
    import pymysql

    versioned = versioned_tables(connection, here)
    for number, table in enumerate(part.tables, 1):
        job.report(number, len(part.tables), f"Counting the rows of {table.name}")
        started = time.monotonic()
        name = f"rows of {part.name}.{table.name}"
        expected = _range(table.expected)
        try:  # where no old rows were dumped none are there
            rows = count_of_rows(connection, here, table.name, with_old=table.name in versioned)
        except pymysql.MySQLError as error:
            yield Check(4, name, False, expected, message_of(error), time.monotonic() - started)
            continue
        limits = table.expected
        ok = None if limits is None else limits[0] <= rows <= limits[1]
        yield Check(4, name, ok, expected, f"{rows:,}", time.monotonic() - started)


def _schema(connection: Any, part: DatabasePart, here: str, other: str) -> Check:
    """``other``: the engine here where it is not the source's. It may word a type its own way (MariaDB keeps JSON as longtext), so
    that of each thing only its presence can be told."""
    started = time.monotonic()
    restored, wanted = set(schema_lines(connection, here)), set(part.schema)
    missing, extra = sorted(wanted - restored), sorted(restored - wanted - set(part.changing))
    lines = [f"missing: {line}" for line in missing] + [f"not in the source: {line}" for line in extra]
    detail = "\n".join(lines[:_TOLD]) + (f"\n... and {len(lines) - _TOLD:,} more" if len(lines) > _TOLD else "")
    actual = (
        f"{len(restored):,} facts"
        if not lines
        else f"{len(missing)} missing, {len(extra)} different or new: {lines[0]}"
    )
    ok: bool | None = not lines
    if lines and other and {_thing(line) for line in wanted} == {_thing(line) for line in restored}:
        ok, actual = (
            None,
            f"everything is there; {other} words {len(extra)} otherwise, which is not compared: {extra[0]}",
        )
    return Check(4, f"schema of {part.name}", ok, f"{len(wanted):,} facts", actual, time.monotonic() - started, detail)


def _thing(line: str) -> str:
    """What a line of the schema is about: "column orders.total", "index orders.by_day"."""
    return re.split(r": | \(", line, maxsplit=1)[0]


def _views(connection: Any, part: DatabasePart, here: str) -> Check:
    started = time.monotonic()
    troubles = []
    for view in part.views:
        why = view_trouble(connection, here, view)
        if why:
            also = " (on the source too)" if view in part.broken_views else ""
            troubles.append(f"{view}: {why}{also}")
    actual = f"{len(part.views)} selectable" if not troubles else troubles[0]
    return Check(
        4,
        f"views of {part.name}",
        not troubles,
        f"{len(part.views)} selectable",
        actual,
        time.monotonic() - started,
        "\n".join(troubles),
    )


def _check_tables(job: Job[Any], connection: Any, part: DatabasePart, here: str) -> Check:
    started = time.monotonic()
    troubles, unchecked = [], list[str]()
    for number, table in enumerate(part.tables, 1):
        job.report(number, len(part.tables), f"CHECK TABLE {table.name}")
        answers = rows_of(connection, f"CHECK TABLE {identifier(here)}.{identifier(table.name)}")
        last = answers[-1]
        if "support check" in str(last[3]):  # as MEMORY's
            unchecked.append(table.name)
        elif str(last[2]).lower() != "status" or str(last[3]).upper() not in ("OK", "TABLE IS ALREADY UP TO DATE"):
            troubles.append(f"{table.name}: {last[3]}")
    expected = f"{len(part.tables) - len(unchecked)} OK"
    beside = f"; no engine checks {', '.join(unchecked[:5])}" if unchecked else ""
    actual = f"{expected}{beside}" if not troubles else troubles[0]
    return Check(
        6,
        f"CHECK TABLE of {part.name}",
        not troubles,
        expected,
        actual,
        time.monotonic() - started,
        "\n".join(troubles),
    )


def _checksums(job: Job[Any], connection: Any, part: DatabasePart, here: str, other: str) -> Check:
    started = time.monotonic()
    name = f"CHECKSUM TABLE of {part.name}"
    if not part.checksums:
        return Check(6, name, None, "", "the source was too large or too busy to be summed at the dump")
    if other:
        return Check(6, name, None, "", f"{other} sums the same rows to other numbers than the source does")
    job.report(0, None, "Comparing the checksums of the tables")
    unlike = unlike_their_dump(connection, here)
    wanted = {table: value for table, value in part.checksums.items() if table not in unlike}
    found = checksums(connection, here, tuple(wanted))
    wrong = [
        f"{table}: {found.get(table)} instead of {value}"
        for table, value in wanted.items()
        if found.get(table) != value
    ]
    expected = f"{len(wanted)} equal"
    beside = f"; {len(unlike)} cannot be compared so" if unlike else ""
    details = [*wrong, *(f"not compared: {table}, {why}" for table, why in unlike.items())]
    actual = wrong[0] if wrong else f"{expected}{beside}"
    return Check(6, name, not wrong, expected, actual, time.monotonic() - started, "\n".join(details))


def _range(limits: tuple[int, int] | None) -> str:
    if limits is None:
        return "not known"
    return f"{limits[0]:,}" if limits[0] == limits[1] else f"{limits[0]:,} to {limits[1]:,}"
