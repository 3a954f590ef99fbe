"""What a plan saves, ready to flow: a database dump or an archive of files, and what the manifest has to say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.backups.archive import Archive
from core.backups.dump import Dump, DumpProgram, find_dump_program
from core.backups.manifest import DatabasePart, TableRows
from core.backups.plan import Plan
from core.backups.privileges import unseen
from core.backups.schema import (
    LOST,
    DatabaseFacts,
    checksums,
    count_rows,
    describe,
    has_rows,
    missing_accounts,
    server_version,
    undumpable,
    view_trouble,
    views_elsewhere,
)
from core.backups.server import Login, abandon, connected
from core.base.errors import OpsError
from core.jobs.job import Job

_SUMMED_AT_MOST = 256 << 20
"""Databases up to this size get CHECKSUM TABLE before and after; it reads every row (0.8 s for 400,000 of them)."""

_COUNTED_AT_MOST = 64 << 20
"""Tables up to this size are counted before the dump. COUNT(*) reads all of a table: of large ones, whose rows are counted
in the dump itself, only whether they have any is asked, and counted they are where the dump has suspiciously few."""


CANNOT_LOAD = "mariadb-dump writes values of MySQL's generated columns ({columns}), which MySQL refuses to load"


@dataclass(slots=True)
class Parts:
    """What a content tells its manifest."""

    databases: tuple[DatabasePart, ...] = ()
    engine: str = ""
    engine_version: str = ""
    program: str = ""
    notes: tuple[str, ...] = ()
    file_count: int = 0
    file_bytes: int = 0
    file_list: bytes | None = None
    file_list_sha256: str = ""


class Content(Protocol):
    kind: str

    def pieces(self, job: Job[Any]) -> Iterator[bytes]:
        """The plain bytes; ends normally only if they are whole."""
        ...

    def halt(self) -> None:
        """Wake ``pieces`` from any wait, from another thread."""
        ...

    def finish(self, job: Job[Any]) -> Parts:
        """After the last piece: what to tell. Raises OpsError where what flowed past cannot be all there is."""
        ...

    def close(self) -> None: ...


def content_of(plan: Plan, login: Callable[[str], Login]) -> Content:
    """``login`` finds the login of a named MySQL source."""
    if plan.is_database:
        return DatabaseContent(login(plan.source.server), plan.source.databases, plan.source.history)
    return FileContent(Archive(plan.source))


@dataclass(slots=True)
class FileContent:
    archive: Archive
    kind: str = "files"

    def pieces(self, job: Job[Any]) -> Iterator[bytes]:
        return self.archive.pieces(job)

    def halt(self) -> None:
        self.archive.halt()

    def finish(self, job: Job[Any]) -> Parts:
        listing, notes = self.archive.listing, self.archive.notes
        more = self.archive.noted - len(notes)
        return Parts(
            file_count=self.archive.count,
            file_bytes=self.archive.size,
            file_list=listing.content(),
            file_list_sha256=listing.tally.sha256,
            notes=(*notes, f"and {more:,} more") if more else tuple(notes),
        )

    def close(self) -> None:
        self.archive.listing.close()


@dataclass(slots=True)
class DatabaseContent:
    login: Login
    databases: tuple[str, ...]
    history: bool = False
    kind: str = "mysql"
    _dump: Dump | None = None
    _facts: list[DatabaseFacts] = field(default_factory=list)
    _before: list[dict[str, int]] = field(default_factory=list)
    _filled: list[set[str]] = field(default_factory=list)
    _sums: list[dict[str, int]] = field(default_factory=list)
    _broken: list[dict[str, str]] = field(default_factory=list)
    _left_out: list[dict[str, str]] = field(default_factory=list)
    _elsewhere: list[dict[str, str]] = field(default_factory=list)
    _missing: tuple[str, ...] = ()
    _unseen: list[str] = field(default_factory=list)
    _engine: tuple[str, str] = ("", "")

    def pieces(self, job: Job[Any]) -> Iterator[bytes]:
        program = self._survey(job)
        without = tuple(
            f"{facts.name}.{view}" for facts, left in zip(self._facts, self._left_out, strict=True) for view in left
        )
        self._dump = Dump(self.login, self.databases, self.history, without, program=program)
        yield from self._dump.pieces(job)

    def halt(self) -> None:
        if self._dump is not None:
            self._dump.halt()

    def close(self) -> None: ...

    def _survey(self, job: Job[Any]) -> DumpProgram:
        """What is there before the dump; returns the program to dump with."""
        with (
            connected(self.login, doing=f"look at {', '.join(self.databases)}") as connection,
            job.interruptible(lambda: abandon(connection)),
        ):
            self._engine = server_version(connection)
            program = find_dump_program(self._engine[0])
            for database in self.databases:
                facts = describe(connection, database)
                _refuse_empty(facts)
                self._facts.append(facts)
                self._unseen += [
                    f"{entry.what.capitalize()} of {database} are not in this backup, should there be any: its login may not see"
                    f" them (it lacks {entry.grant})"
                    for entry in unseen(connection, database, self._engine[0])
                ]
                troubles = {view: view_trouble(connection, database, view) for view in facts.views}
                self._broken.append({view: trouble for view, trouble in troubles.items() if trouble})
                self._left_out.append(undumpable(connection, database, self._broken[-1]))
                self._elsewhere.append(views_elsewhere(connection, database, self.databases))
                self._missing += tuple(missing_accounts(connection, facts.definers) or ())
                counted = tuple(
                    table
                    for table in facts.tables
                    if not program.one_row_a_line or facts.estimates[table][0] <= _COUNTED_AT_MOST
                )
                self._before.append(count_rows(job, connection, database, counted, self._with_old(facts)))
                large = set(facts.tables).difference(counted)
                self._filled.append({table for table in large if has_rows(connection, database, table)})
                self._sums.append(
                    checksums(connection, database, facts.tables) if facts.size <= _SUMMED_AT_MOST else {}
                )
        return program

    def finish(self, job: Job[Any]) -> Parts:
        assert self._dump and self._dump.program
        notes = list(self._unseen)
        parts = []
        with (
            connected(self.login, doing="count the rows once more") as connection,
            job.interruptible(lambda: abandon(connection)),
        ):
            for number, facts in enumerate(self._facts):
                now = describe(connection, facts.name)
                _refuse_empty(now)
                left_out = self._left_out[number]
                before, dumped = self._before[number], self._dumped(facts)
                asked = tuple(table for table in facts.tables if table in now.tables and self._doubtful(number, table))
                later = count_rows(job, connection, facts.name, asked, self._with_old(facts))
                sums = checksums(
                    connection, facts.name, tuple(table for table in self._sums[number] if table in now.tables)
                )
                changing = set(facts.schema) ^ set(now.schema)
                parts.append(
                    DatabasePart(
                        facts.name,
                        facts.charset,
                        facts.collation,
                        _tables(facts, dumped, before, later, self._filled[number], set(now.tables), notes),
                        tuple(view for view in facts.views if view in now.views and view not in left_out),
                        tuple(line for line in facts.schema if line not in changing and not _of_any(left_out, line)),
                        tuple(account for account in facts.definers if account not in self._missing),
                        {view: why for view, why in self._broken[number].items() if view not in left_out},
                        {table: value for table, value in sums.items() if self._sums[number][table] == value},
                        tuple(sorted(changing)),
                        left_out,
                        self._elsewhere[number],
                    )
                )
                notes += parts[-1].reads
                if changing:
                    notes.append(
                        f"{facts.name} was altered during the dump, which its proof leaves alone: {min(changing)}"
                    )
                if self._dump.program.mariadb and self._engine[0] == "mysql" and facts.generated:
                    notes.append(f"{facts.name}: {CANNOT_LOAD.format(columns=', '.join(facts.generated[:5]))}")
                notes += [
                    f"{entry} of {facts.name} is outside of the snapshot: its rows may mix several moments"
                    for entry in facts.outside_snapshot
                ]
                notes += [
                    f"The view {facts.name}.{view} cannot be selected on the source"
                    f"{', and is not in this backup (its definition is in the manifest)' if view in left_out else ''}: {why}"
                    for view, why in self._broken[number].items()
                ]
        return Parts(tuple(parts), self._engine[0], self._engine[1], self._dump.program.version, tuple(notes))

    def _with_old(self, facts: DatabaseFacts) -> tuple[str, ...]:
        """Tables whose old rows are dumped, too."""
        return facts.versioned if self.history else ()

    def _doubtful(self, number: int, table: str) -> bool:
        """Whether the dump says something else than the server did before it: a quiet database is counted once."""
        facts, dumped = self._facts[number], self._dumped(self._facts[number]).get(table)
        if table in self._before[number]:
            return dumped != self._before[number][table]
        return dumped is None or dumped == 0 or dumped < facts.estimates[table][1] // 2

    def _dumped(self, facts: DatabaseFacts) -> dict[str, int | None]:
        """{table: rows in the dump}; a table that the dump does not speak of is missing."""
        assert self._dump
        named = facts.name if len(self.databases) > 1 else ""  # a dump of one database does not name it
        return {table: rows for (database, table), rows in self._dump.counter.rows.items() if database == named}


def _refuse_empty(facts: DatabaseFacts) -> None:
    if not facts.tables and not facts.views:
        raise OpsError(
            f"The database {facts.name} holds no table",
            "There is nothing in it, or this user may see nothing of it",
            "Check the name and the user's rights: an empty backup would hide the loss",
            details={LOST: facts.name},
            code="empty",
        )


def _tables(
    facts: DatabaseFacts,
    dumped: dict[str, int | None],
    before: dict[str, int],
    later: dict[str, int],
    filled: set[str],
    there: set[str],
    notes: list[str],
) -> tuple[TableRows, ...]:
    """``filled``: large tables that were not counted before, but had rows; ``there``: those that there are after the dump."""
    unsafe = {entry.partition(" (")[0] for entry in facts.outside_snapshot}
    tables = []
    for name in facts.tables:
        if name not in dumped and name not in there:
            notes.append(f"{facts.name}.{name} was dropped before it was dumped")
            continue
        table = TableRows(name, dumped.get(name), before.get(name), later.get(name))
        first = table.before if table.before is not None else later.get(name, 0) if name in filled else 0
        if name not in dumped and name in later:
            least = min(first, later[name])
            if least and name not in unsafe:
                raise _hollow(facts.name, name, least)
            notes.append(f"The dump holds no rows of {facts.name}.{name}")
        _compare(facts.name, table, first, notes)
        tables.append(table)
    return (*tables, *(TableRows(name, rows) for name, rows in dumped.items() if name not in facts.tables))


def _of_any(views: Iterable[str], line: str) -> bool:
    """Whether a line of the schema is about one of ``views``."""
    return any(line == f"view {view}" or line.startswith(f"column {view}.") for view in views)


def _compare(database: str, table: TableRows, before: int, notes: list[str]) -> None:
    """A dump that says less than the server did is refused; one off by what a busy server does is noted."""
    if table.rows is None or table.after is None:
        return
    least, most = sorted((before, table.after))
    if table.rows == 0 and least > 0:
        raise _hollow(database, table.name, least)
    if not least <= table.rows <= most:
        counted = "" if table.before is None else f"{table.before:,} counted before and "
        notes.append(f"{database}.{table.name}: {table.rows:,} rows in the dump, {counted}{table.after:,} after it")


def _hollow(database: str, table: str, rows: int) -> OpsError:
    return OpsError(
        f"The dump holds no row of {database}.{table}",
        f"The server counts {rows:,} rows before and after the dump",
        "Nothing was published; check the user's rights on the table and back up again",
        code="hollow",
    )
