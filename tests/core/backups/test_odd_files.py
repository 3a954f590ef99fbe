"""Folders as they are: names that are no UTF-8, what changes while it is saved, modes, times and links."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.backups.archive import Archive
from core.backups.deep_folders import remove
from core.backups.extract import Extractor
from core.backups.manifest import SUFFIX
from core.backups.outcomes import Outcome
from core.backups.plan import Alerts, Proof, Source
from core.backups.scratch_folder import compare_files
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
    with contextlib.closing(archive.listing):
        for number, piece in enumerate(archive.pieces(headless_job())):
            content.write(piece)
            if number == 0:
                meanwhile()
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


@contextlib.contextmanager
def few_calls() -> Iterator[None]:
    """Python lets no more than 120 calls wait in one another, besides those that wait already."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 120)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def test_a_folder_of_any_depth_comes_back(root: Path, tmp_path: Path) -> None:
    deep = "/".join("d" * 140)
    (root / deep).mkdir(parents=True)
    (root / deep / "leaf").write_text("leaf")
    (root / "d").chmod(0o500)
    archive, back = Archive(Source("folder", paths=(str(root),))), tmp_path / "back"
    back.mkdir()
    entries = {"m": {"type": "file", "size": LARGE, "sha256": hashlib.sha256(bytes(LARGE)).hexdigest()}}
    with few_calls(), contextlib.closing(archive.listing):
        with Extractor(back, most_bytes=LARGE + 4, most_files=2) as extractor:
            for piece in archive.pieces(headless_job()):
                extractor.write(piece)
            extractor.finish()
        compared = compare_files(headless_job(), extractor, entries)
        remove(back)
    assert compared == ([f"not in the list: {deep}/leaf"], 1)
    assert not back.exists()


def test_a_path_that_no_system_opens_is_named(root: Path) -> None:
    here = os.open(root, os.O_RDONLY)
    for _ in range(17):
        os.mkdir("n" * 250, dir_fd=here)
        inner = os.open("n" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    with pytest.raises(OpsError, match="bytes is longer than this system opens") as caught:
        saved(Source("folder", paths=(str(root),)), lambda: None)
    assert "Exclude it" in caught.value.remedy


@pytest.mark.parametrize(
    ("other", "note"), [("pipe", "left out, no file"), ("link", "became a link while it was saved")]
)
def test_what_has_taken_a_files_name_is_neither_waited_for_nor_followed(
    root: Path, monkeypatch: pytest.MonkeyPatch, other: str, note: str
) -> None:
    (root / "z").write_text("z")
    real = os.lstat

    def swapped(path: str) -> os.stat_result:
        about = real(path)
        if str(path).endswith("/z"):
            os.unlink(path)
            os.mkfifo(path) if other == "pipe" else os.symlink("/etc/passwd", path)
        return about

    monkeypatch.setattr("core.backups.archive.os.lstat", swapped)
    notes, tar = saved(Source("folder", paths=(str(root),)), lambda: None)
    assert notes == [f"{note}: z"] and tar.getnames() == ["m"]


def test_holes_are_told_with_what_they_will_take(root: Path) -> None:
    with (root / "m").open("wb") as file:
        file.truncate(5_000_000)
        file.write(b"x")
    if os.stat(root / "m").st_blocks * 512 > 1_000_000:
        pytest.skip("this disk makes no holes")
    notes, tar = saved(Source("folder", paths=(str(root),)), lambda: None)
    assert notes == ["1 file has holes, restored it takes 5 MB more than here, all zeros: m"]
    assert read(tar, "m")[:2] == b"x\0"


def test_a_restore_that_has_no_room_does_not_begin(
    folders: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.run()
    monkeypatch.setattr("core.backups.restore_findings.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 8))  # type: ignore[attr-defined]
    with pytest.raises(OpsError, match="not enough room"):
        folders.service.restore(folders.job(), "nightly", to=str(tmp_path / "back"))
    assert not list(tmp_path.glob("*back*"))


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

    def refused(path: str, *_: Any, **__: Any) -> Any:
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


def archive_of(*names: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    return content.getvalue()


def unpacked(folder: Path, content: bytes) -> None:
    with Extractor(folder, most_bytes=9, most_files=9) as extractor:
        extractor.write(content)
        extractor.finish()


def refusal(folder: Path, content: bytes) -> str:
    with pytest.raises(OpsError) as caught:
        unpacked(folder, content)
    return caught.value.code


def test_what_this_disk_cannot_hold_is_no_fault_of_the_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``scratch`` says something of this computer, ``load`` of the backup."""
    assert refusal(tmp_path, archive_of("n" * 256)) == "scratch"
    assert refusal(tmp_path, archive_of("x", "x/y")) == "load"
    monkeypatch.setattr("core.backups.extract.folds", lambda _: True)
    assert refusal(tmp_path, archive_of("Read", "read")) == "scratch"
