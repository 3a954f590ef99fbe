"""Folders as they are: names that are no UTF-8, what changes while it is saved, modes, times and links."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.backups.archive import Archive
from core.backups.extract import Extractor
from core.backups.manifest import SUFFIX
from core.backups.outcomes import Outcome
from core.backups.plan import Alerts, Proof, Source
from core.base.errors import OpsError
from core.cli.console import _json
from core.jobs.job import headless_job
from tests.core.backups.conftest import Station
from tests.core.backups.test_alerts import hook as hook  # a fixture

LARGE = 300_000
"""More than one piece, so that a test can act while the rest is still to be read."""


def saved(source: Source, meanwhile: Callable[[], object]) -> tuple[list[str], tarfile.TarFile]:
    """Notes and content of an archive of ``source``, during whose making something happens after the first piece."""
    archive, content = Archive(source), io.BytesIO()
    for number, piece in enumerate(archive.pieces(headless_job())):
        content.write(piece)
        if number == 0:
            meanwhile()
    archive.listing.close()
    content.seek(0)
    return archive.notes, tarfile.open(fileobj=content)


def read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "papers"
    made.mkdir()
    (made / "m").write_bytes(bytes(LARGE))
    return made


def test_a_name_is_no_hard_link_to_what_its_file_was_before(root: Path) -> None:
    (root / "a").write_text("old")
    os.link(root / "a", root / "y")
    os.link(root / "a", root / "z")
    _, tar = saved(Source("folder", paths=(str(root),)), lambda: (root / "z").write_text("newer"))
    assert [read(tar, name) for name in "ayz"] == [b"old", b"newer", b"newer"]
    assert tar.getmember("z").islnk() and not tar.getmember("y").islnk()


def test_a_file_is_no_hard_link_to_one_that_was_deleted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of a deleted file is given to the next one."""
    (root / "a").write_text("first")
    (root / "y").write_text("other")
    os.link(root / "y", root / "z")
    real = os.fstat

    def reused(number: int) -> Any:
        about = list(real(number))
        about[1] = 4711
        return os.stat_result(about)

    monkeypatch.setattr(os, "fstat", reused)
    _, tar = saved(Source("folder", paths=(str(root),)), lambda: None)
    assert (read(tar, "a"), read(tar, "y"), read(tar, "z")) == (b"first", b"other", b"other")


def test_a_folder_that_vanishes_is_a_note_and_no_end(root: Path) -> None:
    (root / "n").mkdir()
    (root / "z").write_text("after it")
    notes, tar = saved(Source("folder", paths=(str(root),)), lambda: shutil.rmtree(root / "n"))
    assert read(tar, "z") == b"after it"
    assert any(note.startswith("vanished") for note in notes)


def test_paths_keep_their_names(root: Path) -> None:
    for name in ("a:b", "ab"):
        (root / name).write_text(name)
    (root / "deep").mkdir()
    paths = (f"{root}/a:b", f"{root}/ab", f"{root}/deep/../m")
    _, tar = saved(Source("files", paths=paths), lambda: None)
    stem = str(root).lstrip("/")
    assert tar.getnames() == [f"{stem}/a:b", f"{stem}/ab", f"{stem}/m"]


def test_names_that_are_no_utf_8_stop_neither_backup_nor_alert(
    folders: Station, hook: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    papers = Path(folders.plan.source.paths[0])
    bad = Path(os.fsdecode(os.fsencode(papers) + b"/\xff"))
    os.mkfifo(str(bad) + "pipe")
    bad.write_text("x")
    bad.with_name("\udcfelink").symlink_to("/\udcfd")
    folders.keep(alerts=Alerts(webhook=f"http://127.0.0.1:{hook.server_address[1]}/"))
    run = folders.run()
    assert json.loads(folders.body(run.key + SUFFIX))["notes"] == ["left out, no file: \\xffpipe"]
    assert folders.verify().outcome is Outcome.DONE
    run_files = json.loads(folders.body(run.key + SUFFIX))["files"]["count"]
    preview = folders.service.preview_restore(folders.job(), "nightly", to=str(tmp_path / "back"))
    assert ("\\xff", 1) in preview.items and "\\xfelink -> /\\xfd" in preview.findings[0].title
    _json([run, preview])  # what --json prints
    restored = folders.service.restore(folders.job(), "nightly", to=str(tmp_path / "back"))
    assert restored.items == run_files - 1
    assert restored.notes == ("1 link that leads outside is left out: \\xfelink -> /\\xfd",)

    def refused(path: str, *rest: Any) -> Any:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("core.backups.archive.open", refused, raising=False)
    shutil.rmtree(papers / "deep")
    with pytest.raises(OpsError, match=r"\\xff cannot be read"):
        folders.run()
    assert folders.service.runs("nightly", 1)[0].outcome is Outcome.FAILED
    assert len(hook.posts) == 1


def test_folders_come_back_with_their_modes_and_times(folders: Station, tmp_path: Path) -> None:
    papers = Path(folders.plan.source.paths[0])
    (papers / "deep").chmod(0o700)
    (papers / "deep" / "er").chmod(0o2777)
    for name in ("deep/er", "deep"):
        os.utime(papers / name, (1e9, 1e9))
    (papers / "deep" / "file 3 é.txt").chmod(0o4755)
    folders.run()
    to = tmp_path / "back"
    folders.service.restore(folders.job(), "nightly", to=str(to))
    found = {name: (to / name).stat() for name in ("deep", "deep/er", "deep/file 3 é.txt")}
    assert [oct(about.st_mode & 0o7777) for about in found.values()] == ["0o700", "0o755", "0o755"]
    assert [found[name].st_mtime for name in ("deep", "deep/er")] == [1e9, 1e9]


def test_a_link_that_leads_elsewhere_than_it_did_is_found(folders: Station) -> None:
    run = folders.run()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.add(folders.plan.source.paths[0], "", filter=lambda info: None if info.issym() else info)
        other = tarfile.TarInfo("deep/er/link")
        other.type, other.linkname = tarfile.SYMTYPE, "file 2"
        tar.addfile(other)
    folders.forge(run.key, content.getvalue())
    folders.keep(proof=Proof())
    assert "differs: deep/er/link" in str(folders.verify().failed_checks)


def test_whatever_ends_the_unpacking_is_told(tmp_path: Path) -> None:
    """A time that no clock can hold is neither an error of the archive nor of the disk."""
    info = tarfile.TarInfo("x")
    info.pax_headers = {"mtime": "1e300"}
    with Extractor(tmp_path, most_bytes=9, most_files=9) as extractor:
        extractor.write(info.tobuf(tarfile.PAX_FORMAT) + bytes(1024))
        with pytest.raises(OpsError, match="could not be unpacked"):
            extractor.finish()
