"""The manifest: written last beside a backup, it is the commit mark and says what a restore has to yield."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from core.base.errors import OpsError

SUFFIX = ".manifest.json"
FORMAT = 1
_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class TableRows:
    """``rows``: counted in the dump's own stream (None: its format does not tell). ``before``, ``after``: COUNT(*) of the
    source around the dump; ``after`` only where the dump told another number than ``before``, and the table still stood."""

    name: str
    rows: int | None = None
    before: int | None = None
    after: int | None = None

    @property
    def expected(self) -> tuple[int, int] | None:
        """The least and the most rows that a restore may yield; None: not known."""
        if self.rows is not None:
            return self.rows, self.rows
        if self.before is not None and self.after is not None:
            return min(self.before, self.after), max(self.before, self.after)
        return None


@dataclass(frozen=True, slots=True)
class DatabasePart:
    """definers: the accounts ("user@host") that views, routines, triggers and events act as; no dump holds them.
    broken_views: {view: the engine's message} for views that could not be selected on the source either.
    checksums: {table: CHECKSUM TABLE} for tables that had the same before and after the dump.
    changing: lines of the schema that were there only before the dump, or only after it: it may hold the one or the other.
    left_out: {view: its definition} for views so broken that no dump program takes them.
    elsewhere: {view: the databases that it reads} for what is not in the backup."""

    name: str
    charset: str
    collation: str
    tables: tuple[TableRows, ...] = ()
    views: tuple[str, ...] = ()
    schema: tuple[str, ...] = ()
    definers: tuple[str, ...] = ()
    broken_views: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, int] = field(default_factory=dict)
    changing: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)

    @property
    def reads(self) -> list[str]:
        """In words, what of it can be restored only where something else is."""
        return reads_elsewhere(self.name, self.elsewhere)


def reads_elsewhere(database: str, views: dict[str, str]) -> list[str]:
    return [f"The view {view} of {database} reads {far}, which is not saved with it" for view, far in views.items()]


@dataclass(frozen=True, slots=True)
class FilesPart:
    """The list of files lies in an object of its own (a plan may save a million): JSON lines, zstd, hashed here."""

    count: int
    size: int
    list_key: str
    list_sha256: str
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """Sizes in bytes, hashes in hex, times in UTC. ``stored``: the object as it lies in the bucket; ``plain``: the dump itself."""

    plan: str
    run: str
    kind: str
    started: datetime
    ended: datetime
    key: str
    stored_bytes: int
    stored_sha256: str
    composite_sha256: str
    plain_bytes: int
    plain_sha256: str
    compression: str
    encrypted: bool = False
    host: str = ""
    engine: str = ""
    engine_version: str = ""
    program: str = ""
    databases: tuple[DatabasePart, ...] = ()
    files: FilesPart | None = None
    notes: tuple[str, ...] = ()
    by_hand: str = ""
    """The shell line that restores it without this program."""
    format: int = field(default=FORMAT)

    @property
    def rows(self) -> int | None:
        counts = [table.rows for database in self.databases for table in database.tables]
        return (
            sum(count for count in counts if count is not None) if any(count is not None for count in counts) else None
        )

    def to_json(self) -> bytes:
        plain = asdict(self)
        plain["started"], plain["ended"] = self.started.isoformat(), self.ended.isoformat()
        return json.dumps(plain, ensure_ascii=False, indent=1).encode()


def restore_by_hand(bucket: str, key: str, kind: str, compression: str, *, encrypted: bool, database: str) -> str:
    """For whoever finds nothing but the bucket. ``database`` is empty where the dump names its databases itself."""
    steps = [f"aws s3 cp {shlex.quote(f's3://{bucket}/{key}')} -"]
    if encrypted:
        steps.append("age -d -i IDENTITY_FILE")
    steps.append("zstd -d" if compression == "zstd" else "gzip -d")
    steps.append(
        "mariadb --binary-mode" + (f" {shlex.quote(database)}" if database else "")
        if kind == "mysql"
        else "tar -x -C NEW_FOLDER"
    )
    return " | ".join(steps)


def manifest_fact(plan: str, run: str) -> str:
    """Where the ledger keeps the SHA-256 of a manifest that was written here."""
    return f"manifest:{plan}:{run}"


def read_manifest(content: bytes, where: str) -> Manifest:
    """Raises OpsError (code ``damaged``) where it is not one of ours or not whole."""
    try:
        if len(content) > _LARGEST:
            raise ValueError(f"{len(content):,} bytes is no size for a manifest")
        values: dict[str, Any] = json.loads(content)
        if values["format"] != FORMAT:
            raise ValueError(f"its format is {values['format']!r}, this version reads {FORMAT}")
        values["started"], values["ended"] = (datetime.fromisoformat(values[name]) for name in ("started", "ended"))
        values["databases"] = tuple(_database(item) for item in values["databases"])
        values["files"] = (
            FilesPart(**{**values["files"], "skipped": tuple(values["files"]["skipped"])}) if values["files"] else None
        )
        values["notes"] = tuple(values["notes"])
        manifest = Manifest(**values)
        for name in ("stored_bytes", "plain_bytes"):
            if not isinstance(getattr(manifest, name), int):
                raise ValueError(f"{name} is no number")
        return manifest
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OpsError(
            "The manifest cannot be read",
            f"{where}: {error}",
            "Verify an older backup, and back up again now",
            code="damaged",
        ) from error


def _database(item: dict[str, Any]) -> DatabasePart:
    return DatabasePart(
        item["name"],
        item["charset"],
        item["collation"],
        tuple(TableRows(**table) for table in item["tables"]),
        tuple(item["views"]),
        tuple(item["schema"]),
        tuple(item["definers"]),
        dict(item["broken_views"]),
        dict(item["checksums"]),
        tuple(item.get("changing", ())),
        dict(item.get("left_out", {})),
        dict(item.get("elsewhere", {})),
    )
