"""SQLite files of our own: what is damaged goes aside, what is only locked or on a full disk stays where it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.base.errors import OpsError
from core.base.sqlite import Database

SCHEMA = "CREATE TABLE IF NOT EXISTS word (text TEXT)"


@pytest.fixture
def database(tmp_path: Path):
    made = Database(tmp_path / "deep" / "words.sqlite", SCHEMA, "The words cannot be used")
    yield made
    made.close()


def words(database: Database) -> list[str]:
    with database.use() as asked:
        return [text for (text,) in asked.execute("SELECT text FROM word")]


def write(database: Database, text: str) -> None:
    with database.use() as asked:
        asked.execute("INSERT INTO word VALUES (?)", (text,))


def test_a_damaged_file_goes_aside(database: Database) -> None:
    database.path.parent.mkdir()
    database.path.write_bytes(b"no database " * 500)
    write(database, "new")
    assert words(database) == ["new"]
    assert database.aside is not None and database.aside.name == "words.sqlite.broken-1"
    assert database.aside.read_bytes().startswith(b"no database")


def test_one_that_its_owner_decides_about_stays(database: Database) -> None:
    database.path.parent.mkdir()
    database.path.write_bytes(b"no database " * 500)
    kept = Database(database.path, SCHEMA, "The words cannot be used", put_aside=False)
    with pytest.raises(OpsError, match="The words cannot be used") as caught, kept.use():
        pass
    assert "move it aside" in caught.value.remedy
    assert database.path.read_bytes().startswith(b"no database")


def test_a_locked_file_stays_and_is_used_later(database: Database) -> None:
    write(database, "kept")
    database.close()
    hasty = Database(database.path, SCHEMA, "The words cannot be used", patience=0.01)
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OpsError, match="locked") as caught:
            words(hasty)
        assert "Another Opsdesk" in caught.value.remedy
    assert (words(hasty), hasty.aside) == (["kept"], None)


def test_a_full_disk_loses_nothing(database: Database) -> None:
    write(database, "kept")
    with database.use() as asked:
        asked.execute("PRAGMA max_page_count = 1")
    with pytest.raises(OpsError, match="full") as caught:
        write(database, "x" * 100_000)
    assert caught.value.remedy == "Free some space on the disk"
    assert words(database) == ["kept"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(OpsError, match="The words cannot be used"),
        Database(tmp_path / "file" / "w.sqlite", SCHEMA, "The words cannot be used").use(),
    ):
        pass
