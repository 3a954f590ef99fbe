"""Restoring for real: to a new database or folder, with a preview, and never over the source unless its name is given."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.backups import restore_findings as against
from core.backups.deep_folders import remove
from core.backups.extract import Extractor, leads_outside
from core.backups.flow import Writer
from core.backups.ledger import Ledger
from core.backups.loader import Loader
from core.backups.manifest import Manifest
from core.backups.outcomes import Finding, Restored, RestorePreview, Severity
from core.backups.plan import Plan
from core.backups.rewriting import Renamer
from core.backups.schema import describe, missing_accounts, server_version
from core.backups.scratch import client_program
from core.backups.scratch_folder import read_list
from core.backups.server import Login, bound, connected, identifier, one_of, rows_of
from core.backups.targets import Options
from core.backups.unfinished import alone, left_unfinished, mark, told, unmark
from core.backups.unpack import Unpacked, unpack
from core.backups.vault import Vault
from core.base.clock import Clock
from core.base.errors import OpsError, WrongUse
from core.base.files import shown
from core.jobs.job import Job

_LISTED = 1000


@dataclass(frozen=True, slots=True)
class _Place:
    """Databases to restore into: {name in the backup: name here}, on which server."""

    server: str
    names: dict[str, str]
    is_source: bool


class Restoring:
    """Restores backups of one plan."""

    def __init__(self, plan: Plan, vault: Vault, ledger: Ledger, clock: Clock, options: Options) -> None:
        self._plan, self._vault, self._ledger, self._clock, self._options = plan, vault, ledger, clock, options
        self._login = options.login

    def preview(self, job: Job[Any], run: str, to: str) -> RestorePreview:
        """What ``restore`` with the same arguments would do; changes nothing."""
        manifest = self._manifest(job, run)
        if manifest.kind == "mysql":
            seen = self._preview_databases(manifest, self._place(manifest, to))
        else:
            seen = self._preview_folder(job, manifest, _folder(to))
        failed = self._ledger.failures(self._plan.name).get(manifest.run)
        doubts = [against.refuted(failed)] if failed else []
        away = against.archived(self._vault.look(job, manifest.key))
        return replace(seen, findings=(*doubts, *([away] if away else []), *seen.findings))

    def restore(self, job: Job[Any], run: str, to: str, confirm: str) -> Restored:
        """Raises OpsError before anything is touched where the target is not empty, or is the source and ``confirm`` does
        not name it. What a failed or cancelled restore had begun is removed, unless it was there before."""
        started = time.monotonic()
        manifest = self._manifest(job, run)
        away = against.archived(self._vault.look(job, manifest.key))
        if away:
            raise OpsError(away.title, away.why, away.remedy, code="archived")
        notes: tuple[str, ...] = ()
        if manifest.kind == "mysql":
            place = self._place(manifest, to)
            where, items = self._into_databases(job, manifest, place, confirm)
        else:
            where, items, left_out = self._into_folder(job, manifest, _folder(to), confirm)
            notes = (against.left_out(left_out),) if left_out else ()
        seconds = time.monotonic() - started
        return Restored(self._plan.name, manifest.run, where, seconds, items, manifest.plain_bytes, notes)

    def _manifest(self, job: Job[Any], run: str) -> Manifest:
        backup = self._vault.find(self._vault.backups({}), run, self._clock.now())
        if not backup.complete:
            raise OpsError(
                f"The backup {backup.id} is not complete",
                "Its manifest was never written: the run did not end well",
                "Choose another",
                code="incomplete",
            )
        return self._vault.manifest(job, backup.key)[0]

    def _unpack(self, job: Job[Any], manifest: Manifest, writer: Writer) -> None:
        identity = (
            self._options.secret(self._plan.proof.identity) if manifest.encrypted and self._plan.proof.identity else ""
        )
        seen: Unpacked = unpack(job, self._vault, manifest, identity, writer.write, "Restoring")
        if seen.error is not None:
            raise seen.error
        if (seen.stored_sha256, seen.plain_sha256) != (manifest.stored_sha256, manifest.plain_sha256):
            raise OpsError(
                "The backup is damaged",
                "Its SHA-256 is not the one in its manifest",
                "Restore an older backup",
                code="damaged",
            )

    # -- databases ----------------------------------------------------------
    def _place(self, manifest: Manifest, to: str) -> _Place:
        """``to``: DATABASE, or SERVER/DATABASE; for several databases it is put before each name. SERVER/: under their own names."""
        server, slash, target = to.rpartition("/")
        server = server if slash else self._plan.source.server
        if not (target or (server and slash)) or len(target) > 48 or any(ord(character) < 32 for character in target):
            raise WrongUse(
                f"{to!r} is no target",
                "It should be a database name, SERVER/DATABASE, or SERVER/ for the names that they had",
                "For example shop_restored",
            )
        databases = [part.name for part in manifest.databases]
        one = len(databases) == 1 and target
        names = {databases[0]: target} if one else {name: f"{target}{name}" for name in databases}
        own = server == self._plan.source.server and bool(set(names.values()) & set(databases))
        return _Place(server, names, own)

    def _preview_databases(self, manifest: Manifest, place: _Place) -> RestorePreview:
        findings: list[Finding] = []
        over = False
        with connected(self._login(place.server), doing="look at the target") as connection:
            engine, version = server_version(connection)
            if engine != manifest.engine:
                findings.append(
                    Finding(
                        Severity.WARNING,
                        "restore-engine",
                        f"The backup comes from {manifest.engine} {manifest.engine_version}, the target is {engine} {version}",
                        "Not everything that one engine writes is understood by the other",
                        "Verify the restored database before you use it",
                    )
                )
            definers = tuple(account for part in manifest.databases for account in part.definers)
            for account in missing_accounts(connection, definers) or ():
                findings.append(
                    Finding(
                        Severity.WARNING,
                        "restore-definer",
                        f"{account} does not exist on {place.server}",
                        "Views, routines and triggers that act as this account will not work",
                        "Create it there: no dump holds accounts",
                    )
                )
            events = [line for part in manifest.databases for line in part.schema if line.startswith("event ")]
            if events and str(one_of(connection, "SELECT @@event_scheduler")).upper() == "ON":
                findings.append(against.events(place.server, events))
            for name in place.names.values():
                held = _tables(connection, name)
                if held and not place.is_source and left_unfinished(connection, name):
                    findings.append(told(name))
                elif held:
                    over = place.is_source
                    findings.append(against.taken(name, held, place.is_source))
        items = [
            (f"{part.name}.{table.name}", (table.expected or (0, 0))[1])
            for part in manifest.databases
            for table in part.tables
        ]
        return RestorePreview(
            self._plan.name,
            manifest.run,
            manifest.started,
            ", ".join(f"{place.server}/{name}" for name in place.names.values()),
            manifest.stored_bytes,
            manifest.plain_bytes,
            manifest.plain_bytes * 2,
            tuple(items[:_LISTED]),
            len(items),
            over,
            tuple(findings),
        )

    def _into_databases(self, job: Job[Any], manifest: Manifest, place: _Place, confirm: str) -> tuple[str, int]:
        login = self._login(place.server)
        with alone(login, place.server, place.names.values()), ExitStack() as undo:
            marked = self._prepare(undo, login, manifest, place, confirm)
            single = len(manifest.databases) == 1
            with Loader(
                job, client_program(), login, place.names[manifest.databases[0].name] if single else ""
            ) as loader:
                writer: Any = loader if single else Renamer(place.names, loader)
                self._unpack(job, manifest, writer)
                if not single:
                    writer.close()
                job.report(manifest.stored_bytes, manifest.stored_bytes, "Waiting for the last statements")
                loader.finish()
            with connected(login, doing="declare the restored databases whole") as connection:
                for name in marked:
                    unmark(connection, name)
            undo.pop_all()
        tables = sum(len(part.tables) for part in manifest.databases)
        return ", ".join(f"{place.server}/{name}" for name in place.names.values()), tables

    def _prepare(self, undo: ExitStack, login: Login, manifest: Manifest, place: _Place, confirm: str) -> list[str]:
        """Make the databases, each with the mark of what is not whole yet; returns the marked ones."""
        marked = []
        with connected(login, doing="prepare the target") as connection:
            for part in manifest.databases:
                name = place.names[part.name]
                held = _tables(connection, name)
                unfinished = bool(held) and left_unfinished(connection, name)
                if unfinished and not place.is_source:
                    rows_of(connection, f"DROP DATABASE {identifier(name)}")
                    held = None
                if held and not (place.is_source and confirm in (name, f"{place.server}/{name}")):
                    finding = against.taken(name, held, place.is_source)
                    raise OpsError(finding.title, finding.why, finding.remedy, code="exists")
                if held is None:
                    rows_of(
                        connection,
                        f"CREATE DATABASE {bound(name)} CHARACTER SET %s COLLATE %s",
                        part.charset,
                        part.collation,
                    )
                    undo.callback(_drop, login, name)
                if not held:
                    mark(connection, name)
                if not held or unfinished:
                    marked.append(name)
        return marked

    # -- folders --------------------------------------------------------------
    def _preview_folder(self, job: Job[Any], manifest: Manifest, folder: Path) -> RestorePreview:
        assert manifest.files
        entries = read_list(job, self._vault, manifest)
        files = [(shown(name), int(entry["size"])) for name, entry in entries.items() if entry["type"] == "file"]
        findings = []
        links = [(name, entry["to"]) for name, entry in entries.items() if entry["type"] == "link"]
        outside = [(name, to) for name, to in links if leads_outside(name, to)]
        if outside:
            findings.append(
                Finding(
                    Severity.WARNING,
                    "restore-links",
                    against.left_out(outside),
                    "A link that leads out of the folder could lead whoever restores into something else",
                    "Make them again afterwards, or unpack by hand as the manifest says",
                )
            )
        own = self._is_source(folder) and _holds_something(folder)
        if _holds_something(folder):
            findings.append(against.full(folder, own))
        short = against.no_room(manifest, folder)
        if short is not None:  # files that are replaced need less, and how much less nobody knows
            findings.append(replace(short, severity=Severity.WARNING) if own else short)
        return RestorePreview(
            self._plan.name,
            manifest.run,
            manifest.started,
            str(folder),
            manifest.stored_bytes,
            manifest.plain_bytes,
            manifest.files.size,
            tuple(files[:_LISTED]),
            len(files),
            own,
            tuple(findings),
        )

    def _is_source(self, folder: Path) -> bool:
        """Whether ``folder`` is what the plan saves, lies in it or holds it."""
        here = folder.resolve()
        for path in self._plan.source.paths:
            source = Path(path).expanduser().resolve()
            if here == source or source in here.parents or here in source.parents:
                return True
        return False

    def _into_folder(
        self, job: Job[Any], manifest: Manifest, folder: Path, confirm: str
    ) -> tuple[str, int, list[tuple[str, str]]]:
        assert manifest.files
        own = self._is_source(folder) and _holds_something(folder)
        if own and not (confirm and _folder(confirm) == folder):
            finding = against.full(folder, own)
            raise OpsError(finding.title, finding.why, finding.remedy, code="exists")
        fresh = not folder.exists()
        if not own and _holds_something(folder):
            finding = against.full(folder, own)
            raise OpsError(finding.title, finding.why, finding.remedy, code="exists")
        short = None if own else against.no_room(manifest, folder)
        if short is not None:  # a disk that is full on the way stops whoever else writes there
            raise OpsError(short.title, short.why, short.remedy, code="disk")
        # Unpacked beside it and renamed at the end: a reader never sees half of a folder.
        draft = folder if own else folder.with_name(f".{folder.name}.restoring-{os.getpid()}")
        try:
            draft.mkdir(parents=True, exist_ok=own)
            with Extractor(draft, most_bytes=manifest.files.size, most_files=manifest.files.count) as extractor:
                self._unpack(job, manifest, extractor)
                extractor.finish()
            if extractor.files != manifest.files.count:
                raise OpsError(
                    "The archive does not hold what its manifest says",
                    f"{extractor.files:,} files came out of it, {manifest.files.count:,} were saved",
                    "Restore an older backup",
                    code="damaged",
                )
            job.checkpoint()
            if draft is not folder:
                if not fresh:
                    folder.rmdir()
                draft.replace(folder)
        except OSError as error:
            raise OpsError(
                "The folder could not be written",
                f"{error.strerror or error} ({folder})",
                "Choose another folder",
                code="disk",
            ) from error
        finally:
            if draft is not folder:
                remove(draft)
        return str(folder), extractor.files - len(extractor.left_out), extractor.left_out


def _tables(connection: Any, database: str) -> int | None:
    """How many tables and views a database holds; None where there is no such database."""
    try:
        facts = describe(connection, database)
    except OpsError as error:
        if error.code != "not-found":
            raise
        return None
    return len(facts.tables) + len(facts.views)


def _folder(to: str) -> Path:
    """Where a link leads, for the link itself is not replaced; raises OpsError where something else than a folder is."""
    folder = Path(to).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise OpsError(f"{folder} is no folder", "A file is there", "Choose a new folder", code="exists")
    return folder


def _holds_something(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())


def _drop(login: Login, name: str) -> None:
    with connected(login, doing="remove the unfinished database") as connection:
        rows_of(connection, f"DROP DATABASE IF EXISTS {identifier(name)}")
