"""Rehearsing files: a folder that an archive is unpacked into, and the list of files that it is held against."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.backups.deep_folders import remove, walk
from core.backups.extract import Extractor
from core.backups.flow import Unpacker
from core.backups.manifest import Manifest
from core.backups.outcomes import Check
from core.backups.vault import Vault
from core.base.errors import OpsError
from core.base.files import shown
from core.jobs.job import Job


def room_of(folder: str) -> tuple[str, int]:
    """``folder``, or the system's place for temporary files where that is "", and how many bytes are free there.

    Raises OpsError (code ``disk``) where it cannot be used; Python calls a temporary folder on a full disk "not found".
    """
    try:
        place = folder or tempfile.gettempdir()
        return place, shutil.disk_usage(place).free
    except OSError as error:
        raise OpsError(
            "The folder for rehearsals cannot be used",
            f"{error.strerror or error}{f' ({folder})' if folder else ''}",
            "Free some space, or choose another folder for rehearsals in the settings",
            code="disk",
        ) from error


def need_room(folder: str, needed: int) -> None:
    """Raises OpsError (code ``disk``) where ``folder`` has less than ``needed`` bytes free."""
    place, free = room_of(folder)
    if free < needed:
        raise OpsError(
            "There is not enough room for a rehearsal",
            f"It needs {needed / 1e9:,.1f} GB in {place}, {free / 1e9:,.1f} GB are free",
            "Free some space, or choose another folder for rehearsals in the settings",
            code="disk",
        )


@dataclass(slots=True)
class FolderTarget:
    manifest: Manifest
    vault: Vault
    extractor: Extractor
    where: str = "a scratch folder"

    def write(self, data: bytes) -> None:
        self.extractor.write(data)

    def finish(self) -> None:
        self.extractor.finish()

    def mismatch(self, error: OpsError) -> str:
        return ""

    def why_ended(self) -> str:
        return ""

    def checks(self, job: Job[Any], level: int) -> Iterable[Check]:
        assert self.manifest.files
        started = time.monotonic()
        expected = f"{self.manifest.files.count:,} files"
        try:
            entries = read_list(job, self.vault, self.manifest)
        except OpsError as error:
            if error.code not in ("damaged", "not-found"):
                raise  # the endpoint has gone away: that says nothing of the backup
            yield Check(4, "list of files", False, "as hashed in the manifest", error.why, time.monotonic() - started)
            return
        troubles, seen = compare_files(job, self.extractor, entries)
        actual = f"{seen:,} files" if not troubles else f"{len(troubles):,} wrong: {troubles[0]}"
        detail = "\n".join(troubles[:100])
        yield Check(4, "hash of every file", not troubles, expected, actual, time.monotonic() - started, detail)
        if self.extractor.left_out:
            left = self.extractor.left_out
            yield Check(
                4,
                "links that lead outside",
                None,
                "",
                f"{len(left):,} left out by the safe extraction",
                0.0,
                "\n".join(f"{shown(name)} -> {shown(to)}" for name, to in left[:100]),
            )


@contextmanager
def open_folder(job: Job[Any], manifest: Manifest, vault: Vault, parent: str) -> Iterator[FolderTarget]:
    """A new folder below ``parent`` (the system's place for temporary files where that is ""), gone at the end."""
    if manifest.files is None:
        raise OpsError("The manifest names no files", "It is of an unknown kind", "", code="damaged")
    need_room(parent, manifest.files.size + (64 << 20))
    folder = Path(tempfile.mkdtemp(prefix="opsdesk-", dir=parent or None))
    try:
        with Extractor(folder, most_bytes=manifest.files.size, most_files=manifest.files.count) as extractor:
            yield FolderTarget(manifest, vault, extractor)
    finally:
        remove(folder)


def read_list(job: Job[Any], vault: Vault, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """{path: entry}; raises OpsError where the list is not the one that the manifest hashes."""
    assert manifest.files
    lines: list[bytes] = []
    digest = hashlib.sha256()

    def take(piece: bytes) -> None:
        digest.update(piece)
        lines.append(piece)

    unpacker = Unpacker("zstd", take, limit=(manifest.files.count + 1_000_000) * 4096)
    for piece in vault.stream(job, manifest.files.list_key):
        unpacker.write(piece)
    unpacker.close()
    if digest.hexdigest() != manifest.files.list_sha256:
        raise OpsError(
            "The list of files is not the one of this backup", "Its SHA-256 differs from the manifest's", code="damaged"
        )
    entries = (json.loads(line) for line in b"".join(lines).splitlines())
    return {entry["path"]: entry for entry in entries}


def compare_files(job: Job[Any], extractor: Extractor, entries: dict[str, dict[str, Any]]) -> tuple[list[str], int]:
    """What differs between the list and the folder, and how many files were compared."""
    troubles, seen = [], 0
    left_out = {name for name, _ in extractor.left_out}
    found = _walk(extractor.folder)
    for number, (name, entry) in enumerate(entries.items(), 1):
        job.report(number, len(entries), f"Comparing {shown(name)}")
        path = extractor.folder / name
        if entry["type"] == "file":
            seen += 1
            if not path.is_file() or path.is_symlink():
                troubles.append(f"missing: {shown(name)}")
            elif path.stat().st_size != entry["size"] or _sha256(path) != entry["sha256"]:
                troubles.append(f"differs: {shown(name)}")
        elif name in left_out:
            continue
        elif not os.path.lexists(path):
            troubles.append(f"missing: {shown(name)}")
        elif entry["type"] == "link" and (not path.is_symlink() or os.readlink(path) != entry["to"]):
            troubles.append(f"differs: {shown(name)}")
    troubles += [f"not in the list: {shown(name)}" for name in sorted(found - set(entries))]
    return troubles, seen


def _walk(folder: Path) -> set[str]:
    """The names of all that is no folder, relative to it."""
    start = len(str(folder)) + 1
    return {
        os.path.join(place, name)[start:].replace(os.sep, "/") for place, _, names in walk(folder) for name in names
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
