"""What speaks against a restore before it begins, in words: the same for the preview and for the refusal."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from core.backups.extract import words_of_links
from core.backups.manifest import Manifest
from core.backups.objects.archived import REMEDY
from core.backups.objects.values import Archive
from core.backups.outcomes import Finding, Severity
from core.backups.vault import Stored
from core.backups.words import count_of


def refuted(failed: datetime) -> Finding:
    return Finding(
        Severity.WARNING,
        "restore-refuted",
        f"This backup failed its verification of {failed:%Y-%m-%d}",
        "What comes back may be damaged, or not all there",
        "Choose one that was proved",
    )


def archived(found: Stored | None) -> Finding | None:
    """Where the object cannot be read before S3 has brought it back."""
    if found is None or found.archive not in (Archive.AWAY, Archive.COMING):
        return None
    return Finding(
        Severity.ERROR,
        "restore-archived",
        f"The backup is {found.archive.value} ({found.storage_class})",
        "S3 has to bring it back before it can be read, which takes minutes to two days",
        REMEDY if found.archive is Archive.AWAY else "Wait until it is back",
    )


def events(server: str, lines: list[str]) -> Finding:
    """``lines``: of the schema."""
    names = ", ".join(line.removeprefix("event ") for line in lines[:5])
    return Finding(
        Severity.WARNING,
        "restore-events",
        f"{count_of(len(lines), 'event begins', 'events begin')} to run on {server} as soon as it is restored",
        f"Its event scheduler is on: {names}. In a copy beside the source they act a second time",
        "Where that must not be, switch the scheduler off there before: SET GLOBAL event_scheduler = OFF",
    )


def no_room(manifest: Manifest, folder: Path) -> Finding | None:
    assert manifest.files
    free = shutil.disk_usage(_existing(folder)).free
    if free >= manifest.files.size:
        return None
    return Finding(
        Severity.ERROR,
        "restore-room",
        "There is not enough room",
        f"{manifest.files.size / 1e9:,.1f} GB are needed, {free / 1e9:,.1f} GB are free",
        "Choose another folder",
    )


def left_out(links: list[tuple[str, str]]) -> str:
    what = count_of(len(links), "link that leads outside is", "links that lead outside are")
    return f"{what} left out: {words_of_links(links)}"


def taken(name: str, tables: int, is_source: bool) -> Finding:
    if is_source:
        return Finding(
            Severity.ERROR,
            "restore-over-source",
            f"{name} is the source itself",
            f"Its {count_of(tables, 'table')} would be replaced by those of the backup",
            f"Choose a new name, or confirm with the name {name}",
        )
    return Finding(
        Severity.ERROR,
        "restore-taken",
        f"{name} exists and holds {tables:,} tables",
        "A restore never mixes with what is there",
        "Choose a new name",
    )


def full(folder: Path, is_source: bool) -> Finding:
    if is_source:
        return Finding(
            Severity.ERROR,
            "restore-over-source",
            f"{folder} is, holds or lies in what the plan saves",
            "Files there would be replaced by those of the backup",
            f"Choose a new folder, or confirm with {folder}",
        )
    return Finding(
        Severity.ERROR,
        "restore-taken",
        f"{folder} is not empty",
        "A restore never mixes with what is there",
        "Choose a new folder",
    )


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
