"""SQL files on disk: what cannot be read is told in words, and nothing else than the text changes by saving."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.base.errors import OpsError
from core.warehouse.sqlfile import LARGEST, OnDisk, read_sql, write_sql


@pytest.mark.parametrize(
    ("content", "text", "mixed"),
    [
        (b"a\r\nb\r\nc\n", "a\nb\nc\n", True),
        (b"a\nb\r\nc\n", "a\nb\nc\n", True),
        (b"\xef\xbb\xbfa\r\n", "a\n", False),
        (b"", "", False),
        (b"a\rb", "a\nb", True),
    ],
)
def test_most_lines_decide_how_all_end(tmp_path: Path, content: bytes, text: str, mixed: bool) -> None:
    path = tmp_path / "a.sql"
    path.write_bytes(content)
    read, disk = read_sql(path)
    assert read == text and disk.mixed is mixed
    assert not write_sql(path, read, disk).mixed
    end = b"\r\n" if disk.newline == "\r\n" else b"\n"
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    assert path.read_bytes() == mark + text.encode().replace(b"\n", end)
    assert (disk.newline == "\r\n") == (content.count(b"\r\n") * 2 > content.count(b"\n"))
    assert OnDisk.from_document(disk.document()) == disk


def test_a_change_on_disk_is_not_written_over_and_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "a.sql", tmp_path / "link.sql"
    path.write_text("one")
    link.symlink_to(path)
    _, disk = read_sql(link)
    disk = write_sql(link, "two", disk)
    assert link.is_symlink() and path.read_text() == "two"
    path.write_text("theirs")
    with pytest.raises(OpsError) as told:
        write_sql(link, "three", disk)
    assert told.value.code == "changed" and path.read_text() == "theirs"
    write_sql(link, "three", disk, over=True)
    path.unlink()
    write_sql(path, "four", disk)  # gone is no change to lose
    assert path.read_text() == "four"


@pytest.mark.parametrize(
    ("content", "code"), [(b"caf\xe9", "disk"), (b"x" * (LARGEST + 1), "too-large")], ids=["latin", "large"]
)
def test_what_cannot_be_held_is_told(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a.sql"
    path.write_bytes(content)
    with pytest.raises(OpsError) as told:
        read_sql(path)
    assert told.value.code == code and told.value.remedy
    with pytest.raises(OpsError):
        read_sql(tmp_path)
