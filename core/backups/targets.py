"""Where a rehearsal restores to: a private server, a server that the plan names, or a folder (see ``scratch_folder``)."""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from core.backups.flow import Writer
from core.backups.ladder import check_database
from core.backups.loader import Loader
from core.backups.manifest import DatabasePart, Manifest
from core.backups.outcomes import Check
from core.backups.plan import Plan
from core.backups.rewriting import Definer, Renamer, Rewriter
from core.backups.schema import server_version
from core.backups.scratch import Other, ScratchServer, client_program, find_programs
from core.backups.scratch_folder import need_room, open_folder
from core.backups.server import Login, abandon, connected, identifier, message_of, one_of, rows_of
from core.backups.vault import Vault
from core.base.errors import OpsError
from core.jobs.job import Job

NOT_HERE = ("no-program", "scratch", "disk", "same-server")
"""Codes of trouble that says something of this computer, not of the backup."""

_MISMATCH = (
    "ERROR 1064",
    "ERROR 1115",
    "ERROR 1193",
    "ERROR 1227",
    "ERROR 1231",
    "ERROR 1273",
    "ERROR 1286",
    "ERROR 1298",
    "ERROR 4161",
)
"""What one engine says to another's dump: syntax, charset, variable, right, value, collation, engine, zone, type."""


_RIGHTS = ("ERROR 1044", "ERROR 1045", "ERROR 1142", "ERROR 1227", "ERROR 1370", "ERROR 1419")
"""What a server says to somebody who may not: on a database, log in, a table, an account, a routine, a trigger."""
_DISK_FULL = ("ERROR 1021", "ERROR 1114", "errno: 28", "Errcode: 28")


@dataclass(frozen=True, slots=True)
class Options:
    """What a rehearsal needs beside the plan. ``login`` finds a named MySQL source, ``secret`` a named secret."""

    login: Callable[[str], Login]
    secret: Callable[[str], str]
    cache: Path
    scratch_folder: str = ""
    mariadb_folder: str = ""
    hours: float = 12


class Target(Protocol):
    """Takes the plain bytes, then answers the checks of levels 4 and up."""

    where: str

    def write(self, data: bytes) -> None: ...
    def finish(self) -> None:
        """Raises OpsError (code ``load``) where the restore failed."""
        ...

    def mismatch(self, error: OpsError) -> str:
        """Why this is the fault of engine or disk here and not the backup's; nothing where it is not."""
        ...

    def why_ended(self) -> str: ...
    def checks(self, job: Job[Any], level: int) -> Iterable[Check]: ...


@contextmanager
def open_target(job: Job[Any], plan: Plan, manifest: Manifest, vault: Vault, options: Options) -> Iterator[Target]:
    """Raises OpsError with a code of ``NOT_HERE`` where this computer cannot rehearse it."""
    if manifest.kind != "mysql":
        opened: Any = open_folder(job, manifest, vault, options.scratch_folder)
    elif plan.proof.scratch:
        opened = _named_server(job, plan, manifest, options)
    else:
        opened = _private_server(job, plan, manifest, options)
    with opened as target:
        yield target


@dataclass(slots=True)
class DatabaseTarget:
    plan: Plan
    manifest: Manifest
    loader: Loader
    writer: Writer
    login: Login
    """Whoever loaded the dump also looks at it: a view may hold a function that acts as whoever selects from it."""
    names: dict[str, str]
    where: str
    ended: Callable[[], str]
    definers: Definer | None = None
    """On a server that the plan names, which has accounts of its own."""
    confined: str = ""
    """Why the dump could not be loaded as a user of its own."""

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def finish(self) -> None:
        if isinstance(self.writer, Rewriter):
            self.writer.close()
        self.loader.finish()

    def why_ended(self) -> str:
        return self.ended()

    def mismatch(self, error: OpsError) -> str:
        if any(words in error.why for words in _DISK_FULL):
            return "the disk for rehearsals is full"
        if self.definers and "ERROR 1419" in error.why:  # MySQL's binary log is on by default
            return (
                f"{self.where} writes a binary log, and lets only administrators make triggers and functions then:"
                " set log_bin_trust_function_creators = 1 there"
            )
        if self.definers and any(number in error.why for number in _RIGHTS):
            return f"the dump asks for a right on {self.where} that whoever loads it there lacks"
        if not any(number in error.why for number in _MISMATCH):
            return ""
        with connected(self.login) as connection:
            engine, version = server_version(connection)
        ours, theirs = _major(version), _major(self.manifest.engine_version)
        if engine == self.manifest.engine and theirs <= ours:
            return ""
        return f"engine mismatch: the dump comes from {self.manifest.engine} {self.manifest.engine_version}, here is {engine} {version}"

    def checks(self, job: Job[Any], level: int) -> Iterable[Check]:
        with connected(self.login, doing="check the restored database") as connection:
            with job.interruptible(lambda: abandon(connection)):
                if self.confined:
                    yield Check(4, "confined user", None, "one that may only load", self.confined)
                if self.definers and self.definers.changed:
                    told = f"{self.definers.changed:,} views, routines, triggers or events act as the loading user here"
                    yield Check(
                        4, "definers", None, "the accounts of the source", f"{told}: those accounts were not tried"
                    )
                yield from check_database(job, connection, self.plan, self.manifest, self.names, level)


