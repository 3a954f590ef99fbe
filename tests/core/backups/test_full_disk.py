"""The disk of the temporary folder is full while the list of files is written: no backup whose list has holes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from pathlib import Path

import pytest
import zstandard

from core.backups.archive import ListFile
from core.backups.outcomes import Outcome
from core.backups.vault import LIST_SUFFIX
from core.base.errors import OpsError
from tests.core.backups.conftest import Station

_NAMES = [hashlib.shake_256(str(number).encode()).hexdigest(120) for number in range(400)]
"""Files whose list (neither names nor hashes compress) leaves the packer before it is finished."""


def fill(disk: Path, *, leaving: int) -> Path:
    """All of it but so many bytes."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - leaving)
    return filler


@pytest.mark.parametrize("leaving", [0, 8192])
def test_a_full_disk_makes_no_backup_whose_list_has_holes(
    folders: Station, small_disk: Path, monkeypatch: pytest.MonkeyPatch, leaving: int
) -> None:
    """At once (no folder can be written to, which Python calls "not found", as it does a file that has gone), or midway."""
    papers = Path(folders.plan.source.paths[0])
    for name in _NAMES:
        (papers / name).touch()
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk) if leaving else None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(small_disk)])
    monkeypatch.setattr("core.backups.archive._IN_MEMORY", 64)
    filler = fill(small_disk, leaving=leaving)

    with pytest.raises(OpsError, match="list of files could not be kept") as caught:
        folders.run()
    assert caught.value.code == "disk" and str(small_disk) in caught.value.why
    assert folders.keys() == [] and folders.uploads() == []
    (run,) = folders.service.runs("nightly")
    assert run.outcome is Outcome.FAILED and "list of files could not be kept" in run.error

    if leaving:
        return
    filler.unlink()
    done = folders.run()
    assert done.outcome is Outcome.DONE and not done.findings
    packed = folders.body(done.key + LIST_SUFFIX)
    listed = [json.loads(line) for line in zstandard.ZstdDecompressor().decompressobj().decompress(packed).splitlines()]
    assert set(_NAMES) <= {entry["path"] for entry in listed}


def test_a_list_that_was_given_up_is_closed_without_a_second_fault(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not written any more is written once more on closing, in vain: the first fault is the one to be told."""
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    monkeypatch.setattr("core.backups.archive._IN_MEMORY", 1)
    fill(small_disk, leaving=4096)
    listing = ListFile()
    listing._write(bytes(4096))
    with pytest.raises(OpsError, match="could not be kept"):
        listing._write(bytes(100))
    listing.close()


def test_no_temporary_folder_at_all_is_no_broken_backup(folders: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    folders.run()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    done = folders.verify()
    assert done.outcome is Outcome.NOT_RESTORABLE_HERE
    assert "The folder for rehearsals cannot be used" in done.error and "/nowhere" in done.error