def _major(version: str) -> tuple[int, int]:
    numbers = [int(part) for part in version.split("-")[0].split(".")[:2] if part.isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


@contextmanager
def _private_server(job: Job[Any], plan: Plan, manifest: Manifest, options: Options) -> Iterator[Target]:
    need_room(options.scratch_folder, manifest.plain_bytes * 2 + (300 << 20))
    programs = find_programs(options.mariadb_folder)
    names = {part.name: part.name for part in manifest.databases}  # the same names: bodies of views may hold them
    with ExitStack() as stack:
        server = stack.enter_context(
            ScratchServer(
                job,
                programs,
                options.cache,
                parent=options.scratch_folder,
                cap=manifest.plain_bytes * 4 + (1 << 30),
                hours=options.hours,
            )
        )
        login = _admit(server, manifest)
        database = manifest.databases[0].name if len(manifest.databases) == 1 else ""
        loader = stack.enter_context(
            Loader(job, server.client, login, database, other=server.other, folder=server.folder)
        )
        yield DatabaseTarget(plan, manifest, loader, loader, login, names, "a private scratch server", server.why_ended)


def _admit(server: ScratchServer, manifest: Manifest) -> Login:
    import pymysql

    databases = {part.name: (part.charset, part.collation) for part in manifest.databases}
    definers = tuple(sorted({account for part in manifest.databases for account in part.definers}))
    try:
        return server.admit(databases, definers)
    except OpsError as error:
        if isinstance(error.__cause__, pymysql.MySQLError):  # a charset or collation that this engine does not know
            raise OpsError(
                "The scratch server cannot hold these databases", error.why, error.remedy, code="scratch"
            ) from error
        raise


@contextmanager
def _named_server(job: Job[Any], plan: Plan, manifest: Manifest, options: Options) -> Iterator[Target]:
    """Databases under names of their own on the server that the plan names, loaded by a user who may do nothing else there
    (where the plan's login may make one); all of them are dropped afterwards."""
    login = options.login(plan.proof.scratch)
    _refuse_source(plan, login, options)
    token = secrets.token_hex(4)
    with connected(login, doing="prepare the scratch databases") as connection:
        sweep(connection)
    with held_alone(login, token):
        yield from _loaded_there(job, plan, manifest, login, token)


_LEFT = re.compile(r"opsdesk_verify_([0-9a-f]{8})_\d+")


@contextmanager
def held_alone(login: Login, token: str) -> Iterator[None]:
    """A lock on the server that says that the databases of ``token`` are in use; it goes with us, however we go."""
    import pymysql

    with connected(login, doing="prepare the scratch databases") as connection:
        rows_of(connection, "SET SESSION wait_timeout = 2592000")  # it only waits
        with contextlib.suppress(pymysql.MySQLError):  # a cluster that forbids it keeps ``sweep`` from asking, too
            rows_of(connection, "SELECT GET_LOCK(%s, 0)", f"opsdesk-verify-{token}")
        yield


def sweep(connection: Any) -> None:
    """Remove what proofs left there that were killed: a whole copy of somebody's data, and its user."""
    import pymysql

    for (name,) in rows_of(connection, "SHOW DATABASES LIKE 'opsdesk\\_verify\\_%'"):
        found = _LEFT.fullmatch(name)
        if found is None:
            continue
        try:
            if one_of(connection, "SELECT IS_FREE_LOCK(%s)", f"opsdesk-verify-{found[1]}") != 1:
                continue  # another computer's proof is at work
            rows_of(connection, f"DROP DATABASE IF EXISTS {identifier(name)}")
            rows_of(connection, f"DROP USER IF EXISTS opsdesk_{found[1]}@'%'")
        except pymysql.MySQLError as error:  # it stands in nobody's way
            logging.getLogger(__name__).warning("%s is left of a proof that was killed: %s", name, message_of(error))


def _loaded_there(job: Job[Any], plan: Plan, manifest: Manifest, login: Login, token: str) -> Iterator[Target]:
    names = {part.name: f"opsdesk_verify_{token}_{number}" for number, part in enumerate(manifest.databases, 1)}
    with ExitStack() as stack:
        with connected(login, doing="prepare the scratch databases") as connection:
            for part in manifest.databases:
                _create_database(connection, names[part.name], part)
                stack.callback(_drop, login, names[part.name])
            loading, confined = _confined(stack, connection, login, f"opsdesk_{token}", tuple(names.values()))
        # MySQL remembers whom it let in: MariaDB's client cannot log in for the first time without TLS (caching_sha2_password).
        with connected(loading, doing="log in to load the dump"):
            pass
        single = len(manifest.databases) == 1
        first = names[manifest.databases[0].name] if single else ""
        loader = stack.enter_context(Loader(job, client_program(), loading, first, other=Other.here()))
        definers = Definer(loader)
        writer: Writer = definers if single else Renamer(names, definers)
        yield DatabaseTarget(
            plan, manifest, loader, writer, loading, names, f"the server {login.name}", lambda: "", definers, confined
        )


def _create_database(connection: Any, name: str, part: DatabasePart) -> None:
    import pymysql

    try:
        rows_of(
            connection, f"CREATE DATABASE {identifier(name)} CHARACTER SET %s COLLATE %s", part.charset, part.collation
        )
    except pymysql.MySQLError as error:  # a right, a charset or a collation that is missing there
        raise OpsError(
            "The scratch server cannot hold these databases",
            message_of(error),
            "Grant its login CREATE and DROP on `opsdesk\\_verify\\_%`.*, or name another server",
            code="scratch",
        ) from error


def _confined(
    stack: ExitStack, connection: Any, login: Login, user: str, databases: tuple[str, ...]
) -> tuple[Login, str]:
    """A login that may only load into ``databases``, or the plan's own and why there is no other.

    It may set no definers: whoever may can make a procedure that acts as an administrator, and call it.
    """
    import pymysql

    password = secrets.token_hex(16)
    try:
        rows_of(connection, f"CREATE USER {user}@'%%' IDENTIFIED BY %s", password)
        stack.callback(_drop_user, login, user)
        for name in databases:
            scope = identifier(name.replace("_", "\\_"))
            rows_of(connection, f"GRANT ALL ON {scope}.* TO {user}@'%'")
    except pymysql.MySQLError as error:
        return login, f"the login of {login.name} may not make one ({message_of(error)}): the dump had all its rights"
    return replace(login, user=user, password=password), ""


def _drop_user(login: Login, user: str) -> None:
    with connected(login, doing="remove the scratch user") as connection:
        rows_of(connection, f"DROP USER IF EXISTS {user}@'%'")


def _refuse_source(plan: Plan, login: Login, options: Options) -> None:
    source = options.login(plan.source.server)
    same = (source.host, source.port, source.socket) == (login.host, login.port, login.socket)
    if not same:
        try:
            with connected(source) as one, connected(login) as two:
                question = "SELECT @@hostname, @@port, @@datadir"
                same = rows_of(one, question) == rows_of(two, question)
        except OpsError:
            same = False  # the source is away, which is when a rehearsal matters most; the address differs
    if same:
        raise OpsError(
            "The scratch server is the source itself",
            f"{plan.proof.scratch} and {plan.source.server} are one server",
            "Name another server as scratch, or none for a private one",
            code="same-server",
        )


def _drop(login: Login, name: str) -> None:
    with connected(login, doing="remove the scratch database") as connection:
        rows_of(connection, f"DROP DATABASE IF EXISTS {identifier(name)}")
